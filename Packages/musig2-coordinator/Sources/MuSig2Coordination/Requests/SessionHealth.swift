public import MuSig2Session

/// How well a session goes, for a dashboard or a watchdog.
public struct SessionHealth: Sendable, Hashable {
    /// Where the session is.
    public var phase: SessionStatus.Phase
    /// How long this node has had it.
    public var age: Duration
    /// How long ago the last valid message of another signer came.
    public var quietFor: Duration
    /// The attempt, from 1.
    public var attempt: UInt32
    /// The signers that have not joined.
    public var notJoined: [Int]
    /// The signers that say that they will not join.
    public var declined: [Int]
    /// The signers that have joined and are not connected.
    public var notConnected: [Int]
    /// The signers of which the present phase waits for a message.
    public var waitingFor: [Int]
    /// How long the present phase may still take; nil when only the expiry ends it.
    public var phaseTimeLeft: Duration?
    /// How long until the session expires; zero when it has.
    public var timeLeft: Duration
    /// Whether nothing valid came for too long while anything but a JOIN is wanted, with a deadline or without.
    public var isStuck: Bool

    /// How well a session goes, for tests of what is made of it.
    ///
    /// - Parameters:
    ///   - phase: Where the session is.
    ///   - age: How long this node has had it.
    ///   - quietFor: How long ago the last valid message of another signer came.
    ///   - attempt: The attempt, from 1.
    ///   - notJoined: The signers that have not joined.
    ///   - declined: The signers that say that they will not join.
    ///   - notConnected: The signers that have joined and are not connected.
    ///   - waitingFor: The signers of which the present phase waits for a message.
    ///   - phaseTimeLeft: How long the present phase may still take.
    ///   - timeLeft: How long until the session expires.
    ///   - isStuck: Whether nothing valid came for too long.
    public init(
        phase: SessionStatus.Phase, age: Duration, quietFor: Duration, attempt: UInt32, notJoined: [Int],
        declined: [Int],
        notConnected: [Int], waitingFor: [Int], phaseTimeLeft: Duration?, timeLeft: Duration, isStuck: Bool
    ) {
        self.phase = phase
        self.age = age
        self.quietFor = quietFor
        self.attempt = attempt
        self.notJoined = notJoined
        self.declined = declined
        self.notConnected = notConnected
        self.waitingFor = waitingFor
        self.phaseTimeLeft = phaseTimeLeft
        self.timeLeft = timeLeft
        self.isStuck = isStuck
    }

    init(_ status: SessionStatus, at now: Now, stuckAfter: Duration) {
        phase = status.phase
        age = now.monotonic - status.startedAt
        quietFor = now.monotonic - status.lastActivity
        attempt = status.attempt
        let indices = status.signers.indices
        notJoined = indices.filter { status.signers[$0].peer == nil }
        declined = indices.filter { status.signers[$0].declined != nil }
        notConnected = indices.filter { status.signers[$0].peer != nil && !status.signers[$0].isConnected }
        waitingFor =
            switch status.phase {
            case .gathering(.joins): notJoined
            case .gathering(.commitments): indices.filter { !status.signers[$0].hasCommitment }
            case .gathering(.nonces): indices.filter { !status.signers[$0].hasNonces }
            case .gathering(.partials): indices.filter { !status.signers[$0].hasPartials }
            case .gathering(.noncesComplete), .gathering(.signature): status.coordinator.map { [$0] } ?? []
            default: []
            }
        phaseTimeLeft = status.deadline.map { max(.zero, $0 - now.monotonic) }
        timeLeft =
            status.expiresAt > now.wallMilliseconds
            ? .milliseconds(Int64(clamping: status.expiresAt - now.wallMilliseconds)) : .zero
        isStuck = Self.awaitsContributions(status.phase) && quietFor >= stuckAfter
    }

    private static func awaitsContributions(_ phase: SessionStatus.Phase) -> Bool {
        if case .gathering(let column) = phase { column != .joins } else { false }
    }
}
