/// Why keys cannot be aggregated.
public enum KeyAggError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no key.
    case noKeys
    /// There are more keys than ``MuSig2Limits/maximumKeys``.
    case tooManyKeys(limit: Int, found: Int)
    /// A signer's key cannot be decoded.
    case invalidContribution(InvalidContribution)
    /// The weighted sum of the keys is the point at infinity. The weights are hashes of all keys, so that nobody can bring
    /// this about by choosing a key after the others': the chance is 2⁻²⁵⁶.
    case aggregateKeyIsInfinity

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .noKeys: "keys: expected at least 1, found none"
        case .tooManyKeys(let limit, let found): "keys: expected at most \(limit), found \(found)"
        case .invalidContribution(let contribution): "\(contribution)"
        case .aggregateKeyIsInfinity: "aggregate key: expected a key, found the point at infinity"
        }
    }
}
