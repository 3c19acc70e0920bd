import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// Looks: for a session, for what waits in this node's inbox, and for the other signers of a session it is in.
extension CoordinatorMachine {
    // MARK: Beginning

    mutating func lookUp(
        for subject: DiscoverySubject,
        at providers: [Provider],
        purpose: SessionLookups.Purpose = .preview,
        now: Now
    ) {
        if let session = subject.session, purpose == .preview {
            if let error = presence(of: session) {
                effects.append(.lookupEnded(subject, .failure(error)))
                return
            }
            if let seen = previews[session] {
                effects.append(.lookupEnded(subject, .success([preview(of: seen.announced)])))
                return
            }
        }
        let isNew = lookups[subject] == nil
        if isNew {
            lookups[subject] = SessionLookups.Lookup(
                subject: subject, purpose: purpose, room: configuration.discovery.providers)
        }
        if !providers.isEmpty { lookups[subject]?.isAnythingFound = true }
        ask(providers, for: subject, now: now)
        if isNew { search(subject, at: now) }
        advance(subject, at: now)
    }

    /// Looks the subject's keys of the likeliest day up; those of the others are kept for later.
    private mutating func search(_ subject: DiscoverySubject, at now: Now) {
        let days = DiscoveryDay.tried(at: now)
        var present: [DiscoveryKey] = []
        var later: [DiscoveryKey] = []
        for method in methods(for: subject) {
            for day in method.isDaily ? days : [0] {
                let key = DiscoveryKey(method: method, subject: subject, day: day)
                if !method.isDaily || day == days.first { present.append(key) } else { later.append(key) }
            }
        }
        lookups[subject]?.later = later
        find(present, for: subject)
    }

    private func methods(for subject: DiscoverySubject) -> [DiscoveryMethod] {
        let wanted: DiscoveryMethod.Subject = subject.session == nil ? .signers : .session
        return methods.filter { $0.subject == wanted }
    }

    private mutating func find(_ keys: [DiscoveryKey], for subject: DiscoverySubject) {
        lookups[subject]?.awaited.formUnion(keys)
        for key in keys { effects.append(.find(key, limit: configuration.discovery.hints)) }
    }

    // MARK: What was found

    mutating func found(_ key: DiscoveryKey, _ result: Result<[DiscoveryHint], TransportError>, at now: Now) {
        let subject = key.subject
        guard lookups[subject]?.awaited.remove(key) != nil else { return }
        switch result {
        case .failure(let error):
            lookups[subject]?.isSearchFailing = true
            lookups[subject]?.failures.append(
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
        guard let lookup = lookups[subject] else { return }
        // Those that are connected, those that are known, and strangers.
        var ranks: [[Provider]] = [[], [], []]
        for provider in providers where provider.peer != localPeer && !lookup.asked.contains(provider.peer) {
            let record = peers[provider.peer]
            if record?.reputation.isBanned(at: now.monotonic) == true { continue }
            let rank = record?.isConnected == true ? 0 : record == nil ? 2 : 1
            ranks[rank].append(provider)
        }
        let known = (ranks[0] + ranks[1]).prefix(lookup.room)
        let chosen = known + choose(lookup.room - known.count, of: ranks[2])
        guard !chosen.isEmpty else { return }
        lookups[subject]?.isAnythingFound = true
        lookups[subject]?.room -= chosen.count
        ask(Array(chosen), for: subject, now: now)
    }

    private mutating func ask(_ providers: [Provider], for subject: DiscoverySubject, now: Now) {
        for provider in providers where provider.peer != localPeer {
            guard lookups[subject]?.asked.insert(provider.peer).inserted == true else { continue }
            lookups[subject]?.open.insert(provider.peer)
            let answerBy = now.monotonic + configuration.timeouts.hello
            lookups[subject]?.answerBy = answerBy
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
            lookups[subject]?.failures.append(error)
            return
        }
        lookups[subject]?.isAnythingFound = true
        shown([announced], by: announced.peer, isShown: false, for: subject, at: now)
    }

    /// The application has an announcement from elsewhere.
    mutating func read(_ bytes: [UInt8], as session: SessionID, at now: Now) {
        let subject = DiscoverySubject.session(session)
        if let error = presence(of: session) {
            effects.append(.lookupEnded(subject, .failure(error)))
            return
        }
        do throws(CoordinatorError) {
            let announced = try verify(encoded: bytes, as: session, at: now)
            previews.put(announced, from: announced.peer, isShown: false)
            effects.append(.lookupEnded(subject, .success([preview(of: announced)])))
        } catch {
            effects.append(.lookupEnded(subject, .failure(error)))
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
        // Whoever shows it may have taken it for the truth.
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
    mutating func shown(
        _ announced: [VerifiedAnnouncement], by peer: PeerID, isShown: Bool = true, for subject: DiscoverySubject,
        at now: Now
    ) {
        guard let purpose = lookups[subject]?.purpose else { return }
        switch (subject, purpose) {
        case (.session(let session), .reunion):
            guard let newer = announced.first else { return }
            renew(Renewal(announced: newer, shownBy: isShown ? peer : nil), at: now)
            meet(peer, isShown ? newer : nil, in: session, at: now)
        case (.session, .preview):
            guard let first = announced.first else { return }
            previews.put(first, from: peer, isShown: isShown)
            end(subject, at: now)
            effects.append(.lookupEnded(subject, .success([preview(of: first)])))
        case (.inbox, _):
            for one in announced where !knows(one.descriptor.id) {
                previews.put(one, from: peer, isShown: isShown)
                lookups[subject]?.shown.insert(one.descriptor.id)
            }
        }
    }

    // MARK: Going on, and the end

    /// One of the peers that were asked does not show anything.
    mutating func failLookup(_ subject: DiscoverySubject, at peer: PeerID, _ error: CoordinatorError, now: Now) {
        guard lookups[subject]?.open.remove(peer) != nil else { return }
        lookups[subject]?.failures.append(error)
        hellos.end(subject, with: peer)
        peers.release(peer, from: subject.wish, at: now.monotonic)
        advance(subject, at: now)
    }

    /// One of the peers that were asked has said all it has to say, and the look goes on.
    mutating func endAnswer(_ subject: DiscoverySubject, from peer: PeerID, now: Now) {
        guard lookups[subject]?.open.remove(peer) != nil else { return }
        lookups[subject]?.isAnswered = true
        peers.release(peer, from: subject.wish, at: now.monotonic)
        advance(subject, at: now)
    }

    /// Does what comes next when nobody is waited for: yesterday's key, another try, or the end.
    private mutating func advance(_ subject: DiscoverySubject, at now: Now) {
        guard let lookup = lookups[subject], lookup.open.isEmpty, lookup.awaited.isEmpty, lookup.retryAt == nil else {
            return
        }
        let isDone = Self.tellingFailure(of: lookup) != nil || !lookup.shown.isEmpty
        if !isDone, !lookup.later.isEmpty {
            lookups[subject]?.later = []
            find(lookup.later, for: subject)
            return
        }
        if !isDone, mayRetry(lookup) {
            lookups[subject]?.retriesDone += 1
            lookups[subject]?.isSearchFailing = false
            let retryAt = now.monotonic + configuration.discovery.delay(beforeRetry: lookup.retriesDone + 1)
            lookups[subject]?.retryAt = retryAt
            return
        }
        end(subject, at: now)
        switch (subject, lookup.purpose) {
        case (_, .reunion): break
        case (.session, .preview): effects.append(.lookupEnded(subject, .failure(summary(of: lookup))))
        case (.inbox, .preview): endInbox(lookup, at: now)
        }
    }

    /// A search that was not possible is repeated, and so is one for a session of which nothing was found: it may have been published
    /// just now.
    private func mayRetry(_ lookup: SessionLookups.Lookup) -> Bool {
        guard lookup.purpose == .preview, lookup.retriesDone < configuration.discovery.retries,
            !methods(for: lookup.subject).isEmpty
        else { return false }
        return lookup.isSearchFailing || !lookup.isAnythingFound && lookup.subject.session != nil
    }

    private mutating func end(_ subject: DiscoverySubject, at now: Now) {
        guard let lookup = lookups[subject] else { return }
        lookups[subject] = nil
        hellos.endAll(of: subject)
        // Who joins wants its peers anew; who only looked wants nobody.
        for peer in lookup.open { peers.release(peer, from: subject.wish, at: now.monotonic) }
    }

    /// Looks that have waited long enough.
    mutating func expireLookups(at now: Now) {
        for subject in lookups.due(at: now.monotonic) {
            guard let lookup = lookups[subject] else { continue }
            if lookup.open.isEmpty {
                lookups[subject]?.retryAt = nil
                search(subject, at: now)
            } else {
                lookups[subject]?.late.formUnion(lookup.open)
                lookups[subject]?.open = []
                hellos.endAll(of: subject)
                for peer in lookup.open { peers.release(peer, from: subject.wish, at: now.monotonic) }
            }
            advance(subject, at: now)
        }
    }

    // MARK: Reunions

    mutating func planReunion(of session: SessionID, after now: Now) {
        planReunion(of: session, at: now.monotonic + configuration.discovery.reunion)
    }

    mutating func planReunion(of session: SessionID, at time: Duration) {
        sessions[session]?.publicity.reunionAt = time
        nextReunion = min(nextReunion ?? time, time)
    }

    /// Sessions that hear of no other signer look for them again: all of them may be elsewhere by now.
    mutating func reuniteDue(at now: Now) {
        guard let due = nextReunion, due <= now.monotonic else { return }
        nextReunion = nil
        for (session, entry) in sessions.sorted(by: { $0.key < $1.key }) {
            guard let time = entry.publicity.reunionAt else { continue }
            guard entry.overAt == nil, entry.publicity.strangersMet < Self.strangersMet else {
                sessions[session]?.publicity.reunionAt = nil
                continue
            }
            guard time <= now.monotonic else {
                nextReunion = min(nextReunion ?? time, time)
                continue
            }
            planReunion(of: session, after: now)
            let isAlone = !entry.machine.boundPeers.contains { peers.isConnected($0) }
            if isAlone, !methods(of: entry.announced).isEmpty {
                lookUp(for: .session(session), at: [], purpose: .reunion, now: now)
            }
        }
    }

    /// The most peers that one session is introduced to by reunions.
    private static let strangersMet = 64

    /// A peer showed that it knows a session that this node is in.
    mutating func meet(_ peer: PeerID, _ announced: VerifiedAnnouncement?, in session: SessionID, at now: Now) {
        guard let entry = sessions[session], entry.publicity.strangersMet < Self.strangersMet else { return }
        sessions[session]?.publicity.strangersMet += 1
        let addresses = (peers[peer]?.addresses ?? []).map(\.bytes)
        let isAnnouncer = announced.map { $0.peer == peer && $0.sequence >= entry.announced.sequence } ?? false
        drive(session, .introduced(peer, addresses: addresses, isAnnouncer: isAnnouncer), at: now)
    }
}
