import Multiformats
import WireCodec

/// Why what a peer said about itself is not taken.
enum IdentifyError: Error, Equatable {
    /// The bytes are not frames.
    case framing(FrameError)
    /// A frame is not an identify message, or has too many entries.
    case malformed(WireError)
    /// A message of more bytes than one may have.
    case tooLong(limit: Int)
    /// More messages than one may be split into.
    case tooManyMessages(limit: Int)
    /// The stream ended without a message.
    case nothing
    /// The public key is not the one of which the peer id is made: a lie.
    case anotherKey
    /// The signed record was made by or for another peer: a lie.
    case anotherPeersRecord
    /// More pushes than a peer may send.
    case tooOften

    /// Whether the peer said what it must know to be false, so that its connection is closed.
    var isLie: Bool {
        switch self {
        case .anotherKey, .anotherPeersRecord: true
        default: false
        }
    }

    /// The name for metrics.
    var label: String {
        switch self {
        case .framing, .malformed: "malformed"
        case .tooLong, .tooManyMessages: "too_long"
        case .nothing: "nothing"
        case .anotherKey: "another_key"
        case .anotherPeersRecord: "another_peers_record"
        case .tooOften: "too_often"
        }
    }
}

extension IdentifyError: CustomStringConvertible {
    var description: String {
        switch self {
        case .framing(let error): "identify: \(error)"
        case .malformed(let error): "identify: \(error)"
        case .tooLong(let limit): "identify: expected at most \(limit) bytes in a message, found more"
        case .tooManyMessages(let limit): "identify: expected at most \(limit) messages, found more"
        case .nothing: "identify: the stream ended without a message"
        case .anotherKey: "identify: the public key is another peer's"
        case .anotherPeersRecord: "identify: the signed record is another peer's"
        case .tooOften: "identify: pushed too often"
        }
    }
}
