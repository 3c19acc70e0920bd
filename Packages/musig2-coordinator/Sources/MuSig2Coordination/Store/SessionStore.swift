public import MuSig2Session
public import Secp256k1

/// Where a coordinator keeps what must outlive its process: the ledger that makes a crash safe, and what it needs to go on.
///
/// Three kinds of rows are inserted only if they are absent: a signer's public nonces, its partial signatures, and the blocks from which
/// runs are numbered. The coordinator lets neither of the first two leave before the row is durable, and sends the row that is there
/// already instead of a second one; they stay until their session's expiry, whatever became of it. No *nonce*
/// rests on the store being current: an older copy costs an attempt, never a nonce. That nothing left yet
/// (`AbortReport.isAfterPartial`), that a session ended, and that an approval was withdrawn do rest on it.
///
/// Several signers, and several processes of one signer, may share a store: every row has the signer's key in its key.
public protocol SessionStore: Sendable {
    /// Carries out writes in order, as one: either all are durable when this returns, or it throws and none is.
    ///
    /// - Parameters:
    ///   - writes: What to write. The coordinator gives all writes of one turn at once.
    ///   - signer: The signer that these rows are of.
    /// - Returns: One outcome for each write.
    /// - Throws: Any error; the coordinator tells it, holds back what depends on the writes, and tries again.
    func commit(_ writes: [StoreWrite], signer: PublicKey) async throws -> [StoreOutcome]

    /// Everything that a new process of this signer needs: where the numbers of runs go on, the sessions that are not over, and those that
    /// were aborted or declined (``StoredEnd/kind``) and are still answered. Sessions that were left, or have expired, are not among them.
    ///
    /// - Parameters:
    ///   - signer: The signer of which the rows are wanted.
    ///   - completions: The most finished sessions to return, newest first.
    /// - Returns: What the store has; an empty state for a signer it does not know.
    /// - Throws: Any error; the coordinator does not start.
    func load(signer: PublicKey, completions: Int) async throws -> StoredState

    /// What the store has of one session that has no completion, whatever ended it.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - signer: The signer of which the rows are wanted.
    /// - Returns: Its rows, the nonces and partial signatures too; nil if there are none, or it was forgotten.
    /// - Throws: Any error; the session is not joined.
    func session(_ session: SessionID, signer: PublicKey) async throws -> StoredSession?

    /// The finished session with this id, if the store still has it.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - signer: The signer of which the rows are wanted.
    /// - Returns: The completion; nil if there is none.
    /// - Throws: Any error.
    func completion(of session: SessionID, signer: PublicKey) async throws -> StoredCompletion?
}

/// One write to a ``SessionStore``.
public enum StoreWrite: Sendable, Hashable {
    /// A session begins here: its announcement as it was received, with the descriptor in it, and when it expires, in milliseconds since
    /// 1970. Written again, it replaces the announcement and nothing else.
    case session(SessionID, announcement: [UInt8], createdHere: Bool, expiresAt: UInt64)
    /// The application's decision on a session, with the wall clock in milliseconds since 1970. The newest stands.
    case approval(SessionID, isApproved: Bool, at: UInt64)
    /// The newest JOIN of a signer, the encoded signed message. It replaces one with a lower run.
    case join(SessionID, signer: Int, run: UInt64, message: [UInt8])
    /// Insert if absent: this signer's public nonces of an attempt and run, the encoded signed message.
    case nonces(SessionID, attempt: UInt32, run: UInt64, message: [UInt8])
    /// Insert if absent: this signer's partial signatures of an attempt, the encoded signed message.
    case partials(SessionID, attempt: UInt32, message: [UInt8])
    /// Insert if absent: so many numbers of runs from `start` on are taken. It is absent if every block that this store ever had, for
    /// whichever signer, ends at or before `start`; otherwise nothing is written, and the outcome is ``StoreOutcome/taken(below:)``. Never
    /// swept.
    case runBlock(start: UInt64, count: UInt64)
    /// A session is complete: what answers signers that come back. The session's other rows may be dropped, but for its nonces and partial
    /// signatures.
    case completion(StoredCompletion)
    /// A session ended without signatures: no process goes on with it. It replaces an earlier end.
    case ended(SessionID, StoredEnd)
    /// A session that was left is joined again: it has no end any more.
    case resumed(SessionID)
    /// The application drops a session for good: it is not known any more. Its nonces and partial signatures stay until it expires.
    case forget(SessionID)
    /// The wall clock, in milliseconds since 1970. What is of sessions that expired before it may be dropped, if they have ended, but for
    /// the announcement of those that ended after a partial signature: one that turns up completes them, for ever.
    case sweep(before: UInt64)
}

/// What became of one ``StoreWrite``.
public enum StoreOutcome: Sendable, Hashable {
    /// The write is durable.
    case written
    /// A row with this key was there already and stays; this is its message.
    case exists(message: [UInt8])
    /// A block of numbers was not claimed: every number below this one is taken.
    case taken(below: UInt64)
}

/// What a store has of a signer.
public struct StoredState: Sendable, Hashable {
    /// Where the numbers of runs go on: the end of the highest block of the store, whichever signer claimed it; 0 if there is none.
    public var nextRunNumber: UInt64 = 0
    /// The sessions that are not over, and those that were aborted or declined, in no order.
    public var sessions: [StoredSession] = []
    /// The newest finished sessions, newest first.
    public var completions: [StoredCompletion] = []

    /// An empty state.
    public init() {}
}

/// What a store has of one session that is not complete.
public struct StoredSession: Sendable, Hashable {
    /// Which session.
    public var id: SessionID
    /// The announcement as it was received, with the descriptor in it.
    public var announcement: [UInt8]
    /// Whether this signer made the session.
    public var createdHere: Bool
    /// The newest decision of the application; nil if there was none.
    public var isApproved: Bool?
    /// How it ended; nil if it has not.
    public var end: StoredEnd?
    /// The newest JOIN of each signer that has one, as encoded signed messages.
    public var joins: [Int: [UInt8]] = [:]
    /// This signer's public nonces, as encoded signed messages, in no order.
    public var nonces: [[UInt8]] = []
    /// This signer's partial signatures, as encoded signed messages, in no order.
    public var partials: [[UInt8]] = []

    /// A session without rows.
    ///
    /// - Parameters:
    ///   - id: Which session.
    ///   - announcement: The announcement as it was received.
    ///   - createdHere: Whether this signer made the session.
    ///   - isApproved: The newest decision of the application.
    public init(id: SessionID, announcement: [UInt8], createdHere: Bool, isApproved: Bool? = nil) {
        self.id = id
        self.announcement = announcement
        self.createdHere = createdHere
        self.isApproved = isApproved
    }
}

/// How a session ended without signatures.
public struct StoredEnd: Sendable, Hashable {
    /// The ways to end; numbers that a store may keep.
    public typealias Kind = SessionEnd.Kind

    /// How it ended.
    public var kind: Kind
    /// The index of the signer that aborted or declined it.
    public var by: Int?
    /// The number of the reason why it was aborted.
    public var reason: UInt32
    /// The words of the signer that aborted or declined it, at most 512 bytes.
    public var text: String
    /// Whether a partial signature of this signer may have left: then a signature may turn up, for ever.
    public var isAfterPartial: Bool
    /// The ABORT or DECLINE that is the answer from then on, an encoded signed message; nil: there is none.
    public var abort: [UInt8]?

    /// An end.
    ///
    /// - Parameters:
    ///   - kind: How it ended.
    ///   - by: The index of the signer that aborted or declined it.
    ///   - reason: The number of the reason why it was aborted.
    ///   - text: The words of the signer that aborted or declined it.
    ///   - isAfterPartial: Whether a partial signature of this signer may have left.
    ///   - abort: The ABORT or DECLINE that is the answer from then on.
    public init(
        _ kind: Kind, by: Int? = nil, reason: UInt32 = 0, text: String = "", isAfterPartial: Bool,
        abort: [UInt8]? = nil
    ) {
        self.kind = kind
        self.by = by
        self.reason = reason
        self.text = text
        self.isAfterPartial = isAfterPartial
        self.abort = abort
    }
}

/// What is kept of a finished session: enough to answer a signer that was away.
public struct StoredCompletion: Sendable, Hashable {
    /// Which session.
    public var id: SessionID
    /// The message keys of the signers, x only, in their order: their holders may ask.
    public var messageKeys: [XOnlyPublicKey]
    /// When the session expires, in milliseconds since 1970; nobody is answered after it.
    public var expiresAt: UInt64
    /// The signatures, one for each message.
    public var signatures: [SchnorrSignature]

    /// Makes what is kept.
    ///
    /// - Parameters:
    ///   - id: Which session.
    ///   - messageKeys: The message keys of the signers, in their order.
    ///   - expiresAt: When the session expires, in milliseconds since 1970.
    ///   - signatures: The signatures, one for each message.
    public init(id: SessionID, messageKeys: [XOnlyPublicKey], expiresAt: UInt64, signatures: [SchnorrSignature]) {
        self.id = id
        self.messageKeys = messageKeys
        self.expiresAt = expiresAt
        self.signatures = signatures
    }
}
