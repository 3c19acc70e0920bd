import Foundation
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// The `musig2` command as a process of its own.
public struct Command: Sendable {
    /// Where the binary is.
    public let path: String

    /// Finds the binary: `MUSIG2_BIN`, else beside the running program or in a folder above it.
    ///
    /// - Throws: ``FlowError`` that says where it was looked for.
    public init() throws {
        if let path = ProcessInfo.processInfo.environment["MUSIG2_BIN"], !path.isEmpty {
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw FlowError("MUSIG2_BIN: there is no program at \(path)")
            }
            self.path = path
            return
        }
        var folder = Self.ownFolder
        for _ in 0..<6 {
            let candidate = folder.appendingPathComponent("musig2").path
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue {
                path = candidate
                return
            }
            folder.deleteLastPathComponent()
        }
        throw FlowError("no musig2 beside \(Self.ownFolder.path): build it, or name it with MUSIG2_BIN")
    }

    /// Runs the command to its end.
    ///
    /// - Parameter arguments: What follows `musig2`.
    /// - Returns: Exit status, standard output and standard error.
    /// - Throws: An error of the system when the process cannot be started or read.
    public func run(_ arguments: [String]) async throws -> Finished {
        let result = try await Subprocess.run(
            .path(.init(path)), arguments: Arguments(arguments),
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        return Finished(
            status: Self.status(result.terminationStatus),
            output: result.standardOutput, error: result.standardError)
    }

    /// Runs a line of shell, which can do with a process what this library cannot: close its streams.
    ///
    /// - Parameter line: The line.
    /// - Returns: Exit status, standard output and standard error.
    /// - Throws: An error of the system when the process cannot be started or read.
    public func shell(_ line: String) async throws -> Finished {
        let result = try await Subprocess.run(
            .path("/bin/sh"), arguments: ["-c", line],
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        return Finished(
            status: Self.status(result.terminationStatus),
            output: result.standardOutput, error: result.standardError)
    }

    /// Runs the command with `--json`, and reads its lines as they come.
    ///
    /// - Parameters:
    ///   - arguments: What follows `musig2`.
    ///   - end: Does what Ctrl-C does when it is finished; nil: the command ends by itself.
    ///   - react: Is told each line and the process it comes from, and says what happens to that.
    /// - Returns: Exit status, all lines, and standard error.
    /// - Throws: ``FlowError`` for a line that is no event, an error of the system, or what `react` throws.
    public func follow(
        _ arguments: [String],
        until end: AsyncStream<Void>? = nil,
        react: @Sendable (JSONLine, _ process: String) throws -> Reaction = { _, _ in .goOn }
    ) async throws -> Followed {
        let result = try await Subprocess.run(
            .path(.init(path)), arguments: Arguments(arguments + ["--json"]),
            input: .none, output: .sequence, error: .string(limit: 1 << 20)
        ) { execution in
            let interrupter = end.map { end in
                Task {
                    for await _ in end {}
                    // Cancelled: the process has ended.
                    if !Task.isCancelled { try execution.send(signal: .interrupt) }
                }
            }
            defer { interrupter?.cancel() }
            var lines: [JSONLine] = []
            for try await text in execution.standardOutput.strings() {
                let line = try JSONLine(text.trimmingCharacters(in: .newlines))
                lines.append(line)
                switch try react(line, "\(execution.processIdentifier)") {
                case .goOn: break
                case .interrupt: try execution.send(signal: .interrupt)
                case .hangUp: try execution.send(signal: .terminalClosed)
                case .kill: try execution.send(signal: .kill)
                case .sleep(let end):
                    try execution.send(signal: .suspend)
                    for await _ in end {}
                    try execution.send(signal: .resume)
                }
            }
            return lines
        }
        return Followed(
            status: Self.status(result.terminationStatus), lines: result.closureResult, error: result.standardError)
    }

    /// What happens to a process after a line.
    public enum Reaction: Sendable {
        /// Nothing.
        case goOn
        /// What Ctrl-C does.
        case interrupt
        /// What a terminal does that is closed.
        case hangUp
        /// It is gone without a word.
        case kill
        /// It does nothing until the stream is finished, as on a computer that sleeps.
        case sleep(until: AsyncStream<Void>)
    }

    /// What a command that was followed left behind.
    public struct Followed: Sendable {
        /// The exit status; 128 and the signal's number for one that was killed.
        public let status: Int
        /// All lines of standard output.
        public let lines: [JSONLine]
        /// Standard error.
        public let error: String
    }

    /// What a finished command left behind.
    public struct Finished: Sendable {
        /// The exit status; 128 and the signal's number for one that was killed.
        public let status: Int
        /// Standard output.
        public let output: String
        /// Standard error.
        public let error: String
    }

    static func status(_ status: TerminationStatus) -> Int {
        switch status {
        case .exited(let code): Int(code)
        case .signaled(let signal): 128 + Int(signal)
        }
    }

    /// The folder of the running program; under a test runner that of the tests.
    private static var ownFolder: URL {
        #if os(Linux)
            let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
            return URL(fileURLWithPath: own).deletingLastPathComponent()
        #else
            return Bundle(for: BundleAnchor.self).bundleURL.deletingLastPathComponent()
        #endif
    }
}

#if !os(Linux)
    private final class BundleAnchor {}
#endif
