public import Multiformats

/// What a signing session needs of a network, and all it needs: whole frames to and from authenticated peers.
///
/// The in-memory network, a libp2p node, or a user's own way (Bluetooth, a relay, a mailbox) fit behind it without a
/// change above.
///
/// `connect`, `send` and `disconnect` never wait: they note a wish, and what becomes of it is an event. Frames to one
/// peer arrive in order while the connection lasts, and may be lost when it breaks or when a queue is full; the
/// protocols above ask again for what they miss.
public protocol PeerNetwork: Sendable {
    /// The identity of this side.
    var localPeer: PeerID { get }

    /// Where this side can be reached now; changes are told by ``PeerNetworkEvent/addressesChanged(_:)``.
    var addresses: [Multiaddr] { get }

    /// Asks for a connection to a peer. If there is one already, nothing happens, and no event follows.
    ///
    /// - Parameters:
    ///   - peer: The peer to reach; any other at the addresses is a failure.
    ///   - addresses: Where to try, in this order or all at once. May be empty if the network knows the peer otherwise.
    func connect(to peer: PeerID, addresses: [Multiaddr])

    /// Queues a frame for a connected peer; dropped when the peer is not connected or its queue is full.
    ///
    /// - Parameters:
    ///   - frame: One whole message. The other side gets it as one frame, or not at all.
    ///   - peer: The peer to send it to.
    func send(_ frame: [UInt8], to peer: PeerID)

    /// Ends the connection to a peer. Frames queued before are sent if that is possible without waiting long.
    ///
    /// - Parameter peer: The peer to leave.
    func disconnect(_ peer: PeerID)

    /// Waits for what happened since the last call. One task calls it, in a loop.
    ///
    /// - Returns: Events, in order for each peer; empty only after ``shutdown()`` or when the calling task is
    ///   cancelled.
    func nextEvents() async -> [PeerNetworkEvent]

    /// Ends all connections and lets ``nextEvents()`` return empty from then on, after what was still queued. A second
    /// call does nothing.
    func shutdown() async
}

/// One thing that happened on a ``PeerNetwork``.
public enum PeerNetworkEvent: Sendable, Equatable {
    /// The peer is connected: frames can be sent. Whichever side asked for it, once per connection.
    case connected(PeerID)

    /// The connection to the peer is gone. Frames that were on the way may be lost.
    case disconnected(PeerID)

    /// A connection that was asked for did not come about; the reason is for people.
    case connectFailed(PeerID, reason: String)

    /// A whole frame from an authenticated peer.
    case frame([UInt8], from: PeerID)

    /// The addresses under which this side can be reached are now these.
    case addressesChanged([Multiaddr])
}
