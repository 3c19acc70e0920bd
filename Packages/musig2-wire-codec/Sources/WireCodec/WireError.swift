public import Multiformats

/// Why bytes are not a message, or why a message may not be sent: where, and what was expected and found.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        /// The bytes end inside the field or the message.
        case truncated
        /// The whole is longer than its limit, in bytes.
        case tooLong(limit: Int, found: Int)
        /// A repeated field with more entries than its limit.
        case tooMany(limit: Int)
        /// A number is not a proper varint.
        case varint(VarintError)
        /// A tag with the field number 0 or one above 2^29 − 1.
        case invalidTag(UInt64)
        /// A wire type that protobuf does not have, or a group.
        case unsupportedWireType(UInt8)
        /// A field with another wire type than its own.
        case wrongWireType(expected: UInt8, found: UInt8)
        /// A field that the message does not have.
        case unknownField(UInt32)
        /// A field behind one with a higher number.
        case fieldOutOfOrder(UInt32)
        /// A singular field for the second time.
        case repeated
        /// A field that holds its default value, which must be left out.
        case defaultOnWire
        /// A field that must be there.
        case missing
        /// Bytes of a fixed length with another one.
        case wrongLength(expected: Int, found: Int)
        /// A count that does not fit the rest of the message.
        case wrongCount(expected: Int, found: Int)
        /// A number that the field cannot hold.
        case outOfRange(UInt64)
        /// Bytes that are not UTF-8.
        case invalidText
        /// Entries that are not in ascending order, or not all different.
        case notAscending
        /// A field that contradicts another one, in words.
        case conflict(String)
        /// Another encoding than the only one allowed.
        case notCanonical
        /// Deflated bytes that cannot be inflated.
        case deflated(ZlibError)
    }

    /// The name of the message, as in its `.proto` file.
    public let message: String
    /// The name of the field, as in its `.proto` file; empty when the message as a whole is meant.
    public let field: String
    /// What is wrong.
    public let reason: Reason

    /// Makes an error of its parts.
    public init(_ message: String, _ field: String, _ reason: Reason) {
        self.message = message
        self.field = field
        self.reason = reason
    }

    /// Makes an error about a message as a whole.
    public init(_ message: String, _ reason: Reason) { self.init(message, "", reason) }

    /// Where and what, in words.
    public var description: String {
        (field.isEmpty ? message : "\(message).\(field)") + ": \(reason)"
    }
}

extension WireError.Reason: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .truncated: "the bytes end too early"
        case .tooLong(let limit, let found): "expected at most \(limit) bytes, found \(found)"
        case .tooMany(let limit): "expected at most \(limit) entries, found more"
        case .varint(let error): "\(error)"
        case .invalidTag(let tag): "\(tag) is not a field tag"
        case .unsupportedWireType(let type): "wire type \(type) is not supported"
        case .wrongWireType(let expected, let found): "expected wire type \(expected), found \(found)"
        case .unknownField(let number): "field \(number) is not known"
        case .fieldOutOfOrder(let number): "field \(number) stands behind a higher one"
        case .repeated: "expected once, found again"
        case .defaultOnWire: "a default value must be left out"
        case .missing: "expected, not found"
        case .wrongLength(let expected, let found): "expected \(expected) bytes, found \(found)"
        case .wrongCount(let expected, let found): "expected \(expected) entries, found \(found)"
        case .outOfRange(let value): "\(value) is out of range"
        case .invalidText: "not UTF-8"
        case .notAscending: "entries must be ascending and different"
        case .conflict(let text): text
        case .notCanonical: "not the only encoding allowed"
        case .deflated(let error): "\(error)"
        }
    }
}
