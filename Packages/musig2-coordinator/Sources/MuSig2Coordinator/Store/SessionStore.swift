public import MuSig2Session
public import Secp256k1

/// Where a coordinator keeps what must outlive its process: the ledger that makes a crash safe, and what it needs to go on.
///
/// Two kinds of rows are inserted only if they are absent: a signer's public nonces, and its partial signatures. The
/// coordinator lets neither leave before the row is durable, and sends the row that is there already instead of a second one. No *nonce*
/// rests on the store being current: an older copy costs an attempt, never a nonce. That nothing left yet
/// (`AbortReport.isAfterPartial`) and that an approval was withdrawn do rest on it.
///
/// Several signers, and several processes of one signer, may share a store: every row has the signer's key in its key.
public protocol SessionStore: Sendable {
    /// Carries out writes in order, as one: either all are durable when this returns, or it throws and none is.
    ///
    /// - Parameters:
    ///   - writes: What to write. The coordinator gives all writes of one turn at once.
    ///   - signer: Whose rows these are.
    /// - Returns: One outcome for each write.
    /// - Throws: Any error; the coordinator tells it, holds back what depends on the writes, and tries again.
    func commit(_ writes: [StoreWrite], signer: PublicKey) async throws -> [StoreOutcome]

    /// Everything that a new process of this signer needs: its highest run, and all sessions that are not over.
    ///
    /// - Parameters:
    ///   - signer: Whose rows are wanted.
    ///   - tombstones: The most finished sessions to return, newest first.
    /// - Returns: What the store has; an empty state for a signer it does not know.
    /// - Throws: Any error; the coordinator does not start.
    func load(signer: PublicKey, tombstones: Int) async throws -> StoredState

    /// The finished session with this id, if the store still has it.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - signer: Whose rows are wanted.
    /// - Returns: The tombstone; nil if there is none.
    /// - Throws: Any error.
    func tombstone(of session: SessionID, signer: PublicKey) async throws -> StoredTombstone?
}

/// One write to a ``SessionStore``.
public enum StoreWrite: Sendable, Hashable {
    /// A session begins here: its announcement as it was received, with the descriptor in it. Written again, it replaces.
    case session(SessionID, announcement: [UInt8], createdHere: Bool)
    /// The application's decision on a session, with the wall clock in milliseconds since 1970. The newest stands.
    case approval(SessionID, isApproved: Bool, at: UInt64)
    /// The newest JOIN of a signer, the encoded signed message. It replaces one with a lower run.
    case join(SessionID, signer: Int, run: UInt64, message: [UInt8])
    /// Insert if absent: this signer's public nonces of an attempt and run, the encoded signed message.
    case nonces(SessionID, attempt: UInt32, run: UInt64, message: [UInt8])
    /// Insert if absent: this signer's partial signatures of an attempt, the encoded signed message.
    case partials(SessionID, attempt: UInt32, message: [UInt8])
    /// The highest run that this signer has used. A lower one changes nothing.
    case highestRun(UInt64)
    /// A session is complete: what answers signers that come back. The session's other rows may be dropped.
    case tombstone(StoredTombstone)
    /// A session ended without signatures, and before this signer's partial left. Its rows may be dropped when it has expired.
    case ended(SessionID)
    /// The application drops a session for good.
    case forget(SessionID)
}

/// What became of one ``StoreWrite``.
public enum StoreOutcome: Sendable, Hashable {
    /// The write is durable.
    case written
    /// A row with this key was there already and stays; this is its message.
    case exists(message: [UInt8])
}

/// What a store has of a signer.
public struct StoredState: Sendable, Hashable {
    /// The highest run that the signer has used; 0 if it has used none.
    public var highestRun: UInt64 = 0
    /// The sessions that are not over, in no order.
    public var sessions: [StoredSession] = []
    /// The newest finished sessions, newest first.
    public var tombstones: [StoredTombstone] = []

    /// An empty state.
    public init() {}
}

/// What a store has of one session that is not over.
public struct StoredSession: Sendable, Hashable {
    /// Which session.
    public var id: SessionID
    /// The announcement as it was received, with the descriptor in it.
    public var announcement: [UInt8]
    /// Whether this signer made the session.
    public var createdHere: Bool
    /// The newest decision of the application; nil if there was none.
    public var isApproved: Bool?
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

/// What is kept of a finished session: enough to answer a signer that was away.
public struct StoredTombstone: Sendable, Hashable {
    /// Which session.
    public var id: SessionID
    /// The message keys of the signers, x only, in their order: who may ask.
    public var messageKeys: [XOnlyPublicKey]
    /// When the session expires, in milliseconds since 1970; nobody is answered after it.
    public var expiresAt: UInt64
    /// The signatures, one for each message.
    public var signatures: [SchnorrSignature]

    /// Makes a tombstone.
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
