import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

@Suite("Simulated sessions") struct SimulationTests {
    private static let message: [UInt8] = Array("simulated".utf8)

    private func plan(_ count: Int, _ shape: Shape) throws -> SessionPlan {
        let keys = try (0..<UInt64(count)).map { try TestKeys.publicKey($0) }
        var plan = SessionPlan(signerKeys: keys, messages: [Self.message], creator: 0)
        plan.topology = shape == .star ? .star : .mesh
        plan.hasCommitmentRound = shape == .committed
        return plan
    }

    enum Shape: CaseIterable {
        case mesh
        case star
        case committed
    }

    /// What every node with signatures has must verify, whichever attempt they are of.
    private func expectComplete(_ world: SimulatedWorld, _ id: SessionID, count: Int, _ seed: UInt64) throws {
        #expect(world.nodes.count == count, "seed \(seed)")
        let keys = try (0..<UInt64(count)).map { try TestKeys.publicKey($0) }
        for node in world.nodes.values {
            let signatures = try #require(node.machine.sessions.signatures(of: id), "seed \(seed), node \(node.number)")
            #expect(try verify(signatures, [Self.message], keys: keys), "seed \(seed)")
            #expect(node.events.filter { $0.name == "complete" }.count <= 1, "seed \(seed)")
        }
        #expect(world.ledger.breach == nil, "seed \(seed)")
    }

    private func isComplete(_ world: SimulatedWorld, _ id: SessionID, count: Int) -> Bool {
        world.nodes.count == count && world.nodes.values.allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
    }

    /// S4: loss of 30 %, reordering, duplicates, partitions that heal.
    @Test(arguments: Shape.allCases, 0..<UInt64(8)) func s4Faults(_ shape: Shape, _ seed: UInt64) throws {
        let count = 2 + Int(seed % 4)
        let world = SimulatedWorld(seed: seed)
        world.faults = .init(loss: 0.3, duplication: 0.2, delay: .milliseconds(80))
        for number in 0..<UInt64(count) { try world.start(number) }
        let nodes = world.nodes.values.sorted { $0.number < $1.number }
        let id = try world.create(plan(count, shape), at: nodes[0])
        for node in nodes.dropFirst() { world.join(id, at: node, provider: nodes[0].peer) }
        world.schedule(.milliseconds(400)) { world.partition([nodes[0].peer]) }
        world.schedule(.seconds(4)) { world.partition([]) }
        world.schedule(.seconds(5)) { world.partition([nodes[count - 1].peer]) }
        world.schedule(.seconds(9)) { world.partition([]) }
        let isDone = try world.run(for: .seconds(7_000)) { isComplete(world, id, count: count) }
        #expect(isDone, "seed \(seed)")
        try expectComplete(world, id, count: count, seed)
    }

    /// K1 and S18: the process dies before or after each of its durable writes, and comes back with its store.
    @Test(arguments: Shape.allCases, [false, true]) func k1CrashAtEachWrite(_ shape: Shape, _ isAfter: Bool) throws {
        var crashes = 0
        for victim in 0..<UInt64(3) {
            for commit in 2...12 {
                if try crashAndReturn(shape, victim, commit, isAfter, rollBack: nil) { crashes += 1 }
            }
        }
        #expect(crashes >= 10)
    }

    /// K2: the same, with a store that is an older copy.
    @Test(arguments: Shape.allCases) func k2OlderStore(_ shape: Shape) throws {
        var crashes = 0
        for victim in 0..<UInt64(3) {
            for commit in 4...9 {
                for older in 1...3 {
                    if try crashAndReturn(shape, victim, commit, true, rollBack: older) { crashes += 1 }
                }
            }
        }
        #expect(crashes >= 12)
    }

    /// One run; false when the victim never made so many commits.
    private func crashAndReturn(
        _ shape: Shape,
        _ victim: UInt64,
        _ commit: Int,
        _ isAfter: Bool,
        rollBack: Int?
    ) throws -> Bool {
        let seed = victim &* 1_000 &+ UInt64(commit)
        let world = SimulatedWorld(seed: seed)
        for number in 0..<UInt64(3) { try world.start(number) }
        let nodes = world.nodes.values.sorted { $0.number < $1.number }
        let dying = nodes[Int(victim)]
        var copies: [InMemorySessionStore] = []
        var didDie = false
        let dies: (Int) -> Bool = { number in
            copies.append(dying.store.copy())
            guard number == commit else { return false }
            didDie = true
            return true
        }
        if isAfter { dying.diesAfterCommit = dies } else { dying.diesBeforeCommit = dies }
        let id = try world.create(plan(3, shape), at: nodes[0])
        for node in nodes.dropFirst() { world.join(id, at: node, provider: nodes[0].peer) }
        _ = try world.run(for: .seconds(20)) { didDie }
        guard didDie else { return false }
        var store = dying.store
        if let rollBack, copies.count > rollBack { store = copies[copies.count - 1 - rollBack] }
        // A creator with a copy that is older than everybody's JOIN knows nobody to ask: it needs an invitation like any other.
        let stored = store.loadNow(signer: dying.secret.publicKey).sessions.first
        if victim == 0, (stored?.joins.count ?? 0) < 2 { return false }
        let back = try world.start(victim, store: store)
        // A signer with a store that does not have the session yet is told of it again.
        if victim != 0 { world.join(id, at: back, provider: nodes[0].peer) }
        let isDone = try world.run(for: .seconds(7_000)) { isComplete(world, id, count: 3) }
        #expect(
            isDone,
            "\(shape) victim \(victim) commit \(commit) after \(isAfter) rollBack \(String(describing: rollBack))")
        try expectComplete(world, id, count: 3, seed)
        for node in world.nodes.values {
            #expect(!node.events.contains { $0.name == "evidence" }, "victim \(victim) commit \(commit)")
        }
        return true
    }

    /// K2b: two processes with one key on one store, both between nonce and partial: one partial leaves for an attempt.
    @Test func k2bTwoProcessesOnOneStore() throws {
        let world = SimulatedWorld(seed: 5)
        let store = InMemorySessionStore()
        let creator = try world.start(0)
        let first = try world.start(1, store: store)
        // The first process waits before it signs, as if a person had to say yes.
        first.consent = { $0.stage == .sign ? nil : .approve }
        let id = try world.create(plan(2, .mesh), at: creator)
        world.join(id, at: first, provider: creator.peer)
        _ = try world.run(for: .seconds(3)) { false }
        #expect(first.partialsMade == 0)
        let second = try world.start(1, peer: TestKeys.peer(77), store: store)
        let isDone = try world.run(for: .seconds(600)) { second.machine.sessions.signatures(of: id) != nil }
        #expect(isDone)
        world.give(.consent(id, .sign, attempt: 1, .approve), to: first)
        _ = try world.run(for: .seconds(30)) { false }
        #expect(first.partialsMade + second.partialsMade >= 1)
        var attempts: [UInt32: Int] = [:]
        for key in world.ledger.partials.keys where key.index == 1 { attempts[key.attempt, default: 0] += 1 }
        #expect(attempts.values.allSatisfy { $0 == 1 })
        #expect(world.ledger.breach == nil)
    }

    /// S15 and S27: a signer goes away in the middle and comes back much later as a new process with another peer id.
    @Test func s15ComesBackElsewhereAfterADay() throws {
        let world = SimulatedWorld(seed: 6)
        let creator = try world.start(0)
        let store = InMemorySessionStore()
        let joiner = try world.start(1, store: store)
        joiner.consent = { $0.stage == .sign ? nil : .approve }
        var plan = try plan(2, .mesh)
        plan.lifetime = .seconds(3 * 86_400)
        let id = try world.create(plan, at: creator)
        world.join(id, at: joiner, provider: creator.peer)
        _ = try world.run(for: .seconds(2)) { false }
        world.crash(joiner)
        _ = try world.run(for: .seconds(86_400)) { false }
        let back = try world.start(1, peer: TestKeys.peer(99), store: store)
        let isDone = try world.run(for: .seconds(7_200)) { isComplete(world, id, count: 2) }
        #expect(isDone)
        #expect(back.events.contains(.restored(id)))
        #expect(creator.events.filter { $0.name == "participantJoined" }.count == 1)
        #expect(world.ledger.breach == nil)
    }

    /// S19: a signer that was away when the others finished gets the signatures from the archive, also after it was closed.
    @Test func s19TombstoneAnswers() throws {
        let world = SimulatedWorld(seed: 7)
        let nodes = try (0..<UInt64(3)).map { try world.start($0) }
        let store = nodes[2].store
        let id = try world.create(plan(3, .mesh), at: nodes[0])
        for node in nodes.dropFirst() { world.join(id, at: node, provider: nodes[0].peer) }
        // The last one dies as soon as its partial has left.
        _ = try world.run(for: .seconds(20)) {
            nodes[2].partialsMade == 1 && nodes[0].machine.sessions.signatures(of: id) != nil
        }
        world.crash(nodes[2])
        _ = try world.run(for: .seconds(120)) { false }
        for node in nodes.prefix(2) { world.give(.command(id, .close), to: node) }
        _ = try world.run(for: .seconds(120)) { false }
        #expect(nodes[0].machine.sessions.isEmpty)
        #expect(nodes[0].machine.sessions.status(of: id) == nil)
        let back = try world.start(2, peer: TestKeys.peer(88), store: store)
        let isDone = try world.run(for: .seconds(600)) { back.machine.sessions.signatures(of: id) != nil }
        #expect(isDone)
        #expect(back.machine.sessions.signatures(of: id) == nodes[0].machine.sessions.signatures(of: id))
    }
}
