import MuSig2Session
import Multiformats
import PeerTransport
import PeerTransportTestKit
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// Nodes that know nothing of each other, and a DHT that forgets, fails and lies, on virtual time.
@Suite("Simulated discovery") struct DiscoverySimulationTests {
    private static let message: [UInt8] = Array("found".utf8)
    private static let allMethods: [DiscoveryMethod] = [.rendezvous, .inbox, .record]

    private func plan(_ count: Int, lifetime: Duration = .seconds(7_200)) throws -> SessionPlan {
        let keys = try (0..<UInt64(count)).map { try TestKeys.publicKey($0) }
        var plan = SessionPlan(signerKeys: keys, messages: [Self.message], creator: 0)
        plan.lifetime = lifetime
        return plan
    }

    private func isComplete(_ world: SimulatedWorld, _ id: SessionID, count: Int) -> Bool {
        world.nodes.count == count && world.nodes.values.allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
    }

    private func fakes(_ count: Int) throws -> [DiscoveredPeer] {
        try (0..<count).map { DiscoveredPeer(peer: try TestKeys.peer(10_000 + UInt64($0)), addresses: []) }
    }

    private func key(_ subject: DiscoverySubject, _ world: SimulatedWorld, plus days: UInt32 = 0) -> [UInt8] {
        ProviderKey(subject, day: DiscoveryDay.of(world.now) + days).bytes
    }

    // MARK: Finding

    /// Each way alone, with loss, duplicates, reordering and a DHT that fails now and then.
    @Test(arguments: allMethods, 0..<UInt64(8)) func findsEachOther(_ method: DiscoveryMethod, _ seed: UInt64) throws {
        let count = 2 + Int(seed % 3)
        let world = SimulatedWorld(seed: seed)
        world.faults = .init(loss: 0.2, duplication: 0.1, delay: .milliseconds(80), deafness: 0.3)
        let nodes = try (0..<UInt64(count)).map { try world.start($0, methods: Self.allMethods) }
        // Joiners come before, while and after the session is published.
        var id: SessionID?
        world.schedule(.seconds(3)) { id = try world.create(plan(count), by: [method], at: nodes[0]) }
        for (key, node) in nodes.dropFirst().enumerated() {
            world.schedule(.seconds(2 + 2 * key)) { join() }
            func join() {
                guard let id else { return world.schedule(.seconds(1)) { join() } }
                if method == .inbox { world.joinWhatWaits(at: node) } else { world.join(id, at: node) }
            }
        }
        let isDone = try world.run(for: .seconds(7_000)) {
            id.map { isComplete(world, $0, count: count) } ?? false
        }
        #expect(isDone, "seed \(seed), \(method.name)")
        #expect(world.ledger.breach == nil, "seed \(seed), \(method.name)")
        let keys = try (0..<UInt64(count)).map { try TestKeys.publicKey($0) }
        let found = try #require(id)
        for node in nodes {
            let signatures = try #require(node.machine.sessions.signatures(of: found))
            #expect(try verify(signatures, [Self.message], keys: keys), "seed \(seed), \(method.name)")
        }
    }

    /// S12: nine of ten nodes nearest to the key withhold what they are given, and name others or return forgeries instead. No wrong peer
    /// is admitted, and the session is found.
    @Test(arguments: allMethods, 0..<UInt64(4)) func s12MostHoldersAreHostile(_ method: DiscoveryMethod, _ seed: UInt64)
        throws
    {
        let world = SimulatedWorld(seed: seed)
        world.faults = .init(loss: 0.1, delay: .milliseconds(50))
        let creator = try world.start(0, methods: Self.allMethods)
        let joiner = try world.start(1, methods: Self.allMethods)
        // Fakes that are there, and answer nothing that they can answer rightly; and fakes that are not.
        let liars = try (0..<UInt64(5)).map { try world.start(500 + $0, methods: Self.allMethods).peer }
        let id = try world.create(plan(2), by: [method], at: creator)
        let bytes = try #require(creator.machine.sessions[id]?.announced.signed.encoded())
        let forged = [bytes.map { $0 ^ 1 }, Array(bytes.dropLast()), [], Array(repeating: 7, count: 20_000)]
        let named = liars.map { DiscoveredPeer(peer: $0, addresses: SimulatedWorld.addresses) } + (try fakes(200))
        var faults = InMemoryDiscovery.Faults(hostileShare: 0.9)
        for subject in [DiscoverySubject.session(id), joiner.machine.ownInbox] {
            faults.peers[key(subject, world)] = named
        }
        faults.values[RecordName(session: id).bytes] = forged
        world.discovery.faults = faults
        if method == .inbox { world.joinWhatWaits(at: joiner) } else { world.join(id, at: joiner) }
        let isDone = try world.run(for: .seconds(7_000)) {
            [creator, joiner].allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
        }
        #expect(isDone, "seed \(seed), \(method.name)")
        for node in [creator, joiner] {
            let joined = node.events.compactMap { event -> PeerID? in
                if case .participantJoined(_, _, let peer, _, _) = event { peer } else { nil }
            }
            #expect(Set(joined).isSubset(of: [creator.peer, joiner.peer]), "seed \(seed), \(method.name)")
        }
        for liar in liars {
            #expect(world.nodes[liar]?.machine.sessions.knows(id) == false, "seed \(seed), \(method.name)")
        }
    }

    /// S12: the DHT names 60 fakes and, between them, the creator. A node that asks often enough reaches it: of those beyond the first ten some are
    /// asked by chance.
    @Test(arguments: [DiscoveryMethod.rendezvous, .inbox]) func s12FloodedWithFakes(_ method: DiscoveryMethod) throws {
        let world = SimulatedWorld(seed: 12)
        let creator = try world.start(0, methods: Self.allMethods)
        let joiner = try world.start(1, methods: Self.allMethods)
        let id = try world.create(plan(2), by: [method], at: creator)
        var named = try fakes(60)
        named.insert(DiscoveredPeer(peer: creator.peer, addresses: SimulatedWorld.addresses), at: 40)
        var faults = InMemoryDiscovery.Faults(hostileShare: 1)
        for subject in [DiscoverySubject.session(id), joiner.machine.ownInbox] {
            faults.peers[key(subject, world)] = named
        }
        world.discovery.faults = faults
        if method == .inbox { world.joinWhatWaits(at: joiner) } else { world.join(id, at: joiner) }
        let isDone = try world.run(for: .seconds(3_600)) { isComplete(world, id, count: 2) }
        #expect(isDone, "\(method.name)")
    }

    /// At most 20 providers are asked in one look, those first that are known.
    @Test func atMostTwentyAreAsked() throws {
        let wire = Wire()
        let joiner = try SimulatedNode(
            1, peer: TestKeys.peer(1), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 1,
            methods: [.rendezvous], now: wire.now)
        let known = try TestKeys.peer(10_050)
        _ = wire.connect(known, to: joiner)
        let id = SessionID(Hash32.zero)
        joiner.take(.lookUp(.session(id), providers: []), at: wire.now)
        let key = DiscoveryKey(method: .rendezvous, subject: .session(id), day: DiscoveryDay.of(wire.now))
        joiner.take(.found(key, .success(try fakes(500).map { .provider($0) })), at: wire.now)
        let effects = joiner.takeOutgoing()
        let dialled = effects.compactMap { effect -> PeerID? in
            if case .connect(let peer, _) = effect { peer } else { nil }
        }
        let greeted = effects.compactMap { effect -> PeerID? in
            if case .send(_, let peer) = effect { peer } else { nil }
        }
        #expect(greeted == [known])
        #expect(Set(dialled).count == 19)
        #expect(dialled.prefix(10) == (try fakes(10).map(\.peer))[...])
        // What another discovery names finds no room.
        joiner.take(.found(key, .success(try fakes(500).reversed().map { .provider($0) })), at: wire.now)
        #expect(joiner.takeOutgoing().isEmpty)
    }

    /// So many keys and no more: what is not published is told, and the rest works.
    @Test func publicationsAreBounded() throws {
        let world = SimulatedWorld(seed: 13)
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.publications = 2
        let creator = try world.start(0, configuration: configuration, methods: Self.allMethods)
        let id = try world.create(plan(4), by: [.rendezvous, .inbox], at: creator)
        _ = try world.run(for: .seconds(5)) { false }
        #expect(world.discovery.keys(providedBy: creator.peer).count == 2)
        let failures = creator.events.compactMap { event -> CoordinatorError.Code? in
            if case .error(let error) = event { error.code } else { nil }
        }
        #expect(failures == [.publishFailed])
        #expect(creator.events.contains(.announced(id)))
    }

    /// What was looked at and not joined is bounded in number and bytes, the oldest going first.
    @Test func previewsAreBounded() throws {
        var shelf = PreviewCache(capacity: 3, bytes: 4_000)
        let wire = Wire()
        let node = try SimulatedNode(
            0, peer: TestKeys.peer(0), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 1,
            now: wire.now)
        func put(_ bytes: Int) throws -> SessionID {
            var plan = try plan(2)
            plan.messages = [[UInt8](repeating: 1, count: bytes)]
            let id = try node.create(plan, at: wire.now)
            let announced = try #require(node.machine.sessions[id]?.announced)
            for number in 0..<100 as Range<UInt64> { shelf.put(announced, from: try TestKeys.peer(number)) }
            return id
        }
        let small = try (0..<5).map { _ in try put(10) }
        #expect(shelf.count == 3)
        #expect(small.map { shelf[$0] != nil } == [false, false, true, true, true])
        #expect(shelf[small[4]]?.providers.count == 32)
        let large = try put(3_800)
        #expect(shelf.count == 1)
        #expect(shelf[large] != nil)
        shelf.removeExpired(at: .max)
        #expect(shelf.count == 0)
        _ = try put(10)
        #expect(shelf.count == 1)
    }

    /// S12: everything is withheld. The look says that nothing was found, and an invitation leads to the session.
    @Test(arguments: [DiscoveryMethod.rendezvous, .record]) func s12WithheldByAll(_ method: DiscoveryMethod) throws {
        let world = SimulatedWorld(seed: 3)
        let creator = try world.start(0, methods: Self.allMethods)
        let joiner = try world.start(1, methods: Self.allMethods)
        world.discovery.faults = InMemoryDiscovery.Faults(hostileShare: 1)
        let id = try world.create(plan(2), by: [method], at: creator)
        world.give(.lookUp(.session(id), providers: []), to: joiner)
        _ = try world.run(for: .seconds(60)) { !joiner.previews.isEmpty }
        guard case .failure(let error)? = joiner.previews.last else {
            Issue.record("expected a failure")
            return
        }
        #expect(error.code == .notFound)
        world.join(id, at: joiner, provider: creator.peer)
        let isDone = try world.run(for: .seconds(60)) { isComplete(world, id, count: 2) }
        #expect(isDone)
    }

    /// A look that finds nothing is repeated 3 times, after 2, 4 and 8 s, with yesterday's key each time.
    @Test func aLookIsRepeated() throws {
        let world = SimulatedWorld(seed: 4)
        let joiner = try world.start(1, methods: [.rendezvous])
        let id = SessionID(try #require(Hash32([UInt8](repeating: 1, count: 32))))
        world.give(.lookUp(.session(id), providers: []), to: joiner)
        _ = try world.run(for: .seconds(13)) { !joiner.previews.isEmpty }
        #expect(joiner.previews.isEmpty)
        _ = try world.run(for: .seconds(2)) { !joiner.previews.isEmpty }
        guard case .failure(let error)? = joiner.previews.last else {
            Issue.record("expected a failure after 14 s")
            return
        }
        #expect(error.code == .notFound)
        #expect(joiner.machine.nextDeadline == nil)
    }

    /// Not a single call of the discovery succeeds: clear errors on both sides.
    @Test func deafDiscovery() throws {
        let world = SimulatedWorld(seed: 5)
        world.faults.deafness = 1
        let creator = try world.start(0, methods: Self.allMethods)
        let joiner = try world.start(1, methods: Self.allMethods)
        let id = try world.create(plan(2), by: [.rendezvous, .inbox, .record], at: creator)
        world.give(.lookUp(.session(id), providers: []), to: joiner)
        world.give(.lookUp(joiner.machine.ownInbox, providers: []), to: joiner)
        _ = try world.run(for: .seconds(60)) { joiner.previews.count == 2 }
        #expect(
            joiner.previews.map { result -> CoordinatorError.Code? in
                if case .failure(let error) = result { error.code } else { nil }
            } == [.lookupFailed, .lookupFailed])
        let failures = creator.events.filter { event in
            if case .error(let error) = event { error.code == .publishFailed && error.session == id } else { false }
        }
        #expect(failures.count == 3)
        #expect(!creator.events.contains(.announced(id)))
        // It is tried again later, and then told.
        world.faults.deafness = 0
        _ = try world.run(for: .seconds(700)) { creator.events.contains(.announced(id)) }
        #expect(creator.events.contains(.announced(id)))
        world.join(id, at: joiner)
        let isDone = try world.run(for: .seconds(60)) { isComplete(world, id, count: 2) }
        #expect(isDone)
    }

    // MARK: Days

    /// Today's key is published, and tomorrow's from 22:00 on; each until the end of the day after. A joiner that comes days later, or
    /// with a clock that is a day behind or ahead, finds the session.
    @Test func keysChangeWithTheDay() throws {
        let world = SimulatedWorld(seed: 6)
        let creator = try world.start(0, methods: [.rendezvous, .inbox])
        let other = try TestKeys.publicKey(1).xOnly
        let id = try world.create(plan(2, lifetime: .seconds(5 * 86_400)), by: [.rendezvous, .inbox], at: creator)
        let start = DiscoveryDay.of(world.now)
        func published() -> Set<[UInt8]> { world.discovery.keys(providedBy: creator.peer) }
        func keys(_ days: UInt32...) -> Set<[UInt8]> {
            Set(
                days.flatMap { day in
                    [
                        ProviderKey(.session(id), day: start + day).bytes,
                        ProviderKey(.inbox(other), day: start + day).bytes,
                    ]
                })
        }
        // The world begins at 08:00 UTC.
        _ = try world.run(for: .seconds(60)) { false }
        #expect(published() == keys(0))
        _ = try world.run(for: .seconds(13 * 3_600 + 3_300)) { false }
        #expect(published() == keys(0))
        _ = try world.run(for: .seconds(600)) { false }
        #expect(published() == keys(0, 1))
        _ = try world.run(for: .seconds(4 * 3_600)) { false }
        #expect(DiscoveryDay.of(world.now) == start + 1)
        #expect(published() == keys(0, 1))
        _ = try world.run(for: .seconds(22 * 3_600)) { false }
        #expect(DiscoveryDay.of(world.now) == start + 2)
        #expect(published() == keys(1, 2))
        let joiner = try world.start(1, methods: [.rendezvous])
        world.join(id, at: joiner)
        let isDone = try world.run(for: .seconds(60)) { isComplete(world, id, count: 2) }
        #expect(isDone)
    }

    /// S34: clocks on both sides of midnight, as far apart as is allowed, either one ahead: the joiner finds the creator, and its HELLO is
    /// answered.
    @Test(
        arguments: [DiscoveryMethod.rendezvous, .inbox],
        [
            // (the world's clock, the creator's ahead of it, the joiner's ahead of it), in milliseconds; midnight is 0.
            (60_000, 0, -180_000), (0, 0, -1), (0, 0, -300_000), (299_999, 0, -300_000), (300_000, 0, -300_000),
            (60_000, -180_000, 0), (0, -1, 0), (0, -300_000, 0), (299_999, -300_000, 0), (300_000, -300_000, 0),
            (-1, 1, 0), (-150_000, 150_000, -150_000), (0, 0, 0), (-1, 0, 0),
        ] as [(Int64, Int64, Int64)])
    func s34BothSidesOfMidnight(_ method: DiscoveryMethod, _ clocks: (Int64, Int64, Int64)) throws {
        let world = SimulatedWorld(seed: 34)
        // The world begins at 08:00 UTC.
        _ = try world.run(for: .milliseconds(16 * 3_600_000 + clocks.0)) { false }
        #expect(Int64(world.now.wallMilliseconds % DiscoveryDay.milliseconds) == (86_400_000 + clocks.0) % 86_400_000)
        let creator = try world.start(0, methods: [.rendezvous, .inbox])
        let joiner = try world.start(1, methods: [.rendezvous, .inbox])
        creator.skew = clocks.1
        joiner.skew = clocks.2
        let id = try world.create(plan(2), by: [method], at: creator)
        if method == .inbox { world.joinWhatWaits(at: joiner) } else { world.join(id, at: joiner) }
        // Less than the first repetition of a look takes.
        let isDone = try world.run(for: .milliseconds(1_900)) { isComplete(world, id, count: 2) }
        #expect(isDone, "\(method.name), creator \(clocks.1) ms, joiner \(clocks.2) ms, at midnight + \(clocks.0) ms")
    }

    /// S34: a session that was published long before is found by a joiner that has the next day already, and the other way round when the
    /// creator's day has just begun.
    @Test(arguments: [-299_999, -1, 0, 1, 299_999] as [Int64])
    func s34APublishedSessionAtMidnight(_ ahead: Int64) throws {
        for moment in [-300_000, -1, 0, 1, 300_000] as [Int64] {
            let world = SimulatedWorld(seed: 35)
            let creator = try world.start(0, methods: [.rendezvous])
            let id = try world.create(plan(2, lifetime: .seconds(2 * 86_400)), by: [.rendezvous], at: creator)
            _ = try world.run(for: .milliseconds(16 * 3_600_000 + moment)) { false }
            let joiner = try world.start(1, methods: [.rendezvous])
            joiner.skew = ahead
            world.join(id, at: joiner)
            let isDone = try world.run(for: .milliseconds(1_900)) { isComplete(world, id, count: 2) }
            #expect(isDone, "the joiner \(ahead) ms ahead, at midnight + \(moment) ms")
        }
    }

    /// The days that a joiner tries: today, yesterday, and in the last five minutes first tomorrow.
    @Test func daysThatAreTried() {
        let day = 20_775 as UInt64
        func tried(_ milliseconds: UInt64) -> [UInt32] {
            DiscoveryDay.tried(at: Now(monotonic: .zero, wallMilliseconds: day * 86_400_000 + milliseconds))
        }
        #expect(tried(0) == [20_775, 20_774])
        #expect(tried(86_099_999) == [20_775, 20_774])
        #expect(tried(86_100_000) == [20_776, 20_775, 20_774])
        #expect(tried(86_399_999) == [20_776, 20_775, 20_774])
        #expect(DiscoveryDay.tried(at: Now(monotonic: .zero, wallMilliseconds: 0)) == [0])
    }

    /// A key is published for as long as it is of use: until the session expires, or until the end of the day after its day.
    @Test(arguments: [(3_600, 3_600), (5 * 86_400, 40 * 3_600)] as [(Int, Int)])
    func lifetimes(_ lifetime: Int, _ expected: Int) throws {
        let wire = Wire()
        let node = try SimulatedNode(
            0, peer: TestKeys.peer(0), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 1,
            methods: [.rendezvous], now: wire.now)
        _ = try node.create(plan(2, lifetime: .seconds(lifetime)), by: [.rendezvous], at: wire.now)
        let orders = node.takeOutgoing().compactMap { effect -> PublicationQueue.Attempt? in
            if case .publish(let order) = effect { order } else { nil }
        }
        // It is 08:00 UTC.
        #expect(orders.map(\.lifetime) == [.seconds(expected)])
        #expect(orders.map(\.announcement) == [nil])
    }

    // MARK: Changes

    /// The creator's addresses change: providers are published anew, and the record with a higher sequence.
    @Test func otherAddresses() throws {
        let world = SimulatedWorld(seed: 7)
        let creator = try world.start(0, methods: Self.allMethods)
        let id = try world.create(plan(2), by: [.rendezvous, .inbox, .record], at: creator)
        _ = try world.run(for: .seconds(10)) { false }
        let name = RecordName(session: id).bytes
        func record() throws -> Announcement {
            let found = try world.discovery.value(at: name)
            return try SignedAnnouncement(decoding: try #require(found).value).announcement
        }
        let before = try record()
        let addresses = [try Multiaddr("/memory/77"), try Multiaddr("/memory/78")]
        world.give(.network(.addressesChanged(addresses)), to: creator)
        _ = try world.run(for: .seconds(10)) { false }
        let after = try record()
        #expect(after.sequence > before.sequence)
        #expect(after.addresses == addresses.map(\.bytes))
        #expect(after.ways == before.ways)
        for subject in [DiscoverySubject.session(id), .inbox(try TestKeys.publicKey(1).xOnly)] {
            let found = try world.discovery.providers(of: key(subject, world), limit: 9)
            #expect(found.map(\.addresses) == [addresses])
        }
        // The same addresses again change nothing.
        world.give(.network(.addressesChanged(addresses)), to: creator)
        _ = try world.run(for: .seconds(10)) { false }
        #expect(try record().sequence == after.sequence)
    }

    /// Every signer that joined provides, in the ways that the creator chose and in no other; at the end nobody does.
    @Test(arguments: [[], [.rendezvous], [.inbox], [.rendezvous, .inbox, .record]] as [Set<DiscoveryMethod>])
    func everySignerProvidesAndStops(_ methods: Set<DiscoveryMethod>) throws {
        let world = SimulatedWorld(seed: 8)
        let nodes = try (0..<UInt64(3)).map { try world.start($0, methods: Self.allMethods) }
        let id = try world.create(plan(3), by: methods, at: nodes[0])
        world.join(id, at: nodes[1], provider: nodes[0].peer)
        _ = try world.run(for: .seconds(10)) { false }
        for (number, node) in nodes.prefix(2).enumerated() {
            var expected: Set<[UInt8]> = []
            if methods.contains(.rendezvous) { expected.insert(key(.session(id), world)) }
            if methods.contains(.inbox) {
                for other in 0..<3 where other != number {
                    expected.insert(key(.inbox(try TestKeys.publicKey(UInt64(other)).xOnly), world))
                }
            }
            #expect(world.discovery.keys(providedBy: node.peer) == expected, "\(number)")
        }
        #expect(world.discovery.renewedNames == (methods.contains(.record) ? [RecordName(session: id).bytes] : []))
        world.join(id, at: nodes[2], provider: nodes[1].peer)
        let isDone = try world.run(for: .seconds(60)) { isComplete(world, id, count: 3) }
        #expect(isDone)
        _ = try world.run(for: .seconds(20)) { false }
        for node in nodes { #expect(world.discovery.keys(providedBy: node.peer) == []) }
        #expect(world.discovery.renewedNames == [])
        #expect(world.discovery.providerRecords.isEmpty == methods.isDisjoint(with: [.rendezvous, .inbox]))
    }

    /// Both signers come back with their stores and with other peer ids and addresses: they meet again at the day's key.
    @Test func bothComeBackElsewhere() throws {
        let world = SimulatedWorld(seed: 9)
        let nodes = try (0..<UInt64(2)).map { try world.start($0, methods: [.rendezvous]) }
        nodes[1].consent = { $0.stage == .sign ? nil : .approve }
        let id = try world.create(plan(2), by: [.rendezvous], at: nodes[0])
        world.join(id, at: nodes[1])
        _ = try world.run(for: .seconds(20)) { false }
        #expect(nodes[0].machine.sessions.signatures(of: id) == nil)
        for node in nodes { world.crash(node) }
        for node in nodes {
            try world.start(
                node.number, peer: TestKeys.peer(70 + node.number), store: node.store, methods: [.rendezvous])
        }
        let isDone = try world.run(for: .seconds(1_000)) { isComplete(world, id, count: 2) }
        #expect(isDone)
        #expect(world.ledger.breach == nil)
    }
}
