public import Secp256k1

/// A secret nonce: what turns a signer's key into one partial signature, and gives the key away if it makes two.
///
/// Therefore it cannot be copied, stored, printed or turned into bytes; ``SigningSession/sign(_:with:)`` consumes it,
/// so that a second use does not compile; it is wiped from memory when it goes, signed with or not. It carries its
/// public half and the key that it was made for, and signs with no other. (BIP-327, NonceGen.)
public struct SecretNonce: ~Copyable, Sendable {
    let first: SecretScalar
    let second: SecretScalar

    /// The public half, which is sent to the other signers.
    public let publicNonce: PublicNonce

    /// The signer's key that this nonce was made for.
    public let publicKey: PublicKey

    /// Draws a nonce with 32 fresh random bytes of the system, bound to the signer's key, the aggregate key and the message
    /// (NonceGen): even a broken random generator repeats a nonce only where all of them are the same.
    ///
    /// - Parameters:
    ///   - secretKey: The signer's key.
    ///   - aggregateKey: The key that the signature will be for, tweaks applied.
    ///   - message: What will be signed, of any length.
    ///   - extraInput: Whatever else tells this nonce from others, such as a session and an attempt; at most
    ///     ``MuSig2Limits/maximumExtraInputBytes``.
    /// - Returns: The nonce, with its public half.
    /// - Throws: `NonceGenError.extraInputTooLong`.
    public static func generate(
        secretKey: borrowing SecretKey, aggregateKey: XOnlyPublicKey, message: [UInt8], extraInput: [UInt8] = []
    ) throws(NonceGenError) -> SecretNonce {
        try generate(
            secretKey: secretKey, aggregateKey: aggregateKey.x, message: message, extraInput: extraInput,
            seed: NonceSeed.random)
    }

    /// Draws a nonce before the message or the other signers are known (NonceGen). With a broken random generator, what is not given
    /// here does not tell two nonces apart: prefer ``generate(secretKey:aggregateKey:message:extraInput:)``.
    ///
    /// - Parameters:
    ///   - secretKey: The signer's key.
    ///   - aggregateKey: The key that the signature will be for, tweaks applied; nil if not known yet.
    ///   - message: What will be signed, of any length; nil if not known yet. An empty message is not nil.
    ///   - extraInput: Whatever else tells this nonce from others; at most ``MuSig2Limits/maximumExtraInputBytes``.
    /// - Returns: The nonce, with its public half.
    /// - Throws: `NonceGenError.extraInputTooLong`.
    public static func generateInAdvance(
        secretKey: borrowing SecretKey, aggregateKey: XOnlyPublicKey? = nil, message: [UInt8]? = nil,
        extraInput: [UInt8] = []
    ) throws(NonceGenError) -> SecretNonce {
        try generate(
            secretKey: secretKey, aggregateKey: aggregateKey?.x, message: message, extraInput: extraInput,
            seed: NonceSeed.random)
    }

    /// Draws a nonce without the secret key, for a signer that has its key elsewhere at that moment (NonceGen). With a broken random
    /// generator it does not differ by the secret key: the other inputs and the output of the generator give the nonce away.
    ///
    /// - Parameters:
    ///   - publicKey: The signer's key.
    ///   - aggregateKey: The key that the signature will be for, tweaks applied; nil if not known yet.
    ///   - message: What will be signed, of any length; nil if not known yet. An empty message is not nil.
    ///   - extraInput: Whatever else tells this nonce from others; at most ``MuSig2Limits/maximumExtraInputBytes``.
    /// - Returns: The nonce, with its public half.
    /// - Throws: `NonceGenError.extraInputTooLong`.
    public static func generateWithoutSecretKey(
        publicKey: PublicKey, aggregateKey: XOnlyPublicKey? = nil, message: [UInt8]? = nil, extraInput: [UInt8] = []
    ) throws(NonceGenError) -> SecretNonce {
        try generate(
            publicKey: publicKey, aggregateKey: aggregateKey?.x, message: message, extraInput: extraInput,
            seed: NonceSeed.random)
    }

    /// As the public function, with 32 bytes from wherever a test takes them.
    static func generate(
        secretKey: borrowing SecretKey, aggregateKey: Hash32?, message: [UInt8]?, extraInput: [UInt8],
        seed: () -> NonceSeed
    ) throws(NonceGenError) -> SecretNonce {
        while true {
            var seed = seed()
            seed.mask(with: secretKey)
            let nonce = try seed.nonce(
                publicKey: secretKey.publicKey, aggregateKey: aggregateKey, message: message, extraInput: extraInput
            )
            // A half that is zero has a chance of 2⁻²⁵⁵ and is drawn anew.
            if let nonce { return nonce }
        }
    }

    /// As the public function, with 32 bytes from wherever a test takes them.
    static func generate(
        publicKey: PublicKey, aggregateKey: Hash32?, message: [UInt8]?, extraInput: [UInt8], seed: () -> NonceSeed
    ) throws(NonceGenError) -> SecretNonce {
        while true {
            let nonce = try seed().nonce(
                publicKey: publicKey, aggregateKey: aggregateKey, message: message, extraInput: extraInput
            )
            if let nonce { return nonce }
        }
    }

    /// A nonce of two numbers. They are public nowhere, so the only callers are the derivations of this module.
    init(
        first: consuming SecretScalar, second: consuming SecretScalar, publicKey: PublicKey
    ) throws(SecretKeyError) {
        publicNonce = PublicNonce(first: try first.publicPoint(), second: try second.publicPoint())
        self.publicKey = publicKey
        self.first = first
        self.second = second
    }

    /// k₁ + b·k₂, the number behind this signer's share of R.
    consuming func effective(_ nonceCoefficient: Scalar) throws(SecretKeyError) -> SecretScalar {
        var result = second
        try result.multiply(by: nonceCoefficient)
        try result.add(first)
        return result
    }
}

/// Why a nonce cannot be drawn.
public enum NonceGenError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The extra input is longer than ``MuSig2Limits/maximumExtraInputBytes``.
    case extraInputTooLong(limit: Int, found: Int)

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .extraInputTooLong(let limit, let found):
            "extra input: expected at most \(limit) bytes, found \(found)"
        }
    }
}
