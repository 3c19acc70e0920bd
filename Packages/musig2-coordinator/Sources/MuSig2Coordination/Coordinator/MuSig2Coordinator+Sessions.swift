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
    /// - Parameter request: What is to be signed, by whom, under which terms.
    /// - Returns: The session's id and an invitation with this node's present addresses.
    /// - Throws: ``CoordinatorError``: what in the request cannot be, a limit, a refusal of the consent policy, or a store that fails.
    public func createSession(_ request: SessionRequest) async throws(CoordinatorError) -> CreatedSession {
        try requireRunning()
        let announcement = try announce(request)
        let id = announcement.descriptor.id
        let reply = OneShot<JoinOutcome>()
        waiters.addJoin(id, reply)
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
        let reply = OneShot<JoinOutcome>()
        waiters.addDecline(session, reply)
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

    static func answer(_ reply: OneShot<JoinOutcome>) async throws(CoordinatorError) {
        guard let outcome = await reply.wait() else { throw .cancelled() }
        if let error = outcome.error { throw error }
    }

    private func command(_ session: SessionID, _ command: SessionCommand) async throws(CoordinatorError) {
        try requireRunning()
        guard machine.sessions.knows(session) else { throw .unknown(session) }
        await process(.command(session, command))
    }

    func requireRunning() throws(CoordinatorError) {
        guard lifecycle == .running else {
            throw CoordinatorError(.notRunning, "the coordinator is not running: call start() or run() first")
        }
    }
}

/// What became of the wish to join.
struct JoinOutcome: Sendable {
    var error: CoordinatorError?
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
