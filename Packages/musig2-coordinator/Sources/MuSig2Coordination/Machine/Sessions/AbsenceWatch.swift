import MuSig2Session

/// When it is looked whether the signers are there that a session waits for: one that joins when its creator is gone would wait until the
/// expiry without a word.
struct AbsenceWatch: Sendable {
    /// A session at which to look, and how long the pause before was.
    struct Check: Sendable, Hashable {
        let session: SessionID
        let pause: Duration
    }

    private struct Plan {
        let dueAt: Duration
        let pause: Duration
    }

    private var plans: [SessionID: Plan] = [:]
    private let firstPause: Duration
    /// After this time the same is told again, at the latest.
    private let longestPause: Duration

    /// When the next look is due; never later than that.
    private(set) var deadline: Duration?

    /// - Parameter pause: After how long the first look at a session is due.
    init(pause: Duration) {
        firstPause = pause
        longestPause = max(.seconds(300), pause)
    }

    /// Looks at a session after a while, unless that is planned.
    mutating func watch(_ session: SessionID, at time: Duration) {
        if plans[session] == nil { plan(session, after: firstPause, at: time) }
    }

    /// Looks again at a session of which absent signers were told, after twice the time.
    mutating func watchAgain(_ check: Check, at time: Duration) {
        plan(check.session, after: min(check.pause * 2, longestPause), at: time)
    }

    /// Takes the sessions at which to look now.
    mutating func takeDue(at time: Duration) -> [Check] {
        guard let due = deadline, due <= time else { return [] }
        deadline = nil
        var checks: [Check] = []
        for (session, plan) in plans {
            if plan.dueAt <= time {
                checks.append(Check(session: session, pause: plan.pause))
            } else {
                deadline = min(deadline ?? plan.dueAt, plan.dueAt)
            }
        }
        for check in checks { plans[check.session] = nil }
        return checks.sorted { $0.session < $1.session }
    }

    mutating func forget(_ session: SessionID) {
        plans[session] = nil
    }

    private mutating func plan(_ session: SessionID, after pause: Duration, at time: Duration) {
        let due = time + pause
        plans[session] = Plan(dueAt: due, pause: pause)
        deadline = min(deadline ?? due, due)
    }
}
