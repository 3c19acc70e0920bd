import MuSig2Session

/// Finds out that the process slept.
struct SleepDetector: Sendable {
    /// How often it slept so far.
    private(set) var count = 0
    private var lastInput: Now?

    /// Shorter pauses are nothing but a busy machine. 30 s.
    private static let nap = Duration.seconds(30)

    /// Whether the wall clock stands where it stood at the last input, so that the process cannot have slept.
    func isAwake(at now: Now) -> Bool {
        lastInput.map { now.wallMilliseconds <= $0.wallMilliseconds } ?? true
    }

    /// Notes that an input came.
    ///
    /// - Returns: Whether the process slept since the last one: the wall clock went on while its own stood still, or the timer for the
    ///   deadline comes much too late.
    mutating func hasSlept(until now: Now, deadline: Duration?) -> Bool {
        defer { lastInput = now }
        guard let lastInput, now.wallMilliseconds > lastInput.wallMilliseconds else { return false }
        let wall = Duration.milliseconds(Int64(clamping: now.wallMilliseconds - lastInput.wallMilliseconds))
        let isLate = deadline.map { now.monotonic - $0 > Self.nap } ?? false
        guard wall - (now.monotonic - lastInput.monotonic) > Self.nap || isLate else { return false }
        count += 1
        return true
    }
}
