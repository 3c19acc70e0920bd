import Foundation

/// Text of others, made so that it cannot be taken for the words of this command: what a terminal would obey is replaced,
/// and long lines are broken here, each piece behind a mark, instead of by the terminal.
enum VisibleText {
    /// Whether bytes are text: valid UTF-8 of characters that can be seen, spaces, tabs and ends of lines.
    static func text(_ bytes: [UInt8]) -> String? {
        guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self),
            text.unicodeScalars.allSatisfy({ isPrintable($0) || ["\n", "\r", "\t"].contains($0) })
        else { return nil }
        return text
    }

    /// Why bytes that are UTF-8 are no ``text(_:)``; nil for those that are, and for what is no UTF-8 at all.
    static func obstacle(_ bytes: [UInt8]) -> String? {
        guard let text = String(validating: bytes, as: UTF8.self),
            let scalar = text.unicodeScalars.first(where: { !isPrintable($0) && !["\n", "\r", "\t"].contains($0) })
        else { return nil }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let code = "U+" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
        return scalar.properties.generalCategory == .control
            ? "the control character \(code), which a terminal may obey"
            : "the character \(code), which cannot be seen"
    }

    /// Text in one line, with everything replaced that is not printable.
    static func line(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isPrintable($0) ? $0 : "\u{FFFD}" }))
    }

    /// Text as rows of so many columns at most: one that begins a line of the text behind `| `, one that goes on with it
    /// behind `: `. Tabs and carriage returns are shown by their pictures, so that nothing is moved or written over.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - columns: How wide a row may be, with its mark.
    ///   - isOneLine: Whether ends of lines are shown by their picture too.
    static func rows(_ text: String, columns: Int, isOneLine: Bool = false) -> [String] {
        let room = max(columns - 2, 1)
        var rows: [String] = []
        var row = String.UnicodeScalarView()
        var (used, mark) = (0, "| ")
        func end(nextMark: String) {
            rows.append(mark + String(row))
            (row, used, mark) = (String.UnicodeScalarView(), 0, nextMark)
        }
        for scalar in text.unicodeScalars {
            if scalar == "\n", !isOneLine {
                end(nextMark: "| ")
                continue
            }
            let shown = picture(scalar)
            if used + width(shown) > room, used > 0 { end(nextMark: ": ") }
            row.append(shown)
            used += width(shown)
        }
        // An end of line that ends the text begins no further row.
        if !row.isEmpty || mark == ": " || rows.isEmpty { end(nextMark: "") }
        return rows
    }

    private static func picture(_ scalar: UnicodeScalar) -> UnicodeScalar {
        switch scalar {
        case "\t": "\u{2409}"
        case "\n": "\u{240A}"
        case "\r": "\u{240D}"
        default: isPrintable(scalar) ? scalar : "\u{FFFD}"
        }
    }

    /// How many columns a line takes at most.
    static func width(_ line: String) -> Int { line.unicodeScalars.reduce(0) { $0 + width($1) } }

    /// How many columns a character takes at most: terminals differ in all that is not ASCII.
    private static func width(_ scalar: UnicodeScalar) -> Int { scalar.isASCII ? 1 : 2 }

    private static func isPrintable(_ scalar: UnicodeScalar) -> Bool {
        // What looks like nothing, whatever its category: fillers, joiners, variation selectors, an empty Braille pattern.
        if scalar.properties.isDefaultIgnorableCodePoint || scalar == "\u{2800}" { return false }
        return switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
