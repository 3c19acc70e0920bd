import MuSig2Session
import Secp256k1
import WireCodec

extension CoordinatorError {
    /// A signer signed something malformed.
    static func misbehaved(_ session: SessionID, _ index: Int, _ fault: MessageFault) -> CoordinatorError {
        let text =
            switch fault {
            case .peer: "signer \(index) signed a JOIN that names this node as its peer"
            case .kind: "signer \(index) signed a message of a kind that has no place in this session"
            case .payload, .contribution: "signer \(index) signed a message whose \(fault) is malformed"
            }
        return CoordinatorError(.signerMisbehaved, text, session: session, signer: index)
    }

    /// A signer made two partial signatures with one nonce.
    static func compromised(
        _ session: SessionID, _ index: Int, _ first: Hash32, _ second: Hash32
    ) -> CoordinatorError {
        CoordinatorError(
            .signerCompromised,
            "signer \(index) made two partial signatures with one nonce (bodies \(first) and \(second)): its key can be "
                + "computed by whoever has both; tell its owner to give the key up",
            session: session, signer: index)
    }

    static func superseded(_ session: SessionID) -> CoordinatorError {
        CoordinatorError(
            .superseded,
            "another process signs with this node's key in this session; this one has stopped. If that is not you, the key "
                + "is in other hands",
            session: session)
    }

    static func historyLost(_ session: SessionID) -> CoordinatorError {
        CoordinatorError(
            .storeUnreadable,
            "the other signers remember messages of this node that its store does not have: the store is an older copy, or "
                + "another device signs with this key. A partial signature of this node may have left",
            session: session)
    }

    static func storeFailed(_ session: SessionID) -> CoordinatorError {
        CoordinatorError(
            .storeFailed, "the store refused a write; nothing that needed it was sent, and it is tried again",
            session: session)
    }

    static func unreadable(_ session: SessionID, _ reason: String) -> CoordinatorError {
        CoordinatorError(
            .storeUnreadable, "a session in the store cannot be read and is left alone", session: session,
            underlying: reason)
    }

    static func left(_ session: SessionID) -> CoordinatorError {
        CoordinatorError(.left, "this node left the session: join it again to go on", session: session)
    }

    /// What joining a session that ended for good is answered with.
    static func ended(_ session: SessionID, _ report: AbortReport) -> CoordinatorError {
        let author = report.by.map { "signer \($0)" } ?? "this node"
        return .ended(session, "it was aborted by \(author) (\(report.reason))", by: report.by)
    }

    static func ended(_ session: SessionID, _ end: StoredEnd) -> CoordinatorError {
        switch end.kind {
        case .aborted:
            let author = end.by.map { "signer \($0)" } ?? "this node"
            return .ended(
                session, "it was aborted by \(author) (\(AbortReason(rawValue: end.reason)))", by: end.by)
        case .expired: return .ended(session, "its time is over", by: nil)
        case .declined: return .declined(session)
        case .left: return .left(session)
        }
    }

    /// What joining a session is answered with that this node declined.
    static func declined(_ session: SessionID) -> CoordinatorError {
        .ended(session, "this node declined it", by: nil)
    }

    private static func ended(_ session: SessionID, _ reason: String, by signer: Int?) -> CoordinatorError {
        CoordinatorError(
            .ended, "the session has ended for this node, for good: \(reason)", session: session, signer: signer)
    }

    static func aborted(_ session: SessionID, _ report: AbortReport) -> CoordinatorError {
        let author = report.by.map { "signer \($0)" } ?? "this node"
        let text = report.text.isEmpty ? "" : ": \(report.text)"
        let after =
            report.isAfterPartial
            ? "; a partial signature of this node had left, so a signature may exist: offer it if you find it" : ""
        return CoordinatorError(
            .aborted, "the session was aborted by \(author) (\(report.reason))\(text)\(after)", session: session,
            signer: report.by)
    }
}

extension SessionEntry {
    /// How a session ended that is over without signatures.
    var end: CoordinatorError? {
        let session = announced.descriptor.id
        if machine.isLeft { return .left(session) }
        switch machine.status.phase {
        case .aborted(let report): return .aborted(session, report)
        case .declined:
            return CoordinatorError(.notApproved, "this node declined the session", session: session)
        case .expired: return CoordinatorError(.expired, "the session expired before it was complete", session: session)
        case .superseded:
            return CoordinatorError(
                .superseded, "another process took the session over with this node's key", session: session)
        case .closed:
            return CoordinatorError(.closed, "the session was closed before it was complete", session: session)
        case .awaitingApproval, .gathering, .completed: return nil
        }
    }
}
