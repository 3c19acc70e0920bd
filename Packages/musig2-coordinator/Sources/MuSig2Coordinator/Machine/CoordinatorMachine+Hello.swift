import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

extension CoordinatorMachine {
    // MARK: Joiner

    mutating func look(for session: SessionID, at providers: [Provider], now: Now) {
        if sessions[session] != nil || tombstones[session] != nil {
            let error = CoordinatorError(.alreadyJoined, "this node is in the session already", session: session)
            effects.append(.looked(session, .failure(error)))
            return
        }
        if let seen = hellos.seenSession(session) {
            effects.append(.looked(session, .success(preview(of: seen.announced))))
            return
        }
        let deadline = now.monotonic + configuration.timeouts.hello
        var look = hellos.looks[session] ?? HelloBook.Look(open: [], deadline: deadline)
        look.deadline = deadline
        if hasDiscovery {
            look.awaitsDiscovery = true
            let today = RendezvousKey.day(of: now)
            let days = today > 0 ? [today, today - 1] : [today]
            effects.append(
                .lookup(session, keys: days.map { RendezvousKey(session: session, day: $0).bytes }))
        }
        hellos.looks[session] = look
        hellos.noteDeadline(deadline)
        ask(providers, for: session, now: now)
        endLookIfHopeless(session)
    }

    mutating func found(_ session: SessionID, _ providers: [Provider], now: Now) {
        guard hellos.looks[session] != nil else { return }
        hellos.looks[session]?.awaitsDiscovery = false
        let deadline = now.monotonic + configuration.timeouts.hello
        hellos.looks[session]?.deadline = deadline
        hellos.noteDeadline(deadline)
        // Those that this node is connected with come first.
        let known = providers.filter { peers.isConnected($0.peer) }
        let others = providers.filter { !peers.isConnected($0.peer) }
        ask(Array((known + others).prefix(configuration.discovery.providers)), for: session, now: now)
        endLookIfHopeless(session)
    }

    private mutating func ask(_ providers: [Provider], for session: SessionID, now: Now) {
        for provider in providers where provider.peer != localPeer {
            guard hellos.looks[session]?.open.insert(provider.peer).inserted == true else { continue }
            if peers.want(provider.peer, for: session, addresses: provider.addresses, at: now.monotonic) {
                effects.append(.connect(provider.peer, provider.addresses))
            }
            if peers.isConnected(provider.peer) { sayHello(to: provider.peer, for: session, now: now) }
        }
    }

    mutating func sayHello(to peer: PeerID, for session: SessionID, now: Now) {
        guard !hellos.isAsking(peer, for: session) else { return }
        let a = randomHash()
        hellos.begin(HelloBook.Outgoing(session: session, a: a), with: peer)
        let key = RendezvousKey(session: session, day: RendezvousKey.day(of: now))
        outbox.append(.hello(Hello(dhtKey: key.bytes, a: a.bytes)), to: peer)
    }

    mutating func receive(_ proof: HelloProof, from peer: PeerID) {
        guard let a = Hash32(proof.a), let b = Hash32(proof.b), let exchange = hellos.exchange(a, with: peer),
            exchange.b == nil
        else { return }
        let transcript = HelloTranscript(
            secret: exchange.session.hash,
            provider: peer,
            joiner: localPeer,
            a: a,
            b: b
        )
        guard transcript.providerProof.bytes == proof.proof else {
            // Whoever it is does not know the session, or sits between: it hears nothing more.
            failLook(
                exchange.session, at: peer,
                CoordinatorError(
                    .notShown, "peer \(peer) could not prove that it knows the session", session: exchange.session))
            hangUp(on: peer)
            return
        }
        hellos.setB(b, of: a, with: peer)
        effects.append(.signHello(peer, exchange: a, transcript.bytes))
    }

    mutating func helloSigned(_ peer: PeerID, _ exchange: Hash32, _ signature: SchnorrSignature) {
        guard hellos.exchange(exchange, with: peer) != nil else { return }
        let joiner = HelloJoiner(
            a: exchange.bytes,
            messageKey: messageKey.compressedRepresentation,
            signature: signature.rawRepresentation
        )
        outbox.append(.helloJoiner(joiner), to: peer)
    }

    mutating func receive(_ answer: HelloAnnouncements, from peer: PeerID, at now: Now) {
        guard let a = Hash32(answer.a), let exchange = hellos.exchange(a, with: peer), exchange.b != nil else {
            return
        }
        let session = exchange.session
        hellos.end(a, with: peer)
        guard !answer.isOver else {
            failLook(session, at: peer, CoordinatorError(.sessionOver, "the session is over", session: session))
            return
        }
        do throws(CoordinatorError) {
            guard let announcement = answer.announcements.first else { return }
            let announced = try verify(announcement, as: session, at: now)
            hellos.remember(announced, from: peer, at: now.monotonic)
            let asked = hellos.looks.removeValue(forKey: session)?.open ?? []
            hellos.endAll(of: session)
            // Who joins wants its peers anew; who only looked wants nobody.
            for other in asked { peers.release(other, from: session, at: now.monotonic) }
            effects.append(.looked(session, .success(preview(of: announced))))
        } catch {
            failLook(session, at: peer, error)
            score(peer, error.code == .announcementRefused ? 20 : 0, at: now)
        }
    }

    /// Checks that an announcement is of the session that was asked for, signed by its creator, and for this node.
    func verify(
        _ signed: SignedAnnouncement,
        as session: SessionID,
        at now: Now
    ) throws(CoordinatorError) -> VerifiedAnnouncement {
        let announced: VerifiedAnnouncement
        do throws(AnnouncementError) {
            announced = try VerifiedAnnouncement(verifying: signed, expecting: session, limits: sessionLimits)
        } catch {
            throw CoordinatorError(
                .announcementRefused, "the announcement that the peer showed is refused", session: session,
                underlying: "\(error)")
        }
        do throws(DescriptorError) {
            try announced.descriptor.checkTimes(at: now, limits: sessionLimits)
            _ = try announced.descriptor.position(of: signerKey, messageKey: messageKey)
        } catch {
            throw CoordinatorError(error, session: session)
        }
        return announced
    }

    var sessionLimits: SessionLimits {
        var limits = SessionLimits()
        limits.wire = wireLimits
        return limits
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

    /// One of the peers that were asked does not show the session.
    mutating func failLook(_ session: SessionID, at peer: PeerID, _ error: CoordinatorError) {
        guard hellos.looks[session]?.open.remove(peer) != nil else { return }
        hellos.looks[session]?.failures.append(error)
        peers.release(peer, from: session, at: .zero)
        endLookIfHopeless(session)
    }

    private mutating func endLookIfHopeless(_ session: SessionID) {
        guard let look = hellos.looks[session], look.open.isEmpty, !look.awaitsDiscovery else { return }
        endLook(session, look, timedOut: false)
    }

    private mutating func endLook(_ session: SessionID, _ look: HelloBook.Look, timedOut: Bool) {
        hellos.looks[session] = nil
        hellos.endAll(of: session)
        for peer in look.open { peers.release(peer, from: session, at: .zero) }
        let summary = summary(of: look, session, timedOut: timedOut)
        effects.append(.looked(session, .failure(summary)))
    }

    /// The most telling of what went wrong.
    private func summary(
        of look: HelloBook.Look,
        _ session: SessionID,
        timedOut: Bool
    ) -> CoordinatorError {
        let telling: [CoordinatorError.Code] = [.sessionOver, .expired, .notASigner, .clockSkew, .announcementRefused]
        for code in telling {
            if let failure = look.failures.first(where: { $0.code == code }) { return failure }
        }
        if timedOut, !look.open.isEmpty {
            let unreached = look.open.filter { !peers.isConnected($0) }
            if unreached == look.open { return unreachable(unreached, session, look.failures.first) }
            let asked = look.open.subtracting(unreached).map(\.description).sorted().joined(separator: ", ")
            return CoordinatorError(
                .timedOut,
                "no answer in time from \(asked): it may not know the session, or not show it to this key; ask whoever invited "
                    + "you whether the session is still open and your key is among its signers",
                session: session, underlying: look.failures.first?.description)
        }
        if let failure = look.failures.first(where: { $0.code == .notShown }) { return failure }
        if let failure = look.failures.first { return failure }
        return CoordinatorError(
            .unreachable, "nobody to ask for the session: the invitation names no address, and there is no discovery",
            session: session)
    }

    private func unreachable(_ unreached: Set<PeerID>, _ session: SessionID, _ first: CoordinatorError?)
        -> CoordinatorError
    {
        let names = unreached.map(\.description).sorted().joined(separator: ", ")
        return CoordinatorError(
            .unreachable,
            "\(names) could not be connected within \(configuration.timeouts.hello): is it a libp2p peer, is it running, and is its "
                + "address in the invitation right?",
            session: session, underlying: first?.description)
    }

    mutating func expireHellos(at now: Now) {
        for session in hellos.expire(at: now.monotonic) {
            if let look = hellos.looks[session] { endLook(session, look, timedOut: true) }
        }
    }

    // MARK: Provider

    mutating func receive(_ hello: Hello, from peer: PeerID, at now: Now) {
        let mayAsk = peers.update(peer, at: now.monotonic) { record, limits in
            record.hellos.take(1, size: limits.hellos, at: now.monotonic)
        }
        guard mayAsk, let a = Hash32(hello.a), let key = Hash32(Array(hello.dhtKey.dropFirst(2))),
            let session = rendezvous[key], sessions[session]?.awaitsConsent != true
        else {
            hangUp(on: peer)
            return
        }
        let exchange = HelloBook.Incoming(
            session: session,
            a: a,
            b: randomHash(),
            deadline: now.monotonic + configuration.timeouts.hello
        )
        guard hellos.answer(exchange, to: peer) else {
            hangUp(on: peer)
            return
        }
        let transcript = self.transcript(of: exchange, with: peer)
        outbox.append(
            .helloProof(
                HelloProof(a: a.bytes, b: exchange.b.bytes, proof: transcript.providerProof.bytes)),
            to: peer)
    }

    private func transcript(of exchange: HelloBook.Incoming, with peer: PeerID) -> HelloTranscript {
        HelloTranscript(
            secret: exchange.session.hash,
            provider: localPeer,
            joiner: peer,
            a: exchange.a,
            b: exchange.b
        )
    }

    mutating func receive(_ joiner: HelloJoiner, from peer: PeerID, at now: Now) {
        guard let a = Hash32(joiner.a), let exchange = hellos.takeIncoming(a, from: peer) else {
            hangUp(on: peer)
            return
        }
        let keys: [XOnlyPublicKey]
        if let entry = sessions[exchange.session] {
            keys = entry.announced.descriptor.messageKeys
        } else if let stone = tombstones[exchange.session] {
            keys = stone.stored.messageKeys
        } else {
            hangUp(on: peer)
            return
        }
        let mayCheck = peers.update(peer, at: now.monotonic) { record, limits in
            record.signatureChecks.take(1, size: limits.signatureChecks, at: now.monotonic)
        }
        guard mayCheck, let key = try? PublicKey(compressedRepresentation: joiner.messageKey).xOnly,
            let signature = try? SchnorrSignature(rawRepresentation: joiner.signature),
            Tag.helloJoiner.isValid(signature, for: transcript(of: exchange, with: peer).bytes, by: key)
        else {
            score(peer, 20, at: now)
            hangUp(on: peer)
            return
        }
        guard keys.contains(key) else {
            hangUp(on: peer)
            return
        }
        guard let entry = sessions[exchange.session], !entry.machine.isOver else {
            outbox.append(
                .helloAnnouncements(HelloAnnouncements(a: a.bytes, announcements: [], isOver: true)), to: peer)
            return
        }
        outbox.append(
            .helloAnnouncements(HelloAnnouncements(a: a.bytes, announcements: [entry.announced.signed])), to: peer)
    }

    /// Ends a conversation without a word: closes the connection, unless a session needs it.
    mutating func hangUp(on peer: PeerID) {
        guard peers[peer]?.sessions.isEmpty ?? true else { return }
        outbox.discard(peer)
        effects.append(.disconnect(peer))
    }

    // MARK: Rendezvous keys

    mutating func addRendezvous(_ session: SessionID, at now: Now) {
        let today = RendezvousKey.day(of: now)
        if rendezvousDay == nil { rendezvousDay = today }
        for hash in Self.rendezvousHashes(of: session, day: rendezvousDay ?? today) { rendezvous[hash] = session }
    }

    mutating func removeRendezvous(_ session: SessionID) {
        guard let rendezvousDay else { return }
        for hash in Self.rendezvousHashes(of: session, day: rendezvousDay) { rendezvous[hash] = nil }
    }

    mutating func rollRendezvous(at now: Now) {
        let today = RendezvousKey.day(of: now)
        guard let day = rendezvousDay, day != today else { return }
        rendezvousDay = today
        rendezvous = [:]
        for session in sessions.keys { addRendezvous(session, at: now) }
        for session in tombstones.ids { addRendezvous(session, at: now) }
        guard hasDiscovery else { return }
        for (session, entry) in sessions where entry.isPublished && !entry.machine.isOver {
            effects.append(.publish(session, key: RendezvousKey(session: session, day: today).bytes))
        }
    }

    private static func rendezvousHashes(of session: SessionID, day: UInt32) -> [Hash32] {
        [day &- 1, day, day &+ 1].compactMap { day in
            Hash32(Array(RendezvousKey(session: session, day: day).bytes.dropFirst(2)))
        }
    }
}
