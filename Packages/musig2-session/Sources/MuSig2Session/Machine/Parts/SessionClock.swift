/// The times of a session, on the monotonic clock.
struct SessionClock: Hashable, Sendable {
    let startedAt: Duration
    /// When expiry is reached, if the wall clock goes as the monotonic one.
    private(set) var expiresAt: Duration
    /// When a valid message of another signer came last.
    private(set) var lastActivity: Duration

    init(_ descriptor: SessionDescriptor, at now: Now) {
        startedAt = now.monotonic
        lastActivity = now.monotonic
        expiresAt = descriptor.expiryMoment(at: now)
    }

    mutating func noteActivity(at now: Now) {
        lastActivity = now.monotonic
    }

    /// Follows the wall clock.
    mutating func adjust(_ descriptor: SessionDescriptor, at now: Now) {
        expiresAt = descriptor.expiryMoment(at: now)
    }
}

extension SessionDescriptor {
    /// When the session expires, if the wall clock goes as the monotonic one.
    func expiryMoment(at now: Now) -> Duration {
        let (left, isOver) = expiryMilliseconds.subtractingReportingOverflow(now.wallMilliseconds)
        return isOver ? now.monotonic : now.monotonic + .milliseconds(Int64(clamping: left))
    }

    /// The highest attempt that time allows: no message leads beyond it, so that nobody uses attempts up.
    func highestAttempt(at now: Now) -> UInt32 {
        let (latest, isOver) = now.wallMilliseconds.addingReportingOverflow(SessionLimits.standard.clockTolerance)
        let (age, isBefore) = (isOver ? .max : latest).subtractingReportingOverflow(createdMilliseconds)
        guard !isBefore else { return UInt32(SessionLimits.attemptsAtOnce) }
        return UInt32(clamping: SessionLimits.attemptsAtOnce + age / SessionLimits.attemptInterval)
    }

    /// When an attempt is allowed, if the wall clock goes as the monotonic one.
    func moment(ofAttempt number: UInt32, at now: Now) -> Duration {
        let past = UInt64(number).subtractingReportingOverflow(SessionLimits.attemptsAtOnce)
        let age = past.overflow ? 0 : past.partialValue * SessionLimits.attemptInterval
        let (allowed, isOver) = createdMilliseconds.addingReportingOverflow(age)
        let latest = now.wallMilliseconds.addingReportingOverflow(SessionLimits.standard.clockTolerance)
        guard !isOver, !latest.overflow, allowed > latest.partialValue else { return now.monotonic }
        return now.monotonic + .milliseconds(Int64(clamping: allowed - latest.partialValue))
    }
}
