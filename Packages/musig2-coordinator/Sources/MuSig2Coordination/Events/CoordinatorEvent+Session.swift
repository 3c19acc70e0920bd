import MuSig2Session

extension CoordinatorEvent {
    /// What a session tells, in the words of the coordinator, which name the session and count its signers.
    ///
    /// - Parameters:
    ///   - event: What the session tells.
    ///   - session: Which session.
    ///   - entry: The session as it is now.
    init(_ event: SessionEvent, of session: SessionID, _ entry: SessionEntry) {
        let total = entry.announced.descriptor.signerKeys.count
        switch event {
        case .joined: self = .joined(session, finalKey: entry.crypto.finalKey)
        case .participantJoined(let index, let peer, let joined):
            self = .participantJoined(session, signer: index, peer: peer, joined: joined, total: total)
        case .declined(let index, let reason): self = .declined(session, signer: index, reason: reason)
        case .ready: self = .ready(session)
        case .commitmentReceived(let attempt, let index, let received):
            self = .commitmentReceived(session, attempt: attempt, signer: index, received: received, total: total)
        case .commitmentsComplete(let attempt): self = .commitmentsComplete(session, attempt: attempt)
        case .nonceReceived(let attempt, let index, let received):
            self = .nonceReceived(session, attempt: attempt, signer: index, received: received, total: total)
        case .noncesComplete(let attempt): self = .noncesComplete(session, attempt: attempt)
        case .partialReceived(let attempt, let index, let received):
            self = .partialReceived(session, attempt: attempt, signer: index, received: received, total: total)
        case .completed(let signatures): self = .complete(session, signatures)
        case .aborted(let report): self = .aborted(session, report)
        case .attemptStarted(let attempt, let reason, let by):
            self = .attemptRestarted(session, attempt: attempt, reason: reason, by: by)
        case .coordinatorChanged(let attempt, let coordinator):
            self = .coordinatorChanged(session, attempt: attempt, coordinator: coordinator)
        case .notHeard(let indices, let by, let attempt):
            self = .notHeard(session, attempt: attempt, signers: indices, by: by)
        case .contextDiffers(let indices, let by, let attempt, let orBy):
            self = .contextDiffers(session, attempt: attempt, signers: indices, by: by, orBy: orBy)
        case .newRuns(let indices, let by, let attempt):
            self = .newRuns(session, attempt: attempt, signers: indices, by: by)
        case .broadcast(let transaction, let by): self = .broadcastStated(session, transaction: transaction, by: by)
        case .evidence(let evidence): self = .evidence(session, evidence)
        case .expired: self = .expired(session)
        case .left: self = .left(session)
        case .closed: self = .closed(session)
        case .misbehaved(let index, let fault): self = .error(.misbehaved(session, index, fault))
        case .signerCompromised(let index, let first, let second):
            self = .error(.compromised(session, index, first, second))
        case .superseded: self = .error(.superseded(session))
        case .ownHistoryLost: self = .error(.historyLost(session))
        case .storeFailed: self = .error(.storeFailed(session))
        }
    }
}
