import Crypto
import CryptoExtras
import Multiformats
import PeerTransport
import Testing

@testable import PeerTransportNIO

@Suite("Identities of kinds that only others have")
struct ForeignIdentityTests {
    private static func isValid(
        _ type: KeyType, _ key: [UInt8], _ signature: [UInt8], _ message: [UInt8] = ForeignKeys.message
    ) throws -> Bool {
        try IdentityVerification.isValidSignature(
            signature, for: message, by: PublicKeyProtobuf(type: type, data: key))
    }

    @Test(
        "signatures made by OpenSSL are taken, and no others",
        arguments: [
            (KeyType.rsa, ForeignKeys.rsa2048, ForeignKeys.rsa2048Signature),
            (.rsa, ForeignKeys.rsa8192, ForeignKeys.rsa8192Signature),
            (.ecdsa, ForeignKeys.p256, ForeignKeys.p256Signature),
        ])
    func signatures(_ type: KeyType, _ key: [UInt8], _ signature: [UInt8]) throws {
        #expect(try Self.isValid(type, key, signature))
        #expect(try !Self.isValid(type, key, signature, ForeignKeys.message + [0]))
        for position in [0, signature.count / 2, signature.count - 1] {
            var other = signature
            other[position] ^= 1
            #expect(try !Self.isValid(type, key, other))
        }
        for other in [[], Array(signature.dropLast()), signature + [0], [UInt8](repeating: 0, count: signature.count)] {
            #expect(try !Self.isValid(type, key, other))
        }
    }

    @Test("RSA keys of other sizes are refused with their size")
    func sizes() {
        for (key, bits) in [(ForeignKeys.rsa1024, 1024), (ForeignKeys.rsa8200, 8200)] {
            #expect(throws: NodeIdentityError.wrongRSASize(minimum: 2048, maximum: 8192, found: bits)) {
                try Self.isValid(.rsa, key, ForeignKeys.rsa1024Signature)
            }
        }
    }

    @Test("bytes that are no key of the type they claim")
    func noKeys() {
        #expect(throws: NodeIdentityError.invalidKey(.rsa, reason: "not in PKIX form")) {
            try Self.isValid(.rsa, ForeignKeys.rsa2048PKCS1, ForeignKeys.rsa2048Signature)
        }
        for (type, key) in [
            (KeyType.rsa, [1, 2, 3]), (.rsa, ForeignKeys.p256), (.rsa, [0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
            (.rsa, [0x30, 0x82, 0xff]), (.rsa, [0x30, 0x05, 0x30, 0x00, 0x03, 0x01, 0x00]),
            (.rsa, Array(ForeignKeys.rsa2048.dropLast())),
            (.rsa, ForeignKeys.rsa2048 + [0]), (.ecdsa, [1]), (.ecdsa, ForeignKeys.p384), (.ecdsa, ForeignKeys.rsa2048),
        ] {
            let error = #expect(throws: NodeIdentityError.self) { try Self.isValid(type, key, [1]) }
            guard case .invalidKey(type, _) = error else {
                Issue.record("expected an invalid \(type) key, found \(String(describing: error))")
                continue
            }
        }
    }

    @Test("a peer with an RSA identity is dialled and dials, and its id is the hash of its key")
    func handshake() async throws {
        let publicKey = try PublicKeyProtobuf(type: .rsa, data: ForeignKeys.rsa2048)
        let peerID = try PeerID(publicKey: publicKey) { Array(SHA256.hash(data: $0)) }
        #expect(peerID.description.hasPrefix("Qm"))
        let privateKey = try _RSA.Signing.PrivateKey(derRepresentation: ForeignKeys.rsa2048Private)
        func credentials() throws -> NoiseCredentials {
            try NoiseCredentials(publicKey: publicKey, muxers: ["/yamux/1.0.0"]) { bytes in
                Array(try privateKey.signature(for: bytes, padding: .insecurePKCS1v1_5).rawRepresentation)
            }
        }
        let loopback = try await Loopback.listen()
        let dialing = try await RawPeer.connect(to: loopback.address)
        try await dialing.secure(try credentials())
        let inbound = try await loopback.accept()
        #expect(inbound.remotePeer == peerID)
        await inbound.close()
        await loopback.listener.close()

        let (address, accept) = try await RawPeer.listen()
        async let dialed = TCPTransport(identity: .generateEd25519()).dial(address, expecting: peerID) { _ in false }
        let listening = try await accept()
        try await listening.secure(try credentials(), isInitiator: false)
        let outbound = try await dialed
        #expect(outbound.remotePeer == peerID)
        try await listening.close()
        _ = await outbound.closed()
    }
}
