public import Secp256k1

/// Why a ``SigningRound`` does not go on. What blames a signer names its key.
public enum SigningRoundError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A key stands twice among the signers', so that a contribution by key would be of two of them.
    case repeatedKey(PublicKey)
    /// A key is none of the signers'.
    case notASigner(PublicKey)
    /// The nonce cannot be drawn.
    case cannotDrawNonce(NonceGenError)
    /// The round was begun with another key.
    case anotherKey(expected: PublicKey, found: PublicKey)
    /// What arrived is no public nonce, or no partial signature.
    case malformed(Contribution, of: PublicKey, ContributionError)
    /// A signer sent two different public nonces or partial signatures; or something else than this round made was passed off as its own.
    case conflicting(Contribution, of: PublicKey)
    /// It is too early: contributions of these signers are missing.
    case missing(Contribution, of: [PublicKey])
    /// The secret nonce was used up by an attempt to sign that failed. A new round draws another.
    case nonceUsedUp
    /// This signer cannot sign. The nonce is gone.
    case cannotSign(PartialSignError)
    /// The nonces do not make a session.
    case cannotBegin(SigningSessionError)
    /// The partial signatures of these signers do not fit their keys and nonces.
    case invalidPartialSignatures(of: [PublicKey])
    /// The partial signatures make no signature, and no signer can be named.
    case cannotAggregate(AggregationError)

    /// The sentence for a person.
    public var description: String {
        switch self {
        case .repeatedKey(let key): "keys: expected each once, found \(key) twice"
        case .notASigner(let key): "signer: expected one of the session's keys, found \(key)"
        case .cannotDrawNonce(let error): "\(error)"
        case .anotherKey(let expected, let found): "secret key: expected that of \(expected), found that of \(found)"
        case .malformed(let contribution, let key, let reason): "\(contribution) of \(key): \(reason)"
        case .conflicting(let contribution, let key):
            "\(contribution) of \(key): expected the same as before, found another"
        case .missing(let contribution, let keys): "\(contribution): missing of \(Self.list(keys))"
        case .nonceUsedUp: "secret nonce: expected one that is not used, found none: begin another round"
        case .cannotSign(let error): "\(error)"
        case .cannotBegin(let error): "\(error)"
        case .invalidPartialSignatures(let keys):
            "partial signatures: expected valid ones, found invalid ones of \(Self.list(keys))"
        case .cannotAggregate(let error): "\(error)"
        }
    }

    private static func list(_ keys: [PublicKey]) -> String { keys.map(\.description).joined(separator: ", ") }
}
