import MuSig2Coordinator
import MuSig2Session
import PeerTransport
import WireCodec

extension Failure {
    /// A failure of the coordinator, with its exit status and what to do next.
    init(_ error: CoordinatorError) {
        let (status, hint): (ExitStatus, String?) =
            switch error.code {
            case .unreachable:
                (.network, "Is the creator's command still running, and can this machine reach its addresses?")
            case .notShown:
                (.refused, "Ask the creator whether your public key (`musig2 key show`) is among the signers.")
            case .announcementRefused: (.network, "Do not sign: ask the creator for a new invitation.")
            case .timedOut: (.network, "Is the creator's command still running? Try again.")
            case .invalidRequest, .invalidConfiguration: (.usage, nil)
            case .notASigner:
                (.usage, "Your own public key (`musig2 key show`) must be among --signers.")
            case .invalidInvitation: (.invalid, "Ask the creator to send the invitation again.")
            case .notApproved, .approvalWithdrawn: (.refused, "Nothing was signed, and nothing of yours was sent.")
            case .sessionOver, .expired: (.expired, "Ask the creator for a new session.")
            case .clockSkew: (.failure, "Set the clock of this machine, and try again.")
            case .storeFailed, .storeUnreadable: (.file, nil)
            case .aborted, .closed, .superseded, .signerCompromised: (.sessionFailed, nil)
            default: (.failure, nil)
            }
        self.init(status, error.underlying.map { "\(error.message) (\($0))" } ?? error.message, hint: hint)
    }

    /// The end of a session without a signature.
    init(_ report: AbortReport) {
        let who = report.by.map { "signer \($0 + 1)" } ?? "this node"
        let words = report.text.isEmpty ? "" : ": \(SessionView.visible(report.text))"
        let blame = report.evidence.map { "; convicted by evidence: signer \($0.culprit + 1)" } ?? ""
        self.init(
            .sessionFailed,
            "aborted by \(who) (\(report.reason))\(words)\(blame)",
            hint: report.isAfterPartial
                ? "Your partial signature had left: a signature may exist, or come to exist."
                : "Nothing is signed.")
    }

    /// A failure to get onto the network.
    static func network(_ error: any Error) -> Failure {
        guard let error = error as? TransportError else {
            if let error = error as? CoordinatorError { return Failure(error) }
            return Failure(.network, "\(error)")
        }
        let hint: String? =
            error.code == .addressInUse
            ? "Another program listens there. Choose another port with --listen, or 0 for a free one." : nil
        return Failure(.network, "\(error)", hint: hint)
    }
}
