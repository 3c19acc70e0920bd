import MuSig2
import MuSig2Session
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// What one signer signs may cost it something, and no other honest signer.
@Suite("Threats: blame", .timeLimit(.minutes(1))) struct BlameThreats {
    /// S29: nonces that are no points, in one attempt after the other, through the old coordinator of a star. Its author is shut out; the
    /// honest signers keep each other.
    @Test func s29InvalidPointsThroughAnHonestSigner() async throws {
        let scene = try await Scene.joined { request in
            request.topology = .star
            request.election = .first
        }
        let hostile = scene.hostile
        let relay = scene.honest[0].peer
        for attempt in 2...13 as ClosedRange<UInt32> {
            let bad = try hostile.nonces([[UInt8](repeating: 0xFF, count: 66)], attempt: attempt)
            hostile.say(bad, to: relay)
        }
        try await hostile.untilDisconnected(from: relay)
        let banned = try await scene.error(.peerBanned, at: 0)
        #expect(banned.message.contains("\(hostile.peer)"))
        let named = try await scene.error(.signerMisbehaved, at: 0)
        #expect(named.signer == 2)
        for party in 0..<2 {
            let status = try #require(await scene.honest[party].coordinator.status(of: scene.id))
            #expect(status.signers[0].isConnected && status.signers[1].isConnected)
            #expect(status.attempt == 1)
        }
        #expect(scene.told[1].allSatisfy { $0 != .error(CoordinatorError(.peerBanned, "")) })
    }

    /// S30: the highest attempt there was, and every one before it: refused beyond what time allows, the storm has an author and an end.
    @Test func s30AttemptsUsedUp() async throws {
        let scene = try await Scene.joined(honest: 1)
        let hostile = scene.hostile
        let honest = scene.honest[0].peer
        let nonces = try hostile.draw(1, attempt: 2)
        for attempt in [128, 1_000, UInt32.max] {
            hostile.say(try hostile.message(.restart(Restart(reason: .requested)), attempt: attempt), to: honest)
            hostile.say(try hostile.nonces(nonces, attempt: attempt), to: honest)
        }
        try await hostile.settle(with: honest)
        let status = try #require(await scene.honest[0].coordinator.status(of: scene.id))
        #expect(status.attempt == 1 && status.signers.map(\.restarts) == [0, 0])
        // The session completes as if nothing had been said.
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: honest)
        let agreement = try hostile.agreement([try await hostile.hear(.nonceShare, by: 0), own])
        hostile.say(try hostile.partials(hostile.sign(agreement), agreement), to: honest)
        try await scene.expectComplete(at: 0)
    }

    /// A world with a running session of two that has not got its partials yet.
    private func running(
        messages: Int, _ change: (inout MuSig2Coordinator.Configuration) -> Void = { _ in }
    ) throws -> (world: SimulatedWorld, creator: SimulatedNode, joiner: SimulatedNode, id: SessionID) {
        let world = SimulatedWorld(seed: 12)
        var configuration = MuSig2Coordinator.Configuration()
        change(&configuration)
        let creator = try world.start(0, configuration: configuration)
        let joiner = try world.start(1, configuration: configuration)
        creator.consent = { $0.stage == .sign ? nil : .approve }
        joiner.consent = creator.consent
        let keys = try (0..<2 as Range<UInt64>).map { try TestKeys.publicKey($0) }
        let bodies = (0..<messages).map { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let id = try world.create(SessionPlan(signerKeys: keys, messages: bodies, creator: 0), at: creator)
        world.join(id, at: joiner, provider: creator.peer)
        _ = try world.run(for: .seconds(3)) {
            creator.machine.sessions.status(of: id)?.signers[1].hasNonces == true
                && creator.machine.sessions.status(of: id)?.phase != .gathering(.joins)
        }
        return (world, creator, joiner, id)
    }

    /// R10: a message with many points costs as many tokens as its work is worth, before the work.
    @Test func r10PointsAreCharged() throws {
        // 20 messages: 40 points, ten tokens, and one for the signature.
        let (world, creator, joiner, id) = try running(messages: 20) {
            $0.abuse.signatureChecks = MuSig2Coordinator.Configuration.BucketSize(perSecond: 0.001, burst: 100)
        }
        let machine = try #require(creator.machine.sessions[id]?.machine)
        let run = try #require(joiner.machine.sessions[id]?.machine.currentRun)
        let secret = try TestKeys.secret(1)
        let nonce = try TestKeys.publicKey(7).compressedRepresentation + TestKeys.publicKey(8).compressedRepresentation
        let share = Payload.nonceShare(NonceShare(nonces: Array(repeating: nonce, count: 20)))
        for attempt in 2...31 as ClosedRange<UInt32> {
            let body = MessageBody(sessionID: id.bytes, attempt: attempt, index: 1, run: run, payload: share)
            let message = try SignedMessage(body) {
                try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation
            }
            if attempt == 2 { #expect(machine.cost(of: message) == 31) }
            creator.take(.network(.frame(Frame([.signedMessage(message)]).encoded(), from: joiner.peer)), at: world.now)
        }
        let reached = try #require(creator.machine.sessions.status(of: id)?.attempt)
        // Not even twenty of the thirty: there are 100 tokens, and what a signer of the session has on top.
        #expect((2...20).contains(reached))
    }

    /// A session with a round that the application starts has no deadline, and is stuck all the same when nothing comes.
    @Test func stuckWithoutADeadline() throws {
        let (world, creator, _, id) = try running(messages: 1) { $0.startsRoundsAutomatically = false }
        #expect(creator.machine.sessions.status(of: id)?.phase == .gathering(.nonces))
        #expect(creator.machine.sessions.status(of: id)?.deadline == nil)
        let stuck = CoordinatorEvent.error(CoordinatorError(.stuck, "", session: id))
        #expect(!creator.events.contains(stuck))
        _ = try world.run(for: .seconds(900)) { creator.events.contains(stuck) }
        #expect(creator.events.contains(stuck))
        #expect(creator.machine.health(of: id, at: world.now)?.isStuck == true)
    }
}
