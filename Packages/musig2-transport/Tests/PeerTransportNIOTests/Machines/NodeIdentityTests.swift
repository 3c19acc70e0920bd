import Multiformats
import Secp256k1
import Testing

@testable import PeerTransportNIO

@Suite("Node identities")
struct NodeIdentityTests {
    struct Figure: Sendable, CustomStringConvertible {
        let type: KeyType
        let secret: String
        let publicKey: String
        let peerID: String

        var description: String { peerID }
    }

    /// Checked against py-libp2p and go-libp2p.
    static let figures = [
        Figure(
            type: .ed25519, secret: "934284bfb0997f992b9e4268a671d0951f3a3dd14bbae53afb9ba6c70421b4a1",
            publicKey: "dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb606",
            peerID: "12D3KooWQidP12BHiYvN9AtPMcKrVfZno76caUg3rx7GmByYEXwT"),
        Figure(
            type: .ed25519, secret: "02d104122c616c6613a1372e433289a918c24e4ad63b143f8b8112dd4b2bec10",
            publicKey: "8f24fd8c993a0c42740e15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9d",
            peerID: "12D3KooWKT9Bdbvj7zEA7B9eh9Sw5Tbi7eszrTE2vP4QAwsJTZWk"),
        Figure(
            type: .secp256k1, secret: "08f539221a44894a0aa04bccfba8afad0a1464ab9dbb3d708347893ce4dbc6ee",
            publicKey: "03f3be85aa61497194ba3bbc3d13dd0bff400b57b95dd0c472a27a85f4807319c9",
            peerID: "16Uiu2HAmV4TvJsb1jypSxuDcQckHE5ZDNQtXKrc5r73RaPFKV9nx"),
    ]

    private static func privateData(_ figure: Figure) -> [UInt8] {
        figure.type == .ed25519 ? bytes(figure.secret) + bytes(figure.publicKey) : bytes(figure.secret)
    }

    @Test("known keys have their known ids, and come back from their bytes", arguments: figures)
    func knownKeys(_ figure: Figure) throws {
        let message = try PrivateKeyProtobuf(type: figure.type, data: Self.privateData(figure))
        let identity = try NodeIdentity(privateKey: message)
        #expect(identity.peerID.description == figure.peerID)
        #expect(hex(identity.publicKey.data) == figure.publicKey)
        let kept = try identity.privateKeyBytes().withUnsafeBytes { Array($0) }
        #expect(kept == message.bytes)
        #expect(try NodeIdentity(privateKeyBytes: kept).peerID == identity.peerID)
        let again = try NodeIdentity(privateKeyBytes: identity.privateKeyBytes())
        #expect(again.peerID == identity.peerID)
        #expect(try again.signature(for: [1]).isEmpty == false)
    }

    @Test("the old Ed25519 form repeats the public key")
    func oldForm() throws {
        let figure = Self.figures[0]
        let message = try PrivateKeyProtobuf(
            type: .ed25519, data: Self.privateData(figure) + bytes(figure.publicKey))
        #expect(try NodeIdentity(privateKey: message).peerID.description == figure.peerID)
    }

    @Test("secp256k1 signs as libp2p demands: ECDSA over SHA-256, DER, low S, RFC 6979")
    func knownSignature() throws {
        let identity = try NodeIdentity(
            privateKey: PrivateKeyProtobuf(type: .secp256k1, data: bytes(Self.figures[2].secret)))
        let message = bytes(
            "6e6f6973652d6c69627032702d7374617469632d6b65793a"
                + "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        let signature = try identity.signature(for: message)
        #expect(
            hex(signature)
                == "3044022019dcdf6b191f519b52b2601407984dd22ef99bf872450eda292dfc4efc272ea5"
                + "02205eb5158a833bbc02beb400506e97fe98f6f028b91a78b651cb941c3f4593c35a")
        #expect(try IdentityVerification.isValidSignature(signature, for: message, by: identity.publicKey))
    }

    @Test("a signature with high S is taken, as some implementations make them")
    func highS() throws {
        let identity = NodeIdentity.generateSecp256k1()
        let low = try ECDSASignature(derRepresentation: identity.signature(for: [1, 2, 3]))
        // n - s, byte by byte.
        let order = bytes("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
        var difference = [UInt8](repeating: 0, count: 32)
        var borrow = 0
        for index in (0..<32).reversed() {
            let digit = Int(order[index]) - Int(low.s.bytes[index]) - borrow
            borrow = digit < 0 ? 1 : 0
            difference[index] = UInt8(digit + borrow * 256)
        }
        let high = try ECDSASignature(compactRepresentation: low.r.bytes + difference)
        #expect(!high.hasLowS)
        #expect(
            try IdentityVerification.isValidSignature(
                high.derRepresentation, for: [1, 2, 3], by: identity.publicKey))
    }

    @Test("signatures verify under their own key and message only")
    func signatures() throws {
        for identity in [NodeIdentity.generateEd25519(), .generateSecp256k1()] {
            let other = NodeIdentity.generateEd25519()
            let signature = try identity.signature(for: [1, 2, 3])
            #expect(try IdentityVerification.isValidSignature(signature, for: [1, 2, 3], by: identity.publicKey))
            #expect(try !IdentityVerification.isValidSignature(signature, for: [1, 2, 4], by: identity.publicKey))
            #expect(try !IdentityVerification.isValidSignature(signature, for: [1, 2, 3], by: other.publicKey))
            #expect(try !IdentityVerification.isValidSignature([], for: [1, 2, 3], by: identity.publicKey))
            #expect(
                try !IdentityVerification.isValidSignature(
                    signature.dropLast() + [], for: [1, 2, 3], by: identity.publicKey))
        }
    }

    @Test("two fresh identities differ, and no description shows a secret")
    func fresh() throws {
        for make in [NodeIdentity.generateEd25519, NodeIdentity.generateSecp256k1] {
            let (one, two) = (make(), make())
            #expect(one.peerID != two.peerID)
            let data = try one.privateKeyBytes().withUnsafeBytes { Array($0.dropFirst(4)) }
            let secret = hex(data.prefix(32))
            var dumped = ""
            dump(one, to: &dumped)
            for text in ["\(one)", String(reflecting: one), dumped] {
                #expect(text.contains(one.peerID.description))
                #expect(!text.contains(secret))
                #expect(!text.contains(String(describing: data)))
            }
        }
    }

    @Test("keys that cannot be used, each with its reason")
    func refused() throws {
        let figure = Self.figures[0]
        func error(_ type: KeyType, _ data: [UInt8]) throws -> NodeIdentityError? {
            let message = try PrivateKeyProtobuf(type: type, data: data)
            return #expect(throws: NodeIdentityError.self) { try NodeIdentity(privateKey: message) }
        }
        #expect(try error(.rsa, [1]) == .unsupportedKeyType(.rsa))
        #expect(try error(.ecdsa, [1]) == .unsupportedKeyType(.ecdsa))
        #expect(
            try error(.ed25519, bytes(figure.secret)) == .wrongLength(.ed25519, expected: "64 or 96", found: 32))
        #expect(try error(.secp256k1, [1]) == .wrongLength(.secp256k1, expected: "32", found: 1))
        #expect(
            try error(.ed25519, bytes(figure.secret) + bytes(Self.figures[1].publicKey))
                == .invalidKey(.ed25519, reason: "the public half does not belong to the seed"))
        guard case .invalidKey(.secp256k1, _) = try error(.secp256k1, [UInt8](repeating: 0, count: 32)) else {
            Issue.record("a zero secp256k1 key was taken")
            return
        }
        guard
            case .malformedKey = #expect(
                throws: NodeIdentityError.self,
                performing: {
                    try NodeIdentity(privateKeyBytes: [1, 2, 3])
                })
        else {
            Issue.record("bytes that are no key message were taken")
            return
        }
    }

    @Test("a remote key that is no key")
    func remoteKeys() throws {
        let notAPoint = try PublicKeyProtobuf(type: .secp256k1, data: [2] + [UInt8](repeating: 0xff, count: 32))
        guard
            case .invalidKey(.secp256k1, _) = #expect(
                throws: NodeIdentityError.self,
                performing: {
                    try IdentityVerification.isValidSignature([], for: [], by: notAPoint)
                })
        else {
            Issue.record("a key that is no point was taken")
            return
        }
    }
}
