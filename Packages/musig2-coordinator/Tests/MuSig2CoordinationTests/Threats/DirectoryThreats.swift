import MuSig2Session
import Multiformats
import PeerTransport
import PeerTransportTestKit
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// An attacker that controls what a DHT says, or reads all of it.
@Suite("Threats: a hostile DHT", .timeLimit(.minutes(5))) struct DirectoryThreats {
    private let message = Array("directory".utf8)

    private func day(_ meeting: Meeting) -> UInt32 {
        UInt32(meeting.network.clock.timeSource.now().wallMilliseconds / 86_400_000)
    }

    private func create(_ meeting: Meeting, by methods: Set<DiscoveryMethod>) async throws -> CreatedSession {
        var request = SessionRequest(signers: meeting.parties.map(\.publicKey), messages: [message])
        request.discovery = methods
        let events = await meeting[0].coordinator.events
        let created = try await meeting[0].coordinator.createSession(request)
        for await event in events where event == .announced(created.id) { break }
        return created
    }

    private func expectSigned(_ meeting: Meeting, _ id: SessionID) async throws {
        for party in meeting.parties {
            let signatures = try await party.coordinator.waitForSignatures(of: id)
            #expect(try verify(signatures, [message], keys: meeting.parties.map(\.publicKey)))
        }
    }

    /// S17: fakes stand on the keys of a session and of an inbox, which a node near them can see. They hear a joiner's first step, can
    /// prove nothing, and learn neither which peer asks nor what for; the joiner finds the session all the same.
    @Test(arguments: [DiscoveryMethod.rendezvous, .inbox]) func s17FakeProviders(_ method: DiscoveryMethod) async throws
    {
        let meeting = try await Meeting.start(2)
        let created = try await create(meeting, by: [method])
        let joiner = meeting[1]
        let subject: DiscoverySubject = method == .inbox ? .inbox(joiner.publicKey.xOnly) : .session(created.id)
        let key = ProviderKey(subject, day: day(meeting)).bytes
        let fake = try HostileSigner(666, on: meeting.network)
        try meeting.discovery.add(
            DiscoveredPeer(peer: fake.peer, addresses: [try Multiaddr("/memory/66")]), to: key, for: .seconds(3_600))
        let search = Task { () -> [SessionID] in
            if method == .inbox { return try await joiner.coordinator.inbox().map(\.session) }
            return [try await joiner.coordinator.previewSession(id: created.id).session]
        }
        let hello = try await fake.hear { heard in
            if case .hello(let hello) = heard.item { hello } else { nil }
        }
        #expect(hello.dhtKey == key)
        // Without the secret the best that it has is to make something up.
        fake.send(
            [.helloProof(HelloProof(a: hello.a, b: hello.a, proof: fake.randomHash().bytes))], to: joiner.peer)
        try await fake.untilDisconnected(from: joiner.peer)
        #expect(try await search.value == [created.id])
        for heard in fake.heard {
            guard case .hello = heard.item else {
                Issue.record("leaked: \(heard.item)")
                continue
            }
        }
        // What it heard says nothing of the key or of the session.
        #expect(!hello.encoded().contains(subsequence: joiner.publicKey.xOnly.rawRepresentation))
        #expect(!hello.encoded().contains(subsequence: created.id.bytes))
        try await joiner.coordinator.joinSession(id: created.id)
        try await expectSigned(meeting, created.id)
        await meeting.shutdown()
    }

    /// S17 and P1: a stranger that knows a signer's message key, and so can compute its inbox, learns no announcement: the provider closes
    /// without a word when it cannot sign with that key.
    @Test func s17AStrangerAtAnInbox() async throws {
        let meeting = try await Meeting.start(2)
        _ = try await create(meeting, by: [.inbox])
        let creator = meeting[0]
        let victim = meeting[1].publicKey.xOnly
        let stranger = try HostileSigner(666, on: meeting.network)
        for trick in 0..<3 {
            try await stranger.connect(to: creator.peer)
            stranger.forget()
            let transcript = try await stranger.prove(inbox: victim, at: creator.peer)
            var joiner = try stranger.joiner(transcript)
            if trick == 1 { joiner.messageKey = meeting[1].publicKey.compressedRepresentation }
            if trick == 2 { joiner.messageKey = creator.publicKey.compressedRepresentation }
            stranger.send([.helloJoiner(joiner)], to: creator.peer)
            try await stranger.untilDisconnected(from: creator.peer)
            for heard in stranger.heard {
                guard case .helloProof = heard.item else {
                    Issue.record("trick \(trick): \(heard.item)")
                    continue
                }
            }
        }
        // For a key that is no signer's there is not even a proof.
        try await stranger.connect(to: creator.peer)
        stranger.forget()
        let own = ProviderKey(.inbox(stranger.publicKey.xOnly), day: day(meeting)).bytes
        stranger.send([.hello(Hello(dhtKey: own, a: stranger.randomHash().bytes))], to: creator.peer)
        try await stranger.untilDisconnected(from: creator.peer)
        #expect(stranger.heard.isEmpty)
        await meeting.shutdown()
    }

    /// K13: what is signed for an inbox is a HELLO for that inbox and that connection, and opens nothing else: not a session, not another
    /// provider, no other tag.
    @Test func k13AnInboxOpensNothingElse() async throws {
        let meeting = try await Meeting.start(1)
        let creator = meeting[0]
        let signer = try HostileSigner(666, on: meeting.network)
        var request = SessionRequest(signers: [creator.publicKey, signer.publicKey], messages: [message])
        request.discovery = [.inbox, .rendezvous]
        let created = try await creator.coordinator.createSession(request)
        try await signer.connect(to: creator.peer)
        let key = signer.publicKey.xOnly
        let inbox = try await signer.prove(inbox: key, at: creator.peer)
        let signature = try signer.joiner(inbox).signature
        let schnorr = try SchnorrSignature(rawRepresentation: signature)
        for tag in Tag.all { #expect(tag.isValid(schnorr, for: inbox.bytes, by: key) == (tag == .helloJoiner)) }
        #expect(!key.isValidSignature(schnorr, for: inbox.bytes))
        #expect(!key.isValidSignature(schnorr, for: message))
        var elsewhere = inbox
        elsewhere.provider = signer.peer
        #expect(!Tag.helloJoiner.isValid(schnorr, for: elsewhere.bytes, by: key))
        // In the place of the third step for the session.
        let session = try await signer.prove(created.id, at: creator.peer)
        signer.forget()
        signer.send(
            [
                .helloJoiner(
                    HelloJoiner(
                        a: session.a.bytes, messageKey: signer.publicKey.compressedRepresentation, signature: signature)
                )
            ], to: creator.peer)
        try await signer.untilDisconnected(from: creator.peer)
        #expect(signer.heard.isEmpty)
        await meeting.shutdown()
    }

    /// P1: over two days, a crawler of all provider records sees keys and addresses. No key is an id or a message key or can be computed
    /// without one, none comes back on another day, and nothing that is shown is in a record.
    @Test func p1ACrawlerOfTwoDays() async throws {
        let meeting = try await Meeting.start(3)
        var request = SessionRequest(signers: meeting.parties.map(\.publicKey), messages: [message])
        request.discovery = [.rendezvous, .inbox]
        request.lifetime = .seconds(3 * 86_400)
        let created = try await meeting[0].coordinator.createSession(request)
        var byDay: [UInt32: Set<[UInt8]>] = [:]
        let mover = meeting.move()
        let first = day(meeting)
        while day(meeting) < first + 2 {
            byDay[day(meeting), default: []].formUnion(meeting.discovery.keys(providedBy: meeting[0].peer))
            await Task.yield()
        }
        mover.cancel()
        await mover.value
        let records = meeting.discovery.providerRecords
        let subjects: [DiscoverySubject] = [
            .session(created.id), .inbox(meeting[1].publicKey.xOnly), .inbox(meeting[2].publicKey.xOnly),
        ]
        // One key for each subject and day, all different.
        let keys = Set(records.map(\.key))
        let expected = (first...first + 2).flatMap { day in subjects.map { ProviderKey($0, day: day).bytes } }
        #expect(Set(expected).count == 9)
        #expect(keys.isSubset(of: expected))
        #expect(keys.isSuperset(of: expected.prefix(6)))
        for record in records {
            #expect(record.key.count == 34)
            #expect(record.provider.peer == meeting[0].peer)
            for subject in subjects { #expect(!record.key.contains(subsequence: subject.secret.bytes)) }
        }
        await meeting.shutdown()
    }

    /// S12 and S11: the record of a session is poisoned, flooded, or of another session. None of that is shown or joined; rendezvous and
    /// the invitation lead to the session.
    @Test func s12PoisonedRecord() async throws {
        // A discovery that keeps no rules at all, as a hostile or a foreign one would.
        let meeting = try await Meeting.start(2)
        let created = try await create(meeting, by: [.record])
        let bytes = try await meeting[0].coordinator.announcement(of: created.id)
        let other = try await create(meeting, by: [.record])
        let otherBytes = try await meeting[0].coordinator.announcement(of: other.id)
        var changed = bytes
        changed[bytes.count - 1] ^= 1
        let lies: [[UInt8]] = [changed, otherBytes, Array(bytes.dropLast()), [], [UInt8](repeating: 1, count: 100_000)]
        for (number, lie) in lies.enumerated() {
            let liar = try await Parties.party(
                1, peer: TestKeys.peer(100 + UInt64(number)), on: meeting.network,
                discovery: { _ in [Liar(lie: lie)] })
            await #expect(throws: CoordinatorError(.announcementRefused, ""), "\(number)") {
                try await meeting.advancing { try await liar.coordinator.joinSession(id: created.id) }
            }
            #expect(await liar.coordinator.machine.discovery.previews.count == 0)
            // The way that is no lie still works.
            if number == 0 {
                #expect(try await liar.coordinator.previewSession(created.invitation).session == created.id)
            }
            await Parties(network: meeting.network, all: [liar]).shutdown()
        }
        try await meeting[1].coordinator.joinSession(id: created.id)
        try await expectSigned(meeting, created.id)
        await meeting.shutdown()
    }
}

/// Returns one value for everything.
private struct Liar: SessionDiscovery {
    let method = DiscoveryMethod.record
    let lie: [UInt8]

    func publish(
        _ key: DiscoveryKey, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {}

    func withdraw(_ key: DiscoveryKey) async {}

    func find(_ key: DiscoveryKey, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        Array(repeating: .announcement(lie), count: 50)
    }
}

extension [UInt8] {
    /// Whether other bytes stand somewhere in these.
    fileprivate func contains(subsequence other: [UInt8]) -> Bool {
        guard other.count <= count else { return false }
        return (0...(count - other.count)).contains { self[$0..<($0 + other.count)].elementsEqual(other) }
    }
}
