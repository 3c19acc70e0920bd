public import Secp256k1

/// The keys of all signers, put together into one (BIP-327, "KeyAgg Context").
///
/// Holds what each step of a session needs: the weight of each key, the aggregate key, and the tweaks that led to it.
/// Made once and kept: making it costs one multiplication for each key, using it nothing.
public struct KeyAggContext: Sendable, Hashable {
    /// Which rules the signatures follow.
    public let scheme: SignatureScheme

    /// The signers' keys, in the order in which they were given. A signer's index is its position here.
    public let keys: [PublicKey]

    /// The aggregate key Q, with all tweaks applied. The final signature verifies under its x coordinate.
    public private(set) var aggregateKey: PublicKey

    /// The weight of each key in the aggregate key.
    let coefficients: [Scalar]

    /// gacc: whether the key before the tweaks was negated an odd number of times by x-only tweaks.
    private(set) var isNegated = false

    /// tacc: what the tweaks add up to, with the signs of later negations.
    private(set) var accumulatedTweak = Scalar.zero

    /// Aggregates keys in the order given (KeyAgg). Use ``KeySort`` first where all orders shall give one key.
    ///
    /// - Parameters:
    ///   - keys: 1 to ``MuSig2Limits/maximumKeys`` keys; duplicates are allowed.
    ///   - scheme: Which rules the signatures follow.
    /// - Throws: ``KeyAggError``.
    public init(keys: [PublicKey], scheme: SignatureScheme = .bip340) throws(KeyAggError) {
        guard !keys.isEmpty else { throw .noKeys }
        guard keys.count <= MuSig2Limits.maximumKeys else {
            throw .tooManyKeys(limit: MuSig2Limits.maximumKeys, found: keys.count)
        }
        let coefficients = scheme.rules.coefficients(of: keys)
        var terms: [Point] = []
        terms.reserveCapacity(keys.count)
        for (key, coefficient) in zip(keys, coefficients) {
            terms.append(coefficient == .one ? .point(key) : key.multiplied(by: coefficient))
        }
        guard case .point(let aggregateKey) = Point.sum(of: terms) else { throw .aggregateKeyIsInfinity }
        self.scheme = scheme
        self.keys = keys
        self.aggregateKey = aggregateKey
        self.coefficients = coefficients
    }

    /// Aggregates keys that came from elsewhere, and names the signer of one that is not a key.
    ///
    /// - Parameters:
    ///   - compressedKeys: 1 to ``MuSig2Limits/maximumKeys`` keys of 33 bytes each; duplicates are allowed.
    ///   - scheme: Which rules the signatures follow.
    /// - Throws: ``KeyAggError``; `invalidContribution` names the first signer with a key that cannot be decoded.
    public init(compressedKeys: [[UInt8]], scheme: SignatureScheme = .bip340) throws(KeyAggError) {
        guard compressedKeys.count <= MuSig2Limits.maximumKeys else {
            throw .tooManyKeys(limit: MuSig2Limits.maximumKeys, found: compressedKeys.count)
        }
        var keys: [PublicKey] = []
        keys.reserveCapacity(compressedKeys.count)
        for (signer, bytes) in compressedKeys.enumerated() {
            do throws(PublicKeyError) {
                keys.append(try PublicKey(compressedRepresentation: bytes))
            } catch {
                let reason = ContributionError.invalidPoint(offset: 0, error)
                throw .invalidContribution(
                    InvalidContribution(signer: signer, contribution: .publicKey, reason: reason)
                )
            }
        }
        try self.init(keys: keys, scheme: scheme)
    }

    /// The x coordinate of the aggregate key, as BIP-340 and Taproot know it.
    public var xOnlyKey: XOnlyPublicKey {
        aggregateKey.xOnly
    }

    /// The same signers with a tweak added to the aggregate key (ApplyTweak). Tweaks may follow each other in any mix.
    ///
    /// - Parameter tweak: What to add, and how.
    /// - Returns: The context for the new key.
    /// - Throws: `TweakError.tweakedKeyIsInfinity` if the tweak cancels the key.
    public func applyingTweak(_ tweak: Tweak) throws(TweakError) -> KeyAggContext {
        let negates = scheme.rules.negates(aggregateKey, before: tweak.kind)
        let key = negates ? aggregateKey.negated : aggregateKey
        guard case .point(let tweaked) = key.addingGenerator(times: tweak.scalar) else {
            throw .tweakedKeyIsInfinity
        }
        var context = self
        context.aggregateKey = tweaked
        context.isNegated = isNegated != negates
        context.accumulatedTweak =
            (negates ? accumulatedTweak.negated : accumulatedTweak) + tweak.scalar
        return context
    }

    /// The same signers with several tweaks added, one after the other.
    ///
    /// - Parameter tweaks: What to add, and how, in order.
    /// - Returns: The context for the new key.
    /// - Throws: `TweakError.tweakedKeyIsInfinity` if one of them cancels the key that it meets.
    public func applyingTweaks(_ tweaks: [Tweak]) throws(TweakError) -> KeyAggContext {
        var context = self
        for tweak in tweaks {
            context = try context.applyingTweak(tweak)
        }
        return context
    }

    /// Where a key stands among the keys: its first position, where it stands there more than once.
    ///
    /// - Parameter key: A signer's key.
    /// - Returns: The signer's index, or nil.
    public func firstIndex(of key: PublicKey) -> Int? {
        keys.firstIndex(of: key)
    }
}
