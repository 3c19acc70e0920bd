#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Where the time comes from: the system, or a ``VirtualClock`` that a test moves by hand.
///
/// A structure of closures and not `any Clock`, because an existential clock cannot tell the time.
public struct TimeSource: Sendable {
    /// One reading of the time.
    public struct Reading: Sendable, Hashable {
        /// Time since a fixed moment in the past. It never goes back, and it is what timeouts are measured by.
        public var uptime: Duration

        /// Milliseconds since 1970-01-01 00:00 UTC by this machine's wall clock. It may jump.
        public var wallMilliseconds: UInt64

        /// Joins the two clocks.
        ///
        /// - Parameters:
        ///   - uptime: Time since a fixed moment in the past.
        ///   - wallMilliseconds: Milliseconds since 1970 UTC.
        public init(uptime: Duration, wallMilliseconds: UInt64) {
            self.uptime = uptime
            self.wallMilliseconds = wallMilliseconds
        }
    }

    /// Reads the clocks.
    public let now: @Sendable () -> Reading

    /// Waits for a duration; throws `CancellationError` when the task is cancelled first.
    public let sleep: @Sendable (Duration) async throws -> Void

    /// Makes a source of time.
    ///
    /// - Parameters:
    ///   - now: Reads the clocks.
    ///   - sleep: Waits for a duration, and throws `CancellationError` when the task is cancelled first.
    public init(
        now: @escaping @Sendable () -> Reading,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// The system's clocks. The uptime counts from the first use in this process.
    public static let system: TimeSource = {
        let start = ContinuousClock.now
        return TimeSource(
            now: { Reading(uptime: ContinuousClock.now - start, wallMilliseconds: wallClockMilliseconds()) },
            sleep: { duration in try await Task.sleep(for: duration, clock: .continuous) }
        )
    }()
}

private func wallClockMilliseconds() -> UInt64 {
    var time = timespec()
    guard clock_gettime(CLOCK_REALTIME, &time) == 0, time.tv_sec >= 0 else { return 0 }
    return UInt64(time.tv_sec) &* 1000 &+ UInt64(max(0, time.tv_nsec)) / 1_000_000
}
