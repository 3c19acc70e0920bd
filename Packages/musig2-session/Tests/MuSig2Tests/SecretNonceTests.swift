import Secp256k1
import Testing

@testable import MuSig2

@Suite("Secret nonces")
struct SecretNonceTests {
    private let randomness = [UInt8](repeating: 9, count: 32)

    private func publicNonce(
        key: UInt8 = 1, aggregateKey: UInt8? = nil, message: [UInt8]? = nil, extraInput: [UInt8] = [],
        isMasked: Bool = true
    ) throws -> PublicNonce {
        let raw = [UInt8](repeating: key, count: 32)
        let publicKey = try makeSecretKey(raw).publicKey
        let aggregate = try aggregateKey.map { try makeSecretKey([UInt8](repeating: $0, count: 32)).publicKey.x }
        return try drawNonce(
            randomness: self.randomness, maskingKey: isMasked ? raw : nil, publicKey: publicKey,
            aggregateKey: aggregate, message: message, extraInput: extraInput
        ).publicNonce
    }

    @Test("A generator that repeats its output still gives nonces that differ by every input")
    func repeatedRandomness() throws {
        let nonces = [
            try publicNonce(),
            try publicNonce(isMasked: false),
            try publicNonce(key: 2),
            try publicNonce(aggregateKey: 3),
            try publicNonce(aggregateKey: 4),
            try publicNonce(message: []),
            try publicNonce(message: [0]),
            try publicNonce(message: [0, 0]),
            try publicNonce(extraInput: [0]),
            try publicNonce(extraInput: [1]),
            try publicNonce(message: [0], extraInput: [0]),
        ]
        #expect(Set(nonces).count == nonces.count)
        #expect(try publicNonce() == nonces[0])
    }

    @Test("Two nonces of the system's generator differ")
    func fresh() throws {
        let key = try makeSecretKey(randomness)
        let first = try SecretNonce.generateInAdvance(secretKey: key).publicNonce
        let second = try SecretNonce.generateInAdvance(secretKey: key).publicNonce
        #expect(first != second)
        let publicKey = key.publicKey
        let third = try SecretNonce.generateWithoutSecretKey(publicKey: publicKey).publicNonce
        let fourth = try SecretNonce.generateWithoutSecretKey(publicKey: publicKey).publicNonce
        #expect(third != fourth)
    }

    @Test("A nonce knows its key, and signs with no other")
    func otherKey() throws {
        let group = try Group(seed: 3, count: 2)
        let error = thrown { () throws(PartialSignError) in
            try Self.sign(group, nonceOf: 0, keyOf: 1)
        }
        #expect(error == .nonceOfAnotherKey(expected: group.context.keys[0], found: group.context.keys[1]))
        #expect(
            error?.description
                == "secret nonce: expected to sign with the key it was made for, \(group.context.keys[0]), found "
                + "\(group.context.keys[1])"
        )
    }

    @Test("A key that is not in the session cannot sign")
    func stranger() throws {
        let group = try Group(seed: 3, count: 2)
        let stranger = try makeSecretKey([UInt8](repeating: 5, count: 32))
        let publicKey = stranger.publicKey
        let nonce = try SecretNonce.generateInAdvance(secretKey: stranger)
        var found: PartialSignError?
        do throws(PartialSignError) {
            _ = try group.session.sign(nonce, with: stranger)
        } catch {
            found = error
        }
        #expect(found == .signerNotAmongKeys(publicKey))
    }

    @Test("A box gives its nonce away once")
    func box() throws {
        let group = try Group(seed: 3, count: 2)
        final class Box {
            var nonce: SecretNonce?
            init(_ nonce: consuming SecretNonce) { self.nonce = consume nonce }
        }
        let box = Box(try group.signers.nonce(0, seed: group.seed))
        let key = try group.signers.secretKey(0)
        var signed = 0
        for _ in 0..<2 {
            if let nonce = box.nonce.take() {
                _ = try group.session.sign(nonce, with: key)
                signed += 1
            }
        }
        #expect(signed == 1)
    }

    @Test("Extra input has a limit")
    func extraInput() throws {
        let key = try makeSecretKey(randomness)
        let most = [UInt8](repeating: 0, count: MuSig2Limits.maximumExtraInputBytes)
        _ = try SecretNonce.generateInAdvance(secretKey: key, extraInput: most)
        var found: NonceGenError?
        do throws(NonceGenError) {
            _ = try SecretNonce.generateInAdvance(secretKey: key, extraInput: most + [0])
        } catch {
            found = error
        }
        #expect(found == .extraInputTooLong(limit: 65_536, found: 65_537))
    }

    @Test("Deterministic nonces differ by every input and by nothing else")
    func deterministic() throws {
        let group = try Group(seed: 8, count: 2, tweakCount: 1)
        let other = try Group(seed: 9, count: 2)
        func sign(
            context: KeyAggContext? = nil, others: PublicNonce? = nil, message: [UInt8] = [1],
            randomness: Hash32? = nil
        ) throws -> PublicNonce {
            try DeterministicSigning.sign(
                with: group.signers.secretKey(0), context: context ?? group.context,
                aggregateOtherNonce: (others ?? group.publicNonces[1]).rawRepresentation, message: message,
                auxiliaryRandomness: randomness
            ).publicNonce
        }
        let untweaked = try KeyAggContext(keys: group.context.keys)
        let nonces = [
            try sign(), try sign(context: untweaked), try sign(others: other.publicNonces[1]), try sign(message: []),
            try sign(message: [1, 0]), try sign(randomness: .zero),
        ]
        #expect(Set(nonces).count == nonces.count)
        #expect(try sign() == nonces[0])
    }

    private static func sign(_ group: Group, nonceOf owner: Int, keyOf signer: Int) throws(PartialSignError) {
        let session = group.session
        do {
            let nonce = try group.signers.nonce(owner, seed: group.seed)
            let key = try group.signers.secretKey(signer)
            _ = try session.sign(nonce, with: key)
        } catch let error as PartialSignError {
            throw error
        } catch {
            Issue.record("\(error)")
        }
    }
}
