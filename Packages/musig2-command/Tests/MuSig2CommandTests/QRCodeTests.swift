import Foundation
import Testing

@testable import musig2

/// Invitations as pictures. The figures are those of ISO/IEC 18004 and of its common worked examples; a reader of others,
/// zbarimg, has the last word where it is installed.
struct QRCodeTests {
    /// "HELLO WORLD" in version 1 with medium correction: the data, then its error correction.
    @Test
    func workedExample() throws {
        let blocks = QRBlocks(1, .medium)
        #expect(
            blocks.interleaved(QRSegment("HELLO WORLD").codewords(count: blocks.dataCount, 1)) == [
                32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17,
                196, 35, 39, 119, 235, 215, 231, 226, 93, 23,
            ])
        let code = try #require(QRCode("HELLO WORLD"))
        #expect(code.version == 1 && code.correction == .medium && code.side == 21)
    }

    @Test
    func formatAndVersion() {
        #expect(QRDrawing.format(mask: 0, .low) == 0b1110111_11000100)
        #expect(QRDrawing.format(mask: 7, .low) == 0b1101001_01110110)
        #expect(QRDrawing.format(mask: 0, .medium) == 0b1010100_00010010)
        #expect(QRDrawing.format(mask: 5, .medium) == 0b1000000_11001110)
        #expect(QRDrawing.version(7) == 0b00_01111100_10010100)
        #expect(QRDrawing.version(40) == 0b10_10001100_01101001)
    }

    @Test(arguments: [
        (1, []), (2, [6, 18]), (6, [6, 34]), (7, [6, 22, 38]), (14, [6, 26, 46, 66]), (22, [6, 26, 50, 74, 98]),
        (32, [6, 34, 60, 86, 112, 138]), (36, [6, 24, 50, 76, 102, 128, 154]),
        (40, [6, 30, 58, 86, 114, 142, 170]),
    ])
    func alignmentPatterns(_ version: Int, _ places: [Int]) {
        #expect(QRDrawing.alignment(version) == places)
    }

    /// As much as the standard says (table 7), and no more.
    @Test(arguments: [(1, 25, 17), (10, 395, 271), (27, 2132, 1465), (40, 4296, 2953)])
    func capacities(_ version: Int, _ alphanumeric: Int, _ bytes: Int) throws {
        for (character, count) in [("A", alphanumeric), ("a", bytes)] {
            let code = try #require(QRCode(String(repeating: character, count: count)))
            #expect(code.version == version && code.correction == .low)
            #expect(
                QRCode(String(repeating: character, count: count + 1))?.version == (version == 40 ? nil : version + 1))
        }
    }

    @Test
    func whatIsTooLongHasNone() {
        #expect(QRCode(String(repeating: "A", count: 4_297)) == nil)
        #expect(QRCode(String(repeating: "a", count: 2_954)) == nil)
        #expect(QRCode("") != nil)
    }

    /// The half blocks show each module and a light border of four.
    @Test
    func halfBlocks() throws {
        let code = try #require(QRCode("MUSIG21QQQ"))
        let lines = code.lines(colored: false)
        #expect(lines.count == (code.side + 9) / 2)
        for (number, line) in lines.enumerated() {
            #expect(line.count == code.side + 8)
            for (place, character) in line.enumerated() {
                let (column, row) = (place - 4, 2 * number - 4)
                let halves: (Bool, Bool)? = [
                    " ": (true, true), "▄": (true, false), "▀": (false, true), "█": (false, false),
                ][character]
                let (upper, lower) = try #require(halves)
                #expect(code[column, row] == upper && code[column, row + 1] == lower)
            }
        }
        #expect(code.lines(colored: true).map { $0.dropFirst(8).dropLast(4) } == lines.map { $0[...] })
    }

    /// Every version, in one mode and with one correction after the other.
    @Test(.enabled(if: QRCodeTests.zbarimg != nil, "zbarimg is not installed"), arguments: 1...QRCode.highestVersion)
    func readBackByOthers(_ version: Int) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("musig2-qr-\(UUID().uuidString).pgm")
        defer { try? FileManager.default.removeItem(at: file) }
        let correction: QRCode.Correction = version % 2 == 0 ? .low : .medium
        let characters = Array("MUSIG21QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")
        let isAlphanumeric = version / 2 % 2 == 0
        // As long as fits, so that every block is full.
        let count = QRBlocks(version, correction).dataCount
        let length = isAlphanumeric ? (8 * count - 17) / 11 * 2 : count - 3
        let upper = String((0..<length).map { characters[($0 * $0 + version) % characters.count] })
        let text = isAlphanumeric ? upper : upper.lowercased()
        let code = try #require(QRCode(text, atLeast: version))
        #expect(code.version == version && code.correction == correction)
        try code.image.write(to: file)
        #expect(try read(file) == text)
    }

    private static let zbarimg = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map { "\($0)/zbarimg" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    private func read(_ file: URL) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.zbarimg))
        process.arguments = ["-q", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable", file.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}

extension QRCode {
    /// A grey picture with four points for each module and the border (PGM).
    fileprivate var image: Data {
        let scale = 4
        let places = -Self.border..<side + Self.border
        var data = Data("P5 \(places.count * scale) \(places.count * scale) 255\n".utf8)
        for row in places {
            let line = places.flatMap { Array(repeating: self[$0, row] ? UInt8(0) : 255, count: scale) }
            for _ in 0..<scale { data.append(contentsOf: line) }
        }
        return data
    }
}
