extension SessionMachine {
    /// How the session stands.
    public var status: SessionStatus {
        SessionStatus(
            index: me,
            phase: statusPhase,
            finalKey: constants.crypto.finalKey,
            attempt: attempt.number,
            signers: joins.indices.map { signerStatus($0) },
            coordinator: coordinator,
            isCoordinator: coordinator == me,
            isAfterPartial: ledger.mayHaveSigned,
            startedAt: startedAt,
            lastActivity: lastActivity,
            deadline: deadline,
            expiresAt: descriptor.expiryMilliseconds,
            signatures: signatures,
            undelivered: undelivered,
            earlyEnds: earlyEnds
        )
    }

    private var statusPhase: SessionStatus.Phase {
        switch outcome {
        case .completed?: return .completed
        case .aborted(let report, _)?: return .aborted(report)
        case .expired?: return .expired
        case .superseded?: return .superseded
        case .declined(let own)?: return .declined(reason: own.reason, isTold: own.isTold)
        case .refused?, .left?: return .closed
        case nil: break
        }
        guard consent == .approved else { return .awaitingApproval }
        return .gathering(phase ?? .joins)
    }

    private func signerStatus(_ index: Int) -> SessionStatus.Signer {
        let peer = joins[index]?.peer
        let state = peer.flatMap { peers[$0] }
        return SessionStatus.Signer(
            peer: peer,
            isConnected: index == me || state.map { $0.isConnected && $0.presents(index) } ?? false,
            hasCommitment: attempt.isFilled(.commitments, index),
            hasNonces: attempt.isFilled(.nonces, index),
            hasPartials: attempt.isFilled(.partials, index),
            restarts: restarts[index] ?? 0,
            declined: declines[index]?.reason
        )
    }
}
