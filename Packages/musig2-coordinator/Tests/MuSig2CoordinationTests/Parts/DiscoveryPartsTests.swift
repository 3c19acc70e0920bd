import MuSig2Session
import Multiformats
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// The parts of the machine that look for sessions, show them, and make them known.
@Suite("Discovery of the machine") struct DiscoveryPartsTests {
    private let now = Fixtures.now
    private let settings = MuSig2Coordinator.Configuration.DiscoverySettings()

    private func failure(_ code: CoordinatorError.Code) -> CoordinatorError { CoordinatorError(code, "") }

    @Test("A lookup tries yesterday's key, then again, and then ends") func lookupSteps() throws {
        var lookups = SessionLookups(methods: [.rendezvous, .inbox, .record], settings: settings)
        let subject = DiscoverySubject.session(try Fixtures.session(1))
        let isNew = lookups.begin(subject, purpose: .preview, isNamed: false)
        let isNewAgain = lookups.begin(subject, purpose: .preview, isNamed: false)
        #expect(isNew && !isNewAgain)
        var time = now
        for attempt in 0...settings.retries {
            let present = lookups.search(subject, at: time)
            #expect(present.map(\.method) == [.rendezvous, .record])
            for key in present {
                #expect([lookups.takeAnswer(for: key), lookups.takeAnswer(for: key)] == [true, false])
            }
            guard case .find(let later) = lookups.advance(subject, at: time.monotonic) else {
                Issue.record("expected yesterday's key")
                return
            }
            #expect(later.map(\.day) == [DiscoveryDay.of(time) - 1])
            for key in later { #expect(lookups.takeAnswer(for: key) == true) }
            let step = lookups.advance(subject, at: time.monotonic)
            guard attempt < settings.retries else {
                guard case .end(let lookup) = step else {
                    Issue.record("expected the end")
                    return
                }
                #expect(lookup.summary(unreached: [], hasDiscovery: true, patience: .seconds(10)).code == .notFound)
                break
            }
            time.monotonic = try #require(lookups.deadline)
            #expect(lookups.due(at: time.monotonic) == [subject])
            #expect(lookups.expire(subject) == .searchAgain)
        }
        let open = lookups.end(subject)
        #expect(open.isEmpty && lookups.isEmpty)
    }

    @Test("Peers that do not answer are late; one that says that the session is over ends the lookup") func peers()
        throws
    {
        var lookups = SessionLookups(methods: [.rendezvous], settings: settings)
        let subject = DiscoverySubject.session(try Fixtures.session(1))
        let (one, two) = (try TestKeys.peer(1), try TestKeys.peer(2))
        _ = lookups.begin(subject, purpose: .preview, isNamed: true)
        for peer in [one, two] { #expect(lookups.ask(peer, for: subject, answerBy: .seconds(5)) == true) }
        #expect(lookups.ask(one, for: subject, answerBy: .seconds(5)) == false)
        #expect(lookups.subjects(waitingFor: one) == [subject])
        #expect(lookups.fail(subject, at: one, failure(.sessionOver)) == true)
        #expect(lookups.fail(subject, at: one, failure(.sessionOver)) == false)
        #expect(lookups.expire(subject) == .late([two]))
        guard case .end(let lookup) = lookups.advance(subject, at: .seconds(5)) else {
            Issue.record("expected the end")
            return
        }
        #expect(lookup.summary(unreached: [two], hasDiscovery: true, patience: .seconds(10)).code == .sessionOver)
    }

    @Test("Both sides of a HELLO prove that they know the secret") func hello() throws {
        let (asking, answering) = (try TestKeys.peer(1), try TestKeys.peer(2))
        let subject = DiscoverySubject.session(try Fixtures.session(1))
        let (a, b) = (try Fixtures.session(8).hash, try Fixtures.session(9).hash)
        var joiner = HelloExchanges(localPeer: asking, perPeer: 1)
        var provider = HelloExchanges(localPeer: answering, perPeer: 1)
        joiner.begin(subject, a: a, with: answering)
        let answered = provider.answer(subject, a: a, b: b, to: asking, until: .seconds(10))
        let proof = try #require(answered)
        let second = provider.answer(subject, a: b, b: a, to: asking, until: .seconds(10))
        #expect(second == nil)
        var forged = joiner
        let other = HelloProof(a: proof.a, b: proof.b, proof: a.bytes)
        #expect(forged.receive(other, from: answering) == .forged(subject))
        guard case .proven(a, let transcript) = joiner.receive(proof, from: answering) else {
            Issue.record("expected a proof")
            return
        }
        #expect(joiner.receive(proof, from: answering) == .ignored)
        let step = HelloJoiner(a: a.bytes, messageKey: [], signature: [])
        let taken = provider.takeIncoming(step, from: asking)
        #expect(taken?.subject == subject && taken?.transcript.bytes == transcript)
        let takenAgain = provider.takeIncoming(step, from: asking)
        #expect(takenAgain?.subject == nil)
        let announcements = HelloAnnouncements(a: a.bytes, announcements: [], isOver: true)
        #expect(joiner.takeAnswer(announcements, from: asking) == nil)
        #expect(joiner.takeAnswer(announcements, from: answering) == subject)
        #expect(joiner.takeAnswer(announcements, from: answering) == nil)
    }

    @Test("A session is announced once, and a method that fails is told once") func publisher() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.publications = 1
        var publisher = Publisher(
            methods: [.rendezvous, .inbox], ownKey: try TestKeys.publicKey(0).xOnly, recordBytes: 16 << 10,
            configuration: configuration)
        let announced = try Fixtures.announced(methods: [.rendezvous, .inbox, .record])
        let session = announced.descriptor.id
        #expect(publisher.methods(of: announced) == [.rendezvous, .inbox])
        #expect(publisher.inboxes(of: announced) == [try TestKeys.publicKey(1).xOnly])
        let full = Publisher.News.failed(session, .inbox, "limits.publications is reached (1)")
        #expect(publisher.publish(announced, at: now) == [full])
        #expect(publisher.publish(announced, at: now) == [])
        let attempts = publisher.takeAttempts(at: now)
        #expect(attempts.map(\.key.method) == [.rendezvous])
        let attempt = try #require(attempts.first)
        let news = publisher.ended(attempt.key, attemptID: attempt.id, failure: nil, at: now)
        #expect(news == [.announced(session)])
        publisher.renewAddresses()
        let attemptsAgain = publisher.takeAttempts(at: now)
        let again = try #require(attemptsAgain.first)
        #expect(publisher.ended(again.key, attemptID: again.id, failure: nil, at: now) == [])
        var nextDay = now
        nextDay.monotonic = try #require(publisher.deadline)
        #expect([publisher.takeDayChange(at: nextDay), publisher.takeDayChange(at: nextDay)] == [true, false])
        #expect(publisher.withdraw(session) == [attempt.key])
    }

    @Test("What waits in the inbox is told once to each watch") func inbox() throws {
        let previews = PreviewCache(capacity: 8, bytes: 1 << 20)
        let announced = try Fixtures.announced()
        let preview = SessionPreview(
            session: announced.descriptor.id, descriptor: announced.descriptor, announcer: announced.peer,
            addresses: [], ownIndex: 1)
        var watch = InboxWatch(every: .seconds(60), at: now.monotonic)
        #expect([watch.take(at: now.monotonic), watch.take(at: now.monotonic + .seconds(59))] == [true, false])
        #expect(watch.nextAt == now.monotonic + .seconds(60))
        #expect(watch.news(of: [preview], previews: previews).map(\.session) == [preview.session])
        #expect(watch.news(of: [preview], previews: previews) == [])
    }
}
