import Crypto
import Multiformats
import NIOCore
import Testing

@testable import PeerNoise
@testable import PeerTransportNIO

@Suite("Noise XX, byte for byte")
struct NoiseTranscriptTests {
    private static func identity(_ seed: String, _ kind: KeyType = .ed25519) throws -> NodeIdentity {
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes(seed))
        return try NodeIdentity(
            privateKey: PrivateKeyProtobuf(type: kind, data: bytes(seed) + Array(key.publicKey.rawRepresentation)))
    }

    private static func agreementKey(_ hex: String) throws -> Curve25519.KeyAgreement.PrivateKey {
        try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes(hex))
    }

    @Test("payloads", arguments: NoiseTranscript.all)
    func payloads(_ transcript: NoiseTranscript) throws {
        let initiator = try NoiseCredentials(
            identity: Self.identity(transcript.initiatorIdentitySeed), muxers: transcript.muxers,
            staticKey: Self.agreementKey(transcript.initiatorStaticKey))
        #expect(hex(initiator.payload) == transcript.initiatorPayload)
        let responder = try NoiseCredentials(
            identity: Self.identity(transcript.responderIdentitySeed), muxers: transcript.muxers,
            staticKey: Self.agreementKey(transcript.responderStaticKey))
        #expect(hex(responder.payload) == transcript.responderPayload)
    }

    @Test("handshake, both sides, and the first messages", arguments: NoiseTranscript.all)
    func handshake(_ transcript: NoiseTranscript) throws {
        var initiator = try Self.handshake(transcript, .initiator)
        var responder = try Self.handshake(transcript, .responder)

        #expect(responder.start() == .wait)
        let message1 = try #require(Self.sent(initiator.start()))
        #expect(hex(message1) == transcript.message1)

        let message2 = try #require(Self.sent(responder.receive(message: message1)))
        #expect(hex(message2) == transcript.message2)

        guard case .check(let responderSeen) = initiator.receive(message: message2) else {
            Issue.record("message 2 was not accepted")
            return
        }
        #expect(hex(responderSeen.staticKey) == transcript.responderStaticPublicKey)
        #expect(hex(responderSeen.payload) == transcript.responderPayload)
        let peer = try NoisePeer(responderSeen)
        #expect(peer.peerID == (try Self.identity(transcript.responderIdentitySeed).peerID))
        #expect(peer.muxers == transcript.muxers)

        let (message3, initiatorKeys) = try initiator.finish()
        #expect(hex(message3) == transcript.message3)
        guard case .finished(let initiatorSeen, let responderKeys) = responder.receive(message: message3) else {
            Issue.record("message 3 was not accepted")
            return
        }
        #expect(hex(initiatorSeen.staticKey) == transcript.initiatorStaticPublicKey)
        #expect(try NoisePeer(initiatorSeen).peerID == (try Self.identity(transcript.initiatorIdentitySeed).peerID))

        for keys in [initiatorKeys, responderKeys] {
            #expect(hex(keys.handshakeHash) == transcript.handshakeHash)
        }
        #expect(initiatorKeys.send.withUnsafeBytes { hex($0) } == transcript.keyInitiatorToResponder)
        #expect(initiatorKeys.receive.withUnsafeBytes { hex($0) } == transcript.keyResponderToInitiator)
        #expect(responderKeys.send == initiatorKeys.receive)
        #expect(responderKeys.receive == initiatorKeys.send)

        var sealer = NoiseSealer(key: initiatorKeys.send)
        #expect(try Self.seal("hello", &sealer) == "0015" + transcript.sealedHello)
        #expect(try Self.seal("again", &sealer) == "0015" + transcript.sealedAgain)
        var back = NoiseSealer(key: responderKeys.send)
        #expect(try Self.seal("world", &back) == "0015" + transcript.sealedWorld)

        let opener = NoiseOpener(key: responderKeys.receive)
        let wire = bytes("0015" + transcript.sealedHello + "0015" + transcript.sealedAgain)
        var offset = 0
        #expect(try wire.withUnsafeBytes { try opener.next($0, at: &offset) }.map { Array($0) } == Array("hello".utf8))
        #expect(try wire.withUnsafeBytes { try opener.next($0, at: &offset) }.map { Array($0) } == Array("again".utf8))
        #expect(offset == wire.count)
    }

    private static func handshake(_ transcript: NoiseTranscript, _ role: NoiseHandshake.Role) throws -> NoiseHandshake {
        switch role {
        case .initiator:
            return NoiseHandshake(
                role: role, staticKey: try Self.agreementKey(transcript.initiatorStaticKey),
                ephemeralKey: try Self.agreementKey(transcript.initiatorEphemeralKey),
                payload: bytes(transcript.initiatorPayload))
        case .responder:
            return NoiseHandshake(
                role: role, staticKey: try Self.agreementKey(transcript.responderStaticKey),
                ephemeralKey: try Self.agreementKey(transcript.responderEphemeralKey),
                payload: bytes(transcript.responderPayload))
        }
    }

    private static func sent(_ action: NoiseHandshake.StartAction) -> [UInt8]? {
        guard case .send(let message) = action else { return nil }
        return message
    }

    private static func sent(_ action: NoiseHandshake.ReceiveAction) -> [UInt8]? {
        guard case .send(let message) = action else { return nil }
        return message
    }

    private static func seal(_ text: String, _ sealer: inout NoiseSealer) throws -> String {
        var output = ByteBuffer()
        try Array(text.utf8).withUnsafeBytes { try sealer.seal($0, into: &output) }
        return hex(output.readableBytesView)
    }
}
