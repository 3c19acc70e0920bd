/// Why a Noise handshake or a Noise message failed.
public enum NoiseError: Error, Equatable, CustomStringConvertible {
    /// A handshake message of another length than the pattern allows.
    case wrongMessageLength(message: Int, expected: String, found: Int)
    /// A tag that does not fit: altered bytes, or a peer that does not speak this handshake.
    case authenticationFailed(message: String)
    /// A public key of low order, with which no secret can be agreed.
    case invalidKey(message: Int)
    /// The handshake payload is not the protobuf it must be.
    case malformedPayload(String)
    /// The peer's identity key is of a kind not supported here.
    case unsupportedIdentity(String)
    /// The signature by the identity key over the Noise static key is wrong.
    case invalidIdentitySignature
    /// Too many messages under one key. Not reached in practice; the connection must be closed.
    case nonceExhausted
    /// Messages without plaintext, without end.
    case emptyMessages(maximum: Int)
    /// A handshake method was called out of order.
    case outOfOrder

    /// The message, what was expected and what was found.
    public var description: String {
        switch self {
        case .wrongMessageLength(let message, let expected, let found):
            return "Noise handshake message \(message): expected \(expected) bytes, found \(found)"
        case .authenticationFailed(let message):
            return "Noise \(message): the authentication tag does not fit"
        case .invalidKey(let message):
            return "Noise handshake message \(message): the public key is of low order"
        case .malformedPayload(let reason):
            return "Noise handshake payload: \(reason)"
        case .unsupportedIdentity(let reason):
            return "Noise handshake payload: identity key: \(reason)"
        case .invalidIdentitySignature:
            return "Noise handshake payload: the identity key did not sign this Noise static key"
        case .nonceExhausted:
            return "Noise: all nonces of this key are used"
        case .emptyMessages(let maximum):
            return "Noise: more than \(maximum) messages without plaintext in a short time"
        case .outOfOrder:
            return "Noise: handshake messages out of order"
        }
    }
}
