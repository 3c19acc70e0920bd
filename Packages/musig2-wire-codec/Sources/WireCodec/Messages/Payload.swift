/// What a body carries, by type.
public enum Payload: Hashable, Sendable {
    /// A signer is there.
    case join(Join)
    /// A commitment to nonces.
    case nonceCommit(NonceCommit)
    /// All commitments have been seen.
    case nonceCommitsComplete(NonceCommitsComplete)
    /// Public nonces.
    case nonceShare(NonceShare)
    /// The coordinator's aggregate nonces.
    case noncesComplete(NoncesComplete)
    /// Partial signatures.
    case partialSigShare(PartialSigShare)
    /// On to the next attempt.
    case restart(Restart)
    /// The session ends without a signature.
    case abort(Abort)
    /// Proof of a signer's fault.
    case evidence(Evidence)
    /// A transaction was broadcast.
    case broadcastDone(BroadcastDone)
    /// A signer will not join.
    case decline(Decline)

    /// Decodes and validates a payload.
    /// - Parameters:
    ///   - bytes: the payload of a body.
    ///   - type: the type of that body.
    ///   - limits: the bounds to keep.
    /// - Throws: ``WireError``.
    public init(decoding bytes: [UInt8], type: MessageType, limits: WireLimits = .standard) throws(WireError) {
        switch type {
        case .join: self = .join(try Join(decoding: bytes, limits: limits))
        case .nonceCommit: self = .nonceCommit(try NonceCommit(decoding: bytes, limits: limits))
        case .nonceCommitsComplete:
            self = .nonceCommitsComplete(try NonceCommitsComplete(decoding: bytes, limits: limits))
        case .nonceShare: self = .nonceShare(try NonceShare(decoding: bytes, limits: limits))
        case .noncesComplete: self = .noncesComplete(try NoncesComplete(decoding: bytes, limits: limits))
        case .partialSigShare: self = .partialSigShare(try PartialSigShare(decoding: bytes, limits: limits))
        case .restart: self = .restart(try Restart(decoding: bytes, limits: limits))
        case .abort: self = .abort(try Abort(decoding: bytes, limits: limits))
        case .evidence: self = .evidence(try Evidence(decoding: bytes, limits: limits))
        case .broadcastDone: self = .broadcastDone(try BroadcastDone(decoding: bytes, limits: limits))
        case .decline: self = .decline(try Decline(decoding: bytes, limits: limits))
        case .signatureFinalized:
            throw WireError(MessageBody.messageName, "type", .outOfRange(UInt64(type.rawValue)))
        }
    }

    /// The type that names the payload in a body.
    public var type: MessageType {
        switch self {
        case .join: .join
        case .nonceCommit: .nonceCommit
        case .nonceCommitsComplete: .nonceCommitsComplete
        case .nonceShare: .nonceShare
        case .noncesComplete: .noncesComplete
        case .partialSigShare: .partialSigShare
        case .restart: .restart
        case .abort: .abort
        case .evidence: .evidence
        case .broadcastDone: .broadcastDone
        case .decline: .decline
        }
    }

    /// The message inside.
    public var message: any WireMessage {
        switch self {
        case .join(let message): message
        case .nonceCommit(let message): message
        case .nonceCommitsComplete(let message): message
        case .nonceShare(let message): message
        case .noncesComplete(let message): message
        case .partialSigShare(let message): message
        case .restart(let message): message
        case .abort(let message): message
        case .evidence(let message): message
        case .broadcastDone(let message): message
        case .decline(let message): message
        }
    }

    /// The encoded payload.
    public func encoded() -> [UInt8] { message.encoded() }
}
