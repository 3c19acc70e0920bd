import Multiformats
import Secp256k1
import WireCodec

/// Messages of others: every check first, and no state changes before all have passed.
extension SessionMachine {
    mutating func receive(_ message: SignedMessage, from peer: PeerID, _ context: inout Context) {
        let body = message.body
        let index = Int(body.index)
        guard index < constants.signerCount, body.sessionID == constants.idBytes else {
            return context.penalize(peer, .outOfPlace)
        }
        let entry = peers.index(of: peer)
        let isBound = entry.map { peers[at: $0].isBound } ?? false
        guard isBound || mayAnyoneBring(body, peer) else {
            // The JOIN of a peer that was introduced, or that another's JOIN names, may have been lost on the way.
            if entry == nil { context.penalize(peer, .notBound) }
            return
        }
        if body.type == .join { return receiveJoin(message, index, from: peer, &context) }
        let wasOpen = state.isOpen
        if index == constants.me { receiveOwn(message, from: peer, &context) }
        guard wasOpen else {
            if index != constants.me { hearAfterEnd(message, from: peer, &context) }
            // An ABORT or a DECLINE is no question, and a peer that sends the partials which completed this signer is about to be
            // complete.
            let isLast = body.type == .partialSigShare && body.attempt == slots.attempt.number
            if let entry, isBound, body.type != .abort, body.type != .decline, !isLast {
                answerAfterEnd(peerAt: entry, &context)
            }
            return
        }
        if index == constants.me { return }
        if body.type.belongsToAttempt {
            receiveRound(message, index, from: peer, &context)
        } else {
            receiveStatement(message, index, from: peer, &context)
        }
    }

    /// What counts from a peer that no signer is bound to: that it is a signer, for itself; an ABORT or a DECLINE, which only its author can
    /// have signed; and to a signer that declined its own JOIN, which the DECLINE is answered with where that is.
    private func mayAnyoneBring(_ body: MessageBody, _ peer: PeerID) -> Bool {
        switch body.type {
        case .join:
            (try? Join(decoding: body.payload))?.peerID == peer.bytes || Int(body.index) == constants.me && isDeclined
        case .abort, .decline: true
        default: false
        }
    }

    /// A validly signed message that says what it must not. That is its author's fault alone: a peer that passed it on is
    /// not scored, so that nobody can make honest signers shut each other out.
    private func blame(
        _ index: Int, _ fault: MessageFault, _ offense: SessionOffense, from peer: PeerID, _ context: inout Context
    ) {
        context.tell(.misbehaved(index: index, fault))
        if peers.presents(index, at: peer) { context.penalize(peer, offense) }
    }

    // MARK: ABORT, DECLINE, EVIDENCE, BROADCAST_DONE

    private mutating func receiveStatement(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ context: inout Context
    ) {
        if message.body.type == .broadcastDone, slots.roster.hasBroadcast(index) { return }
        if message.body.type == .decline, slots.roster.isDecided(index, run: message.body.run) {
            return acknowledgeAgain(message, index, to: peer, &context)
        }
        guard constants.isSigned(message) else { return context.penalize(peer, .badSignature) }
        guard let payload = try? Payload(decoding: message.body.payload, type: message.body.type) else {
            return blame(index, .payload, .malformedPayload, from: peer, &context)
        }
        clock.noteActivity(at: context.now)
        switch payload {
        case .abort(let abort):
            hearAbort(message, abort, &context)
        case .decline(let decline):
            hearDecline(message, decline, index, from: peer, &context)
        case .evidence(let evidence):
            if slots.roster.isConvicted(Int(evidence.culprit)) { return }
            guard constants.evidenceChecker.isConvincing(evidence) else {
                return blame(index, .payload, .malformedPayload, from: peer, &context)
            }
            tellEvidence(evidence, &context)
            keepEvidence(message, from: peer, &context)
        case .broadcastDone(let done):
            _ = slots.roster.noteBroadcast(index)
            context.tell(.broadcast(transaction: done.transactionID, by: index))
        default:
            break
        }
    }

    // MARK: Messages of an attempt

    private mutating func receiveRound(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ context: inout Context
    ) {
        let body = message.body
        let number = slots.attempt.number
        if body.attempt < number {
            if let entry = peers.index(of: peer) { peers.answerOldAttempt(entry, slots, &context) }
            return
        }
        // Beyond what time allows. Clocks differ, so that this counts against nobody.
        guard body.attempt <= descriptor.highestAttempt(at: context.now) else { return }
        let raises = body.attempt > number
        if !raises, slots.isHeld(message, index) { return }
        guard constants.isSigned(message) else { return context.penalize(peer, .badSignature) }
        guard slots.belongsHere(body, index) else { return blame(index, .kind, .outOfPlace, from: peer, &context) }
        if !raises { noteInAttempt(peer) }
        guard raises ? state.isRunning : slots.isOfUse(body, index) else { return }
        guard let payload = try? Payload(decoding: body.payload, type: body.type), slots.fits(payload) else {
            return blame(index, .payload, .malformedPayload, from: peer, &context)
        }
        if !raises {
            let verdict = slots.settle(payload, message, index)
            guard case .undecided = verdict else { return act(on: verdict, body, index, &context) }
        }
        guard let contribution = Contribution(payload, message, to: slots) else {
            return blame(index, .contribution, .malformedPayload, from: peer, &context)
        }
        clock.noteActivity(at: context.now)
        if raises {
            var restart = Restart(reason: .followed)
            if case .restart(let said) = payload { restart = said }
            let differing = restart.contextDiffers.map { Int($0) }
            let isThere = move(
                to: body.attempt, origin: message, reason: restart.reason, by: index, contextDiffers: differing,
                &context)
            guard isThere else { return }
            noteInAttempt(peer)
        }
        if case .restart(let restart) = contribution { return hearRestart(restart, from: index, &context) }
        act(on: slots.enter(contribution, message, index), body, index, &context)
    }

    /// What a peer sends shows that it is in this signer's attempt.
    private mutating func noteInAttempt(_ peer: PeerID) {
        if let entry = peers.index(of: peer) { peers[at: entry].exchange.knowsAttempt = true }
    }

    private mutating func act(on verdict: SlotVerdict, _ body: MessageBody, _ index: Int, _ context: inout Context) {
        switch verdict {
        case .nothing, .undecided: break
        case .entered(let isFirst, let replaces):
            guard let column = Column(body.type) else { return }
            if column == .partials, slots.isAgreed(index) { own.claim.settle() }
            if isFirst, let progress = slots.progress(column, index) { context.tell(progress) }
            peers.publish(Slot(column, index), replaces: replaces, slots, &context)
            if column == .partials, rounds.verifiesEveryPartial { verifyPartials(&context) }
        case .convicts(let evidence): convict(evidence, &context)
        case .newRun: restart(.newRun, newRuns: [index], &context)
        case .foreignAggregate:
            // Nonces of an earlier run are this signer's own affair.
            let isOwnAffair = own.ledger.hasNonces(attempt: slots.attempt.number, besides: own.claim.run)
            restart(
                .failedAttempt, newRuns: isOwnAffair ? [constants.me] : [], differs: isOwnAffair ? nil : index,
                &context)
        case .compromised(let first, let second):
            // Two partial signatures under one nonce give the key away: the second one is not kept, shown or sent, nor is
            // what it differs from.
            context.tell(compromise(of: index, first, second))
            abort(.signerCompromised, text: "signer \(index)", evidence: nil, &context)
        }
    }

    func compromise(of index: Int, _ first: SignedMessage, _ second: SignedMessage) -> SessionEvent {
        let crypto = constants.crypto
        return .signerCompromised(
            index: index, crypto.hash(.message, first.bodyBytes), crypto.hash(.message, second.bodyBytes))
    }

    // MARK: Evidence

    /// Keeps EVIDENCE that was checked, and shows it to all others: a culprit must not be the only one that hears of it.
    mutating func keepEvidence(_ message: SignedMessage, from peer: PeerID?, _ context: inout Context) {
        guard peers.keep(message, from: peer, atMost: configuration.keptEvidence) else {
            return peers.broadcast(message, except: peer, &context)
        }
        for entry in peers.entries.indices where peers[at: entry].isConnected {
            peers.showEvidence(to: entry, &context)
        }
    }

    mutating func tellEvidence(_ evidence: Evidence, _ context: inout Context) {
        if slots.roster.convict(Int(evidence.culprit)) { context.tell(.evidence(evidence)) }
    }

    // MARK: SYNC

    mutating func receiveSync(_ sync: Sync, from peer: PeerID, _ context: inout Context) {
        let signer = Int(sync.index)
        // It speaks for one signer, in the run of the JOIN that the peer has shown: nobody else's run counts, and an
        // older process of the signer says nothing of the one that is there now.
        guard let entry = peers.index(of: peer), peers[at: entry].presents(signer), let join = slots.joins[signer]
        else { return }
        // What the signer has shown since is not here: it is told what is.
        guard join.run == sync.run else {
            guard state.isOpen else { return answerAfterEnd(peerAt: entry, &context) }
            return returnJoin(join.message, to: peer, &context)
        }
        let signers = constants.signerCount
        guard sync.wanted.allSatisfy({ $0.indices.allSatisfy { $0 < UInt32(signers) } }),
            sync.leaves.isEmpty || sync.leaves.count == signers
        else { return context.penalize(peer, .outOfPlace) }
        let isNewStep = beginStep(signer, peerAt: entry, &context)
        peers[at: entry].change(signer) { binding in
            binding.isFinal = sync.isFinal
            binding.wants.removeAll()
        }
        guard state.isOpen else {
            if !sync.isFinal { answerAfterEnd(peerAt: entry, &context) }
            return
        }
        guard state.isRunning, !sync.isFinal else { return }
        if sync.attempt < slots.attempt.number { peers.answerOldAttempt(entry, slots, &context) }
        if sync.attempt > slots.attempt.number { hurrySync(&context) }
        peers.answer(sync, entry, isNewStep: isNewStep, slots, &context)
    }

    private mutating func beginStep(_ signer: Int, peerAt entry: Int, _ context: inout Context) -> Bool {
        peers[at: entry].beginStep(signer, pause: configuration.syncInterval / 2, at: context.now.monotonic)
    }
}

/// JOINs: which signer is where.
extension SessionMachine {
    private mutating func receiveJoin(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ context: inout Context
    ) {
        let held = slots.joins[index]
        if let held, held.message.bodyBytes == message.bodyBytes {
            return meetKnownJoin(message, index, from: peer, &context)
        }
        if slots.roster.isWaiting(message, index, from: peer) { return }
        guard constants.isSigned(message) else { return context.penalize(peer, .badSignature) }
        guard let join = try? Join(decoding: message.body.payload), let named = try? PeerID(bytes: join.peerID) else {
            return blame(index, .payload, .malformedPayload, from: peer, &context)
        }
        if index == constants.me { return receiveOwn(message, from: peer, &context) }
        if constants.isOwnPeer(named, claimedBy: index) {
            // The peer that brought it may have taken it for the truth: only its author is named, once.
            if slots.roster.noteClaim(index) { context.tell(.misbehaved(index: index, .peer)) }
            return
        }
        if let held, held.run >= message.body.run {
            // An old JOIN: its author is told of the newer one.
            if held.run > message.body.run { returnJoin(held.message, to: peer, &context) }
            return
        }
        let slot = JoinSlot(message: message, peer: named, addresses: join.addresses)
        let isShown = named == peer
        switch slots.roster.weigh(slot, index, isShown: isShown, configuration, at: context.now.monotonic) {
        case .enters: enterJoin(slot, index, isShown: isShown, &context)
        // A relay is not to blame for the author's haste; the author's own peer is.
        case .waits: if peers.presents(index, at: peer) { context.penalize(peer, .outOfPlace) }
        case .isDropped: break
        }
    }

    /// Enters the JOINs that waited long enough.
    mutating func enterWaitingJoins(_ context: inout Context) {
        for (index, slot, isShown) in slots.roster.takeDue(configuration, at: context.now.monotonic) {
            enterJoin(slot, index, isShown: isShown, &context)
        }
    }

    private mutating func enterJoin(_ slot: JoinSlot, _ index: Int, isShown: Bool, _ context: inout Context) {
        clock.noteActivity(at: context.now)
        let isFirst = !slots.joins.isFilled(index)
        let wasDeclined = bind(index, to: slot, isPresented: isShown, &context)
        context.add(.persist(.join(index: index, slot.message)))
        if isFirst {
            context.tell(.participantJoined(index: index, peer: slot.peer, joined: slots.joins.filled))
        }
        let isNewProcess = !isFirst && isShown && forgetOldProcess(of: index, at: slot.peer, &context)
        if state.isRunning {
            peers.publish(Slot(.joins, index), replaces: !isFirst || wasDeclined, slots, &context)
        }
        guard let entry = peers.index(of: slot.peer) else { return }
        if isShown {
            peers.meet(entry, isRunning: state.isRunning, slots, &context)
        } else if state.isRunning {
            peers.connect(entry, isNews: true, slots, &context)
        }
        if peers[at: entry].isConnected {
            if !state.isRunning {
                tellFinal(toPeerAt: entry, &context)
            } else if isNewProcess {
                peers.greet(entry, slots, &context)
            } else {
                peers.welcome(entry, slots, &context)
            }
        }
        if !state.isOpen, isShown { answerAfterEnd(peerAt: entry, &context) }
    }

    /// Enters a JOIN that is checked, and takes its signer from the peer of an older run.
    ///
    /// - Returns: Whether the signer had declined.
    @discardableResult
    mutating func bind(_ index: Int, to slot: JoinSlot, isPresented: Bool, _ context: inout Context) -> Bool {
        if let old = slots.joins[index], old.peer != slot.peer, peers.unbind(index, at: old.peer) {
            context.add(.release(old.peer))
        }
        let wasDeclined = slots.roster.enter(slot, index)
        // The announcement stood for the JOIN until there is one.
        if index == descriptor.creator { peers.setAnnouncer(nil) }
        if index != constants.me, slot.peer != constants.local.peer {
            peers.bind(index, at: slot.peer, isPresented: isPresented, signers: constants.signerCount)
        }
        return wasDeclined
    }

    /// A signer that says too often that it is a new process gets nothing again.
    private mutating func forgetOldProcess(of index: Int, at peer: PeerID, _ context: inout Context) -> Bool {
        guard let entry = peers.index(of: peer), beginStep(index, peerAt: entry, &context) else { return false }
        peers[at: entry].forgetProcess(of: index)
        return true
    }

    /// A JOIN that is in its slot already. From the peer that it names it counts as shown.
    private mutating func meetKnownJoin(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ context: inout Context
    ) {
        guard index != constants.me else { return showJoinAgain(to: peer) }
        guard let entry = peers.index(of: peer) else { return }
        if let binding = peers[at: entry].binding(of: index) {
            if !binding.isPresented {
                guard slots.joins[index]?.message == message || constants.isSigned(message) else {
                    return context.penalize(peer, .badSignature)
                }
                peers[at: entry].change(index) { $0.isPresented = true }
                peers.meet(entry, isRunning: state.isRunning, slots, &context)
            } else if !peers[at: entry].isConnected {
                peers.meet(entry, isRunning: state.isRunning, slots, &context)
            } else if !state.isOpen {
                // It asks in the only way in which one may ask that has heard of no signer.
                _ = beginStep(index, peerAt: entry, &context)
            } else if !binding.hasSynced {
                // It shows its JOIN until it has heard something: what it was sent was lost.
                hurrySync(&context)
            }
        }
        if !state.isOpen, peers[at: entry].isBound { answerAfterEnd(peerAt: entry, &context) }
    }

    mutating func returnJoin(_ held: SignedMessage, to peer: PeerID, _ context: inout Context) {
        guard state.consent == .approved else { return }
        peers.returnJoin(held, to: peer, pause: configuration.syncInterval / 2, &context)
    }

    /// A peer that returns this signer's JOIN did not get the newest one from here: what it is asked, it does not hear.
    private mutating func showJoinAgain(to peer: PeerID) {
        guard let entry = peers.index(of: peer), peers[at: entry].isConnected, state.isRunning else { return }
        // With the next step: what a peer returns makes nobody hurry.
        peers[at: entry].doubtSyncs()
    }
}

/// Messages of this signer that come back from others: echoes, its own past, or another process with its key.
extension SessionMachine {
    private mutating func receiveOwn(_ message: SignedMessage, from peer: PeerID, _ context: inout Context) {
        let body = message.body
        let run = own.claim.run
        if body.type == .join, body.run < run { showJoinAgain(to: peer) }
        guard !isOwnEcho(message) else { return }
        // A JOIN's signature is checked already.
        guard body.type == .join || constants.isSigned(message) else { return context.penalize(peer, .badSignature) }
        guard state.isOpen else {
            if body.run >= run {
                meetOther(&context)
            } else if body.type == .join {
                hearOwnJoinAfterDecline(&context)
            } else if own.ledger.lacks(body) {
                noteHistoryLost(&context)
            }
            return
        }
        if body.type == .abort { return hearOwnAbort(message, &context) }
        if body.type == .decline { return hearOwnDecline(message, &context) }
        if body.run > run {
            meetHigherRun(body.run, &context)
        } else if body.run == run {
            supersede(&context)
        } else if body.type.belongsToAttempt {
            meetOwnPast(message, &context)
        }
    }

    /// Whether this run made it, or holds it as a record of an earlier one.
    private func isOwnEcho(_ message: SignedMessage) -> Bool {
        let body = message.body
        if let column = Column(body.type),
            slots.message(in: Slot(column, constants.me))?.bodyBytes == message.bodyBytes
        {
            return true
        }
        if slots.attempt.cause.origin?.bodyBytes == message.bodyBytes { return true }
        return body.run == own.claim.run
            && !own.queue.isForeign(constants.crypto.hash(.message, message.bodyBytes), attempt: body.attempt)
    }

    /// Another process has this signer's key, and this one is over already: it is told, and nothing may be said about partial
    /// signatures any more.
    private mutating func meetOther(_ context: inout Context) {
        guard own.ledger.noteOther() else { return }
        noteMaySigned()
        context.tell(.superseded)
    }

    /// A run that is new takes one above a higher one that others remember, once: its store is an older copy, or there is a second
    /// device. A run that others have used meets another process.
    private mutating func meetHigherRun(_ higher: UInt64, _ context: inout Context) {
        guard state.isRunning else { return supersede(&context) }
        switch own.claim.meet(higher, within: configuration.runSettling, at: context.now.monotonic) {
        case .nothing: break
        case .supersede: supersede(&context)
        case .raise:
            noteHistoryLost(&context)
            own.queue.removeAll()
            slots.roster.removeJoin(constants.me)
            if !slots.attempt.columns.partials.isFilled(constants.me) {
                wipeNonces(&context)
                slots.renewAttempt()
                state.resetTimer()
            }
            context.add(.raiseRun(above: higher))
        }
    }

    /// The others remember more of this signer than its store does.
    mutating func noteHistoryLost(_ context: inout Context) {
        noteMaySigned()
        if own.ledger.noteIncomplete() { context.tell(.ownHistoryLost) }
    }

    /// A partial signature of this signer may exist, whatever its store says.
    private mutating func noteMaySigned() {
        own.ledger.noteMaySigned()
        state.noteMaySigned()
    }

    /// An earlier run of this signer. What is in the ledger is known; anything else was lost from it.
    private mutating func meetOwnPast(_ message: SignedMessage, _ context: inout Context) {
        let body = message.body
        if own.ledger.lacks(body) { noteHistoryLost(&context) }
        guard state.isRunning, own.ledger.remembers(body.attempt) else { return }
        let isRaised = body.attempt > slots.attempt.number
        if body.type == .partialSigShare, !own.ledger.holdsPartial(body) {
            own.ledger.recoverPartial(body)
            context.add(.persist(.recoveredPartial(message)))
            guard body.attempt >= slots.attempt.number else { return }
            // It stands. Its nonces are gone with their process, so that this signer asks for an attempt in which it
            // has none.
            if isRaised { move(to: body.attempt, origin: message, reason: .followed, by: constants.me, &context) }
            return restart(.ownHistoryLost, &context)
        }
        if isRaised { move(to: body.attempt, origin: message, reason: .followed, by: constants.me, &context) }
    }
}
