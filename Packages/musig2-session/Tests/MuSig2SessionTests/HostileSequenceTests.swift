import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// Whatever one signer signs, in any order and to anybody: no honest peer is scored for it, nobody is framed, and
/// attempts do not run out.
@Suite("Sequences of hostile messages")
struct HostileSequenceTests {
    enum Shape: CaseIterable, CustomTestStringConvertible {
        case mesh
        case star
        case committed

        var testDescription: String { "\(self)" }
    }

    private func party(_ shape: Shape, _ seed: UInt64) throws -> Party {
        var plan = try Fixture.plan(signers: 4)
        plan.topology = shape == .star ? .star : .mesh
        plan.election = seed.isMultiple(of: 2) ? .first : .last
        plan.hasCommitmentRound = shape == .committed
        plan.nonceTimeout = .seconds(20)
        plan.partialTimeout = .seconds(20)
        return try Party(plan)
    }

    /// A payload of any type, right or wrong.
    private func payload(_ party: Party, _ random: inout SplitMix64) throws -> (Payload, belongs: Bool) {
        func hash() -> [UInt8] { [UInt8](repeating: UInt8.random(in: 0...3, using: &random), count: 32) }
        func nonce() -> [UInt8] {
            [UInt8.random(in: 0...1, using: &random) * 0xFF]
                + [UInt8](repeating: UInt8.random(in: 0...3, using: &random), count: 65)
        }
        func indices() -> [UInt32] { (0..<4).filter { _ in Bool.random(using: &random) } }
        let count = Int.random(in: 0..<8, using: &random) == 0 ? 2 : 1
        switch Int.random(in: 0..<9, using: &random) {
        case 0: return (.nonceCommit(NonceCommit(leaf: hash())), true)
        case 1: return (.nonceCommitsComplete(NonceCommitsComplete(transcript: hash())), true)
        case 2, 3: return (.nonceShare(NonceShare(nonces: (0..<count).map { _ in nonce() })), true)
        case 4:
            return (
                .noncesComplete(
                    NoncesComplete(
                        leaves: (0..<4).map { _ in hash() }, aggregateNonces: (0..<count).map { _ in nonce() })),
                true
            )
        case 5:
            return (.partialSigShare(PartialSigShare(context: hash(), partials: (0..<count).map { _ in hash() })), true)
        case 6:
            let pair = try (0..<2).map { _ in
                let inner = try inner(party, &random)
                return party.forged(by: 3, inner, attempt: UInt32.random(in: 1...2, using: &random))
            }
            let kinds = [EvidenceKind.contradiction, .invalidPartial, .unopenedCommitment, .wrongAggregate]
            let kind = kinds[Int.random(in: 0..<4, using: &random)]
            let culprit = UInt32.random(in: 0..<4, using: &random)
            return (.evidence(Evidence(kind: kind, culprit: culprit, signedMessages: pair)), false)
        case 7:
            let reason = RestartReason(rawValue: UInt32.random(in: 1...6, using: &random))
            return (
                .restart(
                    Restart(reason: reason, notHeard: indices(), contextDiffers: indices(), newRuns: indices())), true
            )
        default: return (.join(Join(peerID: try Fixture.peer(3).bytes)), false)
        }
    }

    private func inner(_ party: Party, _ random: inout SplitMix64) throws -> Payload {
        while true {
            let (payload, belongs) = try payload(party, &random)
            if belongs { return payload }
        }
    }

    @Test(arguments: Shape.allCases)
    func nothingThatOneSignerSaysHarmsTheOthers(shape: Shape) throws {
        for seed in 0..<20 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            var party = try AttemptTests.withAPuppet(party(shape, seed))
            var run: UInt64 = 10
            for _ in 0..<150 {
                if Int.random(in: 0..<10, using: &random) == 0 { run += 1 }
                let (payload, belongs) = try payload(party, &random)
                let now = party.statuses[0].attempt
                let attempts = [now, now, now, now + 1, now + UInt32.random(in: 0...3, using: &random), 1, .max]
                let attempt = belongs ? attempts[Int.random(in: 0..<attempts.count, using: &random)] : 0
                let message = party.forged(by: 3, payload, attempt: max(attempt, belongs ? 1 : 0), run: run)
                let target = Int.random(in: 0..<3, using: &random)
                try party.take(target, .received(message, from: Fixture.peer(3)))
                if Int.random(in: 0..<3, using: &random) > 0 { try party.run { $0.to != 3 } }
                if Int.random(in: 0..<6, using: &random) == 0 {
                    party.advance(.milliseconds(Int64.random(in: 100...5_000, using: &random)))
                    for index in 0..<3 { try party.take(index, .tick) }
                }
                let beyond = UInt64(46) + UInt64(party.now.monotonic.components.seconds) / 10
                for index in 0..<3 {
                    #expect(party.blamed[index].isSubset(of: [try Fixture.peer(3)]), "\(shape), seed \(seed)")
                    #expect(UInt64(party.statuses[index].attempt) <= beyond, "\(shape), seed \(seed)")
                    for evidence in party.evidence(at: index) {
                        #expect(evidence.culprit == 3, "\(shape), seed \(seed)")
                    }
                }
            }
        }
    }
}
