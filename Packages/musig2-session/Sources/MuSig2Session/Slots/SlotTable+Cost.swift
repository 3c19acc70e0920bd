import WireCodec

/// What a message may cost, so that it can be charged before the work is done.
extension SlotTable {
    /// The most that taking in a message costs, in signature checks. Nothing is checked here.
    func cost(of message: SignedMessage, _ state: SessionState) -> Int {
        let body = message.body
        // A later attempt makes this signer draw nonces anew.
        let raises = body.type.belongsToAttempt && body.attempt > attempt.number && state.isRunning
        return (raises ? constants.descriptor.messages.count : 0) + costOfPayload(body, state)
    }

    private func costOfPayload(_ body: MessageBody, _ state: SessionState) -> Int {
        switch body.type {
        case .nonceShare, .noncesComplete:
            return 1 + (mayParse(body, state) ? pointCost(constants.descriptor.messages.count) : 0)
        case .evidence where state.isOpen:
            guard let evidence = try? Evidence(decoding: body.payload) else { return 1 }
            return 1 + cost(of: evidence)
        case .abort where state.isOpen:
            guard let evidence = (try? Abort(decoding: body.payload))?.evidence else { return 1 }
            // Two partial signatures under one nonce are looked at, though they are no evidence.
            return 1 + max(cost(of: evidence), 2)
        default:
            return 1
        }
    }

    private func mayParse(_ body: MessageBody, _ state: SessionState) -> Bool {
        guard state.isOpen, body.attempt >= attempt.number, Int(body.index) < constants.signerCount else {
            return false
        }
        // What leads to a later attempt cannot be an aggregate of this signer's nonces.
        if body.attempt > attempt.number { return body.type == .nonceShare && state.isRunning }
        return isOfUse(body, Int(body.index))
    }

    /// What it costs to parse public nonces, each of two points.
    private func pointCost(_ nonces: Int) -> Int {
        (2 * nonces + SessionLimits.pointsPerSignature - 1) / SessionLimits.pointsPerSignature
    }

    /// Evidence of a wrong form is refused before its signatures are checked.
    private func cost(of evidence: Evidence) -> Int {
        guard constants.evidenceChecker.hasForm(evidence), !roster.isConvicted(Int(evidence.culprit)) else { return 0 }
        let nonces = evidence.kind == .wrongAggregate ? constants.signerCount : 2
        return evidence.signedMessages.count + pointCost(nonces * constants.descriptor.messages.count)
    }
}
