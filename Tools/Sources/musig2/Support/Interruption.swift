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
        for await _ in signals { return }
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
}
