public import Multiformats
public import PeerTransport

/// A protocol that a ``PeerNode`` hosts: register one of your own beside those of this project.
///
/// The calls that are not asynchronous come one at a time, in order, and must return quickly.
public protocol ProtocolHandler: Sendable {
    /// A short name for logs and metrics, such as `ping`.
    var name: String { get }

    /// What inbound streams may ask for; a node refuses a second handler for the same protocol.
    var protocolIDs: [ProtocolID] { get }

    /// Serves a stream that a peer opened, on a task of its own. The handler closes its half when it has said
    /// everything; a stream that is let go with that half open is reset.
    ///
    /// - Parameters:
    ///   - stream: The stream with the protocol that was agreed on.
    ///   - peer: Who opened it.
    func handle(_ stream: NegotiatedStream, from peer: PeerID) async

    /// The node has a connection to a peer to which it had none. The peer need not speak this protocol.
    ///
    /// - Parameter peer: Who came.
    func peerConnected(_ peer: PeerID)

    /// The last connection to a peer is gone, with all streams on it.
    ///
    /// - Parameter peer: Who went.
    func peerDisconnected(_ peer: PeerID)

    /// Both sides dialled at once, and another of two connections is the one that is kept. The former one is closed
    /// once no stream on it is in use, so a handler with a long-lived stream should open a new one and close the old.
    ///
    /// - Parameter peer: Who is at the other end of both.
    func connectionReplaced(_ peer: PeerID)

    /// The addresses of the node are now these.
    ///
    /// - Parameter addresses: All of them.
    func addressesChanged(_ addresses: [Multiaddr])
}

extension ProtocolHandler {
    /// Does nothing.
    ///
    /// - Parameter peer: Who came.
    public func peerConnected(_ peer: PeerID) {}

    /// Does nothing.
    ///
    /// - Parameter peer: Who went.
    public func peerDisconnected(_ peer: PeerID) {}

    /// Does nothing.
    ///
    /// - Parameter peer: Who is at the other end.
    public func connectionReplaced(_ peer: PeerID) {}

    /// Does nothing.
    ///
    /// - Parameter addresses: All addresses of the node.
    public func addressesChanged(_ addresses: [Multiaddr]) {}
}
