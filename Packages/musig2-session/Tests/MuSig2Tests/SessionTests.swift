import Secp256k1
import Testing

@testable import MuSig2

@Suite("Sessions")
struct SessionTests {
    @Test(
        "Random sessions sign, with duplicate keys, tweaks and messages of any length",
        arguments: 1...24 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let group = try Group(
            seed: seed,
            count: Int.random(in: 1...8, using: &generator),
            duplicateOneIn: 3,
            tweakCount: Int.random(in: 0...4, using: &generator),
            messageLength: Int.random(in: 0...100, using: &generator)
        )
        let partials = try group.partials()
        for signer in group.context.keys.indices {
            let nonce = group.publicNonces[signer]
            #expect(group.session.isValid(partials[signer], publicNonce: nonce, signer: signer), "seed \(seed)")
        }
        let signature = try group.session.aggregate(partials)
        #expect(group.context.xOnlyKey.isValidSignature(signature, for: group.session.message), "seed \(seed)")
    }

    @Test("The order of the keys changes the key, sorting them does not")
    func order() throws {
        let group = try Group(seed: 1, count: 3)
        let reversed = Array(group.context.keys.reversed())
        #expect(try KeyAggContext(keys: reversed).aggregateKey != group.context.aggregateKey)
        let sorted = try KeyAggContext(keys: KeySort.sorted(reversed))
        #expect(try KeyAggContext(keys: KeySort.sorted(group.context.keys)) == sorted)
    }

    @Test("A key that stands twice signs twice, each time with a nonce of its own")
    func duplicate() throws {
        var generator = SeededGenerator(seed: 5)
        let key = try SecretKey(generatingUsing: &generator)
        let context = try KeyAggContext(keys: [key.publicKey, key.publicKey])
        let first = try SecretNonce.generateInAdvance(secretKey: key)
        let second = try SecretNonce.generateInAdvance(secretKey: key)
        let nonces = [first.publicNonce, second.publicNonce]
        let session = try SigningSession(
            context: context, aggregateNonce: AggregateNonce(aggregating: nonces), message: [7]
        )
        let partials = [try session.sign(first, with: key), try session.sign(second, with: key)]
        _ = try session.aggregate(partials, publicNonces: nonces)
    }

    @Test("Nonces added up by hand, with the system's randomness and all inputs")
    func systemRandomness() throws {
        let alice = SecretKey.generate()
        let bob = SecretKey.generate()
        let context = try KeyAggContext(keys: [alice.publicKey, bob.publicKey])
        let message: [UInt8] = Array("pay 1".utf8)
        let first = try SecretNonce.generate(
            secretKey: alice, aggregateKey: context.xOnlyKey, message: message, extraInput: [1, 2, 3]
        )
        let second = try SecretNonce.generateWithoutSecretKey(publicKey: bob.publicKey, message: message)
        let sum = try AggregateNonce(aggregating: [
            first.publicNonce.rawRepresentation, second.publicNonce.rawRepresentation,
        ])
        let session = try SigningSession(context: context, aggregateNonce: sum, message: message)
        let partials = [try session.sign(first, with: alice), try session.sign(second, with: bob)]
        let signature = try session.aggregate(rawPartials: partials.map(\.rawRepresentation))
        #expect(session.isValid(signature))
        #expect(!session.isValid(SchnorrSignature(r: signature.r, s: signature.r)))
    }

    @Test("A deterministic signer signs last, among others that do not")
    func deterministic() throws {
        let group = try Group(seed: 11, count: 3, tweakCount: 2)
        let others = try AggregateNonce(aggregating: Array(group.publicNonces.dropFirst()))
        let result = try DeterministicSigning.sign(
            with: group.signers.secretKey(0), context: group.context,
            aggregateOtherNonce: others.rawRepresentation, message: group.session.message,
            auxiliaryRandomness: nil
        )
        var partials = try group.signers.partials(in: result.session, seed: group.seed)
        partials[0] = result.partialSignature
        var nonces = group.publicNonces
        nonces[0] = result.publicNonce
        #expect(try result.session.isValid(result.session.aggregate(partials, publicNonces: nonces)))
    }
}
