internal import Multiformats
internal import WireCodec

/// Attempts, which only rise, and time.
extension SessionMachine {
    internal mutating func tick(_ turn: inout Turn<Crypto>) {
        expiryAt = expiryMoment(at: turn.now)
        retryIssues(&turn)
        guard isRunning else { return }
        if let ends = attempt.disputeEnds, ends <= turn.now.monotonic {
            restart(.failedAttempt, &turn)
        } else if let deadline, deadline <= turn.now.monotonic {
            restart(.timeout, &turn)
        }
        if let nextSync, nextSync <= turn.now.monotonic { syncTimerFired(&turn) }
    }

    internal func expiryMoment(at now: Now) -> Duration {
        let (left, isOver) = descriptor.expiryMilliseconds.subtractingReportingOverflow(now.wallMilliseconds)
        return isOver ? now.monotonic : now.monotonic + .milliseconds(Int64(clamping: left))
    }

    /// Begins the next attempt, and tells everybody within reach. After the last attempt there is none: the open column
    /// waits until the session expires.
    internal mutating func restart(_ reason: RestartReason, _ turn: inout Turn<Crypto>) {
        guard isRunning, attempt.number < SessionLimits.attempts else {
            deadline = nil
            attempt.disputeEnds = nil
            return
        }
        let missing = phase.map { column in
            column == .signature || column == .noncesComplete
                ? [coordinator].compactMap { $0 }
                : (0..<signerCount).filter { $0 != me && message(in: Slot(column, $0)) == nil }
        }
        if reason == .timeout { timeouts += 1 }
        move(to: attempt.number + 1, origin: nil, reason: reason, by: me, &turn)
        let payload = Restart(reason: reason, notHeard: (missing ?? []).map { UInt32($0) })
        issue(.restart(payload), attempt: attempt.number, record: .none, &turn)
    }

    /// Leaves everything of the current attempt behind.
    internal mutating func move(
        to number: UInt32, origin: SignedMessage?, reason: RestartReason, by signer: Int, _ turn: inout Turn<Crypto>
    ) {
        let before = coordinator
        wipeNonces(&turn)
        attempt = makeAttempt(number)
        attempt.origin = origin
        issuing.removeAll { $0.message.body.type.belongsToAttempt }
        for entry in peers.entries.indices { peers[at: entry].forgetAttempt() }
        phase = nil
        deadline = nil
        turn.tell(.attemptStarted(attempt: number, reason: reason, by: signer))
        if let coordinator, coordinator != before {
            turn.tell(.coordinatorChanged(attempt: number, coordinator: coordinator))
        }
        guard isRunning else { return }
        // In a star only the coordinators reach everybody: the one that is left and the one that follows pass it on.
        if let origin, isStar, me == before || me == coordinator { broadcast(origin, &turn) }
        connectAll(&turn)
        // Whoever is behind may have missed what the others sent of this attempt.
        turn.asksAll = true
        turn.asksOwners = true
    }

    internal mutating func wipeNonces(_ turn: inout Turn<Crypto>) {
        if let handle = attempt.ownNonces.handle { turn.effects.append(.wipe(handle)) }
        attempt.ownNonces = .spent
    }

    /// The signers do not see the same nonces. For a short time they compare, so that whoever told different things to
    /// different signers is found; then the attempt is given up.
    internal mutating func dispute(_ turn: inout Turn<Crypto>) {
        guard attempt.disputeEnds == nil else { return }
        attempt.disputeEnds = turn.now.monotonic + configuration.disputeWindow
        turn.disputes = true
        turn.asksAll = true
    }

    /// A RESTART of the attempt that this signer is in.
    internal mutating func hearRestart(_ restart: Restart, from index: Int, _ turn: inout Turn<Crypto>) {
        guard attempt.restartsHeard.insert(index).inserted else { return }
        restarts[index, default: 0] += 1
        let silent = restart.notHeard.map { Int($0) }.filter { $0 < signerCount }
        if !silent.isEmpty { turn.tell(.notHeard(indices: silent, by: index, attempt: attempt.number)) }
    }
}
