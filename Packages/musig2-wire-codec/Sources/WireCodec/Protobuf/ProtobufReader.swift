import Multiformats

/// The wire types of protobuf, without the obsolete groups.
public enum ProtobufWireType: UInt8, Hashable, Sendable {
    /// A varint.
    case varint = 0
    /// Eight bytes.
    case fixed64 = 1
    /// A varint length and that many bytes.
    case lengthDelimited = 2
    /// Four bytes.
    case fixed32 = 5
}

/// Reads the fields of one protobuf message, in the order in which they stand.
///
/// A reader never traps and never recurses by itself; it copies a field only after its length was found to be within the
/// bytes that are there. Two strictnesses: ``Mode/canonical`` accepts the only encoding that ``ProtobufWriter`` makes,
/// ``Mode/tolerant`` everything that protobuf demands of a reader.
public struct ProtobufReader: Sendable {
    /// How strict a reader is.
    public enum Mode: Hashable, Sendable {
        /// Fields ascending, singular ones once, no defaults, minimal varints, no unknown fields, lists of numbers packed.
        case canonical
        /// Any order, the last value of a singular field wins, unknown fields are skipped.
        case tolerant
    }

    /// The head of a field.
    public struct Field: Hashable, Sendable {
        /// The field number, 1 to 2^29 − 1.
        public let number: UInt32
        /// How the value is written.
        public let type: ProtobufWireType
        /// Whether the field before had the same number.
        let isRepeat: Bool
    }

    /// The name of the message, for errors.
    public let message: String
    /// How strict the reader is.
    public let mode: Mode

    private let source: [UInt8]
    private var position: Int
    private let end: Int
    private var lastNumber: UInt32 = 0

    /// Reads the whole of `bytes`.
    public init(_ bytes: [UInt8], message: String, mode: Mode) {
        self.init(bytes, 0..<bytes.count, message: message, mode: mode)
    }

    private init(_ source: [UInt8], _ range: Range<Int>, message: String, mode: Mode) {
        self.source = source
        position = range.lowerBound
        end = range.upperBound
        self.message = message
        self.mode = mode
    }

    /// The head of the next field, or nil at the end of the message. Its value must be read, or skipped, next.
    /// - Throws: ``WireError``; in canonical mode also for a field behind one with a higher number.
    public mutating func nextField() throws(WireError) -> Field? {
        guard position < end else { return nil }
        let tag = try varint("")
        let number = tag >> 3
        guard number > 0, number < 1 << 29 else { throw error("", .invalidTag(tag)) }
        guard let type = ProtobufWireType(rawValue: UInt8(tag & 7)) else {
            throw error("", .unsupportedWireType(UInt8(tag & 7)))
        }
        let field = Field(number: UInt32(number), type: type, isRepeat: UInt32(number) == lastNumber)
        if mode == .canonical, field.number < lastNumber { throw error("", .fieldOutOfOrder(field.number)) }
        lastNumber = field.number
        return field
    }

    /// Reads a singular number.
    /// - Throws: ``WireError``.
    public mutating func uint64(_ field: Field, _ name: String) throws(WireError) -> UInt64 {
        try check(field, .varint, name)
        try checkSingular(field, name)
        let value = try varint(name)
        if mode == .canonical, value == 0 { throw error(name, .defaultOnWire) }
        return value
    }

    /// Reads a singular number of 32 bits; in tolerant mode higher bits are dropped, as protobuf says.
    /// - Throws: ``WireError``.
    public mutating func uint32(_ field: Field, _ name: String) throws(WireError) -> UInt32 {
        let value = try uint64(field, name)
        if mode == .canonical, value > UInt64(UInt32.max) { throw error(name, .outOfRange(value)) }
        return UInt32(truncatingIfNeeded: value)
    }

    /// Reads a singular truth value; canonical is `true` as 1.
    /// - Throws: ``WireError``.
    public mutating func bool(_ field: Field, _ name: String) throws(WireError) -> Bool {
        let value = try uint64(field, name)
        if mode == .canonical, value > 1 { throw error(name, .outOfRange(value)) }
        return value != 0
    }

    /// Reads a singular number that names a case.
    /// - Throws: ``WireError``; `outOfRange` for a number without a case.
    public mutating func enumeration<Value: RawRepresentable<UInt32>>(
        _ field: Field, _ name: String, as type: Value.Type = Value.self
    ) throws(WireError) -> Value {
        let number = try uint32(field, name)
        guard let value = Value(rawValue: number) else { throw error(name, .outOfRange(UInt64(number))) }
        return value
    }

    /// Reads singular bytes.
    /// - Parameters:
    ///   - field: the head.
    ///   - name: the field's name, for errors.
    ///   - limit: the most bytes it may have.
    /// - Returns: the bytes; in canonical mode at least one.
    /// - Throws: ``WireError``.
    public mutating func bytes(_ field: Field, _ name: String, limit: Int) throws(WireError) -> [UInt8] {
        try checkSingular(field, name)
        let value = try element(field, name, limit: limit)
        if mode == .canonical, value.isEmpty { throw error(name, .defaultOnWire) }
        return Array(source[value])
    }

    /// Reads singular bytes of a fixed length.
    /// - Throws: ``WireError``; `wrongLength` for another length.
    public mutating func bytes(_ field: Field, _ name: String, exactly count: Int) throws(WireError) -> [UInt8] {
        try checkSingular(field, name)
        let value = try element(field, name, limit: end - position)
        guard value.count == count else { throw error(name, .wrongLength(expected: count, found: value.count)) }
        return Array(source[value])
    }

    /// Reads one entry of repeated bytes and appends it; an entry may be empty.
    /// - Parameters:
    ///   - field: the head.
    ///   - name: the field's name, for errors.
    ///   - list: where the entry goes.
    ///   - limit: the most bytes that an entry may have.
    ///   - count: the most entries.
    /// - Throws: ``WireError``.
    public mutating func append(
        _ field: Field, _ name: String, to list: inout [[UInt8]], limit: Int, count: Int
    ) throws(WireError) {
        let value = try element(field, name, limit: limit)
        guard list.count < count else { throw error(name, .tooMany(limit: count)) }
        list.append(Array(source[value]))
    }

    /// Reads one entry of repeated bytes of a fixed length and appends it.
    /// - Throws: ``WireError``; `wrongLength` for another length.
    public mutating func append(
        _ field: Field, _ name: String, to list: inout [[UInt8]], exactly size: Int, count: Int
    ) throws(WireError) {
        let value = try element(field, name, limit: end - position)
        guard value.count == size else { throw error(name, .wrongLength(expected: size, found: value.count)) }
        guard list.count < count else { throw error(name, .tooMany(limit: count)) }
        list.append(Array(source[value]))
    }

    /// Reads a singular text. In tolerant mode what is not UTF-8 is replaced by U+FFFD: of proto2 not all demand it.
    /// - Throws: ``WireError``; `invalidText` for bytes that are not UTF-8, in canonical mode.
    public mutating func string(_ field: Field, _ name: String, limit: Int) throws(WireError) -> String {
        try text(of: try bytes(field, name, limit: limit)[...], name)
    }

    private func text(of bytes: ArraySlice<UInt8>, _ name: String) throws(WireError) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        guard mode == .tolerant else { throw error(name, .invalidText) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads one entry of a repeated text and appends it; of what is not UTF-8 as ``string(_:_:limit:)``.
    /// - Throws: ``WireError``; `invalidText` for bytes that are not UTF-8, in canonical mode.
    public mutating func append(
        _ field: Field, _ name: String, to list: inout [String], limit: Int, count: Int
    ) throws(WireError) {
        let value = try element(field, name, limit: limit)
        guard list.count < count else { throw error(name, .tooMany(limit: count)) }
        list.append(try text(of: source[value], name))
    }

    /// Reads a repeated number of 32 bits and appends its values: packed, and in tolerant mode one by one too.
    /// - Throws: ``WireError``.
    public mutating func append(
        _ field: Field, _ name: String, to list: inout [UInt32], count: Int
    ) throws(WireError) {
        if mode == .tolerant, field.type == .varint {
            guard list.count < count else { throw error(name, .tooMany(limit: count)) }
            list.append(UInt32(truncatingIfNeeded: try varint(name)))
            return
        }
        if mode == .canonical { try checkSingular(field, name) }
        let range = try element(field, name, limit: end - position)
        if mode == .canonical, range.isEmpty { throw error(name, .defaultOnWire) }
        var part = ProtobufReader(source, range, message: message, mode: mode)
        while part.position < part.end {
            guard list.count < count else { throw error(name, .tooMany(limit: count)) }
            let value = try part.varint(name)
            if mode == .canonical, value > UInt64(UInt32.max) { throw error(name, .outOfRange(value)) }
            list.append(UInt32(truncatingIfNeeded: value))
        }
    }

    /// Reads a singular message.
    /// - Throws: ``WireError``.
    public mutating func message<Value: WireMessage>(
        _ field: Field, _ name: String, as type: Value.Type = Value.self, limits: WireLimits
    ) throws(WireError) -> Value {
        try checkSingular(field, name)
        return try nested(field, name, as: type, limits: limits)
    }

    /// Reads one entry of a repeated message and appends it.
    /// - Throws: ``WireError``.
    public mutating func append<Value: WireMessage>(
        _ field: Field, _ name: String, to list: inout [Value], limits: WireLimits, count: Int
    ) throws(WireError) {
        guard list.count < count else { throw error(name, .tooMany(limit: count)) }
        list.append(try nested(field, name, as: Value.self, limits: limits))
    }

    /// A reader of one entry of a repeated message, for messages that are not a ``WireMessage``.
    /// - Throws: ``WireError``.
    public mutating func submessage(
        _ field: Field, _ name: String, message: String
    ) throws(WireError) -> ProtobufReader {
        let range = try element(field, name, limit: end - position)
        return ProtobufReader(source, range, message: message, mode: mode)
    }

    /// Takes a field that the message does not have: refused in canonical mode, skipped in tolerant mode.
    /// - Throws: ``WireError``.
    public mutating func unknown(_ field: Field) throws(WireError) {
        guard mode == .tolerant else { throw error("", .unknownField(field.number)) }
        switch field.type {
        case .varint: _ = try varint("")
        case .fixed64: try skip(8)
        case .fixed32: try skip(4)
        case .lengthDelimited: _ = try element(field, "", limit: end - position)
        }
    }

    /// The error for a field of this message.
    public func error(_ field: String, _ reason: WireError.Reason) -> WireError {
        WireError(message, field, reason)
    }

    // MARK: - Internals

    private mutating func nested<Value: WireMessage>(
        _ field: Field, _ name: String, as type: Value.Type, limits: WireLimits
    ) throws(WireError) -> Value {
        let range = try element(field, name, limit: end - position)
        var reader = ProtobufReader(source, range, message: Value.messageName, mode: mode)
        let value = try Value(from: &reader, limits: limits)
        try value.validate(limits)
        return value
    }

    /// The range of a length-delimited value, which is then taken as read.
    private mutating func element(_ field: Field, _ name: String, limit: Int) throws(WireError) -> Range<Int> {
        try check(field, .lengthDelimited, name)
        let length = try varint(name)
        guard length <= UInt64(end - position) else { throw error(name, .truncated) }
        let count = Int(length)
        guard count <= limit else { throw error(name, .tooLong(limit: limit, found: count)) }
        let range = position..<(position + count)
        position += count
        return range
    }

    private mutating func skip(_ count: Int) throws(WireError) {
        guard count <= end - position else { throw error("", .truncated) }
        position += count
    }

    private mutating func varint(_ name: String) throws(WireError) -> UInt64 {
        do throws(VarintError) {
            return try UVarint.decode(source, at: &position, end: end, minimal: mode == .canonical)
        } catch let failure {
            throw error(name, failure == .truncated ? .truncated : .varint(failure))
        }
    }

    private func check(_ field: Field, _ expected: ProtobufWireType, _ name: String) throws(WireError) {
        guard field.type == expected else {
            throw error(name, .wrongWireType(expected: expected.rawValue, found: field.type.rawValue))
        }
    }

    private func checkSingular(_ field: Field, _ name: String) throws(WireError) {
        if mode == .canonical, field.isRepeat { throw error(name, .repeated) }
    }
}
