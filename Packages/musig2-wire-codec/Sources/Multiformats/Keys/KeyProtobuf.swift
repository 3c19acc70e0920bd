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
        let (type, data) = try KeyProtobuf.locate(bytes, of: bytes.count, limit: FormatLimits.publicKeyBytes)
        try self.init(type: type, data: Array(bytes[data]))
    }

    /// The encoded message: 36 bytes for Ed25519, 37 for secp256k1.
    public var bytes: [UInt8] { KeyProtobuf.encode(type: type, data: data) }
}

/// libp2p's `PrivateKey` message. It holds a secret: its description shows the kind of key only, and it is not `Hashable`.
///
/// Its bytes are in arrays, which are copied freely and never wiped. A program that keeps keys in memory that is wiped uses
/// ``locate(in:)`` and ``head(type:dataByteCount:)`` there, and makes no value of this type.
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
        let (type, data) = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(KeyProtobufError) in
            try Self.locate(in: bytes)
        }
        try self.init(type: type, data: Array(bytes[data]))
    }

    /// Finds the key in an encoded message without copying any of it.
    ///
    /// - Parameter bytes: The whole message.
    /// - Returns: The kind of key, and where in `bytes` its data lies, counted from 0.
    /// - Throws: ``KeyProtobufError``.
    public static func locate(
        in bytes: UnsafeRawBufferPointer
    ) throws(KeyProtobufError) -> (type: KeyType, data: Range<Int>) {
        // The fields before the data: two tags and two varints, each of which ends in a byte below 128.
        var head: [UInt8] = []
        var ends = 0
        while ends < 4, head.count < bytes.count, head.count < 2 * (1 + UVarint.maximumLength) {
            head.append(bytes[head.count])
            if head[head.count - 1] < 0x80 { ends += 1 }
        }
        return try KeyProtobuf.locate(head, of: bytes.count, limit: FormatLimits.privateKeyBytes)
    }

    /// What stands before the data in an encoded message; nothing of it is secret.
    ///
    /// - Parameters:
    ///   - type: The kind of key.
    ///   - dataByteCount: How many bytes of data follow.
    /// - Returns: Four bytes for the keys that a node here can have.
    /// - Throws: ``KeyProtobufError/lengthOutOfRange(limit:found:)``.
    public static func head(type: KeyType, dataByteCount: Int) throws(KeyProtobufError) -> [UInt8] {
        guard (1...FormatLimits.privateKeyBytes).contains(dataByteCount) else {
            throw .lengthOutOfRange(limit: FormatLimits.privateKeyBytes, found: UInt64(clamping: dataByteCount))
        }
        return KeyProtobuf.head(type: type, dataByteCount: dataByteCount)
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
        head(type: type, dataByteCount: data.count) + data
    }

    static func head(type: KeyType, dataByteCount: Int) -> [UInt8] {
        var output: [UInt8] = []
        output.append(0x08)
        UVarint.append(type.rawValue, to: &output)
        output.append(0x12)
        UVarint.append(UInt64(dataByteCount), to: &output)
        return output
    }

    /// The kind of key, and where its data lies in a message of `count` bytes that begins as `bytes` do.
    static func locate(
        _ bytes: [UInt8], of count: Int, limit: Int
    ) throws(KeyProtobufError) -> (type: KeyType, data: Range<Int>) {
        var offset = 0
        try expect(0x08, in: bytes, at: &offset)
        let number = try varint(bytes, &offset)
        guard let type = KeyType(rawValue: number) else { throw .unknownKeyType(number) }
        try expect(0x12, in: bytes, at: &offset)
        let length = try varint(bytes, &offset)
        guard (1...UInt64(limit)).contains(length) else { throw .lengthOutOfRange(limit: limit, found: length) }
        let available = count - offset
        guard Int(length) <= available else { throw .truncated }
        guard Int(length) == available else { throw .notCanonical }
        return (type, offset..<count)
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
