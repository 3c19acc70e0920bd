import MuSig2Coordination
import WireCodec

/// One line of a session's progress.
struct ProgressLine {
    let text: String
    let fields: [String: JSONValue]

    /// The line of an event; nil for events that a person need not see.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - own: The index of this signer, which is called `you`; nil: it is not known.
    ///   - creator: The index of the session's creator; nil: it is not known.
    init?(_ event: CoordinatorEvent, own: Int? = nil, creator: Int? = nil) {
        switch event {
        case .announced:
            self.init("waiting     for the other signers to join", [:])
        case .participantJoined(_, let signer, let peer, let joined, let total):
            self.init(
                "joined      \(Words.signer(signer, own: own))  (\(joined)/\(total))"
                    + (joined < total ? ", waiting for \(total - joined) more" : ""),
                [
                    "signer": .number(signer), "peer": .string("\(peer)"), "received": .integer(joined),
                    "total": .integer(total),
                ])
        case .declined(_, let signer, let reason):
            self.init(
                "declined    \(Words.declined(signer, reason, own: own))",
                ["signer": .number(signer), "reason": .string(reason)])
        case .absent(_, let signers, let waitingFor):
            self.init(
                "absent      \(Words.absent(signers, creator: creator)); waiting for \(Words.signers(waitingFor, own: own))",
                ["signers": .numbers(signers), "waitingFor": .numbers(waitingFor)])
        case .ready:
            self.init("ready       all signers are here", [:])
        case .commitmentReceived(_, let attempt, let signer, let received, let total):
            self.init("commitments", attempt, signer, received, total)
        case .nonceReceived(_, let attempt, let signer, let received, let total):
            self.init("nonces     ", attempt, signer, received, total)
        case .partialReceived(_, let attempt, let signer, let received, let total):
            self.init("signatures ", attempt, signer, received, total)
        case .attemptRestarted(_, let attempt, let reason, let author):
            self.init(
                "again       attempt \(attempt), with new nonces, since \(Words.reason(reason)) "
                    + "(\(Words.saying(author, own: own, "says", "say")) so)",
                ["attempt": .integer(Int(attempt)), "reason": .string("\(reason)"), "by": .number(author)])
        case .notHeard(_, let attempt, let signers, let author):
            self.init(
                "waiting     \(Words.saying(author, own: own, "has", "have")) not heard from \(Words.signers(signers, own: own))",
                [
                    "attempt": .integer(Int(attempt)), "signers": .numbers(signers),
                    "by": .number(author),
                ])
        case .contextDiffers(_, let attempt, let signers, let author, let orAuthor):
            self.init(
                "differs     \(Words.saying(author, own: own, "says", "say")) that \(Words.signers(signers, own: own)) signed for other nonces"
                    + (orAuthor ? "; the cause may be \(Words.signer(author, own: own))" : ""),
                [
                    "attempt": .integer(Int(attempt)), "signers": .numbers(signers),
                    "by": .number(author), "orBy": .bool(orAuthor),
                ])
        case .newRuns(_, let attempt, let signers, let author):
            self.init(
                "restarted   \(Words.saying(author, own: own, "says", "say")) that \(Words.signers(signers, own: own)) came back with new nonces",
                [
                    "attempt": .integer(Int(attempt)), "signers": .numbers(signers),
                    "by": .number(author),
                ])
        case .evidence(_, let evidence):
            self.init(
                "evidence    convicts \(Words.signer(Int(evidence.culprit), own: own)): \(Words.evidence(evidence.kind))",
                ["kind": .string("\(evidence.kind)"), "culprit": .number(evidence.culprit)])
        case .coordinatorChanged(_, let attempt, let coordinator):
            self.init(
                "coordinator \(Words.saying(coordinator, own: own, "collects", "collect")) what the signers send from now on",
                ["attempt": .integer(Int(attempt)), "coordinator": .number(coordinator)])
        case .error(let error):
            self.init(
                "notice      \(SessionView.visible(Words.message(of: error, own: own)))",
                ["code": .string(error.code.name), "message": .string(error.message)])
        case .missed(let count):
            self.init("notice      \(count) events were missed", ["count": .integer(count)])
        case .created, .joined, .commitmentsComplete, .noncesComplete, .complete, .aborted, .restored,
            .expired, .broadcastStated, .waiting,
            .left, .closed, .peerConnected, .peerDisconnected:
            return nil
        }
    }

    init(_ text: String, _ fields: [String: JSONValue]) {
        self.text = text
        self.fields = fields
    }

    private init(_ name: String, _ attempt: UInt32, _ signer: Int, _ received: Int, _ total: Int) {
        self.init(
            "\(name) \(received)/\(total)",
            [
                "attempt": .integer(Int(attempt)), "signer": .number(signer), "received": .integer(received),
                "total": .integer(total),
            ])
    }
}
