import MuSig2Coordinator
import MuSig2Session

extension ProgressLine {
    /// The line that says what a session waits for, and from whom; nil when it waits for nobody.
    init?(waiting health: SessionHealth) {
        guard case .gathering(let column) = health.phase, !health.waitingFor.isEmpty else { return nil }
        let names = health.waitingFor.map { index in
            "\(index + 1)" + (health.notConnected.contains(index) ? " (not connected)" : "")
        }
        let whom = "signer \(names.joined(separator: ", "))"
        let text =
            switch column {
            case .joins: "for \(whom) to join"
            case .commitments, .commitmentsComplete: "for the commitment of \(whom)"
            case .nonces: "for the nonces of \(whom)"
            case .noncesComplete: "for \(whom), the coordinator, to collect all nonces"
            case .partials: "for the signature of \(whom)"
            case .signature: "for \(whom), the coordinator, to make the signature"
            }
        self.init(
            "waiting     \(text)",
            [
                "for": .string("\(column)"), "signers": .numbers(health.waitingFor),
                "notConnected": .numbers(health.notConnected),
            ])
    }
}
