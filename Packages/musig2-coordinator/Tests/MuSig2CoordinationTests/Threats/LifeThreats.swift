import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// The lives of a session's machine: what one leaves behind for the next, and what of it must never leave.
@Suite("Threats: lives of a machine") struct LifeThreats {
    /// Three signers in a mesh, of which the third is not there yet, so that nothing is signed.
    private func scene(_ seed: UInt64, lifetime: Duration = .seconds(7_200)) throws -> (
        world: SimulatedWorld, creator: SimulatedNode, victim: SimulatedNode, id: SessionID
    ) {
        let world = SimulatedWorld(seed: seed)
        let creator = try world.start(0)
        let victim = try world.start(1)
        let keys = try (0..<3 as Range<UInt64>).map { try TestKeys.publicKey($0) }
        var plan = SessionPlan(signerKeys: keys, messages: [[1]], creator: 0)
        plan.lifetime = lifetime
        let id = try world.create(plan, at: creator)
        world.join(id, at: victim, provider: creator.peer)
        _ = try world.run(for: .seconds(2)) { false }
        #expect(victim.machine.sessions.status(of: id)?.signers[1].hasNonces == true, "seed \(seed)")
        return (world, creator, victim, id)
    }

    /// Loses such messages on their way, but for those to one peer.
    private func lose(
        _ types: Set<MessageType>, in world: SimulatedWorld, from author: PeerID? = nil, except spared: PeerID? = nil
    ) {
        world.tap = { bytes, from, to in
            guard to != spared, author ?? from == from, let frame = try? Frame(decoding: bytes) else { return bytes }
            let items = frame.items.filter { item in
                if case .signedMessage(let message) = item { !types.contains(message.body.type) } else { true }
            }
            return items.isEmpty ? nil : Frame(items).encoded()
        }
    }

    private func runs(_ world: SimulatedWorld, of signer: UInt32) -> Set<UInt64> {
        Set(world.ledger.nonces.keys.filter { $0.index == signer }.map(\.run))
    }

    /// K16: a session that is left and joined again in the same process, any number of times: each life has a run of its own.
    @Test(arguments: 0..<4 as Range<UInt64>) func k16LeftAndJoinedAgain(seed: UInt64) throws {
        let (world, creator, victim, id) = try scene(seed)
        for _ in 0..<3 {
            world.give(.command(id, .leave), to: victim)
            // Long enough for a sweep.
            _ = try world.run(for: .seconds(90)) { false }
            world.join(id, at: victim, provider: creator.peer)
            _ = try world.run(for: .seconds(5)) { victim.machine.sessions.status(of: id)?.signers[1].hasNonces == true }
        }
        #expect(world.ledger.breach == nil, "seed \(seed)")
        #expect(runs(world, of: 1).count == 4, "seed \(seed)")
        let last = try world.start(2)
        world.join(id, at: last, provider: creator.peer)
        let all = [creator, victim, last]
        let isDone = try world.run(for: .seconds(3_600)) {
            all.allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
        }
        #expect(isDone, "seed \(seed)")
        #expect(world.ledger.breach == nil, "seed \(seed)")
        #expect(!all.contains { node in node.events.contains { $0.name == "evidence" } }, "seed \(seed)")
    }

    /// K16: joined, left after the partial was recorded, refused, joined: the recorded partial is found, and no other one leaves.
    @Test(arguments: 0..<4 as Range<UInt64>) func k16RefusedInBetween(seed: UInt64) throws {
        let (world, creator, victim, id) = try scene(seed)
        let last = try world.start(2)
        // The others hear no partial of the victim.
        lose([.partialSigShare, .abort], in: world, from: victim.peer)
        world.join(id, at: last, provider: creator.peer)
        _ = try world.run(for: .seconds(5)) { victim.partialsMade == 1 }
        #expect(victim.partialsMade == 1, "seed \(seed)")
        world.give(.command(id, .leave), to: victim)
        _ = try world.run(for: .seconds(90)) { false }
        victim.consent = { _ in .refuse(reason: "not today") }
        world.join(id, at: victim, provider: creator.peer)
        _ = try world.run(for: .seconds(5)) { false }
        #expect(!victim.machine.sessions.knows(id), "seed \(seed)")
        victim.consent = { _ in .approve }
        world.tap = nil
        world.join(id, at: victim, provider: creator.peer)
        let all = [creator, victim, last]
        let isDone = try world.run(for: .seconds(3_600)) {
            all.allSatisfy { $0.machine.sessions.signatures(of: id) != nil }
        }
        #expect(isDone, "seed \(seed)")
        #expect(world.ledger.breach == nil, "seed \(seed)")
        var attempts: [UInt32: Int] = [:]
        for key in world.ledger.partials.keys where key.index == 1 { attempts[key.attempt, default: 0] += 1 }
        #expect(attempts.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    }

    enum End: CaseIterable, Sendable {
        case aborted
        case withdrawn
        case heard
    }

    /// K17: whatever ended a session, the next process on the same store does not go on with it, and says so.
    @Test(arguments: End.allCases, 0..<2 as Range<UInt64>)
    func k17AnEndOutlivesTheProcess(end: End, seed: UInt64) throws {
        let (world, creator, victim, id) = try scene(seed)
        lose([.abort], in: world, except: end == .heard ? victim.peer : nil)
        switch end {
        case .aborted: world.give(.command(id, .abort(reason: "no")), to: victim)
        case .withdrawn: world.give(.command(id, .withdrawApproval), to: victim)
        case .heard: world.give(.command(id, .abort(reason: "no")), to: creator)
        }
        _ = try world.run(for: .seconds(1)) { false }
        world.crash(victim)
        world.tap = nil
        let before = runs(world, of: 1)
        let back = try world.start(1, store: victim.store)
        let last = try world.start(2)
        world.join(id, at: last, provider: creator.peer)
        _ = try world.run(for: .seconds(60)) { false }
        guard case .aborted(let report)? = back.machine.sessions.status(of: id)?.phase else {
            Issue.record("\(end) seed \(seed): \(String(describing: back.machine.sessions.status(of: id)?.phase))")
            return
        }
        #expect(report.by == (end == .heard ? 0 : 1))
        #expect(!report.isAfterPartial)
        #expect(runs(world, of: 1) == before, "no further life")
        #expect(world.ledger.partials.keys.allSatisfy { $0.index != 1 })
        #expect(!back.events.contains(.restored(id)))
        // The others hear of it.
        for node in [creator, last] where node.machine.sessions.knows(id) {
            guard case .aborted? = node.machine.sessions.status(of: id)?.phase else {
                Issue.record("\(end) seed \(seed): \(String(describing: node.machine.sessions.status(of: id)?.phase))")
                return
            }
        }
        // And joining it again says how it ended.
        let failures = back.joinFailures.count
        back.take(.join(id), at: world.now)
        #expect(back.joinFailures.count == failures + 1)
        #expect(world.ledger.breach == nil)
    }

    enum Late: CaseIterable, Sendable {
        case withdrawn
        case aborted
        case left
    }

    /// K15: a recorded partial waits while the store is at work for another session. What ends its session takes it out.
    @Test(arguments: Late.allCases) func k15APartialThatWaits(late: Late) throws {
        let world = SimulatedWorld(seed: 3)
        let creator = try world.start(0)
        let victim = try world.start(1)
        let keys = try (0..<2 as Range<UInt64>).map { try TestKeys.publicKey($0) }
        let plan = SessionPlan(signerKeys: keys, messages: [[1]], creator: 0)
        let id = try world.create(plan, at: creator)
        let other = try world.create(plan, at: creator)
        // The victim waits for the other partial, so that it has no signature of its own.
        lose([.partialSigShare], in: world, from: creator.peer)
        var isRecorded = false
        var isOver = false
        victim.duringCommit = { writes in
            if writes.contains(where: { if case .partials(id, _, _) = $0 { true } else { false } }) {
                isRecorded = true
                // Something for the other session comes in, which needs the store.
                return [.join(other)]
            }
            guard isRecorded, !isOver else { return [] }
            isOver = true
            return switch late {
            case .withdrawn: [.command(id, .withdrawApproval)]
            case .aborted: [.command(id, .abort(reason: "no"))]
            case .left: [.command(id, .leave)]
            }
        }
        // It has looked at the other session, and joins the first one.
        world.give(
            .lookUp(.session(other), providers: [Provider(peer: creator.peer, addresses: SimulatedWorld.addresses)]),
            to: victim)
        _ = try world.run(for: .seconds(1)) { false }
        world.join(id, at: victim, provider: creator.peer)
        _ = try world.run(for: .seconds(60)) { isOver }
        #expect(isRecorded && isOver)
        _ = try world.run(for: .seconds(60)) { false }
        #expect(!world.ledger.partials.keys.contains { $0.index == 1 && $0.session == id.bytes })
        #expect(creator.machine.sessions.signatures(of: id) == nil)
    }
}
