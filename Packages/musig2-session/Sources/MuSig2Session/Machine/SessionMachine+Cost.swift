public import WireCodec

/// What a message may cost, so that it can be charged before the work is done.
extension SessionMachine {
    /// The most that taking in a message costs: one for each signature that is checked, one for each 4 points that are parsed, and where it
    /// leads to a later attempt one for each pair of nonces that this signer draws for it. Nothing is checked here.
    ///
    /// - Parameter message: A signed message of this session, as received.
    /// - Returns: The cost in signature checks, at least 1.
    public func cost(of message: SignedMessage) -> Int { signatureCost(of: message) }

    internal func signatureCost(of message: SignedMessage) -> Int {
        let body = message.body
        return (raises(body) ? descriptor.messages.count : 0) + costOfPayload(body)
    }

    /// Whether a message leads to a later attempt, for which this signer draws nonces anew.
    private func raises(_ body: MessageBody) -> Bool {
        body.type.belongsToAttempt && body.attempt > attempt.number && isRunning
    }

    private func costOfPayload(_ body: MessageBody) -> Int {
        switch body.type {
        case .nonceShare, .noncesComplete:
            return 1 + (mayParse(body) ? pointCost(descriptor.messages.count) : 0)
        case .evidence where isOpen:
            guard let evidence = try? Evidence(decoding: body.payload) else { return 1 }
            return 1 + cost(of: evidence)
        case .abort where isOpen:
            guard let evidence = (try? Abort(decoding: body.payload))?.evidence else { return 1 }
            // Two partial signatures under one nonce are looked at, though they are no evidence.
            return 1 + max(cost(of: evidence), 2)
        default:
            return 1
        }
    }

    private func mayParse(_ body: MessageBody) -> Bool {
        guard isOpen, body.attempt >= attempt.number, Int(body.index) < signerCount else { return false }
        // What leads to a later attempt cannot be an aggregate of this signer's nonces.
        if body.attempt > attempt.number { return body.type == .nonceShare && consent == .approved }
        return isOfUse(body, Int(body.index))
    }

    /// What it costs to parse public nonces, each of two points.
    private func pointCost(_ nonces: Int) -> Int {
        (2 * nonces + SessionLimits.pointsPerSignature - 1) / SessionLimits.pointsPerSignature
    }

    /// Evidence whose form is wrong is refused before its signatures are checked.
    private func cost(of evidence: Evidence) -> Int {
        let checker = EvidenceChecker(descriptor: descriptor, crypto: crypto)
        guard checker.hasForm(evidence), !convicted.contains(Int(evidence.culprit)) else { return 0 }
        let nonces = evidence.kind == .wrongAggregate ? signerCount : 2
        return evidence.signedMessages.count + pointCost(nonces * descriptor.messages.count)
    }
}
