import Synchronization

/// A clock that stands still until a test moves it.
///
/// Everything that is due runs inside ``advance(by:)``, in order of time and, at one time, in order of scheduling.
/// Tasks that sleep are resumed there too; what they do then is the scheduler's business.
public final class VirtualClock: Sendable {
    private struct Timer {
        var deadline: Duration
        var ticket: UInt64
        var action: @Sendable () -> Void
    }

    private struct State {
        var uptime: Duration = .zero
        var nextTicket: UInt64 = 0
        /// Sorted by deadline, then ticket, the next one last.
        var timers: [Timer] = []
    }

    private let state = Mutex(State())
    private let scheduled = Event()
    private let wallAtStart: UInt64

    /// Makes a clock at uptime zero.
    ///
    /// - Parameter wallMilliseconds: The wall clock at uptime zero, in milliseconds since 1970 UTC.
    public init(wallMilliseconds: UInt64 = 1_700_000_000_000) {
        wallAtStart = wallMilliseconds
    }

    /// Time since the clock was made.
    public var uptime: Duration { state.withLock { $0.uptime } }

    /// When the next thing is due, or nil when nothing is scheduled.
    public var nextDeadline: Duration? { state.withLock { $0.timers.last?.deadline } }

    /// This clock as a source of time.
    public var timeSource: TimeSource {
        TimeSource(
            now: { [self] in
                let uptime = self.uptime
                let milliseconds =
                    uptime.components.seconds * 1000 + uptime.components.attoseconds / 1_000_000_000_000_000
                return TimeSource.Reading(
                    uptime: uptime,
                    wallMilliseconds: wallAtStart &+ UInt64(clamping: milliseconds)
                )
            },
            sleep: { [self] duration in try await self.sleep(for: duration) }
        )
    }

    /// Runs an action once the clock has moved by a delay.
    ///
    /// - Parameters:
    ///   - delay: How long from now; below zero counts as zero. It runs in the next ``advance(by:)`` even if it is
    ///     zero.
    ///   - action: What to do.
    /// - Returns: A ticket for ``cancel(_:)``.
    @discardableResult
    public func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) -> UInt64 {
        defer { scheduled.notify() }
        return state.withLock { state in
            state.nextTicket &+= 1
            let timer = Timer(
                deadline: state.uptime + max(.zero, delay),
                ticket: state.nextTicket,
                action: action
            )
            // Before its equals, so that of several due at one time the first scheduled runs first.
            var low = 0
            var high = state.timers.count
            while low < high {
                let middle = (low + high) / 2
                if state.timers[middle].deadline > timer.deadline { low = middle + 1 } else { high = middle }
            }
            state.timers.insert(timer, at: low)
            return timer.ticket
        }
    }

    /// Waits until enough is scheduled, so that a test does not move the clock before the code under test sleeps. One
    /// task waits at a time.
    ///
    /// - Parameter count: How many things must be due at some time.
    public func waitUntilScheduled(_ count: Int = 1) async {
        while state.withLock({ $0.timers.count }) < count {
            guard await scheduled.wait() == .notified else { return }
        }
    }

    /// Takes back what ``schedule(after:_:)`` planned, if it has not run.
    ///
    /// - Parameter ticket: The ticket it returned.
    public func cancel(_ ticket: UInt64) {
        state.withLock { state in
            state.timers.removeAll { $0.ticket == ticket }
        }
    }

    /// Moves the clock and runs what falls due on the way, each at its own time.
    ///
    /// - Parameter duration: How far to move; below zero counts as zero.
    public func advance(by duration: Duration) {
        let target = state.withLock { $0.uptime + max(.zero, duration) }
        while let action = state.withLock({ Self.takeDue(until: target, from: &$0) }) {
            action()
        }
    }

    /// Moves the clock to the next thing that is due, and runs all that is due at that time.
    ///
    /// - Returns: False when nothing was scheduled.
    @discardableResult
    public func advanceToNextDeadline() -> Bool {
        let (uptime, deadline) = state.withLock { ($0.uptime, $0.timers.last?.deadline) }
        guard let deadline else { return false }
        advance(by: deadline - uptime)
        return true
    }

    /// Waits until the clock has moved by a duration.
    ///
    /// - Parameter duration: How long; zero or less returns at once.
    /// - Throws: `CancellationError` when the task is cancelled first.
    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        guard duration > .zero else { return }
        let done = OneShot<Void>()
        let ticket = schedule(after: duration) { done.set(()) }
        guard await done.wait() != nil else {
            cancel(ticket)
            throw CancellationError()
        }
    }

    private static func takeDue(until target: Duration, from state: inout State) -> (@Sendable () -> Void)? {
        guard let next = state.timers.last, next.deadline <= target else {
            state.uptime = max(state.uptime, target)
            return nil
        }
        state.timers.removeLast()
        state.uptime = max(state.uptime, next.deadline)
        return next.action
    }
}
