import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// Discovery: what is looked for, what is shown to peers that prove that they may see it, and what is made known.
extension CoordinatorMachine {
    // MARK: Looking up

    /// Looks for a session, for what waits in this node's inbox, or for the other signers of a session it is in.
    mutating func lookUp(
        _ subject: DiscoverySubject, at providers: [Provider], purpose: SessionLookup.Purpose = .preview, now: Now
    ) {
        if let session = subject.session, purpose == .preview {
            if let error = presence(of: session) {
                output.append(.lookupEnded(subject, .failure(error)))
                return
            }
            if let known = discovery.previews[session] {
                output.append(.lookupEnded(subject, .success([preview(of: known.announced)])))
                return
            }
        }
        let isNew = discovery.lookups.begin(subject, purpose: purpose, isNamed: !providers.isEmpty)
        ask(providers, for: subject, now: now)
        if isNew { find(discovery.lookups.search(subject, at: now)) }
        advance(subject, at: now)
    }

    private mutating func find(_ keys: [DiscoveryKey]) {
        for key in keys { output.append(.find(key, limit: configuration.discovery.hints)) }
    }

    mutating func found(_ key: DiscoveryKey, _ result: Result<[DiscoveryHint], TransportError>, at now: Now) {
        let subject = key.subject
        guard discovery.lookups.takeAnswer(for: key) else { return }
        switch result {
        case .failure(let error):
            discovery.lookups.searchFailed(
                subject,
                CoordinatorError(
                    .lookupFailed, "looking by \(key.method.name) was not possible", session: subject.session,
                    underlying: "\(error)"))
        case .success(let hints):
            var providers: [Provider] = []
            var announcements = 0
            for hint in hints.prefix(configuration.discovery.hints) {
                switch hint {
                case .provider(let found): providers.append(Provider(peer: found.peer, addresses: found.addresses))
                case .announcement(let bytes):
                    announcements += 1
                    if announcements <= configuration.discovery.providers { read(bytes, for: subject, at: now) }
                }
            }
            ask(found: providers, for: subject, at: now)
        }
        advance(subject, at: now)
    }

    /// Asks those that a discovery named: at most so many, those first that this node knows.
    private mutating func ask(found providers: [Provider], for subject: DiscoverySubject, at now: Now) {
        guard let lookup = discovery.lookups[subject] else { return }
        // Those that are connected, those that are known, and strangers.
        var ranks: [[Provider]] = [[], [], []]
        for provider in providers where provider.peer != localPeer && !lookup.peers.asked.contains(provider.peer) {
            let record = peers[provider.peer]
            if record?.budget.reputation.isBanned(at: now.monotonic) == true { continue }
            let rank = record?.isConnected == true ? 0 : record == nil ? 2 : 1
            ranks[rank].append(provider)
        }
        let room = lookup.peers.room
        let known = (ranks[0] + ranks[1]).prefix(room)
        let chosen = known + choose(room - known.count, of: ranks[2])
        guard !chosen.isEmpty else { return }
        discovery.lookups.noteNamed(chosen.count, for: subject)
        ask(Array(chosen), for: subject, now: now)
    }

    private mutating func ask(_ providers: [Provider], for subject: DiscoverySubject, now: Now) {
        let answerBy = now.monotonic + configuration.timeouts.hello
        for provider in providers where provider.peer != localPeer {
            guard discovery.lookups.ask(provider.peer, for: subject, answerBy: answerBy) else { continue }
            // The network may know where a peer is that nobody gives an address of, and says so if it does not.
            let wish = PeerWish(addresses: provider.addresses, isLookup: true)
            peers.want(provider.peer, for: subject.wish, wish, isNews: true, at: now.monotonic)
            if peers.isConnected(provider.peer) { sayHello(to: provider.peer, for: subject, now: now) }
        }
    }

    /// An announcement that needs nobody to show it: by a public method.
    private mutating func read(_ bytes: [UInt8], for subject: DiscoverySubject, at now: Now) {
        let announced: VerifiedAnnouncement
        do throws(CoordinatorError) {
            guard bytes.count <= wireLimits.recordAnnouncementBytes else {
                throw CoordinatorError(
                    .announcementRefused, "what was found is longer than a public announcement",
                    session: subject.session)
            }
            announced = try verify(encoded: bytes, as: subject.session, at: now)
        } catch {
            discovery.lookups.refused(subject, error)
            return
        }
        discovery.lookups.noteFound(subject)
        shown([announced], by: announced.peer, isShown: false, for: subject, at: now)
    }

    /// The application has an announcement from elsewhere.
    mutating func read(_ bytes: [UInt8], as session: SessionID, at now: Now) {
        let subject = DiscoverySubject.session(session)
        do throws(CoordinatorError) {
            if let error = presence(of: session) { throw error }
            let announced = try verify(encoded: bytes, as: session, at: now)
            discovery.previews.put(announced, from: announced.peer, isShown: false)
            output.append(.lookupEnded(subject, .success([preview(of: announced)])))
        } catch {
            output.append(.lookupEnded(subject, .failure(error)))
        }
    }

    private func verify(encoded bytes: [UInt8], as session: SessionID?, at now: Now) throws(CoordinatorError)
        -> VerifiedAnnouncement
    {
        let signed: SignedAnnouncement
        do throws(WireError) {
            signed = try SignedAnnouncement(decoding: bytes, limits: wireLimits)
        } catch {
            throw CoordinatorError(
                .announcementRefused, "what was found is no announcement", session: session, underlying: "\(error)")
        }
        return try verify(signed, as: session, at: now)
    }

    /// Checks that an announcement is of the session that was asked for, signed by its creator, and for this node.
    func verify(
        _ signed: SignedAnnouncement,
        as session: SessionID?,
        at now: Now
    ) throws(CoordinatorError) -> VerifiedAnnouncement {
        let announced: VerifiedAnnouncement
        do throws(AnnouncementError) {
            announced = try VerifiedAnnouncement(verifying: signed, expecting: session, limits: sessionLimits)
        } catch {
            throw CoordinatorError(
                .announcementRefused, "the announcement that was shown is refused", session: session,
                underlying: "\(error)")
        }
        // The peer that shows it may have taken it for the truth.
        let creator = announced.descriptor.signerKeys[announced.descriptor.creator]
        guard announced.peer != localPeer || creator == signerKey else {
            throw CoordinatorError(
                .notShown, "the announcement of another signer names this node as its peer", session: session)
        }
        do throws(DescriptorError) {
            try announced.descriptor.checkTimes(at: now, limits: sessionLimits)
            _ = try announced.descriptor.position(of: signerKey, messageKey: messageKey)
        } catch {
            throw CoordinatorError(error, session: session)
        }
        return announced
    }

    /// Verified announcements are here, shown by a peer, or named by one that did not show them.
    private mutating func shown(
        _ announced: [VerifiedAnnouncement], by peer: PeerID, isShown: Bool = true, for subject: DiscoverySubject,
        at now: Now
    ) {
        guard let purpose = discovery.lookups[subject]?.purpose else { return }
        switch (subject, purpose) {
        case (.session(let session), .reunion):
            guard let newer = announced.first else { return }
            renew(Renewal(announced: newer, shownBy: isShown ? peer : nil), at: now)
            meet(peer, isShown ? newer : nil, in: session, at: now)
        case (.session, .preview):
            guard let first = announced.first else { return }
            discovery.previews.put(first, from: peer, isShown: isShown)
            end(subject, at: now)
            output.append(.lookupEnded(subject, .success([preview(of: first)])))
        case (.inbox, _):
            for one in announced where !sessions.knows(one.descriptor.id) {
                discovery.previews.put(one, from: peer, isShown: isShown)
                discovery.lookups.noteShown(one.descriptor.id, in: subject)
            }
        }
    }

    private func preview(of announced: VerifiedAnnouncement) -> SessionPreview {
        SessionPreview(
            session: announced.descriptor.id,
            descriptor: announced.descriptor,
            announcer: announced.peer,
            addresses: announced.addresses.compactMap { try? Multiaddr(bytes: $0) },
            ownIndex: announced.descriptor.signerKeys.firstIndex(of: signerKey) ?? 0
        )
    }

    // MARK: Going on, and the end

    /// One of the peers that were asked does not show anything.
    mutating func failLookup(_ subject: DiscoverySubject, at peer: PeerID, _ error: CoordinatorError, now: Now) {
        guard discovery.lookups.fail(subject, at: peer, error) else { return }
        discovery.exchanges.end(subject, with: peer)
        peers.release(peer, from: subject.wish, at: now.monotonic)
        advance(subject, at: now)
    }

    /// One of the peers that were asked has said all it has to say, and the lookup goes on.
    private mutating func endAnswer(_ subject: DiscoverySubject, from peer: PeerID, now: Now) {
        guard discovery.lookups.answered(subject, by: peer) else { return }
        peers.release(peer, from: subject.wish, at: now.monotonic)
        advance(subject, at: now)
    }

    private mutating func advance(_ subject: DiscoverySubject, at now: Now) {
        switch discovery.lookups.advance(subject, at: now.monotonic) {
        case .wait: break
        case .find(let keys): find(keys)
        case .end(let lookup):
            end(subject, at: now)
            switch (subject, lookup.purpose) {
            case (_, .reunion): break
            case (.session, .preview): output.append(.lookupEnded(subject, .failure(summary(of: lookup))))
            case (.inbox, .preview): endInbox(lookup)
            }
        }
    }

    private func summary(of lookup: SessionLookup) -> CoordinatorError {
        lookup.summary(
            unreached: lookup.peers.late.filter { !peers.isConnected($0) }, hasDiscovery: !methods.isEmpty,
            patience: configuration.timeouts.hello)
    }

    private mutating func end(_ subject: DiscoverySubject, at now: Now) {
        guard discovery.lookups[subject] != nil else { return }
        // A session that is joined wants its peers anew; one that was only looked at wants none.
        let open = discovery.lookups.end(subject)
        discovery.exchanges.endAll(of: subject)
        for peer in open { peers.release(peer, from: subject.wish, at: now.monotonic) }
    }

    /// Lookups that have waited long enough.
    mutating func expireLookups(at now: Now) {
        for subject in discovery.lookups.due(at: now.monotonic) {
            switch discovery.lookups.expire(subject) {
            case nil: continue
            case .searchAgain?: find(discovery.lookups.search(subject, at: now))
            case .late(let late)?:
                discovery.exchanges.endAll(of: subject)
                for peer in late { peers.release(peer, from: subject.wish, at: now.monotonic) }
            }
            advance(subject, at: now)
        }
    }

    // MARK: Reunions

    /// Sessions that hear of no other signer look for them again.
    mutating func reuniteDue(at now: Now) {
        let table = sessions
        let due = discovery.reunions.takeDue(at: now.monotonic) { table[$0].map { !$0.isOver } ?? false }
        for session in due {
            guard let entry = sessions[session] else { continue }
            let isAlone = !entry.machine.boundPeers.contains { peers.isConnected($0) }
            if isAlone, !discovery.publisher.methods(of: entry.announced).isEmpty {
                lookUp(.session(session), at: [], purpose: .reunion, now: now)
            }
        }
    }

    /// A peer showed that it knows a session that this node is in.
    private mutating func meet(
        _ peer: PeerID, _ announced: VerifiedAnnouncement?, in session: SessionID, at now: Now
    ) {
        guard let entry = sessions[session], discovery.reunions.meet(session) else { return }
        let addresses = (peers[peer]?.addresses ?? []).map(\.bytes)
        let isAnnouncer = announced.map { $0.peer == peer && $0.sequence >= entry.announced.sequence } ?? false
        drive(session, .introduced(peer, addresses: addresses, isAnnouncer: isAnnouncer), at: now)
    }

    // MARK: HELLO, as the joiner

    mutating func sayHello(to peer: PeerID, for subject: DiscoverySubject, now: Now) {
        guard !discovery.exchanges.isAsking(peer, for: subject) else { return }
        let a = randomHash()
        discovery.exchanges.begin(subject, a: a, with: peer)
        let key = ProviderKey(subject, day: DiscoveryDay.of(now))
        outbox.append(.hello(Hello(dhtKey: key.bytes, a: a.bytes)), to: peer)
    }

    mutating func receive(_ proof: HelloProof, from peer: PeerID, at now: Now) -> Bool {
        switch discovery.exchanges.receive(proof, from: peer) {
        case .ignored: return charge(Work.item, to: peer, at: now)
        case .proven(let exchange, let transcript):
            output.append(.signHello(peer, exchange: exchange, transcript))
            return true
        case .forged(let subject):
            // It hears nothing more.
            failLookup(
                subject, at: peer,
                CoordinatorError(
                    .notShown, "peer \(peer) could not prove that it knows the session", session: subject.session),
                now: now)
            score(peer, 20, at: now)
            hangUp(on: peer)
            return false
        }
    }

    mutating func helloSigned(_ peer: PeerID, _ exchange: Hash32, _ signature: SchnorrSignature) {
        guard discovery.exchanges.isUnderWay(exchange, with: peer) else { return }
        let joiner = HelloJoiner(
            a: exchange.bytes,
            messageKey: messageKey.compressedRepresentation,
            signature: signature.rawRepresentation
        )
        outbox.append(.helloJoiner(joiner), to: peer)
    }

    mutating func receive(_ answer: HelloAnnouncements, from peer: PeerID, at now: Now) -> Bool {
        guard let subject = discovery.exchanges.takeAnswer(answer, from: peer) else {
            if discovery.exchanges.forgiveLateAnswer(from: peer) { return true }
            turnAway(peer, at: now)
            return false
        }
        switch subject {
        case .session(let session): receive(answer, of: session, from: peer, at: now)
        case .inbox: receiveInbox(answer, from: peer, at: now)
        }
        return true
    }

    private mutating func receive(
        _ answer: HelloAnnouncements, of session: SessionID, from peer: PeerID, at now: Now
    ) {
        let subject = DiscoverySubject.session(session)
        if answer.isOver {
            // It has the signatures, or knows why there are none: that is worth a meeting for a signer that is still in the session.
            meet(peer, nil, in: session, at: now)
            failLookup(
                subject, at: peer,
                CoordinatorError(.sessionOver, "the session is over", session: session), now: now)
            return
        }
        do throws(CoordinatorError) {
            guard let announcement = answer.announcements.first else { return }
            let found = SessionID(descriptorBytes: announcement.announcement.descriptorBytes)
            guard found == session else {
                throw CoordinatorError(
                    .announcementRefused, "the announcement that was shown is of another session, \(found)",
                    session: session)
            }
            // One peer may use up what it may cost; the look then goes on without it.
            guard charge(Work.announcement(announcement.announcement), to: peer, isAsked: true, at: now) else {
                throw CoordinatorError(
                    .notShown, "peer \(peer) showed more than is checked at once", session: session)
            }
            let announced = try verify(announcement, as: session, at: now)
            shown([announced], by: peer, for: subject, at: now)
            endAnswer(subject, from: peer, now: now)
        } catch {
            failLookup(subject, at: peer, error, now: now)
            score(peer, error.code == .announcementRefused ? 20 : 0, at: now)
        }
    }

    // MARK: HELLO, as the provider

    mutating func receive(_ hello: Hello, from peer: PeerID, at now: Now) -> Bool {
        guard charge(Work.hello, to: peer, at: now) else { return false }
        guard peers.takeHello(of: peer, at: now.monotonic), let a = Hash32(hello.a),
            let key = Hash32(Array(hello.dhtKey.dropFirst(2))),
            let subject = discovery.index.subject(of: key, today: DiscoveryDay.of(now)), isShown(subject),
            let proof = discovery.exchanges.answer(
                subject, a: a, b: randomHash(), to: peer, until: now.monotonic + configuration.timeouts.hello)
        else {
            hangUp(on: peer)
            return false
        }
        outbox.append(.helloProof(proof), to: peer)
        return true
    }

    /// Whether anything behind a subject is approved here.
    private func isShown(_ subject: DiscoverySubject) -> Bool {
        switch subject {
        case .session(let session): sessions[session]?.awaitsConsent != true
        case .inbox(let key):
            discovery.index.sessions(in: key).contains { sessions[$0]?.awaitsConsent != true }
        }
    }

    mutating func receive(_ joiner: HelloJoiner, from peer: PeerID, at now: Now) -> Bool {
        guard let (subject, transcript) = discovery.exchanges.takeIncoming(joiner, from: peer),
            let keys = keys(of: subject)
        else {
            hangUp(on: peer)
            return charge(Work.item, to: peer, at: now)
        }
        guard charge(1 + Work.points(1), to: peer, at: now) else { return false }
        guard let key = try? PublicKey(compressedRepresentation: joiner.messageKey).xOnly,
            let signature = try? SchnorrSignature(rawRepresentation: joiner.signature),
            Tag.helloJoiner.isValid(signature, for: transcript.bytes, by: key)
        else {
            score(peer, 20, at: now)
            hangUp(on: peer)
            return false
        }
        guard keys.contains(key) else {
            hangUp(on: peer)
            return false
        }
        let announcements = announcements(of: subject)
        outbox.append(
            .helloAnnouncements(
                HelloAnnouncements(a: joiner.a, announcements: announcements, isOver: announcements.isEmpty)),
            to: peer)
        return true
    }

    /// The message keys that may see what is behind a subject; nil when nothing is there any more.
    private func keys(of subject: DiscoverySubject) -> [XOnlyPublicKey]? {
        switch subject {
        case .session(let session): sessions.messageKeys(of: session)
        case .inbox(let key): discovery.index.sessions(in: key).isEmpty ? nil : [key]
        }
    }

    /// What is shown of a subject; nothing when it is over.
    private func announcements(of subject: DiscoverySubject) -> [SignedAnnouncement] {
        switch subject {
        case .session(let session):
            guard let entry = sessions[session], !entry.machine.isOver else { return [] }
            return [entry.announced.signed]
        case .inbox(let key): return announcements(in: key)
        }
    }

    // MARK: The own inbox

    /// The subject of this node's own inbox.
    var ownInbox: DiscoverySubject { .inbox(messageKey.xOnly) }

    /// Watches the own inbox from now on, or, without an interval, no longer.
    mutating func watchInbox(every interval: Duration?, at now: Now) {
        // One reader more: it is told everything that waits.
        discovery.inbox = interval.map { InboxWatch(every: $0, at: now.monotonic) }
        watchInboxDue(at: now)
    }

    mutating func watchInboxDue(at now: Now) {
        guard discovery.inbox?.take(at: now.monotonic) == true else { return }
        lookUp(ownInbox, at: [], now: now)
    }

    /// A provider shows what it has for this node's key. What is not signed, not for this key, or past is left out.
    private mutating func receiveInbox(_ answer: HelloAnnouncements, from peer: PeerID, at now: Now) {
        let subject = ownInbox
        var announced: [VerifiedAnnouncement] = []
        // One session twice in one answer is not worth a second check.
        var sessions: Set<SessionID> = []
        for signed in answer.announcements.prefix(configuration.limits.inboxSessions) {
            guard sessions.insert(SessionID(descriptorBytes: signed.announcement.descriptorBytes)).inserted else {
                continue
            }
            if isSeen(signed) { continue }
            // An honest provider shows nothing that is not for this key: a look at the bytes tells, before anything is checked.
            guard signed.announcement.descriptor.signerKeys.contains(signerKey.compressedRepresentation) else {
                score(peer, 20, at: now)
                continue
            }
            guard charge(Work.announcement(signed.announcement), to: peer, isAsked: true, at: now) else { break }
            do throws(CoordinatorError) {
                announced.append(try verify(signed, as: nil, at: now))
            } catch {
                // An honest provider shows nothing that is not signed, and nothing that is not for this key.
                if error.code == .announcementRefused || error.code == .notASigner { score(peer, 20, at: now) }
            }
        }
        let known = answer.announcements.prefix(configuration.limits.inboxSessions).compactMap { signed in
            isSeen(signed)
                ? discovery.previews[SessionID(descriptorBytes: signed.announcement.descriptorBytes)]?.announced : nil
        }
        shown(announced + known, by: peer, for: subject, at: now)
        endAnswer(subject, from: peer, now: now)
    }

    /// Whether these very bytes, or a newer announcement of their session, were verified before.
    private func isSeen(_ signed: SignedAnnouncement) -> Bool {
        let session = SessionID(descriptorBytes: signed.announcement.descriptorBytes)
        guard let seen = discovery.previews[session] else { return false }
        return seen.announced.sequence >= signed.announcement.sequence
    }

    private mutating func endInbox(_ lookup: SessionLookup) {
        let waiting = lookup.findings.shown.compactMap { discovery.previews[$0] }.map { preview(of: $0.announced) }
            .sorted { left, right in
                (left.descriptor.createdMilliseconds, left.session)
                    < (right.descriptor.createdMilliseconds, right.session)
            }
        for preview in discovery.inbox?.news(of: waiting, previews: discovery.previews) ?? [] {
            tell(.waiting(preview))
        }
        let isFailure = lookup.keys.isSearchFailing && !lookup.findings.isAnswered && waiting.isEmpty
        output.append(.lookupEnded(lookup.subject, isFailure ? .failure(summary(of: lookup)) : .success(waiting)))
    }

    // MARK: The inboxes of others

    /// The announcements that the holder of a message key may see: those of open sessions that it is a signer of, if their creators want
    /// them in inboxes. First those that it has not joined, the newest first; as many as one frame takes.
    func announcements(in inbox: XOnlyPublicKey) -> [SignedAnnouncement] {
        struct Candidate {
            var signed: SignedAnnouncement
            var isJoined: Bool
            var created: UInt64
            var session: SessionID
        }
        var candidates: [Candidate] = []
        for session in discovery.index.sessions(in: inbox) {
            guard let entry = sessions[session], !entry.machine.isOver, !entry.awaitsConsent else { continue }
            let descriptor = entry.announced.descriptor
            guard let index = descriptor.messageKeys.firstIndex(of: inbox) else { continue }
            candidates.append(
                Candidate(
                    signed: entry.announced.signed,
                    isJoined: entry.machine.hasJoined(index),
                    created: descriptor.createdMilliseconds,
                    session: session
                ))
        }
        candidates.sort { left, right in
            if left.isJoined != right.isJoined { return right.isJoined }
            return (right.created, left.session) < (left.created, right.session)
        }
        var room = configuration.limits.frameBytes - 4_096
        var shown: [SignedAnnouncement] = []
        for candidate in candidates.prefix(min(wireLimits.helloAnnouncements, configuration.limits.inboxSessions)) {
            let count = candidate.signed.announcementBytes.count + 128
            guard count <= room else { continue }
            room -= count
            shown.append(candidate.signed)
        }
        return shown
    }

    // MARK: Making known

    /// A session is joined: it can be found from now on.
    mutating func announce(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session] else { return }
        guard !discovery.publisher.methods(of: entry.announced).isEmpty else {
            if entry.createdHere { tell(.announced(session)) }
            return
        }
        publish(session, at: now)
        // One that comes back may find the others elsewhere.
        if entry.isRestored {
            discovery.reunions.plan(session, at: now.monotonic)
        } else {
            discovery.reunions.plan(session, after: now.monotonic)
        }
    }

    /// Makes a session known under the keys of the present days.
    private mutating func publish(_ session: SessionID, at now: Now) {
        guard let entry = sessions[session], !entry.isOver, !local.isShuttingDown else { return }
        tell(discovery.publisher.publish(entry.announced, at: now))
    }

    /// The published days change.
    mutating func publishAll(at now: Now) {
        for (session, entry) in sessions.sorted
        where !entry.isOver && entry.record.isJoined && !discovery.publisher.methods(of: entry.announced).isEmpty {
            publish(session, at: now)
        }
    }

    /// A session is over: it is made known no longer.
    mutating func withdraw(_ session: SessionID) {
        for key in discovery.publisher.withdraw(session) { output.append(.withdraw(key)) }
    }

    mutating func tell(_ news: [Publisher.News]) {
        for one in news {
            switch one {
            case .announced(let session):
                if sessions[session]?.createdHere == true { tell(.announced(session)) }
            case .failed(let session, let method, let reason):
                tell(
                    .error(
                        CoordinatorError(
                            .publishFailed,
                            "the session could not be published by \(method.name); invite the others by the invitation's text",
                            session: session,
                            underlying: reason)))
            }
        }
    }

    /// This node's addresses are others: what names them is published anew.
    mutating func announceAddresses(at now: Now) {
        for (session, entry) in sessions.sorted where entry.createdHere && !entry.machine.isOver {
            let sequence = max(now.wallMilliseconds, entry.announced.sequence &+ 1)
            output.append(.announceAgain(session, entry.announced, sequence: sequence))
        }
        discovery.publisher.renewAddresses()
    }

    /// Puts a newer announcement of a session in the place of the older one, here and where it is public.
    mutating func adopt(_ announced: VerifiedAnnouncement) {
        let session = announced.descriptor.id
        guard let entry = sessions[session] else { return }
        sessions[session]?.announced = announced
        write(announced, createdHere: entry.createdHere)
        discovery.publisher.replace(announced.signed.encoded(), of: session)
    }

    // MARK: Newer announcements

    mutating func receive(_ signed: SignedAnnouncement, from peer: PeerID, at now: Now) {
        let session = SessionID(descriptorBytes: signed.announcement.descriptorBytes)
        guard let entry = sessions[session], !entry.createdHere,
            signed.announcement.sequence > entry.announced.sequence
        else { return }
        guard charge(1, to: peer, in: session, at: now) else { return }
        do throws(AnnouncementError) {
            let announced = try VerifiedAnnouncement(verifying: signed, of: entry.announced.descriptor)
            // That of another's key does not speak for this node's peer.
            guard announced.peer != localPeer else { return }
            renew(Renewal(announced: announced, shownBy: peer), at: now)
        } catch {
            penalize(peer, .badSignature, session: session, at: now)
        }
    }

    /// Takes a newer announcement, or lets it wait. A peer that passes it on is not to blame for its author's haste; the author's own peer is.
    mutating func renew(_ renewal: Renewal, at now: Now) {
        let (announced, session) = (renewal.announced, renewal.session)
        guard let entry = sessions[session], announced.sequence > entry.announced.sequence else { return }
        switch discovery.renewals.offer(renewal, at: now.monotonic) {
        case .stale: break
        case .taken:
            adopt(announced)
            let isAnnouncer = renewal.shownBy == announced.peer
            drive(
                session, .introduced(announced.peer, addresses: announced.addresses, isAnnouncer: isAnnouncer), at: now)
        case .waits:
            if let peer = renewal.shownBy, entry.machine.signers(at: peer).contains(announced.descriptor.creator) {
                penalize(peer, .outOfPlace, session: session, at: now)
            }
        }
    }
}
