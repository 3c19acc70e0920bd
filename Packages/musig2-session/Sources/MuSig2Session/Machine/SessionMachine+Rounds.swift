import Multiformats
import Secp256k1
import WireCodec

/// The rounds: what this signer does next, from what is in the slots.
extension SessionMachine {
    /// Does all that can be done now.
    mutating func advance(_ context: inout Context) {
        guard !own.claim.isAwaited else { return }
        guard slots.joins.isFilled(constants.me) else {
            let payload = Join(peerID: constants.local.peer.bytes, addresses: constants.local.addresses)
            return issue(.join(payload), attempt: 0, record: .join, &context)
        }
        // An attempt that has failed does not fail again while the next one is waited for.
        if slots.attempt.wait?.reason != .failedAttempt {
            drawNonces(&context)
            if constants.hasCommitmentRound { advanceCommitments(&context) }
            shareNonces(&context)
            agree(&context)
            sign(&context)
            finish(&context)
        }
        if state.isRunning { updatePhase(&context) }
    }

    private mutating func drawNonces(_ context: inout Context) {
        guard slots.attempt.ownNonces == .none,
            rounds.mayStart(constants.hasCommitmentRound ? .commitments : .nonces)
        else { return }
        // The creator waits for company: nonces that wait for weeks are nonces that may be stolen for weeks.
        let me = constants.me
        if me == descriptor.creator, !slots.joins.indices.contains(where: { $0 != me && slots.joins.isFilled($0) }) {
            return
        }
        let handle = NonceHandle(session: descriptor.id, attempt: slots.attempt.number, run: own.claim.run)
        slots.attempt.ownNonces = .requested(handle)
        context.add(.generateNonces(handle))
    }

    mutating func noncesGenerated(_ handle: NonceHandle, _ nonces: [[UInt8]], _ context: inout Context) {
        guard state.isRunning, slots.attempt.ownNonces == .requested(handle),
            nonces.count == descriptor.messages.count
        else { return context.add(.wipe(handle)) }
        slots.attempt.ownNonces = .held(handle, nonces)
    }

    mutating func vaultFailed(_ handle: NonceHandle, _ context: inout Context) {
        guard state.isRunning, slots.attempt.ownNonces.handle == handle else { return }
        slots.attempt.ownNonces = .spent
        abort(.cannotSign, text: "", evidence: nil, &context)
    }

    private mutating func advanceCommitments(_ context: inout Context) {
        let me = constants.me
        let number = slots.attempt.number
        if case .held(_, let nonces) = slots.attempt.ownNonces, !slots.attempt.columns.commitments.isFilled(me) {
            let leaf = Transcript.leaf(
                session: descriptor.id, attempt: number, signer: me, run: own.claim.run, nonces: nonces,
                using: constants.crypto)
            issue(.nonceCommit(NonceCommit(leaf: leaf.bytes)), attempt: number, record: .none, &context)
        }
        guard slots.isFull(.commitments), !slots.attempt.columns.partials.isFilled(me) else { return }
        let transcript: Hash32
        if let known = slots.attempt.agreement.committedTranscript {
            transcript = known
        } else {
            let leaves = slots.attempt.columns.commitments.compactMap { $0?.hash }
            transcript = constants.transcript(attempt: number, leaves: leaves)
            slots.attempt.agreement.committedTranscript = transcript
            context.tell(.commitmentsComplete(attempt: number))
        }
        if !slots.attempt.columns.commitmentsComplete.isFilled(me) {
            let payload = NonceCommitsComplete(transcript: transcript.bytes)
            issue(.nonceCommitsComplete(payload), attempt: number, record: .none, &context)
        }
        let said = slots.attempt.columns.commitmentsComplete
        if said.contains(where: { $0.map { $0.hash != transcript } ?? false }) { dispute(&context) }
    }

    private mutating func shareNonces(_ context: inout Context) {
        guard case .held(_, let nonces) = slots.attempt.ownNonces,
            !slots.attempt.columns.nonces.isFilled(constants.me), rounds.mayStart(.nonces)
        else { return }
        if constants.hasCommitmentRound {
            guard slots.isFull(.commitmentsComplete), let transcript = slots.attempt.agreement.committedTranscript,
                slots.attempt.columns.commitmentsComplete.allSatisfy({ $0?.hash == transcript })
            else { return }
        }
        issue(
            .nonceShare(NonceShare(nonces: nonces)), attempt: slots.attempt.number, record: .nonces, &context)
    }

    /// Fixes what is signed, once all nonces are in.
    private mutating func agree(_ context: inout Context) {
        guard slots.attempt.agreement.agreed == nil else { return }
        if slots.isStar, !slots.isCoordinator {
            guard let told = slots.attempt.columns.noncesComplete else { return }
            return fix(told.leaves, told.aggregateNonces, told.context, &context)
        }
        guard slots.isFull(.nonces) else { return }
        let nonces = slots.attempt.columns.nonces
        guard let (aggregateNonces, values) = constants.crypto.aggregate(nonces.compactMap { $0?.nonces }) else {
            return restart(.failedAttempt, &context)
        }
        fix(nonces.compactMap { $0?.leaf }, aggregateNonces, values, &context)
    }

    private mutating func fix(
        _ leaves: [Hash32], _ aggregateNonces: [[UInt8]], _ values: Crypto.Context, _ context: inout Context
    ) {
        let number = slots.attempt.number
        let transcript = constants.transcript(attempt: number, leaves: leaves)
        let contextHash = Transcript.context(
            transcript: transcript, aggregateNonces: aggregateNonces, using: constants.crypto)
        context.tell(.noncesComplete(attempt: number))
        // A partial of an earlier run stands: whatever the nonces are now, it was made for those it was made for.
        if let own = slots.attempt.columns.partials[constants.me], own.context != contextHash {
            return restart(.failedAttempt, &context)
        }
        slots.attempt.agreement.agreed = Agreement(
            leaves: leaves,
            transcript: transcript,
            contextHash: contextHash,
            aggregateNonces: aggregateNonces,
            context: values
        )
        if rounds.verifiesEveryPartial { verifyPartials(&context) }
    }

    private mutating func sign(_ context: inout Context) {
        guard let agreed = slots.attempt.agreement.agreed else { return }
        let me = constants.me
        if slots.attempt.columns.partials.contains(where: { $0.map { $0.context != agreed.contextHash } ?? false }) {
            dispute(&context)
        }
        if !slots.attempt.columns.partials.isFilled(me), case .held(let handle, _) = slots.attempt.ownNonces,
            slots.attempt.columns.nonces.isFilled(me), slots.isFull(.joins), rounds.mayStart(.partials)
        {
            switch slots.attempt.confirmation {
            case .notAsked:
                slots.attempt.confirmation = .asked
                return context.add(.confirmSigning(attempt: slots.attempt.number))
            case .asked: return
            case .given: break
            }
            slots.attempt.ownNonces = .signing(handle)
            context.add(.signPartials(handle, agreed.context))
        }
        // A coordinator's own partial is recorded before the aggregate leaves: after a crash it is bound to the same
        // one.
        if slots.isCoordinator, slots.attempt.columns.partials.isFilled(me),
            slots.attempt.columns.noncesComplete == nil
        {
            let payload = NoncesComplete(leaves: agreed.leaves.map(\.bytes), aggregateNonces: agreed.aggregateNonces)
            issue(.noncesComplete(payload), attempt: slots.attempt.number, record: .none, &context)
        }
    }

    mutating func partialsSigned(_ handle: NonceHandle, _ partials: [[UInt8]], _ context: inout Context) {
        guard state.isRunning, slots.attempt.ownNonces == .signing(handle),
            let agreed = slots.attempt.agreement.agreed
        else { return }
        slots.attempt.ownNonces = .spent
        guard partials.count == descriptor.messages.count else {
            return abort(.cannotSign, text: "", evidence: nil, &context)
        }
        let payload = PartialSigShare(context: agreed.contextHash.bytes, partials: partials)
        issue(.partialSigShare(payload), attempt: slots.attempt.number, record: .partials, &context)
    }

    /// Adds up the partial signatures. They are looked at one by one only if the sum is no signature.
    private mutating func finish(_ context: inout Context) {
        guard state.isRunning, !slots.isStar || slots.isCoordinator, slots.isFull(.partials),
            let agreed = slots.attempt.agreement.agreed,
            slots.attempt.columns.partials.allSatisfy({ $0?.context == agreed.contextHash })
        else { return }
        let partials = slots.attempt.columns.partials.compactMap { $0?.partials }
        if let signatures = constants.crypto.signatures(partials: partials, context: agreed.context) {
            return complete(signatures, &context)
        }
        verifyPartials(&context)
        // All are valid and the sum is not: this signer's own aggregate is wrong, which another attempt may mend.
        if state.isRunning { restart(.failedAttempt, &context) }
    }

    /// Checks the partial signatures that are here, each once, and convicts the signers of invalid ones.
    mutating func verifyPartials(_ context: inout Context) {
        guard let agreed = slots.attempt.agreement.agreed else { return }
        for index in slots.joins.indices {
            guard state.isRunning, let partial = slots.attempt.columns.partials[index], !partial.isVerified,
                let nonces = slots.attempt.columns.nonces[index], partial.context == agreed.contextHash
            else { continue }
            let isValid = constants.crypto.isValid(
                partials: partial.partials, nonces: nonces.nonces, signer: index, context: agreed.context)
            if isValid {
                slots.attempt.columns.partials[index]?.isVerified = true
            } else if index == constants.me {
                abort(.cannotSign, text: "", evidence: nil, &context)
            } else {
                convict(.invalidPartial(partial, nonces, agreed), &context)
            }
        }
    }

    /// Acts on evidence that was found here: a coordinator's aggregates cost an attempt, anything else the session.
    mutating func convict(_ evidence: Evidence, _ context: inout Context) {
        tellEvidence(evidence, &context)
        let isAggregate = evidence.signedMessages.contains { $0.body.type == .noncesComplete }
        if isAggregate {
            restart(.failedAttempt, &context)
            issue(.evidence(evidence), attempt: 0, record: .none, &context)
        } else {
            abort(.invalidContribution, text: "", evidence: evidence, &context)
        }
    }
}

/// Time: the phase, the SYNCs that are due, and what waits.
extension SessionMachine {
    /// Finds the first column that is not full, and starts its time: the deadline of a column starts when the one before it is full.
    private mutating func updatePhase(_ context: inout Context) {
        let current = slots.phase
        let previous = state.phase
        guard current != previous else { return }
        state.wait(for: current)
        // What was waited for in vain has come.
        if slots.attempt.wait?.reason == .timeout { slots.attempt.wait = nil }
        if previous == .joins || previous == nil && current != .joins { context.tell(.ready) }
        startDeadline(at: context.now.monotonic)
        schedule.restart(isWanting: slots.isWanting, at: context.now.monotonic, ceiling: syncCeiling)
        context.asksAll = true
    }

    private mutating func startDeadline(at now: Duration) {
        guard let phase = state.phase, let base = descriptor.timeout(of: phase), rounds.isTimed(phase) else {
            state.setDeadline(nil)
            slots.attempt.timing.stop()
            return
        }
        let length = history.deadlineLength(
            base, ceiling: configuration.deadlineCeiling, isFollower: slots.isStar && !slots.isCoordinator)
        slots.attempt.timing.start(length, at: now)
        state.setDeadline(now + length)
    }

    mutating func tick(_ context: inout Context) {
        let now = context.now.monotonic
        clock.adjust(descriptor, at: context.now)
        if state.isOpen { enterWaitingJoins(&context) }
        retryIssues(&context)
        guard state.isRunning else { return }
        if let wait = slots.attempt.wait, wait.until <= now {
            slots.attempt.wait = nil
            restart(wait.reason, newRuns: wait.newRuns, &context)
        } else if let ends = slots.attempt.dispute.ends, ends <= now {
            slots.attempt.dispute.conclude()
            restart(.failedAttempt, &context)
        } else if let deadline = state.deadline, deadline <= now {
            restart(.timeout, &context)
        }
        if let next = schedule.next, next <= now { syncTimerFired(&context) }
    }

    /// One step of the back-off: everything missing is asked for again, and peers that are away are dialed again.
    private mutating func syncTimerFired(_ context: inout Context) {
        guard slots.joins.isFilled(constants.me), slots.isWanting else { return schedule.stop() }
        schedule.advance(at: context.now.monotonic, ceiling: syncCeiling)
        peers.connectAll(slots, &context)
        peers.remindSilent(
            after: schedule.silence(ceiling: syncCeiling), pause: configuration.syncCeiling, slots, &context)
        peers.ask([], all: true, question(repeats: true), slots, &context)
    }

    /// Sends the SYNCs that this call has made due, and sets the timer.
    mutating func flushSyncs(_ context: inout Context) {
        guard state.isRunning, slots.joins.isFilled(constants.me) else { return }
        if schedule.next == nil, slots.isWanting {
            schedule.ensure(at: context.now.monotonic, ceiling: syncCeiling)
        }
        guard !context.connectedPeers.isEmpty || context.asksAll else { return }
        peers.ask(context.connectedPeers, all: context.asksAll, question(), slots, &context)
    }

    /// Brings the next SYNC near, if something is missing and may be asked for.
    mutating func hurrySync(_ context: inout Context) {
        if state.isRunning, slots.isWanting { schedule.hurry(at: context.now.monotonic) }
    }

    /// The longest wait between two SYNCs.
    private var syncCeiling: Duration {
        state.phase == .joins ? configuration.joinSyncCeiling : configuration.syncCeiling
    }

    private func question(repeats: Bool = false) -> SyncQuestion {
        SyncQuestion(run: own.claim.run, phase: state.phase, schedule: schedule, repeats: repeats)
    }
}

/// Attempts, which only rise.
extension SessionMachine {
    /// Begins the next attempt, and tells everybody within reach; or waits until time allows it. It states the signers that came with new
    /// runs, where those are the reason, or the one that differs where one message shows it without comparing.
    mutating func restart(
        _ reason: RestartReason, newRuns: [Int] = [], differs: Int? = nil, _ context: inout Context
    ) {
        state.setDeadline(nil)
        slots.attempt.dispute.stop()
        guard state.isRunning, slots.attempt.number < .max else { return }
        let next = slots.attempt.number + 1
        guard next <= descriptor.highestAttempt(at: context.now) else {
            // What has failed needs no more of this attempt; what is only late may still come.
            if slots.attempt.wait == nil || slots.attempt.wait?.reason == .timeout {
                let until = descriptor.moment(ofAttempt: next, at: context.now)
                slots.attempt.wait = Wait(reason: reason, newRuns: newRuns, until: until)
            }
            return
        }
        let missing = state.phase.map { slots.awaited(in: $0) } ?? []
        let differing = differs.map { [$0] } ?? (slots.attempt.dispute.isCompared ? slots.differing : [])
        let me = constants.me
        guard move(to: next, origin: nil, reason: reason, by: me, contextDiffers: differing, &context) else { return }
        if !differing.isEmpty {
            context.tell(.contextDiffers(indices: differing, by: me, attempt: next, orBy: false))
        }
        if !newRuns.isEmpty { context.tell(.newRuns(indices: newRuns, by: me, attempt: next)) }
        let payload = Restart(
            reason: reason,
            notHeard: missing.map { UInt32($0) },
            contextDiffers: differing.map { UInt32($0) },
            newRuns: newRuns.map { UInt32($0) }
        )
        issue(.restart(payload), attempt: next, record: .none, &context)
    }

    /// Leaves everything of the current attempt behind, unless time does not allow the next one.
    ///
    /// - Returns: Whether the session goes on in the new attempt.
    @discardableResult
    mutating func move(
        to number: UInt32, origin: SignedMessage?, reason: RestartReason, by signer: Int, contextDiffers: [Int] = [],
        _ context: inout Context
    ) -> Bool {
        guard number <= descriptor.highestAttempt(at: context.now) else { return false }
        let now = context.now.monotonic
        let isEarly = noteEnd(at: now)
        history.noteRaised(by: signer)
        let ended = slots.attempt.number
        if isEarly {
            history.noteEarlyEnd(EarlyEnd(attempt: ended, by: signer, reason: reason, contextDiffers: contextDiffers))
            if history.earlyEnds.count >= configuration.attemptsWithoutProgress, state.isRunning {
                abort(.noProgress, text: history.earlyEndsInWords, evidence: nil, &context)
                return false
            }
        }
        let before = slots.coordinator
        let dialed = peers.dialed(slots)
        wipeNonces(&context)
        slots.beginAttempt(
            number,
            cause: AttemptCause(
                origin: origin, follows: reason == .followed ? signer : nil, endedEarly: isEarly ? ended : nil))
        slots.attempt.timing.begin(at: now)
        own.ledger.reach(number)
        own.queue.removeAll { $0.type.belongsToAttempt }
        peers.forgetAttempt()
        state.resetTimer()
        context.tell(.attemptStarted(attempt: number, reason: reason, by: signer))
        let coordinator = slots.coordinator
        if let coordinator, coordinator != before {
            context.tell(.coordinatorChanged(attempt: number, coordinator: coordinator))
        }
        guard state.isRunning else { return true }
        // In a star only the coordinators reach everybody: the one that is left and the one that follows pass it on.
        if let origin, slots.isStar, constants.me == before || constants.me == coordinator {
            peers.passOnOrigin(by: Int(origin.body.index), slots, &context)
        }
        peers.stopDialing(dialed, slots, &context)
        peers.connectAll(slots, &context)
        // A signer that is behind may have missed what the others sent of this attempt.
        context.asksAll = true
        context.asksOwners = true
        return true
    }

    /// Judges how long the attempt that ends has lasted here.
    ///
    /// - Returns: Whether it ended early.
    private mutating func noteEnd(at now: Duration) -> Bool {
        let timing = slots.attempt.timing
        let time = descriptor.timeout(of: state.phase ?? .nonces) ?? descriptor.timeout(of: .nonces) ?? .zero
        return history.noteEnd(
            after: now - (timing.countsFrom ?? clock.startedAt), deadlineLength: timing.deadlineLength, time: time)
    }

    mutating func wipeNonces(_ context: inout Context) {
        if let handle = slots.attempt.ownNonces.handle { context.add(.wipe(handle)) }
        slots.attempt.ownNonces = .spent
    }

    /// The signers do not see the same nonces. For a short time they compare, so that a signer that told different things to
    /// different signers is found; then the attempt is given up.
    private mutating func dispute(_ context: inout Context) {
        guard slots.attempt.dispute.ends == nil, slots.attempt.wait == nil else { return }
        slots.attempt.dispute.begin(until: context.now.monotonic + configuration.disputeWindow)
        context.disputes = true
        context.asksAll = true
    }

    /// A RESTART of the attempt that this signer is in: what it states is told.
    mutating func hearRestart(_ restart: Restart, from index: Int, _ context: inout Context) {
        guard slots.attempt.cause.hear(index) else { return }
        let number = slots.attempt.number
        // A signer that gave no reason may only have followed this RESTART, which took another way.
        if let follower = slots.attempt.cause.follows, follower != index {
            slots.attempt.cause.follows = nil
            history.rename(follower, to: index, restart, endedEarly: slots.attempt.cause.endedEarly)
        }
        let silent = restart.notHeard.map { Int($0) }
        if !silent.isEmpty { context.tell(.notHeard(indices: silent, by: index, attempt: number)) }
        let differing = restart.contextDiffers.map { Int($0) }
        if !differing.isEmpty {
            context.tell(.contextDiffers(indices: differing, by: index, attempt: number, orBy: slots.isStar))
        }
        let newRuns = restart.newRuns.map { Int($0) }
        if !newRuns.isEmpty { context.tell(.newRuns(indices: newRuns, by: index, attempt: number)) }
    }
}

/// Messages of this signer: they are asked to be signed and recorded, and enter a slot and leave only after that.
extension SessionMachine {
    /// Asks for a message to be issued, unless one of its kind is on its way.
    mutating func issue(_ payload: Payload, attempt number: UInt32, record: LedgerRow, _ context: inout Context) {
        guard !own.queue.contains(payload.type, attempt: number), !own.claim.isAwaited || payload.type == .abort else {
            return
        }
        let body = MessageBody(
            sessionID: constants.idBytes,
            attempt: number,
            index: UInt32(clamping: constants.me),
            run: own.claim.run,
            payload: payload
        )
        let message = UnsignedMessage(body)
        own.queue.add(message, hash: constants.crypto.hash(.message, message.bytes), record: record)
        context.add(.issue(message, record: record))
    }

    /// Whether a body may still leave: nothing but ABORT does after an abort, and nothing but DECLINE of a session that was declined.
    private func mayLeave(_ body: MessageBody) -> Bool {
        switch state {
        case .over(let end):
            switch end.outcome {
            case .aborted: return body.type == .abort
            case .declined: return body.type == .decline
            case .completed, .expired, .superseded, .refused, .left: return false
            }
        case .awaitingApproval: return false
        case .running:
            guard body.run == own.claim.run, !own.claim.isAwaited else { return false }
            return !body.type.belongsToAttempt || body.attempt == slots.attempt.number
        }
    }

    mutating func issued(_ message: SignedMessage, _ context: inout Context) {
        guard let entry = own.queue.remove(message.bodyBytes) else {
            // The attempt was left while the store was at work. It does not leave, but a later run finds the row.
            if message.body.type == .partialSigShare, Int(message.body.index) == constants.me {
                own.note(message.body, record: .partials)
            }
            return
        }
        own.note(message.body, record: entry.record)
        if mayLeave(message.body) { enterOwn(message, &context) }
    }

    /// Puts a message of this signer into its slot, and sends it to the peers that get it.
    private mutating func enterOwn(_ message: SignedMessage, _ context: inout Context) {
        guard let payload = try? Payload(decoding: message.body.payload, type: message.body.type) else { return }
        let me = constants.me
        switch payload {
        case .join(let join):
            let slot = JoinSlot(message: message, peer: constants.local.peer, addresses: join.addresses)
            slots.roster.enter(slot, me)
            if own.claim.join(at: context.now.monotonic) {
                context.tell(.joined)
                peers.connectAll(slots, &context)
                for entry in peers.entries.indices { peers.greet(entry, slots, &context) }
            } else {
                peers.publish(Slot(.joins, me), replaces: true, slots, &context)
            }
        case .nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare:
            guard slots.enterOwn(payload, message), let column = Column(payload.type) else { return }
            if let progress = slots.progress(column, me) { context.tell(progress) }
            // An aggregate and a partial are the only ones of their attempt.
            let replaces = column < .noncesComplete
            peers.publish(Slot(column, me), replaces: replaces, slots, &context)
        case .restart:
            slots.attempt.cause.origin = message
            peers.broadcast(message, &context)
        case .abort:
            state.attachAbort(message)
            peers.broadcast(message, &context)
            // The peers that were shown a DECLINE which is none any more.
            for entry in peers.entries where !entry.state.isNamed && entry.state.exchange.answered.contains(.abort) {
                context.send(.signed(message), to: entry.peer)
            }
        case .decline:
            entered(decline: message, &context)
        case .evidence:
            keepEvidence(message, from: nil, &context)
        case .broadcastDone:
            peers.broadcast(message, &context)
        }
    }

    mutating func issueFailed(_ message: UnsignedMessage, _ failure: IssueFailure, _ context: inout Context) {
        guard own.queue.contains(message) else { return }
        switch failure {
        case .storeFailed:
            guard mayLeave(message.body) else {
                _ = own.queue.remove(message.bytes)
                return
            }
            context.tell(.storeFailed)
            own.queue.postpone(message, until: context.now.monotonic + configuration.storeRetry)
        case .rowExists(let existing):
            // The same body is there: an earlier try was durable though it was said to have failed.
            if existing.bodyBytes == message.bytes { return issued(existing, &context) }
            if let entry = own.queue.remove(message.bytes) { rowExists(existing, instead: entry, &context) }
        case .rowUnreadable:
            // Asking again would find the same. It may have left, so that this attempt has nothing of this signer any more.
            _ = own.queue.remove(message.bytes)
            noteHistoryLost(&context)
            if state.isRunning, message.body.attempt == slots.attempt.number { restart(.ownHistoryLost, &context) }
        }
    }

    /// Another process with this signer's key was here before. What it recorded stands; what this one made is not sent.
    private mutating func rowExists(
        _ existing: SignedMessage, instead entry: IssueQueue.Entry, _ context: inout Context
    ) {
        switch entry.record {
        case .none, .join, .end:
            break
        case .nonces:
            // The row's key has the run in it: another process is in this very run.
            if state.isRunning, entry.message.body.run == own.claim.run { supersede(&context) }
        case .partials:
            own.note(existing.body, record: .partials)
            guard state.isRunning, entry.message.body.attempt == slots.attempt.number else { return }
            restart(.ownHistoryLost, &context)
        }
    }

    /// Asks again for what the store refused.
    private mutating func retryIssues(_ context: inout Context) {
        for message in own.queue.messages where !mayLeave(message.body) { _ = own.queue.remove(message.bytes) }
        for entry in own.queue.takeDue(at: context.now.monotonic) {
            context.add(.issue(entry.message, record: entry.record))
        }
    }
}
