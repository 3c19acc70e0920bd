import FlowKit
import Foundation

extension Command {
    /// Runs the command at a terminal of its own, where a person answers its questions.
    ///
    /// - Parameters:
    ///   - words: What follows `musig2`.
    ///   - answers: Questions, each with what is typed when it stands on the terminal.
    ///   - variables: Arguments of `env`.
    ///   - rows: How many rows the terminal has; nil: it does not say.
    ///   - columns: How many characters a row has.
    /// - Returns: The exit status, and what stood on the terminal, with a last line that says whether it shows what is typed.
    func atTerminal(
        _ words: [String], _ answers: [(String, String)] = [], variables: String = "", rows: Int? = nil,
        columns: Int = 80
    ) async throws -> Finished {
        let size = rows.map { ["sh", "-c", "stty rows \($0) cols \(columns) && exec \"$@\"", "sh"] } ?? []
        return try await atTerminal(program: size + [path] + words, answers, variables: variables)
    }

    /// Runs a line of shell at a terminal of its own.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - answers: As of ``atTerminal(_:_:variables:rows:columns:)``.
    func atShell(_ line: String, _ answers: [(String, String)]) async throws -> Finished {
        try await atTerminal(program: ["sh", "-c", line], answers, variables: "")
    }

    private func atTerminal(
        program: [String], _ answers: [(String, String)], variables: String
    ) async throws -> Finished {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Terminal/at-terminal").path
        let line = answers.flatMap { [$0.0, $0.1] } + ["--"] + program
        let quoted = line.map { "'\($0.replacing("'", with: "'\\''"))'" }.joined(separator: " ")
        return try await shell("env \(variables) python3 '\(script)' \(quoted)")
    }
}
