public import Secp256k1

/// What all signers of one message share: the keys, the sum of the nonces, the message, and the numbers that follow
/// from them (BIP-327, "Session Context").
///
/// Made once, then used to sign, to check each partial signature and to add them up; nothing is computed twice.
/// It holds no secret.
public struct SigningSession: Sendable, Hashable {
    /// The signers, and the key that the signature is for.
    public let context: KeyAggContext

    /// The sum of the signers' public nonces.
    public let aggregateNonce: AggregateNonce

    /// What is signed, of any length.
    public let message: [UInt8]

    /// b, which binds the second halves of the nonces to this session.
    let nonceCoefficient: Scalar

    /// R: its x coordinate is the first half of the signature.
    let effectiveNonce: PublicKey

    /// Whether the signers sign for −R.
    let negatesNonce: Bool

    /// e.
    let challenge: Scalar

    /// Starts a session.
    ///
    /// - Parameters:
    ///   - context: The signers' keys, with all tweaks applied.
    ///   - aggregateNonce: The sum of their public nonces.
    ///   - message: What is signed, of any length.
    /// - Throws: `SigningSessionError.infiniteNonce`, which ``SignatureScheme/bip340`` never does: there the point at
    ///   infinity is replaced by the generator, as BIP-327 says.
    public init(
        context: KeyAggContext, aggregateNonce: AggregateNonce, message: [UInt8]
    ) throws(SigningSessionError) {
        let rules = context.scheme.rules
        let coefficient = rules.nonceCoefficient(
            of: aggregateNonce, aggregateKey: context.aggregateKey, message: message
        )
        let effective = aggregateNonce.effective(coefficient).publicKey ?? rules.nonceInPlaceOfInfinity
        guard let effective else { throw .infiniteNonce }
        self.context = context
        self.aggregateNonce = aggregateNonce
        self.message = message
        nonceCoefficient = coefficient
        self.effectiveNonce = effective
        negatesNonce = rules.signsForNegation(ofNonce: effective)
        challenge = rules.challenge(
            effectiveNonce: effective, aggregateKey: context.aggregateKey, message: message
        )
    }

    /// Whether the signers sign with −d: g · gacc = −1.
    var negatesKey: Bool {
        context.scheme.rules.signsForNegation(of: context.aggregateKey) != context.isNegated
    }

    /// What a signer's secret key is multiplied by: e · a · (±1).
    func keyFactor(ofSigner signer: Int) -> Scalar {
        let factor = challenge * context.coefficients[signer]
        return negatesKey ? factor.negated : factor
    }

    /// e times the tweaks, with the sign of the final key: what somebody adds to the sum of the partial signatures.
    var tweakTerm: Scalar {
        let term = challenge * context.accumulatedTweak
        return context.scheme.rules.signsForNegation(of: context.aggregateKey) ? term.negated : term
    }

    /// The tweak term if this signer adds it, else zero.
    func tweakTerm(ofSigner signer: Int) -> Scalar {
        context.scheme.rules.tweakingSigner == signer ? self.tweakTerm : .zero
    }

    /// Whether a signature is one for this session's message under its aggregate key. Wherever it came from, however it was
    /// made: a valid signature ends the session.
    ///
    /// - Parameter signature: 64 bytes.
    /// - Returns: Whether it is valid under the scheme's own rule.
    public func isValid(_ signature: SchnorrSignature) -> Bool {
        context.scheme.rules.isValid(
            signature, aggregateKey: context.aggregateKey, message: self.message
        )
    }
}

/// Why a session cannot start.
public enum SigningSessionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The nonces add up to the point at infinity, and the scheme refuses to go on with that.
    case infiniteNonce

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .infiniteNonce: "aggregate nonce: expected a point, found the point at infinity"
        }
    }
}
