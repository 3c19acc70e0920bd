import Secp256k1
import WireCodec

/// Where a session stands at this signer.
enum SessionState: Hashable, Sendable {
    /// The application has not approved it: what comes in is gathered, and nothing leaves.
    case awaitingApproval
    /// It is approved, and rounds are made.
    case running(RoundTimer)
    /// It is over. Signatures may still complete it.
    case over(End)

    /// The column that a running session waits for, and until when.
    struct RoundTimer: Hashable, Sendable {
        /// The first needed column that is not full; nil at first and after a new attempt.
        var phase: Column?
        /// When the column has taken too long.
        var deadline: Duration?
    }

    /// How the session is over.
    struct End: Hashable, Sendable {
        var outcome: Outcome
        var consent: Consent
        /// Whether the application closed it.
        var isClosed = false
    }

    /// Whether the application wants the session.
    enum Consent: Hashable, Sendable {
        case none
        case approved
        case withdrawn
    }

    enum Outcome: Hashable, Sendable {
        case completed([SchnorrSignature])
        case aborted(AbortReport, message: SignedMessage?)
        case expired
        case superseded
        case refused
        case declined(Decline)
        case left
    }

    /// How this signer declined.
    struct Decline: Hashable, Sendable {
        let reason: String
        /// The DECLINE, once it is durable.
        var message: SignedMessage?
        /// Whether it was sent to a peer that a signer is at for sure, in this life of the machine, or another signer has ended the session.
        var isTold = false
    }
}

extension SessionState {
    /// Whether slots are gathered here: approved and not over.
    var isRunning: Bool {
        if case .running = self { true } else { false }
    }

    /// Whether the session is not over. By its case: a comparison would copy the outcome.
    var isOpen: Bool {
        if case .over = self { false } else { true }
    }

    var consent: Consent {
        switch self {
        case .awaitingApproval: .none
        case .running: .approved
        case .over(let end): end.consent
        }
    }

    /// How the session is over; nil if it is not.
    var outcome: Outcome? {
        if case .over(let end) = self { end.outcome } else { nil }
    }

    /// What a running session waits for; nil if it does not run, or has not looked yet.
    var phase: Column? {
        if case .running(let timer) = self { timer.phase } else { nil }
    }

    /// When what is waited for has taken too long; nil if it may take until expiry.
    var deadline: Duration? {
        if case .running(let timer) = self { timer.deadline } else { nil }
    }

    var signatures: [SchnorrSignature]? {
        if case .over(let end) = self, case .completed(let signatures) = end.outcome { signatures } else { nil }
    }

    /// How this signer declined, if it did.
    var decline: Decline? {
        if case .over(let end) = self, case .declined(let decline) = end.outcome { decline } else { nil }
    }

    /// The application approves: a session that is over must be complete.
    ///
    /// - Returns: Whether that is new.
    mutating func approve() -> Bool {
        switch self {
        case .awaitingApproval:
            self = .running(RoundTimer())
            return true
        case .over(var end):
            guard end.consent == .none, case .completed = end.outcome else { return false }
            end.consent = .approved
            self = .over(end)
            return true
        case .running:
            return false
        }
    }

    /// The session is over, or over in another way. What the application wants does not change.
    mutating func end(_ outcome: Outcome) {
        if case .over(var end) = self {
            end.outcome = outcome
            self = .over(end)
        } else {
            self = .over(End(outcome: outcome, consent: consent))
        }
    }

    /// The application took its approval back, for which the session has ended.
    mutating func withdraw() {
        guard case .over(var end) = self else { return }
        end.consent = .withdrawn
        self = .over(end)
    }

    /// The application closes a session that is over.
    ///
    /// - Returns: Whether that is new.
    mutating func close() -> Bool {
        guard case .over(var end) = self, !end.isClosed else { return false }
        end.isClosed = true
        self = .over(end)
        return true
    }

    /// Waits for a column, or for none.
    mutating func wait(for phase: Column?) {
        guard case .running(var timer) = self else { return }
        timer.phase = phase
        self = .running(timer)
    }

    /// Sets the time of the column that is waited for.
    mutating func setDeadline(_ deadline: Duration?) {
        guard case .running(var timer) = self else { return }
        timer.deadline = deadline
        self = .running(timer)
    }

    /// Begins to wait anew, after what was gathered is gone.
    mutating func resetTimer() {
        if case .running = self { self = .running(RoundTimer()) }
    }

    /// Changes the report of an ABORT: a partial of this signer may have left.
    mutating func noteMaySigned() {
        guard case .over(var end) = self, case .aborted(var report, let message) = end.outcome else { return }
        report.isAfterPartial = true
        end.outcome = .aborted(report, message: message)
        self = .over(end)
    }

    /// Changes how this signer declined.
    mutating func changeDecline(_ change: (inout Decline) -> Void) {
        guard case .over(var end) = self, case .declined(var decline) = end.outcome else { return }
        change(&decline)
        end.outcome = .declined(decline)
        self = .over(end)
    }

    /// The own ABORT is signed.
    mutating func attachAbort(_ own: SignedMessage) {
        guard case .over(var end) = self, case .aborted(let report, _) = end.outcome else { return }
        end.outcome = .aborted(report, message: own)
        self = .over(end)
    }
}

extension SessionState {
    /// What the application is told of it.
    var phaseOfStatus: SessionStatus.Phase {
        switch self {
        case .awaitingApproval: .awaitingApproval
        case .running(let timer): .gathering(timer.phase ?? .joins)
        case .over(let end):
            switch end.outcome {
            case .completed: .completed
            case .aborted(let report, _): .aborted(report)
            case .expired: .expired
            case .superseded: .superseded
            case .declined(let decline): .declined(reason: decline.reason, isTold: decline.isTold)
            case .refused, .left: .closed
            }
        }
    }

    var approximateByteCount: Int {
        switch outcome {
        case .aborted(_, let message?)?: 200 + 2 * message.bodyBytes.count
        case .declined(let decline)?: decline.message.map { 200 + 2 * $0.bodyBytes.count } ?? 0
        default: 0
        }
    }
}
