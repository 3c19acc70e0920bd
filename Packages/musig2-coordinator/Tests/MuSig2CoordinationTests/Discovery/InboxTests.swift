import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// HELLO with the message key as the secret, frame by frame.
@Suite("Inboxes") struct InboxTests {
    private let wire = Wire()
    private let a = Array(repeating: UInt8(9), count: 32)

    private func node(
        _ number: UInt64, methods: [DiscoveryMethod] = [.rendezvous, .inbox],
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration()
    ) throws -> SimulatedNode {
        try SimulatedNode(
            number, peer: TestKeys.peer(number), store: InMemorySessionStore(), configuration: configuration, seed: 3,
            methods: methods, now: wire.now)
    }

    private func create(
        _ signers: [UInt64], by methods: Set<DiscoveryMethod>, at node: SimulatedNode, message: UInt8 = 1
    ) throws -> SessionID {
        let keys = try signers.map { try TestKeys.publicKey($0) }
        let session = try node.create(
            SessionPlan(signerKeys: keys, messages: [[message]], creator: 0), by: methods, at: wire.now)
        _ = node.takeOutgoing()
        return session
    }

    private func inboxKey(_ number: UInt64, day offset: Int64 = 0) throws -> [UInt8] {
        let day = UInt32(Int64(DiscoveryDay.of(wire.now)) + offset)
        return ProviderKey(.inbox(try TestKeys.publicKey(number).xOnly), day: day).bytes
    }

    /// All four steps by hand: the holder of key `number` asks for the inbox of key `inbox`.
    private func ask(
        _ node: SimulatedNode, _ number: UInt64, inbox: UInt64? = nil, tag: MuSig2Session.Tag = .helloJoiner,
        secret: [UInt8]? = nil
    ) throws -> [CoordinatorEffect] {
        let peer = try TestKeys.peer(number)
        if !node.machine.peers.isConnected(peer) { _ = wire.connect(peer, to: node) }
        let first = wire.give(
            [.hello(Hello(dhtKey: try inboxKey(inbox ?? number), a: a))], to: node, from: peer)
        guard case .helloProof(let proof)? = try Wire.items(first, to: peer).first else { return first }
        let key = try TestKeys.secret(number)
        let x = try TestKeys.publicKey(inbox ?? number).xOnly.x
        let transcript = HelloTranscript(
            secret: x, provider: node.peer, joiner: peer, a: try #require(Hash32(a)), b: try #require(Hash32(proof.b)))
        #expect(proof.proof == transcript.providerProof.bytes)
        var signed = transcript
        if let secret { signed.secret = try #require(Hash32(secret)) }
        let joiner = HelloJoiner(
            a: a, messageKey: key.publicKey.compressedRepresentation,
            signature: try tag.sign(signed.bytes, with: key).rawRepresentation)
        return wire.give([.helloJoiner(joiner)], to: node, from: peer)
    }

    private func shown(_ effects: [CoordinatorEffect], to number: UInt64) throws -> HelloAnnouncements? {
        let items = try Wire.items(effects, to: TestKeys.peer(number))
        guard case .helloAnnouncements(let answer)? = items.first else { return nil }
        #expect(items.count == 1)
        return answer
    }

    private func ids(_ answer: HelloAnnouncements?) throws -> [SessionID] {
        try #require(answer).announcements.map { SessionID(descriptorBytes: $0.announcement.descriptorBytes) }
    }

    private func isSilentlyClosed(_ effects: [CoordinatorEffect], _ number: UInt64) throws -> Bool {
        let peer = try TestKeys.peer(number)
        return Wire.frames(effects, to: peer).isEmpty && Wire.isDisconnected(effects, from: peer)
    }

    @Test func aSignerSeesWhatWaitsForItsKeyAlone() throws {
        let node = try node(0)
        let forBoth = try create([0, 1, 2], by: [.inbox], at: node)
        let forOne = try create([0, 1], by: [.inbox, .rendezvous], at: node)
        // Sessions of creators that did not ask for inboxes are in none.
        _ = try create([0, 1, 2], by: [.rendezvous], at: node)
        _ = try create([0, 1], by: [], at: node)
        let first = try shown(try ask(node, 1), to: 1)
        #expect(Set(try ids(first)) == [forBoth, forOne])
        #expect(first?.isOver == false)
        #expect(try ids(shown(try ask(node, 2), to: 2)) == [forBoth])
        // A key that nothing waits for: not even a proof.
        #expect(try isSilentlyClosed(ask(node, 3), 3))
    }

    /// A peer that knows a key, and does not hold it, is shown nothing.
    @Test func anotherKeySeesNothing() throws {
        let node = try node(0)
        _ = try create([0, 1, 2], by: [.inbox], at: node)
        #expect(try isSilentlyClosed(ask(node, 5, inbox: 1), 5))
        // Not even another signer of the same session.
        #expect(try isSilentlyClosed(ask(node, 2, inbox: 1), 2))
    }

    /// K13: no other tag, and no HELLO for another secret, opens an inbox.
    @Test(arguments: MuSig2Session.Tag.all.filter { $0 != .helloJoiner })
    func k13OtherTags(_ tag: MuSig2Session.Tag) throws {
        let node = try node(0)
        let session = try create([0, 1], by: [.inbox, .rendezvous], at: node)
        #expect(try isSilentlyClosed(ask(node, 1, tag: tag), 1))
        #expect(try isSilentlyClosed(ask(node, 1, secret: session.bytes), 1))
    }

    @Test func yesterdayAndTomorrowAreAnswered() throws {
        let node = try node(0)
        _ = try create([0, 1], by: [.inbox], at: node)
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        for offset in [-1, 0, 1] as [Int64] {
            let hello = Hello(dhtKey: try inboxKey(1, day: offset), a: a.map { $0 &+ UInt8(offset + 1) })
            #expect(try Wire.items(wire.give([.hello(hello)], to: node, from: peer), to: peer).count == 1)
        }
        for offset in [-2, 2] as [Int64] {
            let hello = Hello(dhtKey: try inboxKey(1, day: offset), a: a)
            #expect(try isSilentlyClosed(wire.give([.hello(hello)], to: node, from: peer), 1))
        }
    }

    @Test func whatIsOverIsOver() throws {
        let node = try node(0)
        let session = try create([0, 1], by: [.inbox], at: node)
        node.take(.command(session, .abort(reason: "enough")), at: wire.now)
        _ = node.takeOutgoing()
        let answer = try shown(try ask(node, 1), to: 1)
        #expect(answer?.isOver == true)
        #expect(answer?.announcements == [])
        // With another one that is open, that one is shown.
        let open = try create([0, 1], by: [.inbox], at: node)
        let second = try shown(try ask(node, 1), to: 1)
        #expect(try ids(second) == [open])
        #expect(second?.isOver == false)
    }

    /// Also when nothing is left of a session but its tombstone, and nothing any more when that has expired.
    @Test func tombstonesAreOver() throws {
        let world = SimulatedWorld(seed: 2)
        let nodes = try (0..<UInt64(2)).map { try world.start($0, methods: [.inbox]) }
        let keys = try (0..<UInt64(2)).map { try TestKeys.publicKey($0) }
        let id = try world.create(
            SessionPlan(signerKeys: keys, messages: [[1]], creator: 0), by: [.inbox], at: nodes[0])
        world.joinWhatWaits(at: nodes[1])
        _ = try world.run(for: .seconds(60)) {
            nodes.allSatisfy { $0.machine.sessions[id] == nil && $0.machine.sessions.finished[id] != nil }
        }
        #expect(nodes[0].machine.sessions[id] == nil)
        let inbox = keys[1].xOnly
        let key = ProviderKey(.inbox(inbox), day: DiscoveryDay.of(world.now)).hash
        var machine = nodes[0].machine
        #expect(machine.discovery.index.subject(of: key, today: DiscoveryDay.of(world.now)) == .inbox(inbox))
        #expect(machine.announcements(in: inbox).isEmpty)
        var later = world.now
        later.monotonic += .seconds(8_000)
        later.wallMilliseconds += 8_000_000
        _ = machine.handle(.tick, at: later)
        #expect(machine.discovery.index.subject(of: key, today: DiscoveryDay.of(later)) == nil)
    }

    /// S17: a fake provider between a joiner and the creator of what waits.
    @Test func s17RelayedInbox() throws {
        let creator = try node(0)
        _ = try create([0, 1], by: [.inbox], at: creator)
        let victim = try node(1)
        let fake = try TestKeys.peer(50)
        victim.take(.lookUp(victim.machine.ownInbox, providers: []), at: wire.now)
        let keys = victim.takeOutgoing().compactMap { effect -> DiscoveryKey? in
            if case .find(let key, _) = effect { key } else { nil }
        }
        #expect(keys.map(\.bytes) == [try inboxKey(1)])
        victim.take(
            .found(try #require(keys.first), .success([.provider(DiscoveredPeer(peer: fake, addresses: []))])),
            at: wire.now)
        _ = victim.takeOutgoing()
        let first = try Wire.items(wire.connect(fake, to: victim), to: fake)
        guard case .hello(let hello)? = first.first else {
            Issue.record("expected hello, found \(first)")
            return
        }
        _ = wire.connect(fake, to: creator)
        let relayed = try Wire.items(wire.give([.hello(hello)], to: creator, from: fake), to: fake)
        guard case .helloProof(let proof)? = relayed.first else {
            Issue.record("expected a proof, found \(relayed)")
            return
        }
        let effects = wire.give([.helloProof(proof)], to: victim, from: fake)
        #expect(Wire.frames(effects, to: fake).isEmpty)
        #expect(Wire.isDisconnected(effects, from: fake))
    }

    /// A provider that knows the key shows what is not for it, not signed, past, or too much: nothing of that is listed.
    @Test func whatIsShownIsVerified() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.inboxSessions = 8
        let victim = try node(1, configuration: configuration)
        let other = try node(0)
        func signed(_ signers: [UInt64], at time: Now, message: UInt8) throws -> SignedAnnouncement {
            let keys = try signers.map { try TestKeys.publicKey($0) }
            let session = try other.create(
                SessionPlan(signerKeys: keys, messages: [[message]], creator: 0), by: [.inbox], at: time)
            return try #require(other.machine.sessions[session]).announced.signed
        }
        let good = try signed([0, 1], at: wire.now, message: 1)
        let foreign = try signed([0, 2], at: wire.now, message: 2)
        var past = wire.now
        past.wallMilliseconds -= 3 * 3_600_000
        let old = try signed([0, 1], at: past, message: 3)
        let forged = SignedAnnouncement(try signed([0, 1], at: wire.now, message: 4).announcement) { _ in
            [UInt8](repeating: 1, count: 64)
        }
        var all = [foreign, old, forged, good, good]
        for message in 10..<40 as Range<UInt8> { all.append(try signed([0, 1], at: wire.now, message: message)) }
        let provider = try TestKeys.peer(50)
        victim.take(.lookUp(victim.machine.ownInbox, providers: []), at: wire.now)
        let key = DiscoveryKey(
            method: .inbox, subject: victim.machine.ownInbox, day: DiscoveryDay.of(wire.now))
        victim.take(
            .found(key, .success([.provider(DiscoveredPeer(peer: provider, addresses: []))])), at: wire.now)
        _ = victim.takeOutgoing()
        guard case .hello(let hello)? = try Wire.items(wire.connect(provider, to: victim), to: provider).first else {
            Issue.record("expected hello")
            return
        }
        let transcript = HelloTranscript(
            secret: victim.machine.ownInbox.secret, provider: provider, joiner: victim.peer,
            a: try #require(Hash32(hello.a)), b: .zero)
        let third = wire.give(
            [.helloProof(HelloProof(a: hello.a, b: transcript.b.bytes, proof: transcript.providerProof.bytes))],
            to: victim, from: provider)
        #expect(try Wire.items(third, to: provider).count == 1)
        _ = wire.give(
            [.helloAnnouncements(HelloAnnouncements(a: hello.a, announcements: all))], to: victim, from: provider)
        guard case .success(let previews)? = victim.previews.last else {
            Issue.record("expected previews")
            return
        }
        // Of eight, three are refused, and one is there twice.
        #expect(previews.count == 4)
        #expect(
            previews.contains { $0.session == SessionID(descriptorBytes: good.announcement.descriptorBytes) })
        #expect(previews.allSatisfy { $0.ownIndex == 1 && $0.announcer == other.peer })
        // Unasked, the same is nothing.
        _ = wire.give(
            [.helloAnnouncements(HelloAnnouncements(a: hello.a, announcements: [good]))], to: victim, from: provider)
        #expect(victim.previews.count == 1)
    }

    /// Many sessions wait: those that the signer has not joined come first, the newest first, and as many as there may be.
    @Test func theNewestThatAreNotJoinedComeFirst() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.inboxSessions = 3
        let node = try node(0, configuration: configuration)
        var sessions: [SessionID] = []
        for number in 0..<5 as Range<UInt8> {
            let keys = [try TestKeys.publicKey(0), try TestKeys.publicKey(1)]
            var time = wire.now
            time.wallMilliseconds += UInt64(number) * 1_000
            sessions.append(
                try node.create(
                    SessionPlan(signerKeys: keys, messages: [[number]], creator: 0), by: [.inbox], at: time))
        }
        _ = node.takeOutgoing()
        #expect(try ids(shown(try ask(node, 1), to: 1)) == [sessions[4], sessions[3], sessions[2]])
    }
}
