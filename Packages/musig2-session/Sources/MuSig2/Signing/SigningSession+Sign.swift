public import Secp256k1

extension SigningSession {
    /// Makes this signer's partial signature (Sign). The nonce is used up, also when an error is thrown.
    ///
    /// Computed in place in memory that is wiped, in constant time. The result is not checked against the public nonce:
    /// the final signature is what is always verified.
    ///
    /// - Parameters:
    ///   - nonce: The secret nonce that has its public half in this session's aggregate nonce.
    ///   - secretKey: The key that the nonce was made for.
    /// - Returns: The partial signature, which is public.
    /// - Throws: ``PartialSignError``.
    public func sign(
        _ nonce: consuming SecretNonce, with secretKey: borrowing SecretKey
    ) throws(PartialSignError) -> PartialSignature {
        let publicKey = secretKey.publicKey
        guard nonce.publicKey == publicKey else {
            throw .nonceOfAnotherKey(expected: nonce.publicKey, found: publicKey)
        }
        guard let signer = context.firstIndex(of: publicKey) else { throw .signerNotAmongKeys(publicKey) }
        do throws(SecretKeyError) {
            var result = try nonce.effective(nonceCoefficient)
            if negatesNonce {
                result.negate()
            }
            var key = secretKey.secretScalar()
            try key.multiply(by: keyFactor(ofSigner: signer))
            try result.add(key)
            return PartialSignature(result.declassify() + tweakTerm(ofSigner: signer))
        } catch {
            throw .degenerate
        }
    }
}

/// Why a signer cannot sign. In each case the nonce is gone.
public enum PartialSignError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The nonce was made for another key than the one to sign with.
    case nonceOfAnotherKey(expected: PublicKey, found: PublicKey)
    /// The key to sign with is not one of the session's.
    case signerNotAmongKeys(PublicKey)
    /// A hash or a sum came out as zero, of which the chance is 2⁻²⁵⁶: draw another nonce.
    case degenerate

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .nonceOfAnotherKey(let expected, let found):
            "secret nonce: expected to sign with the key it was made for, \(expected), found \(found)"
        case .signerNotAmongKeys(let key):
            "signer: expected one of the session's keys, found \(key)"
        case .degenerate:
            "partial signature: expected numbers other than zero, found zero"
        }
    }
}
