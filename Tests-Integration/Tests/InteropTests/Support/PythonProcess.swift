import FlowKit
import Foundation
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// The program in `Interop/peer`: a process that runs nodes of py-libp2p, and does what it is told line by line.
final class PythonProcess: Sendable {
    /// The process of the suite that runs.
    @TaskLocal static var current: PythonProcess?

    private struct State {
        var lastCall = 0
        var lastName = 0
        var answers: [Int: AsyncStream<JSONLine>.Continuation] = [:]
        var inbound: [String: AsyncStream<JSONLine>.Continuation] = [:]
        var complaints: [String] = []
        var isOver = false
    }

    /// What the program is told, a line each.
    private let lines: AsyncStream<[UInt8]>.Continuation
    private let state = Mutex(State())

    private init(lines: AsyncStream<[UInt8]>.Continuation) {
        self.lines = lines
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Runs the program for as long as `body` does, and waits for its end.
    static func run(_ body: @escaping @Sendable (PythonProcess) async throws -> Void) async throws {
        let python = root.appendingPathComponent(".venv-interop/bin/python").path
        guard FileManager.default.isExecutableFile(atPath: python) else {
            throw InteropError("there is no py-libp2p to test against: run `make setup-interop`, which makes \(python)")
        }
        let program = root.appendingPathComponent("Tests-Integration/Interop/peer").path
        var options = PlatformOptions()
        options.teardownSequence = [.send(signal: .kill, allowedDurationToNextStep: .zero)]
        let result = try await Subprocess.run(
            .path(.init(python)), arguments: [program], platformOptions: options,
            input: .inputWriter, output: .sequence, error: .sequence
        ) { execution in
            let (lines, continuation) = AsyncStream.makeStream(of: [UInt8].self)
            let process = PythonProcess(lines: continuation)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await line in lines { _ = try await execution.standardInputWriter.write(line) }
                    try await execution.standardInputWriter.finish()
                }
                group.addTask {
                    for try await line in execution.standardError.strings() { process.complain(line) }
                }
                group.addTask {
                    for try await line in execution.standardOutput.strings() {
                        process.take(try JSONLine(ofAnyProgram: line.trimmingCharacters(in: .newlines)))
                    }
                    process.end()
                }
                let outcome: Result<Void, any Error>
                do {
                    outcome = .success(try await body(process))
                } catch {
                    outcome = .failure(error)
                }
                // The program ends with its input; one that does not is stopped.
                continuation.finish()
                group.addTask {
                    try await Task.sleep(for: .seconds(10))
                    try execution.send(signal: .kill)
                }
                while try await group.next() != nil, !process.state.withLock({ $0.isOver }) {}
                group.cancelAll()
                try outcome.get()
            }
            return process.state.withLock { $0.complaints.joined(separator: "\n") }
        }
        guard case .exited(0) = result.terminationStatus else {
            throw InteropError("the py-libp2p process ended with \(result.terminationStatus): \(result.closureResult)")
        }
    }

    /// Has the program do something, and waits for the outcome.
    ///
    /// - Parameters:
    ///   - what: The name of the call.
    ///   - arguments: Texts, numbers, lists and dictionaries of them.
    /// - Returns: The outcome.
    /// - Throws: ``InteropError`` with the program's own words.
    func call(_ what: String, _ arguments: [String: any Sendable] = [:]) async throws -> JSONLine {
        let (answers, continuation) = AsyncStream.makeStream(of: JSONLine.self)
        let number = try state.withLock { state in
            guard !state.isOver else { throw InteropError("\(what): the py-libp2p process has ended") }
            state.lastCall += 1
            state.answers[state.lastCall] = continuation
            return state.lastCall
        }
        let request = arguments.merging(["call": number, "do": what]) { _, new in new }
        let line = try JSONSerialization.data(withJSONObject: request, options: [.sortedKeys])
        lines.yield(Array(line) + [UInt8(ascii: "\n")])
        let answer = try await bounded("\(what) of py-libp2p") {
            for await answer in answers { return answer }
            throw InteropError("\(what): the py-libp2p process has ended: \(self.lastComplaints)")
        }
        guard answer.event == "done" else { throw InteropError("\(what): \(try answer.text("message"))") }
        return answer
    }

    /// A name for another node.
    func newName() -> String {
        state.withLock { state in
            state.lastName += 1
            return "node \(state.lastName)"
        }
    }

    /// The streams that peers open at a node for the test to move.
    func inboundStreams(of node: String) -> AsyncStream<JSONLine> {
        let (streams, continuation) = AsyncStream.makeStream(of: JSONLine.self)
        state.withLock { $0.inbound[node] = continuation }
        return streams
    }

    private var lastComplaints: String {
        state.withLock { $0.complaints.suffix(20).joined() }
    }

    private func take(_ line: JSONLine) {
        state.withLock { state in
            do {
                switch line.event {
                case "done", "failed":
                    let answer = state.answers.removeValue(forKey: try line.number("call"))
                    answer?.yield(line)
                    answer?.finish()
                case "stream": state.inbound[try line.text("node")]?.yield(line)
                default: break
                }
            } catch {
                state.complaints.append("\(error)")
            }
        }
    }

    private func complain(_ line: String) {
        state.withLock { state in
            state.complaints.append(line)
            if state.complaints.count > 400 { state.complaints.removeFirst(200) }
        }
    }

    private func end() {
        state.withLock { state in
            state.isOver = true
            for answer in state.answers.values { answer.finish() }
            for streams in state.inbound.values { streams.finish() }
            state.answers = [:]
            state.inbound = [:]
        }
    }
}
