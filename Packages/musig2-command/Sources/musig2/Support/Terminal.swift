import Foundation
import Secp256k1
import Synchronization

/// The terminal of the process, whatever its streams lead to.
struct Terminal: Sendable {
    private let descriptor: CInt

    /// nil for a process without a terminal: a service, or a step of a script that runs without one.
    init?() {
        let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    /// Shows nothing of what is typed from now on, and throws it away unless it is asked for.
    ///
    /// - Returns: What asks for secrets. It must be ended.
    /// - Throws: ``Failure`` when the terminal cannot be set.
    func unseen() async throws(Failure) -> Unseen { try await Unseen(descriptor) }

    /// Asks for secrets at a terminal that does not show what is typed before it is ended: while they are used, too.
    final class Unseen: Sendable {
        private let descriptor: CInt
        private let mode: TerminalMode
        private let state: State
        private let watch: Task<Void, Never>

        private final class State: Sendable {
            /// What is asked now.
            let question = Mutex<String?>(nil)
            let isInterrupted = Atomic(false)
        }

        fileprivate init(_ descriptor: CInt) async throws(Failure) {
            self.descriptor = descriptor
            let state = State()
            self.state = state
            // Before the terminal is another one: a signal ends the process as it stands.
            let interruption = await Interruption()
            mode = try TerminalMode(descriptor, .lines) {
                guard let question = state.question.withLock(\.self) else { return }
                _ = StandardStreams.write("\(question): ", to: descriptor)
            }
            watch = Task {
                await interruption.wait()
                if !Task.isCancelled { state.isInterrupted.store(true, ordering: .relaxed) }
            }
        }

        /// Lets the terminal show again what is typed.
        func end() {
            watch.cancel()
            mode.end()
        }

        /// Ends the command if a signal came that wants it, while nothing was asked.
        func throwIfInterrupted() throws(Failure) {
            if state.isInterrupted.load(ordering: .relaxed) { throw Failure(.interrupted, "interrupted") }
        }

        /// Asks for a line. A signal that ends the command ends the wait first.
        ///
        /// - Parameters:
        ///   - question: What is asked for.
        ///   - limit: The most bytes of the answer.
        /// - Returns: At least one byte.
        /// - Throws: ``Failure`` when nothing is typed, or too much.
        func secret(_ question: String, limit: Int) async throws(Failure) -> SecretText {
            let interruption = await Interruption()
            state.question.withLock { $0 = question }
            defer {
                state.question.withLock { $0 = nil }
                // The end of line that the person typed is not shown either.
                _ = StandardStreams.write("\n", to: descriptor)
            }
            _ = StandardStreams.write("\(question): ", to: descriptor)
            let (answers, answer) = AsyncStream.makeStream(of: Result<SecretText, Failure>.self)
            // Reading blocks a thread of its own, so that the wait can be left.
            Thread.detachNewThread { [descriptor] in
                answer.yield(Self.read(descriptor, limit))
                answer.finish()
            }
            let result = await withTaskGroup(of: Result<SecretText, Failure>?.self) { group in
                group.addTask {
                    for await answer in answers { return answer }
                    return nil
                }
                group.addTask {
                    await interruption.wait()
                    return nil
                }
                defer { group.cancelAll() }
                return await group.next() ?? nil
            }
            guard let result else { throw Failure(.interrupted, "interrupted") }
            return try result.get()
        }

        private static func read(_ descriptor: CInt, _ limit: Int) -> Result<SecretText, Failure> {
            do throws(SecretText.ReadError) {
                let text = try SecretText.read(descriptor, limit: limit, to: .line).trimmed()
                return text.bytes.count > 0 ? .success(text) : .failure(Failure(.refused, "nothing was typed"))
            } catch {
                switch error {
                case .tooLong: return .failure(Failure(.usage, "expected at most \(limit) bytes, found more"))
                case .system(let reason): return .failure(Failure(.file, "cannot read from the terminal: \(reason)"))
                }
            }
        }
    }
}
