public import Multiformats
public import PeerTransport

/// What a ``TCPTransport`` tells of its connections, for metrics and logs: also of those that come to nothing, which nobody
/// else hears of.
public struct TransportEvent: Sendable {
    /// What happened to the connection.
    public enum Kind: Sendable {
        /// An inbound connection was above a limit and was closed before any byte was read.
        case refused(TransportError)
        /// The connection came to nothing at this stage.
        case failed(Stage, TransportError)
        /// The peer is known and the connection is ready for streams, so long after it was made.
        case established(PeerID, handshake: Duration)
        /// A connection that was established is closed; no error when either side closed it in good order. The bytes are those
        /// on the socket, handshake and encryption included.
        case closed(PeerID, received: UInt64, sent: UInt64, TransportError?)
        /// The system has no room for another connection: dialers wait until it has. The address is that of the listener.
        case acceptingPaused(TransportError)
        /// Connections are accepted again, since ``acceptingPaused(_:)``.
        case acceptingResumed
    }

    /// The steps on the way to a connection.
    public enum Stage: String, Sendable, Hashable, CaseIterable {
        /// The TCP connection.
        case connect
        /// The WebSocket handshake.
        case webSocket
        /// Agreeing on Noise.
        case security
        /// The Noise handshake, identities included.
        case handshake
        /// Agreeing on yamux.
        case multiplexer
        /// The limits on connections with one peer.
        case admission
    }

    /// Where the other side is; of events of a listener, where it listens.
    public var remoteAddress: Multiaddr
    /// Whether the other side dialled.
    public var isInbound: Bool
    /// What happened.
    public var kind: Kind

    /// Makes an event.
    ///
    /// - Parameters:
    ///   - remoteAddress: Where the other side is.
    ///   - isInbound: Whether the other side dialled.
    ///   - kind: What happened.
    public init(remoteAddress: Multiaddr, isInbound: Bool, kind: Kind) {
        self.remoteAddress = remoteAddress
        self.isInbound = isInbound
        self.kind = kind
    }
}

/// Is told of what happens to the connections of a transport, on their event loops: it must be quick and must not wait.
public typealias TransportEventHandler = @Sendable (TransportEvent) -> Void
