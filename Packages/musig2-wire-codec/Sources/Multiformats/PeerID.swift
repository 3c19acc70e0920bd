/// Why bytes or a text are not a peer id.
public enum PeerIDError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes are not a multihash.
    case multihash(MultihashError)
    /// A multihash of a function that peer ids do not use (they use identity, 0, and SHA2-256, 18).
    case unsupportedHash(code: UInt64)
    /// The digest has a length that peer ids do not have.
    case wrongDigestLength(found: Int)
    /// The text is empty or longer than the limit.
    case lengthOutOfRange(limit: Int, found: Int)
    /// The text is neither base58 nor a CID in a base that is read.
    case invalidText
    /// The text is a CID, but not of version 1 with the codec `libp2p-key`.
    case notAPeerCID
    /// The public key is too long to stand in the id itself: its SHA-256 is needed.
    case keyNeedsHash(bytes: Int)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .multihash(let error): "peer id: \(error)"
        case .unsupportedHash(let code): "peer id: expected an identity or SHA2-256 multihash, found code \(code)"
        case .wrongDigestLength(let found):
            "peer id: expected 1 to \(PeerID.maximumInlineKeyBytes) inlined bytes or a hash of 32, found \(found)"
        case .lengthOutOfRange(let limit, let found): "peer id: expected 1 to \(limit) characters, found \(found)"
        case .invalidText: "peer id: expected base58 (12D3Koo…, 16Uiu2HA…, Qm…) or a CID (bafz…, k51…)"
        case .notAPeerCID: "peer id: expected a CID of version 1 with codec libp2p-key (0x72)"
        case .keyNeedsHash(let bytes): "peer id: a key of \(bytes) bytes needs its SHA-256"
        }
    }
}

/// A libp2p peer id: the multihash of the peer's `PublicKey` message, which it holds itself when that is short.
///
/// Ed25519 ids have 38 bytes, secp256k1 ids 39, RSA and ECDSA ids 34.
public struct PeerID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest `PublicKey` message that stands in the id itself; of a longer one stands the SHA-256.
    public static let maximumInlineKeyBytes = 42

    /// The multihash.
    public let bytes: [UInt8]

    /// Takes the multihash of a public key.
    /// - Throws: ``PeerIDError`` for another multihash than an identity of 1 to 42 bytes or a SHA2-256.
    public init(bytes: [UInt8]) throws(PeerIDError) {
        let hash: Multihash
        do throws(MultihashError) {
            hash = try Multihash(bytes: bytes)
        } catch {
            throw .multihash(error)
        }
        switch hash.code {
        case Multihash.identityCode:
            guard (1...Self.maximumInlineKeyBytes).contains(hash.digest.count) else {
                throw .wrongDigestLength(found: hash.digest.count)
            }
        case Multihash.sha256Code:
            guard hash.digest.count == 32 else { throw .wrongDigestLength(found: hash.digest.count) }
        default:
            throw .unsupportedHash(code: hash.code)
        }
        self.bytes = bytes
    }

    /// The id of a public key that fits into the id itself (Ed25519, secp256k1).
    /// - Throws: ``PeerIDError/keyNeedsHash(bytes:)`` for a longer key.
    public init(publicKey: PublicKeyProtobuf) throws(PeerIDError) {
        let key = publicKey.bytes
        guard key.count <= Self.maximumInlineKeyBytes else { throw .keyNeedsHash(bytes: key.count) }
        self.bytes = [UInt8(Multihash.identityCode), UInt8(key.count)] + key
    }

    /// The id of any public key.
    /// - Parameters:
    ///   - publicKey: the key.
    ///   - sha256: the SHA-256 of the bytes given, 32 bytes; called for keys that do not fit into the id.
    /// - Throws: ``PeerIDError/wrongDigestLength(found:)`` when `sha256` returns something else than 32 bytes.
    public init(publicKey: PublicKeyProtobuf, sha256: ([UInt8]) -> [UInt8]) throws(PeerIDError) {
        let key = publicKey.bytes
        if key.count <= Self.maximumInlineKeyBytes {
            try self.init(publicKey: publicKey)
            return
        }
        let digest = sha256(key)
        guard digest.count == 32 else { throw .wrongDigestLength(found: digest.count) }
        try self.init(bytes: [UInt8(Multihash.sha256Code), 32] + digest)
    }

    /// Parses either text form: base58 of the multihash, or a CIDv1 with codec `libp2p-key` in base32 (`bafz…`), base36 (`k51…`), base58
    /// (`z…`) or hexadecimal (`f…`), the first two and the last in upper case too.
    /// - Throws: ``PeerIDError``.
    public init(_ text: String) throws(PeerIDError) {
        let count = text.utf8.count
        guard (1...FormatLimits.peerIDCharacters).contains(count) else {
            throw .lengthOutOfRange(limit: FormatLimits.peerIDCharacters, found: count)
        }
        // A base58 multihash of an identity or a SHA2-256 starts with 1 or Qm, which no multibase prefix is.
        if Multibase.isPrefixed(text) {
            guard let cid = Multibase.decode(text) else { throw .invalidText }
            guard cid.starts(with: Self.cidPrefix) else { throw .notAPeerCID }
            try self.init(bytes: Array(cid.dropFirst(Self.cidPrefix.count)))
        } else {
            guard let bytes = Base58.decode(text) else { throw .invalidText }
            try self.init(bytes: bytes)
        }
    }

    /// CID version 1, codec `libp2p-key`.
    private static let cidPrefix: [UInt8] = [0x01, 0x72]

    /// The base58 text, which is what people exchange.
    public var description: String { Base58.encode(bytes) }

    /// The CIDv1 text in base32, `bafz…`.
    public var cid: String { "b" + Base32.encode(Self.cidPrefix + bytes) }

    /// The public key that stands in the id itself, or nil for ids that are a hash, and for bytes that are not a key.
    public var publicKey: PublicKeyProtobuf? {
        guard bytes.first == UInt8(Multihash.identityCode) else { return nil }
        do throws(KeyProtobufError) {
            return try PublicKeyProtobuf(bytes: Array(bytes.dropFirst(2)))
        } catch {
            return nil
        }
    }

    /// Feeds the bytes in one piece: tables of peers are looked into several times for each frame, and byte by byte it would be most
    /// of what that takes.
    public func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    /// Orders ids by their bytes.
    public static func < (left: PeerID, right: PeerID) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
