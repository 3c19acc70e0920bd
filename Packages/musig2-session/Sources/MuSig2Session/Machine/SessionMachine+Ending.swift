internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// Consent and the ways a session ends.
extension SessionMachine {
    internal mutating func approve(_ turn: inout Turn<Crypto>) {
        guard consent == .none, isOpen || signatures != nil else { return }
        consent = .approved
        turn.effects.append(.persist(.approval(true)))
    }

    internal mutating func refuse(_ turn: inout Turn<Crypto>) {
        guard isOpen, consent == .none else { return }
        end(.refused, &turn)
        turn.effects.append(.persist(.approval(false)))
        turn.tell(.closed)
    }

    internal mutating func withdrawApproval(_ turn: inout Turn<Crypto>) {
        guard isOpen, consent == .approved else { return }
        turn.effects.append(.persist(.approval(false)))
        if mayHaveJoined {
            abort(.notApproved, text: "", evidence: nil, &turn)
        } else {
            decline(reason: "", &turn)
        }
        consent = .withdrawn
    }

    /// Drops what only a running session needs.
    internal mutating func end(_ how: Outcome, _ turn: inout Turn<Crypto>) {
        wipeNonces(&turn)
        outcome = how
        let origin = attempt.origin
        attempt = makeAttempt(attempt.number)
        attempt.ownNonces = .spent
        attempt.origin = origin
        issuing.removeAll()
        awaitedRun = nil
        phase = nil
        deadline = nil
        nextSync = nil
        for entry in peers.entries.indices {
            for position in peers[at: entry].bindings.indices { peers[at: entry].bindings[position].wants.removeAll() }
            peers[at: entry].asked.removeAll()
        }
    }

    /// Signatures that are verified complete the session, in whatever state it is.
    internal mutating func complete(_ signatures: [SchnorrSignature], _ turn: inout Turn<Crypto>) {
        guard self.signatures == nil else { return }
        let distributes = isCoordinator && isOpen
        end(.completed(signatures), &turn)
        turn.effects.append(.persist(.completed(signatures)))
        turn.tell(.completed(signatures))
        guard consent == .approved, joins[me] != nil else { return }
        for entry in peers.entries.indices where peers[at: entry].isReachable {
            let peer = peers.entries[entry].peer
            if distributes {
                peers[at: entry].answered.insert(.signatures)
                turn.send(.finalized(signatures), to: peer)
            }
            tellFinal(toPeerAt: entry, &turn)
        }
        // Those that rely on this signer and are not known to have them are dialled: each asks once it is connected.
        for index in undelivered {
            guard let join = joins[index], let entry = peers.index(of: join.peer) else { continue }
            connectIfNeeded(entry, isNews: true, &turn)
        }
    }

    /// Says that this signer has the signatures, so that the peer need not wait to pass them on.
    internal mutating func tellFinal(toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard signatures != nil, consent == .approved, peers[at: entry].isReachable else { return }
        // Whoever does not know yet whom it hears does not count it: the JOIN comes first on every connection.
        give(Slot(.joins, me), toPeerAt: entry, &turn)
        turn.send(.sync(finalSync()), to: peers.entries[entry].peer)
    }

    internal mutating func receiveSignatures(
        _ signatures: [SchnorrSignature], from peer: PeerID?, _ turn: inout Turn<Crypto>
    ) {
        if self.signatures != nil || outcome == .refused { return }
        guard crypto.isValid(signatures: signatures) else {
            if let peer { penalise(peer, .badFinalSignature, &turn) }
            return
        }
        // Whoever sends them has them. Of several signers at one peer each has its own state.
        if let peer, let entry = peers.index(of: peer), peers[at: entry].bindings.count == 1,
            peers[at: entry].bindings[0].isPresented
        {
            peers[at: entry].bindings[0].isFinal = true
        }
        complete(signatures, &turn)
    }

    internal mutating func expire(_ turn: inout Turn<Crypto>) {
        end(.expired, &turn)
        turn.effects.append(.persist(.ended(SessionEnd(.expired, isAfterPartial: ledger.mayHaveSigned))))
        turn.tell(.expired)
    }

    internal mutating func supersede(_ turn: inout Turn<Crypto>) {
        end(.superseded, &turn)
        turn.tell(.superseded)
    }

    /// Ends without a word, durably: no process goes on with the session until it is joined again.
    internal mutating func leave(_ turn: inout Turn<Crypto>) {
        guard isOpen else { return }
        end(.left, &turn)
        turn.effects.append(.persist(.ended(SessionEnd(.left, isAfterPartial: ledger.mayHaveSigned))))
        turn.tell(.left)
    }

    internal mutating func close(_ turn: inout Turn<Crypto>) {
        guard !isClosed else { return }
        isClosed = true
        leave(&turn)
        turn.tell(.closed)
    }

    /// What a signer that goes on gets from one that has ended, once per step.
    internal mutating func answerAfterEnd(peerAt entry: Int, _ turn: inout Turn<Crypto>) {
        let peer = peers.entries[entry].peer
        switch outcome {
        case .completed(let signatures)?:
            guard consent == .approved, !peers[at: entry].isFinal, !peers[at: entry].answered.contains(.signatures)
            else { return }
            peers[at: entry].answered.insert(.signatures)
            turn.send(.finalized(signatures), to: peer)
        case .aborted(_, let message?)?:
            guard !peers[at: entry].answered.contains(.abort) else { return }
            peers[at: entry].answered.insert(.abort)
            turn.send(.signed(message), to: peer)
        case .declined?:
            showOwnDecline(toPeerAt: entry, &turn)
        case .aborted(_, nil)?, .expired?, .superseded?, .refused?, .left?, nil:
            break
        }
    }
}
