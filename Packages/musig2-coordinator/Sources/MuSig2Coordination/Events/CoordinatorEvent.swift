public import MuSig2Session
public import Multiformats
public import Secp256k1
public import WireCodec

/// One thing that happened at a coordinator. Each happens once, and a reader gets them in order.
///
/// New cases may come in a minor release: give a `switch` over it a `default`.
public enum CoordinatorEvent: Sendable, Equatable {
    /// This node made a session; its signatures will be for the final key.
    case created(SessionID, finalKey: XOnlyPublicKey)
    /// The session can be found: this node shows it to its signers, and its key is published if there is a discovery.
    case announced(SessionID)
    /// This node joined the session, as was approved for the final key: its JOIN is recorded and on its way.
    case joined(SessionID, finalKey: XOnlyPublicKey)
    /// Another signer joined. A signer that comes back after a restart is not told again.
    case participantJoined(SessionID, signer: Int, peer: PeerID, joined: Int, total: Int)
    /// A signer says that it will not join, with a reason in its own words, perhaps empty. A statement: void once that signer joins. Until
    /// then the session cannot complete; abort it, or wait. For this node's own signer: it declined, and the session is over here.
    case declined(SessionID, signer: Int, reason: String)
    /// These signers are not connected, though this node dials them and the session waits for them, or for what comes through them: signers
    /// that have joined, and the creator, where everybody comes by. Told soon after a JOIN or the end of a connection, and again from time to
    /// time while it is so. `waitingFor` are the signers of which the present phase needs a message.
    case absent(SessionID, signers: [Int], waitingFor: [Int])
    /// All signers joined.
    case ready(SessionID)
    /// A signer's commitment arrived, or was made if it is this node's own.
    case commitmentReceived(SessionID, attempt: UInt32, signer: Int, received: Int, total: Int)
    /// All commitments of the attempt are here.
    case commitmentsComplete(SessionID, attempt: UInt32)
    /// A signer's public nonces arrived, or were made if it is this node's own.
    case nonceReceived(SessionID, attempt: UInt32, signer: Int, received: Int, total: Int)
    /// All public nonces of the attempt are here.
    case noncesComplete(SessionID, attempt: UInt32)
    /// A signer's partial signatures arrived, or were made if it is this node's own.
    case partialReceived(SessionID, attempt: UInt32, signer: Int, received: Int, total: Int)
    /// The session is complete: one verified signature for each message.
    case complete(SessionID, [SchnorrSignature])
    /// The session was aborted, here or by another signer.
    case aborted(SessionID, AbortReport)
    /// Something went wrong; `session` in the error says with which session. Codes are stable.
    case error(CoordinatorError)
    /// A new attempt began; `by` signed the message that raised it first, as far as this node was shown.
    case attemptRestarted(SessionID, attempt: UInt32, reason: RestartReason, by: Int)
    /// Another signer collects the contributions from now on.
    case coordinatorChanged(SessionID, attempt: UInt32, coordinator: Int)
    /// A signer names those that it has not heard in an attempt. A statement: it convicts nobody.
    case notHeard(SessionID, attempt: UInt32, signers: [Int], by: Int)
    /// A signer names those that signed another context than its own, so that the attempt before could not succeed. A statement: it convicts
    /// nobody. With `orBy` the author may as well be the cause: in a star only the coordinator knows what it told each signer.
    case contextDiffers(SessionID, attempt: UInt32, signers: [Int], by: Int, orBy: Bool)
    /// A signer names those that came back with a new run after its nonces had been used, which cost the attempt before. A statement.
    case newRuns(SessionID, attempt: UInt32, signers: [Int], by: Int)
    /// A signer says that the transaction with this id is broadcast. A statement: look for yourself.
    case broadcastStated(SessionID, transaction: [UInt8], by: Int)
    /// Evidence that convicts a signer's message key, and that anyone can check.
    case evidence(SessionID, Evidence)
    /// The session was found in the store at the start, and goes on as a new run.
    case restored(SessionID)
    /// The session's time is over; it was not complete.
    case expired(SessionID)
    /// This node left the session, without a word to the others. Joining it again goes on with it.
    case left(SessionID)
    /// The session was closed here: nothing more is told about it.
    case closed(SessionID)
    /// A session waits in this node's inbox, which is watched: ``MuSig2Coordinator/watchInbox(every:)``.
    case waiting(SessionPreview)
    /// A peer is connected.
    case peerConnected(PeerID)
    /// A peer is gone.
    case peerDisconnected(PeerID)
    /// The reader was too slow: so many events before the next one are lost to it.
    case missed(Int)
}

extension CoordinatorEvent {
    /// The session the event is about; nil for those about a peer, and for ``missed(_:)``.
    public var session: SessionID? {
        switch self {
        case .created(let id, _), .announced(let id), .joined(let id, _), .ready(let id), .restored(let id),
            .expired(let id), .left(let id), .closed(let id), .participantJoined(let id, _, _, _, _),
            .commitmentReceived(let id, _, _, _, _),
            .commitmentsComplete(let id, _), .nonceReceived(let id, _, _, _, _), .noncesComplete(let id, _),
            .partialReceived(let id, _, _, _, _), .complete(let id, _), .aborted(let id, _),
            .attemptRestarted(let id, _, _, _), .coordinatorChanged(let id, _, _), .notHeard(let id, _, _, _),
            .contextDiffers(let id, _, _, _, _), .newRuns(let id, _, _, _), .broadcastStated(let id, _, _),
            .evidence(let id, _), .declined(let id, _, _), .absent(let id, _, _):
            id
        case .waiting(let preview):
            preview.session
        case .error(let error):
            error.session
        case .peerConnected, .peerDisconnected, .missed:
            nil
        }
    }

    /// The stable name of the kind of event, in lower camel case, for logs and JSON.
    public var name: String {
        switch self {
        case .created: "created"
        case .announced: "announced"
        case .joined: "joined"
        case .participantJoined: "participantJoined"
        case .declined: "declined"
        case .absent: "absent"
        case .ready: "ready"
        case .commitmentReceived: "commitmentReceived"
        case .commitmentsComplete: "commitmentsComplete"
        case .nonceReceived: "nonceReceived"
        case .noncesComplete: "noncesComplete"
        case .partialReceived: "partialReceived"
        case .complete: "complete"
        case .aborted: "aborted"
        case .error: "error"
        case .attemptRestarted: "attemptRestarted"
        case .coordinatorChanged: "coordinatorChanged"
        case .notHeard: "notHeard"
        case .contextDiffers: "contextDiffers"
        case .newRuns: "newRuns"
        case .broadcastStated: "broadcastStated"
        case .evidence: "evidence"
        case .restored: "restored"
        case .expired: "expired"
        case .left: "left"
        case .closed: "closed"
        case .waiting: "waiting"
        case .peerConnected: "peerConnected"
        case .peerDisconnected: "peerDisconnected"
        case .missed: "missed"
        }
    }
}
