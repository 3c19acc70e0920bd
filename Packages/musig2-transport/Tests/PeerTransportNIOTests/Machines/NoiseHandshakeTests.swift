import Crypto
import Multiformats
import PeerTransport
import Testing
import WireCodec

@testable import PeerNoise
@testable import PeerTransportNIO

@Suite("Noise handshake, refused")
struct NoiseHandshakeTests {
    private static let credentials: NoiseCredentials? = {
        do throws(NodeIdentityError) {
            return try NoiseCredentials(identity: .generateEd25519(), muxers: [])
        } catch {
            return nil
        }
    }()

    private static func make(_ role: NoiseHandshake.Role) throws -> NoiseHandshake {
        let credentials = try #require(Self.credentials)
        return NoiseHandshake(role: role, staticKey: credentials.staticKey, payload: credentials.payload)
    }

    /// Both sides after messages 1 and 2, and the messages.
    private static func exchanged() throws -> (
        initiator: NoiseHandshake, responder: NoiseHandshake, message1: [UInt8], message2: [UInt8]
    ) {
        var initiator = try Self.make(.initiator)
        var responder = try Self.make(.responder)
        guard case .send(let message1) = initiator.start(),
            case .send(let message2) = responder.receive(message: message1)
        else { throw Unexpected() }
        return (initiator, responder, message1, message2)
    }

    private struct Unexpected: Error {}

    private static func error(_ action: NoiseHandshake.ReceiveAction) -> NoiseError? {
        guard case .fail(let error) = action else { return nil }
        return error
    }

    @Test("every altered byte of message 2 is found")
    func alteredMessage2() throws {
        let (initiator, _, _, message2) = try Self.exchanged()
        for index in message2.indices {
            var altered = message2
            altered[index] ^= index % 2 == 0 ? 0x01 : 0x40
            var machine = initiator
            let error = Self.error(machine.receive(message: altered))
            // Any change of the ephemeral key changes the secret, unless the key is of low order by then.
            #expect(error == .authenticationFailed(message: "handshake message 2"), "byte \(index)")
        }
    }

    @Test("every altered byte of message 3 is found")
    func alteredMessage3() throws {
        var (initiator, responder, _, message2) = try Self.exchanged()
        _ = initiator.receive(message: message2)
        let (message3, _) = try initiator.finish()
        for index in message3.indices {
            var altered = message3
            altered[index] ^= 0x80
            var machine = responder
            #expect(
                Self.error(machine.receive(message: altered))
                    == .authenticationFailed(message: "handshake message 3"), "byte \(index)")
        }
        guard case .finished = responder.receive(message: message3) else { throw Unexpected() }
    }

    @Test("messages of impossible length", arguments: [0, 1, 31, 33, 95])
    func lengths(_ count: Int) throws {
        var responder = try Self.make(.responder)
        #expect(
            Self.error(responder.receive(message: [UInt8](repeating: 1, count: count)))
                == .wrongMessageLength(message: 1, expected: "32", found: count))
        var initiator = try Self.make(.initiator)
        _ = initiator.start()
        #expect(
            Self.error(initiator.receive(message: [UInt8](repeating: 1, count: count)))
                == .wrongMessageLength(message: 2, expected: "at least 96", found: count))
    }

    @Test("a truncated message 2 at every length")
    func truncated() throws {
        let (initiator, _, _, message2) = try Self.exchanged()
        for count in 96..<message2.count {
            var machine = initiator
            #expect(
                Self.error(machine.receive(message: Array(message2.prefix(count))))
                    == .authenticationFailed(message: "handshake message 2"))
        }
    }

    @Test("a key of low order")
    func lowOrder() throws {
        var responder = try Self.make(.responder)
        #expect(
            Self.error(responder.receive(message: [UInt8](repeating: 0, count: 32))) == .invalidKey(message: 1))
    }

    @Test("messages out of order")
    func outOfOrder() throws {
        var initiator = try Self.make(.initiator)
        #expect(Self.error(initiator.receive(message: [])) == .outOfOrder)
        #expect(throws: NoiseError.outOfOrder) { try initiator.finish() }
        var (done, _, _, message2) = try Self.exchanged()
        _ = done.receive(message: message2)
        _ = try done.finish()
        #expect(Self.error(done.receive(message: message2)) == .outOfOrder)
    }

    // MARK: Payloads

    private static func remote(
        _ identity: NodeIdentity, signing domain: String = "noise-libp2p-static-key:", muxers: [String] = []
    ) throws -> NoiseHandshake.Remote {
        let staticKey = Array(Curve25519.KeyAgreement.PrivateKey().publicKey.rawRepresentation)
        let payload = NoisePayload(
            identityKey: identity.publicKey.bytes,
            identitySignature: try identity.signature(for: Array(domain.utf8) + staticKey), streamMuxers: muxers)
        return NoiseHandshake.Remote(staticKey: staticKey, payload: payload.encoded())
    }

    @Test("a right payload gives the peer, for both kinds of key")
    func rightPayload() throws {
        for identity in [NodeIdentity.generateEd25519(), .generateSecp256k1()] {
            let peer = try NoisePeer(Self.remote(identity, muxers: ["/yamux/1.0.0", "/mplex/6.7.0"]))
            #expect(peer.peerID == identity.peerID)
            #expect(peer.publicKey == identity.publicKey)
            #expect(peer.muxers == ["/yamux/1.0.0", "/mplex/6.7.0"])
        }
    }

    @Test("a signature under another domain, over another key, or by another identity")
    func wrongSignature() throws {
        for identity in [NodeIdentity.generateEd25519(), .generateSecp256k1()] {
            let otherDomain = try Self.remote(identity, signing: "noise-libp2p-static-key")
            #expect(throws: NoiseError.invalidIdentitySignature) { try NoisePeer(otherDomain) }
            var otherKey = try Self.remote(identity)
            otherKey.staticKey[5] ^= 1
            #expect(throws: NoiseError.invalidIdentitySignature) { try NoisePeer(otherKey) }
        }
        let (one, two) = (NodeIdentity.generateEd25519(), NodeIdentity.generateEd25519())
        let staticKey = [UInt8](repeating: 3, count: 32)
        let signature = try two.signature(for: NoiseCredentials.signatureDomain + staticKey)
        let payload = NoisePayload(identityKey: one.publicKey.bytes, identitySignature: signature)
        #expect(throws: NoiseError.invalidIdentitySignature) {
            try NoisePeer(NoiseHandshake.Remote(staticKey: staticKey, payload: payload.encoded()))
        }
    }

    @Test("an identity that is no key is refused by name")
    func noKey() throws {
        let key = try PublicKeyProtobuf(type: .rsa, data: ForeignKeys.rsa1024)
        let payload = NoisePayload(identityKey: key.bytes, identitySignature: ForeignKeys.rsa1024Signature)
        let error = #expect(throws: NoiseError.self) {
            try NoisePeer(NoiseHandshake.Remote(staticKey: [], payload: payload.encoded()))
        }
        #expect(
            error?.description
                == "Noise handshake payload: identity key: identity key: expected an RSA key of 2048 to 8192 bits, found 1024"
        )
    }

    @Test(
        "payloads that are no payload", arguments: [[], [0xff], [0x0a, 0x05, 0x01], Array(repeating: 0x08, count: 40)])
    func malformedPayload(_ payload: [UInt8]) {
        let error = #expect(throws: NoiseError.self) {
            try NoisePeer(NoiseHandshake.Remote(staticKey: [], payload: payload))
        }
        guard case .malformedPayload = error else {
            Issue.record("expected a malformed payload, found \(String(describing: error))")
            return
        }
    }
}
