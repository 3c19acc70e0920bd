import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1

/// What the coordinator's machine is told.
enum CoordinatorInput: Sendable {
    /// Something happened on the network.
    case network(PeerNetworkEvent)
    /// The application made a session; its announcement is signed.
    case create(VerifiedAnnouncement)
    /// Ask these providers, and those that the discoveries name, for a session or for what waits in an inbox.
    case lookUp(DiscoverySubject, providers: [Provider])
    /// A discovery found this for a look that is under way.
    case found(DiscoveryKey, Result<[DiscoveryHint], TransportError>)
    /// The application has the announcement of a session from elsewhere.
    case read(SessionID, announcement: [UInt8])
    /// Watch the own inbox, looking so often; nil: no longer.
    case watchInbox(every: Duration?)
    /// Join a session that was looked at.
    case join(SessionID)
    /// Decline a session that was looked at, or about which the policy is asked.
    case decline(SessionID, reason: String)
    /// The consent policy answered.
    case consent(SessionID, ConsentRequest.Stage, attempt: UInt32, ConsentDecision)
    /// The application wants something of a session.
    case command(SessionID, SessionCommand)
    /// The application drops a session that ended without signatures and has expired.
    case drop(SessionID)
    /// The shell did what the session's machine asked for.
    case session(SessionID, SessionInput)
    /// The joiner's part of a HELLO is signed.
    case helloSigned(PeerID, exchange: Hash32, SchnorrSignature)
    /// An announcement is signed anew, with other addresses.
    case announced(VerifiedAnnouncement)
    /// The store was read: where the numbers of runs go on.
    case started(nextRunNumber: UInt64)
    /// The store has the block that was claimed.
    case runsClaimed(Range<UInt64>)
    /// Another process has claimed the numbers below this one.
    case runsTaken(below: UInt64)
    /// The store failed at a claim.
    case runClaimFailed(String)
    /// What the store has of a session that is to be joined.
    case loaded(SessionID, Result<StoredSession?, CoordinatorError>)
    /// The store had this session.
    case restore(StoredSession)
    /// The store had this session, which has ended; signatures of it turned up.
    case recall(StoredSession)
    /// The store had this finished session.
    case restoreCompletion(StoredCompletion)
    /// An attempt to publish a key ended; nil: it is published.
    case published(DiscoveryKey, attemptID: UInt64, failure: String?)
    /// Time has passed.
    case tick
}

/// Where a session may be asked for.
struct Provider: Sendable, Hashable {
    var peer: PeerID
    var addresses: [Multiaddr]
    /// Whether it showed the announcement that names it.
    var isAnnouncer = false
}

/// What the application wants of a session.
enum SessionCommand: Sendable {
    case start(Round)
    case offer([SchnorrSignature])
    case withdrawApproval
    case abort(reason: String)
    case restart
    case leave
    case close
}
