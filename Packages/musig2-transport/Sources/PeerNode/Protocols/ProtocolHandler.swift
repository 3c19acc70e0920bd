public import Multiformats
public import PeerTransport

/// A protocol that a ``PeerNode`` hosts: register one of your own beside those of this project.
///
/// A handler is also a ``PeerObserver``, and is told of peers that come and go.
public protocol ProtocolHandler: PeerObserver {
    /// A short name for logs and metrics, such as `ping`.
    var name: String { get }

    /// What inbound streams may ask for; a node refuses a second handler for the same protocol.
    var protocolIDs: [ProtocolID] { get }

    /// Serves a stream that a peer opened, on a task of its own. The handler closes its half when it has said
    /// everything; a stream that is let go with that half open is reset.
    ///
    /// - Parameters:
    ///   - stream: The stream with the protocol that was agreed on.
    ///   - peer: The peer that opened it.
    func handle(_ stream: NegotiatedStream, from peer: PeerID) async
}
