import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1

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
