import FlowKit
import Foundation

extension Command {
    /// Runs the command at a terminal of its own, where a person answers its questions.
    ///
    /// - Parameters:
    ///   - words: What follows `musig2`.
    ///   - answers: Questions, each with what is typed when it stands on the terminal.
    ///   - variables: Arguments of `env`.
    /// - Returns: The exit status, and what stood on the terminal, with a last line that says whether it shows what is typed.
    func atTerminal(
        _ words: [String], _ answers: [(String, String)] = [], variables: String = ""
    ) async throws -> Finished {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Terminal/at-terminal").path
        let line = answers.flatMap { [$0.0, $0.1] } + ["--", path] + words
        let quoted = line.map { "'\($0)'" }.joined(separator: " ")
        return try await shell("env \(variables) python3 '\(script)' \(quoted)")
    }
}
