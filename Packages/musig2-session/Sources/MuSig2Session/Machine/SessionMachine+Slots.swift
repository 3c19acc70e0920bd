internal import Secp256k1
internal import WireCodec

/// Looking at the slot of a signed message of the present attempt before its points are parsed.
extension SessionMachine {
    /// Whether a slot may take the message, by its run alone.
    internal func isOfUse(_ body: MessageBody, _ index: Int) -> Bool {
        let run = body.run
        switch body.type {
        case .nonceCommit:
            return attempt.commitments[index].map { run >= $0.run } ?? true
        case .nonceCommitsComplete:
            return attempt.commitmentsComplete[index].map { run >= $0.run } ?? true
        case .nonceShare:
            // In a star only the coordinator has a use for nonces.
            if isStar, !isCoordinator { return false }
            if let held = attempt.nonces[index], run < held.run { return false }
            if let partial = attempt.partials[index], run < partial.run { return false }
            guard hasCommitmentRound, let commitment = attempt.commitments[index] else { return true }
            return run >= commitment.run
        case .noncesComplete:
            return attempt.noncesComplete.map { run == $0.run } ?? true
        case .partialSigShare:
            if let held = attempt.partials[index] { return run == held.run }
            return attempt.nonces[index].map { run == $0.run } ?? true
        case .join, .restart, .abort, .evidence, .broadcastDone, .signatureFinalized, .decline:
            return true
        }
    }

    internal func leaf(of share: NonceShare, _ body: MessageBody) -> Hash32 {
        Transcript.leaf(of: share, in: body, session: descriptor.id, using: crypto)
    }

    /// Deals with what needs no points: what repeats or contradicts the slot, and what comes too late for it.
    ///
    /// - Returns: Whether nothing is left to do.
    internal mutating func settle(
        _ payload: Payload, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) -> Bool {
        switch payload {
        case .nonceShare(let share): settleNonces(share, message, index, &turn)
        case .noncesComplete(let complete): settleAggregate(complete, message, index, &turn)
        default: false
        }
    }

    private mutating func settleNonces(
        _ share: NonceShare, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) -> Bool {
        let run = message.body.run
        let held = attempt.nonces[index]
        if let held, run == held.run {
            if held.leaf != leaf(of: share, message.body) {
                convict(contradiction(of: index, held.message, message), &turn)
            }
            return true
        }
        // Its partial of an older run is in: nonces drawn since then are of no use in this attempt.
        if let partial = attempt.partials[index], partial.run != run {
            restart(.newRun, newRuns: [index], &turn)
            return true
        }
        if hasCommitmentRound, let commitment = attempt.commitments[index] {
            if commitment.run == run, commitment.hash != leaf(of: share, message.body) {
                convict(unopenedCommitment(of: index, commitment.message, message), &turn)
                return true
            }
            if commitment.run < run {
                // Fresh nonces are committed to first.
                if attempt.committedTranscript != nil { restart(.newRun, newRuns: [index], &turn) }
                return true
            }
        }
        // Nonces that were used are not exchanged.
        guard held != nil, attempt.agreement != nil else { return false }
        restart(.newRun, newRuns: [index], &turn)
        return true
    }

    /// The first well-formed aggregate of an attempt is the only one.
    private mutating func settleAggregate(
        _ complete: NoncesComplete, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) -> Bool {
        if let held = attempt.noncesComplete {
            let isSame =
                held.leaves.map(\.bytes) == complete.leaves && held.aggregateNonces == complete.aggregateNonces
            if !isSame { convict(contradiction(of: index, held.message, message), &turn) }
            return true
        }
        if attempt.nonces[me]?.leaf.bytes == complete.leaves[me] { return false }
        // Not the nonces that this signer sent: it cannot sign with them. Those of an earlier run are its own affair;
        // and where it has sent none yet, its next ones tell the coordinator.
        if attempt.nonces[me] == nil, attempt.ownNonces != .spent { return true }
        let isOwnAffair = ledger.nonces.contains { $0.attempt == attempt.number && $0.run != run }
        restart(.failedAttempt, newRuns: isOwnAffair ? [me] : [], differs: isOwnAffair ? nil : index, &turn)
        return true
    }
}

/// Entering checked messages into slots: what replaces what, and what contradicts what.
extension SessionMachine {
    internal mutating func enter(
        _ contribution: Contribution, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) {
        switch contribution {
        case .commitment(let leaf): enterCommitment(leaf, message, index, &turn)
        case .commitmentsComplete(let transcript): enterCommitmentsComplete(transcript, message, index, &turn)
        case .nonces(let nonces, let leaf): enterNonces(nonces, leaf, message, index, &turn)
        case .unusedNonces, .unusedAggregate: break
        case .aggregate(let slot):
            attempt.noncesComplete = slot
            publish(Slot(.noncesComplete, index), &turn)
        case .partials(let context, let partials):
            enterPartials(PartialSlot(message: message, context: context, partials: partials), index, &turn)
        case .restart(let restart): hearRestart(restart, from: index, &turn)
        }
    }

    private mutating func enterCommitment(
        _ leaf: Hash32, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) {
        let run = message.body.run
        let held = attempt.commitments[index]
        if let held {
            if run < held.run { return }
            if run == held.run {
                if held.hash != leaf { convict(contradiction(of: index, held.message, message), &turn) }
                return
            }
            // Commitments that were counted on are not exchanged.
            if attempt.committedTranscript != nil { return restart(.newRun, newRuns: [index], &turn) }
        }
        if let share = attempt.nonces[index] {
            if run < share.run { return }
            if run == share.run, share.leaf != leaf {
                return convict(unopenedCommitment(of: index, message, share.message), &turn)
            }
            if run > share.run {
                // Its partial stands for the older nonces, or they are used here.
                if attempt.partials[index] != nil || attempt.agreement != nil {
                    return restart(.newRun, newRuns: [index], &turn)
                }
                attempt.nonces[index] = nil
            }
        }
        attempt.commitments[index] = HashSlot(message: message, hash: leaf)
        if held == nil { tellProgress(.commitments, index, &turn) }
        publish(Slot(.commitments, index), replaces: held != nil, &turn)
    }

    private mutating func enterCommitmentsComplete(
        _ transcript: Hash32, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) {
        let held = attempt.commitmentsComplete[index]
        if let held {
            if message.body.run < held.run { return }
            if message.body.run == held.run {
                if held.hash != transcript { convict(contradiction(of: index, held.message, message), &turn) }
                return
            }
        }
        attempt.commitmentsComplete[index] = HashSlot(message: message, hash: transcript)
        publish(Slot(.commitmentsComplete, index), replaces: held != nil, &turn)
    }

    private mutating func enterNonces(
        _ nonces: Crypto.Nonces, _ leaf: Hash32, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) {
        let isFirst = attempt.nonces[index] == nil
        attempt.nonces[index] = NonceSlot(message: message, leaf: leaf, nonces: nonces)
        if isFirst { tellProgress(.nonces, index, &turn) }
        // A newer commitment may have emptied the slot, whose older nonces some peers have.
        publish(Slot(.nonces, index), replaces: true, &turn)
    }

    private mutating func enterPartials(_ slot: PartialSlot, _ index: Int, _ turn: inout Turn<Crypto>) {
        if let held = attempt.partials[index] {
            let isSame = held.context == slot.context && held.partials == slot.partials
            if !isSame, held.run == slot.run { reportCompromise(of: index, held.message, slot.message, &turn) }
            return
        }
        // Nonces and partials of one slot are of one run.
        if let nonces = attempt.nonces[index], nonces.run != slot.run { return }
        attempt.partials[index] = slot
        if slot.context == attempt.agreement?.contextHash { isSettled = true }
        tellProgress(.partials, index, &turn)
        publish(Slot(.partials, index), &turn)
        if verifiesEveryPartial { verifyPartials(&turn) }
    }

    /// Two partial signatures under one nonce give the key away: the second one is not kept, shown or sent, nor is what
    /// it differs from.
    private mutating func reportCompromise(
        of index: Int, _ first: SignedMessage, _ second: SignedMessage, _ turn: inout Turn<Crypto>
    ) {
        turn.tell(
            .signerCompromised(
                index: index, crypto.hash(.message, first.bodyBytes), crypto.hash(.message, second.bodyBytes)))
        abort(.signerCompromised, text: "signer \(index)", evidence: nil, &turn)
    }
}
