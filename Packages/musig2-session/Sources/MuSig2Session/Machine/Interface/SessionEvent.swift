public import Multiformats
public import Secp256k1
public import WireCodec

/// What a session tells the application. Each happens once, in order.
public enum SessionEvent: Hashable, Sendable {
    /// This signer's JOIN is recorded and on its way.
    case joined
    /// Another signer joined. A signer that comes back as a new run is not told again.
    case participantJoined(index: Int, peer: PeerID, joined: Int)
    /// A signer says that it will not join: a statement, void once it joins. For this signer itself: the session is over here.
    case declined(index: Int, reason: String)
    /// All signers joined.
    case ready
    /// A signer's commitment is here; this signer's own too.
    case commitmentReceived(attempt: UInt32, index: Int, received: Int)
    /// All commitments of the attempt are here.
    case commitmentsComplete(attempt: UInt32)
    /// A signer's nonces are here; this signer's own too.
    case nonceReceived(attempt: UInt32, index: Int, received: Int)
    /// All nonces of the attempt are in: here, or at its coordinator.
    case noncesComplete(attempt: UInt32)
    /// A signer's partial signatures are here; this signer's own too.
    case partialReceived(attempt: UInt32, index: Int, received: Int)
    /// One verified signature for each message.
    case completed([SchnorrSignature])
    /// The session is over without signatures, unless some turn up.
    case aborted(AbortReport)
    /// A new attempt began; `by` signed the message that raised it first, as far as this signer was shown.
    case attemptStarted(attempt: UInt32, reason: RestartReason, by: Int)
    /// Another signer is the coordinator from now on.
    case coordinatorChanged(attempt: UInt32, coordinator: Int)
    /// A signer names those that it has not heard: a statement, never guilt. It went on to this attempt for it.
    case notHeard(indices: [Int], by: Int, attempt: UInt32)
    /// A signer names those that signed another context than its own, while all leaves agree as far as they were compared: a
    /// statement. It went on to this attempt for it. With `orBy` the author may as well be the cause: in a star only
    /// the coordinator knows what it told each.
    case contextDiffers(indices: [Int], by: Int, attempt: UInt32, orBy: Bool)
    /// A signer names those that came back with a new run after its nonces had been used: a statement. It went on to this
    /// attempt for it.
    case newRuns(indices: [Int], by: Int, attempt: UInt32)
    /// A signer says that the transaction is broadcast: a statement.
    case broadcast(transaction: [UInt8], by: Int)
    /// Evidence that convicts a signer's message key.
    case evidence(Evidence)
    /// A signer signed something malformed.
    case misbehaved(index: Int, MessageFault)
    /// A signer's clone made two partial signatures under one nonce. Its key is in danger: tell its owner. The hashes
    /// name the two bodies.
    case signerCompromised(index: Int, Hash32, Hash32)
    /// Another process runs with this signer's key; this one has stopped.
    case superseded
    /// This signer's store has an older state than the others remember.
    case ownHistoryLost
    /// The store refused a row; nothing left, and it will be tried again.
    case storeFailed
    /// The session's time is over.
    case expired
    /// This signer left the session.
    case left
    /// The session is closed here.
    case closed
}

/// What is malformed in a message that its author signed.
public enum MessageFault: Hashable, Sendable {
    /// The payload does not decode, or has the wrong counts.
    case payload
    /// A nonce is no pair of points, or a partial signature no number below the order.
    case contribution
    /// The kind of message is none of this session's, or not this signer's to send.
    case kind
    /// A JOIN names this signer's own peer.
    case peer
}

/// An attempt that ended within half of its time.
public struct EarlyEnd: Hashable, Sendable {
    /// The attempt that ended.
    public let attempt: UInt32
    /// The signer that raised the next one with its message.
    public let by: Int
    /// Why, as that signer says.
    public let reason: RestartReason
    /// The signers of differing contexts, as that signer says.
    public let contextDiffers: [Int]
}

/// How a session was aborted.
public struct AbortReport: Hashable, Sendable {
    /// The index of the signer that says so; nil if this signer's approval was never given.
    public let by: Int?
    /// Why.
    public let reason: AbortReason
    /// The author's own words; a statement.
    public let text: String
    /// Whether a partial signature of *this* signer may have left before: then a signature may exist, for ever.
    public internal(set) var isAfterPartial: Bool
    /// Evidence that came with the ABORT and was checked here.
    public let evidence: Evidence?
    /// The attempts that ended early, if this signer gave up for want of progress; else empty.
    public var earlyEnds: [EarlyEnd] = []
}
