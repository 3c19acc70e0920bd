import Secp256k1

extension SigningSession {
    /// Whether a partial signature is its signer's for this session (PartialSigVerify). Costs about two multiplications.
    ///
    /// Not a proof to others: anybody that knows the session can make partial signatures that pass. It tells an honest
    /// signer's share from a wrong one, so that the wrong one's signer can be named.
    ///
    /// - Parameters:
    ///   - partial: The signer's partial signature.
    ///   - publicNonce: The signer's public nonce, one of those that the aggregate nonce is the sum of.
    ///   - signer: The signer's index.
    /// - Returns: Whether it is valid; false for an index that no signer has.
    public func isValid(_ partial: PartialSignature, publicNonce: PublicNonce, signer: Int) -> Bool {
        guard context.keys.indices.contains(signer) else { return false }
        let nonce = publicNonce.effective(nonceCoefficient)
        let expected = negatesNonce ? nonce.negated : nonce
        let found = context.keys[signer].doubleMultiplied(
            generatorFactor: partial.scalar - tweakTerm(ofSigner: signer),
            pointFactor: keyFactor(ofSigner: signer).negated
        )
        return found == expected
    }

    /// The signers of wrong partial signatures.
    ///
    /// - Parameters:
    ///   - partials: One partial signature of each signer, in the order of the keys.
    ///   - publicNonces: One public nonce of each signer, in the order of the keys.
    /// - Returns: Their indices, ascending. A signer of which either is missing is among them.
    public func signersOfInvalid(_ partials: [PartialSignature], publicNonces: [PublicNonce]) -> [Int] {
        context.keys.indices.filter { signer in
            guard signer < partials.count, signer < publicNonces.count else { return true }
            return !isValid(partials[signer], publicNonce: publicNonces[signer], signer: signer)
        }
    }
}
