import Multiformats

/// Writes protobuf fields in the order of the calls.
///
/// Singular fields that hold their default value are left out, as proto3 does; the methods with *required* in their name
/// write always, as proto2 does. Called with ascending field numbers it makes the only encoding that a canonical
/// ``ProtobufReader`` accepts.
public struct ProtobufWriter: Sendable {
    /// What has been written.
    public private(set) var bytes: [UInt8] = []

    /// An empty message.
    /// - Parameter capacity: the number of bytes expected.
    public init(capacity: Int = 64) { bytes.reserveCapacity(capacity) }

    /// Writes a number unless it is 0.
    public mutating func uint(_ number: UInt32, _ value: UInt64) {
        if value != 0 { requiredUInt(number, value) }
    }

    /// Writes a number unless it is 0.
    public mutating func uint(_ number: UInt32, _ value: UInt32) { uint(number, UInt64(value)) }

    /// Writes a number, 0 too.
    public mutating func requiredUInt(_ number: UInt32, _ value: UInt64) {
        tag(number, .varint)
        UVarint.append(value, to: &bytes)
    }

    /// Writes `true`; leaves `false` out.
    public mutating func bool(_ number: UInt32, _ value: Bool) { uint(number, value ? 1 as UInt64 : 0) }

    /// Writes bytes unless there are none.
    public mutating func bytes(_ number: UInt32, _ value: [UInt8]) {
        if !value.isEmpty { requiredBytes(number, value) }
    }

    /// Writes bytes, none too.
    public mutating func requiredBytes(_ number: UInt32, _ value: [UInt8]) {
        tag(number, .lengthDelimited)
        UVarint.append(UInt64(value.count), to: &bytes)
        bytes.append(contentsOf: value)
    }

    /// Writes one field for each of `values`, empty ones too.
    public mutating func repeatedBytes(_ number: UInt32, _ values: [[UInt8]]) {
        for value in values { requiredBytes(number, value) }
    }

    /// Writes a text unless it is empty.
    public mutating func string(_ number: UInt32, _ value: String) {
        if !value.isEmpty { requiredString(number, value) }
    }

    /// Writes a text, an empty one too.
    public mutating func requiredString(_ number: UInt32, _ value: String) {
        tag(number, .lengthDelimited)
        UVarint.append(UInt64(value.utf8.count), to: &bytes)
        bytes.append(contentsOf: value.utf8)
    }

    /// Writes all of `values` in one field, unless there are none.
    public mutating func packed(_ number: UInt32, _ values: [UInt32]) {
        guard !values.isEmpty else { return }
        tag(number, .lengthDelimited)
        UVarint.append(values.reduce(0) { $0 + UInt64(UVarint.encodedLength(UInt64($1))) }, to: &bytes)
        for value in values { UVarint.append(UInt64(value), to: &bytes) }
    }

    /// Writes a message as a field, an empty one too.
    public mutating func message(_ number: UInt32, _ write: (inout ProtobufWriter) -> Void) {
        tag(number, .lengthDelimited)
        let start = bytes.count
        write(&self)
        let length = UVarint.encode(UInt64(bytes.count - start))
        bytes.insert(contentsOf: length, at: start)
    }

    /// Writes a message as a field, an empty one too.
    public mutating func message(_ number: UInt32, _ value: some WireMessage) {
        message(number) { value.write(to: &$0) }
    }

    private mutating func tag(_ number: UInt32, _ type: ProtobufWireType) {
        UVarint.append(UInt64(number) << 3 | UInt64(type.rawValue), to: &bytes)
    }
}
