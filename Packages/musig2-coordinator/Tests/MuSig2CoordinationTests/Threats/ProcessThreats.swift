import MuSig2Session
import PeerTransport
import Secp256k1
import Testing

@testable import MuSig2Coordination

/// Processes that die at the worst moment.
@Suite("Threats: processes that die") struct ProcessThreats {
    /// S16: the creator dies right after the last JOIN, when some signers know that all are there and others do not. When it is back, all
    /// have the same roster, and the session completes.
    @Test(arguments: 0..<4 as Range<UInt64>) func s16TheCreatorDiesAfterTheLastJoin(seed: UInt64) throws {
        let world = SimulatedWorld(seed: seed)
        let nodes = try (0..<4 as Range<UInt64>).map { try world.start($0) }
        let keys = nodes.map { $0.secret.publicKey }
        let id = try world.create(SessionPlan(signerKeys: keys, messages: [[1]], creator: 0), at: nodes[0])
        for node in nodes[1...2] { world.join(id, at: node, provider: nodes[0].peer) }
        _ = try world.run(for: .seconds(2)) { false }
        // From here on the last two hear nothing of each other.
        let apart = [nodes[2].peer, nodes[3].peer]
        world.tap = { frame, from, to in
            to == apart[0] || (from == apart[0] && to == apart[1]) ? nil : frame
        }
        world.join(id, at: nodes[3], provider: nodes[0].peer)
        let isReady = try world.run(for: .seconds(2)) { nodes[1].events.contains(.ready(id)) }
        #expect(isReady, "seed \(seed)")
        #expect(!nodes[2].events.contains(.ready(id)), "seed \(seed)")
        let store = nodes[0].store
        world.crash(nodes[0])
        world.tap = nil
        _ = try world.run(for: .seconds(30)) { false }
        let back = try world.start(0, store: store)
        let all = [back] + nodes.dropFirst()
        let isDone = try world.run(for: .seconds(3_600)) {
            all.allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
        }
        #expect(isDone, "seed \(seed)")
        for node in all {
            let signatures = try #require(node.machine.sessions.signatures(of: id), "seed \(seed)")
            #expect(try verify(signatures, [[1]], keys: keys), "seed \(seed)")
            #expect(node.events.count { $0 == .ready(id) } <= 1, "seed \(seed)")
            #expect(!node.events.contains { $0.name == "evidence" }, "seed \(seed)")
        }
        #expect(world.ledger.breach == nil, "seed \(seed)")
    }
}
