/// The square of a QR code in the making: what is drawn for the camera to find its way, then data, then a mask.
struct QRDrawing {
    private let version: Int
    private let side: Int
    /// Row by row; true is dark.
    private(set) var modules: [Bool]
    /// Where no data goes.
    private var isTaken: [Bool]

    init(version: Int) {
        self.version = version
        side = QRCode.side(of: version)
        modules = Array(repeating: false, count: side * side)
        isTaken = modules
        drawTiming()
        for (column, row) in [(3, 3), (side - 4, 3), (3, side - 4)] { drawFinder(column, row) }
        drawAlignment()
        drawVersion()
        // Room for what is known later.
        drawFormat(mask: 0, .low)
    }

    /// Puts the bytes in pairs of columns from the right, up and down in turn.
    mutating func place(_ bytes: [UInt8]) {
        let bits = bytes.flatMap { byte -> [Bool] in (0..<8).reversed().map { byte >> $0 & 1 == 1 } }
        var next = 0
        // The timing pattern has a column to itself.
        let columns = Array(stride(from: side - 1, through: 8, by: -2)) + [5, 3, 1]
        for (pair, right) in columns.enumerated() {
            for step in 0..<side {
                let row = pair % 2 == 0 ? side - 1 - step : step
                for column in [right, right - 1] where !isTaken[row * side + column] && next < bits.count {
                    modules[row * side + column] = bits[next]
                    next += 1
                }
            }
        }
    }

    /// The square with a mask over its data.
    func masked(_ mask: Int, _ correction: QRCode.Correction) -> QRDrawing {
        var copy = self
        for row in 0..<side {
            for column in 0..<side where !isTaken[row * side + column] && Self.inverts(mask, column, row) {
                copy.modules[row * side + column].toggle()
            }
        }
        copy.drawFormat(mask: mask, correction)
        return copy
    }

    private static func inverts(_ mask: Int, _ column: Int, _ row: Int) -> Bool {
        switch mask {
        case 0: (row + column) % 2 == 0
        case 1: row % 2 == 0
        case 2: column % 3 == 0
        case 3: (row + column) % 3 == 0
        case 4: (row / 2 + column / 3) % 2 == 0
        case 5: row * column % 2 + row * column % 3 == 0
        case 6: (row * column % 2 + row * column % 3) % 2 == 0
        default: ((row + column) % 2 + row * column % 3) % 2 == 0
        }
    }

    // MARK: Patterns

    private mutating func set(_ column: Int, _ row: Int, _ isDark: Bool) {
        guard (0..<side).contains(column), (0..<side).contains(row) else { return }
        modules[row * side + column] = isDark
        isTaken[row * side + column] = true
    }

    private mutating func drawTiming() {
        for place in 0..<side {
            set(place, 6, place % 2 == 0)
            set(6, place, place % 2 == 0)
        }
    }

    /// A square in a square, with a light border.
    private mutating func drawFinder(_ column: Int, _ row: Int) {
        for down in -4...4 {
            for right in -4...4 {
                let ring = max(abs(right), abs(down))
                set(column + right, row + down, ring != 2 && ring != 4)
            }
        }
    }

    private mutating func drawAlignment() {
        let places = Self.alignment(version)
        for (first, column) in places.enumerated() {
            for (second, row) in places.enumerated() {
                let last = places.count - 1
                // Finders are there.
                if [(0, 0), (0, last), (last, 0)].contains(where: { $0 == (first, second) }) { continue }
                for down in -2...2 {
                    for right in -2...2 { set(column + right, row + down, max(abs(right), abs(down)) != 1) }
                }
            }
        }
    }

    /// The middles of the alignment patterns, in each direction (ISO/IEC 18004, annex E).
    static func alignment(_ version: Int) -> [Int] {
        guard version >= 2 else { return [] }
        let count = version / 7 + 2
        // The table has one distance that is not the even number next above.
        let distance = version == 32 ? 26 : (4 * version + 2 * count + 1) / (2 * count - 2) * 2
        let last = QRCode.side(of: version) - 7
        return [6] + (0..<count - 1).reversed().map { last - $0 * distance }
    }

    /// Error correction and mask, twice: 5 bits with 10 of a BCH code.
    private mutating func drawFormat(mask: Int, _ correction: QRCode.Correction) {
        let bits = Self.format(mask: mask, correction)
        func bit(_ place: Int) -> Bool { bits >> place & 1 == 1 }
        for place in 0..<6 { set(8, place, bit(place)) }
        set(8, 7, bit(6))
        set(8, 8, bit(7))
        set(7, 8, bit(8))
        for place in 9..<15 { set(14 - place, 8, bit(place)) }
        for place in 0..<8 { set(side - 1 - place, 8, bit(place)) }
        for place in 8..<15 { set(8, side - 15 + place, bit(place)) }
        // Always dark.
        set(8, side - 8, true)
    }

    static func format(mask: Int, _ correction: QRCode.Correction) -> Int {
        let data = (correction == .low ? 1 : 0) << 3 | mask
        return (data << 10 | remainder(data << 10, by: 0x537)) ^ 0x5412
    }

    /// The version, twice, in large codes: 6 bits with 12 of a BCH code.
    private mutating func drawVersion() {
        guard version >= 7 else { return }
        let bits = Self.version(version)
        for place in 0..<18 {
            let (far, near) = (side - 11 + place % 3, place / 3)
            set(far, near, bits >> place & 1 == 1)
            set(near, far, bits >> place & 1 == 1)
        }
    }

    static func version(_ version: Int) -> Int { version << 12 | remainder(version << 12, by: 0x1F25) }

    /// The remainder of one polynomial of bits by another.
    private static func remainder(_ value: Int, by divisor: Int) -> Int {
        let width = Int.bitWidth - divisor.leadingZeroBitCount
        var rest = value
        while case let excess = Int.bitWidth - rest.leadingZeroBitCount - width, excess >= 0 {
            rest ^= divisor << excess
        }
        return rest
    }

    // MARK: What a camera finds hard

    /// The more, the harder to read (ISO/IEC 18004, 7.8.3).
    var penalty: Int {
        var penalty = 0
        var lines: [[Bool]] = []
        for line in 0..<side {
            lines.append((0..<side).map { modules[line * side + $0] })
            lines.append((0..<side).map { modules[$0 * side + line] })
        }
        for line in lines { penalty += Self.penalty(of: line) }
        for row in 1..<side {
            for column in 1..<side {
                let corner = modules[row * side + column]
                if modules[row * side + column - 1] == corner, modules[(row - 1) * side + column] == corner,
                    modules[(row - 1) * side + column - 1] == corner
                {
                    penalty += 3
                }
            }
        }
        let dark = modules.count { $0 }
        return penalty + abs(20 * dark - 10 * modules.count) / modules.count * 10
    }

    /// Long runs of one color, and what looks like a finder with its light border.
    private static func penalty(of line: [Bool]) -> Int {
        var penalty = 0
        var run = 0
        var lastEleven = 0
        for place in line.indices {
            run = place > 0 && line[place] == line[place - 1] ? run + 1 : 1
            if run == 5 { penalty += 3 } else if run > 5 { penalty += 1 }
            lastEleven = (lastEleven << 1 | (line[place] ? 1 : 0)) & 0x7FF
            if place >= 10, [0b101_11010000, 0b000_01011101].contains(lastEleven) { penalty += 40 }
        }
        return penalty
    }
}
