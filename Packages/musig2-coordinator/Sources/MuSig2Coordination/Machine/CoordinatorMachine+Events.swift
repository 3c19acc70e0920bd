import MuSig2Session
import Multiformats
import Secp256k1

extension CoordinatorMachine {
    /// Tells what a session's machine tells, in the coordinator's words.
    mutating func translate(_ event: SessionEvent, of session: SessionID, at now: Now) {
        let total = sessions[session]?.announced.descriptor.signerKeys.count ?? 0
        switch event {
        case .joined:
            if let key = sessions[session]?.crypto.finalKey { tell(.joined(session, finalKey: key)) }
            effects.append(.joined(session, nil))
            sessions[session]?.publicity.isAnnounced = true
            announce(session, at: now)
            watchPresence(in: session, at: now)
        case .participantJoined(let index, let peer, let joined):
            tell(.participantJoined(session, signer: index, peer: peer, joined: joined, total: total))
            watchPresence(in: session, at: now)
        case .declined(let index, let reason):
            tell(.declined(session, signer: index, reason: reason))
            if index == sessions[session]?.machine.index { effects.append(.declined(session, nil)) }
        case .ready: tell(.ready(session))
        case .commitmentReceived(let attempt, let index, let received):
            tell(
                .commitmentReceived(session, attempt: attempt, signer: index, received: received, total: total))
        case .commitmentsComplete(let attempt): tell(.commitmentsComplete(session, attempt: attempt))
        case .nonceReceived(let attempt, let index, let received):
            tell(.nonceReceived(session, attempt: attempt, signer: index, received: received, total: total))
        case .noncesComplete(let attempt): tell(.noncesComplete(session, attempt: attempt))
        case .partialReceived(let attempt, let index, let received):
            tell(.partialReceived(session, attempt: attempt, signer: index, received: received, total: total))
        case .completed(let signatures): tell(.complete(session, signatures))
        case .aborted(let report): tell(.aborted(session, report))
        case .attemptStarted(let attempt, let reason, let by):
            tell(.attemptRestarted(session, attempt: attempt, reason: reason, by: by))
        case .coordinatorChanged(let attempt, let coordinator):
            tell(.coordinatorChanged(session, attempt: attempt, coordinator: coordinator))
        case .notHeard(let indices, let by, let attempt):
            tell(.notHeard(session, attempt: attempt, signers: indices, by: by))
        case .contextDiffers(let indices, let by, let attempt, let orBy):
            tell(.contextDiffers(session, attempt: attempt, signers: indices, by: by, orBy: orBy))
        case .newRuns(let indices, let by, let attempt):
            tell(.newRuns(session, attempt: attempt, signers: indices, by: by))
        case .broadcast(let transaction, let by):
            tell(.broadcastStated(session, transaction: transaction, by: by))
        case .evidence(let evidence): tell(.evidence(session, evidence))
        case .expired: tell(.expired(session))
        case .left: tell(.left(session))
        case .closed: tell(.closed(session))
        case .misbehaved, .signerCompromised, .superseded, .ownHistoryLost, .storeFailed:
            if let error = Self.error(for: event, of: session) { tell(.error(error)) }
        }
    }

    private static func error(for event: SessionEvent, of session: SessionID) -> CoordinatorError? {
        switch event {
        case .misbehaved(let index, .peer):
            CoordinatorError(
                .signerMisbehaved, "signer \(index) signed a JOIN that names this node as its peer", session: session,
                signer: index)
        case .misbehaved(let index, let fault):
            CoordinatorError(
                .signerMisbehaved,
                fault == .kind
                    ? "signer \(index) signed a message of a kind that has no place in this session"
                    : "signer \(index) signed a message whose \(fault) is malformed",
                session: session, signer: index)
        case .signerCompromised(let index, let first, let second):
            CoordinatorError(
                .signerCompromised,
                "signer \(index) made two partial signatures with one nonce (bodies \(first) and \(second)): its key can be "
                    + "computed by whoever has both; tell its owner to give the key up",
                session: session, signer: index)
        case .superseded:
            CoordinatorError(
                .superseded,
                "another process signs with this node's key in this session; this one has stopped. If that is not you, the key "
                    + "is in other hands",
                session: session)
        case .ownHistoryLost:
            CoordinatorError(
                .storeUnreadable,
                "the other signers remember messages of this node that its store does not have: the store is an older copy, or "
                    + "another device signs with this key. A partial signature of this node may have left",
                session: session)
        case .storeFailed:
            CoordinatorError(
                .storeFailed, "the store refused a write; nothing that needed it was sent, and it is tried again",
                session: session)
        default: nil
        }
    }

    /// A peer broke a rule: scores it, answers it if it is bound, and shuts it out when it is too much.
    mutating func penalise(_ peer: PeerID, _ offence: SessionOffence, session: SessionID, at now: Now) {
        let points: Double =
            switch offence {
            case .badSignature: 20
            case .malformedPayload, .badFinalSignature: 10
            case .outOfPlace: 5
            case .notBound: 2
            }
        effects.append(.note("peer broke a rule: \(offence)", session, peer))
        let isBound = sessions[session]?.machine.signers(at: peer).isEmpty == false
        if isBound { reply(.refused(offence), to: peer, session: session, at: now) }
        score(peer, points, at: now)
    }

    /// Adds to a peer's score; at the limit it is banned for a while.
    mutating func score(_ peer: PeerID, _ points: Double, at now: Now) {
        let ban = peers.update(peer, at: now.monotonic) { record, limits in
            record.reputation.add(points, limits: limits, at: now.monotonic)
        }
        guard let ban else { return }
        tell(
            .error(
                CoordinatorError(.peerBanned, "peer \(peer) broke the rules too often and is shut out for \(ban)")))
        peers.banned(peer, for: ban, at: now.monotonic)
        outbox.discard(peer)
        effects.append(.disconnect(peer))
    }
}
