import Secp256k1
import Testing

@testable import MuSig2

/// Why a signer approves the final key, and no tweak that somebody else chose: tweaks are not bound to the keys.
@Suite("Raw tweaks")
struct RawTweakTests {
    /// K19: M holds y and y', and shares the wallet [Y', X] with X. The second distinct key has the coefficient 1 in both lists, so
    /// that the plain tweak t = a'·y' − a·y turns the aggregate key of [Y, X] into the wallet's: a'·Y' + X.
    @Test("A plain tweak turns the session [Y, X] into one of the wallet [Y', X]")
    func k19TweakedIntoAnotherWallet() throws {
        var generator = SeededGenerator(seed: 19)
        let victim = try SecretKey(generatingUsing: &generator)
        let first = try SecretKey(generatingUsing: &generator)
        let second = try SecretKey(generatingUsing: &generator)
        let message = Array("all that is in the wallet".utf8)

        let wallet = try KeyAggContext(keys: [second.publicKey, victim.publicKey])
        let untweaked = try KeyAggContext(keys: [first.publicKey, victim.publicKey])
        #expect(wallet.coefficients[1] == .one && untweaked.coefficients[1] == .one)
        let tweak = try wallet.coefficients[0] * scalar(of: second) - untweaked.coefficients[0] * scalar(of: first)
        let tweaked = try untweaked.applyingTweak(Tweak(tweak, kind: .plain))
        #expect(untweaked.xOnlyKey != wallet.xOnlyKey)
        #expect(tweaked.aggregateKey == wallet.aggregateKey, "nothing but the final key tells what is signed")

        let victimsNonce = try SecretNonce.generate(secretKey: victim, aggregateKey: tweaked.xOnlyKey, message: message)
        let hostileNonce = try SecretNonce.generateInAdvance(secretKey: second)
        let nonces = [hostileNonce.publicNonce, victimsNonce.publicNonce]
        let sum = try AggregateNonce(aggregating: nonces)
        // X signs in the session that it was shown, of the signers Y and X.
        let shown = try SigningSession(context: tweaked, aggregateNonce: sum, message: message)
        let victimsShare = try shown.sign(victimsNonce, with: victim)
        // M adds its share for the wallet, with the key y' that stands nowhere in that session.
        let forged = try SigningSession(context: wallet, aggregateNonce: sum, message: message)
        let signature = try forged.aggregate([try forged.sign(hostileNonce, with: second), victimsShare])
        #expect(wallet.xOnlyKey.isValidSignature(signature, for: message))
    }

    /// K20: two keys of which one is an unhardened BIP-32 sibling of the other differ by a number that others know. Nothing shows it; but a
    /// nonce is never used under both.
    @Test("A nonce signs under the key that it was drawn for, and not under a sibling of it in the same session")
    func k20Sibling() throws {
        var generator = SeededGenerator(seed: 20)
        let key = try SecretKey(generatingUsing: &generator)
        let difference = Scalar(7)
        let siblingScalar = try scalar(of: key) + difference
        let sibling = try makeSecretKey(siblingScalar.bytes)
        #expect(key.publicKey.addingGenerator(times: difference) == .point(sibling.publicKey))
        let context = try KeyAggContext(keys: [key.publicKey, sibling.publicKey])
        let nonce = try SecretNonce.generateInAdvance(secretKey: key)
        let other = try SecretNonce.generateInAdvance(secretKey: sibling)
        let session = try SigningSession(
            context: context, aggregateNonce: AggregateNonce(aggregating: [nonce.publicNonce, other.publicNonce]),
            message: [20]
        )
        let expected = PartialSignError.nonceOfAnotherKey(expected: key.publicKey, found: sibling.publicKey)
        var found: PartialSignError?
        do throws(PartialSignError) {
            _ = try session.sign(nonce, with: sibling)
        } catch {
            found = error
        }
        #expect(found == expected)
        _ = try session.sign(other, with: sibling)
    }

    private func scalar(of key: borrowing SecretKey) throws -> Scalar {
        try #require(Scalar(canonical: key.withUnsafeBytes { Array($0) }))
    }
}
