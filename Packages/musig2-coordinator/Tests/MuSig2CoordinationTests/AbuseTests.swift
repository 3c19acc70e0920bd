import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

@Suite("Abuse") struct AbuseTests {
    private let wire = Wire()

    /// A world with a running session of two that has not got its partials yet.
    private func running(
        _ configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration()
    ) throws -> (world: SimulatedWorld, creator: SimulatedNode, joiner: SimulatedNode, id: SessionID) {
        let world = SimulatedWorld(seed: 11)
        let creator = try world.start(0, configuration: configuration)
        let joiner = try world.start(1, configuration: configuration)
        joiner.consent = { $0.stage == .sign ? nil : .approve }
        creator.consent = joiner.consent
        let keys = try (0..<2 as Range<UInt64>).map { try TestKeys.publicKey($0) }
        let id = try world.create(SessionPlan(signerKeys: keys, messages: [[1]], creator: 0), at: creator)
        world.join(id, at: joiner, provider: creator.peer)
        let isReady = try world.run(for: .seconds(3)) {
            creator.machine.sessions.status(of: id)?.phase == .gathering(.partials)
                && joiner.machine.sessions.status(of: id)?.phase == .gathering(.partials)
        }
        #expect(isReady)
        return (world, creator, joiner, id)
    }

    /// S24: a stranger that knows the session id is answered nothing, and nothing moves.
    @Test func s24Stranger() throws {
        let (world, creator, joiner, id) = try running()
        let stranger = try TestKeys.peer(66)
        world.give(.network(.connected(stranger)), to: creator)
        _ = creator.takeOutgoing()
        let before = creator.machine.sessions[id]?.machine
        var relayed: [SignedMessage] = []
        let announced = try #require(joiner.machine.sessions[id]?.machine)
        let sync = Sync(
            sessionID: id.bytes, attempt: 1, index: 1, run: announced.currentRun,
            wanted: [Sync.Wanted(.join, indices: [0, 1]), Sync.Wanted(.nonceShare, indices: [0, 1])])
        // Messages of later attempts, correctly signed by a co-signer, but carried by a stranger.
        let secret = try TestKeys.secret(1)
        for attempt in 2...4 as ClosedRange<UInt32> {
            let body = MessageBody(
                sessionID: id.bytes, attempt: attempt, index: 1, run: announced.currentRun,
                payload: .restart(Restart(reason: .timeout)))
            relayed.append(
                try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation })
        }
        for items in [[FrameItem.sync(sync)]] + relayed.map({ [.signedMessage($0)] }) {
            let effects = wire.give(items, to: creator, from: stranger, at: world.now)
            #expect(Wire.frames(effects, to: stranger).isEmpty)
        }
        #expect(creator.machine.sessions[id]?.machine == before)
        // The same by the bound peer moves the session.
        _ = wire.give([.signedMessage(relayed[0])], to: creator, from: joiner.peer, at: world.now)
        #expect(creator.machine.sessions.status(of: id)?.attempt == 2)
    }

    /// S1: forged messages score until the peer is shut out; the ban ends.
    @Test func forgersAreBannedAndLetBackIn() throws {
        let (world, creator, joiner, id) = try running()
        let run = try #require(joiner.machine.sessions[id]?.machine.currentRun)
        let wrong = try TestKeys.secret(40)
        var isBanned = false
        for number in 0..<20 {
            let body = MessageBody(
                sessionID: id.bytes, attempt: 1, index: 0, run: run &+ UInt64(number),
                payload: .restart(Restart(reason: .timeout)))
            let forged = try SignedMessage(body) {
                try MuSig2Session.Tag.message.sign($0, with: wrong).rawRepresentation
            }
            let effects = wire.give([.signedMessage(forged)], to: creator, from: joiner.peer, at: world.now)
            if Wire.isDisconnected(effects, from: joiner.peer) {
                isBanned = true
                break
            }
        }
        #expect(isBanned)
        #expect(creator.events.contains(.error(CoordinatorError(.peerBanned, ""))))
        creator.take(.network(.disconnected(joiner.peer)), at: world.now)
        // While banned a connection is closed at once.
        creator.take(.network(.connected(joiner.peer)), at: world.now)
        #expect(Wire.isDisconnected(creator.takeOutgoing(), from: joiner.peer))
        var later = world.now
        later.monotonic += MuSig2Coordinator.Configuration().abuse.firstBan + .seconds(1)
        creator.take(.network(.connected(joiner.peer)), at: later)
        let effects = creator.takeOutgoing()
        #expect(!Wire.isDisconnected(effects, from: joiner.peer))
        #expect(!Wire.frames(effects, to: joiner.peer).isEmpty)
    }

    /// R2: a flood is throttled: so many messages are looked at, and no more; the rest of the node goes on.
    @Test func r2FloodIsThrottled() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.abuse.messages = MuSig2Coordinator.Configuration.BucketSize(perSecond: 100, burst: 200)
        let (world, creator, joiner, id) = try running(configuration)
        let run = try #require(joiner.machine.sessions[id]?.machine.currentRun)
        let sync = Sync(
            sessionID: id.bytes, attempt: 1, index: 1, run: run, wanted: [Sync.Wanted(.nonceShare, indices: [0])])
        var answered = 0
        for _ in 0..<2_000 {
            answered +=
                Wire.frames(
                    wire.give([.sync(sync)], to: creator, from: joiner.peer, at: world.now), to: joiner.peer
                ).count
        }
        // A frame and its item cost a token each.
        #expect(answered <= 100)
        var later = world.now
        later.monotonic += .seconds(1)
        #expect(
            Wire.frames(wire.give([.sync(sync)], to: creator, from: joiner.peer, at: later), to: joiner.peer).count == 1
        )
    }

    /// R7: a flood of SYNCs gets each message once per step, and nothing else.
    @Test func r7SyncIsAnsweredOncePerStep() throws {
        let (world, creator, joiner, id) = try running()
        let run = try #require(joiner.machine.sessions[id]?.machine.currentRun)
        let sync = Sync(
            sessionID: id.bytes, attempt: 1, index: 1, run: run,
            wanted: [Sync.Wanted(.join, indices: [0]), Sync.Wanted(.nonceShare, indices: [0])])
        var total = 0
        for second in 1...5 as ClosedRange<Int64> {
            var later = world.now
            later.monotonic += .seconds(second)
            later.wallMilliseconds += UInt64(second) * 1_000
            var types: [MessageType] = []
            for _ in 0..<50 {
                for item in try Wire.items(
                    wire.give([.sync(sync)], to: creator, from: joiner.peer, at: later), to: joiner.peer)
                {
                    if case .signedMessage(let message) = item { types.append(message.body.type) }
                }
            }
            #expect(types.isEmpty || types.sorted { $0.rawValue < $1.rawValue } == [.join, .nonceShare])
            total += types.count
        }
        #expect(total >= 4)
    }

    @Test func malformedFramesScore() throws {
        let (node, _) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        node.take(.network(.frame([0xff, 0xff, 0xff], from: peer)), at: wire.now)
        #expect(Wire.isDisconnected(node.takeOutgoing(), from: peer))
        for _ in 0..<9 { node.take(.network(.frame([0xff], from: peer)), at: wire.now) }
        #expect(node.events.contains(.error(CoordinatorError(.peerBanned, ""))))
        #expect(node.machine.peers[peer]?.budget.reputation.isBanned(at: wire.now.monotonic) == true)
    }

    @Test func peersAreBounded() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.rememberedPeers = 16
        let (node, _) = try wire.creator([0, 1], configuration: configuration)
        for number in 0..<200 as Range<UInt64> {
            let peer = try TestKeys.peer(1_000 + number)
            _ = wire.connect(peer, to: node)
            _ = wire.give(
                [
                    .hello(
                        Hello(dhtKey: [0x12, 0x20] + Array(repeating: 1, count: 32), a: Array(repeating: 2, count: 32)))
                ], to: node, from: peer)
            node.take(.network(.disconnected(peer)), at: wire.now)
            #expect(node.machine.peers.count <= 17)
        }
    }

    @Test func tokensComeBackWithTime() {
        let size = MuSig2Coordinator.Configuration.BucketSize(perSecond: 10, burst: 20)
        var bucket = TokenBucket(full: size, at: .zero)
        func take(_ count: Int, at time: Duration) -> Int {
            var taken = 0
            for _ in 0..<count where bucket.take(1, size: size, at: time) { taken += 1 }
            return taken
        }
        #expect(take(25, at: .zero) == 20)
        #expect(take(1, at: .milliseconds(99)) == 0)
        #expect(take(1, at: .milliseconds(101)) == 1)
        let isFullTooEarly = bucket.isFull(size: size, at: .seconds(1))
        #expect(!isFullTooEarly)
        let isFull = bucket.isFull(size: size, at: .seconds(10))
        #expect(isFull)
        // A clock that goes back gives nothing.
        #expect(take(25, at: .seconds(10)) == 20)
        #expect(take(1, at: .seconds(5)) == 0)
    }

    @Test func bansGrowAndEnd() {
        let limits = MuSig2Coordinator.Configuration.AbuseLimits()
        var reputation = Reputation()
        func add(_ points: Double, at time: Duration) -> Duration? {
            reputation.add(points, limits: limits, at: time)
        }
        #expect(add(99, at: .zero) == nil)
        // After a half-life half of it is left.
        #expect(reputation.value(limits: limits, at: .seconds(60)) == 49.5)
        #expect(add(50, at: .seconds(60)) == nil)
        #expect(add(1, at: .seconds(60)) == .seconds(60))
        #expect(reputation.isBanned(at: .seconds(119)))
        #expect(!reputation.isBanned(at: .seconds(120)))
        #expect(add(100, at: .seconds(200)) == .seconds(120))
        #expect(!reputation.isClean(limits: limits, at: .seconds(400)))
        #expect(reputation.isClean(limits: limits, at: .seconds(400 + 3_600)))
    }
}
