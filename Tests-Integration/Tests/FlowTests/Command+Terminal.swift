import FlowKit
import Foundation

extension Command {
    /// Runs the command at a terminal of its own, where a person answers its questions.
    ///
    /// - Parameters:
    ///   - words: What follows `musig2`.
    ///   - answers: Questions, each with what is typed when it stands on the terminal.
    ///   - variables: Arguments of `env`.
    ///   - rows: How many rows of 80 characters the terminal has; nil: it does not say.
    /// - Returns: The exit status, and what stood on the terminal, with a last line that says whether it shows what is typed.
    func atTerminal(
        _ words: [String], _ answers: [(String, String)] = [], variables: String = "", rows: Int? = nil
    ) async throws -> Finished {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Terminal/at-terminal").path
        let size = rows.map { ["sh", "-c", "stty rows \($0) cols 80 && exec \"$@\"", "sh"] } ?? []
        let line = answers.flatMap { [$0.0, $0.1] } + ["--"] + size + [path] + words
        let quoted = line.map { "'\($0)'" }.joined(separator: " ")
        return try await shell("env \(variables) python3 '\(script)' \(quoted)")
    }
}
