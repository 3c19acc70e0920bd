import MuSig2Coordinator
import WireCodec

/// One line of a session's progress.
struct ProgressLine {
    let text: String
    let fields: [String: JSONValue]

    /// The line of an event; nil for events that a person need not see.
    init?(_ event: CoordinatorEvent) {
        switch event {
        case .announced:
            self.init("waiting     for the other signers to join", [:])
        case .participantJoined(_, let signer, let peer, let joined, let total):
            self.init(
                "joined      signer \(signer + 1)  (\(joined)/\(total))"
                    + (joined < total ? ", waiting for \(total - joined) more" : ""),
                [
                    "signer": .number(signer), "peer": .string("\(peer)"), "received": .integer(joined),
                    "total": .integer(total),
                ])
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
                "attempt \(attempt + 1)   begins anew, raised by signer \(author + 1) (\(reason))",
                ["attempt": .number(attempt), "reason": .string("\(reason)"), "by": .number(author)])
        case .notHeard(_, let attempt, let signers, let author):
            let missing = signers.map { "\($0 + 1)" }.joined(separator: ", ")
            self.init(
                "waiting     signer \(author + 1) has not heard signer \(missing)",
                [
                    "attempt": .number(attempt), "signers": .numbers(signers),
                    "by": .number(author),
                ])
        case .contextDiffers(_, let attempt, let signers, let author, let orAuthor):
            let names = signers.map { "\($0 + 1)" }.joined(separator: ", ")
            self.init(
                "differs     signer \(author + 1) says that signer \(names) signed another context"
                    + (orAuthor ? "; the cause may be signer \(author + 1)" : ""),
                [
                    "attempt": .number(attempt), "signers": .numbers(signers),
                    "by": .number(author), "orBy": .bool(orAuthor),
                ])
        case .newRuns(_, let attempt, let signers, let author):
            let names = signers.map { "\($0 + 1)" }.joined(separator: ", ")
            self.init(
                "restarted   signer \(author + 1) says that signer \(names) came back with new nonces",
                [
                    "attempt": .number(attempt), "signers": .numbers(signers),
                    "by": .number(author),
                ])
        case .evidence(_, let evidence):
            self.init(
                "evidence    convicts signer \(evidence.culprit + 1)",
                ["kind": .string("\(evidence.kind)"), "culprit": .number(evidence.culprit)])
        case .coordinatorChanged(_, let attempt, let coordinator):
            self.init(
                "coordinator signer \(coordinator + 1)",
                ["attempt": .number(attempt), "coordinator": .number(coordinator)])
        case .error(let error):
            self.init(
                "notice      \(SessionView.visible(error.message))",
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
                "attempt": .number(attempt), "signer": .number(signer), "received": .integer(received),
                "total": .integer(total),
            ])
    }
}
