public import WireCodec

/// What a store has of a session: a new run goes on from it.
public struct SessionLedger: Hashable, Sendable {
    /// This signer's recorded NONCE_SHAREs, in no order.
    public var nonces: [SignedMessage] = []

    /// This signer's recorded PARTIAL_SIG_SHAREs, in no order.
    public var partials: [SignedMessage] = []

    /// The newest JOIN of each signer that has one.
    public var joins: [Int: SignedMessage] = [:]

    /// The signatures, if the session was complete.
    public var signatures: [[UInt8]]?

    /// How the session ended without signatures, if it did: such a machine answers, and signs nothing. One that was left is gone on with by
    /// leaving this away.
    public var end: SessionEnd?

    /// A new session's: nothing.
    public init() {}
}
