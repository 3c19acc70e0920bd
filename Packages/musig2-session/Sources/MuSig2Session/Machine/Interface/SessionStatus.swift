public import Multiformats
public import Secp256k1

/// How a session stands.
public struct SessionStatus: Hashable, Sendable {
    /// Where it is.
    public enum Phase: Hashable, Sendable {
        /// The application has not approved it.
        case awaitingApproval
        /// This column is the first that is not full.
        case gathering(Column)
        /// Signatures are here.
        case completed
        /// It was aborted.
        case aborted(AbortReport)
        /// This signer declined it. `isTold`: its DECLINE was sent to at least one peer that showed that a signer is there, in this life of
        /// the process.
        case declined(reason: String, isTold: Bool)
        /// Its time is over.
        case expired
        /// Another process runs with this signer's key.
        case superseded
        /// It is closed here.
        case closed
    }

    /// How one signer stands.
    public struct Signer: Hashable, Sendable {
        /// Its peer; nil until it joined.
        public var peer: PeerID?
        /// Whether that peer is connected and has shown the signer's JOIN; true for oneself.
        public var isConnected: Bool
        /// Whether its commitment of this attempt is here.
        public var hasCommitment: Bool
        /// Whether its nonces of this attempt are here.
        public var hasNonces: Bool
        /// Whether its partial signatures of this attempt are here.
        public var hasPartials: Bool
        /// How many later attempts it raised, by the first message of each that this signer was shown: a storm has an
        /// author.
        public var restarts: Int
        /// Why it will not join, as it says itself, perhaps empty; nil if it did not decline, or has joined since.
        public var declined: String?
    }

    /// Which of the signers this one is.
    public var index: Int
    /// Where it is.
    public var phase: Phase
    /// The key that the signatures are for, all tweaks applied: what was approved.
    public var finalKey: XOnlyPublicKey
    /// The attempt, from 1.
    public var attempt: UInt32
    /// All signers, in the descriptor's order.
    public var signers: [Signer]
    /// The coordinator of this attempt; nil if there is no election.
    public var coordinator: Int?
    /// Whether that is this signer.
    public var isCoordinator: Bool
    /// Whether a partial signature of this signer may have left.
    public var isAfterPartial: Bool
    /// The monotonic time when the session began here.
    public var startedAt: Duration
    /// The monotonic time of the last valid message of another signer, or of the start.
    public var lastActivity: Duration
    /// The monotonic time at which the phase has taken too long; nil if it may take until expiry.
    public var deadline: Duration?
    /// Milliseconds since 1970 when the session expires.
    public var expiresAt: UInt64
    /// The signatures, if it is complete.
    public var signatures: [SchnorrSignature]?
    /// The signers that have joined, rely on this one for the signatures, and are not known to have them: in a mesh, and at the coordinator
    /// of a star, all others; at the others of a star the coordinator. Empty while there are no signatures.
    public var undelivered: [Int]
    /// The attempts that ended early, in order: at so many of them as the configuration says the session is given up.
    public var earlyEnds: [EarlyEnd]

    /// How many signers have a message in a column, and how many there are.
    ///
    /// - Parameter column: The column.
    /// - Returns: Both numbers.
    public func progress(of column: Column) -> (received: Int, total: Int) {
        let received =
            switch column {
            case .joins: signers.count { $0.peer != nil }
            case .commitments, .commitmentsComplete: signers.count { $0.hasCommitment }
            case .nonces, .noncesComplete: signers.count { $0.hasNonces }
            case .partials: signers.count { $0.hasPartials }
            case .signature: signatures == nil ? 0 : signers.count
            }
        return (received, signers.count)
    }
}
