import Secp256k1
import Testing

@testable import MuSig2

@Suite("Random sessions")
struct RandomSessionTests {
    @Test("sign with 1 to 100 signers, duplicate keys, tweaks and messages of any length", arguments: 1...100)
    func random(count: Int) throws {
        let seed = UInt64(1_000 + count)
        var generator = SeededGenerator(seed: seed)
        let group = try Group(
            seed: seed,
            count: count,
            duplicateOneIn: [0, 2, 5, 20].randomElement(using: &generator) ?? 0,
            tweakCount: Int.random(in: 0...6, using: &generator),
            messageLength: Int.random(in: 0...2_000, using: &generator)
        )
        let partials = try group.partials()
        let signature = try group.session.aggregate(partials, publicNonces: group.publicNonces)
        #expect(group.context.xOnlyKey.isValidSignature(signature, for: group.session.message), "seed \(seed)")
        #expect(group.session.signersOfInvalid(partials, publicNonces: group.publicNonces) == [], "seed \(seed)")

        // The order of the nonces does not matter, and sums can be added up in parts.
        let reversed = try AggregateNonce(aggregating: group.publicNonces.reversed())
        #expect(reversed == group.session.aggregateNonce, "seed \(seed)")

        // A set of wrong partial signatures is found exactly.
        var wrong = partials
        var culprits: Set<Int> = []
        for _ in 0..<Int.random(in: 1...count, using: &generator) {
            let signer = Int.random(in: 0..<count, using: &generator)
            if culprits.insert(signer).inserted {
                wrong[signer] = PartialSignature(
                    wrong[signer].scalar + Scalar(UInt64.random(in: 1 ... .max, using: &generator)))
            }
        }
        let error = thrown { () throws(AggregationError) in
            _ = try group.session.aggregate(wrong, publicNonces: group.publicNonces)
        }
        #expect(error == .invalidPartialSignatures(signers: culprits.sorted()), "seed \(seed)")
    }

    @Test("a thousand signers")
    func most() throws {
        let group = try Group(seed: 7, count: MuSig2Limits.maximumKeys, tweakCount: 1)
        let signature = try group.session.aggregate(group.partials())
        #expect(group.session.isValid(signature))
    }

    @Test("a deterministic signer among 1 to 20", arguments: 2...20)
    func deterministic(count: Int) throws {
        let seed = UInt64(2_000 + count)
        var generator = SeededGenerator(seed: seed)
        let group = try Group(seed: seed, count: count, tweakCount: 2, messageLength: count * 7)
        let signer = Int.random(in: 0..<count, using: &generator)
        var nonces = group.publicNonces
        nonces.remove(at: signer)
        let others = try AggregateNonce(aggregating: nonces)
        let result = try DeterministicSigning.sign(
            with: group.signers.secretKey(signer), context: group.context,
            aggregateOtherNonce: others.rawRepresentation, message: group.session.message,
            auxiliaryRandomness: Hash32(generator.bytes(32))
        )
        nonces.insert(result.publicNonce, at: signer)
        var partials = try group.signers.partials(in: result.session, seed: seed)
        partials[signer] = result.partialSignature
        _ = try result.session.aggregate(partials, publicNonces: nonces)
    }
}
