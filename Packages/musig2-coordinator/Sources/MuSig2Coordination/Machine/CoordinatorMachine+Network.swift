import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// The stable codes of the errors that bound peers are told.
enum ErrorReplyReason: Sendable {
    case refused(SessionOffence)

    var code: UInt32 {
        switch self {
        case .refused(.badSignature): 1
        case .refused(.malformedPayload): 2
        case .refused(.notBound): 3
        case .refused(.outOfPlace): 4
        case .refused(.badFinalSignature): 5
        }
    }

    var text: String {
        switch self {
        case .refused(let offence): offence.description
        }
    }
}

extension CoordinatorMachine {
    mutating func handle(_ event: PeerNetworkEvent, at now: Now) {
        switch event {
        case .connected(let peer): connected(peer, at: now)
        case .disconnected(let peer): disconnected(peer, at: now)
        case .connectFailed(let peer, let reason): connectFailed(peer, reason, at: now)
        case .frame(let bytes, let peer): receive(frame: bytes, from: peer, at: now)
        case .addressesChanged(let addresses): addressesChanged(addresses, at: now)
        }
    }

    // MARK: Connections

    private mutating func connected(_ peer: PeerID, at now: Now) {
        if peers[peer]?.reputation.isBanned(at: now.monotonic) == true {
            effects.append(.disconnect(peer))
            return
        }
        let wanting = peers.connected(peer, at: now.monotonic)
        outbox.discard(peer)
        hellos.disconnected(peer)
        tell(.peerConnected(peer))
        for subject in lookups.subjects(waitingFor: peer) { sayHello(to: peer, for: subject, now: now) }
        for session in wanting.sorted() where sessions[session] != nil {
            drive(session, .connected(peer), at: now)
        }
    }

    private mutating func disconnected(_ peer: PeerID, at now: Now) {
        guard peers.isConnected(peer) else { return }
        let wanting = peers.disconnected(peer, at: now.monotonic)
        outbox.discard(peer)
        hellos.disconnected(peer)
        tell(.peerDisconnected(peer))
        for subject in lookups.subjects(waitingFor: peer) {
            failLookup(
                subject, at: peer,
                CoordinatorError(
                    .notShown,
                    "peer \(peer) closed the connection: it does not know the session, or does not show it to this key",
                    session: subject.session), now: now)
        }
        for session in wanting.sorted() where sessions[session] != nil {
            drive(session, .disconnected(peer), at: now)
            watchPresence(in: session, at: now)
        }
        peers.forgetIfIdle(peer, at: now.monotonic)
        scheduleSweep(at: now)
    }

    private mutating func connectFailed(_ peer: PeerID, _ reason: String, at now: Now) {
        for subject in lookups.subjects(waitingFor: peer) {
            failLookup(
                subject, at: peer,
                CoordinatorError(
                    .unreachable,
                    "peer \(peer) cannot be reached: is it running, and is its address right?",
                    session: subject.session, underlying: reason), now: now)
        }
        peers.dialFailed(peer, at: now.monotonic)
        effects.append(.note("dial failed: \(reason)", nil, peer))
    }

    private mutating func addressesChanged(_ addresses: [Multiaddr], at now: Now) {
        guard addresses != self.addresses else { return }
        self.addresses = addresses
        peers.hurry(at: now.monotonic)
        announceAddresses(at: now)
    }

    /// The announcement of an own session is signed with the present addresses: the other signers hear of it.
    mutating func announcedAgain(_ announced: VerifiedAnnouncement) {
        let session = announced.descriptor.id
        guard let entry = sessions[session], announced.sequence > entry.announced.sequence else { return }
        adopt(announced)
        for peer in entry.machine.boundPeers where peers.isConnected(peer) {
            outbox.append(.announcement(announced.signed), to: peer)
        }
    }

    // MARK: Frames

    private mutating func receive(frame bytes: [UInt8], from peer: PeerID, at now: Now) {
        let verdict = peers.update(peer, at: now.monotonic) { record, limits -> Bool in
            guard !record.reputation.isBanned(at: now.monotonic) else { return false }
            return record.bytes.take(Double(bytes.count), size: limits.bytes, at: now.monotonic)
                && record.messages.take(1, size: limits.messages, at: now.monotonic)
        }
        guard verdict,
            charge(Work.frame(bytes.count), to: peer, isAsked: hellos.awaitsAnnouncements(from: peer), at: now)
        else { return }
        let frame: Frame
        do {
            frame = try Frame(decoding: bytes, limits: wireLimits)
        } catch {
            effects.append(.note("frame refused: \(error)", nil, peer))
            turnAway(peer, at: now)
            return
        }
        var inflatable = wireLimits.frameBytes
        for item in frame.items {
            // Whoever was hung up on, or shut out, said enough.
            guard receive(item, from: peer, inflatable: &inflatable, at: now) else { return }
            drainPendingItems(at: now)
        }
    }

    /// Takes one item of a frame.
    ///
    /// - Returns: Whether the rest of the frame is worth a look.
    private mutating func receive(
        _ item: FrameItem, from peer: PeerID, inflatable: inout Int, at now: Now
    ) -> Bool {
        let mayPass = peers.update(peer, at: now.monotonic) { record, limits in
            record.messages.take(1, size: limits.messages, at: now.monotonic)
        }
        guard mayPass else { return false }
        switch item {
        case .signedMessage(let message): return receive(message, from: peer, at: now)
        case .sync(let sync): return receive(sync, from: peer, at: now)
        case .signatureFinalized(let finalized): return receive(finalized, from: peer, at: now)
        case .error(let reply):
            receive(reply, from: peer, at: now)
            return charge(Work.item, to: peer, at: now)
        case .hello(let hello): return receive(hello, from: peer, at: now)
        case .helloProof(let proof): return receive(proof, from: peer, at: now)
        case .helloJoiner(let joiner): return receive(joiner, from: peer, at: now)
        case .helloAnnouncements(let answer):
            guard isAnswerExpected(from: peer, at: now) else { return false }
            return receive(answer, from: peer, at: now)
        case .announcement(let announcement):
            guard !sessionsAnnounced(by: peer, at: now).isEmpty else { return false }
            receive(announcement, from: peer, at: now)
            return true
        case .deflated(let item):
            let limit: Int
            switch item.content {
            case .helloAnnouncements: limit = isAnswerExpected(from: peer, at: now) ? inflatable : 0
            case .announcement:
                // It must be of a session that is known, so that it cannot be longer than that.
                let known = sessionsAnnounced(by: peer, at: now).compactMap {
                    sessions[$0]?.announced.descriptor.bytes.count
                }
                limit = min(inflatable, known.max().map { $0 + Self.announcementOverhead } ?? 0)
            }
            guard limit > 0, let plain = inflate(item, from: peer, upTo: limit, &inflatable, at: now) else {
                return false
            }
            switch plain {
            case .helloAnnouncements(let answer): return receive(answer, from: peer, at: now)
            case .announcement(let announcement): receive(announcement, from: peer, at: now)
            default: break
            }
            return true
        }
    }

    private mutating func receive(_ message: SignedMessage, from peer: PeerID, at now: Now) -> Bool {
        guard let session = SessionID(message.body.sessionID) else { return true }
        // What it may cost is charged before any of it is done; finding that out takes no more than decoding it.
        guard charge(Work.decoding(message.body.payload.count), to: peer, at: now) else { return false }
        let cost = Double(sessions[session]?.machine.cost(of: message) ?? 1)
        guard charge(cost, to: peer, in: session, mayOwe: true, at: now) else { return false }
        if sessions[session] != nil {
            drive(session, .received(message, from: peer), at: now)
            let signers = sessions[session]?.machine.signers(at: peer) ?? []
            if message.body.type == .join, !signers.isEmpty { credit(peer, for: signers, of: session, at: now) }
        } else if finished[session] != nil {
            let limits = wireLimits
            if finished[session]?.bind(peer, by: message, limits: limits) == .forged {
                penalise(peer, .badSignature, session: session, at: now)
                return false
            }
            answerFromFinished(session, peer, at: now)
        } else {
            // A stranger that talks of what is not here learns nothing.
            hangUp(on: peer)
        }
        return true
    }

    private mutating func receive(_ sync: Sync, from peer: PeerID, at now: Now) -> Bool {
        guard let session = SessionID(sync.sessionID) else { return true }
        guard charge(Work.sync(sync), to: peer, in: session, at: now) else { return false }
        if sessions[session] != nil {
            drive(session, .receivedSync(sync, from: peer), at: now)
        } else if sync.isFinal {
            finished[session]?.noteFinal(Int(sync.index), from: peer)
        } else {
            answerFromFinished(session, peer, at: now)
        }
        return true
    }

    private mutating func receive(_ finalized: SignatureFinalized, from peer: PeerID, at now: Now) -> Bool {
        guard let session = SessionID(finalized.sessionID), let entry = sessions[session],
            finalized.signatures.count == entry.announced.descriptor.messages.count
        else { return charge(Work.item, to: peer, at: now) }
        // A session that has its signatures looks at no others.
        guard entry.machine.signatures == nil else { return charge(Work.item, to: peer, at: now) }
        let work = Work.item + Double(finalized.signatures.count)
        guard charge(work, to: peer, in: session, mayOwe: true, at: now) else { return false }
        let signatures = finalized.signatures.compactMap { try? SchnorrSignature(rawRepresentation: $0) }
        guard signatures.count == finalized.signatures.count else { return true }
        drive(session, .receivedSignatures(signatures, from: peer), at: now)
        return true
    }

    // MARK: What must have been asked for

    /// Peer id, addresses, sequence, ways, signature, and the fields round them.
    private static let announcementOverhead = 2_048

    /// Whether an answer with announcements is awaited from a peer. One that comes too late is passed over; one that was never asked for
    /// counts against the peer.
    private mutating func isAnswerExpected(from peer: PeerID, at now: Now) -> Bool {
        if hellos.awaitsAnnouncements(from: peer) { return true }
        if !hellos.forgiveLateAnswer(from: peer) { turnAway(peer, at: now) }
        return false
    }

    /// The sessions of which a peer may send a further announcement: those whose creator it is. That of any other peer counts against it.
    private mutating func sessionsAnnounced(by peer: PeerID, at now: Now) -> [SessionID] {
        let announced = (peers[peer]?.sessions ?? []).filter { session in
            guard let entry = sessions[session], !entry.createdHere else { return false }
            return entry.machine.signers(at: peer).contains(entry.announced.descriptor.creator)
        }
        if announced.isEmpty { turnAway(peer, at: now) }
        return announced.sorted()
    }

    // MARK: Errors

    mutating func reply(_ reason: ErrorReplyReason, to peer: PeerID, session: SessionID, at now: Now) {
        // A session that is over says nothing but how it ended.
        guard sessions[session]?.machine.isOver != true else { return }
        let may = peers.update(peer, at: now.monotonic) { record, limits in
            record.errorReplies.take(1, size: limits.errorReplies, at: now.monotonic)
        }
        guard may else { return }
        outbox.append(
            .error(ErrorReply(sessionID: session.bytes, code: reason.code, text: reason.text)), to: peer)
    }

    private mutating func receive(_ reply: ErrorReply, from peer: PeerID, at now: Now) {
        guard let session = SessionID(reply.sessionID), let entry = sessions[session],
            let signer = entry.machine.signers(at: peer).first
        else { return }
        let may = peers.update(peer, at: now.monotonic) { record, limits in
            record.errorReplies.take(1, size: limits.errorReplies, at: now.monotonic)
        }
        guard may else { return }
        tell(
            .error(
                CoordinatorError(
                    .peerReported, "signer \(signer) reports error \(reply.code): \(reply.text)", session: session,
                    signer: signer)))
    }

    private mutating func drainPendingItems(at now: Now) {
        while !pending.isEmpty {
            let inputs = pending
            pending.removeAll(keepingCapacity: true)
            for (session, input) in inputs { drive(session, input, at: now) }
        }
    }
}
