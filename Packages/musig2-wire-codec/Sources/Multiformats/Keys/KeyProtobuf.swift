/// The kinds of libp2p identity keys (libp2p peer-ids specification, `KeyType`).
public enum KeyType: UInt64, Hashable, Sendable, CaseIterable {
    /// RSA, in PKIX DER form.
    case rsa = 0
    /// Ed25519, 32 bytes.
    case ed25519 = 1
    /// secp256k1, a compressed point of 33 bytes.
    case secp256k1 = 2
    /// ECDSA over a NIST curve, in PKIX DER form.
    case ecdsa = 3
}

/// Why bytes are not a libp2p key message.
public enum KeyProtobufError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end too early.
    case truncated
    /// A number is not a minimal varint.
    case varint(VarintError)
    /// Something else than the fields `Type` and `Data`, both once and in this order.
    case notCanonical
    /// A key type that does not exist.
    case unknownKeyType(UInt64)
    /// The data has another length than keys of this type have.
    case wrongLength(KeyType, expected: Int, found: Int)
    /// The data is longer than the limit, or empty.
    case lengthOutOfRange(limit: Int, found: UInt64)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .truncated: "key: the bytes end too early"
        case .varint(let error): "key: \(error)"
        case .notCanonical: "key: expected the fields Type and Data, each once, and nothing else"
        case .unknownKeyType(let type): "key: type \(type) is not known (0 RSA, 1 Ed25519, 2 secp256k1, 3 ECDSA)"
        case .wrongLength(let type, let expected, let found):
            "key: expected \(expected) bytes of \(type) key data, found \(found)"
        case .lengthOutOfRange(let limit, let found): "key: expected 1 to \(limit) bytes of key data, found \(found)"
        }
    }
}

/// libp2p's `PublicKey` message: key type and key data.
///
/// A peer id is made of these exact bytes, so there is one encoding only: `Type` (written even when it is 0), then
/// `Data`, minimal varints, nothing else.
public struct PublicKeyProtobuf: Hashable, Sendable {
    /// The kind of key.
    public let type: KeyType
    /// Ed25519: 32 bytes. secp256k1: 33 bytes, compressed. RSA and ECDSA: PKIX DER.
    public let data: [UInt8]

    /// Makes the message.
    /// - Throws: ``KeyProtobufError`` when `data` has an impossible length for `type`.
    public init(type: KeyType, data: [UInt8]) throws(KeyProtobufError) {
        switch type {
        case .ed25519 where data.count != 32: throw .wrongLength(type, expected: 32, found: data.count)
        case .secp256k1 where data.count != 33: throw .wrongLength(type, expected: 33, found: data.count)
        default: break
        }
        guard (1...FormatLimits.publicKeyBytes).contains(data.count) else {
            throw .lengthOutOfRange(limit: FormatLimits.publicKeyBytes, found: UInt64(data.count))
        }
        self.type = type
        self.data = data
    }

    /// Decodes the whole of `bytes`.
    /// - Throws: ``KeyProtobufError``.
    public init(bytes: [UInt8]) throws(KeyProtobufError) {
        let (type, data) = try KeyProtobuf.decode(bytes, limit: FormatLimits.publicKeyBytes)
        try self.init(type: type, data: data)
    }

    /// The encoded message: 36 bytes for Ed25519, 37 for secp256k1.
    public var bytes: [UInt8] { KeyProtobuf.encode(type: type, data: data) }
}

/// libp2p's `PrivateKey` message. It holds a secret: its description shows the kind of key only, and it is not `Hashable`.
public struct PrivateKeyProtobuf: Sendable, CustomStringConvertible, CustomReflectable {
    /// The kind of key.
    public let type: KeyType
    /// Ed25519: seed and public key, 64 bytes (an old form of 96 repeats the public key). secp256k1: 32 bytes.
    public let data: [UInt8]

    /// Makes the message.
    /// - Throws: ``KeyProtobufError/lengthOutOfRange(limit:found:)``.
    public init(type: KeyType, data: [UInt8]) throws(KeyProtobufError) {
        guard (1...FormatLimits.privateKeyBytes).contains(data.count) else {
            throw .lengthOutOfRange(limit: FormatLimits.privateKeyBytes, found: UInt64(data.count))
        }
        self.type = type
        self.data = data
    }

    /// Decodes the whole of `bytes`.
    /// - Throws: ``KeyProtobufError``.
    public init(bytes: [UInt8]) throws(KeyProtobufError) {
        let (type, data) = try KeyProtobuf.decode(bytes, limit: FormatLimits.privateKeyBytes)
        try self.init(type: type, data: data)
    }

    /// The encoded message.
    public var bytes: [UInt8] { KeyProtobuf.encode(type: type, data: data) }

    /// The kind of key, never the key.
    public var description: String { "PrivateKeyProtobuf(\(type), redacted)" }

    /// A mirror without children, so that printing a containing value shows no secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The shape that both key messages share: field 1 a varint, field 2 bytes.
private enum KeyProtobuf {
    static func encode(type: KeyType, data: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(data.count + 6)
        output.append(0x08)
        UVarint.append(type.rawValue, to: &output)
        output.append(0x12)
        UVarint.append(UInt64(data.count), to: &output)
        output.append(contentsOf: data)
        return output
    }

    static func decode(_ bytes: [UInt8], limit: Int) throws(KeyProtobufError) -> (KeyType, [UInt8]) {
        var offset = 0
        try expect(0x08, in: bytes, at: &offset)
        let number = try varint(bytes, &offset)
        guard let type = KeyType(rawValue: number) else { throw .unknownKeyType(number) }
        try expect(0x12, in: bytes, at: &offset)
        let length = try varint(bytes, &offset)
        guard (1...UInt64(limit)).contains(length) else { throw .lengthOutOfRange(limit: limit, found: length) }
        let available = bytes.count - offset
        guard Int(length) <= available else { throw .truncated }
        guard Int(length) == available else { throw .notCanonical }
        return (type, Array(bytes[offset...]))
    }

    static func expect(_ tag: UInt8, in bytes: [UInt8], at offset: inout Int) throws(KeyProtobufError) {
        guard offset < bytes.count else { throw .truncated }
        guard bytes[offset] == tag else { throw .notCanonical }
        offset += 1
    }

    static func varint(_ bytes: [UInt8], _ offset: inout Int) throws(KeyProtobufError) -> UInt64 {
        do throws(VarintError) {
            return try UVarint.decode(bytes, at: &offset)
        } catch {
            throw error == .truncated ? .truncated : .varint(error)
        }
    }
}
