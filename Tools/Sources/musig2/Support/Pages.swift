/// A text that is shown page by page.
struct Pages {
    /// The pages, each of lines that fit below each other, with a line left for the question.
    let pages: [[String]]
    private let count: Int

    /// Divides lines.
    ///
    /// - Parameters:
    ///   - lines: The lines.
    ///   - rows: How many rows the terminal has; nil: all lines are one page.
    init(_ lines: [String], rows: Int?) {
        count = lines.count
        guard let rows, lines.count >= rows else {
            pages = [lines]
            return
        }
        let height = max(rows - 1, 1)
        pages = stride(from: 0, to: lines.count, by: height).map { Array(lines[$0..<min($0 + height, lines.count)]) }
    }

    /// Shows all pages, or those before the person has enough.
    ///
    /// - Parameters:
    ///   - show: Shows one line.
    ///   - ask: Asks whether to go on, in words; nil: there is no answer any more.
    /// - Returns: Whether all was shown.
    func show(
        _ show: (String) throws -> Void, ask: (String) async -> String?
    ) async rethrows -> Bool {
        var shown = 0
        for page in pages {
            if shown > 0 {
                let answer = await ask("-- \(shown) of \(count) lines; Enter: more, q: no more --")
                guard let answer, !["q", "quit"].contains(answer.lowercased()) else { return false }
            }
            for line in page { try show(line) }
            shown += page.count
        }
        return true
    }
}
