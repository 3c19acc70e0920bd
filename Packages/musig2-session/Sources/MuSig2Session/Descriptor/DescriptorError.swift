public import Secp256k1
public import WireCodec

/// Why a descriptor is refused. Indices are positions of signers.
public enum DescriptorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes are not a descriptor, or it breaks a rule or limit of its form.
    case malformed(WireError)
    /// The scheme is not available here.
    case unsupportedScheme(SchemeID)
    /// A session needs two signers.
    case tooFewSigners(found: Int)
    /// A signer key is not a point.
    case invalidSignerKey(index: Int, PublicKeyError)
    /// A message key is not a point.
    case invalidMessageKey(index: Int, PublicKeyError)
    /// Two signer keys have the same x.
    case duplicateSigner(Int, Int)
    /// Two message keys have the same x.
    case duplicateMessageKey(Int, Int)
    /// A message key has the same x as another signer's key.
    case messageKeyIsSignerKey(messageKey: Int, signer: Int)
    /// A tweak is not below the order of the group.
    case invalidTweak(index: Int)
    /// The keys, or the tweaked keys, add up to no key.
    case invalidAggregateKey(String)
    /// The own keys are not in the list.
    case notASigner
    /// The own message key is not the one listed for the own signer key.
    case wrongMessageKey(index: Int)
    /// The session was made too far in the future: a clock is wrong.
    case createdInFuture(milliseconds: UInt64, limit: UInt64)
    /// The session is over.
    case expired(sinceMilliseconds: UInt64)
    /// The session lasts too long.
    case expiryTooFar(milliseconds: UInt64, limit: UInt64)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .malformed(let error):
            "\(error)"
        case .unsupportedScheme(let scheme):
            "descriptor scheme: expected bip340, found \(scheme)"
        case .tooFewSigners(let found):
            "descriptor signer keys: expected at least 2, found \(found)"
        case .invalidSignerKey(let index, let error):
            "descriptor signer key \(index): \(error)"
        case .invalidMessageKey(let index, let error):
            "descriptor message key \(index): \(error)"
        case .duplicateSigner(let first, let second):
            "descriptor signer keys: expected all different in x, found \(first) and \(second) equal"
        case .duplicateMessageKey(let first, let second):
            "descriptor message keys: expected all different in x, found \(first) and \(second) equal"
        case .messageKeyIsSignerKey(let messageKey, let signer):
            "descriptor message key \(messageKey): expected no other signer's key, found that of signer \(signer)"
        case .invalidTweak(let index):
            "descriptor tweak \(index): expected a number below the order of the group, found a larger one"
        case .invalidAggregateKey(let reason):
            "descriptor: \(reason)"
        case .notASigner:
            "descriptor signer keys: expected the own key among them, found it in none"
        case .wrongMessageKey(let index):
            "descriptor message key \(index): expected the own message key, found another"
        case .createdInFuture(let milliseconds, let limit):
            "descriptor created: expected at most \(limit / 1_000) s ahead, found \(milliseconds / 1_000) s; check the clocks"
        case .expired(let milliseconds):
            "descriptor expiry: expected a time to come, found one \(milliseconds / 1_000) s ago"
        case .expiryTooFar(let milliseconds, let limit):
            "descriptor expiry: expected at most \(limit / 86_400_000) days ahead, found \(milliseconds / 86_400_000)"
        }
    }
}
