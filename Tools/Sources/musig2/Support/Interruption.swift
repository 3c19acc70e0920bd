import UnixSignals

/// Ctrl-C, and what a service manager sends in its place.
enum Interruption {
    /// Returns when the process was asked to end, or the task was cancelled.
    static func wait() async {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        for await _ in signals { return }
    }

    /// The same, or when so many seconds are over.
    static func wait(atMost seconds: Int?) async {
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
