public import Multiformats
public import Secp256k1
public import WireCodec

/// What a session asks its caller to do, in order.
public enum SessionEffect<Context: Hashable & Sendable>: Hashable, Sendable {
    /// Sign the body with the message key under the tag `message`, make the row durable where one is named, and only
    /// then answer with ``SessionInput/issued(_:)``. The machine sends it after that, never before.
    case issue(UnsignedMessage, record: LedgerRow)
    /// Claim a run above this one durably, and answer with ``SessionInput/runRaised(_:)``: the others know of a higher run of this
    /// signer. Nothing but ABORT is issued before.
    case raiseRun(above: UInt64)
    /// Draw fresh nonces for all messages and keep them under the handle.
    case generateNonces(NonceHandle)
    /// Ask the policy once more whether to sign.
    case confirmSigning(attempt: UInt32)
    /// Make the partial signatures of all messages with the nonces under the handle, which are consumed together.
    case signPartials(NonceHandle, Context)
    /// Wipe the nonces under the handle, if they are there.
    case wipe(NonceHandle)
    /// Send these to a connected peer. All that one call has for one peer goes in one frame.
    case send([SessionItem], to: PeerID)
    /// Connect to a peer, and tell ``SessionInput/connected(_:)``, at once if it is connected already. The session asks
    /// again on its own timers: how often the peer is dialed is the caller's affair.
    case connect(PeerID, DialRequest)
    /// Dial the peer no longer, but tell ``SessionInput/connected(_:)`` when it is connected, at once if it is already.
    case watch(PeerID)
    /// The session has no use for the peer any more: neither dial it nor tell of it.
    case release(PeerID)
    /// Make this durable when convenient: no nonce rests on it.
    case persist(SessionRecord)
    /// Tell the application.
    case event(SessionEvent)
    /// The peer broke a rule itself, or relayed what it had not checked.
    case penalize(PeerID, SessionOffense)
}

/// How a session wants a peer to be dialed.
public struct DialRequest: Hashable, Sendable {
    /// Binary multiaddrs where it may be, at most 8 from each that named it, the likeliest first. They take the place of
    /// those that this session gave before.
    public let addresses: [[UInt8]]
    /// Whether the peer showed in this session that a signer is there. Others may be anywhere, at the choice of
    /// those that named them.
    public let isBound: Bool
    /// Whether something new says where it is: then the wait of former dials does not count.
    public let isNews: Bool
}

/// The row that must be durable before a message leaves.
public enum LedgerRow: Hashable, Sendable {
    /// None.
    case none
    /// This signer's JOIN. A newer one replaces it.
    case join
    /// Insert if absent, by signer key, session, attempt and run.
    case nonces
    /// Insert if absent, by signer key, session and attempt.
    case partials
    /// The end of the session; the message is its ABORT or DECLINE. It replaces an earlier end.
    case end(SessionEnd)
}

/// One thing to send to a peer.
public enum SessionItem: Hashable, Sendable {
    /// A signed message, this signer's own or another's.
    case signed(SignedMessage)
    /// The final signatures.
    case finalized([SchnorrSignature])
    /// A SYNC. One that only says `final` may wait for the next frame to that peer.
    case sync(Sync)
}

/// What is worth keeping for a restart.
public enum SessionRecord: Hashable, Sendable {
    /// The newest JOIN of another signer.
    case join(index: Int, SignedMessage)
    /// The approval as it is now.
    case approval(Bool)
    /// A recorded partial of this signer that came back from others after the store had lost it. Insert if absent.
    case recoveredPartial(SignedMessage)
    /// The session is complete.
    case completed([SchnorrSignature])
    /// The session ended without an ABORT of this signer. It replaces an earlier end.
    case ended(SessionEnd)
}

/// What a peer did wrong.
public enum SessionOffense: Hashable, Sendable, CustomStringConvertible {
    /// A message with a signature that is not the named signer's.
    case badSignature
    /// A message that its author signed, but which says what it must not.
    case malformedPayload
    /// A message or a SYNC from a peer that no JOIN names.
    case notBound
    /// A message of a kind, attempt or index that does not belong there.
    case outOfPlace
    /// Final signatures that do not verify.
    case badFinalSignature

    /// The stable code in lower camel case.
    public var description: String {
        switch self {
        case .badSignature: "badSignature"
        case .malformedPayload: "malformedPayload"
        case .notBound: "notBound"
        case .outOfPlace: "outOfPlace"
        case .badFinalSignature: "badFinalSignature"
        }
    }
}
