import MuSig2Coordination
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
            case .notShown: (.refused, Self.notShownHint)
            case .notFound:
                (.expired, Self.notFoundHint)
            case .lookupFailed:
                (.network, "Does the node at --bootstrap still run? Try again.")
            case .announcementRefused: (.network, "Do not sign: ask the creator for a new invitation.")
            case .timedOut: (.network, "Is the creator's command still running? Try again.")
            case .invalidRequest, .invalidConfiguration: (.usage, nil)
            case .notASigner:
                (.usage, "Your own public key (`musig2 key show`) must be among --signers.")
            case .invalidInvitation: (.usage, "Ask the creator to send the invitation again.")
            case .notApproved, .approvalWithdrawn: (.refused, "Nothing was signed, and nothing of yours was sent.")
            case .sessionOver, .expired: (.expired, "Ask the creator for a new session.")
            case .clockSkew: (.failure, "Set the clock of this machine, and try again.")
            case .storeFailed, .storeUnreadable: (.file, nil)
            case .aborted, .ended, .left, .closed, .superseded, .signerCompromised: (.sessionFailed, nil)
            default: (.failure, nil)
            }
        var message = Words.message(of: error)
        // The hint asks what there is to ask.
        if [.unreachable, .notFound].contains(error.code) { message = Self.statement(of: message) }
        self.init(status, Self.text(message, error.underlying), hint: hint)
    }

    /// Any error as a failure.
    static func from(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: failure
        case let error as CoordinatorError: Failure(error)
        default: Failure(.failure, "\(error)")
        }
    }

    /// A failure of a look for a session by its id, which a peer published that was there.
    static func look(_ error: CoordinatorError) -> Failure {
        let failure = Failure(error)
        guard error.code == .unreachable else { return failure }
        return Failure(
            failure.status, "the creator's command has probably ended: \(failure.message)",
            hint: "If it runs: can this machine reach its addresses? Else ask the creator for a new session.")
    }

    /// What to look at when nobody is found by the id.
    static let notFoundHint =
        "Is the creator's command still running, and are its --bootstrap and --network the same as here? Is the id whole? "
        + "It finds sessions of --discovery rendezvous, record and inbox; the invitation (musig21…) needs no DHT."

    /// What an error says is wrong, without the kind of thing in front that it names: the option before it names that.
    static func reason(_ error: some CustomStringConvertible) -> String {
        error.description.replacing(#/^(?:public key|signature|tweak|address|invitation): /#, with: "")
    }

    /// A message without what it asks or advises after its colon.
    private static func statement(of message: String) -> String {
        message.firstRange(of: ": ").map { String(message[..<$0.lowerBound]) } ?? message
    }

    /// What to do when a session is not for one's own key.
    static let notShownHint = "Ask the creator whether your public key (`musig2 key show`) is among the signers."

    /// A message with the one below it, unless it has it already.
    static func text(_ message: String, _ underlying: String?) -> String {
        let message = plain(message)
        guard let underlying = underlying.map(plain), !message.contains(underlying) else { return message }
        return plain("\(message) (\(underlying))")
    }

    /// A text without the names of codes, the address of an attempt before a reason that names it, and the system's word
    /// for what was said in this command's own.
    static func plain(_ text: String) -> String {
        let codes = #/(?<before>^|\(|: |; )(?:[a-z]+(?:[A-Z][a-z]+)+|unreachable|cancelled): /#
        let attempt = #/(?<address>/\S+): (?<reason>[^;]*)/#
        var text = text.replacing(codes) { String($0.output.before) }
        text.replace(#/could not reach peer \w+: /#, with: "")
        text.replace(attempt) { match in
            let (whole, address, reason) = match.output
            return String(reason.contains(address) ? reason : whole)
        }
        text.replace(" (Connection refused)", with: "")
        return text.replacing(": is it running, and is its address right?", with: "")
    }

    /// The end of a session without a signature; `own` is the index of this signer.
    init(_ report: AbortReport, own: Int? = nil) {
        self.init(
            .sessionFailed, Words.aborted(report, own: own),
            hint: report.isAfterPartial
                ? Self.afterPartial : "Nothing is signed.")
    }

    /// What is to be known when a session ends after this signer's part of it.
    static let afterPartial = "Your partial signature may have left: a signature may exist, or come to exist."

    /// A failure to get onto the network.
    static func network(_ error: any Error) -> Failure {
        guard let error = error as? TransportError else {
            if let error = error as? CoordinatorError { return Failure(error) }
            return Failure(.network, "\(error)")
        }
        let hint: String? =
            switch error.code {
            case .addressInUse:
                "Choose another port with --listen, or 0 for a free one."
            case .addressNotAvailable, .unsupportedAddress:
                "To listen on all addresses of this machine: --listen /ip4/0.0.0.0/tcp/0"
            default: nil
            }
        // What the message advises, and the word of the system, say the same as the hint and the message.
        let message =
            error.code == .addressInUse ? statement(of: error.message) : text(error.message, error.underlying)
        return Failure(.network, message, hint: hint)
    }
}
