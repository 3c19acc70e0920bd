import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// Signers that could not reach each other for long find each other again, however few dials there are meanwhile.
@Suite("Signers that were cut off") struct CutOffTests {
    private static let hour = Duration.seconds(3_600)

    private func plan(_ count: Int, isStar: Bool) throws -> SessionPlan {
        let keys = try (0..<UInt64(count)).map { try TestKeys.publicKey($0) }
        var plan = SessionPlan(signerKeys: keys, messages: [[7]], creator: 0)
        plan.topology = isStar ? .star : .mesh
        if isStar { plan.election = .first }
        return plan
    }

    private func nodes(_ count: Int, in world: SimulatedWorld) throws -> [SimulatedNode] {
        try (0..<UInt64(count)).map { try world.start($0) }
    }

    private func isComplete(_ nodes: [SimulatedNode], _ id: SessionID) -> Bool {
        nodes.allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
    }

    /// One signer of four is away for an hour; the last one joins only after that.
    @Test(arguments: [false, true], 0..<4 as Range<UInt64>) func oneIsAway(_ isStar: Bool, _ seed: UInt64) throws {
        let world = SimulatedWorld(seed: seed)
        let nodes = try nodes(4, in: world)
        let id = try world.create(plan(4, isStar: isStar), at: nodes[0])
        for node in nodes[1...2] { world.join(id, at: node, provider: nodes[0].peer) }
        let away = nodes[Int(seed) % 3]
        let areJoined = try world.run(for: .seconds(5)) {
            nodes[...2].allSatisfy { node in
                node.machine.sessions.status(of: id)?.signers[...2].allSatisfy { $0.peer != nil } == true
            }
        }
        #expect(areJoined, "seed \(seed)")
        world.partition([away.peer])
        _ = try world.run(for: Self.hour) { false }
        let dials = world.dials
        // A peer that was bound is dialled once a minute, after the first few.
        #expect(dials.values.allSatisfy { $0 <= 75 }, "seed \(seed): \(dials.values)")
        world.partition([])
        world.join(id, at: nodes[3], provider: nodes[away.number == 0 ? 1 : 0].peer)
        let isDone = try world.run(for: .seconds(900)) { isComplete(nodes, id) }
        #expect(isDone, "seed \(seed)")
    }

    /// Two signers know each other by the JOINs that a third passed on, and cannot connect for an hour, in which the third goes too.
    @Test(arguments: 0..<4 as Range<UInt64>) func onlyARelayNamedThem(_ seed: UInt64) throws {
        let world = SimulatedWorld(seed: seed)
        let nodes = try nodes(3, in: world)
        world.apart = [[nodes[1].peer, nodes[2].peer]]
        for node in nodes { node.consent = { $0.stage == .sign ? nil : .approve } }
        let id = try world.create(plan(3, isStar: false), at: nodes[0])
        for node in nodes[1...2] { world.join(id, at: node, provider: nodes[0].peer) }
        let areJoined = try world.run(for: .seconds(60)) {
            nodes.allSatisfy { $0.machine.sessions.status(of: id)?.signers.allSatisfy { $0.peer != nil } == true }
        }
        #expect(areJoined, "seed \(seed)")
        world.partition([nodes[0].peer])
        _ = try world.run(for: Self.hour) { false }
        // Nobody showed that it is there: three times, and once in ten minutes.
        for (one, other) in [(1, 2), (2, 1)] {
            let count = world.dials[SimulatedWorld.Dial(from: nodes[one].peer, to: nodes[other].peer)] ?? 0
            #expect((3...12).contains(count), "seed \(seed): \(count)")
        }
        world.apart = []
        let haveMet = try world.run(for: .seconds(630)) { world.isConnected(nodes[1].peer, nodes[2].peer) }
        #expect(haveMet, "seed \(seed)")
        #expect(!world.isConnected(nodes[0].peer, nodes[1].peer))
        for node in nodes { node.consent = { _ in .approve } }
        world.partition([])
        for node in nodes { world.give(.command(id, .restart), to: node) }
        let isDone = try world.run(for: .seconds(900)) { isComplete(nodes, id) }
        #expect(isDone, "seed \(seed)")
    }

    /// A change of the network is a reason to dial at once.
    @Test func aNewNetworkDialsAtOnce() throws {
        let world = SimulatedWorld(seed: 3)
        let nodes = try nodes(3, in: world)
        world.apart = [[nodes[1].peer, nodes[2].peer]]
        for node in nodes { node.consent = { $0.stage == .sign ? nil : .approve } }
        let id = try world.create(plan(3, isStar: false), at: nodes[0])
        for node in nodes[1...2] { world.join(id, at: node, provider: nodes[0].peer) }
        _ = try world.run(for: .seconds(120)) { false }
        world.apart = []
        _ = try world.run(for: .seconds(1)) { false }
        #expect(!world.isConnected(nodes[1].peer, nodes[2].peer))
        world.give(.network(.addressesChanged([try Multiaddr("/memory/77")])), to: nodes[1])
        let haveMet = try world.run(for: .seconds(1)) { world.isConnected(nodes[1].peer, nodes[2].peer) }
        #expect(haveMet)
    }

    /// In a star the signers need only their coordinator, which is away for an hour besides.
    @Test(arguments: [false, true], 0..<4 as Range<UInt64>)
    func aStarMeetsThroughItsCoordinator(_ isAway: Bool, _ seed: UInt64) throws {
        let world = SimulatedWorld(seed: seed)
        let nodes = try nodes(5, in: world)
        for one in 1..<5 { for other in 1..<one { world.apart.insert([nodes[one].peer, nodes[other].peer]) } }
        let id = try world.create(plan(5, isStar: true), at: nodes[0])
        for node in nodes.dropFirst() { world.join(id, at: node, provider: nodes[0].peer) }
        if isAway {
            world.schedule(.milliseconds(56)) { world.partition([nodes[0].peer]) }
            world.schedule(.milliseconds(56) + Self.hour) { world.partition([]) }
        }
        let isDone = try world.run(for: Self.hour + .seconds(900)) { isComplete(nodes, id) }
        #expect(isDone, "seed \(seed)")
        // Nobody but the coordinator is dialled, and by it.
        let others = world.dials.keys.filter { $0.from != nodes[0].peer && $0.to != nodes[0].peer }
        #expect(isAway || others.isEmpty, "seed \(seed)")
    }
}
