import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

@Suite("Limits") struct LimitTests {
    private let wire = Wire()

    private func plan(_ numbers: [UInt64], bytes: Int = 1) throws -> SessionPlan {
        SessionPlan(
            signerKeys: try numbers.map { try TestKeys.publicKey($0) },
            messages: [Array(repeating: 1, count: bytes)],
            creator: 0
        )
    }

    @Test func sessionsPerNode() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.sessions = 3
        let (node, first) = try wire.creator([0, 1], configuration: configuration)
        for _ in 0..<2 { _ = try node.create(plan([0, 1]), at: wire.now) }
        #expect(node.joinFailures.isEmpty)
        let refused = try node.create(plan([0, 1]), at: wire.now)
        #expect(node.joinFailures == [CoordinatorError(.limitReached, "")])
        #expect(node.joinFailures[0].message.contains("limits.sessions"))
        #expect(node.machine.sessions[refused] == nil)
        // One that ends makes room.
        node.take(.command(first, .abort(reason: "enough")), at: wire.now)
        _ = try node.create(plan([0, 1]), at: wire.now)
        #expect(node.joinFailures.count == 1)
        #expect(node.machine.sessions.openCount == 3)
    }

    @Test func sessionsPerCreator() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.sessionsPerCreator = 2
        let world = SimulatedWorld(seed: 1)
        let creator = try world.start(0, configuration: configuration)
        let joiner = try world.start(1, configuration: configuration)
        joiner.consent = { $0.stage == .sign ? nil : .approve }
        let ids = try (0..<3).map { _ in try world.create(plan([0, 1]), at: creator) }
        for id in ids { world.join(id, at: joiner, provider: creator.peer) }
        _ = try world.run(for: .seconds(2)) { joiner.joinFailures.count == 1 }
        #expect(joiner.joinFailures == [CoordinatorError(.limitReached, "")])
        #expect(joiner.joinFailures[0].message.contains("limits.sessionsPerCreator"))
        #expect(joiner.machine.sessions.count == 2)
        // The creator's own sessions are not counted against itself.
        #expect(creator.machine.sessions.count == 3)
    }

    /// R7: the largest legal descriptors fill the memory that sessions may take, and no more.
    @Test func sessionStateBytes() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.sessionStateBytes = 4 << 20
        let (node, _) = try wire.creator([0, 1], configuration: configuration)
        for _ in 0..<40 { _ = try node.create(plan([0, 1], bytes: 190 << 10), at: wire.now) }
        #expect(node.machine.sessions.stateBytes <= 4 << 20)
        #expect(node.machine.sessions.count < 10)
        #expect(node.joinFailures.count > 30)
        #expect(node.joinFailures.allSatisfy { $0.code == .limitReached && $0.message.contains("sessionStateBytes") })
        // All of it comes back.
        for id in node.machine.sessions.ids { node.take(.command(id, .close), at: wire.now) }
        var later = wire.now
        later.monotonic += .seconds(120)
        node.take(.tick, at: later)
        #expect(node.machine.sessions.isEmpty)
        #expect(node.machine.sessions.stateBytes == 0)
        #expect(node.machine.sessions.openCount == 0)
    }

    @Test func tombstonesAreBoundedOldestFirst() throws {
        let stones = try (0..<30 as Range<UInt8>).map { number in
            StoredCompletion(
                id: try #require(SessionID(Array(repeating: number, count: 32))),
                messageKeys: [],
                expiresAt: .max,
                signatures: []
            )
        }
        var yard = FinishedSessions(capacity: 10)
        for (number, stone) in stones.enumerated() {
            let forgotten = yard.insert(FinishedSession(stone, status: nil))
            #expect(forgotten == (number < 10 ? [] : [stones[number - 10].id]))
            #expect(yard.count == min(number + 1, 10))
        }
        let expired = yard.removeExpired(at: .max)
        #expect(expired.count == 10)
        #expect(yard.count == 0)
    }

    @Test func descriptorLimitsOfTheConfigurationHold() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.messageBytes = 100
        configuration.limits.signers = 2
        let node = try SimulatedNode(
            0, peer: TestKeys.peer(0), store: InMemorySessionStore(), configuration: configuration, seed: 1,
            now: wire.now)
        let limits = node.machine.sessionLimits
        #expect(throws: DescriptorError.self) {
            try SessionDescriptor(plan([0, 1], bytes: 101), at: wire.now, random: .random(), limits: limits)
        }
        #expect(throws: DescriptorError.self) {
            try SessionDescriptor(plan([0, 1, 2]), at: wire.now, random: .random(), limits: limits)
        }
    }

    /// Frames above the limit are split; all of one turn for one peer goes in one frame when it fits.
    @Test func outboxSplitsWhatIsTooLong() throws {
        var outbox = Outbox(frameBytes: 4_096)
        let peer = try TestKeys.peer(1)
        let reply = ErrorReply(
            sessionID: Array(repeating: 1, count: 32), code: 1, text: String(repeating: "x", count: 400))
        for _ in 0..<5 { outbox.append(.error(reply), to: peer) }
        let single = outbox.takeFrames()
        #expect(single.count == 1)
        for _ in 0..<40 { outbox.append(.error(reply), to: peer) }
        let frames = outbox.takeFrames()
        #expect(frames.allSatisfy { $0.frame.count <= 4_096 })
        #expect(try frames.map { try Frame(decoding: $0.frame).items.count }.reduce(0, +) == 40)
        let rest = outbox.takeFrames()
        #expect(rest.isEmpty)
    }

    @Test func lazyItemsWaitForTheNextFrameButNotForEver() throws {
        var outbox = Outbox(frameBytes: 4_096)
        let peer = try TestKeys.peer(1)
        let reply = ErrorReply(sessionID: Array(repeating: 1, count: 32), code: 1, text: "x")
        outbox.appendLazily(.error(reply), to: peer, at: .zero)
        let none = outbox.takeFrames()
        #expect(none.isEmpty)
        outbox.append(.error(reply), to: peer)
        let frames = outbox.takeFrames()
        #expect(frames.count == 1)
        #expect(try Frame(decoding: frames[0].frame).items.count == 2)
        outbox.appendLazily(.error(reply), to: peer, at: .seconds(1))
        outbox.hurryLate(at: .seconds(1) + .milliseconds(199))
        let early = outbox.takeFrames()
        #expect(early.isEmpty)
        outbox.hurryLate(at: .seconds(1) + .milliseconds(200))
        let late = outbox.takeFrames()
        #expect(late.count == 1)
    }

    @Test func everyFieldOfTheConfigurationIsChecked() throws {
        try MuSig2Coordinator.Configuration().validate()
        let wrong: [(String, (inout MuSig2Coordinator.Configuration) -> Void)] = [
            ("limits.frameBytes", { $0.limits.frameBytes = 100 }),
            ("limits.descriptorBytes", { $0.limits.descriptorBytes = 2 << 20 }),
            ("limits.messageBytes", { $0.limits.messageBytes = 0 }),
            ("limits.signers", { $0.limits.signers = 1_001 }),
            ("limits.meshSigners", { $0.limits.meshSigners = 33 }),
            ("limits.signersTimesMessages", { $0.limits.signersTimesMessages = 0 }),
            ("limits.sessions", { $0.limits.sessions = 0 }),
            ("limits.sessionsPerCreator", { $0.limits.sessionsPerCreator = 0 }),
            ("limits.sessionStateBytes", { $0.limits.sessionStateBytes = 1 }),
            ("limits.finishedSessions", { $0.limits.finishedSessions = 0 }),
            ("limits.rememberedPeers", { $0.limits.rememberedPeers = 0 }),
            ("limits.hellosPerPeer", { $0.limits.hellosPerPeer = 0 }),
            ("limits.publications", { $0.limits.publications = 0 }),
            ("limits.inboxSessions", { $0.limits.inboxSessions = 257 }),
            ("limits.previews", { $0.limits.previews = 0 }),
            ("limits.previewBytes", { $0.limits.previewBytes = 1_000 }),
            ("limits.attemptsWithoutProgress", { $0.limits.attemptsWithoutProgress = 0 }),
            ("limits.bufferedEvents", { $0.limits.bufferedEvents = 1 }),
            ("timeouts.hello", { $0.timeouts.hello = .zero }),
            ("timeouts.linger", { $0.timeouts.linger = .seconds(-1) }),
            ("timeouts.telling", { $0.timeouts.telling = .seconds(-1) }),
            ("timeouts.absence", { $0.timeouts.absence = .zero }),
            ("timeouts.sweep", { $0.timeouts.sweep = .zero }),
            ("timeouts.stuck", { $0.timeouts.stuck = .zero }),
            ("timeouts.redial", { $0.timeouts.redial = .zero }),
            ("timeouts.redialCeiling", { $0.timeouts.redialCeiling = .milliseconds(1) }),
            ("timeouts.storeRetry", { $0.timeouts.storeRetry = .zero }),
            ("abuse.messages.perSecond", { $0.abuse.messages.perSecond = 0 }),
            ("abuse.bytes.burst", { $0.abuse.bytes.burst = 1_000 }),
            ("abuse.signatureChecks.burst", { $0.abuse.signatureChecks.burst = .nan }),
            ("abuse.hellos.perSecond", { $0.abuse.hellos.perSecond = .infinity }),
            ("abuse.errorReplies.burst", { $0.abuse.errorReplies.burst = 0 }),
            ("abuse.banScore", { $0.abuse.banScore = 0 }),
            ("abuse.scoreHalfLife", { $0.abuse.scoreHalfLife = .zero }),
            ("abuse.firstBan", { $0.abuse.firstBan = .zero }),
            ("abuse.longestBan", { $0.abuse.longestBan = .seconds(1) }),
            ("discovery.retries", { $0.discovery.retries = -1 }),
            ("discovery.retryDelay", { $0.discovery.retryDelay = .zero }),
            ("discovery.laterRetry", { $0.discovery.laterRetry = .seconds(1) }),
            ("discovery.providers", { $0.discovery.providers = 0 }),
            ("discovery.hints", { $0.discovery.hints = 19 }),
            ("discovery.lookupTimeout", { $0.discovery.lookupTimeout = .zero }),
            ("discovery.publishTimeout", { $0.discovery.publishTimeout = .zero }),
            ("discovery.publicationsAtOnce", { $0.discovery.publicationsAtOnce = 0 }),
            ("discovery.reunion", { $0.discovery.reunion = .zero }),
        ]
        for (field, change) in wrong {
            var configuration = MuSig2Coordinator.Configuration()
            change(&configuration)
            do throws(CoordinatorError) {
                try configuration.validate()
                Issue.record("\(field) was accepted")
            } catch {
                #expect(error.code == .invalidConfiguration)
                #expect(error.message.hasPrefix("\(field): expected "), "\(error.message)")
            }
        }
    }
}

@Suite("Letting go of sessions") struct LettingGoTests {
    private let wire = Wire()

    private func plan(_ bytes: Int) throws -> SessionPlan {
        SessionPlan(
            signerKeys: try (0..<2 as Range<UInt64>).map { try TestKeys.publicKey($0) },
            messages: [Array(repeating: 1, count: bytes)],
            creator: 0
        )
    }

    /// Aborted sessions answer until they expire, but never in the way of new ones.
    @Test func abortedSessionsMakeRoom() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.sessionStateBytes = 4 << 20
        let (node, _) = try wire.creator([0, 1], configuration: configuration)
        for _ in 0..<40 {
            let id = try node.create(plan(190 << 10), at: wire.now)
            node.take(.command(id, .abort(reason: "no")), at: wire.now)
        }
        #expect(node.joinFailures.isEmpty)
        #expect(node.machine.sessions.stateBytes <= 4 << 20)
        #expect(node.machine.sessions.openCount == 1)
        // What an aborted one takes is its descriptor, and little more.
        #expect((15...25).contains(node.events.count { $0.name == "closed" }))
    }

    /// A session that waits for the approval is shown to nobody.
    @Test func nothingIsShownBeforeTheApproval() throws {
        let world = SimulatedWorld(seed: 1)
        let creator = try world.start(0)
        let joiner = try world.start(1)
        joiner.consent = { _ in nil }
        let id = try world.create(plan(1), at: creator)
        world.join(id, at: joiner, provider: creator.peer)
        _ = try world.run(for: .seconds(2)) { joiner.machine.sessions.knows(id) }
        #expect(joiner.machine.sessions.knows(id))
        let peer = try TestKeys.peer(9)
        _ = wire.connect(peer, to: joiner)
        let hello = Hello(dhtKey: wire.key(id), a: Array(repeating: 1, count: 32))
        let effects = wire.give([.hello(hello)], to: joiner, from: peer)
        #expect(Wire.frames(effects, to: peer).isEmpty)
        #expect(Wire.isDisconnected(effects, from: peer))
    }

    /// A node that only looked at a session dials nobody for it afterwards.
    @Test func lookingLeavesNothingBehind() throws {
        let world = SimulatedWorld(seed: 1)
        let creator = try world.start(0)
        let looker = try world.start(1)
        let id = try world.create(plan(1), at: creator)
        world.give(
            .lookUp(.session(id), providers: [Provider(peer: creator.peer, addresses: SimulatedWorld.addresses)]),
            to: looker)
        let isSeen = try world.run(for: .seconds(2)) { looker.previews.count == 1 }
        #expect(isSeen)
        #expect(looker.machine.peers[creator.peer]?.sessions.isEmpty == true)
        world.crash(creator)
        _ = try world.run(for: .seconds(100)) { false }
        #expect(looker.machine.nextDeadline == nil)
        #expect(looker.machine.peers.count == 0)
    }
}
