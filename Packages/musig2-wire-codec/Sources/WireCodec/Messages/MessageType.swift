/// The kinds of protocol messages.
public enum MessageType: UInt32, Hashable, Sendable, CaseIterable {
    /// A signer is there, on this peer, with this run.
    case join = 1
    /// A commitment to nonces.
    case nonceCommit = 2
    /// All commitments have been seen.
    case nonceCommitsComplete = 3
    /// Public nonces.
    case nonceShare = 4
    /// The coordinator's aggregate nonces.
    case noncesComplete = 5
    /// Partial signatures.
    case partialSigShare = 6
    /// On to the next attempt.
    case restart = 7
    /// The session ends without a signature.
    case abort = 8
    /// Proof of a signer's fault.
    case evidence = 9
    /// A transaction was broadcast.
    case broadcastDone = 10
    /// The final signatures; never in a body, only as a column that SYNC wants.
    case signatureFinalized = 11
    /// A signer will not join. (12 is taken for a later version.)
    case decline = 13

    /// Whether messages of the type carry an attempt, from 1; those of the others carry 0.
    public var belongsToAttempt: Bool {
        switch self {
        case .nonceCommit, .nonceCommitsComplete, .nonceShare, .noncesComplete, .partialSigShare, .restart: true
        case .join, .abort, .evidence, .broadcastDone, .signatureFinalized, .decline: false
        }
    }

    /// Whether the type can stand in a signed body.
    public var isSigned: Bool { self != .signatureFinalized }
}
