import MuSig2
import Secp256k1

/// Nonces and partial signatures.
let muSig2Checks: [Check] = [
    Check("NonceGen, with few inputs and with all") {
        let key = try Secrets.key(20)
        let few = try SecretNonce.generateInAdvance(secretKey: key)
        Secrets.consume(few.publicNonce.rawRepresentation)
        let all = try SecretNonce.generate(
            secretKey: key,
            aggregateKey: key.xOnlyPublicKey,
            message: [1, 2, 3],
            extraInput: [4, 5, 6]
        )
        Secrets.consume(all.publicNonce.rawRepresentation)
    },
    Check("partial sign, with tweaks, whatever the parities of the points") {
        // The parities of the aggregate key and of R are as good as random: 24 sessions meet all four combinations
        // but for a chance of 4 * (3/4)^24.
        for turn: UInt8 in 0..<24 {
            let first = try Secrets.key(turn &+ 1)
            let second = try Secrets.key(turn &+ 101)
            let context = try KeyAggContext(keys: [first.publicKey, second.publicKey]).applyingTweaks([
                Tweak(Scalar(UInt64(turn) + 1), kind: .plain),
                Tweak(Scalar(UInt64(turn) + 2), kind: .xOnly),
            ])
            let nonce = try SecretNonce.generateInAdvance(secretKey: first)
            let otherNonce = try SecretNonce.generateInAdvance(secretKey: second)
            let publicNonces = [nonce.publicNonce, otherNonce.publicNonce]
            let session = try SigningSession(
                context: context,
                aggregateNonce: AggregateNonce(aggregating: publicNonces),
                message: [turn]
            )
            let partials = [try session.sign(nonce, with: first), try session.sign(otherNonce, with: second)]
            // Throws unless the signature is valid.
            Secrets.consume(try session.aggregate(partials, publicNonces: publicNonces).rawRepresentation)
        }
    },
    Check("DeterministicSign") {
        let first = try Secrets.key(30)
        let second = try Secrets.key(31)
        let context = try KeyAggContext(keys: [first.publicKey, second.publicKey])
        let nonce = try SecretNonce.generateInAdvance(secretKey: first)
        let publicNonce = nonce.publicNonce
        for randomness in [nil, Hash32.zero] {
            let result = try DeterministicSigning.sign(
                with: second,
                context: context,
                aggregateOtherNonce: publicNonce.rawRepresentation,
                message: [1, 2, 3],
                auxiliaryRandomness: randomness
            )
            Secrets.consume(result.partialSignature.rawRepresentation)
        }
    },
]
