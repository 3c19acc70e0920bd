import MuSig2Session

/// Saying which signers are not there that a session waits for: one that joins when its creator is gone would wait until the expiry without
/// a word.
extension CoordinatorMachine {
    /// Looks after a while whether the signers are there that the session waits for, unless that is planned.
    mutating func watchPresence(in session: SessionID, at now: Now) {
        guard let entry = sessions[session], entry.overAt == nil, entry.publicity.isAnnounced, entry.absence == nil
        else { return }
        planAbsence(of: session, after: configuration.timeouts.absence, at: now)
    }

    private mutating func planAbsence(of session: SessionID, after pause: Duration, at now: Now) {
        let due = now.monotonic + pause
        sessions[session]?.absence = Absence(dueAt: due, pause: pause)
        nextAbsence = min(nextAbsence ?? due, due)
    }

    /// Tells of the signers that are not there, and plans to tell of them again.
    mutating func tellAbsences(at now: Now) {
        guard let due = nextAbsence, due <= now.monotonic else { return }
        nextAbsence = nil
        for session in sessions.filter({ $0.value.absence != nil }).map(\.key).sorted() {
            guard let entry = sessions[session], let absence = entry.absence else { continue }
            if absence.dueAt > now.monotonic {
                nextAbsence = min(nextAbsence ?? absence.dueAt, absence.dueAt)
                continue
            }
            sessions[session]?.absence = nil
            let absent = entry.machine.absent
            guard entry.overAt == nil, !absent.isEmpty else { continue }
            let health = SessionHealth(entry.machine.status, at: now, stuckAfter: configuration.timeouts.stuck)
            tell(.absent(session, signers: absent, waitingFor: health.waitingFor))
            let longest = max(Self.longestAbsencePause, configuration.timeouts.absence)
            planAbsence(of: session, after: min(absence.pause * 2, longest), at: now)
        }
    }

    /// The longest time after which the same is told again.
    private static let longestAbsencePause = Duration.seconds(300)
}

/// When it is looked whether signers are there.
struct Absence: Sendable {
    let dueAt: Duration
    /// How long that is after the last look, or after there was something to look for.
    let pause: Duration
}
