import Logging
import MuSig2
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Synchronization
import Testing
import WireCodec

@testable import MuSig2Coordination

/// Attackers that want to use up what a node has, or read what it leaves lying about.
@Suite("Threats: load", .timeLimit(.minutes(1))) struct LoadThreats {
    /// R2: a peer floods a node. It is slowed down, the others are not; then it is let back in.
    @Test func r2AFloodOfMessages() async throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.abuse.messages = .init(perSecond: 100, burst: 200)
        let parties = try await Parties.start(2, configuration: configuration)
        let flood = try HostileSigner(666, on: parties.network)
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[1]]))
        let events = await parties[0].coordinator.events
        try await flood.connect(to: parties[0].peer)
        let junk = Sync(sessionID: flood.randomHash().bytes, attempt: 1, index: 0, run: 1)
        for _ in 0..<1_000 { flood.send([.sync(junk)], to: parties[0].peer) }
        // The honest signer is served while all this waits.
        try await parties[1].coordinator.joinSession(created.invitation)
        let signatures = try await parties[0].coordinator.waitForSignatures(of: created.id)
        #expect(try verify(signatures, [[1]], keys: parties.keys))
        try await flood.disconnect(from: parties[0].peer)
        for await event in events where event == .peerDisconnected(flood.peer) { break }
        try await flood.connect(to: parties[0].peer)
        parties.network.clock.advance(by: .seconds(3))
        _ = try await flood.prove(created.id, at: parties[0].peer)
        await parties.shutdown()
    }

    /// R2: what a peer used up stays used up when it leaves and comes again, until time gives it back.
    @Test func r2AFloodThatComesAgain() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.abuse.messages = .init(perSecond: 100, burst: 200)
        let world = SimulatedWorld(seed: 1)
        let node = try world.start(0, configuration: configuration)
        let keys = try [TestKeys.publicKey(0), TestKeys.publicKey(1)]
        let id = try world.create(SessionPlan(signerKeys: keys, messages: [[1]], creator: 0), at: node)
        let stranger = try TestKeys.peer(7)
        let key = ProviderKey(.session(id), day: DiscoveryDay.of(world.now)).bytes
        let hello = Frame([.hello(Hello(dhtKey: key, a: [UInt8](repeating: 1, count: 32)))]).encoded()
        let sync = Sync(sessionID: [UInt8](repeating: 1, count: 32), attempt: 1, index: 0, run: 1)
        let junk = Frame([.sync(sync)]).encoded()
        func isAnsweredWhenItComes() -> Bool {
            node.take(.network(.connected(stranger)), at: world.now)
            node.take(.network(.frame(hello, from: stranger)), at: world.now)
            return node.takeOutgoing().contains { effect in
                if case .send(_, stranger) = effect { true } else { false }
            }
        }
        #expect(isAnsweredWhenItComes())
        for _ in 0..<300 { node.take(.network(.frame(junk, from: stranger)), at: world.now) }
        for _ in 0..<3 {
            node.take(.network(.disconnected(stranger)), at: world.now)
            #expect(!isAnsweredWhenItComes())
        }
        node.take(.network(.disconnected(stranger)), at: world.now)
        _ = try world.run(for: .seconds(3)) { false }
        #expect(isAnsweredWhenItComes())
    }

    /// R2: thousands of peers come, misbehave and go. What is remembered of them is bounded.
    @Test func r2ThousandsOfPeers() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.rememberedPeers = 64
        let world = SimulatedWorld(seed: 1)
        let node = try world.start(0, configuration: configuration)
        for number in 0..<5_000 as Range<UInt64> {
            let peer = try TestKeys.peer(10_000 + number)
            world.give(.network(.connected(peer)), to: node)
            world.give(.network(.frame([0xFF, 0xFF, 0xFF], from: peer)), to: node)
            world.give(.network(.disconnected(peer)), to: node)
        }
        #expect(node.machine.peers.count <= 64)
        #expect(node.machine.sessions.isEmpty)
    }

    /// R2: one creator makes sessions without end. The signer joins so many, and those of others all the same.
    @Test func r2SessionsOfOneCreator() async throws {
        let parties = try await Parties.start(3)
        for number in 0..<21 as Range<UInt8> {
            let created = try await parties[0].coordinator.createSession(
                SessionRequest(signers: parties.keys, messages: [[number]]))
            if number < 20 {
                try await parties[1].coordinator.joinSession(created.invitation)
            } else {
                await #expect(throws: CoordinatorError(.limitReached, "")) {
                    try await parties[1].coordinator.joinSession(created.invitation)
                }
            }
        }
        #expect(await parties[1].coordinator.activeSessions.count == 20)
        let other = try await parties[2].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[99]]))
        try await parties[0].coordinator.joinSession(other.invitation)
        try await parties[1].coordinator.joinSession(other.invitation)
        let signatures = try await parties[1].coordinator.waitForSignatures(of: other.id)
        #expect(try verify(signatures, [[99]], keys: parties.keys))
    }

    /// R2, R9: announcements that nobody asked for are not kept, and a peer that sends them is shut out.
    @Test func r2UnaskedAnnouncements() async throws {
        let parties = try await Parties.start(1)
        let honest = parties[0]
        let hostile = try HostileSigner(666, on: parties.network)
        let created = try await honest.coordinator.createSession(
            SessionRequest(signers: [honest.publicKey, hostile.publicKey], messages: [[1]]))
        try await hostile.connect(to: honest.peer)
        let plan = SessionPlan(signerKeys: [honest.publicKey, hostile.publicKey], messages: [[1]], creator: 1)
        for _ in 0..<100 {
            let now = Now(monotonic: .zero, wallMilliseconds: 1_800_000_000_000)
            let descriptor = try SessionDescriptor(plan, at: now, random: hostile.randomHash())
            hostile.send([.announcement(try hostile.announcement(descriptor))], to: honest.peer)
        }
        try await hostile.untilDisconnected(from: honest.peer)
        #expect(await honest.coordinator.activeSessions.map(\.self) == [created.id])
        #expect(honest.store.stateNow(signer: honest.publicKey, completions: 10).sessions.map(\.id) == [created.id])
    }

    /// R7: sessions with large descriptors are taken until the memory that they may have is used up, and again when one is closed.
    @Test func r7MemoryOfSessions() async throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.sessionStateBytes = 4 << 20
        let parties = try await Parties.start(2, configuration: configuration)
        let coordinator = parties[0].coordinator
        let request = SessionRequest(
            signers: parties.keys, messages: [[UInt8](repeating: 7, count: configuration.limits.messageBytes)])
        var created: [CreatedSession] = []
        var refusal: CoordinatorError?
        while refusal == nil, created.count < 100 {
            do throws(CoordinatorError) {
                created.append(try await coordinator.createSession(request))
            } catch {
                refusal = error
            }
        }
        #expect(refusal?.code == .limitReached)
        #expect(refusal?.message.contains("sessionStateBytes") == true)
        // About three times the descriptor for each.
        #expect(created.count == 7)
        // What was closed answers the others for a moment, and is gone with the next sweep.
        try await coordinator.closeSession(created[0].id)
        let deadline = Duration.seconds(71)
        while await coordinator.machine.sessions[created[0].id] != nil, parties.network.clock.uptime < deadline {
            parties.network.clock.advance(by: .seconds(1))
            await Task.yield()
        }
        created[0] = try await coordinator.createSession(request)
        try await parties[1].coordinator.joinSession(created[0].invitation)
        _ = try await coordinator.waitForSignatures(of: created[0].id)
    }

    /// R7: a signer asks for the same over and over. It is told once for each step of the back-off.
    @Test func r7AFloodOfSyncs() async throws {
        let scene = try await Scene.joined()
        let hostile = scene.hostile
        let honest = scene.honest[0].peer
        _ = try await scene.shares()
        try await hostile.settle(with: honest)
        hostile.forget()
        let wanted = [Sync.Wanted(.join, indices: [0, 1]), Sync.Wanted(.nonceShare, indices: [0, 1])]
        for _ in 0..<500 {
            hostile.send(
                [
                    .sync(
                        Sync(
                            sessionID: scene.id.bytes, attempt: 1, index: UInt32(try hostile.seat.index),
                            run: try hostile.seat.run, wanted: wanted))
                ],
                to: honest)
        }
        try await hostile.settle(with: honest)
        for type in [MessageType.join, .nonceShare] {
            for index in 0..<2 as Range<UInt32> {
                let answers = hostile.messages(type, from: honest).filter { $0.body.index == index }
                #expect(answers.count <= 1, "\(type) of \(index)")
            }
        }
    }

    /// R7: a signer says that it is a new process, over and over. It gets what it may have missed, and not each time.
    @Test func r7AFloodOfRuns() async throws {
        let scene = try await Scene.joined()
        let hostile = scene.hostile
        let honest = scene.honest[0].peer
        _ = try await scene.shares()
        try await hostile.settle(with: honest)
        hostile.forget()
        let seat = try hostile.seat
        for number in 1...200 as ClosedRange<UInt64> {
            let join = Payload.join(Join(peerID: hostile.peer.bytes))
            hostile.say(try hostile.message(join, attempt: 0, run: seat.run + number), to: honest)
        }
        try await hostile.settle(with: honest)
        for type in [MessageType.join, .nonceShare] {
            for index in 0..<2 as Range<UInt32> {
                let answers = hostile.messages(type, from: honest).filter { $0.body.index == index }
                #expect(answers.count <= 2, "\(type) of \(index): \(answers.count)")
            }
        }
        let joins = scene.honest[0].store.stateNow(signer: scene.honest[0].publicKey, completions: 1).sessions[0].joins
        #expect(try SignedMessage(decoding: #require(joins[2])).body.run == seat.run + 200)
    }

    /// P2: a session that ends badly, logged at the lowest level. No secret is in the log, nor in what the application is told.
    @Test func p2LogsAndEventsHoldNoSecrets() async throws {
        let log = CapturedLog()
        let network = InMemoryNetwork(seed: 1, clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
        var logger = Logger(label: "threat") { _ in log }
        logger.logLevel = .trace
        let honest = try await Parties.party(0, on: network, logger: logger)
        let hostile = try HostileSigner(666, on: network)
        let events = await honest.coordinator.events
        let created = try await honest.coordinator.createSession(
            SessionRequest(signers: [honest.publicKey, hostile.publicKey], messages: [[1]]))
        try await hostile.lookUp(created.id, at: honest.peer)
        hostile.say(try hostile.join(), to: honest.peer)
        let share = try await hostile.hear(.nonceShare, by: 0)
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: honest.peer)
        let agreement = try hostile.agreement([share, own])
        let partial = try await hostile.hear(.partialSigShare, by: 0)
        let right = try #require(Scalar(canonical: hostile.sign(agreement)[0]))
        let wrong = (right + .one).bytes
        hostile.say(try hostile.partials([wrong], agreement), to: honest.peer)
        var told = ""
        for await event in events {
            told += "\(event)\n"
            if event.name == "aborted" { break }
        }
        try await hostile.settle(with: honest.peer)
        let secret = try TestKeys.secret(0).withUnsafeBytes { Array($0) }
        let text = log.text
        #expect(!text.isEmpty)
        let madeHere = try PartialSigShare(decoding: partial.body.payload).partials[0]
        for (name, bytes) in [("secret key", secret), ("partial", madeHere)] {
            for form in [Hex.encode(bytes), "\(bytes)", "\(bytes.dropFirst())".dropFirst().description] {
                #expect(!text.contains(form), "\(name) in the log")
                #expect(name == "partial" || !told.contains(form), "\(name) in the events")
            }
        }
    }
}

/// Keeps every line.
struct CapturedLog: LogHandler {
    private final class Lines: Sendable {
        let text = Mutex("")
    }

    private let lines = Lines()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    var text: String { lines.text.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.text.withLock { text in
            text += "\(event.level) \(event.message) \(metadata) \(event.metadata ?? [:])\n"
        }
    }
}
