import Secp256k1
import WireCodec

/// What follows from a message of the present attempt: what replaces what, and what contradicts what.
enum SlotVerdict {
    /// Nothing.
    case nothing
    /// It says something new, and its points are to be parsed.
    case undecided
    /// It is in its slot.
    case entered(isFirst: Bool, replaces: Bool)
    /// Its author contradicts itself.
    case convicts(Evidence)
    /// Its author came back with a new run after its nonces had been used: only another attempt has room for it.
    case newRun
    /// The coordinator's aggregate is not of the nonces that this signer sent.
    case foreignAggregate
    /// Two partial signatures under one nonce.
    case compromised(SignedMessage, SignedMessage)
}

extension SlotTable {
    /// Whether a message of this kind may come from this signer in this session.
    func belongsHere(_ body: MessageBody, _ index: Int) -> Bool {
        switch body.type {
        case .nonceCommit, .nonceCommitsComplete: constants.hasCommitmentRound
        case .noncesComplete: isStar && constants.order.coordinator(ofAttempt: body.attempt) == index
        case .restart: body.attempt > 1
        default: true
        }
    }

    /// Whether the counts are those of this session.
    func fits(_ payload: Payload) -> Bool {
        let messages = constants.descriptor.messages.count
        let signers = constants.signerCount
        return switch payload {
        case .nonceShare(let share): share.nonces.count == messages
        case .noncesComplete(let complete):
            complete.leaves.count == signers && complete.aggregateNonces.count == messages
        case .partialSigShare(let share): share.partials.count == messages
        case .restart(let restart):
            (restart.notHeard + restart.contextDiffers + restart.newRuns).allSatisfy { $0 < UInt32(signers) }
        default: true
        }
    }

    /// Whether a slot may take the message, by its run alone.
    func isOfUse(_ body: MessageBody, _ index: Int) -> Bool {
        let run = body.run
        let columns = attempt.columns
        switch body.type {
        case .nonceCommit:
            return columns.commitments[index].map { run >= $0.run } ?? true
        case .nonceCommitsComplete:
            return columns.commitmentsComplete[index].map { run >= $0.run } ?? true
        case .nonceShare:
            // In a star only the coordinator has a use for nonces.
            if isStar, !isCoordinator { return false }
            if let held = columns.nonces[index], run < held.run { return false }
            if let partial = columns.partials[index], run < partial.run { return false }
            guard constants.hasCommitmentRound, let commitment = columns.commitments[index] else { return true }
            return run >= commitment.run
        case .noncesComplete:
            return columns.noncesComplete.map { run == $0.run } ?? true
        case .partialSigShare:
            if let held = columns.partials[index] { return run == held.run }
            return columns.nonces[index].map { run == $0.run } ?? true
        case .join, .restart, .abort, .evidence, .broadcastDone, .signatureFinalized, .decline:
            return true
        }
    }

    // MARK: Before the points are parsed

    /// Judges what needs no points: what repeats or contradicts the slot, and what comes too late for it.
    func settle(_ payload: Payload, _ message: SignedMessage, _ index: Int) -> SlotVerdict {
        switch payload {
        case .nonceShare(let share): settleNonces(share, message, index)
        case .noncesComplete(let complete): settleAggregate(complete, message, index)
        default: .undecided
        }
    }

    private func settleNonces(_ share: NonceShare, _ message: SignedMessage, _ index: Int) -> SlotVerdict {
        let run = message.body.run
        let held = attempt.columns.nonces[index]
        if let held, run == held.run {
            if held.leaf == constants.leaf(of: share, message.body) { return .nothing }
            return .convicts(.contradiction(held.message, message))
        }
        // Its partial of an older run is in: nonces drawn since then are of no use in this attempt.
        if let partial = attempt.columns.partials[index], partial.run != run { return .newRun }
        if constants.hasCommitmentRound, let commitment = attempt.columns.commitments[index] {
            if commitment.run == run, commitment.hash != constants.leaf(of: share, message.body) {
                return .convicts(.unopenedCommitment(commitment.message, message))
            }
            // Fresh nonces are committed to first.
            if commitment.run < run { return attempt.agreement.committedTranscript == nil ? .nothing : .newRun }
        }
        // Nonces that were used are not exchanged.
        return held != nil && attempt.agreement.agreed != nil ? .newRun : .undecided
    }

    /// The first well-formed aggregate of an attempt is the only one.
    private func settleAggregate(
        _ complete: NoncesComplete, _ message: SignedMessage, _ index: Int
    ) -> SlotVerdict {
        if let held = attempt.columns.noncesComplete {
            let isSame =
                held.leaves.map(\.bytes) == complete.leaves && held.aggregateNonces == complete.aggregateNonces
            return isSame ? .nothing : .convicts(.contradiction(held.message, message))
        }
        let own = attempt.columns.nonces[me]
        if own?.leaf.bytes == complete.leaves[me] { return .undecided }
        // Where this signer has sent no nonces yet, its next ones tell the coordinator.
        return own == nil && attempt.ownNonces != .spent ? .nothing : .foreignAggregate
    }

    // MARK: With the points

    mutating func enter(_ contribution: Contribution<Crypto>, _ message: SignedMessage, _ index: Int) -> SlotVerdict {
        switch contribution {
        case .commitment(let leaf): return enterCommitment(leaf, message, index)
        case .commitmentsComplete(let transcript): return enterCommitmentsComplete(transcript, message, index)
        case .nonces(let nonces, let leaf):
            let isFirst = !attempt.columns.nonces.isFilled(index)
            attempt.columns.nonces[index] = NonceSlot(message: message, leaf: leaf, nonces: nonces)
            // A newer commitment may have emptied the slot; some peers have its older nonces.
            return .entered(isFirst: isFirst, replaces: true)
        case .aggregate(let slot):
            attempt.columns.noncesComplete = slot
            return .entered(isFirst: true, replaces: false)
        case .partials(let hash, let partials):
            return enterPartials(PartialSlot(message: message, context: hash, partials: partials), index)
        case .unusedNonces, .unusedAggregate, .restart: return .nothing
        }
    }

    /// Enters a message of this signer that is durable.
    ///
    /// - Returns: Whether it is in its slot.
    mutating func enterOwn(_ payload: Payload, _ message: SignedMessage) -> Bool {
        switch payload {
        case .nonceCommit(let commit):
            guard let leaf = Hash32(commit.leaf) else { return false }
            attempt.columns.commitments[me] = HashSlot(message: message, hash: leaf)
        case .nonceCommitsComplete(let complete):
            guard let transcript = Hash32(complete.transcript) else { return false }
            attempt.columns.commitmentsComplete[me] = HashSlot(message: message, hash: transcript)
        case .nonceShare(let share):
            guard let nonces = constants.crypto.nonces(share.nonces) else { return false }
            let leaf = constants.leaf(of: share, message.body)
            attempt.columns.nonces[me] = NonceSlot(message: message, leaf: leaf, nonces: nonces)
        case .noncesComplete(let complete):
            guard let values = attempt.agreement.agreed?.context else { return false }
            attempt.columns.noncesComplete = AggregateSlot(
                message: message,
                leaves: complete.leaves.compactMap { Hash32($0) },
                aggregateNonces: complete.aggregateNonces,
                context: values
            )
        case .partialSigShare(let share):
            guard let hash = Hash32(share.context) else { return false }
            attempt.columns.partials[me] = PartialSlot(message: message, context: hash, partials: share.partials)
        case .join, .restart, .abort, .evidence, .broadcastDone, .decline:
            return false
        }
        return true
    }

    private mutating func enterCommitment(_ leaf: Hash32, _ message: SignedMessage, _ index: Int) -> SlotVerdict {
        let run = message.body.run
        let held = attempt.columns.commitments[index]
        if let held {
            if run < held.run { return .nothing }
            if run == held.run {
                return held.hash == leaf ? .nothing : .convicts(.contradiction(held.message, message))
            }
            // Commitments that were counted on are not exchanged.
            if attempt.agreement.committedTranscript != nil { return .newRun }
        }
        if let share = attempt.columns.nonces[index] {
            if run < share.run { return .nothing }
            if run == share.run, share.leaf != leaf {
                return .convicts(.unopenedCommitment(message, share.message))
            }
            if run > share.run {
                // Its partial stands for the older nonces, or they are used here.
                if attempt.columns.partials[index] != nil || attempt.agreement.agreed != nil { return .newRun }
                attempt.columns.nonces[index] = nil
            }
        }
        attempt.columns.commitments[index] = HashSlot(message: message, hash: leaf)
        return .entered(isFirst: held == nil, replaces: held != nil)
    }

    private mutating func enterCommitmentsComplete(
        _ transcript: Hash32, _ message: SignedMessage, _ index: Int
    ) -> SlotVerdict {
        let held = attempt.columns.commitmentsComplete[index]
        if let held {
            if message.body.run < held.run { return .nothing }
            if message.body.run == held.run {
                return held.hash == transcript ? .nothing : .convicts(.contradiction(held.message, message))
            }
        }
        attempt.columns.commitmentsComplete[index] = HashSlot(message: message, hash: transcript)
        return .entered(isFirst: held == nil, replaces: held != nil)
    }

    private mutating func enterPartials(_ slot: PartialSlot, _ index: Int) -> SlotVerdict {
        if let held = attempt.columns.partials[index] {
            let isSame = held.context == slot.context && held.partials == slot.partials
            return !isSame && held.run == slot.run ? .compromised(held.message, slot.message) : .nothing
        }
        // Nonces and partials of one slot are of one run.
        if let nonces = attempt.columns.nonces[index], nonces.run != slot.run { return .nothing }
        attempt.columns.partials[index] = slot
        return .entered(isFirst: true, replaces: false)
    }
}
