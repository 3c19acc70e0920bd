import Crypto
public import Multiformats
public import Secp256k1

/// The long-lived key by which a node is known: its peer id is made of the public half, and handshakes are signed with the
/// private half.
///
/// It is either an Ed25519 key, which every libp2p implementation knows, or a secp256k1 key. The description shows the peer
/// id only; the private half leaves through ``privateKeyBytes()`` alone. It is kept in memory that holds secrets only and is wiped.
public struct NodeIdentity: Sendable, CustomStringConvertible, CustomReflectable {
    /// The multihash of the public key, by which others know this node.
    public let peerID: PeerID

    /// The public key as libp2p writes it.
    public let publicKey: PublicKeyProtobuf

    private let storage: Storage

    private enum Storage: Sendable {
        case ed25519(SeedBox)
        case secp256k1(SecretKeyBox)
    }

    /// Makes a new Ed25519 identity from the system's random generator.
    public static func generateEd25519() -> NodeIdentity {
        Self.unfailing { () throws(NodeIdentityError) in
            try NodeIdentity(ed25519: SecretBytes.random(byteCount: Self.seedByteCount))
        }
    }

    /// Makes a new secp256k1 identity from the system's random generator.
    public static func generateSecp256k1() -> NodeIdentity {
        Self.unfailing { () throws(NodeIdentityError) in try NodeIdentity(SecretKey.generate()) }
    }

    /// Takes over an identity from the bytes of a libp2p `PrivateKey` message, which were kept as ``privateKeyBytes()`` gives
    /// them.
    ///
    /// - Parameter privateKeyBytes: The encoded message, of a key that is Ed25519 with 64 bytes (seed, public key) or the old 96
    ///   (the public key twice), or secp256k1 with 32 bytes.
    /// - Throws: ``NodeIdentityError`` for other key types, wrong lengths, and a public half that is not the private one's.
    public init(privateKeyBytes: borrowing SecretBytes) throws(NodeIdentityError) {
        self = try privateKeyBytes.withUnsafeBytes { (bytes) throws(NodeIdentityError) -> NodeIdentity in
            let located: (type: KeyType, data: Range<Int>)
            do throws(KeyProtobufError) {
                located = try PrivateKeyProtobuf.locate(in: bytes)
            } catch {
                throw .malformedKey(error)
            }
            return try NodeIdentity(located.type, UnsafeRawBufferPointer(rebasing: bytes[located.data]))
        }
    }

    /// Takes over an identity from an array, which the caller wipes if it is to be wiped.
    ///
    /// - Parameter privateKeyBytes: The encoded message, as ``privateKeyBytes()`` gives it.
    /// - Throws: ``NodeIdentityError``, as ``init(privateKeyBytes:)-(SecretBytes)``.
    public init(privateKeyBytes: [UInt8]) throws(NodeIdentityError) {
        try self.init(privateKeyBytes: SecretBytes(copying: privateKeyBytes.span.bytes))
    }

    /// Takes over an identity from a libp2p `PrivateKey` message, which is never wiped: for keys that come from elsewhere.
    ///
    /// - Parameter privateKey: The message.
    /// - Throws: ``NodeIdentityError``, as ``init(privateKeyBytes:)-(SecretBytes)``.
    public init(privateKey: PrivateKeyProtobuf) throws(NodeIdentityError) {
        self = try privateKey.data.span.bytes.withUnsafeBytes { (data) throws(NodeIdentityError) in
            try NodeIdentity(privateKey.type, data)
        }
    }

    /// The secret, as the bytes of a libp2p `PrivateKey` message, to be kept in a file that nobody else can read.
    ///
    /// - Returns: The encoded message, in memory that is wiped.
    /// - Throws: ``NodeIdentityError``.
    public borrowing func privateKeyBytes() throws(NodeIdentityError) -> SecretBytes {
        switch storage {
        case .ed25519(let box):
            return try Self.message(.ed25519, box.secret, followedBy: publicKey.data)
        case .secp256k1(let box):
            return try box.key.withUnsafeBytes { (key) throws(NodeIdentityError) in
                try Self.message(.secp256k1, SecretBytes(copying: key), followedBy: [])
            }
        }
    }

    /// A libp2p `PrivateKey` message with data that is a secret and what follows it.
    private static func message(
        _ type: KeyType, _ secret: borrowing SecretBytes, followedBy rest: [UInt8]
    ) throws(NodeIdentityError) -> SecretBytes {
        let head: [UInt8]
        do throws(KeyProtobufError) {
            head = try PrivateKeyProtobuf.head(type: type, dataByteCount: secret.count + rest.count)
        } catch {
            throw .malformedKey(error)
        }
        var message = SecretBytes(byteCount: head.count + secret.count + rest.count)
        message.withUnsafeMutableBytes { message in
            secret.withUnsafeBytes { secret in
                UnsafeMutableRawBufferPointer(rebasing: message[..<head.count]).copyBytes(from: head)
                UnsafeMutableRawBufferPointer(rebasing: message[head.count...]).copyMemory(from: secret)
                UnsafeMutableRawBufferPointer(rebasing: message[(head.count + secret.count)...]).copyBytes(from: rest)
            }
        }
        return message
    }

    /// Signs a message as libp2p identities do: plain Ed25519 (64 bytes), or ECDSA over SHA-256 with low S in DER.
    ///
    /// - Parameter message: Any bytes; callers put their domain in front.
    /// - Returns: The signature.
    /// - Throws: ``NodeIdentityError/signingFailed(reason:)``.
    public func signature(for message: [UInt8]) throws(NodeIdentityError) -> [UInt8] {
        switch storage {
        case .ed25519(let box):
            let key = try Self.ed25519Key(box.secret)
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
    public var description: String { "NodeIdentity(\(peerID))" }

    /// A mirror that shows the peer id alone, so that printing a containing value shows no secret.
    public var customMirror: Mirror { Mirror(self, children: ["peerID": peerID]) }

    private static let seedByteCount = 32

    /// Takes over the data of a key message.
    private init(_ type: KeyType, _ data: UnsafeRawBufferPointer) throws(NodeIdentityError) {
        switch type {
        case .ed25519:
            try self.init(ed25519Data: data)
        case .secp256k1:
            guard data.count == SecretKey.byteCount else {
                throw .wrongLength(.secp256k1, expected: "\(SecretKey.byteCount)", found: data.count)
            }
            let key: SecretKey
            do throws(SecretKeyError) {
                key = try SecretKey(copying: data)
            } catch {
                throw .invalidKey(.secp256k1, reason: "\(error)")
            }
            try self.init(key)
        case .rsa, .ecdsa:
            throw .unsupportedKeyType(type)
        }
    }

    private init(ed25519 seed: consuming SecretBytes) throws(NodeIdentityError) {
        let publicData = Array(try Self.ed25519Key(seed).publicKey.rawRepresentation)
        try self.init(type: .ed25519, publicData: publicData, storage: .ed25519(SeedBox(seed)))
    }

    /// The key of a seed. It is made for each signature: it holds a copy of the seed, which it wipes when it goes, in memory that
    /// is not set apart for secrets.
    private static func ed25519Key(
        _ seed: borrowing SecretBytes
    ) throws(NodeIdentityError) -> Curve25519.Signing.PrivateKey {
        try seed.withUnsafeBytes { (seed) throws(NodeIdentityError) in
            do {
                return try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
            } catch {
                throw .invalidKey(.ed25519, reason: "\(error)")
            }
        }
    }

    private init(_ key: consuming SecretKey) throws(NodeIdentityError) {
        let publicData = key.publicKey.compressedRepresentation
        try self.init(type: .secp256k1, publicData: publicData, storage: .secp256k1(SecretKeyBox(key)))
    }

    private init(type: KeyType, publicData: [UInt8], storage: Storage) throws(NodeIdentityError) {
        do throws(KeyProtobufError) {
            publicKey = try PublicKeyProtobuf(type: type, data: publicData)
        } catch {
            throw .malformedKey(error)
        }
        do throws(PeerIDError) {
            peerID = try PeerID(publicKey: publicKey)
        } catch {
            throw .invalidKey(type, reason: "\(error)")
        }
        self.storage = storage
    }

    private init(ed25519Data data: UnsafeRawBufferPointer) throws(NodeIdentityError) {
        guard data.count == 64 || data.count == 96 else {
            throw .wrongLength(.ed25519, expected: "64 or 96", found: data.count)
        }
        try self.init(
            ed25519: SecretBytes(copying: UnsafeRawBufferPointer(rebasing: data[..<Self.seedByteCount])))
        let publicBytes = publicKey.data
        guard data[32..<64].elementsEqual(publicBytes), data.count == 64 || data[64...].elementsEqual(publicBytes)
        else {
            throw .invalidKey(.ed25519, reason: "the public half does not belong to the seed")
        }
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

/// A shared place for a seed that cannot be copied.
private final class SeedBox: Sendable {
    let secret: SecretBytes

    init(_ secret: consuming SecretBytes) {
        self.secret = secret
    }
}

/// A shared place for a key that cannot be copied.
private final class SecretKeyBox: Sendable {
    let key: SecretKey

    init(_ key: consuming SecretKey) {
        self.key = key
    }
}
