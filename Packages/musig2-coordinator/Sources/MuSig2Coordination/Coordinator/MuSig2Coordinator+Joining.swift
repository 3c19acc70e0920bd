public import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import WireCodec

/// Finding sessions, and joining them.
///
/// By whichever method a session is found, what is believed is its announcement alone: it must hash to the session id, be signed by its creator,
/// and list this node's keys.
extension MuSig2Coordinator {
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

    /// Looks at a session whose announcement came by a method of the application's own.
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

    /// The signed announcement of a session that this node is in: for signers who are reached by a method of the application's own, without
    /// any discovery. It tells all of the session to whoever has it.
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

    /// Joins a session whose announcement came by a method of the application's own.
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
        let reply = OneShot<JoinOutcome>()
        waiters.addJoin(preview.session, reply)
        await process(.join(preview.session))
        try await Self.answer(reply)
        return preview.session
    }

    // MARK: The inbox

    /// Looks what waits for this node's message key: sessions whose creators chose ``DiscoveryMethod/inbox``, that list this key, and that
    /// this node is not in.
    ///
    /// Whoever knows this node's message key can make a session with it, and can learn from which address its inbox is looked at.
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
}
