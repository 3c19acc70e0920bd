import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

extension CoordinatorMachine {
    // MARK: The end of a session

    /// A session is over: it stops counting, and goes once nobody needs its state any more.
    mutating func over(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else { return }
        if entry.overAt == nil {
            sessions[session]?.overAt = now.monotonic
            openSessions -= 1
            withdraw(session)
            noteLinger(at: now)
            if entry.machine.signatures == nil { dropUnsent(session) }
            account(session)
            endEntering(session)
        }
        if entry.machine.isLeft { return remove(session, at: now) }
        if entry.machine.signatures != nil, entry.machine.allAreFinal { archive(session, at: now) }
    }

    /// Answers whoever still waits to be in a session that is over already, and asks the policy nothing more.
    private mutating func endEntering(_ session: SessionID) {
        guard let entry = sessions[session], entry.machine.signatures == nil else { return }
        sessions[session]?.awaitsConsent = false
        effects.append(.dropConsent(session))
        if !entry.publicity.isAnnounced, let end = end(of: session) { effects.append(.joined(session, end)) }
    }

    /// What has not left when a session ends without signatures never leaves, its ABORT or DECLINE aside.
    private mutating func dropUnsent(_ session: SessionID) {
        outbox.dropSession(session)
        effects.append(.dropUnsent(session))
    }

    /// Counts what a session that is over still takes.
    private mutating func account(_ session: SessionID) {
        guard let entry = sessions[session] else { return }
        let bytes = entry.machine.approximateByteCount
        stateBytes += bytes - entry.stateBytes
        sessions[session]?.stateBytes = bytes
    }

    private mutating func noteLinger(at now: Now) {
        let end = now.monotonic + configuration.timeouts.linger
        nextSweep = min(nextSweep ?? end, end)
    }

    /// Archives a finished session.
    private mutating func archive(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session], let signatures = entry.machine.signatures else { return }
        var status = entry.isClosed ? nil : entry.machine.status
        status?.deadline = nil
        let bound = entry.machine.boundPeers.map { ($0, Set(entry.machine.signers(at: $0))) }
        let finished = FinishedSession(
            Self.stored(entry, signatures),
            status: status,
            bound: Dictionary(uniqueKeysWithValues: bound),
            inboxes: inboxes(of: entry.announced)
        )
        remove(session, at: now)
        archive(finished, at: now)
    }

    mutating func archive(_ session: FinishedSession, at now: Now) {
        for forgotten in finished.insert(session) { discoveryIndex.remove(forgotten) }
        discoveryIndex.add(session.stored.id, inboxes: session.inboxes, today: DiscoveryDay.of(now))
    }

    /// Lets go of a session's state and of its peers.
    mutating func remove(_ session: SessionID, at now: Now) {
        guard let entry = sessions.removeValue(forKey: session) else { return }
        if entry.overAt == nil { openSessions -= 1 }
        stateBytes -= entry.stateBytes
        withdraw(session)
        discoveryIndex.remove(session)
        for peer in entry.peers { peers.release(peer, from: session, at: now.monotonic) }
        peers.forget(session)
        effects.append(.dropConsent(session))
    }

    /// Answers a signer that was away with the signatures of a finished session.
    mutating func answerFromFinished(_ session: SessionID, _ peer: PeerID, at now: Now) {
        guard let finishedSession = finished[session] else {
            hangUp(on: peer)
            return
        }
        guard finishedSession.stored.expiresAt > now.wallMilliseconds,
            finished[session]?.answers(peer, at: now.monotonic) == true
        else { return }
        outbox.append(finishedSession.item, to: peer)
    }

    /// Leaves a session: durably, and without a word.
    mutating func leave(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else { return }
        if entry.awaitsConsent { effects.append(.joined(session, .left(session))) }
        drive(session, .leave, at: now)
    }

    mutating func close(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else {
            if finished[session]?.status != nil {
                finished[session]?.status = nil
                tell(.closed(session))
            }
            return
        }
        if entry.awaitsConsent {
            effects.append(
                .joined(
                    session, CoordinatorError(.closed, "the session was closed before it was joined", session: session))
            )
        }
        sessions[session]?.isClosed = true
        drive(session, .close, at: now)
    }

    /// Looks why a session cannot be dropped.
    ///
    /// - Parameters:
    ///   - session: Which session.
    ///   - stored: What the store has of it, where it is not in memory. Nobody can go on with what cannot be read.
    ///   - now: The time.
    /// - Returns: The reason; nil: it can be dropped.
    func obstacle(toDropping session: SessionID, stored: StoredSession?, at now: Now) -> CoordinatorError? {
        if finished[session] != nil || sessions[session]?.machine.signatures != nil {
            return CoordinatorError(
                .wrongPhase, "the session is complete: its signatures answer signers that come back", session: session)
        }
        if awaitsRun(session) || sessions[session].map({ $0.overAt == nil }) ?? false {
            return CoordinatorError(
                .wrongPhase, "the session is not over: leave it, or abort it", session: session)
        }
        guard let expiry = sessions[session]?.announced.descriptor.expiryMilliseconds ?? stored.flatMap(expiry),
            expiry > now.wallMilliseconds
        else { return nil }
        return CoordinatorError(
            .wrongPhase, "the session has not expired: until then this node has to know how it ended", session: session)
    }

    private func expiry(of stored: StoredSession) -> UInt64? {
        guard let signed = try? SignedAnnouncement(decoding: stored.announcement, limits: wireLimits),
            let announced = try? VerifiedAnnouncement(verifying: signed, expecting: stored.id, limits: sessionLimits)
        else { return nil }
        return announced.descriptor.expiryMilliseconds
    }

    mutating func drop(_ session: SessionID, at now: Now) {
        if let entry = sessions[session] {
            if !entry.isClosed { tell(.closed(session)) }
            remove(session, at: now)
        }
        effects.append(.write(.forget(session)))
    }

    // MARK: Sweeping

    mutating func sweepIfDue(at now: Now) {
        guard let due = nextSweep, due <= now.monotonic else { return }
        nextSweep = nil
        let linger = configuration.timeouts.linger
        for (session, entry) in sessions {
            guard let overAt = entry.overAt else {
                tellIfStuck(session, entry, at: now)
                continue
            }
            guard now.monotonic >= overAt + linger else {
                nextSweep = min(nextSweep ?? overAt + linger, overAt + linger)
                continue
            }
            sweep(session, entry, at: now)
        }
        for session in finished.removeExpired(at: now.wallMilliseconds) { discoveryIndex.remove(session) }
        previews.removeExpired(at: now.wallMilliseconds)
        peers.sweep(at: now.monotonic)
        if let due = nextStoreSweep, due <= now.monotonic { sweepStore(at: now) }
        keyBuckets = keyBuckets.filter { pair in
            var buckets = pair.value
            return !buckets.isFull(limits: configuration.abuse, at: now.monotonic)
        }
        if !sessions.isEmpty || finished.count > 0 || peers.count > 0 { scheduleSweep(at: now) }
    }

    /// Has the store drop what is of sessions that expired: at the start, and every hour.
    mutating func sweepStore(at now: Now) {
        nextStoreSweep = now.monotonic + .seconds(3_600)
        effects.append(.write(.sweep(before: now.wallMilliseconds)))
    }

    /// Plans the next sweep, unless one is planned that comes earlier.
    mutating func scheduleSweep(at now: Now) {
        guard let interval = configuration.timeouts.sweep else { return }
        let next = now.monotonic + interval
        nextSweep = min(nextSweep ?? next, next)
    }

    private mutating func tellIfStuck(_ session: SessionID, _ entry: Entry, at now: Now) {
        let health = SessionHealth(entry.machine.status, at: now, stuckAfter: configuration.timeouts.stuck)
        guard health.isStuck != entry.isToldStuck else { return }
        sessions[session]?.isToldStuck = health.isStuck
        guard health.isStuck else { return }
        tell(
            .error(
                CoordinatorError(
                    .stuck,
                    "nothing valid came for \(health.quietFor); waiting for signers \(health.waitingFor): see that they run, or "
                        + "abort the session",
                    session: session)))
    }

    /// A session that was over long enough.
    private mutating func sweep(_ session: SessionID, _ entry: Entry, at now: Now) {
        if entry.machine.signatures != nil {
            // The end of the process has a limit of its own.
            if !isShuttingDown || entry.machine.undelivered.isEmpty { archive(session, at: now) }
            return
        }
        guard configuration.timeouts.sweep != nil || entry.isClosed else { return }
        let isExpired = entry.announced.descriptor.expiryMilliseconds <= now.wallMilliseconds
        // An aborted one still answers with its ABORT, one that was declined with its DECLINE, and signatures may turn up: it stays until it expires, or until there are
        // too many of them.
        guard isExpired || entry.isClosed || sessions.count > configuration.limits.sessions else {
            // A DECLINE that nobody has heard is worth further dials, for a time.
            let telling = (entry.overAt ?? .zero) + configuration.timeouts.telling
            guard !entry.machine.isDeclineUntold || telling <= now.monotonic else { return }
            // Whoever comes is answered; nobody is dialled for it any more.
            for peer in entry.peers { peers.release(peer, from: session, at: now.monotonic) }
            sessions[session]?.peers = []
            return
        }
        letGo(session, at: now)
    }

    /// Lets go of a session that is over.
    mutating func letGo(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else { return }
        if entry.machine.signatures != nil {
            archive(session, at: now)
            return
        }
        // The store has how it ended. From its expiry on it answers nobody, so that no process needs it at its start; what left with a partial
        // signature may come back as a signature, for ever.
        if entry.announced.descriptor.expiryMilliseconds <= now.wallMilliseconds {
            let end = StoredEnd(.expired, isAfterPartial: !entry.machine.isBeforePartial)
            effects.append(.write(.ended(session, end)))
        }
        if !entry.isClosed { tell(.closed(session)) }
        remove(session, at: now)
    }

    /// Makes all that waits lazily leave, since the process ends.
    mutating func prepareShutdown() {
        isShuttingDown = true
        for key in publications.removeAll() { effects.append(.withdraw(key)) }
        inboxWatch = nil
        nextReunion = nil
        outbox.hurryAll()
    }

    /// The sessions of which something is still to be told: the signatures to signers that are not known to have them, or that this process
    /// declined. For what an earlier process declined no later one waits at its end.
    var lingering: Int {
        sessions.values.count { entry in
            let isUntold = entry.machine.isDeclineUntold && !entry.publicity.isRestored
            return !entry.isClosed && (!entry.machine.undelivered.isEmpty || isUntold)
        }
    }

    /// The process slept: what it had to tell has all its time again.
    mutating func lingerAgain(at now: Now) {
        for (session, entry) in sessions where entry.overAt != nil && !entry.machine.undelivered.isEmpty {
            sessions[session]?.overAt = now.monotonic
        }
    }

    // MARK: After a restart

    /// Goes on with a session that the store has, or only answers, if it has ended.
    mutating func restore(_ stored: StoredSession, run: UInt64, at now: Now) {
        guard !knows(stored.id) else { return }
        do {
            let signed = try SignedAnnouncement(decoding: stored.announcement, limits: wireLimits)
            let announced = try verify(signed, as: stored.id, at: now)
            let index = try announced.descriptor.position(of: signerKey, messageKey: messageKey)
            let crypto = try BIP327(announced.descriptor)
            let ledger = try SessionLedger(stored, limits: wireLimits)
            insert(
                announced, crypto: crypto, index: index, run: run, ledger: ledger, createdHere: stored.createdHere,
                at: now)
        } catch let error as CoordinatorError where error.code == .expired {
            let isAfterPartial = stored.end?.isAfterPartial ?? !stored.partials.isEmpty
            effects.append(.write(.ended(stored.id, StoredEnd(.expired, isAfterPartial: isAfterPartial))))
            if stored.end == nil { tell(.expired(stored.id)) }
            return
        } catch {
            tell(.error(.unreadable(stored.id, "\(error)")))
            return
        }
        guard stored.end == nil else {
            sessions[stored.id]?.publicity.isRestored = true
            // The creator's peer is the one to hear of a DECLINE.
            introduceAnnouncer(of: stored.id, isAnnouncer: stored.end?.kind == .declined, at: now)
            return over(stored.id, at: now)
        }
        sessions[stored.id]?.publicity.isRestored = true
        tell(.restored(stored.id))
        resume(stored, at: now)
    }

    /// Takes in a session that ended long ago, since signatures of it turned up: it signs nothing, and may be complete.
    mutating func recall(_ stored: StoredSession, run: UInt64, at now: Now) {
        guard !knows(stored.id) else { return }
        do {
            let signed = try SignedAnnouncement(decoding: stored.announcement, limits: wireLimits)
            let announced = try VerifiedAnnouncement(verifying: signed, expecting: stored.id, limits: sessionLimits)
            let index = try announced.descriptor.position(of: signerKey, messageKey: messageKey)
            let crypto = try BIP327(announced.descriptor)
            var ledger = SessionLedger()
            ledger.end = SessionEnd(.expired, isAfterPartial: stored.end?.isAfterPartial ?? true)
            insert(
                announced, crypto: crypto, index: index, run: run, ledger: ledger, createdHere: stored.createdHere,
                at: now)
            over(stored.id, at: now)
        } catch {
            tell(.error(.unreadable(stored.id, "\(error)")))
        }
    }

    private mutating func resume(_ stored: StoredSession, at now: Now) {
        introduceAnnouncer(of: stored.id, at: now)
        switch stored.isApproved {
        case true?: drive(stored.id, .approved, at: now)
        case false?:
            drive(stored.id, .approved, at: now)
            drive(stored.id, .approvalWithdrawn, at: now)
        case nil: askToJoin(stored.id)
        }
    }

    private mutating func introduceAnnouncer(of session: SessionID, isAnnouncer: Bool = false, at now: Now) {
        guard let announced = sessions[session]?.announced, announced.peer != localPeer else { return }
        drive(
            session, .introduced(announced.peer, addresses: announced.addresses, isAnnouncer: isAnnouncer), at: now)
    }

    // MARK: What the application asks

    func knows(_ session: SessionID) -> Bool {
        sessions[session] != nil || finished[session] != nil
    }

    func signatures(of session: SessionID) -> [SchnorrSignature]? {
        sessions[session]?.machine.signatures ?? finished[session]?.stored.signatures
    }

    func status(of session: SessionID) -> SessionStatus? {
        guard let entry = sessions[session] else { return finished[session]?.status }
        return entry.isClosed ? nil : entry.machine.status
    }

    func health(of session: SessionID, at now: Now) -> SessionHealth? {
        status(of: session).map { SessionHealth($0, at: now, stuckAfter: configuration.timeouts.stuck) }
    }

    var activeSessions: [SessionID] {
        sessions.filter { $0.value.overAt == nil && !$0.value.awaitsConsent }.map(\.key)
    }

    /// How a session ended that is over without signatures.
    func end(of session: SessionID) -> CoordinatorError? {
        guard let entry = sessions[session] else { return nil }
        if entry.machine.isLeft { return .left(session) }
        switch entry.machine.status.phase {
        case .aborted(let report): return .aborted(session, report)
        case .declined:
            return CoordinatorError(.notApproved, "this node declined the session", session: session)
        case .expired: return CoordinatorError(.expired, "the session expired before it was complete", session: session)
        case .superseded:
            return CoordinatorError(
                .superseded, "another process took the session over with this node's key", session: session)
        case .closed:
            return CoordinatorError(.closed, "the session was closed before it was complete", session: session)
        case .awaitingApproval, .gathering, .completed: return nil
        }
    }
}

extension CoordinatorError {
    static func unreadable(_ session: SessionID, _ reason: String) -> CoordinatorError {
        CoordinatorError(
            .storeUnreadable, "a session in the store cannot be read and is left alone", session: session,
            underlying: reason)
    }

    static func left(_ session: SessionID) -> CoordinatorError {
        CoordinatorError(.left, "this node left the session: join it again to go on", session: session)
    }

    /// What joining a session that ended for good is answered with.
    static func ended(_ session: SessionID, _ report: AbortReport) -> CoordinatorError {
        let who = report.by.map { "signer \($0)" } ?? "this node"
        return .ended(session, "it was aborted by \(who) (\(report.reason))", by: report.by)
    }

    static func ended(_ session: SessionID, _ end: StoredEnd) -> CoordinatorError {
        switch end.kind {
        case .aborted:
            let who = end.by.map { "signer \($0)" } ?? "this node"
            return .ended(
                session, "it was aborted by \(who) (\(AbortReason(rawValue: end.reason)))", by: end.by)
        case .expired: return .ended(session, "its time is over", by: nil)
        case .declined: return .declined(session)
        case .left: return .left(session)
        }
    }

    /// What joining a session is answered with that this node declined.
    static func declined(_ session: SessionID) -> CoordinatorError {
        .ended(session, "this node declined it", by: nil)
    }

    private static func ended(_ session: SessionID, _ reason: String, by signer: Int?) -> CoordinatorError {
        CoordinatorError(
            .ended, "the session has ended for this node, for good: \(reason)", session: session, signer: signer)
    }

    static func aborted(_ session: SessionID, _ report: AbortReport) -> CoordinatorError {
        let who = report.by.map { "signer \($0)" } ?? "this node"
        let text = report.text.isEmpty ? "" : ": \(report.text)"
        let after =
            report.isAfterPartial
            ? "; a partial signature of this node had left, so a signature may exist: offer it if you find it" : ""
        return CoordinatorError(
            .aborted, "the session was aborted by \(who) (\(report.reason))\(text)\(after)", session: session,
            signer: report.by)
    }
}
