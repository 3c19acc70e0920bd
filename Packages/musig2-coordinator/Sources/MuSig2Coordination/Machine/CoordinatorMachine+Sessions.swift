import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// Sessions: what the application wants of them, what their machines ask for, and how they end.
extension CoordinatorMachine {
    // MARK: What the application asks for

    mutating func create(_ announced: VerifiedAnnouncement, at now: Now) {
        let session = announced.descriptor.id
        if let error = presence(of: session) {
            output.append(.joined(session, error))
            return
        }
        request(.enter(announced, providers: [], createdHere: true, stored: nil), at: now)
    }

    /// Joins a session that was looked at, once the store has said what it has of it.
    mutating func join(_ session: SessionID, at now: Now) {
        if let error = presence(of: session) {
            return refuse(session, error)
        }
        guard discovery.previews[session] != nil else {
            return refuse(session, .unknown(session))
        }
        output.append(.load(session))
    }

    /// Declines a session that was looked at, or about which the policy is asked: the store says first whether this node may.
    mutating func decline(_ session: SessionID, _ reason: String, at now: Now) {
        if sessions[session]?.awaitsConsent == true {
            return decided(session, .join, 0, .decline(reason: reason), at: now)
        }
        runs.decline(session, reason: reason)
        // What waits for its run is declined once it has one.
        if !runs.awaits(session) { join(session, at: now) }
    }

    mutating func loaded(_ session: SessionID, _ result: Result<StoredSession?, CoordinatorError>, at now: Now) {
        if let error = presence(of: session) {
            return refuse(session, error)
        }
        let stored: StoredSession?
        switch result {
        case .success(let found): stored = found
        case .failure(let error):
            return refuse(session, error)
        }
        if let end = stored?.end, end.kind != .left {
            return refuse(session, .ended(session, end))
        }
        guard let seen = discovery.previews.take(session) else {
            return refuse(session, .unknown(session))
        }
        // The creator is where everybody comes by, also when another peer showed the session; what else a provider knows may be lost with it.
        let others = [seen.announced.peer].filter { !seen.providers.contains($0) && $0 != localPeer }
        let providers = (seen.providers + others).map { provider in
            Provider(
                peer: provider, addresses: addresses(of: provider, in: seen),
                isAnnouncer: provider == seen.announced.peer && seen.isShownByAnnouncer)
        }
        request(
            .enter(
                seen.announced, providers: providers, createdHere: stored?.createdHere ?? false, stored: stored),
            at: now)
    }

    /// Makes the machine of a session that is created or joined, and asks whether to join it.
    mutating func enter(
        _ announced: VerifiedAnnouncement, _ providers: [Provider], createdHere: Bool, stored: StoredSession?,
        run: UInt64, at now: Now
    ) {
        let session = announced.descriptor.id
        let refusal =
            presence(of: session) ?? admit(announced, createdHere: createdHere, stored: stored, run: run, at: now)
        if let refusal {
            refuse(session, refusal)
            return
        }
        if createdHere, stored == nil, let key = sessions[session]?.crypto.finalKey {
            tell(.created(session, finalKey: key))
        }
        for provider in providers {
            drive(
                session,
                .introduced(
                    provider.peer, addresses: provider.addresses.map(\.bytes), isAnnouncer: provider.isAnnouncer),
                at: now)
        }
        guard let reason = runs.takeReason(for: session) else { return askToJoin(session) }
        sessions[session]?.askForConsent()
        decided(session, .join, 0, .decline(reason: reason), at: now)
    }

    /// A session is neither joined nor declined.
    mutating func refuse(_ session: SessionID, _ error: CoordinatorError) {
        output.append(.joined(session, error))
        // Another wish may be under way, which is declined.
        guard !runs.awaitsEntry(session), runs.takeReason(for: session) != nil else { return }
        output.append(.declined(session, error))
    }

    /// Why a session cannot be joined that this node knows: it is in it or about to be, or it has ended. Nil: it does not know it.
    func presence(of session: SessionID) -> CoordinatorError? {
        if let entry = sessions[session] {
            if case .aborted(let report) = entry.machine.status.phase { return .ended(session, report) }
            if entry.machine.isDeclined { return .declined(session) }
            if let end = entry.end, end.code != .closed { return end }
        } else if sessions.finished[session] == nil, !runs.awaits(session) {
            return nil
        }
        return CoordinatorError(.alreadyJoined, "this node is in the session already", session: session)
    }

    private func addresses(of provider: PeerID, in seen: PreviewCache.Entry) -> [Multiaddr] {
        if provider == seen.announced.peer {
            // An address that this node cannot read is one it cannot dial: the others count.
            return seen.announced.addresses.compactMap { bytes in try? Multiaddr(bytes: bytes) }
        }
        return peers[provider]?.addresses ?? []
    }

    mutating func askToJoin(_ session: SessionID) {
        sessions[session]?.askForConsent()
        ask(about: session, .join, attempt: 0)
    }

    /// Asks the consent policy. What is asked about is the same each time: the descriptor that the id stands for, and its final key.
    private mutating func ask(about session: SessionID, _ stage: ConsentRequest.Stage, attempt: UInt32) {
        guard let entry = sessions[session] else { return }
        let request = ConsentRequest(
            session: session,
            descriptor: entry.announced.descriptor,
            finalKey: entry.crypto.finalKey,
            createdHere: entry.createdHere,
            stage: stage
        )
        output.append(.askConsent(request, attempt: attempt))
    }

    mutating func decided(
        _ session: SessionID,
        _ stage: ConsentRequest.Stage,
        _ attempt: UInt32,
        _ decision: ConsentDecision,
        at now: Now
    ) {
        guard let entry = sessions[session] else { return }
        switch (stage, decision) {
        case (.join, .approve):
            guard entry.awaitsConsent else { return }
            sessions[session]?.endConsent()
            if entry.record.isLeftInStore {
                sessions[session]?.record.isLeftInStore = false
                output.append(.write(.resumed(session)))
            }
            drive(session, .approved, at: now)
        case (.join, .refuse(let reason)):
            guard entry.awaitsConsent else { return }
            output.append(
                .joined(
                    session,
                    CoordinatorError(.notApproved, "the consent policy refused: \(reason)", session: session)))
            drive(session, .refused, at: now)
            // One that was left stays left.
            if !entry.record.isLeftInStore { output.append(.write(.forget(session))) }
            remove(session, at: now)
        case (.join, .decline(let reason)):
            guard entry.awaitsConsent else { return }
            guard !entry.machine.hasJoinedBefore else {
                output.append(
                    .declined(
                        session,
                        CoordinatorError(
                            .wrongPhase, "this node joined the session before: join it again and abort it",
                            session: session)))
                return decided(session, .join, attempt, .refuse(reason: Self.joinedBefore(reason)), at: now)
            }
            output.append(
                .joined(
                    session,
                    CoordinatorError(.notApproved, "the consent policy declined: \(reason)", session: session)))
            drive(session, .declined(reason: reason), at: now)
        case (.sign, .approve):
            drive(session, .signingConfirmed(attempt: attempt), at: now)
        case (.sign, .refuse(let reason)), (.sign, .decline(let reason)):
            tell(
                .error(
                    CoordinatorError(
                        .approvalWithdrawn, "the consent policy refused to sign: \(reason)", session: session)))
            drive(session, .approvalWithdrawn, at: now)
        }
    }

    private static func joinedBefore(_ reason: String) -> String {
        "\(reason.isEmpty ? "" : "\(reason); ")the others are not told, since this node joined the session before and left it"
    }

    mutating func carry(_ command: SessionCommand, for session: SessionID, at now: Now) {
        switch command {
        case .start(let round): drive(session, .start(round), at: now)
        case .offer(let signatures): drive(session, .offered(signatures), at: now)
        case .withdrawApproval:
            output.append(.dropConsent(session))
            drive(session, .approvalWithdrawn, at: now)
        case .abort(let reason): drive(session, .abort(text: reason), at: now)
        case .restart: drive(session, .restart, at: now)
        case .leave: leave(session, at: now)
        case .close: close(session, at: now)
        }
    }

    // MARK: Admission

    /// Makes the entry of a session, unless a limit or the descriptor forbids it.
    private mutating func admit(
        _ announced: VerifiedAnnouncement, createdHere: Bool, stored: StoredSession?, run: UInt64, at now: Now
    ) -> CoordinatorError? {
        let id = announced.descriptor.id
        let descriptor = announced.descriptor
        let index: Int
        do throws(DescriptorError) {
            index = try descriptor.position(of: signerKey, messageKey: messageKey)
        } catch {
            return CoordinatorError(
                .notASigner, "this node cannot sign in the session with its key \(signerKey)", session: id,
                underlying: "\(error)")
        }
        makeRoom(for: announced.descriptor, at: now)
        // A session that is only declined takes no place of others for long, and a no is always possible.
        if !runs.isDeclining(id), let error = sessions.limitReached(by: announced, createdHere: createdHere) {
            return error
        }
        let crypto: BIP327
        do {
            crypto = try BIP327(descriptor)
        } catch {
            return CoordinatorError(
                .invalidRequest, "the keys and tweaks of the session have no aggregate key", session: id,
                underlying: "\(error)")
        }
        var ledger = SessionLedger()
        do throws(WireError) {
            if let stored { ledger = try SessionLedger(stored, limits: wireLimits) }
        } catch {
            return .unreadable(id, "\(error)")
        }
        ledger.end = nil
        insert(
            announced, crypto: crypto, index: index, run: run, ledger: ledger, createdHere: createdHere, at: now)
        sessions[id]?.record.isLeftInStore = stored?.end != nil
        write(announced, createdHere: createdHere)
        return nil
    }

    /// Has a session's announcement written.
    mutating func write(_ announced: VerifiedAnnouncement, createdHere: Bool) {
        output.append(
            .write(
                .session(
                    announced.descriptor.id, announcement: announced.signed.encoded(), createdHere: createdHere,
                    expiresAt: announced.descriptor.expiryMilliseconds)))
    }

    /// Lets the oldest sessions go that are over, where the memory of sessions would not do otherwise.
    private mutating func makeRoom(for descriptor: SessionDescriptor, at now: Now) {
        guard !sessions.hasRoom(for: descriptor) else { return }
        for session in sessions.overOldestFirst where !sessions.hasRoom(for: descriptor) { letGo(session, at: now) }
    }

    private mutating func insert(
        _ announced: VerifiedAnnouncement, crypto: BIP327, index: Int, run: UInt64, ledger: SessionLedger,
        createdHere: Bool, isRestored: Bool = false, at now: Now
    ) {
        let machine = SessionMachine(
            descriptor: announced.descriptor,
            crypto: crypto,
            index: index,
            run: run,
            local: LocalPeer(peer: localPeer, addresses: wireLimits.told(local.addresses).map(\.bytes)),
            configuration: sessionConfiguration,
            ledger: ledger,
            at: now
        )
        sessions.insert(
            SessionEntry(
                machine: machine, announced: announced, crypto: crypto, createdHere: createdHere,
                isRestored: isRestored))
        discovery.index.add(
            announced.descriptor.id, inboxes: discovery.publisher.inboxes(of: announced), today: DiscoveryDay.of(now))
        scheduleSweep(at: now)
    }

    private var sessionConfiguration: SessionConfiguration {
        var configuration = SessionConfiguration()
        configuration.startsRoundsAutomatically = self.configuration.startsRoundsAutomatically
        configuration.verifiesEveryPartial = self.configuration.verifiesEveryPartial
        configuration.attemptsWithoutProgress = self.configuration.limits.attemptsWithoutProgress
        configuration.storeRetry = self.configuration.timeouts.storeRetry
        return configuration
    }

    // MARK: The session's machine

    /// Gives an input to a session's machine, and carries on what it asks for.
    mutating func drive(_ session: SessionID, _ input: SessionInput, at now: Now) {
        guard let asked = sessions[session]?.machine.handle(input, at: now) else { return }
        for effect in asked { take(effect, of: session, at: now) }
        if sessions.stepped(session) { over(session, at: now) }
    }

    private mutating func take(_ effect: SessionMachine<BIP327>.Effect, of session: SessionID, at now: Now) {
        switch effect {
        case .issue(let message, let record): output.append(.issue(session, message, record))
        case .raiseRun(let above):
            // What was asked for the nonces of the run that is given up is asked again.
            output.append(.dropConsent(session))
            request(.raise(session, above: above), at: now)
        case .generateNonces(let handle): output.append(.generateNonces(handle))
        case .signPartials(let handle, let context): output.append(.signPartials(handle, context))
        case .wipe(let handle): output.append(.wipe(handle))
        case .confirmSigning(let attempt): ask(about: session, .sign, attempt: attempt)
        case .send(let items, let peer):
            for item in items { send(item, of: session, to: peer, at: now) }
        case .connect(let peer, let request): connect(peer, request, for: session, at: now)
        case .watch(let peer):
            peers.watch(peer, for: session, at: now.monotonic)
            hear(of: peer, in: session)
        case .release(let peer):
            sessions[session]?.peers.heard.remove(peer)
            peers.release(peer, from: session, at: now.monotonic)
        case .persist(let record):
            guard let entry = sessions[session] else { return }
            output.append(.write(StoreWrite(record, of: session, entry, at: now)))
        case .event(let event): told(event, in: session, at: now)
        case .penalize(let peer, let offense): penalize(peer, offense, session: session, at: now)
        }
    }

    private mutating func send(_ item: SessionItem, of session: SessionID, to peer: PeerID, at now: Now) {
        switch item {
        case .signed(let message): outbox.append(.signedMessage(message), to: peer)
        case .finalized(let signatures):
            let finalized = SignatureFinalized(
                sessionID: session.bytes,
                signatures: signatures.map(\.rawRepresentation)
            )
            outbox.append(.signatureFinalized(finalized), to: peer)
        case .sync(let sync) where sync.isFinal && sync.wanted.isEmpty && !local.isShuttingDown:
            outbox.appendLazily(.sync(sync), to: peer, at: now.monotonic)
        case .sync(let sync): outbox.append(.sync(sync), to: peer)
        }
    }

    private mutating func connect(_ peer: PeerID, _ request: DialRequest, for session: SessionID, at now: Now) {
        guard peer != localPeer else { return }
        // An address that this node cannot read is one it cannot dial: the others count.
        let addresses = request.addresses.compactMap { bytes in try? Multiaddr(bytes: bytes) }
        let wish = PeerWish(addresses: addresses, isBound: request.isBound)
        peers.want(peer, for: session, wish, isNews: request.isNews, at: now.monotonic)
        hear(of: peer, in: session)
    }

    private mutating func hear(of peer: PeerID, in session: SessionID) {
        sessions[session]?.peers.heard.insert(peer)
        if peers.isConnected(peer) { output.append(.connected(peer), for: session) }
    }

    /// Tells what a session's machine tells, and does what follows from it.
    private mutating func told(_ event: SessionEvent, in session: SessionID, at now: Now) {
        guard let entry = sessions[session] else { return }
        tell(CoordinatorEvent(event, of: session, entry))
        switch event {
        case .joined:
            output.append(.joined(session, nil))
            sessions[session]?.record.isJoined = true
            announce(session, at: now)
            watchPresence(in: session, at: now)
        case .participantJoined: watchPresence(in: session, at: now)
        case .declined(let index, _):
            if index == entry.machine.index { output.append(.declined(session, nil)) }
        default: break
        }
    }

    // MARK: The end of a session

    /// A session is over: it stops counting, and goes once nobody needs its state any more.
    mutating func over(_ session: SessionID, at now: Now) {
        if sessions.end(session, at: now.monotonic) {
            withdraw(session)
            local.sweeps.plan(at: now.monotonic + configuration.timeouts.linger)
            if sessions[session]?.machine.signatures == nil { dropUnsent(session) }
            sessions.account(session)
            endEntering(session)
        }
        guard let entry = sessions[session] else { return }
        if entry.machine.isLeft { return remove(session, at: now) }
        if entry.machine.signatures != nil, entry.machine.allAreFinal { archive(session, at: now) }
    }

    /// Answers the application where it still waits to be in a session that is over already, and asks the policy nothing more.
    private mutating func endEntering(_ session: SessionID) {
        guard let entry = sessions[session], entry.machine.signatures == nil else { return }
        sessions[session]?.endConsent()
        output.append(.dropConsent(session))
        if !entry.record.isJoined, let end = entry.end { output.append(.joined(session, end)) }
    }

    /// What has not left when a session ends without signatures never leaves, its ABORT or DECLINE aside.
    private mutating func dropUnsent(_ session: SessionID) {
        outbox.dropSession(session)
        output.append(.dropUnsent(session))
    }

    /// Archives a finished session.
    private mutating func archive(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session], let signatures = entry.machine.signatures else { return }
        var status = entry.isClosed ? nil : entry.machine.status
        status?.deadline = nil
        let bound = entry.machine.boundPeers.map { ($0, Set(entry.machine.signers(at: $0))) }
        let finished = FinishedSession(
            StoredCompletion(entry, signatures),
            status: status,
            bound: Dictionary(uniqueKeysWithValues: bound),
            inboxes: discovery.publisher.inboxes(of: entry.announced)
        )
        remove(session, at: now)
        archive(finished, at: now)
    }

    mutating func archive(_ session: FinishedSession, at now: Now) {
        for forgotten in sessions.finished.insert(session) { discovery.index.remove(forgotten) }
        discovery.index.add(session.stored.id, inboxes: session.inboxes, today: DiscoveryDay.of(now))
    }

    /// Lets go of a session's state and of its peers.
    mutating func remove(_ session: SessionID, at now: Now) {
        guard let entry = sessions.remove(session) else { return }
        withdraw(session)
        discovery.forget(session)
        local.absences.forget(session)
        for peer in entry.peers.heard { peers.release(peer, from: session, at: now.monotonic) }
        peers.forget(session)
        output.append(.dropConsent(session))
    }

    /// Leaves a session: durably, and without a word.
    mutating func leave(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else { return }
        if entry.awaitsConsent { output.append(.joined(session, .left(session))) }
        drive(session, .leave, at: now)
    }

    mutating func close(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else {
            if sessions.finished[session]?.status != nil {
                sessions.finished[session]?.status = nil
                tell(.closed(session))
            }
            return
        }
        if entry.awaitsConsent {
            output.append(
                .joined(
                    session, CoordinatorError(.closed, "the session was closed before it was joined", session: session))
            )
        }
        sessions[session]?.close()
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
        if sessions.finished[session] != nil || sessions[session]?.machine.signatures != nil {
            return CoordinatorError(
                .wrongPhase, "the session is complete: its signatures answer signers that come back", session: session)
        }
        if runs.awaits(session) || sessions[session].map({ !$0.isOver }) ?? false {
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
        output.append(.write(.forget(session)))
    }

    // MARK: Absent signers

    /// Looks after a while whether the signers are there that the session waits for, unless that is planned.
    mutating func watchPresence(in session: SessionID, at now: Now) {
        guard let entry = sessions[session], !entry.isOver, entry.record.isJoined else { return }
        local.absences.watch(session, at: now.monotonic)
    }

    /// Tells of the signers that are not there, and plans to tell of them again.
    mutating func tellAbsences(at now: Now) {
        for check in local.absences.takeDue(at: now.monotonic) {
            guard let entry = sessions[check.session], !entry.isOver else { continue }
            let absent = entry.machine.absent
            guard !absent.isEmpty else { continue }
            let health = SessionHealth(entry.machine.status, at: now, stuckAfter: configuration.timeouts.stuck)
            tell(.absent(check.session, signers: absent, waitingFor: health.waitingFor))
            local.absences.watchAgain(check, at: now.monotonic)
        }
    }

    // MARK: Sweeping

    /// Sweeps finished, expired and stuck sessions, and what else is of no use any more.
    mutating func sweep(at now: Now) {
        let linger = configuration.timeouts.linger
        for (session, entry) in sessions.all {
            guard let overAt = entry.overAt else {
                tellIfStuck(session, entry, at: now)
                continue
            }
            guard now.monotonic >= overAt + linger else {
                local.sweeps.plan(at: overAt + linger)
                continue
            }
            sweep(session, entry, at: now)
        }
        for session in sessions.finished.removeExpired(at: now.wallMilliseconds) { discovery.index.remove(session) }
        discovery.previews.removeExpired(at: now.wallMilliseconds)
        peers.sweep(at: now.monotonic)
        if local.sweeps.isStoreDue(at: now.monotonic) { sweepStore(at: now) }
        if !sessions.isEmpty || sessions.finished.count > 0 || peers.count > 0 { scheduleSweep(at: now) }
    }

    /// Has the store drop what is of sessions that expired: at the start, and every hour.
    mutating func sweepStore(at now: Now) {
        local.sweeps.storeSwept(at: now.monotonic)
        output.append(.write(.sweep(before: now.wallMilliseconds)))
    }

    /// Plans the next sweep, unless one is planned that comes earlier.
    mutating func scheduleSweep(at now: Now) {
        if let interval = configuration.timeouts.sweep { local.sweeps.plan(at: now.monotonic + interval) }
    }

    private mutating func tellIfStuck(_ session: SessionID, _ entry: SessionEntry, at now: Now) {
        let health = SessionHealth(entry.machine.status, at: now, stuckAfter: configuration.timeouts.stuck)
        guard health.isStuck != entry.record.isToldStuck else { return }
        sessions[session]?.record.isToldStuck = health.isStuck
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
    private mutating func sweep(_ session: SessionID, _ entry: SessionEntry, at now: Now) {
        if entry.machine.signatures != nil {
            // The end of the process has a limit of its own.
            if !local.isShuttingDown || entry.machine.undelivered.isEmpty { archive(session, at: now) }
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
            // A peer that comes is answered; none is dialled for it any more.
            for peer in entry.peers.heard { peers.release(peer, from: session, at: now.monotonic) }
            sessions[session]?.peers.heard = []
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
            output.append(.write(.ended(session, end)))
        }
        if !entry.isClosed { tell(.closed(session)) }
        remove(session, at: now)
    }

    /// Makes all that waits lazily leave, since the process ends.
    mutating func prepareShutdown() {
        local.isShuttingDown = true
        for key in discovery.publisher.withdrawAll() { output.append(.withdraw(key)) }
        discovery.stop()
        outbox.hurryAll()
    }

    // MARK: After a restart

    /// Goes on with a session that the store has, or only answers, if it has ended.
    mutating func restore(_ stored: StoredSession, run: UInt64, at now: Now) {
        guard !sessions.knows(stored.id) else { return }
        do {
            let signed = try SignedAnnouncement(decoding: stored.announcement, limits: wireLimits)
            let announced = try verify(signed, as: stored.id, at: now)
            let index = try announced.descriptor.position(of: signerKey, messageKey: messageKey)
            let crypto = try BIP327(announced.descriptor)
            let ledger = try SessionLedger(stored, limits: wireLimits)
            insert(
                announced, crypto: crypto, index: index, run: run, ledger: ledger, createdHere: stored.createdHere,
                isRestored: true, at: now)
        } catch let error as CoordinatorError where error.code == .expired {
            let isAfterPartial = stored.end?.isAfterPartial ?? !stored.partials.isEmpty
            output.append(.write(.ended(stored.id, StoredEnd(.expired, isAfterPartial: isAfterPartial))))
            if stored.end == nil { tell(.expired(stored.id)) }
            return
        } catch {
            tell(.error(.unreadable(stored.id, "\(error)")))
            return
        }
        guard stored.end == nil else {
            // The creator's peer is the one to hear of a DECLINE.
            introduceAnnouncer(of: stored.id, isAnnouncer: stored.end?.kind == .declined, at: now)
            return over(stored.id, at: now)
        }
        tell(.restored(stored.id))
        resume(stored, at: now)
    }

    /// Takes in a session that ended long ago, since signatures of it turned up: it signs nothing, and may be complete.
    mutating func recall(_ stored: StoredSession, run: UInt64, at now: Now) {
        guard !sessions.knows(stored.id) else { return }
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

    /// How well a session goes.
    func health(of session: SessionID, at now: Now) -> SessionHealth? {
        sessions.status(of: session).map { SessionHealth($0, at: now, stuckAfter: configuration.timeouts.stuck) }
    }
}
