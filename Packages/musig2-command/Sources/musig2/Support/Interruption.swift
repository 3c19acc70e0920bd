import Foundation
import UnixSignals

/// Ctrl-C, what a service manager sends in its place, and the end of the terminal.
///
/// A command that runs for long makes one before it does anything else: a signal that comes before somebody waits is kept.
struct Interruption: Sendable {
    private let signals: UnixSignalsSequence

    /// From now on the process is not ended by the signals.
    init() async {
        signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    }

    /// Returns when the process was asked to end, or the task was cancelled. For one task, and once.
    func wait() async {
        for await signal in signals {
            // The terminal shows ^C where the cursor stood; a question ends its line itself.
            if signal == .sigint, isatty(STDERR_FILENO) == 1, !Prompt.isOpen, !TerminalMode.isActive {
                _ = StandardStreams.write("\n", to: STDERR_FILENO)
            }
            return
        }
    }

    /// The same, or when so many seconds are over.
    func wait(atMost seconds: Int?) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await wait() }
            if let seconds {
                group.addTask {
                    // Cancelled: the other one was first.
                    do { try await Task.sleep(for: .seconds(seconds)) } catch {}
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Does something until the process is asked to end, or the time is over.
    ///
    /// - Parameters:
    ///   - seconds: How long it may take; nil: as long as it wants.
    ///   - late: What it failed with when the time is over.
    ///   - body: What to do. It is cancelled when it is not wanted any more.
    /// - Returns: What the body returned, or why not.
    func interrupting<Value: Sendable>(
        after seconds: Int? = nil, _ late: Failure = Failure(.expired, "the time is over"),
        _ body: @escaping @Sendable () async throws -> Value
    ) async -> Result<Value, Failure> {
        await withTaskGroup(of: Result<Value, Failure>.self) { group in
            group.addTask {
                do {
                    return .success(try await body())
                } catch {
                    return .failure(Failure.from(error))
                }
            }
            group.addTask {
                await wait()
                return .failure(Failure(.interrupted, "interrupted"))
            }
            if let seconds {
                group.addTask {
                    // Cancelled: another one was first.
                    do { try await Task.sleep(for: .seconds(seconds)) } catch {}
                    return .failure(late)
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(late)
        }
    }
}
