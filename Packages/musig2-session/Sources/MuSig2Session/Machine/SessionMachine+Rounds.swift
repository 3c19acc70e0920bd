internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// The rounds: what this signer does next, from what is in the slots.
extension SessionMachine {
    /// Does all that can be done now.
    internal mutating func advance(_ turn: inout Turn<Crypto>) {
        guard awaitedRun == nil else { return }
        if joins[me] == nil {
            join(&turn)
            return
        }
        // An attempt that has failed does not fail again while the next one is waited for.
        if attempt.wait?.reason != .failedAttempt {
            drawNonces(&turn)
            if hasCommitmentRound { advanceCommitments(&turn) }
            shareNonces(&turn)
            agree(&turn)
            sign(&turn)
            finish(&turn)
        }
        if isRunning { updatePhase(&turn) }
    }

    /// Whether a round may start.
    private func mayStart(_ round: Round) -> Bool {
        if configuration.startsRoundsAutomatically || startedRounds.contains(round) { return true }
        // Nonces are drawn for the commitments, where there are any.
        return round == .commitments && startedRounds.contains(.nonces)
    }

    private mutating func join(_ turn: inout Turn<Crypto>) {
        let payload = Join(peerID: constants.local.peer.bytes, addresses: constants.local.addresses)
        issue(.join(payload), attempt: 0, record: .join, &turn)
    }

    private mutating func drawNonces(_ turn: inout Turn<Crypto>) {
        guard attempt.ownNonces == .none, mayStart(hasCommitmentRound ? .commitments : .nonces) else { return }
        // The creator waits for company: nonces that wait for weeks are nonces that may be stolen for weeks.
        if me == descriptor.creator, !joins.indices.contains(where: { $0 != me && joins[$0] != nil }) { return }
        let handle = NonceHandle(session: descriptor.id, attempt: attempt.number, run: run)
        attempt.ownNonces = .requested(handle)
        turn.effects.append(.generateNonces(handle))
    }

    internal mutating func noncesGenerated(_ handle: NonceHandle, _ nonces: [[UInt8]], _ turn: inout Turn<Crypto>) {
        guard isRunning, attempt.ownNonces == .requested(handle), nonces.count == descriptor.messages.count else {
            turn.effects.append(.wipe(handle))
            return
        }
        attempt.ownNonces = .held(handle, nonces)
    }

    internal mutating func vaultFailed(_ handle: NonceHandle, _ turn: inout Turn<Crypto>) {
        guard isRunning, attempt.ownNonces.handle == handle else { return }
        attempt.ownNonces = .spent
        abort(.cannotSign, text: "", evidence: nil, &turn)
    }

    private func leaf(of nonces: [[UInt8]], signer: Int, run: UInt64) -> Hash32 {
        Transcript.leaf(
            session: descriptor.id, attempt: attempt.number, signer: signer, run: run, nonces: nonces, using: crypto)
    }

    private mutating func advanceCommitments(_ turn: inout Turn<Crypto>) {
        if case .held(_, let nonces) = attempt.ownNonces, attempt.commitments[me] == nil {
            let leaf = leaf(of: nonces, signer: me, run: run)
            issue(.nonceCommit(NonceCommit(leaf: leaf.bytes)), attempt: attempt.number, record: .none, &turn)
        }
        guard isFull(.commitments), attempt.partials[me] == nil else { return }
        if attempt.committedTranscript == nil {
            let leaves = attempt.commitments.compactMap { $0?.hash }
            let transcript = Transcript.transcript(
                session: descriptor.id, attempt: attempt.number, leaves: leaves, using: crypto)
            attempt.committedTranscript = transcript
            turn.tell(.commitmentsComplete(attempt: attempt.number))
        }
        guard let transcript = attempt.committedTranscript else { return }
        if attempt.commitmentsComplete[me] == nil {
            let payload = NonceCommitsComplete(transcript: transcript.bytes)
            issue(.nonceCommitsComplete(payload), attempt: attempt.number, record: .none, &turn)
        }
        if attempt.commitmentsComplete.contains(where: { $0.map { $0.hash != transcript } ?? false }) { dispute(&turn) }
    }

    private mutating func shareNonces(_ turn: inout Turn<Crypto>) {
        guard case .held(_, let nonces) = attempt.ownNonces, attempt.nonces[me] == nil, mayStart(.nonces) else {
            return
        }
        if hasCommitmentRound {
            guard isFull(.commitmentsComplete), let transcript = attempt.committedTranscript,
                attempt.commitmentsComplete.allSatisfy({ $0?.hash == transcript })
            else { return }
        }
        issue(.nonceShare(NonceShare(nonces: nonces)), attempt: attempt.number, record: .nonces, &turn)
    }

    /// Fixes what is signed, once all nonces are in.
    private mutating func agree(_ turn: inout Turn<Crypto>) {
        guard attempt.agreement == nil else { return }
        if isStar, !isCoordinator {
            guard let told = attempt.noncesComplete else { return }
            fix(leaves: told.leaves, aggregateNonces: told.aggregateNonces, context: told.context, &turn)
            return
        }
        guard isFull(.nonces) else { return }
        guard let (aggregateNonces, context) = crypto.aggregate(attempt.nonces.compactMap { $0?.nonces }) else {
            return restart(.failedAttempt, &turn)
        }
        let leaves = attempt.nonces.compactMap { $0?.leaf }
        fix(leaves: leaves, aggregateNonces: aggregateNonces, context: context, &turn)
    }

    private mutating func fix(
        leaves: [Hash32], aggregateNonces: [[UInt8]], context: Crypto.Context, _ turn: inout Turn<Crypto>
    ) {
        let transcript = Transcript.transcript(
            session: descriptor.id, attempt: attempt.number, leaves: leaves, using: crypto)
        let contextHash = Transcript.context(transcript: transcript, aggregateNonces: aggregateNonces, using: crypto)
        turn.tell(.noncesComplete(attempt: attempt.number))
        // A partial of an earlier run stands: whatever the nonces are now, it was made for those it was made for.
        if let own = attempt.partials[me], own.context != contextHash { return restart(.failedAttempt, &turn) }
        attempt.agreement = Agreement(
            leaves: leaves,
            transcript: transcript,
            contextHash: contextHash,
            aggregateNonces: aggregateNonces,
            context: context
        )
        if verifiesEveryPartial { verifyPartials(&turn) }
    }

    private mutating func sign(_ turn: inout Turn<Crypto>) {
        guard let agreement = attempt.agreement else { return }
        if attempt.partials.contains(where: { $0.map { $0.context != agreement.contextHash } ?? false }) {
            dispute(&turn)
        }
        if attempt.partials[me] == nil, case .held(let handle, _) = attempt.ownNonces, attempt.nonces[me] != nil,
            isFull(.joins), mayStart(.partials)
        {
            guard attempt.isConfirmed else {
                if !attempt.isConfirming {
                    attempt.isConfirming = true
                    turn.effects.append(.confirmSigning(attempt: attempt.number))
                }
                return
            }
            attempt.ownNonces = .signing(handle)
            turn.effects.append(.signPartials(handle, agreement.context))
        }
        // A coordinator's own partial is recorded before the aggregate leaves: after a crash it is bound to the same
        // one.
        if isCoordinator, attempt.partials[me] != nil, attempt.noncesComplete == nil {
            let payload = NoncesComplete(
                leaves: agreement.leaves.map(\.bytes), aggregateNonces: agreement.aggregateNonces)
            issue(.noncesComplete(payload), attempt: attempt.number, record: .none, &turn)
        }
    }

    internal mutating func partialsSigned(_ handle: NonceHandle, _ partials: [[UInt8]], _ turn: inout Turn<Crypto>) {
        guard isRunning, attempt.ownNonces == .signing(handle), let agreement = attempt.agreement else { return }
        attempt.ownNonces = .spent
        guard partials.count == descriptor.messages.count else {
            return abort(.cannotSign, text: "", evidence: nil, &turn)
        }
        let payload = PartialSigShare(context: agreement.contextHash.bytes, partials: partials)
        issue(.partialSigShare(payload), attempt: attempt.number, record: .partials, &turn)
    }

    /// Adds up the partial signatures. They are looked at one by one only if the sum is no signature.
    private mutating func finish(_ turn: inout Turn<Crypto>) {
        guard isRunning, !isStar || isCoordinator, isFull(.partials), let agreement = attempt.agreement else { return }
        guard attempt.partials.allSatisfy({ $0?.context == agreement.contextHash }) else { return }
        let partials = attempt.partials.compactMap { $0?.partials }
        if let signatures = crypto.signatures(partials: partials, context: agreement.context) {
            return complete(signatures, &turn)
        }
        verifyPartials(&turn)
        // All are valid and the sum is not: this signer's own aggregate is wrong, which another attempt may mend.
        if isRunning { restart(.failedAttempt, &turn) }
    }

    internal mutating func setVerifying(_ verifies: Bool, _ turn: inout Turn<Crypto>) {
        verifiesEveryPartial = verifies
        if verifies, isRunning { verifyPartials(&turn) }
    }

    /// Checks the partial signatures that are here, each once, and convicts whose are invalid.
    internal mutating func verifyPartials(_ turn: inout Turn<Crypto>) {
        guard let agreement = attempt.agreement else { return }
        for index in 0..<signerCount {
            guard isRunning, let slot = attempt.partials[index], !slot.isVerified, let nonces = attempt.nonces[index],
                slot.context == agreement.contextHash
            else { continue }
            let isValid = crypto.isValid(
                partials: slot.partials, nonces: nonces.nonces, signer: index, context: agreement.context)
            if isValid {
                attempt.partials[index]?.isVerified = true
            } else if index == me {
                abort(.cannotSign, text: "", evidence: nil, &turn)
            } else {
                convict(invalidPartial(of: index, slot, nonces, agreement), &turn)
            }
        }
    }

    /// Finds the first column that is not full, and starts its time.
    private mutating func updatePhase(_ turn: inout Turn<Crypto>) {
        let current = neededColumns.first { !isFull($0) }
        guard current != phase else { return }
        let previous = phase
        phase = current
        // What was waited for in vain has come.
        if attempt.wait?.reason == .timeout { attempt.wait = nil }
        if previous == .joins || previous == nil && current != .joins { turn.tell(.ready) }
        startDeadline(&turn)
        restartSync(&turn)
    }

    /// The deadline of a column starts when the one before it is full, and doubles with each attempt that lasted at
    /// least half its deadline.
    internal mutating func startDeadline(_ turn: inout Turn<Crypto>) {
        guard let phase, let base = descriptor.timeout(of: phase), isTimed(phase) else {
            deadline = nil
            attempt.deadlineLength = nil
            return
        }
        if !attempt.isTimed {
            attempt.isTimed = true
            attempt.timedFrom = turn.now.monotonic
        }
        var time = base
        for _ in 0..<min(timeouts, 64) where time < configuration.deadlineCeiling { time += time }
        if isStar, !isCoordinator { time += time / 2 }
        time = min(time, configuration.deadlineCeiling)
        attempt.deadlineLength = time
        deadline = turn.now.monotonic + time
    }

    /// A round that the application starts has no deadline before it did.
    private func isTimed(_ column: Column) -> Bool {
        switch column {
        case .joins: false
        case .commitments, .commitmentsComplete: mayStart(.commitments)
        case .nonces, .noncesComplete: mayStart(.nonces)
        case .partials, .signature: mayStart(.partials)
        }
    }
}
