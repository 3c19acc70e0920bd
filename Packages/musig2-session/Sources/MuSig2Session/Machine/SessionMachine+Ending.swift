import Multiformats
import Secp256k1
import WireCodec

/// Consent and the ways a session ends.
extension SessionMachine {
    mutating func approve(_ context: inout Context) {
        if state.approve() { context.add(.persist(.approval(true))) }
    }

    mutating func refuse(_ context: inout Context) {
        guard case .awaitingApproval = state else { return }
        end(.refused, &context)
        context.add(.persist(.approval(false)))
        context.tell(.closed)
    }

    mutating func withdrawApproval(_ context: inout Context) {
        guard state.isRunning else { return }
        context.add(.persist(.approval(false)))
        if own.mayHaveJoined {
            abort(.notApproved, text: "", evidence: nil, &context)
        } else {
            decline(reason: "", &context)
        }
        state.withdraw()
    }

    /// Drops what only a running session needs.
    private mutating func end(_ outcome: SessionState.Outcome, _ context: inout Context) {
        wipeNonces(&context)
        state.end(outcome)
        slots.endAttempt()
        own.end()
        schedule.stop()
        peers.forgetWants()
    }

    mutating func expire(_ context: inout Context) {
        end(.expired, &context)
        persistEnd(.expired, &context)
        context.tell(.expired)
    }

    mutating func supersede(_ context: inout Context) {
        end(.superseded, &context)
        context.tell(.superseded)
    }

    /// Ends without a word, durably: no process goes on with the session until it is joined again.
    mutating func leave(_ context: inout Context) {
        guard state.isOpen else { return }
        end(.left, &context)
        persistEnd(.left, &context)
        context.tell(.left)
    }

    private func persistEnd(_ kind: SessionEnd.Kind, _ context: inout Context) {
        context.add(.persist(.ended(SessionEnd(kind, isAfterPartial: own.ledger.mayHaveSigned))))
    }

    mutating func close(_ context: inout Context) {
        leave(&context)
        if state.close() { context.tell(.closed) }
    }

    /// What a signer that goes on gets from one that has ended, once per step.
    mutating func answerAfterEnd(peerAt entry: Int, _ context: inout Context) {
        let peer = peers.entries[entry].peer
        switch state.outcome {
        case .completed(let signatures)?:
            guard state.consent == .approved, !peers[at: entry].isFinal,
                peers[at: entry].exchange.answer(.signatures)
            else { return }
            context.send(.finalized(signatures), to: peer)
        case .aborted(_, let message?)?:
            if peers[at: entry].exchange.answer(.abort) { context.send(.signed(message), to: peer) }
        case .declined?:
            showOwnDecline(toPeerAt: entry, &context)
        case .aborted(_, nil)?, .expired?, .superseded?, .refused?, .left?, nil:
            break
        }
    }
}

/// Signatures, which complete the session in whatever state it is.
extension SessionMachine {
    mutating func receiveSignatures(
        _ signatures: [SchnorrSignature], from peer: PeerID?, _ context: inout Context
    ) {
        switch state.outcome {
        case .completed?, .refused?: return
        default: break
        }
        guard constants.crypto.isValid(signatures: signatures) else {
            if let peer { context.penalize(peer, .badFinalSignature) }
            return
        }
        if let entry = peer.flatMap({ peers.index(of: $0) }) { peers[at: entry].noteSignatures() }
        complete(signatures, &context)
    }

    /// Takes verified signatures.
    mutating func complete(_ signatures: [SchnorrSignature], _ context: inout Context) {
        guard self.signatures == nil else { return }
        let distributes = slots.isCoordinator && state.isOpen
        end(.completed(signatures), &context)
        context.add(.persist(.completed(signatures)))
        context.tell(.completed(signatures))
        guard state.consent == .approved, slots.joins.isFilled(constants.me) else { return }
        for entry in peers.entries.indices where peers[at: entry].isReachable {
            if distributes {
                _ = peers[at: entry].exchange.answer(.signatures)
                context.send(.finalized(signatures), to: peers.entries[entry].peer)
            }
            tellFinal(toPeerAt: entry, &context)
        }
        // Those that rely on this signer and are not known to have them are dialed: each asks once it is connected.
        for index in undelivered {
            guard let join = slots.joins[index], let entry = peers.index(of: join.peer) else { continue }
            peers.connect(entry, isNews: true, slots, &context)
        }
    }

    /// Says that this signer has the signatures, so that the peer need not wait to pass them on.
    mutating func tellFinal(toPeerAt entry: Int, _ context: inout Context) {
        guard signatures != nil, state.consent == .approved, peers[at: entry].isReachable else { return }
        // A peer that does not know yet which signer it hears does not count it: the JOIN comes first on every connection.
        peers.give(Slot(.joins, constants.me), to: entry, slots, &context)
        context.send(.sync(Sync(finalOf: slots, run: own.claim.run)), to: peers.entries[entry].peer)
    }
}

/// ABORT: this signer's own, that of others, and this signer's own that others return. It is for good.
extension SessionMachine {
    mutating func abort(_ reason: AbortReason, text: String, evidence: Evidence?, _ context: inout Context) {
        if state.isOpen { giveUp(reason, text: text, evidence: evidence, &context) }
    }

    /// Aborts, also where this signer has declined before.
    private mutating func giveUp(_ reason: AbortReason, text: String, evidence: Evidence?, _ context: inout Context) {
        let isAfterPartial = own.ledger.mayHaveSigned
        let report = AbortReport(
            by: constants.me,
            reason: reason,
            text: text,
            isAfterPartial: isAfterPartial,
            evidence: evidence,
            earlyEnds: reason == .noProgress ? history.earlyEnds : []
        )
        end(.aborted(report, message: nil), &context)
        let record = SessionEnd(report, message: nil)
        // Nobody knows of a signer that never joined.
        if own.mayHaveJoined {
            let payload = Abort(
                reason: reason,
                stage: isAfterPartial ? .afterPartial : .beforePartial,
                text: Self.shortened(text),
                evidence: evidence
            )
            issue(.abort(payload), attempt: 0, record: .end(record), &context)
        } else {
            context.add(.persist(.ended(record)))
        }
        context.tell(.aborted(report))
    }

    /// Another signer's ABORT that is checked: it counts whatever its run.
    mutating func hearAbort(_ message: SignedMessage, _ abort: Abort, _ context: inout Context) {
        guard state.isOpen else { return }
        let weighed = weigh(abort.evidence, in: message, &context)
        let report = AbortReport(
            by: Int(message.body.index),
            reason: abort.reason,
            text: abort.text,
            isAfterPartial: own.ledger.mayHaveSigned,
            evidence: weighed.evidence
        )
        let kept = weighed.isKept ? message : nil
        end(.aborted(report, message: kept), &context)
        context.add(.persist(.ended(SessionEnd(report, message: kept))))
        context.tell(.aborted(report))
    }

    /// This signer's own ABORT that others return, of whatever run: a former process ended the session, or another one did, and the
    /// store does not say so. What else it did is not known either.
    mutating func hearOwnAbort(_ message: SignedMessage, _ context: inout Context) {
        guard state.isOpen, let abort = try? Abort(decoding: message.body.payload) else { return }
        noteHistoryLost(&context)
        hearAbort(message, abort, &context)
    }

    /// Looks at what came with an ABORT. One with evidence that does not convince is obeyed, and neither kept nor passed on: it would carry
    /// whatever its author likes, such as two partial signatures under one nonce.
    private mutating func weigh(
        _ evidence: Evidence?, in message: SignedMessage, _ context: inout Context
    ) -> (evidence: Evidence?, isKept: Bool) {
        // The longest ABORT of this session that can convince: two messages with contributions, n leaves and the aggregate nonces.
        let byteLimit = 2_048 + 40 * constants.signerCount + 240 * descriptor.messages.count
        guard message.bodyBytes.count <= byteLimit else { return (nil, false) }
        guard let evidence else { return (nil, true) }
        let checker = constants.evidenceChecker
        if let (first, second) = checker.partialsUnderOneNonce(in: evidence) {
            context.tell(compromise(of: Int(first.body.index), first, second))
            return (nil, false)
        }
        guard checker.isConvincing(evidence) else { return (nil, false) }
        tellEvidence(evidence, &context)
        return (evidence, true)
    }

    /// A text for people, as it is sent: at most ``SessionLimits/ownTextBytes`` of UTF-8, cut between characters.
    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > SessionLimits.ownTextBytes else { return text }
        var short = ""
        for character in text {
            guard short.utf8.count + character.utf8.count <= SessionLimits.ownTextBytes else { break }
            short.append(character)
        }
        return short
    }
}

/// DECLINE: a signer says that it will not join. At its author it is for good; at the others it is a statement, until a JOIN of its
/// author is here.
extension SessionMachine {
    /// Ends the session here, and tells the others.
    mutating func decline(reason: String, _ context: inout Context) {
        guard state.isOpen, !own.mayHaveJoined else { return }
        let reason = Self.shortened(reason)
        end(.declined(SessionState.Decline(reason: reason)), &context)
        let record = SessionEnd(
            .declined, by: constants.me, text: reason, isAfterPartial: own.ledger.mayHaveSigned)
        issue(.decline(Decline(reason: reason)), attempt: 0, record: .end(record), &context)
    }

    /// The own DECLINE is durable: it is told, goes to all peers that are there, and the others that may know the session are dialed.
    mutating func entered(decline message: SignedMessage, _ context: inout Context) {
        guard let decline = state.decline else { return }
        state.changeDecline { $0.message = message }
        context.tell(.declined(index: constants.me, reason: decline.reason))
        for entry in peers.entries.indices {
            peers.connect(entry, isNews: true, slots, &context)
            showOwnDecline(toPeerAt: entry, &context)
        }
    }

    /// Sends the own DECLINE, once on each connection. It counts as told once it was sent to a peer that a signer is at for sure: a
    /// stranger may keep it to itself.
    mutating func showOwnDecline(toPeerAt entry: Int, _ context: inout Context) {
        guard let message = state.decline?.message, peers[at: entry].isConnected else { return }
        if peers[at: entry].isBound { state.changeDecline { $0.isTold = true } }
        if peers[at: entry].exchange.answer(.abort) { context.send(.signed(message), to: peers.entries[entry].peer) }
    }

    /// Another signer's DECLINE that is checked, by whatever peer and in whatever run: the first one is kept. One that is newer than
    /// its author's JOIN comes from a process that does not know of that JOIN: it is shown it.
    mutating func hearDecline(
        _ message: SignedMessage, _ decline: Decline, _ index: Int, from peer: PeerID, _ context: inout Context
    ) {
        if let join = slots.joins[index] { return returnJoin(join.message, to: peer, &context) }
        guard state.isOpen, slots.roster.declines[index] == nil else { return }
        slots.roster.enter(DeclineSlot(message: message, reason: decline.reason), index)
        context.tell(.declined(index: index, reason: decline.reason))
        acknowledge(to: peer, &context)
        for entry in peers.entries.indices where peers[at: entry].wants(Slot(.joins, index)) {
            peers.showDecline(of: index, to: entry, slots, &context)
        }
    }

    /// Shows the peer that brought a DECLINE the own JOIN: its author learns that a signer has heard it.
    private mutating func acknowledge(to peer: PeerID, _ context: inout Context) {
        if let own = slots.joins[constants.me] { returnJoin(own.message, to: peer, &context) }
    }

    /// A DECLINE that says nothing new: when it is the one that is held, its author has not heard the answer.
    mutating func acknowledgeAgain(
        _ message: SignedMessage, _ index: Int, to peer: PeerID, _ context: inout Context
    ) {
        guard slots.roster.declines[index]?.message == message, peers.index(of: peer) != nil else { return }
        acknowledge(to: peer, &context)
    }

    /// This signer's own DECLINE that others return: a former process declined, and the store does not say so. One that has joined
    /// since has made it void.
    mutating func hearOwnDecline(_ message: SignedMessage, _ context: inout Context) {
        guard state.isOpen, !own.mayHaveJoined, let decline = try? Decline(decoding: message.body.payload) else {
            return
        }
        noteHistoryLost(&context)
        end(.declined(SessionState.Decline(reason: decline.reason)), &context)
        let record = SessionEnd(
            .declined, by: constants.me, text: decline.reason, isAfterPartial: own.ledger.mayHaveSigned,
            message: message)
        context.add(.persist(.ended(record)))
        entered(decline: message, &context)
    }

    /// This signer's own JOIN of an earlier run, which others return to a peer that shows them its DECLINE: a former process joined, and the
    /// store does not say so. The DECLINE is void there, and the no stands: this signer aborts, as one does that has joined.
    mutating func hearOwnJoinAfterDecline(_ context: inout Context) {
        guard let decline = state.decline else { return }
        noteHistoryLost(&context)
        // The former process is known to the others, which are told whether or not they know this one.
        own.ledger.noteJoined()
        giveUp(.notApproved, text: decline.reason, evidence: nil, &context)
    }

    /// Another signer's ABORT or DECLINE, by whatever peer, when this signer is over. One that has declined learns from the ABORT that nobody
    /// is left to tell: it may be all that is heard of a signer which ends the session as soon as it hears of the DECLINE. One that holds an
    /// ABORT answers the DECLINE with it.
    mutating func hearAfterEnd(_ message: SignedMessage, from peer: PeerID, _ context: inout Context) {
        switch (message.body.type, state.outcome) {
        case (.abort, .declined(let own)?):
            guard !own.isTold, constants.isSigned(message) else { return }
            state.changeDecline { $0.isTold = true }
        case (.decline, .aborted?):
            guard let entry = peers.index(of: peer), constants.isSigned(message) else { return }
            answerAfterEnd(peerAt: entry, &context)
        default:
            break
        }
    }
}

/// Peers that come and go.
extension SessionMachine {
    /// Takes in a peer that may know the session.
    mutating func introduce(
        _ peer: PeerID, _ addresses: [[UInt8]], isAnnouncer: Bool, _ context: inout Context
    ) {
        guard peer != constants.local.peer else { return }
        let result = peers.introduce(
            peer, addresses, signers: constants.signerCount, configuration, at: context.now.monotonic)
        if let removed = result.removed { context.add(.release(removed)) }
        guard let entry = result.entry else { return }
        let creator = descriptor.creator
        if isAnnouncer, !slots.joins.isFilled(creator), creator != constants.me { peers.setAnnouncer(entry) }
        if state.isRunning || isDeclineUntold { peers.connect(entry, isNews: true, slots, &context) }
    }

    mutating func connected(_ peer: PeerID, _ context: inout Context) {
        guard let entry = peers.index(of: peer), !peers[at: entry].isConnected else { return }
        peers[at: entry].reset(isConnected: true)
        if state.isRunning { return peers.greet(entry, slots, &context) }
        showOwnDecline(toPeerAt: entry, &context)
        tellFinal(toPeerAt: entry, &context)
    }

    mutating func disconnected(_ peer: PeerID, _ context: inout Context) {
        guard let entry = peers.index(of: peer) else { return }
        peers[at: entry].reset(isConnected: false)
        // What was asked of this peer must be asked of another one.
        hurrySync(&context)
        if undelivered.contains(where: { peers[at: entry].isNamed(by: $0) }) { peers.connect(entry, slots, &context) }
    }
}
