internal import Secp256k1
internal import WireCodec

/// ABORT: this signer's own, that of others, and this signer's own that others return. It is for good.
extension SessionMachine {
    internal mutating func abort(_ reason: AbortReason, text: String, evidence: Evidence?, _ turn: inout Turn<Crypto>) {
        guard isOpen else { return }
        let report = AbortReport(
            by: me,
            reason: reason,
            text: text,
            isAfterPartial: ledger.mayHaveSigned,
            evidence: evidence,
            earlyEnds: reason == .noProgress ? earlyEnds : []
        )
        let isKnown = mayHaveJoined
        end(.aborted(report, message: nil), &turn)
        // Nobody knows of a signer that never joined.
        if isKnown {
            let payload = Abort(
                reason: reason,
                stage: ledger.mayHaveSigned ? .afterPartial : .beforePartial,
                text: Self.shortened(text),
                evidence: evidence
            )
            issue(.abort(payload), attempt: 0, record: .end(SessionEnd(report, message: nil)), &turn)
        } else {
            turn.effects.append(.persist(.ended(SessionEnd(report, message: nil))))
        }
        turn.tell(.aborted(report))
    }

    /// Another signer's ABORT that is checked: it counts whatever its run.
    internal mutating func hearAbort(_ message: SignedMessage, _ abort: Abort, _ turn: inout Turn<Crypto>) {
        guard isOpen else { return }
        let weighed = weigh(abort.evidence, in: message, &turn)
        let report = AbortReport(
            by: Int(message.body.index),
            reason: abort.reason,
            text: abort.text,
            isAfterPartial: ledger.mayHaveSigned,
            evidence: weighed.evidence
        )
        let kept = weighed.isKept ? message : nil
        end(.aborted(report, message: kept), &turn)
        turn.effects.append(.persist(.ended(SessionEnd(report, message: kept))))
        turn.tell(.aborted(report))
    }

    /// This signer's own ABORT that others return, of whatever run: a former process ended the session, or another one did, and the
    /// store does not say so. What else it did is not known either.
    internal mutating func hearOwnAbort(_ message: SignedMessage, _ turn: inout Turn<Crypto>) {
        guard isOpen, let abort = try? Abort(decoding: message.body.payload) else { return }
        noteHistoryLost(&turn)
        hearAbort(message, abort, &turn)
    }

    /// The longest ABORT of this session that can convince, in bytes of its body: two messages with contributions, n leaves and the
    /// aggregate nonces.
    private var abortByteLimit: Int {
        2_048 + 40 * signerCount + 240 * descriptor.messages.count
    }

    /// Looks at what came with an ABORT. One whose evidence does not convince is obeyed, and neither kept nor passed on: it would carry
    /// whatever its author likes, such as two partial signatures under one nonce.
    private mutating func weigh(
        _ evidence: Evidence?, in message: SignedMessage, _ turn: inout Turn<Crypto>
    ) -> (evidence: Evidence?, isKept: Bool) {
        guard message.bodyBytes.count <= abortByteLimit else { return (nil, false) }
        guard let evidence else { return (nil, true) }
        if let (index, first, second) = partialsUnderOneNonce(in: evidence) {
            turn.tell(.signerCompromised(index: index, first, second))
            return (nil, false)
        }
        guard isConvincing(evidence) else { return (nil, false) }
        tellEvidence(evidence, &turn)
        return (evidence, true)
    }

    /// Two different partial signatures that one signer made under one nonce, by the hashes of their bodies.
    private func partialsUnderOneNonce(in evidence: Evidence) -> (index: Int, Hash32, Hash32)? {
        let partials = evidence.signedMessages.filter { $0.body.type == .partialSigShare }
        guard let first = partials.first, Int(first.body.index) < signerCount, isOfThisSession(first) else {
            return nil
        }
        let second = partials.first { message in
            message.body.index == first.body.index && message.body.attempt == first.body.attempt
                && message.body.run == first.body.run && message.body.payload != first.body.payload
        }
        guard let second, isOfThisSession(second), isSigned(first), isSigned(second) else { return nil }
        return (
            Int(first.body.index), crypto.hash(.message, first.bodyBytes), crypto.hash(.message, second.bodyBytes)
        )
    }

    private func isOfThisSession(_ message: SignedMessage) -> Bool { message.body.sessionID == constants.idBytes }
}
