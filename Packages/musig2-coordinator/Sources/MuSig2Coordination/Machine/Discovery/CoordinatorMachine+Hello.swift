import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

/// HELLO: both sides prove that they know a secret before either shows anything.
extension CoordinatorMachine {
    // MARK: Joiner

    mutating func sayHello(to peer: PeerID, for subject: DiscoverySubject, now: Now) {
        guard !hellos.isAsking(peer, for: subject) else { return }
        let a = randomHash()
        hellos.begin(HelloExchanges.Outgoing(subject: subject, a: a), with: peer)
        let key = ProviderKey(subject, day: DiscoveryDay.of(now))
        outbox.append(.hello(Hello(dhtKey: key.bytes, a: a.bytes)), to: peer)
    }

    mutating func receive(_ proof: HelloProof, from peer: PeerID, at now: Now) -> Bool {
        guard let a = Hash32(proof.a), let b = Hash32(proof.b), let exchange = hellos.exchange(a, with: peer),
            exchange.b == nil
        else { return charge(Work.item, to: peer, at: now) }
        let transcript = HelloTranscript(
            secret: exchange.subject.secret,
            provider: peer,
            joiner: localPeer,
            a: a,
            b: b
        )
        guard transcript.providerProof.bytes == proof.proof else {
            // Whoever it is does not know the secret, or sits between: it hears nothing more.
            failLookup(
                exchange.subject, at: peer,
                CoordinatorError(
                    .notShown, "peer \(peer) could not prove that it knows the session",
                    session: exchange.subject.session), now: now)
            score(peer, 20, at: now)
            hangUp(on: peer)
            return false
        }
        hellos.setB(b, of: a, with: peer)
        effects.append(.signHello(peer, exchange: a, transcript.bytes))
        return true
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

    mutating func receive(_ answer: HelloAnnouncements, from peer: PeerID, at now: Now) -> Bool {
        guard let a = Hash32(answer.a), let exchange = hellos.exchange(a, with: peer), exchange.b != nil else {
            if hellos.forgiveLateAnswer(from: peer) { return true }
            turnAway(peer, at: now)
            return false
        }
        hellos.end(a, with: peer)
        switch exchange.subject {
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
            // It has the signatures, or knows why there are none: that is worth a meeting for who is still in the session.
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

    var sessionLimits: SessionLimits {
        var limits = SessionLimits()
        limits.wire = wireLimits
        return limits
    }

    // MARK: Provider

    mutating func receive(_ hello: Hello, from peer: PeerID, at now: Now) -> Bool {
        guard charge(Work.hello, to: peer, at: now) else { return false }
        let mayAsk = peers.update(peer, at: now.monotonic) { record, limits in
            record.hellos.take(1, size: limits.hellos, at: now.monotonic)
        }
        guard mayAsk, let a = Hash32(hello.a), let key = Hash32(Array(hello.dhtKey.dropFirst(2))),
            let subject = discoveryIndex.subject(of: key, today: DiscoveryDay.of(now)), isShown(subject)
        else {
            hangUp(on: peer)
            return false
        }
        let exchange = HelloExchanges.Incoming(
            subject: subject,
            a: a,
            b: randomHash(),
            deadline: now.monotonic + configuration.timeouts.hello
        )
        guard hellos.answer(exchange, to: peer) else {
            hangUp(on: peer)
            return false
        }
        let transcript = self.transcript(of: exchange, with: peer)
        outbox.append(
            .helloProof(
                HelloProof(a: a.bytes, b: exchange.b.bytes, proof: transcript.providerProof.bytes)),
            to: peer)
        return true
    }

    /// Whether anything behind a subject is approved here.
    private func isShown(_ subject: DiscoverySubject) -> Bool {
        switch subject {
        case .session(let session): sessions[session]?.awaitsConsent != true
        case .inbox(let key): discoveryIndex.sessions(in: key).contains { sessions[$0]?.awaitsConsent != true }
        }
    }

    private func transcript(of exchange: HelloExchanges.Incoming, with peer: PeerID) -> HelloTranscript {
        HelloTranscript(
            secret: exchange.subject.secret,
            provider: localPeer,
            joiner: peer,
            a: exchange.a,
            b: exchange.b
        )
    }

    mutating func receive(_ joiner: HelloJoiner, from peer: PeerID, at now: Now) -> Bool {
        guard let a = Hash32(joiner.a), let exchange = hellos.takeIncoming(a, from: peer),
            let keys = keys(of: exchange.subject)
        else {
            hangUp(on: peer)
            return charge(Work.item, to: peer, at: now)
        }
        guard charge(1 + Work.points(1), to: peer, at: now) else { return false }
        guard let key = try? PublicKey(compressedRepresentation: joiner.messageKey).xOnly,
            let signature = try? SchnorrSignature(rawRepresentation: joiner.signature),
            Tag.helloJoiner.isValid(signature, for: transcript(of: exchange, with: peer).bytes, by: key)
        else {
            score(peer, 20, at: now)
            hangUp(on: peer)
            return false
        }
        guard keys.contains(key) else {
            hangUp(on: peer)
            return false
        }
        let announcements = announcements(of: exchange.subject)
        outbox.append(
            .helloAnnouncements(
                HelloAnnouncements(a: a.bytes, announcements: announcements, isOver: announcements.isEmpty)),
            to: peer)
        return true
    }

    /// The message keys that may see what is behind a subject; nil when nothing is there any more.
    private func keys(of subject: DiscoverySubject) -> [XOnlyPublicKey]? {
        switch subject {
        case .session(let session):
            sessions[session]?.announced.descriptor.messageKeys ?? finished[session]?.stored.messageKeys
        case .inbox(let key): discoveryIndex.sessions(in: key).isEmpty ? nil : [key]
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

    /// Ends a conversation without a word: closes the connection, unless a session needs it.
    mutating func hangUp(on peer: PeerID) {
        guard peers[peer]?.sessions.isEmpty ?? true else { return }
        outbox.discard(peer)
        effects.append(.disconnect(peer))
    }
}
