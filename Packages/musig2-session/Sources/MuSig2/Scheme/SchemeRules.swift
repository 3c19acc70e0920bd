import Secp256k1

/// What differs from one MuSig2 scheme to another: functions of public values, without state. (A value rather than a type,
/// since a scheme may need a hash function that its caller brings.)
///
/// Contexts, nonces and sessions are written against these rules alone, so that a second scheme is a second type here
/// and a case in ``SignatureScheme``, and nothing else.
protocol SchemeRules: Sendable {
    /// The weight of each key in the aggregate key, in the order of the keys.
    func coefficients(of keys: [PublicKey]) -> [Scalar]

    /// Whether the aggregate key is replaced by its negation before a tweak of that kind is added to it.
    func negates(_ aggregateKey: PublicKey, before tweak: Tweak.Kind) -> Bool

    /// Whether the final signature is one for the negation of the aggregate key, so that signers sign with −d.
    func signsForNegation(of aggregateKey: PublicKey) -> Bool

    /// The signer that adds the challenge times the tweaks to its partial signature; nil if the aggregator adds it.
    var tweakingSigner: Int? { get }

    /// The number b that binds the second half of a nonce to the session.
    func nonceCoefficient(
        of aggregateNonce: AggregateNonce, aggregateKey: PublicKey, message: [UInt8]
    ) -> Scalar

    /// The R used where the sum of the nonces is the point at infinity; nil if such a session is refused.
    var nonceInPlaceOfInfinity: PublicKey? { get }

    /// Whether the final signature is one for the negation of R, so that signers sign with −k.
    func signsForNegation(ofNonce effectiveNonce: PublicKey) -> Bool

    /// The challenge e.
    func challenge(effectiveNonce: PublicKey, aggregateKey: PublicKey, message: [UInt8]) -> Scalar

    /// Whether a signature is valid under the aggregate key.
    func isValid(_ signature: SchnorrSignature, aggregateKey: PublicKey, message: [UInt8]) -> Bool
}
