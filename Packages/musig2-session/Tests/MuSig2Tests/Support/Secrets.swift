import Secp256k1
import Testing

@testable import MuSig2

/// A secret key of given bytes.
func makeSecretKey(_ raw: [UInt8]) throws -> SecretKey {
    try SecretKey(copying: raw.span.bytes)
}

private func secretScalar(_ raw: ArraySlice<UInt8>) throws -> SecretScalar {
    try SecretScalar(copying: raw.span.bytes)
}

/// A secret nonce of the 97 bytes that BIP-327 writes it in: k₁, k₂ and the key.
func secretNonce(_ raw: [UInt8]) throws -> SecretNonce {
    let first = try secretScalar(raw[0..<32])
    let second = try secretScalar(raw[32..<64])
    return try SecretNonce(
        first: first, second: second, publicKey: PublicKey(compressedRepresentation: raw[64...])
    )
}

/// The nonce that NonceGen gives for chosen randomness: its secret half as BIP-327 writes it, and its public half.
func drawNonce(
    randomness: [UInt8], maskingKey: [UInt8]?, publicKey: PublicKey, aggregateKey: Hash32?, message: [UInt8]?,
    extraInput: [UInt8]
) throws -> (secret: [UInt8], publicNonce: PublicNonce) {
    let seed = { NonceSeed(SecretBytes(copying: randomness.span.bytes)) }
    let nonce: SecretNonce
    if let maskingKey {
        let secretKey = try makeSecretKey(maskingKey)
        #expect(secretKey.publicKey == publicKey)
        nonce = try SecretNonce.generate(
            secretKey: secretKey, aggregateKey: aggregateKey, message: message, extraInput: extraInput, seed: seed
        )
    } else {
        nonce = try SecretNonce.generate(
            publicKey: publicKey, aggregateKey: aggregateKey, message: message, extraInput: extraInput, seed: seed
        )
    }
    return (nonce.rawRepresentation(), nonce.publicNonce)
}

/// Half of a nonce came out as zero, which no test should live to see.
struct NonceIsZero: Error {}

extension SecretNonce {
    /// The 97 bytes of BIP-327.
    borrowing func rawRepresentation() -> [UInt8] {
        first.withUnsafeBytes { Array($0) } + second.withUnsafeBytes { Array($0) }
            + publicKey.compressedRepresentation
    }
}

/// Signers with keys that come from a seed. One key in `duplicateOneIn` repeats an earlier one; 0 is for none.
struct Signers {
    private(set) var secretKeys: [[UInt8]] = []
    private(set) var publicKeys: [PublicKey] = []

    init(count: Int, duplicateOneIn: Int = 0, using generator: inout SeededGenerator) throws {
        for index in 0..<count {
            if duplicateOneIn > 0, index > 0, Int.random(in: 0..<duplicateOneIn, using: &generator) == 0 {
                let earlier = Int.random(in: 0..<index, using: &generator)
                secretKeys.append(secretKeys[earlier])
                publicKeys.append(publicKeys[earlier])
            } else {
                let key = try SecretKey(generatingUsing: &generator)
                secretKeys.append(key.withUnsafeBytes { Array($0) })
                publicKeys.append(key.publicKey)
            }
        }
    }

    func secretKey(_ signer: Int) throws -> SecretKey {
        try makeSecretKey(secretKeys[signer])
    }

    /// The nonce that a signer draws from a seed: the same again whenever it is asked for, so that a test can sign with
    /// it in one session as it is and in another after something was changed.
    func nonce(_ signer: Int, seed: UInt64) throws -> SecretNonce {
        var generator = SeededGenerator(seed: seed &+ UInt64(signer))
        var random = SecretBytes(byteCount: 32)
        random.fill(from: &generator)
        let nonce = try NonceSeed(random).nonce(
            publicKey: publicKeys[signer], aggregateKey: nil, message: nil, extraInput: []
        )
        guard let nonce else { throw NonceIsZero() }
        return nonce
    }

    func publicNonces(seed: UInt64) throws -> [PublicNonce] {
        try publicKeys.indices.map { try nonce($0, seed: seed).publicNonce }
    }

    /// Each signer's partial signature.
    func partials(in session: SigningSession, seed: UInt64) throws -> [PartialSignature] {
        try publicKeys.indices.map { signer in
            try session.sign(nonce(signer, seed: seed), with: secretKey(signer))
        }
    }
}
