/// Why an unsigned varint could not be read.
public enum VarintError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end before the last byte of the number.
    case truncated
    /// The number does not fit into 64 bits, or takes more than 10 bytes.
    case overflow
    /// The number is written with more bytes than it needs.
    case notMinimal

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .truncated: "varint: the bytes end inside the number"
        case .overflow: "varint: the number does not fit into 64 bits"
        case .notMinimal: "varint: written with more bytes than needed"
        }
    }
}

/// Unsigned variable-length integers: seven bits a byte, least significant first, the high bit set on all bytes but the last.
///
/// The same format serves protobuf and the multiformats (there `unsigned-varint`, which forbids encodings that are
/// longer than needed).
public enum UVarint {
    /// The most bytes that a 64-bit number takes.
    public static let maximumLength = 10

    /// The number of bytes, 1 to 10, that `value` takes.
    public static func encodedLength(_ value: UInt64) -> Int {
        value < 0x80 ? 1 : (70 - value.leadingZeroBitCount) / 7
    }

    /// Appends the 1 to 10 bytes of `value` to `output`.
    public static func append(_ value: UInt64, to output: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    /// The 1 to 10 bytes of `value`.
    public static func encode(_ value: UInt64) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(maximumLength)
        append(value, to: &output)
        return output
    }

    /// Reads one number from `bytes` at `offset`, and moves `offset` behind it.
    ///
    /// - Parameters:
    ///   - bytes: where to read.
    ///   - offset: the index of the first byte; unchanged when an error is thrown.
    ///   - end: the index at which to stop; by default the end of `bytes`.
    ///   - minimal: whether an encoding that is longer than needed is refused.
    /// - Returns: the number.
    /// - Throws: ``VarintError``; `truncated` means that more bytes may still complete the number.
    public static func decode(
        _ bytes: [UInt8], at offset: inout Int, end: Int? = nil, minimal: Bool = true
    ) throws(VarintError) -> UInt64 {
        let end = min(end ?? bytes.count, bytes.count)
        var position = max(offset, 0)
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            // The tenth byte holds bit 63 alone.
            if shift == 63, byte > 1 { throw .overflow }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                if minimal, byte == 0, shift > 0 { throw .notMinimal }
                offset = position
                return value
            }
            shift += 7
        }
        throw .truncated
    }
}
