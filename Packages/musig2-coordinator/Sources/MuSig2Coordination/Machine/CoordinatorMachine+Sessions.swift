import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

extension CoordinatorMachine {
    // MARK: What the application asks for

    mutating func create(_ announced: VerifiedAnnouncement, at now: Now) {
        let session = announced.descriptor.id
        if let error = presence(of: session) {
            effects.append(.joined(session, error))
            return
        }
        request(.enter(announced, providers: [], createdHere: true, stored: nil), at: now)
    }

    /// Joins a session that was looked at, once the store has said what it has of it.
    mutating func join(_ session: SessionID, at now: Now) {
        if let error = presence(of: session) {
            return refuse(session, error)
        }
        guard previews[session] != nil else {
            return refuse(session, .unknown(session))
        }
        effects.append(.load(session))
    }

    /// Declines a session that was looked at, or about which the policy is asked: the store says first whether this node may.
    mutating func decline(_ session: SessionID, _ reason: String, at now: Now) {
        if sessions[session]?.awaitsConsent == true {
            return decided(session, .join, 0, .decline(reason: reason), at: now)
        }
        declining[session] = reason
        // What waits for its run is declined once it has one.
        if !awaitsRun(session) { join(session, at: now) }
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
        guard let seen = previews.take(session) else {
            return refuse(session, .unknown(session))
        }
        // The creator is where everybody comes by, whoever showed the session; what else a provider knows may be lost with it.
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
        guard let reason = declining.removeValue(forKey: session) else { return askToJoin(session) }
        sessions[session]?.awaitsConsent = true
        decided(session, .join, 0, .decline(reason: reason), at: now)
    }

    /// A session is neither joined nor declined.
    mutating func refuse(_ session: SessionID, _ error: CoordinatorError) {
        effects.append(.joined(session, error))
        // Another wish may be under way, which is declined.
        guard !awaitsRun(session), declining.removeValue(forKey: session) != nil else { return }
        effects.append(.declined(session, error))
    }

    /// Why a session cannot be joined that this node knows: it is in it or about to be, or it has ended. Nil: it does not know it.
    func presence(of session: SessionID) -> CoordinatorError? {
        if let entry = sessions[session] {
            if case .aborted(let report) = entry.machine.status.phase { return .ended(session, report) }
            if entry.machine.isDeclined { return .declined(session) }
            if let end = end(of: session), end.code != .closed { return end }
        } else if finished[session] == nil, !awaitsRun(session) {
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
        sessions[session]?.awaitsConsent = true
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
        effects.append(.askConsent(request, attempt: attempt))
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
            sessions[session]?.awaitsConsent = false
            if entry.publicity.isLeftInStore {
                sessions[session]?.publicity.isLeftInStore = false
                effects.append(.write(.resumed(session)))
            }
            drive(session, .approved, at: now)
        case (.join, .refuse(let reason)):
            guard entry.awaitsConsent else { return }
            effects.append(
                .joined(
                    session,
                    CoordinatorError(.notApproved, "the consent policy refused: \(reason)", session: session)))
            drive(session, .refused, at: now)
            // One that was left stays left.
            if !entry.publicity.isLeftInStore { effects.append(.write(.forget(session))) }
            remove(session, at: now)
        case (.join, .decline(let reason)):
            guard entry.awaitsConsent else { return }
            guard !entry.machine.hasJoinedBefore else {
                effects.append(
                    .declined(
                        session,
                        CoordinatorError(
                            .wrongPhase, "this node joined the session before: join it again and abort it",
                            session: session)))
                return decided(session, .join, attempt, .refuse(reason: Self.joinedBefore(reason)), at: now)
            }
            effects.append(
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
            effects.append(.dropConsent(session))
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
        let creatorKey = descriptor.signerKeys[descriptor.creator]
        makeRoom(for: announced.descriptor, at: now)
        // A session that is only declined takes no place of others for long, and a no is always possible.
        if declining[id] == nil,
            let error = limitError(for: announced, creatorKey: creatorKey, createdHere: createdHere)
        {
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
        sessions[id]?.publicity.isLeftInStore = stored?.end != nil
        write(announced, createdHere: createdHere)
        return nil
    }

    /// Has a session's announcement written.
    mutating func write(_ announced: VerifiedAnnouncement, createdHere: Bool) {
        effects.append(
            .write(
                .session(
                    announced.descriptor.id, announcement: announced.signed.encoded(), createdHere: createdHere,
                    expiresAt: announced.descriptor.expiryMilliseconds)))
    }

    /// Lets the oldest sessions go that are over, where the memory of sessions would not do otherwise.
    private mutating func makeRoom(for descriptor: SessionDescriptor, at now: Now) {
        let limit = configuration.limits.sessionStateBytes
        guard stateBytes + Self.expectedBytes(of: descriptor) > limit else { return }
        let over = sessions.filter { $0.value.overAt != nil }.sorted {
            ($0.value.overAt ?? .zero) < ($1.value.overAt ?? .zero)
        }
        for (session, _) in over where stateBytes + Self.expectedBytes(of: descriptor) > limit {
            letGo(session, at: now)
        }
    }

    private func limitError(
        for announced: VerifiedAnnouncement,
        creatorKey: PublicKey,
        createdHere: Bool
    ) -> CoordinatorError? {
        let limits = configuration.limits
        func reached(_ name: String, _ limit: Int) -> CoordinatorError {
            CoordinatorError(
                .limitReached, "limits.\(name) is reached (\(limit)): wait until a session ends, or close one",
                session: announced.descriptor.id)
        }
        guard openSessions < limits.sessions else { return reached("sessions", limits.sessions) }
        if !createdHere {
            let sameCreator = sessions.values.count { $0.overAt == nil && $0.creatorKey == creatorKey }
            guard sameCreator < limits.sessionsPerCreator else {
                return reached("sessionsPerCreator", limits.sessionsPerCreator)
            }
        }
        guard stateBytes + Self.expectedBytes(of: announced.descriptor) <= limits.sessionStateBytes else {
            return reached("sessionStateBytes", limits.sessionStateBytes)
        }
        return nil
    }

    /// About what a session takes once all contributions are in.
    private static func expectedBytes(of descriptor: SessionDescriptor) -> Int {
        let signers = descriptor.signerKeys.count
        let contributions = signers * descriptor.messages.count
        return 4_096 + 3 * descriptor.bytes.count + 1_000 * signers + 500 * contributions
    }

    mutating func insert(
        _ announced: VerifiedAnnouncement,
        crypto: BIP327,
        index: Int,
        run: UInt64,
        ledger: SessionLedger,
        createdHere: Bool,
        at now: Now
    ) {
        let id = announced.descriptor.id
        let descriptor = announced.descriptor
        let machine = SessionMachine(
            descriptor: descriptor,
            crypto: crypto,
            index: index,
            run: run,
            local: LocalPeer(peer: localPeer, addresses: joinAddresses),
            configuration: sessionConfiguration,
            ledger: ledger,
            at: now
        )
        var entry = Entry(
            machine: machine,
            announced: announced,
            createdHere: createdHere,
            creatorKey: descriptor.signerKeys[descriptor.creator],
            crypto: crypto
        )
        entry.stateBytes = Self.expectedBytes(of: descriptor)
        entry.deadline = entry.machine.nextDeadline
        sessions[id] = entry
        openSessions += 1
        stateBytes += entry.stateBytes
        noteDeadline(entry.deadline)
        discoveryIndex.add(id, inboxes: inboxes(of: announced), today: DiscoveryDay.of(now))
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

    /// This node's addresses as a JOIN may carry them.
    private var joinAddresses: [[UInt8]] {
        wireLimits.told(addresses).map(\.bytes)
    }

    // MARK: The session's machine

    /// Gives an input to a session's machine, and carries on what it asks for.
    mutating func drive(_ session: SessionID, _ input: SessionInput, at now: Now) {
        guard let asked = sessions[session]?.machine.handle(input, at: now) else { return }
        for effect in asked { take(effect, of: session, at: now) }
        guard let entry = sessions[session] else { return }
        let deadline = entry.machine.nextDeadline
        if deadline != entry.deadline {
            sessions[session]?.deadline = deadline
            noteDeadline(deadline)
        }
        if entry.machine.isOver { over(session, at: now) }
    }

    mutating func noteDeadline(_ deadline: Duration?) {
        guard let deadline else { return }
        sessionDeadline = min(sessionDeadline ?? deadline, deadline)
    }

    private mutating func take(_ effect: SessionMachine<BIP327>.Effect, of session: SessionID, at now: Now) {
        switch effect {
        case .issue(let message, let record): effects.append(.issue(session, message, record))
        case .raiseRun(let above):
            // What was asked for the nonces of the run that is given up is asked again.
            effects.append(.dropConsent(session))
            request(.raise(session, above: above), at: now)
        case .generateNonces(let handle): effects.append(.generateNonces(handle))
        case .signPartials(let handle, let context): effects.append(.signPartials(handle, context))
        case .wipe(let handle): effects.append(.wipe(handle))
        case .confirmSigning(let attempt): ask(about: session, .sign, attempt: attempt)
        case .send(let items, let peer):
            for item in items { send(item, of: session, to: peer, at: now) }
        case .connect(let peer, let request): connect(peer, request, for: session, at: now)
        case .watch(let peer):
            peers.watch(peer, for: session, at: now.monotonic)
            hear(of: peer, in: session)
        case .release(let peer):
            sessions[session]?.peers.remove(peer)
            peers.release(peer, from: session, at: now.monotonic)
        case .persist(let record): persist(record, of: session, at: now)
        case .event(let event): translate(event, of: session, at: now)
        case .penalise(let peer, let offence): penalise(peer, offence, session: session, at: now)
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
        case .sync(let sync) where sync.isFinal && sync.wanted.isEmpty && !isShuttingDown:
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
        sessions[session]?.peers.insert(peer)
        if peers.isConnected(peer) { pending.append((session, .connected(peer))) }
    }

    private mutating func persist(_ record: SessionRecord, of session: SessionID, at now: Now) {
        switch record {
        case .join(let index, let message):
            effects.append(
                .write(.join(session, signer: index, run: message.body.run, message: message.encoded())))
        case .approval(let isApproved):
            effects.append(.write(.approval(session, isApproved: isApproved, at: now.wallMilliseconds)))
        case .recoveredPartial(let message):
            effects.append(
                .write(.partials(session, attempt: message.body.attempt, message: message.encoded())))
        case .completed(let signatures):
            guard let entry = sessions[session] else { return }
            effects.append(.write(.completion(Self.stored(entry, signatures))))
        case .ended(let end): effects.append(.write(.ended(session, StoredEnd(end))))
        }
    }

    static func stored(_ entry: Entry, _ signatures: [SchnorrSignature]) -> StoredCompletion {
        StoredCompletion(
            id: entry.announced.descriptor.id,
            messageKeys: entry.announced.descriptor.messageKeys,
            expiresAt: entry.announced.descriptor.expiryMilliseconds,
            signatures: signatures
        )
    }
}
