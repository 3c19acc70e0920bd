internal import Secp256k1
internal import WireCodec

/// Entering checked messages into slots: what replaces what, and what contradicts what.
extension SessionMachine {
    internal mutating func enter(
        _ contribution: Contribution, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) {
        switch contribution {
        case .commitment(let leaf): enterCommitment(leaf, message, index, &turn)
        case .commitmentsComplete(let transcript): enterCommitmentsComplete(transcript, message, index, &turn)
        case .nonces(let nonces, let leaf): enterNonces(nonces, leaf, message, index, &turn)
        case .unusedNonces: break
        case .aggregate(let leaves, let aggregateNonces, let context):
            let slot = AggregateSlot(
                message: message, leaves: leaves, aggregateNonces: aggregateNonces, context: context)
            enterAggregate(slot, index, &turn)
        case .partials(let context, let partials):
            enterPartials(PartialSlot(message: message, context: context, partials: partials), index, &turn)
        case .restart(let restart): hearRestart(restart, from: index, &turn)
        }
    }

    private mutating func enterCommitment(
        _ leaf: Hash32, _ message: SignedMessage, _ index: Int, _ turn: inout Turn<Crypto>
    ) {
        let held = attempt.commitments[index]
        if let held {
            if message.body.run < held.run { return }
            if message.body.run == held.run {
                if held.hash != leaf { convict(contradiction(of: index, held.message, message), &turn) }
                return
            }
            // Commitments that were counted on are not exchanged.
            if attempt.committedTranscript != nil { return restart(.newRun, &turn) }
        } else if attempt.nonces[index] != nil {
            // It opened its commitment in an earlier run already, as its recorded row says.
            return
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
        let run = message.body.run
        let held = attempt.nonces[index]
        if let held {
            if run < held.run { return }
            if run == held.run {
                if held.leaf != leaf { convict(contradiction(of: index, held.message, message), &turn) }
                return
            }
        }
        if let partial = attempt.partials[index], partial.run != run {
            // Its partial of an older run is in: nonces drawn since then are of no use in this attempt.
            if run > partial.run { restart(.newRun, &turn) }
            return
        }
        if hasCommitmentRound, let commitment = attempt.commitments[index] {
            if commitment.run == run, commitment.hash != leaf {
                return convict(unopenedCommitment(of: index, commitment.message, message), &turn)
            }
            if commitment.run < run {
                if attempt.committedTranscript != nil { return restart(.newRun, &turn) }
                // Fresh nonces are committed to first.
                return
            }
            if commitment.run > run { return }
        }
        // Nonces that were used are not exchanged.
        if held != nil, attempt.agreement != nil { return restart(.newRun, &turn) }
        attempt.nonces[index] = NonceSlot(message: message, leaf: leaf, nonces: nonces)
        if held == nil { tellProgress(.nonces, index, &turn) }
        publish(Slot(.nonces, index), replaces: held != nil, &turn)
    }

    /// The first well-formed aggregate of an attempt is the only one.
    private mutating func enterAggregate(
        _ slot: AggregateSlot<Crypto.Context>, _ index: Int, _ turn: inout Turn<Crypto>
    ) {
        if let held = attempt.noncesComplete {
            let isSame = held.leaves == slot.leaves && held.aggregateNonces == slot.aggregateNonces
            if !isSame, held.run == slot.run { convict(contradiction(of: index, held.message, slot.message), &turn) }
            return
        }
        // Not the nonces that this signer sent: it cannot sign with them.
        guard let own = attempt.nonces[me], slot.leaves[me] == own.leaf else { return restart(.failedAttempt, &turn) }
        attempt.noncesComplete = slot
        publish(Slot(.noncesComplete, index), &turn)
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
