/// A QR code (ISO/IEC 18004, model 2): a square of dark and light modules that a camera reads back as text.
///
/// One segment, in alphanumeric mode where the text allows it and in byte mode else; the smallest version of 1 to 40 that
/// holds it, and the better error correction of the two if that costs no version.
struct QRCode: Equatable {
    /// How much of the square may be unreadable.
    enum Correction: CaseIterable {
        /// About 7 %.
        case low
        /// About 15 %.
        case medium
    }

    /// 1 to 40.
    let version: Int
    let correction: Correction
    /// The pattern, 0 to 7, that was laid over the data.
    let mask: Int
    /// Row by row from the top, each from the left; true is dark.
    private let modules: [Bool]

    /// The highest version.
    static let highestVersion = 40

    /// The modules of a side: 21 to 177.
    var side: Int { Self.side(of: version) }

    /// Whether a module is dark. Outside of the square all is light.
    subscript(column: Int, row: Int) -> Bool {
        guard (0..<side).contains(column), (0..<side).contains(row) else { return false }
        return modules[row * side + column]
    }

    /// The code of a text; nil when the text is too long for any.
    ///
    /// - Parameter lowest: The lowest version to be taken.
    init?(_ text: String, atLeast lowest: Int = 1) {
        let segment = QRSegment(text)
        let fitting = (lowest...Self.highestVersion).lazy.compactMap { version in
            Correction.allCases.last { segment.fits(QRBlocks(version, $0).dataCount, version) }
                .map { (version: version, correction: $0) }
        }.first
        guard let fitting else { return nil }
        let blocks = QRBlocks(fitting.version, fitting.correction)
        let codewords = blocks.interleaved(segment.codewords(count: blocks.dataCount, fitting.version))
        var drawing = QRDrawing(version: fitting.version)
        drawing.place(codewords)
        let masked = (0..<8).map { drawing.masked($0, fitting.correction) }
        let penalties = masked.map(\.penalty)
        let mask = penalties.indices.min { penalties[$0] < penalties[$1] } ?? 0
        self.version = fitting.version
        self.correction = fitting.correction
        self.mask = mask
        modules = masked[mask].modules
    }

    static func side(of version: Int) -> Int { 4 * version + 17 }
}

/// The text of a code as bits.
struct QRSegment {
    private enum Mode {
        case alphanumeric
        case byte
    }

    private static let alphanumeric = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".utf8)

    private let mode: Mode
    private let characters: [UInt8]

    init(_ text: String) {
        let bytes = Array(text.utf8)
        let values = bytes.compactMap { Self.alphanumeric.firstIndex(of: $0).map(UInt8.init) }
        mode = values.count == bytes.count ? .alphanumeric : .byte
        characters = mode == .alphanumeric ? values : bytes
    }

    /// Whether there is room in so many bytes.
    func fits(_ count: Int, _ version: Int) -> Bool {
        characters.count < 1 << countBits(version) && 4 + countBits(version) + dataBits <= 8 * count
    }

    /// The bytes: mode, number of characters, characters, end, and padding.
    func codewords(count: Int, _ version: Int) -> [UInt8] {
        var bits: [Bool] = []
        func append(_ value: Int, _ count: Int) {
            for place in (0..<count).reversed() { bits.append(value >> place & 1 == 1) }
        }
        append(mode == .alphanumeric ? 0b0010 : 0b0100, 4)
        append(characters.count, countBits(version))
        switch mode {
        case .byte:
            for byte in characters { append(Int(byte), 8) }
        case .alphanumeric:
            for start in stride(from: 0, to: characters.count, by: 2) {
                if start + 1 < characters.count {
                    append(Int(characters[start]) * 45 + Int(characters[start + 1]), 11)
                } else {
                    append(Int(characters[start]), 6)
                }
            }
        }
        append(0, min(4, 8 * count - bits.count))
        append(0, (8 - bits.count % 8) % 8)
        var bytes = stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
        }
        for index in 0..<count - bytes.count { bytes.append(index % 2 == 0 ? 0xEC : 0x11) }
        return bytes
    }

    private var dataBits: Int {
        switch mode {
        case .byte: 8 * characters.count
        case .alphanumeric: characters.count / 2 * 11 + characters.count % 2 * 6
        }
    }

    /// The width of the number of characters.
    private func countBits(_ version: Int) -> Int {
        let range = version < 10 ? 0 : version < 27 ? 1 : 2
        switch mode {
        case .alphanumeric: return [9, 11, 13][range]
        case .byte: return [8, 16, 16][range]
        }
    }
}
