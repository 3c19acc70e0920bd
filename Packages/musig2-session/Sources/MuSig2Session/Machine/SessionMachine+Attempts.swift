internal import Multiformats
internal import WireCodec

/// Attempts, which only rise, and time.
extension SessionMachine {
    internal mutating func tick(_ turn: inout Turn<Crypto>) {
        expiryAt = expiryMoment(at: turn.now)
        if isOpen { enterWaitingJoins(&turn) }
        retryIssues(&turn)
        guard isRunning else { return }
        if let wait = attempt.wait, wait.until <= turn.now.monotonic {
            attempt.wait = nil
            restart(wait.reason, newRuns: wait.newRuns, &turn)
        } else if let ends = attempt.disputeEnds, ends <= turn.now.monotonic {
            attempt.isCompared = true
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

    /// The highest attempt that time allows: no message leads beyond it, so that nobody uses attempts up.
    internal func highestAttempt(at now: Now) -> UInt32 {
        let (latest, isOver) = now.wallMilliseconds.addingReportingOverflow(SessionLimits.standard.clockTolerance)
        let (age, isBefore) = (isOver ? .max : latest).subtractingReportingOverflow(descriptor.createdMilliseconds)
        guard !isBefore else { return UInt32(SessionLimits.attemptsAtOnce) }
        return UInt32(clamping: SessionLimits.attemptsAtOnce + age / SessionLimits.attemptInterval)
    }

    /// Begins the next attempt, and tells everybody within reach; or waits until time allows it. It states whose new
    /// runs are the reason, or who differs where one message shows it without comparing.
    internal mutating func restart(
        _ reason: RestartReason, newRuns: [Int] = [], differs: Int? = nil, _ turn: inout Turn<Crypto>
    ) {
        deadline = nil
        attempt.disputeEnds = nil
        guard isRunning, attempt.number < .max else { return }
        let next = attempt.number + 1
        guard next <= highestAttempt(at: turn.now) else {
            // What has failed needs no more of this attempt; what is only late may still come.
            if attempt.wait == nil || attempt.wait?.reason == .timeout {
                attempt.wait = Wait(reason: reason, newRuns: newRuns, until: moment(of: next, turn.now))
            }
            return
        }
        let missing = phase.map { column in
            column == .signature || column == .noncesComplete
                ? [coordinator].compactMap { $0 }
                : (0..<signerCount).filter { $0 != me && !isFilled(Slot(column, $0)) }
        }
        let differing = differs.map { [$0] } ?? (attempt.isCompared ? signersThatDiffer : [])
        guard move(to: next, origin: nil, reason: reason, by: me, contextDiffers: differing, &turn) else { return }
        if !differing.isEmpty {
            turn.tell(.contextDiffers(indices: differing, by: me, attempt: next, orBy: false))
        }
        if !newRuns.isEmpty { turn.tell(.newRuns(indices: newRuns, by: me, attempt: next)) }
        let payload = Restart(
            reason: reason,
            notHeard: (missing ?? []).map { UInt32($0) },
            contextDiffers: differing.map { UInt32($0) },
            newRuns: newRuns.map { UInt32($0) }
        )
        issue(.restart(payload), attempt: attempt.number, record: .none, &turn)
    }

    /// When an attempt is allowed, if the wall clock goes as the monotonic one.
    private func moment(of number: UInt32, _ now: Now) -> Duration {
        let past = UInt64(number).subtractingReportingOverflow(SessionLimits.attemptsAtOnce)
        let age = past.overflow ? 0 : past.partialValue * SessionLimits.attemptInterval
        let (allowed, isOver) = descriptor.createdMilliseconds.addingReportingOverflow(age)
        let latest = now.wallMilliseconds.addingReportingOverflow(SessionLimits.standard.clockTolerance)
        guard !isOver, !latest.overflow, allowed > latest.partialValue else { return now.monotonic }
        return now.monotonic + .milliseconds(Int64(clamping: allowed - latest.partialValue))
    }

    /// The others whose context, or whose transcript of the commitments, is not this signer's.
    private var signersThatDiffer: [Int] {
        (0..<signerCount).filter { index in
            guard index != me else { return false }
            if let agreement = attempt.agreement, let partial = attempt.partials[index] {
                if partial.context != agreement.contextHash { return true }
            }
            guard index < attempt.commitmentsComplete.count, let transcript = attempt.committedTranscript,
                let complete = attempt.commitmentsComplete[index]
            else { return false }
            return complete.hash != transcript
        }
    }

    /// Leaves everything of the current attempt behind, unless time does not allow the next one.
    ///
    /// - Returns: Whether the session goes on in the new attempt.
    @discardableResult
    internal mutating func move(
        to number: UInt32, origin: SignedMessage?, reason: RestartReason, by signer: Int, contextDiffers: [Int] = [],
        _ turn: inout Turn<Crypto>
    ) -> Bool {
        guard number <= highestAttempt(at: turn.now) else { return false }
        let isEarly = noteEnd(at: turn.now.monotonic)
        restarts[signer, default: 0] += 1
        if isEarly {
            earlyEnds.append(
                EarlyEnd(attempt: attempt.number, by: signer, reason: reason, contextDiffers: contextDiffers))
            if earlyEnds.count >= configuration.attemptsWithoutProgress, isRunning {
                abort(.noProgress, text: earlyEndsInWords, evidence: nil, &turn)
                return false
            }
        }
        let before = coordinator
        let ended = attempt.number
        let dialled = dialledPeers
        wipeNonces(&turn)
        attempt = makeAttempt(number)
        attempt.origin = origin
        if reason == .followed { attempt.follows = signer }
        if isEarly { attempt.endedEarly = ended }
        attempt.timedFrom = turn.now.monotonic
        ledger.reach(number)
        issuing.removeAll { $0.message.body.type.belongsToAttempt }
        for entry in peers.entries.indices { peers[at: entry].forgetAttempt() }
        phase = nil
        deadline = nil
        turn.tell(.attemptStarted(attempt: number, reason: reason, by: signer))
        if let coordinator, coordinator != before {
            turn.tell(.coordinatorChanged(attempt: number, coordinator: coordinator))
        }
        guard isRunning else { return true }
        // In a star only the coordinators reach everybody: the one that is left and the one that follows pass it on.
        if let origin, isStar, me == before || me == coordinator {
            let author = Int(origin.body.index)
            for entry in peers.entries.indices where peers[at: entry].isReachable {
                let isAuthor = peers[at: entry].presents(author) && peers[at: entry].bindings.count == 1
                if !isAuthor { showOrigin(toPeerAt: entry, &turn) }
            }
        }
        stopDialling(dialled, &turn)
        connectAll(&turn)
        // Whoever is behind may have missed what the others sent of this attempt.
        turn.asksAll = true
        turn.asksOwners = true
        return true
    }

    /// Judges how long the attempt that ends has lasted here.
    ///
    /// At least half of the deadline that runs: the time of the next attempts is doubled. Less than half of the
    /// descriptor's own time: it ended early. (Not of the doubled time: the doublings of a signer that came back begin
    /// anew, and its timeouts are no storm.)
    private mutating func noteEnd(at now: Duration) -> Bool {
        let lasted = now - (attempt.timedFrom ?? startedAt)
        if let length = attempt.deadlineLength, lasted >= length / 2 { timeouts += 1 }
        let time = descriptor.timeout(of: phase ?? .nonces) ?? descriptor.timeout(of: .nonces) ?? .zero
        return lasted < time / 2
    }

    /// Who raised the attempts that ended early, for the others: this signer's statement.
    private var earlyEndsInWords: String {
        func counted(_ indices: [Int]) -> String {
            let counts = indices.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(16)
                .map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
        }
        let differing = earlyEnds.flatMap(\.contextDiffers)
        return "attempts raised by signer \(counted(earlyEnds.map(\.by)))"
            + (differing.isEmpty ? "" : "; context differed of signer \(counted(differing))")
    }

    /// Shows a peer what led to the attempt, once on a connection, unless it is there itself.
    internal mutating func showOrigin(toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard let origin = attempt.origin, !peers[at: entry].knowsAttempt else { return }
        peers[at: entry].knowsAttempt = true
        // A message in an own slot of the attempt says it by itself.
        if Int(origin.body.index) == me, Column(origin.body.type) != nil { return }
        turn.send(.signed(origin), to: peers.entries[entry].peer)
    }

    internal mutating func wipeNonces(_ turn: inout Turn<Crypto>) {
        if let handle = attempt.ownNonces.handle { turn.effects.append(.wipe(handle)) }
        attempt.ownNonces = .spent
    }

    /// The signers do not see the same nonces. For a short time they compare, so that whoever told different things to
    /// different signers is found; then the attempt is given up.
    internal mutating func dispute(_ turn: inout Turn<Crypto>) {
        guard attempt.disputeEnds == nil, attempt.wait == nil else { return }
        attempt.disputeEnds = turn.now.monotonic + configuration.disputeWindow
        turn.disputes = true
        turn.asksAll = true
    }

    /// A RESTART of the attempt that this signer is in: what it states is told.
    internal mutating func hearRestart(_ restart: Restart, from index: Int, _ turn: inout Turn<Crypto>) {
        guard attempt.restartsHeard.insert(index).inserted else { return }
        let number = attempt.number
        nameRaiser(index, restart)
        let silent = restart.notHeard.map { Int($0) }
        if !silent.isEmpty { turn.tell(.notHeard(indices: silent, by: index, attempt: number)) }
        let differing = restart.contextDiffers.map { Int($0) }
        if !differing.isEmpty {
            turn.tell(.contextDiffers(indices: differing, by: index, attempt: number, orBy: isStar))
        }
        let newRuns = restart.newRuns.map { Int($0) }
        if !newRuns.isEmpty { turn.tell(.newRuns(indices: newRuns, by: index, attempt: number)) }
    }

    /// A signer that gave no reason may only have followed this RESTART, which took another way: it is not named any more.
    private mutating func nameRaiser(_ index: Int, _ restart: Restart) {
        guard let follower = attempt.follows, follower != index else { return }
        attempt.follows = nil
        restarts[follower, default: 1] -= 1
        restarts[index, default: 0] += 1
        guard let last = earlyEnds.last, last.by == follower, last.attempt == attempt.endedEarly else { return }
        earlyEnds[earlyEnds.count - 1] = EarlyEnd(
            attempt: last.attempt, by: index, reason: restart.reason,
            contextDiffers: restart.contextDiffers.map { Int($0) })
    }
}
