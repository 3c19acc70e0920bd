import Foundation

/// Colors for the lines that people read at a terminal.
struct Colors {
    /// Whether there are any.
    let areOn: Bool

    /// For what is written to a descriptor: a terminal that can show them, and no wish against it (https://no-color.org).
    init(_ descriptor: CInt) {
        areOn = isatty(descriptor) == 1 && Self.areWanted(ProcessInfo.processInfo.environment)
    }

    init(areOn: Bool) {
        self.areOn = areOn
    }

    static func areWanted(_ environment: [String: String]) -> Bool {
        environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    /// The columns of the word at the beginning of a line.
    private static let labelWidth = 12

    /// A text with the label of each line in color: the text after it may be somebody else's, and stays as it is.
    func painted(_ text: String) -> String {
        guard areOn else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map(line).joined(separator: "\n")
    }

    private func line(_ line: Substring) -> String {
        if line.hasPrefix("error:") { return paint(line.prefix(6), Self.red) + line.dropFirst(6) }
        let label = line.prefix(Self.labelWidth)
        guard label.count == Self.labelWidth, label.last == " ", label.first != " " else { return String(line) }
        let word = label.prefix { $0 != " " }
        return paint(label, word == "notice" ? Self.yellow : Self.bold) + line.dropFirst(Self.labelWidth)
    }

    private func paint(_ text: Substring, _ code: String) -> String { "\u{1B}[\(code)m\(text)\u{1B}[0m" }

    private static let bold = "1"
    private static let red = "1;31"
    private static let yellow = "1;33"
}
