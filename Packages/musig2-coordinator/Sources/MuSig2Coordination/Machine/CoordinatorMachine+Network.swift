import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// Peers: what they send, what they may cost, and what becomes of those that break the rules.
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
        if peers[peer]?.budget.reputation.isBanned(at: now.monotonic) == true {
            output.append(.disconnect(peer))
            return
        }
        let wanting = peers.connected(peer, at: now.monotonic)
        outbox.discard(peer)
        discovery.exchanges.disconnected(peer)
        tell(.peerConnected(peer))
        for subject in discovery.lookups.subjects(waitingFor: peer) { sayHello(to: peer, for: subject, now: now) }
        for session in wanting.sorted() where sessions[session] != nil {
            drive(session, .connected(peer), at: now)
        }
    }

    private mutating func disconnected(_ peer: PeerID, at now: Now) {
        guard peers.isConnected(peer) else { return }
        let wanting = peers.disconnected(peer, at: now.monotonic)
        outbox.discard(peer)
        discovery.exchanges.disconnected(peer)
        tell(.peerDisconnected(peer))
        for subject in discovery.lookups.subjects(waitingFor: peer) {
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
        for subject in discovery.lookups.subjects(waitingFor: peer) {
            failLookup(
                subject, at: peer,
                CoordinatorError(
                    .unreachable,
                    "peer \(peer) cannot be reached: is it running, and is its address right?",
                    session: subject.session, underlying: reason), now: now)
        }
        peers.dialFailed(peer, at: now.monotonic)
        output.append(.note("dial failed: \(reason)", nil, peer))
    }

    private mutating func addressesChanged(_ addresses: [Multiaddr], at now: Now) {
        guard addresses != local.addresses else { return }
        local.addresses = addresses
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
        guard peers.takeFrame(of: peer, bytes: bytes.count, at: now.monotonic),
            charge(
                Work.frame(bytes.count), to: peer, isAsked: discovery.exchanges.awaitsAnnouncements(from: peer), at: now
            )
        else { return }
        let frame: Frame
        do {
            frame = try Frame(decoding: bytes, limits: wireLimits)
        } catch {
            output.append(.note("frame refused: \(error)", nil, peer))
            turnAway(peer, at: now)
            return
        }
        var inflatable = wireLimits.frameBytes
        for item in frame.items {
            // A peer that was hung up on, or shut out, said enough.
            guard receive(item, from: peer, inflatable: &inflatable, at: now) else { return }
            drivePending(at: now)
        }
    }

    /// Takes one item of a frame.
    ///
    /// - Returns: Whether the rest of the frame is worth a look.
    private mutating func receive(
        _ item: FrameItem, from peer: PeerID, inflatable: inout Int, at now: Now
    ) -> Bool {
        guard peers.takeMessage(of: peer, at: now.monotonic) else { return false }
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
        } else if sessions.finished[session] != nil {
            let limits = wireLimits
            if sessions.finished[session]?.bind(peer, by: message, limits: limits) == .forged {
                penalize(peer, .badSignature, session: session, at: now)
                return false
            }
            answerFromArchive(session, peer, at: now)
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
            sessions.finished[session]?.noteFinal(Int(sync.index), from: peer)
        } else {
            answerFromArchive(session, peer, at: now)
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

    /// Answers a signer that was away with the signatures of a finished session.
    private mutating func answerFromArchive(_ session: SessionID, _ peer: PeerID, at now: Now) {
        guard let archived = sessions.finished[session] else { return hangUp(on: peer) }
        guard archived.stored.expiresAt > now.wallMilliseconds,
            sessions.finished[session]?.answers(peer, at: now.monotonic) == true
        else { return }
        outbox.append(archived.item, to: peer)
    }

    // MARK: What must have been asked for

    /// Peer id, addresses, sequence, ways, signature, and the fields round them.
    private static let announcementOverhead = 2_048

    /// Whether an answer with announcements is awaited from a peer. One that comes too late is passed over; one that was never asked for
    /// counts against the peer.
    private mutating func isAnswerExpected(from peer: PeerID, at now: Now) -> Bool {
        if discovery.exchanges.awaitsAnnouncements(from: peer) { return true }
        if !discovery.exchanges.forgiveLateAnswer(from: peer) { turnAway(peer, at: now) }
        return false
    }

    /// The sessions of which a peer may send a further announcement: those of which it is the creator. That of any other peer counts against it.
    private mutating func sessionsAnnounced(by peer: PeerID, at now: Now) -> [SessionID] {
        let announced = (peers[peer]?.sessions ?? []).filter { session in
            guard let entry = sessions[session], !entry.createdHere else { return false }
            return entry.machine.signers(at: peer).contains(entry.announced.descriptor.creator)
        }
        if announced.isEmpty { turnAway(peer, at: now) }
        return announced.sorted()
    }

    // MARK: Errors

    private mutating func reply(_ reason: ErrorReplyReason, to peer: PeerID, session: SessionID, at now: Now) {
        // A session that is over says nothing but how it ended.
        guard sessions[session]?.machine.isOver != true else { return }
        guard peers.takeErrorReply(of: peer, at: now.monotonic) else { return }
        outbox.append(
            .error(ErrorReply(sessionID: session.bytes, code: reason.code, text: reason.text)), to: peer)
    }

    private mutating func receive(_ reply: ErrorReply, from peer: PeerID, at now: Now) {
        guard let session = SessionID(reply.sessionID), let entry = sessions[session],
            let signer = entry.machine.signers(at: peer).first
        else { return }
        guard peers.takeErrorReply(of: peer, at: now.monotonic) else { return }
        tell(
            .error(
                CoordinatorError(
                    .peerReported, "signer \(signer) reports error \(reply.code): \(reply.text)", session: session,
                    signer: signer)))
    }

    // MARK: Penalties

    /// A peer broke a rule: scores it, answers it if it is bound, and shuts it out when it is too much.
    mutating func penalize(_ peer: PeerID, _ offense: SessionOffense, session: SessionID, at now: Now) {
        let points: Double =
            switch offense {
            case .badSignature: 20
            case .malformedPayload, .badFinalSignature: 10
            case .outOfPlace: 5
            case .notBound: 2
            }
        output.append(.note("peer broke a rule: \(offense)", session, peer))
        let isBound = sessions[session]?.machine.signers(at: peer).isEmpty == false
        if isBound { reply(.refused(offense), to: peer, session: session, at: now) }
        score(peer, points, at: now)
    }

    /// Adds to a peer's score; at the limit it is banned for a while.
    mutating func score(_ peer: PeerID, _ points: Double, at now: Now) {
        guard let ban = peers.score(peer, points, at: now.monotonic) else { return }
        tell(
            .error(
                CoordinatorError(.peerBanned, "peer \(peer) broke the rules too often and is shut out for \(ban)")))
        outbox.discard(peer)
        output.append(.disconnect(peer))
    }

    // MARK: What peers may cost

    /// Takes what something costs from what a peer may cost, before it is done. Without enough left it is not done; and a stranger, of which
    /// nothing is wanted, is hung up on and scored.
    ///
    /// - Parameters:
    ///   - work: What it costs, in signature checks.
    ///   - peer: The peer that causes it.
    ///   - isAsked: Whether this node asked for it.
    ///   - mayOwe: Whether a peer with half of its burst left may cause what costs more, and owes the rest.
    ///   - now: The time.
    /// - Returns: Whether it may be done.
    mutating func charge(
        _ work: Double, to peer: PeerID, isAsked: Bool = false, mayOwe: Bool = false, at now: Now
    ) -> Bool {
        switch peers.charge(work, to: peer, isAsked: isAsked, mayOwe: mayOwe, at: now.monotonic) {
        case .paid: return true
        case .refused(let isStranger):
            if isStranger { turnAway(peer, at: now) }
            return false
        }
    }

    /// The same for what a signer says, which costs its key too, whatever peers it uses.
    mutating func charge(
        _ work: Double, to peer: PeerID, in session: SessionID, mayOwe: Bool = false, at now: Now
    ) -> Bool {
        guard charge(work, to: peer, mayOwe: mayOwe, at: now) else { return false }
        guard let entry = sessions[session], let signer = entry.machine.signers(at: peer).first else { return true }
        let key = entry.announced.descriptor.signerKeys[signer]
        return peers.charge(work, to: key, mayOwe: mayOwe, at: now.monotonic)
    }

    /// A peer is a signer of a session that this node is in: it may cost what its part of the session costs, once.
    private mutating func credit(_ peer: PeerID, for signers: [Int], of session: SessionID, at now: Now) {
        guard let descriptor = sessions[session]?.announced.descriptor else { return }
        let work = Work.ofSession(signers: descriptor.signerKeys.count, messages: descriptor.messages.count)
        for signer in signers where sessions[session]?.peers.credited.insert(signer).inserted == true {
            peers.credit(work, to: peer, key: descriptor.signerKeys[signer], at: now.monotonic)
        }
        peers.markKnown(peer, at: now.monotonic)
    }

    /// A peer sent what nobody asked it for, or too much of what anybody may send: it counts against it, and the conversation ends.
    mutating func turnAway(_ peer: PeerID, at now: Now) {
        score(peer, 10, at: now)
        hangUp(on: peer)
    }

    /// Ends a conversation without a word: closes the connection, unless a session needs it.
    mutating func hangUp(on peer: PeerID) {
        guard peers[peer]?.sessions.isEmpty ?? true else { return }
        outbox.discard(peer)
        output.append(.disconnect(peer))
    }

    // MARK: What came deflated

    /// Inflates and decodes an answer or an announcement, as far as the peer may cost that; nil when it is not to be had.
    ///
    /// - Parameters:
    ///   - item: What came.
    ///   - peer: The peer that sent it.
    ///   - limit: The most bytes that it may inflate to.
    ///   - inflatable: What all items of the frame together may still inflate to.
    ///   - now: The time.
    /// - Returns: The item.
    private mutating func inflate(
        _ item: DeflatedItem, from peer: PeerID, upTo limit: Int, _ inflatable: inout Int, at now: Now
    ) -> FrameItem? {
        let wanted = min(limit, inflatable)
        // What it may become is taken in advance, and what it did not become is given back.
        let most = peers.inflatable(wanted, of: peer, at: now.monotonic)
        let isAsked = item.content == .helloAnnouncements
        guard most > 0, charge(Work.decoding(most), to: peer, isAsked: isAsked, at: now) else { return nil }
        var used = most
        defer {
            inflatable -= used
            peers.inflated(used, charged: most, of: peer, at: now.monotonic)
        }
        do throws(WireError) {
            let (plain, count) = try item.inflated(upTo: most, limits: wireLimits)
            used = count
            return plain
        } catch {
            output.append(.note("item refused: \(error)", nil, peer))
            // Where the peer may cost no more, that is no fault of what it sent.
            if most == wanted { turnAway(peer, at: now) }
            return nil
        }
    }
}
