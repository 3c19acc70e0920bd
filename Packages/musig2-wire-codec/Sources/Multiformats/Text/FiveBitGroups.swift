/// Bytes as groups of five bits, first bit first: what base32 and bech32m write, each with an alphabet of its own.
package enum FiveBitGroups {
    /// Eight bits to five, the last group filled with zeros.
    package static func split(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count * 8 + 4) / 5)
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            accumulator = (accumulator & 0xff) << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                output.append(UInt8(truncatingIfNeeded: accumulator >> bits & 31))
            }
        }
        if bits > 0 { output.append(UInt8(truncatingIfNeeded: accumulator << (5 - bits) & 31)) }
        return output
    }

    /// Five bits to eight; nil when what is left over is a whole group, or is not zero: each byte string has one form only.
    package static func join(_ groups: some Collection<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(groups.count * 5 / 8)
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for group in groups {
            accumulator = (accumulator & 0xff) << 5 | UInt32(group)
            bits += 5
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: accumulator >> bits))
            }
        }
        guard bits < 5, accumulator & ((1 << bits) - 1) == 0 else { return nil }
        return output
    }
}
