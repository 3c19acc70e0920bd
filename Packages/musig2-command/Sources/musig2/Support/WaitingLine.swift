import MuSig2Coordination
import MuSig2Session

extension ProgressLine {
    /// The line that says what a session waits for, from which signers, since when, and how long it may; nil when it waits for nobody.
    ///
    /// - Parameters:
    ///   - health: How the session stands.
    ///   - own: The index of this signer, which is called `you`; nil: it is not known.
    ///   - elapsed: How long it has waited for the same.
    init?(waiting health: SessionHealth, own: Int?, for elapsed: Duration) {
        guard case .gathering(let column) = health.phase, !health.waitingFor.isEmpty else { return nil }
        var fields: [String: JSONValue] = [
            "for": .string("\(column)"), "signers": .numbers(health.waitingFor),
            "notConnected": .numbers(health.notConnected),
            "declined": .numbers(health.declined),
            "elapsedSeconds": .integer(Int(elapsed.components.seconds)),
            "expiresInSeconds": .integer(Int(health.timeLeft.components.seconds)),
        ]
        // When it is said first, nobody has counted yet.
        var times = elapsed < .seconds(1) ? "" : "for \(Self.span(elapsed)) so far, "
        if let left = health.phaseTimeLeft, left < health.timeLeft {
            times += "the signers begin anew in \(Self.span(left)), "
            fields["deadlineInSeconds"] = .integer(Int(left.components.seconds))
        }
        times += "the session expires in \(Self.span(health.timeLeft))"
        self.init("waiting     \(Self.waited(for: column, health, own)) (\(times))", fields)
    }

    /// What is waited for, and from which signers.
    private static func waited(for column: Column, _ health: SessionHealth, _ own: Int?) -> String {
        let names = health.waitingFor.map { index in
            let notes = [
                health.declined.contains(index) ? "declined" : nil,
                health.notConnected.contains(index) ? "not connected" : nil,
            ].compactMap { $0 }
            return Words.signer(index, own: own) + (notes.isEmpty ? "" : " (\(notes.joined(separator: ", ")))")
        }
        let signers = Words.list(names)
        return switch column {
        case .joins: "for \(signers) to join"
        case .commitments, .commitmentsComplete: "for \(signers) to send the commitment to the nonces"
        case .nonces: "for \(signers) to send the nonces"
        case .noncesComplete: "for \(signers), the coordinator, to collect all nonces"
        case .partials: "for \(signers) to sign"
        case .signature: "for \(signers), the coordinator, to make the signature"
        }
    }

    private static func span(_ time: Duration) -> String { SessionView.span(Double(time.components.seconds)) }
}

/// What is waited for, and since when, so that nobody sits before a silent command: the same words come again once a minute.
struct WaitingWords {
    private var waitedFor: (SessionStatus.Phase, [Int])?
    private var since = Duration.zero
    private var saidAt: Duration?

    /// The line that is due, if one is.
    ///
    /// - Parameters:
    ///   - health: How the session stands.
    ///   - own: The index of this signer; nil: it is not known.
    ///   - time: The time since any moment.
    mutating func line(_ health: SessionHealth, own: Int? = nil, at time: Duration) -> ProgressLine? {
        if waitedFor.map({ $0 != (health.phase, health.waitingFor) }) ?? true {
            waitedFor = (health.phase, health.waitingFor)
            since = time
            saidAt = nil
        }
        if let saidAt, time - saidAt < Self.interval { return nil }
        guard let line = ProgressLine(waiting: health, own: own, for: time - since) else { return nil }
        saidAt = time
        return line
    }

    /// How often the same is said again.
    static let interval = Duration.seconds(60)
}
