public import Secp256k1

/// A number t that changes the aggregate key (BIP-327, "Tweaking the Aggregate Public Key").
public struct Tweak: Sendable, Hashable {
    /// How a tweak is added to a key.
    public enum Kind: Sendable, Hashable {
        /// Q′ = Q + t·G, as in BIP-32 derivation.
        case plain
        /// Q′ = ±Q + t·G with the sign that makes the y of ±Q even, as in Taproot (BIP-341).
        case xOnly
    }

    /// The number that is added, as a multiple of the generator.
    public let scalar: Scalar

    /// How it is added.
    public let kind: Kind

    /// A tweak by a number.
    ///
    /// - Parameters:
    ///   - scalar: The number; zero is allowed.
    ///   - kind: How it is added.
    public init(_ scalar: Scalar, kind: Kind) {
        self.scalar = scalar
        self.kind = kind
    }

    /// A tweak from its 32 bytes, big-endian.
    ///
    /// - Parameters:
    ///   - bytes: 32 bytes, a number below the order of the group.
    ///   - kind: How it is added.
    /// - Throws: `TweakError.wrongLength` or `TweakError.notBelowOrder`.
    public init(bytes: [UInt8], kind: Kind) throws(TweakError) {
        guard bytes.count == 32 else { throw .wrongLength(expected: 32, found: bytes.count) }
        guard let scalar = Scalar(canonical: bytes) else { throw .notBelowOrder }
        self.init(scalar, kind: kind)
    }
}

/// Why a tweak cannot be read or applied.
public enum TweakError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A tweak has 32 bytes.
    case wrongLength(expected: Int, found: Int)
    /// The tweak is a number that is not below the order of the group.
    case notBelowOrder
    /// The tweak cancels the key: their sum is the point at infinity, which is no key.
    case tweakedKeyIsInfinity

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .wrongLength(let expected, let found): "tweak: expected \(expected) bytes, found \(found)"
        case .notBelowOrder: "tweak: expected a number below the order of the group, found a larger one"
        case .tweakedKeyIsInfinity: "tweak: expected a key as the result, found the point at infinity"
        }
    }
}
