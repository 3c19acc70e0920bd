import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A moment on two clocks, of which one or both go on while the process sleeps: the lid is closed, or the process is stopped.
struct SleepMark: Sendable, Equatable {
    /// On the clock that timers go by, which stands still while the machine is suspended.
    let monotonic: Duration
    /// On the wall clock.
    let wall: Duration

    /// How much later than expected a timer comes, on either clock, when the process slept. A busy machine is late by less; a wall
    /// clock that is set forward costs one ping.
    static let leastSleep = Duration.seconds(10)

    /// This moment.
    static var now: SleepMark {
        SleepMark(
            monotonic: .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds)),
            wall: .seconds(Date().timeIntervalSince1970))
    }

    /// Whether the process slept from this moment to a later one, when a timer was set for a delay.
    func hasSlept(until later: SleepMark, expecting delay: Duration) -> Bool {
        max(later.monotonic - monotonic, later.wall - wall) - delay >= Self.leastSleep
    }
}
