import MuSig2
import MuSig2Session
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// The elected coordinator of a star is hostile: it can stall, and never forge or frame.
@Suite("Threats: a hostile coordinator", .timeLimit(.minutes(1))) struct CoordinatorThreats {
    /// The hostile signer is coordinator of the first attempt.
    private func star() async throws -> Scene {
        try await Scene.joined(hostileIsFirst: true) { request in
            request.topology = .star
            request.election = .first
            request.nonceTimeout = .seconds(2)
            request.partialTimeout = .seconds(2)
        }
    }

    private func complete(_ agreement: HostileSigner.Agreement) -> Payload {
        .noncesComplete(
            NoncesComplete(
                leaves: agreement.leaves.map(\.bytes), aggregateNonces: agreement.aggregateNonces))
    }

    /// The right agreement, and one with a sum that nobody's nonces give.
    private func agreements(
        _ scene: Scene
    ) async throws -> (right: HostileSigner.Agreement, wrong: HostileSigner.Agreement, shares: [SignedMessage]) {
        let own = try scene.hostile.nonces(scene.hostile.draw())
        let shares = [own] + (try await scene.shares())
        let right = try scene.hostile.agreement(shares)
        let other = try scene.hostile.agreement([try scene.hostile.nonces(scene.hostile.draw(9))] + shares.dropFirst())
        let wrong = try scene.hostile.agreement(shares, aggregateNonces: other.aggregateNonces)
        #expect(right.leaves == wrong.leaves && right.aggregateNonces != wrong.aggregateNonces)
        return (right, wrong, shares)
    }

    /// In the second attempt it does its part as any signer, under an honest coordinator.
    private func signUnderTheNext(_ scene: Scene) async throws {
        let hostile = scene.hostile
        let seat = try hostile.seat
        let attempt = try #require(await scene.honest[0].coordinator.status(of: scene.id)).attempt
        #expect(attempt == 2)
        let again = try hostile.nonces(hostile.draw(attempt: 2), attempt: 2)
        hostile.say(again, to: scene.honest[0].peer)
        let aggregate = try await hostile.hear(.noncesComplete, by: 1, attempt: 2)
        let said = try NoncesComplete(decoding: aggregate.body.payload)
        let leaves = said.leaves.compactMap { Hash32($0) }
        let transcript = Transcript.transcript(session: scene.id, attempt: 2, leaves: leaves, using: seat.crypto)
        let agreement = HostileSigner.Agreement(
            leaves: leaves,
            aggregateNonces: said.aggregateNonces,
            contextHash: Transcript.context(
                transcript: transcript, aggregateNonces: said.aggregateNonces, using: seat.crypto),
            context: try #require(seat.crypto.context(aggregateNonces: said.aggregateNonces))
        )
        hostile.say(
            try hostile.partials(hostile.sign(agreement, attempt: 2), agreement, attempt: 2), to: scene.honest[0].peer)
    }

    /// K10: a wrong aggregate for one signer: its partial is then presented as invalid.
    @Test func k10AnHonestPartialPresentedAsInvalid() async throws {
        let scene = try await star()
        let hostile = scene.hostile
        let (right, wrong, shares) = try await agreements(scene)
        let told = try hostile.message(complete(wrong))
        hostile.say(told, to: scene.honest[0].peer)
        let partial = try await hostile.hear(.partialSigShare, by: 1)
        for agreement in [right, wrong] {
            let accusation = Evidence(
                kind: .invalidPartial,
                culprit: 1,
                signedMessages: [shares[1], partial],
                leaves: agreement.leaves.map(\.bytes),
                aggregateNonces: agreement.aggregateNonces
            )
            // Under the right sum it is not what the signer signed; under the wrong one it is valid.
            let expected: EvidenceError =
                agreement.aggregateNonces == right.aggregateNonces ? .wrongContext : .noContradiction
            #expect(throws: expected) { try scene.checker().check(accusation) }
            hostile.say(try hostile.message(.evidence(accusation), attempt: 0), to: scene.honest[1].peer)
        }
        try await hostile.settle(with: scene.honest[1].peer)
        // What the coordinator signed convicts the coordinator.
        let proof = Evidence(kind: .wrongAggregate, culprit: 0, signedMessages: [told] + shares)
        #expect(try scene.checker().check(Evidence(decoding: proof.encoded())) == 0)
        hostile.say(try hostile.message(.evidence(proof), attempt: 0), to: scene.honest[1].peer)
        let evidence = try await scene.evidence(at: 1)
        #expect(evidence == proof)
        #expect(scene.convicted == [0])
    }

    /// K11 and S8: a wrong aggregate for all, then silence. Every partial is valid, nothing is forged, nobody honest is named, and the
    /// next coordinator finishes.
    @Test func k11AWrongAggregateForAll() async throws {
        let scene = try await star()
        let hostile = scene.hostile
        let (right, wrong, shares) = try await agreements(scene)
        let told = try hostile.message(complete(wrong))
        hostile.say(told, to: scene.honest[0].peer, scene.honest[1].peer)
        let partials = try await scene.partials()
        let seat = try hostile.seat
        for (partial, share) in zip(partials, shares.dropFirst()) {
            let made = try PartialSigShare(decoding: partial.body.payload)
            #expect(made.context == wrong.contextHash.bytes)
            let nonces = try #require(seat.crypto.nonces(NonceShare(decoding: share.body.payload).nonces))
            let signer = Int(partial.body.index)
            #expect(
                seat.crypto.isValid(partials: made.partials, nonces: nonces, signer: signer, context: wrong.context))
            #expect(
                !seat.crypto.isValid(partials: made.partials, nonces: nonces, signer: signer, context: right.context))
        }
        // They add up to no signature with anything that the coordinator can make of its own nonces.
        let all = try [hostile.sign(wrong)] + partials.map { try PartialSigShare(decoding: $0.body.payload).partials }
        #expect(seat.crypto.signatures(partials: all, context: wrong.context) == nil)
        #expect(seat.crypto.signatures(partials: all, context: right.context) == nil)
        let proof = Evidence(kind: .wrongAggregate, culprit: 0, signedMessages: [told] + shares)
        #expect(try scene.checker().check(proof) == 0)
        // It gives out a result of its own.
        let forged = SignatureFinalized(
            sessionID: scene.id.bytes, signatures: [Array(right.aggregateNonces[0][1..<33]) + all[0][0]])
        hostile.send([.signatureFinalized(forged)], to: scene.honest[0].peer)

        let clock = scene.clockRuns()
        defer { clock.cancel() }
        for party in 0..<2 {
            try await scene.event(at: party) { event in
                if case .coordinatorChanged(_, _, let coordinator) = event, coordinator != 0 { true } else { nil }
            }
        }
        try await signUnderTheNext(scene)
        for party in 0..<2 { try await scene.expectComplete(at: party) }
        #expect(scene.convicted.isEmpty)
    }

    /// S9: a coordinator that has everything says that it has not heard an honest signer. That is a statement, which convicts
    /// nobody, and the next coordinator completes.
    @Test func s9TheCoordinatorLiesAboutSilence() async throws {
        let scene = try await star()
        let hostile = scene.hostile
        _ = try await scene.shares()
        let lie = try hostile.message(.restart(Restart(reason: .timeout, notHeard: [1])), attempt: 2)
        hostile.say(lie, to: scene.honest[0].peer, scene.honest[1].peer)
        for party in 0..<2 {
            let stated = try await scene.event(at: party) { event in
                if case .notHeard(_, _, let signers, let author) = event { (signers, author) } else { nil }
            }
            #expect(stated.0 == [1] && stated.1 == 0)
        }
        try await signUnderTheNext(scene)
        for party in 0..<2 { try await scene.expectComplete(at: party) }
        #expect(scene.convicted.isEmpty)
    }

    /// K14: a malformed aggregate uses no nonce up; of two well-formed ones the first counts, and both convict.
    @Test func k14NoncesCompleteMalformedAndTwice() async throws {
        let scene = try await star()
        let hostile = scene.hostile
        let (right, wrong, _) = try await agreements(scene)
        var broken = NoncesComplete(leaves: right.leaves.map(\.bytes), aggregateNonces: right.aggregateNonces)
        broken.aggregateNonces[0] = [UInt8](repeating: 0xFF, count: 66)
        hostile.say(try hostile.message(.noncesComplete(broken)), to: scene.honest[0].peer)
        let misbehaved = try await scene.error(.signerMisbehaved, at: 0)
        #expect(misbehaved.signer == 0)
        let first = try hostile.message(complete(right))
        let second = try hostile.message(complete(wrong))
        hostile.say(first, to: scene.honest[0].peer)
        let partial = try await hostile.hear(.partialSigShare, by: 1)
        #expect(try PartialSigShare(decoding: partial.body.payload).context == right.contextHash.bytes)
        hostile.say(second, to: scene.honest[0].peer)
        let evidence = try await scene.evidence(at: 0)
        #expect(evidence.kind == .contradiction && evidence.culprit == 0)
        #expect(Set(evidence.signedMessages) == [first, second])
        #expect(try scene.checker().check(Evidence(decoding: evidence.encoded())) == 0)
        try await hostile.settle(with: scene.honest[0].peer)
        #expect(
            hostile.messages(.partialSigShare, from: scene.honest[0].peer).filter { $0.body.attempt == 1 }.count == 1)
        #expect(scene.convicted == [0])
    }
}
