public import Multiformats

/// Why bytes are not an identity, or why an identity key cannot be used.
public enum NodeIdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes are not a libp2p key message.
    case malformedKey(KeyProtobufError)
    /// A key type that a node here cannot have: RSA and ECDSA, which are only checked.
    case unsupportedKeyType(KeyType)
    /// The private key data has another length than keys of this type have.
    case wrongLength(KeyType, expected: String, found: Int)
    /// An RSA key of another's with fewer or more bits than are taken.
    case wrongRSASize(minimum: Int, maximum: Int, found: Int)
    /// The key data is not a key: no point, no scalar, or a public half that does not belong to the private one.
    case invalidKey(KeyType, reason: String)
    /// The system failed to make a signature.
    case signingFailed(reason: String)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .malformedKey(let error):
            return "identity key: \(error)"
        case .unsupportedKeyType(let type):
            return "identity key: expected Ed25519 or secp256k1, found \(type), which a node here cannot have"
        case .wrongLength(let type, let expected, let found):
            return "identity key: expected \(expected) bytes of \(type) key data, found \(found)"
        case .wrongRSASize(let minimum, let maximum, let found):
            return "identity key: expected an RSA key of \(minimum) to \(maximum) bits, found \(found)"
        case .invalidKey(let type, let reason):
            return "identity key: not a \(type) key: \(reason)"
        case .signingFailed(let reason):
            return "identity key: signing failed: \(reason)"
        }
    }
}
