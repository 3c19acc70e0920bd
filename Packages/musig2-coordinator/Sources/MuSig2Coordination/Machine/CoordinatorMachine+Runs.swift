import MuSig2Session

/// What needs a run of its own.
enum RunRequest: Sendable {
    /// A session that the store has.
    case restore(StoredSession)
    /// A session that ended, of which the application has signatures.
    case recall(StoredSession)
    /// A session that the application made or joins; what the store has of it.
    case enter(VerifiedAnnouncement, providers: [Provider], createdHere: Bool, stored: StoredSession?)
    /// A machine whose run the others know a higher one of.
    case raise(SessionID, above: UInt64)
}

/// Runs: every machine that is made gets a new one, of a number that was claimed durably.
extension CoordinatorMachine {
    mutating func started(_ next: UInt64, at now: Now) {
        runs.raiseFloor(to: next)
        claimRuns(at: now)
        sweepStore(at: now)
    }

    /// Claims the next block when half of what there is is used.
    mutating func claimRuns(at now: Now) {
        guard let block = runs.claim(at: now) else { return }
        effects.append(.claimRuns(block))
    }

    mutating func runsClaimed(_ block: Range<UInt64>, at now: Now) {
        runs.claimed(block)
        fillRequests(at: now)
    }

    mutating func runsTaken(below next: UInt64, at now: Now) {
        runs.taken(below: next)
        claimRuns(at: now)
    }

    mutating func runClaimFailed(_ reason: String, at now: Now) {
        runs.claimFailed(retryAt: now.monotonic + configuration.timeouts.storeRetry)
        failEntering(reason)
    }

    /// The store fails, and there is no run: the application is told. Sessions of the store and machines wait until it works.
    private mutating func failEntering(_ reason: String?) {
        let waiting = awaitingRuns
        awaitingRuns = []
        for request in waiting {
            guard case .enter(let announced, _, _, _) = request else {
                awaitingRuns.append(request)
                continue
            }
            let session = announced.descriptor.id
            refuse(
                session,
                CoordinatorError(
                    .storeFailed, "the store failed, so nothing was sent: join again once it works", session: session,
                    underlying: reason))
        }
    }

    /// Whether a session is about to be entered or restored, once there is a run for it.
    func awaitsRun(_ session: SessionID) -> Bool {
        awaitingRuns.contains { request in
            switch request {
            case .restore(let stored), .recall(let stored): stored.id == session
            case .enter(let announced, _, _, _): announced.descriptor.id == session
            case .raise: false
            }
        }
    }

    /// Gives a run to what needs one: at once, or as soon as a block is claimed.
    mutating func request(_ request: RunRequest, at now: Now) {
        awaitingRuns.append(request)
        fillRequests(at: now)
    }

    private mutating func fillRequests(at now: Now) {
        while let next = awaitingRuns.first {
            if case .raise(_, let above) = next { runs.raiseFloor(to: RunNumber.number(of: above) + 1) }
            guard let run = newRun() else { break }
            awaitingRuns.removeFirst()
            fill(next, with: run, at: now)
        }
        claimRuns(at: now)
        if runs.retryAt != nil { failEntering(nil) }
    }

    private mutating func fill(_ request: RunRequest, with run: UInt64, at now: Now) {
        switch request {
        case .restore(let stored): restore(stored, run: run, at: now)
        case .recall(let stored): recall(stored, run: run, at: now)
        case .enter(let announced, let providers, let createdHere, let stored):
            enter(announced, providers, createdHere: createdHere, stored: stored, run: run, at: now)
        case .raise(let session, _): pending.append((session, .runRaised(run)))
        }
    }
}
