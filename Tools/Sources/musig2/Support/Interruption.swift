import UnixSignals

/// Ctrl-C, and what a service manager sends in its place.
enum Interruption {
    /// Returns when the process was asked to end, or the task was cancelled.
    static func wait() async {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        for await _ in signals { return }
    }
}
