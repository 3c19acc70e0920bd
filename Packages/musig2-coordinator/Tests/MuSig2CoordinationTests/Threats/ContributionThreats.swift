import MuSig2
import MuSig2Session
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// A co-signer that contributes what it must not: which signer is named, with what proof, and what goes on.
@Suite("Threats: contributions", .timeLimit(.minutes(1))) struct ContributionThreats {
    /// K3 and S20: a co-signer throws its nonces away and asks for the same message again, as often as it may.
    @Test func k3TheSameMessageManyTimes() async throws {
        let scene = try await Scene.joined(honest: 1)
        let hostile = scene.hostile
        let honest = scene.honest[0].peer
        var nonces: Set<[UInt8]> = []
        var partials: Set<[UInt8]> = []
        for attempt in 1...32 as ClosedRange<UInt32> {
            let own = try hostile.nonces(hostile.draw(attempt: attempt), attempt: attempt)
            hostile.say(own, to: honest)
            let share = try await hostile.hear(.nonceShare, by: 0, attempt: attempt)
            let partial = try await hostile.hear(.partialSigShare, by: 0, attempt: attempt)
            let agreement = try hostile.agreement([share, own], attempt: attempt)
            // A partial for exactly these nonces, and nothing of them was seen before.
            let made = try PartialSigShare(decoding: partial.body.payload)
            #expect(made.context == agreement.contextHash.bytes)
            let shown = try NonceShare(decoding: share.body.payload).nonces[0]
            #expect(nonces.insert(Array(shown.prefix(33))).inserted)
            #expect(nonces.insert(Array(shown.suffix(33))).inserted)
            #expect(partials.insert(made.partials[0]).inserted)
            hostile.say(try hostile.message(.restart(Restart(reason: .requested)), attempt: attempt + 1), to: honest)
            hostile.forget()
        }
        // There is an end to it, and the storm has an author.
        let report = try await scene.abort(at: 0)
        #expect(report.reason == .noProgress && report.by == 0 && report.isAfterPartial)
        #expect(report.earlyEnds.map(\.by) == Array(repeating: 1, count: 32))
        let status = try #require(await scene.honest[0].coordinator.status(of: scene.id))
        #expect(status.signers.map(\.restarts) == [0, 32])
        #expect(nonces.count == 64)
        #expect(scene.convicted.isEmpty)
    }

    /// S6: two different nonces to two peers.
    @Test func s6TwoNoncesToTwoPeers() async throws {
        let scene = try await Scene.joined()
        let hostile = scene.hostile
        let first = try hostile.nonces(hostile.draw(1))
        let second = try hostile.nonces(hostile.draw(2))
        hostile.say(first, to: scene.honest[0].peer)
        hostile.say(second, to: scene.honest[1].peer)
        for party in 0..<2 {
            let evidence = try await scene.evidence(at: party)
            #expect(evidence.kind == .contradiction && evidence.culprit == 2)
            #expect(Set(evidence.signedMessages) == [first, second])
            #expect(try scene.checker().check(Evidence(decoding: evidence.encoded())) == 2)
            let report = try await scene.abort(at: party)
            #expect(report.reason == .invalidContribution)
        }
        #expect(scene.convicted == [2])
    }

    enum Forgery: CaseIterable {
        /// Not what the nonces and the key give.
        case wrong
        /// The number zero.
        case zero
        /// n minus the sum of the others, which makes the sum zero.
        case cancelling

        func made(from honest: [Scalar], own: Scalar) -> Scalar {
            switch self {
            case .wrong: own + .one
            case .zero: .zero
            case .cancelling: -honest.reduce(.zero, +)
            }
        }
    }

    private func scalar(_ message: SignedMessage) throws -> Scalar {
        try #require(Scalar(canonical: PartialSigShare(decoding: message.body.payload).partials[0]))
    }

    /// S7 and K9: a partial signature that is a number, and not the right one.
    @Test(arguments: Forgery.allCases) func s7AnInvalidPartial(_ forgery: Forgery) async throws {
        let scene = try await Scene.joined()
        let hostile = scene.hostile
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: scene.honest[0].peer, scene.honest[1].peer)
        let agreement = try hostile.agreement(try await scene.shares() + [own])
        let honest = try await scene.partials().map { try scalar($0) }
        let right = try #require(Scalar(canonical: hostile.sign(agreement)[0]))
        let wrong = try hostile.partials([forgery.made(from: honest, own: right).bytes], agreement)
        hostile.say(wrong, to: scene.honest[0].peer, scene.honest[1].peer)
        for party in 0..<2 {
            let evidence = try await scene.evidence(at: party)
            #expect(evidence.kind == .invalidPartial && evidence.culprit == 2)
            #expect(try scene.checker().check(Evidence(decoding: evidence.encoded())) == 2)
            let report = try await scene.abort(at: party)
            #expect(report.reason == .invalidContribution && report.isAfterPartial)
        }
        #expect(scene.convicted == [2])
    }

    /// K9: contributions that are no contributions. Their signer is named, and its slot stays open for a right one.
    @Test func k9ContributionsOutOfRange() async throws {
        let scene = try await Scene.joined(honest: 1)
        let hostile = scene.hostile
        let honest = scene.honest[0].peer
        let right = try hostile.draw()
        let order: [UInt8] = try #require(Scalar(canonical: (-Scalar.one).bytes)).bytes.dropLast() + [0x41]
        var halves = [right[0], right[0]]
        halves[0].replaceSubrange(0..<1, with: [0x05])
        halves[1].replaceSubrange(33..<66, with: [UInt8](repeating: 0, count: 33))
        for bad in halves { hostile.say(try hostile.nonces([bad]), to: honest) }
        let share = try await hostile.hear(.nonceShare, by: 0)
        let own = try hostile.nonces(right)
        hostile.say(own, to: honest)
        let agreement = try hostile.agreement([share, own])
        _ = try await hostile.hear(.partialSigShare, by: 0)
        hostile.say(try hostile.partials([order], agreement), to: honest)
        hostile.say(try hostile.partials(hostile.sign(agreement), agreement), to: honest)
        try await scene.expectComplete(at: 0)
        let first = try await scene.event(at: 0) { $0.name == "complete" ? true : nil }
        #expect(first)
        let named = scene.told[0].compactMap { event -> Int? in
            if case .error(let error) = event, error.code == .signerMisbehaved { error.signer } else { nil }
        }
        #expect(named == [1, 1, 1])
        #expect(scene.convicted.isEmpty)
    }

    /// K9: the last to speak cancels all nonces. BIP-327 has a rule for the infinite sum, and nobody falls over.
    @Test func k9TheAggregateNonceAtInfinity() async throws {
        let scene = try await Scene.joined(honest: 1)
        let hostile = scene.hostile
        let honest = scene.honest[0].peer
        let share = try await hostile.hear(.nonceShare, by: 0)
        var cancelling = try NonceShare(decoding: share.body.payload).nonces[0]
        cancelling[0] ^= 1
        cancelling[33] ^= 1
        let own = try hostile.nonces([cancelling])
        hostile.say(own, to: honest)
        let agreement = try hostile.agreement([share, own])
        #expect(agreement.aggregateNonces == [[UInt8](repeating: 0, count: 66)])
        let partial = try await hostile.hear(.partialSigShare, by: 0)
        let made = try PartialSigShare(decoding: partial.body.payload)
        let seat = try hostile.seat
        let nonces = try #require(seat.crypto.nonces(NonceShare(decoding: share.body.payload).nonces))
        #expect(seat.crypto.isValid(partials: made.partials, nonces: nonces, signer: 0, context: agreement.context))
        // A signer that cannot sign for its nonces asks for others.
        hostile.say(try hostile.message(.restart(Restart(reason: .requested)), attempt: 2), to: honest)
        let again = try hostile.nonces(hostile.draw(attempt: 2), attempt: 2)
        hostile.say(again, to: honest)
        let next = try hostile.agreement([try await hostile.hear(.nonceShare, by: 0, attempt: 2), again], attempt: 2)
        hostile.say(try hostile.partials(hostile.sign(next, attempt: 2), next, attempt: 2), to: honest)
        try await scene.expectComplete(at: 0)
    }

    /// K12: a clone of a signer makes a second partial under one nonce. Nothing that leaves or is kept has both.
    @Test func k12TwoPartialsUnderOneNonce() async throws {
        var byHand = Scene.Character()
        byHand.configuration.startsRoundsAutomatically = false
        let scene = try await Scene.set([Scene.Character(), byHand])
        try await scene.join()
        let hostile = scene.hostile
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: scene.honest[0].peer, scene.honest[1].peer)
        // The second honest signer shows its nonces and waits, so that the session cannot complete.
        try await scene.honest[1].coordinator.startRound1(of: scene.id)
        let agreement = try hostile.agreement(try await scene.shares() + [own])
        _ = try await hostile.hear(.partialSigShare, by: 0)
        let first = try #require(Scalar(canonical: hostile.sign(agreement)[0]))
        let partials = [first, first + .one].map(\.bytes)
        for partial in partials { hostile.say(try hostile.partials([partial], agreement), to: scene.honest[0].peer) }
        let compromised = try await scene.error(.signerCompromised, at: 0)
        #expect(compromised.signer == 2)
        for party in 0..<2 {
            let report = try await scene.abort(at: party)
            #expect(report.reason == .signerCompromised && report.by == 0 && report.evidence == nil)
        }
        try await hostile.settle(with: scene.honest[0].peer)
        try await hostile.settle(with: scene.honest[1].peer)
        #expect(scene.convicted.isEmpty)
        var seen: Set<[UInt8]> = []
        for party in scene.honest {
            for message in hostile.messages(.partialSigShare, from: party.peer) where message.body.index == 2 {
                seen.formUnion(try PartialSigShare(decoding: message.body.payload).partials)
            }
            for abort in hostile.messages(.abort, from: party.peer) {
                #expect(try Abort(decoding: abort.body.payload).evidence == nil)
            }
            let kept = party.store.stateNow(signer: party.publicKey, completions: 10).sessions.flatMap(\.partials)
            for row in kept { #expect(try SignedMessage(decoding: row).body.index != 2) }
        }
        #expect(seen.count <= 1)
    }
}
