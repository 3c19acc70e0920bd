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

/// What the coordinator's machine asks its shell to do, in order.
enum CoordinatorEffect: Sendable {
    /// Sign the message, write the row, answer with `issued` or `issueFailed`.
    case issue(SessionID, UnsignedMessage, LedgerRow)
    /// Draw nonces; answer with `noncesGenerated`.
    case generateNonces(NonceHandle)
    /// Sign with the nonces; answer with `partialsSigned`.
    case signPartials(NonceHandle, BIP327.Context)
    /// Wipe the nonces.
    case wipe(NonceHandle)
    /// Make this durable when convenient.
    case write(StoreWrite)
    /// Claim so many numbers of runs; answer with `runsClaimed`, `runsTaken` or `runClaimFailed`.
    case claimRuns(Range<UInt64>)
    /// Read what the store has of a session; answer with `loaded`.
    case load(SessionID)
    /// Nothing of the session but its ABORT or DECLINE may be written and leave: what waits for a commit is dropped.
    case dropUnsent(SessionID)
    /// Ask the consent policy.
    case askConsent(ConsentRequest, attempt: UInt32)
    /// The question is of no use any more.
    case dropConsent(SessionID)
    /// Sign a HELLO transcript with the message key under the joiner's tag.
    case signHello(PeerID, exchange: Hash32, [UInt8])
    /// Sign a session's announcement anew: the addresses have changed.
    case announceAgain(SessionID, VerifiedAnnouncement, sequence: UInt64)
    /// Send a frame.
    case send([UInt8], to: PeerID)
    /// Dial a peer.
    case connect(PeerID, [Multiaddr])
    /// Leave a peer.
    case disconnect(PeerID)
    /// Look a key up through the discovery of its method; answer with `found`.
    case find(DiscoveryKey, limit: Int)
    /// Publish a key through the discovery of its method; answer with `published`.
    case publish(PublicationQueue.Attempt)
    /// Publish a key no longer.
    case withdraw(DiscoveryKey)
    /// A look ended: one session, or what waits in an inbox.
    case lookupEnded(DiscoverySubject, Result<[SessionPreview], CoordinatorError>)
    /// The wish to join or create a session ended; nil: the session is joined.
    case joined(SessionID, CoordinatorError?)
    /// The wish to decline a session ended; nil: the DECLINE is durable.
    case declined(SessionID, CoordinatorError?)
    /// Tell the application.
    case event(CoordinatorEvent)
    /// For the log: nothing a person must know.
    case note(String, SessionID?, PeerID?)
}
