public import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
public import Secp256k1
import WireCodec

/// A session that this node has just made.
public struct CreatedSession: Sendable, Hashable {
    /// Which session.
    public var id: SessionID
    /// What to hand to the other signers.
    public var invitation: SessionInvitation
    /// The key that the session signs for, all tweaks applied.
    public var finalKey: XOnlyPublicKey

    /// Joins the three.
    ///
    /// - Parameters:
    ///   - id: Which session.
    ///   - invitation: What to hand to the other signers.
    ///   - finalKey: The key that the session signs for.
    public init(id: SessionID, invitation: SessionInvitation, finalKey: XOnlyPublicKey) {
        self.id = id
        self.invitation = invitation
        self.finalKey = finalKey
    }
}

extension MuSig2Coordinator {
    /// Makes a session, joins it, and shows it to its signers from now on.
    ///
    /// It is made known in the background, by the methods of ``SessionRequest/discovery``; a failure is an event, and the invitation works
    /// all the same.
    ///
    /// - Parameter request: What is to be signed, by which signers, under which terms.
    /// - Returns: The session's id and an invitation with this node's present addresses.
    /// - Throws: ``CoordinatorError``: what in the request cannot be, a limit, a refusal of the consent policy, or a store that fails.
    public func createSession(_ request: SessionRequest) async throws(CoordinatorError) -> CreatedSession {
        try requireRunning()
        let announcement = try announce(request)
        let id = announcement.descriptor.id
        let reply = OneShot<WishOutcome>()
        waiters.add(reply, for: .join(id))
        await process(.create(announcement))
        try await Self.answer(reply)
        return CreatedSession(
            id: id, invitation: invitation(to: id), finalKey: try finalKey(of: announcement.descriptor))
    }

    private func finalKey(of descriptor: SessionDescriptor) throws(CoordinatorError) -> XOnlyPublicKey {
        // The session has it, unless it was closed meanwhile.
        if let entry = machine.sessions[descriptor.id] { return entry.crypto.finalKey }
        do throws(DescriptorError) {
            return try descriptor.finalKey()
        } catch {
            throw CoordinatorError(error, session: descriptor.id)
        }
    }

    /// Makes the descriptor that a request asks for, and signs its announcement.
    private func announce(_ request: SessionRequest) throws(CoordinatorError) -> VerifiedAnnouncement {
        try check(request)
        let plan = try request.plan(for: signerKey)
        let descriptor: SessionDescriptor
        do throws(DescriptorError) {
            descriptor = try SessionDescriptor(plan, at: now(), random: .random(), limits: machine.sessionLimits)
            _ = try descriptor.position(of: signerKey, messageKey: messageKey)
        } catch {
            throw CoordinatorError(
                .invalidRequest, "the request cannot become a session: \(error)", underlying: "\(error)")
        }
        let announced: VerifiedAnnouncement
        do throws(AnnouncementError) {
            announced = try VerifiedAnnouncement(
                announcing: descriptor,
                at: localPeer(),
                sequence: now().wallMilliseconds,
                ways: request.discovery.bits,
                with: messageSecret
            )
        } catch {
            throw CoordinatorError(.invalidRequest, "the session cannot be announced", underlying: "\(error)")
        }
        return try check(announced, request)
    }

    /// Checks that a session can be found as its creator wants.
    private func check(_ request: SessionRequest) throws(CoordinatorError) {
        for method in request.discovery.sorted(by: { $0.number < $1.number }) {
            // The default: without a discovery, by invitation alone.
            guard method != .rendezvous, discoveries[method] == nil else { continue }
            throw CoordinatorError(
                .invalidRequest,
                "discovery: expected methods that this node has, found \(method.name), for which it was given none")
        }
    }

    private func check(
        _ announced: VerifiedAnnouncement, _ request: SessionRequest
    ) throws(CoordinatorError) -> VerifiedAnnouncement {
        guard let method = request.discovery.first(where: \.isPublic) else { return announced }
        let count = announced.signed.encoded().count
        let limit = machine.wireLimits.recordAnnouncementBytes
        guard count <= limit else {
            throw CoordinatorError(
                .invalidRequest,
                "discovery: expected at most \(limit) bytes to announce by \(method.name), found \(count): choose other methods"
            )
        }
        return announced
    }

    /// An invitation to a session that this node is in, with its present addresses. Any signer can invite the others.
    ///
    /// - Parameter session: Which session.
    /// - Returns: The invitation; this node shows the session only while it is in it.
    public nonisolated func invitation(to session: SessionID) -> SessionInvitation {
        let local = network.localPeer
        var addresses = network.addresses.compactMap { address in
            address.peerID == nil ? try? address.appending(local) : address
        }
        // A network without addresses knows peers by their ids.
        if addresses.isEmpty, let bare = try? Multiaddr([.p2p(local)]) { addresses = [bare] }
        return SessionInvitation(session: session, addresses: WireLimits.standard.told(addresses))
    }

    // MARK: Looking at a session

    /// Looks at a session without joining it: asks the peers of an invitation, and those that a discovery names, to show it, and checks
    /// what they show.
    ///
    /// - Parameter invitation: Which session, and where to ask.
    /// - Returns: The verified descriptor, for a person or a program to read.
    /// - Throws: ``CoordinatorError`` that says whether nobody was found or reached, the session is not shown to this key, it is over, or
    ///   what is shown is not what the session id stands for.
    public func previewSession(_ invitation: SessionInvitation) async throws(CoordinatorError) -> SessionPreview {
        let providers = invitation.providers.map { Provider(peer: $0.peer, addresses: $0.addresses) }
        return try await lookUp(.lookUp(.session(invitation.session), providers: providers), for: invitation.session)
    }

    /// Looks at a session without joining it: finds it by its id alone, through the discoveries.
    ///
    /// - Parameter id: Which session.
    /// - Returns: The verified descriptor.
    /// - Throws: ``CoordinatorError`` as for ``previewSession(_:)``.
    public func previewSession(id: SessionID) async throws(CoordinatorError) -> SessionPreview {
        try await lookUp(.lookUp(.session(id), providers: []), for: id)
    }

    /// Looks at a session with an announcement that came by a method of the application's own.
    ///
    /// - Parameter announcement: What ``announcement(of:)`` gave at another signer.
    /// - Returns: The verified descriptor.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/announcementRefused``, ``CoordinatorError/Code/notASigner``,
    ///   ``CoordinatorError/Code/expired``, ``CoordinatorError/Code/clockSkew`` or ``CoordinatorError/Code/alreadyJoined``.
    public func previewSession(announcement: [UInt8]) async throws(CoordinatorError) -> SessionPreview {
        let session: SessionID
        do throws(WireError) {
            let signed = try SignedAnnouncement(decoding: announcement, limits: machine.wireLimits)
            session = SessionID(descriptorBytes: signed.announcement.descriptorBytes)
        } catch {
            throw CoordinatorError(.announcementRefused, "this is no announcement", underlying: "\(error)")
        }
        return try await lookUp(.read(session, announcement: announcement), for: session)
    }

    /// The signed announcement of a session that this node is in: for signers that are reached by a method of the application's own, without
    /// any discovery. It tells all of the session to each of its readers.
    ///
    /// - Parameter session: Which session.
    /// - Returns: The announcement, encoded.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func announcement(of session: SessionID) throws(CoordinatorError) -> [UInt8] {
        guard let entry = machine.sessions[session] else { throw .unknown(session) }
        return entry.announced.signed.encoded()
    }

    private func lookUp(
        _ input: CoordinatorInput, for session: SessionID
    ) async throws(CoordinatorError) -> SessionPreview {
        guard let preview = try await lookupEnded(input, .session(session)).first else {
            throw CoordinatorError(.notFound, "nothing was found", session: session)
        }
        return preview
    }

    private func lookupEnded(
        _ input: CoordinatorInput, _ subject: DiscoverySubject
    ) async throws(CoordinatorError) -> [SessionPreview] {
        try requireRunning()
        let reply = OneShot<Result<[SessionPreview], CoordinatorError>>()
        waiters.addLookup(subject, reply)
        await process(input)
        guard let result = await reply.wait() else { throw .cancelled() }
        return try result.get()
    }

    // MARK: Joining

    /// Joins a session: looks at it, asks the consent policy, and takes part once that approves.
    ///
    /// - Parameter invitation: Which session, and where to ask.
    /// - Returns: The session's id, once this node's JOIN is recorded.
    /// - Throws: ``CoordinatorError`` as for ``previewSession(_:)``, and with code ``CoordinatorError/Code/notApproved`` or
    ///   ``CoordinatorError/Code/limitReached``.
    @discardableResult
    public func joinSession(_ invitation: SessionInvitation) async throws(CoordinatorError) -> SessionID {
        try await join(previewSession(invitation))
    }

    /// Joins a session that is found by its id alone, through the discoveries; one that was looked at, or waits in the inbox, is joined
    /// without looking again.
    ///
    /// - Parameter id: Which session.
    /// - Returns: The session's id, once this node's JOIN is recorded.
    /// - Throws: ``CoordinatorError`` as for ``joinSession(_:)``.
    @discardableResult
    public func joinSession(id: SessionID) async throws(CoordinatorError) -> SessionID {
        try await join(previewSession(id: id))
    }

    /// Joins a session with an announcement that came by a method of the application's own.
    ///
    /// - Parameter announcement: What ``announcement(of:)`` gave at another signer.
    /// - Returns: The session's id, once this node's JOIN is recorded.
    /// - Throws: ``CoordinatorError`` as for ``previewSession(announcement:)``, and with code ``CoordinatorError/Code/notApproved`` or
    ///   ``CoordinatorError/Code/limitReached``.
    @discardableResult
    public func joinSession(announcement: [UInt8]) async throws(CoordinatorError) -> SessionID {
        try await join(previewSession(announcement: announcement))
    }

    private func join(_ preview: SessionPreview) async throws(CoordinatorError) -> SessionID {
        let reply = OneShot<WishOutcome>()
        waiters.add(reply, for: .join(preview.session))
        await process(.join(preview.session))
        try await Self.answer(reply)
        return preview.session
    }

    // MARK: The inbox

    /// Looks what waits for this node's message key: sessions for which ``DiscoveryMethod/inbox`` was chosen, that list this key, and that
    /// this node is not in.
    ///
    /// A peer that knows this node's message key can make a session with it, and can learn from which address its inbox is looked at.
    ///
    /// - Returns: The verified sessions, in the order of their making; at most 64 of each provider.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/lookupFailed``, or ``CoordinatorError/Code/unreachable`` when this
    ///   node has no discovery for inboxes.
    public func inbox() async throws(CoordinatorError) -> [SessionPreview] {
        try requireInbox()
        return try await lookupEnded(.lookUp(machine.ownInbox, providers: []), machine.ownInbox)
    }

    /// Watches this node's inbox: looks now and in every interval, and tells each session that waits once, as
    /// ``CoordinatorEvent/waiting(_:)``; a further stream makes all be told again. Looking ends when nobody holds such a stream any more.
    ///
    /// - Parameter interval: How often to look, at least one second; the one of the latest call holds for all.
    /// - Returns: A stream of its own, bounded like ``events``.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unreachable`` when this node has no discovery for inboxes, or
    ///   ``CoordinatorError/Code/notRunning``.
    public func watchInbox(
        every interval: Duration = .seconds(60)
    ) async throws(CoordinatorError) -> CoordinatorEvents {
        try requireRunning()
        try requireInbox()
        let events = hub.subscribe(.inbox, capacity: configuration.limits.bufferedEvents)
        await process(.watchInbox(every: max(interval, .seconds(1))))
        return events
    }

    private func requireInbox() throws(CoordinatorError) {
        guard machine.methods.contains(where: { $0.subject == .signers }) else {
            throw CoordinatorError(
                .unreachable, "this node has no discovery for inboxes: give it one when it is made")
        }
    }

    // MARK: Rounds and results

    /// Lets the commitment round begin, when rounds do not start by themselves.
    ///
    /// - Parameter session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func startCommitments(of session: SessionID) async throws(CoordinatorError) {
        try await command(session, .start(.commitments))
    }

    /// Lets this node draw and send its nonces, when rounds do not start by themselves.
    ///
    /// - Parameter session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func startRound1(of session: SessionID) async throws(CoordinatorError) {
        try await command(session, .start(.nonces))
    }

    /// Lets this node make and send its partial signatures, when rounds do not start by themselves.
    ///
    /// - Parameter session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func startRound2(of session: SessionID) async throws(CoordinatorError) {
        try await command(session, .start(.partials))
    }

    /// The signatures of a session, if it is complete: one for each message, verified.
    ///
    /// - Parameter session: Which session.
    /// - Returns: The signatures; nil while the session is not complete.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``, or
    ///   ``CoordinatorError/Code/storeUnreadable``.
    public func signatures(of session: SessionID) async throws(CoordinatorError) -> [SchnorrSignature]? {
        if let known = machine.sessions.signatures(of: session) { return known }
        if machine.sessions.knows(session) { return nil }
        do {
            if let completion = try await store.completion(of: session, signer: signerKey) {
                return completion.signatures
            }
        } catch {
            throw CoordinatorError(
                .storeUnreadable, "the store cannot be read: mend it and ask again", session: session,
                underlying: "\(error)")
        }
        throw .unknown(session)
    }

    /// Waits for the signatures of a session.
    ///
    /// - Parameter session: Which session.
    /// - Returns: One verified signature for each message.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/aborted``, ``CoordinatorError/Code/expired``,
    ///   ``CoordinatorError/Code/left``, ``CoordinatorError/Code/closed`` or ``CoordinatorError/Code/superseded`` when the session ended otherwise,
    ///   ``CoordinatorError/Code/unknownSession``, or ``CoordinatorError/Code/cancelled``.
    public func waitForSignatures(of session: SessionID) async throws(CoordinatorError) -> [SchnorrSignature] {
        if let signatures = try await signatures(of: session) { return signatures }
        if let end = machine.sessions[session]?.end { throw end }
        let reply = OneShot<Result<[SchnorrSignature], CoordinatorError>>()
        waiters.addCompletion(session, reply)
        guard let result = await reply.wait() else { throw .cancelled() }
        return try result.get()
    }

    /// Offers signatures found elsewhere, for example on the chain: if they verify, the session is complete, in whatever state it was; also
    /// one that ended in an earlier process, as long as the store has its announcement.
    ///
    /// - Parameters:
    ///   - signatures: One for each message.
    ///   - session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession`` or
    ///   ``CoordinatorError/Code/invalidSignature``.
    public func offer(_ signatures: [SchnorrSignature], to session: SessionID) async throws(CoordinatorError) {
        try requireRunning()
        if !machine.sessions.knows(session) { try await recall(session) }
        try await command(session, .offer(signatures))
        if machine.sessions.signatures(of: session) == nil {
            throw CoordinatorError(
                .invalidSignature, "the signatures do not verify for the messages and the aggregate key of the session",
                session: session)
        }
    }

    /// Takes in a session that ended, from the store.
    private func recall(_ session: SessionID) async throws(CoordinatorError) {
        if let stored = try await storedSession(session) { await process(.recall(stored)) }
    }

    private func storedSession(_ session: SessionID) async throws(CoordinatorError) -> StoredSession? {
        do {
            return try await store.session(session, signer: signerKey)
        } catch {
            throw .unreadable(session, "\(error)")
        }
    }

    /// What a session is at; nil when this node does not know it.
    ///
    /// - Parameter session: Which session.
    /// - Returns: The status, as it is now.
    public func status(of session: SessionID) -> SessionStatus? {
        machine.sessions.status(of: session)
    }

    /// What a session is about; nil when this node is not in it.
    ///
    /// - Parameter session: Which session.
    /// - Returns: The descriptor, which all signers have.
    public func descriptor(of session: SessionID) -> SessionDescriptor? {
        machine.sessions[session]?.announced.descriptor
    }

    /// How well a session goes; nil when this node does not know it.
    ///
    /// - Parameter session: Which session.
    /// - Returns: The health, as it is now.
    public func health(of session: SessionID) -> SessionHealth? {
        machine.health(of: session, at: now())
    }

    /// The sessions that are neither complete, nor aborted, nor expired, in no order.
    public var activeSessions: [SessionID] { machine.sessions.active }

    /// Withdraws the approval of a session: from now on nothing but an ABORT leaves this node for it.
    ///
    /// - Parameter session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func withdrawApproval(of session: SessionID) async throws(CoordinatorError) {
        try await command(session, .withdrawApproval)
    }

    /// Declines a session that was looked at (``previewSession(_:)``, ``inbox()``), or about which the consent policy is still asked: this
    /// node will not join it, for good, and says so to the other signers, with DECLINE. Those that it can reach are told at once, those
    /// that come later when they come, until the session expires. It returns once that is recorded. No limit of ``MuSig2Coordinator/Configuration`` stands
    /// against a no.
    ///
    /// A signer that has joined, also before it left, cannot decline any more: ``abortSession(_:reason:)``.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - reason: Why, for people; it is sent to the other signers, at most 400 bytes of it.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``, ``CoordinatorError/Code/alreadyJoined``,
    ///   ``CoordinatorError/Code/ended``, ``CoordinatorError/Code/wrongPhase`` when it joined before,
    ///   ``CoordinatorError/Code/storeFailed`` when the store refused it: it is tried again, or as for ``joinSession(_:)``.
    public func decline(_ session: SessionID, reason: String = "") async throws(CoordinatorError) {
        try requireRunning()
        let reply = OneShot<WishOutcome>()
        waiters.add(reply, for: .decline(session))
        await process(.decline(session, reason: reason))
        try await Self.answer(reply)
    }

    /// Ends a session for all signers, and for good: joining it again answers with ``CoordinatorError/Code/ended``, in this process and in
    /// every later one on the same store. To step out without a word, ``leaveSession(_:)``.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - reason: Why, for people; it is sent to the other signers, at most 400 bytes of it.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func abortSession(_ session: SessionID, reason: String) async throws(CoordinatorError) {
        try await command(session, .abort(reason: reason))
    }

    /// Leaves a session without a word: its nonces are wiped, what has not left is dropped, and what is recorded stays. No restart goes on
    /// with it; joining it again does.
    ///
    /// The others wait for this signer until the session expires. To end it for them, ``abortSession(_:reason:)``.
    ///
    /// - Parameter session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func leaveSession(_ session: SessionID) async throws(CoordinatorError) {
        try await command(session, .leave)
    }

    /// Closes a session: an unfinished one is left (``leaveSession(_:)``), a finished one sends nothing and frees its memory.
    ///
    /// A signer that was away and comes back still gets the signatures of a finished one, until the session expires.
    ///
    /// - Parameter session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``.
    public func closeSession(_ session: SessionID) async throws(CoordinatorError) {
        try await command(session, .close)
    }

    /// Drops what is kept of a session that ended without signatures, from memory and from the store, once it has expired. What ended after
    /// a partial signature is kept for ever otherwise.
    ///
    /// What is lost is that this node was in the session: how it ended, that a partial signature of this node may have left, and the
    /// announcement. ``offer(_:to:)`` cannot complete the session any more, so that a signature that turns up later has to be verified without
    /// this node. No nonce is in danger: nothing is signed for a session that has expired.
    ///
    /// - Parameter session: Which session.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/unknownSession``, ``CoordinatorError/Code/wrongPhase`` when it is not
    ///   over, is complete, or has not expired, or ``CoordinatorError/Code/storeUnreadable``.
    public func dropSession(_ session: SessionID) async throws(CoordinatorError) {
        try requireRunning()
        let stored = machine.sessions.knows(session) ? nil : try await storedSession(session)
        guard machine.sessions.knows(session) || stored != nil else { throw .unknown(session) }
        if let obstacle = machine.obstacle(toDropping: session, stored: stored, at: now()) { throw obstacle }
        await process(.drop(session))
    }

    private static func answer(_ reply: OneShot<WishOutcome>) async throws(CoordinatorError) {
        guard let outcome = await reply.wait() else { throw .cancelled() }
        if let error = outcome.error { throw error }
    }

    private func command(_ session: SessionID, _ command: SessionCommand) async throws(CoordinatorError) {
        try requireRunning()
        guard machine.sessions.knows(session) else { throw .unknown(session) }
        await process(.command(session, command))
    }

    private func requireRunning() throws(CoordinatorError) {
        guard life.phase == .running else {
            throw CoordinatorError(.notRunning, "the coordinator is not running: call start() or run() first")
        }
    }
}

extension CoordinatorError {
    static func unknown(_ session: SessionID) -> CoordinatorError {
        CoordinatorError(
            .unknownSession, "no session \(session) here: join it by its invitation first", session: session)
    }

    static func cancelled() -> CoordinatorError {
        CoordinatorError(.cancelled, "the task that waited was cancelled")
    }
}
