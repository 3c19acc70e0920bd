public import Secp256k1

extension KeyAggContext {
    /// Draws a signer's nonce for one message, with 32 fresh random bytes of the system, bound to the signer's key, the aggregate
    /// key and the message: even a broken random generator then repeats a nonce only where all three are the same (NonceGen).
    ///
    /// To draw nonces before the message or the other keys are known, use
    /// ``SecretNonce/generateInAdvance(secretKey:aggregateKey:message:extraInput:)``.
    ///
    /// - Parameters:
    ///   - secretKey: The signer's key.
    ///   - message: What will be signed, of any length.
    ///   - extraInput: Whatever else tells this nonce from others; at most ``MuSig2Limits/maximumExtraInputBytes``.
    /// - Returns: The nonce, with its public half.
    /// - Throws: `NonceGenError.extraInputTooLong`.
    public func nonce(
        for secretKey: borrowing SecretKey, message: [UInt8], extraInput: [UInt8] = []
    ) throws(NonceGenError) -> SecretNonce {
        try SecretNonce.generate(
            secretKey: secretKey, aggregateKey: xOnlyKey, message: message, extraInput: extraInput)
    }
}
