import Multiformats
import PeerTransport

/// A stream, and where the connection leads that it is on.
struct PlacedStream: Sendable {
    let stream: NegotiatedStream
    let remoteAddress: Multiaddr
    /// Whether the other side has dialled.
    let isInbound: Bool
}
