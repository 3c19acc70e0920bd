internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// Messages of others: every check first, and no state changes before all have passed.
extension SessionMachine {
    internal mutating func receive(_ message: SignedMessage, from peer: PeerID, _ turn: inout Turn<Crypto>) {
        let body = message.body
        let index = Int(body.index)
        guard index < signerCount, body.sessionID == constants.idBytes else {
            return penalise(peer, .outOfPlace, &turn)
        }
        let entry = peers.index(of: peer)
        let isBound = entry.map { peers[at: $0].isBound } ?? false
        guard isBound || mayAnyoneBring(body, peer) else {
            // The JOIN of a peer that was introduced, or that another's JOIN names, may have been lost on the way.
            if entry == nil { penalise(peer, .notBound, &turn) }
            return
        }
        if body.type == .join { return receiveJoin(message, index, from: peer, &turn) }
        let wasOver = outcome != nil
        if index == me { receiveOwn(message, from: peer, &turn) }
        if wasOver {
            if index != me { hearAfterEnd(message, from: peer, &turn) }
            // An ABORT or a DECLINE is no question, and who sends the partials that completed this signer is about to be complete.
            let isLast = body.type == .partialSigShare && body.attempt == attempt.number
            if let entry, isBound, body.type != .abort, body.type != .decline, !isLast {
                answerAfterEnd(peerAt: entry, &turn)
            }
            return
        }
        if index == me { return }
        if body.type.belongsToAttempt {
            receiveRound(message, index, from: peer, &turn)
        } else {
            receiveStatement(message, index, from: peer, &turn)
        }
    }

    /// What counts from a peer that no signer is bound to: that it is a signer, for itself; an ABORT or a DECLINE, which only its author can
    /// have signed; and to a signer that declined its own JOIN, which the DECLINE is answered with where that is.
    private func mayAnyoneBring(_ body: MessageBody, _ peer: PeerID) -> Bool {
        switch body.type {
        case .join: namesSender(body, peer) || Int(body.index) == me && isDeclined
        case .abort, .decline: true
        default: false
        }
    }

    /// Whether a message of this kind may come from this signer in this session.
    private func belongsHere(_ body: MessageBody, _ index: Int) -> Bool {
        switch body.type {
        case .nonceCommit, .nonceCommitsComplete: return hasCommitmentRound
        case .noncesComplete: return isStar && constants.order.coordinator(ofAttempt: body.attempt) == index
        case .restart: return body.attempt > 1
        default: return true
        }
    }

    private func namesSender(_ body: MessageBody, _ peer: PeerID) -> Bool {
        guard let join = try? Join(decoding: body.payload) else { return false }
        return join.peerID == peer.bytes
    }

    /// A validly signed message that says what it must not. That is its author's fault alone: whoever passed it on is
    /// not scored, so that nobody can make honest signers shut each other out.
    internal mutating func blame(
        _ index: Int, _ fault: MessageFault, _ offence: SessionOffence, from peer: PeerID, _ turn: inout Turn<Crypto>
    ) {
        turn.tell(.misbehaved(index: index, fault))
        if let entry = peers.index(of: peer), peers[at: entry].presents(index) {
            penalise(peer, offence, &turn)
        }
    }

    internal func isSigned(_ message: SignedMessage) -> Bool {
        crypto.isValid(signature: message.signature, ofBody: message.bodyBytes, signer: Int(message.body.index))
    }

    // MARK: ABORT, DECLINE, EVIDENCE, BROADCAST_DONE

    private mutating func receiveStatement(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ turn: inout Turn<Crypto>
    ) {
        if message.body.type == .broadcastDone, broadcasts.contains(index) { return }
        if message.body.type == .decline, isDecided(index, run: message.body.run) {
            return acknowledgeAgain(message, index, to: peer, &turn)
        }
        guard isSigned(message) else { return penalise(peer, .badSignature, &turn) }
        guard let payload = try? Payload(decoding: message.body.payload, type: message.body.type) else {
            return blame(index, .payload, .malformedPayload, from: peer, &turn)
        }
        lastActivity = turn.now.monotonic
        switch payload {
        case .abort(let abort):
            hearAbort(message, abort, &turn)
        case .decline(let decline):
            hearDecline(message, decline, index, from: peer, &turn)
        case .evidence(let evidence):
            if convicted.contains(Int(evidence.culprit)) { return }
            guard isConvincing(evidence) else {
                return blame(index, .payload, .malformedPayload, from: peer, &turn)
            }
            tellEvidence(evidence, &turn)
            keepEvidence(message, from: peer, &turn)
        case .broadcastDone(let done):
            broadcasts.insert(index)
            turn.tell(.broadcast(transaction: done.transactionID, by: index))
        default:
            break
        }
    }

    // MARK: Messages of an attempt

    private mutating func receiveRound(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ turn: inout Turn<Crypto>
    ) {
        let body = message.body
        if body.attempt < attempt.number {
            if let entry = peers.index(of: peer) { answerOldAttempt(peerAt: entry, &turn) }
            return
        }
        // Beyond what time allows. Clocks differ, so that this counts against nobody.
        guard body.attempt <= highestAttempt(at: turn.now) else { return }
        if body.attempt == attempt.number, isHeld(message, index) { return }
        guard isSigned(message) else { return penalise(peer, .badSignature, &turn) }
        guard belongsHere(body, index) else { return blame(index, .kind, .outOfPlace, from: peer, &turn) }
        let raises = body.attempt > attempt.number
        if let entry = peers.index(of: peer), !raises { peers[at: entry].knowsAttempt = true }
        guard raises ? consent == .approved : isOfUse(body, index) else { return }
        guard let payload = try? Payload(decoding: body.payload, type: body.type), fits(payload) else {
            return blame(index, .payload, .malformedPayload, from: peer, &turn)
        }
        if !raises, settle(payload, message, index, &turn) { return }
        guard let contribution = parse(payload, message) else {
            return blame(index, .contribution, .malformedPayload, from: peer, &turn)
        }
        lastActivity = turn.now.monotonic
        if raises {
            var restart = Restart(reason: .followed)
            if case .restart(let said) = payload { restart = said }
            let differing = restart.contextDiffers.map { Int($0) }
            let isThere = move(
                to: body.attempt, origin: message, reason: restart.reason, by: index, contextDiffers: differing, &turn)
            guard isThere else { return }
            if let entry = peers.index(of: peer) { peers[at: entry].knowsAttempt = true }
        }
        enter(contribution, message, index, &turn)
    }

    /// Whether a message of the present attempt is here already, to the byte.
    private func isHeld(_ message: SignedMessage, _ index: Int) -> Bool {
        if message.body.type == .restart { return attempt.restartsHeard.contains(index) }
        guard let column = Column(message.body.type) else { return false }
        return self.message(in: Slot(column, index))?.bodyBytes == message.bodyBytes
    }

    /// What a message contributes, parsed.
    internal enum Contribution {
        case commitment(Hash32)
        case commitmentsComplete(Hash32)
        case nonces(Crypto.Nonces, leaf: Hash32)
        case unusedNonces
        case aggregate(AggregateSlot<Crypto.Context>)
        case unusedAggregate
        case partials(context: Hash32, [[UInt8]])
        case restart(Restart)
    }

    /// Whether the counts are those of this session.
    private func fits(_ payload: Payload) -> Bool {
        let messages = descriptor.messages.count
        return switch payload {
        case .nonceShare(let share): share.nonces.count == messages
        case .noncesComplete(let complete):
            complete.leaves.count == signerCount && complete.aggregateNonces.count == messages
        case .partialSigShare(let share): share.partials.count == messages
        case .restart(let restart):
            (restart.notHeard + restart.contextDiffers + restart.newRuns).allSatisfy { $0 < UInt32(signerCount) }
        default: true
        }
    }

    private func parse(_ payload: Payload, _ message: SignedMessage) -> Contribution? {
        let body = message.body
        switch payload {
        case .nonceCommit(let commit):
            return Hash32(commit.leaf).map { .commitment($0) }
        case .nonceCommitsComplete(let complete):
            return Hash32(complete.transcript).map { .commitmentsComplete($0) }
        case .nonceShare(let share):
            // Whoever follows passes it on, so that all parse it, also those that have no use for nonces.
            guard let nonces = crypto.nonces(share.nonces) else { return nil }
            if isStar, constants.order.coordinator(ofAttempt: body.attempt) != me { return .unusedNonces }
            return .nonces(nonces, leaf: leaf(of: share, body))
        case .noncesComplete(let complete):
            // Without own nonces in the attempt it cannot be for this signer.
            if body.attempt > attempt.number { return .unusedAggregate }
            let leaves = complete.leaves.compactMap { Hash32($0) }
            guard leaves.count == signerCount, let context = crypto.context(aggregateNonces: complete.aggregateNonces)
            else { return nil }
            return .aggregate(
                AggregateSlot(
                    message: message, leaves: leaves, aggregateNonces: complete.aggregateNonces, context: context))
        case .partialSigShare(let share):
            guard let context = Hash32(share.context), crypto.isWellFormed(partials: share.partials) else { return nil }
            return .partials(context: context, share.partials)
        case .restart(let restart):
            return .restart(restart)
        case .join, .abort, .evidence, .broadcastDone, .decline:
            return nil
        }
    }
}
