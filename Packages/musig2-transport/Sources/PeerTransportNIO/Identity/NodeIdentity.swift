import Crypto
public import Multiformats
import Secp256k1

/// The long-lived key by which a node is known: its peer id is made of the public half, and handshakes are signed with the
/// private half.
///
/// It is either an Ed25519 key, which every libp2p implementation knows, or a secp256k1 key. The description shows the peer
/// id only; the private half leaves through ``privateKey`` alone.
public struct NodeIdentity: Sendable, CustomStringConvertible, CustomReflectable {
    /// The multihash of the public key, by which others know this node.
    public let peerID: PeerID

    /// The public key as libp2p writes it.
    public let publicKey: PublicKeyProtobuf

    private let storage: Storage

    private enum Storage: Sendable {
        case ed25519(Curve25519.Signing.PrivateKey)
        case secp256k1(SecretKeyBox)
    }

    /// Makes a new Ed25519 identity from the system's random generator.
    public static func generateEd25519() -> NodeIdentity {
        Self.unfailing { () throws(NodeIdentityError) in try NodeIdentity(Curve25519.Signing.PrivateKey()) }
    }

    /// Makes a new secp256k1 identity from the system's random generator.
    public static func generateSecp256k1() -> NodeIdentity {
        Self.unfailing { () throws(NodeIdentityError) in try NodeIdentity(SecretKey.generate()) }
    }

    /// Takes over an identity that was kept as a libp2p `PrivateKey` message.
    ///
    /// - Parameter privateKey: Ed25519 with 64 bytes (seed, public key) or the old 96 (the public key twice), or secp256k1 with
    ///   32 bytes.
    /// - Throws: ``NodeIdentityError`` for other key types, wrong lengths, and a public half that is not the private one's.
    public init(privateKey: PrivateKeyProtobuf) throws(NodeIdentityError) {
        switch privateKey.type {
        case .ed25519:
            try self.init(ed25519: privateKey.data)
        case .secp256k1:
            let key: SecretKey
            guard privateKey.data.count == SecretKey.byteCount else {
                throw .wrongLength(.secp256k1, expected: "\(SecretKey.byteCount)", found: privateKey.data.count)
            }
            do throws(SecretKeyError) {
                key = try privateKey.data.span.bytes.withUnsafeBytes { (bytes) throws(SecretKeyError) in
                    try SecretKey(copying: bytes)
                }
            } catch {
                throw .invalidKey(.secp256k1, reason: "\(error)")
            }
            try self.init(key)
        case .rsa, .ecdsa:
            throw .unsupportedKeyType(privateKey.type)
        }
    }

    /// Takes over an identity from the bytes of a libp2p `PrivateKey` message.
    ///
    /// - Parameter privateKeyBytes: The encoded message, as ``privateKey`` gives it.
    /// - Throws: ``NodeIdentityError``.
    public init(privateKeyBytes: [UInt8]) throws(NodeIdentityError) {
        let message: PrivateKeyProtobuf
        do throws(KeyProtobufError) {
            message = try PrivateKeyProtobuf(bytes: privateKeyBytes)
        } catch {
            throw .malformedKey(error)
        }
        try self.init(privateKey: message)
    }

    /// The secret, as a libp2p `PrivateKey` message, to be kept in a file that nobody else can read.
    public var privateKey: PrivateKeyProtobuf {
        get throws(NodeIdentityError) {
            let data: [UInt8]
            switch self.storage {
            case .ed25519(let key):
                data = Array(key.rawRepresentation) + Array(key.publicKey.rawRepresentation)
            case .secp256k1(let box):
                data = box.key.withUnsafeBytes { Array($0) }
            }
            do throws(KeyProtobufError) {
                return try PrivateKeyProtobuf(type: self.publicKey.type, data: data)
            } catch {
                throw .malformedKey(error)
            }
        }
    }

    /// Signs a message as libp2p identities do: plain Ed25519 (64 bytes), or ECDSA over SHA-256 with low S in DER.
    ///
    /// - Parameter message: Any bytes; callers put their domain in front.
    /// - Returns: The signature.
    /// - Throws: ``NodeIdentityError/signingFailed(reason:)``.
    public func signature(for message: [UInt8]) throws(NodeIdentityError) -> [UInt8] {
        switch self.storage {
        case .ed25519(let key):
            do {
                return Array(try key.signature(for: message))
            } catch {
                throw .signingFailed(reason: "\(error)")
            }
        case .secp256k1(let box):
            do throws(SigningError) {
                return try box.key.ecdsaSignature(forDigest: IdentityDigest.sha256(message)).derRepresentation
            } catch {
                throw .signingFailed(reason: "\(error)")
            }
        }
    }

    /// The peer id: never the key.
    public var description: String { "NodeIdentity(\(self.peerID))" }

    /// A mirror that shows the peer id alone, so that printing a containing value shows no secret.
    public var customMirror: Mirror { Mirror(self, children: ["peerID": self.peerID]) }

    private init(_ key: Curve25519.Signing.PrivateKey) throws(NodeIdentityError) {
        try self.init(
            type: .ed25519, publicData: Array(key.publicKey.rawRepresentation), storage: .ed25519(key))
    }

    private init(_ key: consuming SecretKey) throws(NodeIdentityError) {
        let publicData = key.publicKey.compressedRepresentation
        try self.init(type: .secp256k1, publicData: publicData, storage: .secp256k1(SecretKeyBox(key)))
    }

    private init(type: KeyType, publicData: [UInt8], storage: Storage) throws(NodeIdentityError) {
        do throws(KeyProtobufError) {
            self.publicKey = try PublicKeyProtobuf(type: type, data: publicData)
        } catch {
            throw .malformedKey(error)
        }
        do throws(PeerIDError) {
            self.peerID = try PeerID(publicKey: self.publicKey)
        } catch {
            throw .invalidKey(type, reason: "\(error)")
        }
        self.storage = storage
    }

    private init(ed25519 data: [UInt8]) throws(NodeIdentityError) {
        guard data.count == 64 || data.count == 96 else {
            throw .wrongLength(.ed25519, expected: "64 or 96", found: data.count)
        }
        let key: Curve25519.Signing.PrivateKey
        do {
            key = try Curve25519.Signing.PrivateKey(rawRepresentation: data.prefix(32))
        } catch {
            throw .invalidKey(.ed25519, reason: "\(error)")
        }
        let publicBytes = Array(key.publicKey.rawRepresentation)
        guard data[32..<64].elementsEqual(publicBytes), data.count == 64 || data[64...].elementsEqual(publicBytes)
        else {
            throw .invalidKey(.ed25519, reason: "the public half does not belong to the seed")
        }
        try self.init(key)
    }

    /// Fresh keys always have an id. Were that ever wrong, the next fresh key is as good.
    private static func unfailing(_ make: () throws(NodeIdentityError) -> NodeIdentity) -> NodeIdentity {
        while true {
            do throws(NodeIdentityError) {
                return try make()
            } catch {
                continue
            }
        }
    }
}

/// A shared place for a key that cannot be copied.
private final class SecretKeyBox: Sendable {
    let key: SecretKey

    init(_ key: consuming SecretKey) {
        self.key = key
    }
}
