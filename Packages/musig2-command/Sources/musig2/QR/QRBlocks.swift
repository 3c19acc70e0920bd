/// How the bytes of a QR code are cut into blocks, each with its error correction (ISO/IEC 18004, table 9).
struct QRBlocks {
    private let blockCount: Int
    private let correctionCount: Int
    private let totalCount: Int

    init(_ version: Int, _ correction: QRCode.Correction) {
        let (counts, corrections) =
            switch correction {
            case .low: (Self.lowBlocks, Self.lowCorrection)
            case .medium: (Self.mediumBlocks, Self.mediumCorrection)
            }
        blockCount = counts[version - 1]
        correctionCount = corrections[version - 1]
        totalCount = Self.moduleCount(version) / 8
    }

    /// The bytes for data.
    var dataCount: Int { totalCount - blockCount * correctionCount }

    /// Data and error correction in the order in which they are drawn: the first byte of each block, then the second, …
    func interleaved(_ data: [UInt8]) -> [UInt8] {
        // The last blocks are longer by one where it does not divide.
        let longCount = dataCount % blockCount
        let shortLength = dataCount / blockCount
        var blocks: [[UInt8]] = []
        var start = 0
        for index in 0..<blockCount {
            let length = shortLength + (index >= blockCount - longCount ? 1 : 0)
            blocks.append(Array(data[start..<start + length]))
            start += length
        }
        let corrections = blocks.map { ReedSolomon.remainder(of: $0, count: correctionCount) }
        var bytes: [UInt8] = []
        for place in 0...shortLength { for block in blocks where place < block.count { bytes.append(block[place]) } }
        for place in 0..<correctionCount { for block in corrections { bytes.append(block[place]) } }
        return bytes
    }

    /// The modules that are neither patterns nor information about the code.
    static func moduleCount(_ version: Int) -> Int {
        var count = (16 * version + 128) * version + 64
        if version >= 2 {
            let positions = version / 7 + 2
            count -= (25 * positions - 10) * positions - 55
        }
        return version >= 7 ? count - 36 : count
    }

    private static let lowBlocks = [
        1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8,
        8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
    ]
    private static let lowCorrection = [
        7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
        28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ]
    private static let mediumBlocks = [
        1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
        17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
    ]
    private static let mediumCorrection = [
        10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
        26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ]
}

/// The error correction of QR codes: a Reed-Solomon code over the 256 polynomials modulo x⁸ + x⁴ + x³ + x² + 1.
enum ReedSolomon {
    /// The remainder of the data, as a polynomial, by the one with the zeros at the powers 0 to `count` - 1 of x.
    static func remainder(of data: [UInt8], count: Int) -> [UInt8] {
        let divisor = generator(count)
        var rest = [UInt8](repeating: 0, count: count)
        for byte in data {
            let factor = byte ^ rest.removeFirst()
            rest.append(0)
            for place in rest.indices { rest[place] ^= product(divisor[place], factor) }
        }
        return rest
    }

    /// The coefficients from the second highest down; the highest is 1.
    private static func generator(_ count: Int) -> [UInt8] {
        var coefficients = [UInt8](repeating: 0, count: count - 1) + [1]
        var zero: UInt8 = 1
        for _ in 0..<count {
            for place in coefficients.indices {
                coefficients[place] = product(coefficients[place], zero)
                if place + 1 < count { coefficients[place] ^= coefficients[place + 1] }
            }
            zero = product(zero, 2)
        }
        return coefficients
    }

    private static func product(_ first: UInt8, _ second: UInt8) -> UInt8 {
        var result = 0
        for place in (0..<8).reversed() {
            result = result << 1 ^ (result >> 7) * 0x11D
            result ^= Int(second) >> place & 1 == 1 ? Int(first) : 0
        }
        return UInt8(result)
    }
}
