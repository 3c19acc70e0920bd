/// A text that is shown page by page.
struct Pages {
    /// The pages, each of lines that fit below each other, with a line left for the question.
    let pages: [[String]]
    private let count: Int

    /// Enter, as different terminals say it, and what other programs of this kind take.
    private static let more: Set<Character> = ["\n", "\r", " "]
    private static let noMore: Set<Character> = ["q", "Q"]

    /// Divides lines.
    ///
    /// - Parameters:
    ///   - lines: The lines; one that is wider than the terminal takes several rows of it.
    ///   - size: How large the terminal is, in characters; nil: all lines are one page.
    init(_ lines: [String], size: (columns: Int, rows: Int)?) {
        count = lines.count
        guard let size else {
            pages = [lines]
            return
        }
        let height = max(size.rows - 1, 1)
        var pages: [[String]] = [[]]
        var used = 0
        for line in lines {
            let rows = max((VisibleText.width(line) + size.columns - 1) / size.columns, 1)
            if used + rows > height, used > 0 {
                pages.append([])
                used = 0
            }
            pages[pages.count - 1].append(line)
            used += rows
        }
        self.pages = pages
    }

    /// Shows all pages, or those before the person has enough.
    ///
    /// - Parameters:
    ///   - show: Shows one line.
    ///   - ask: Asks whether to go on, and is told the question and the keys that answer it; nil: there is no answer any more.
    /// - Returns: Whether all was shown.
    func show(
        _ show: (String) throws -> Void, ask: (String, Set<Character>) async -> Character?
    ) async rethrows -> Bool {
        var shown = 0
        for page in pages {
            if shown > 0 {
                let answer = await ask(
                    "-- \(shown) of \(count) lines; Enter: more, q: no more --", Self.more.union(Self.noMore))
                guard let answer, Self.more.contains(answer) else { return false }
            }
            for line in page { try show(line) }
            shown += page.count
        }
        return true
    }
}
