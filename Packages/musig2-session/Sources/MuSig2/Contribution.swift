public import Secp256k1

/// What a signer, or the aggregator, brings to a session (BIP-327, "Identifying Disruptive Signers").
public enum Contribution: Sendable, Hashable, CustomStringConvertible {
    /// A signer's individual public key, 33 bytes.
    case publicKey
    /// A signer's public nonce, 66 bytes.
    case publicNonce
    /// The sum of the public nonces, 66 bytes; of no signer in particular: it blames the aggregator.
    case aggregateNonce
    /// The sum of the public nonces of all signers but the deterministic one, 66 bytes.
    case aggregateOtherNonce
    /// A signer's partial signature, 32 bytes.
    case partialSignature

    /// The contribution's name in BIP-327's words.
    public var description: String {
        switch self {
        case .publicKey: "public key"
        case .publicNonce: "public nonce"
        case .aggregateNonce: "aggregate nonce"
        case .aggregateOtherNonce: "aggregate nonce of the other signers"
        case .partialSignature: "partial signature"
        }
    }
}

/// A contribution that cannot be decoded: which signer it blames, and what is wrong with it.
public struct InvalidContribution: Error, Sendable, Hashable, CustomStringConvertible {
    /// The position of the signer in the list of keys; nil where the contribution is nobody's in particular.
    public let signer: Int?

    /// What was contributed.
    public let contribution: Contribution

    /// What is wrong with it: the part, the expected and the found.
    public let reason: ContributionError

    /// Blames a signer.
    ///
    /// - Parameters:
    ///   - signer: The position of the signer in the list of keys, or nil.
    ///   - contribution: What was contributed.
    ///   - reason: What is wrong with it.
    public init(signer: Int?, contribution: Contribution, reason: ContributionError) {
        self.signer = signer
        self.contribution = contribution
        self.reason = reason
    }

    /// The sentence for a person.
    public var description: String {
        let author = signer.map { " of signer \($0)" } ?? ""
        return "\(contribution)\(author): \(reason)"
    }
}

/// Why bytes are not the key, nonce or scalar that they should be.
public enum ContributionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There are too few or too many bytes.
    case wrongLength(expected: Int, found: Int)
    /// A key, or a half of a nonce, is not the compressed form of a point. The offset is where its 33 bytes begin.
    case invalidPoint(offset: Int, PublicKeyError)
    /// A scalar is not below the order of the group.
    case scalarNotBelowOrder

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .wrongLength(let expected, let found): "expected \(expected) bytes, found \(found)"
        case .invalidPoint(let offset, let reason): "point at byte \(offset): \(reason)"
        case .scalarNotBelowOrder: "expected a number below the order of the group, found a larger one"
        }
    }
}
