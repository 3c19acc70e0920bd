public import Multiformats
public import PeerTransport

/// Is told what a ``PeerNode`` learns of its peers and of itself. Every ``ProtocolHandler`` is one; others are added with
/// ``PeerNode/addObserver(_:)``.
///
/// The calls come one at a time, in order, and must return quickly.
public protocol PeerObserver: Sendable {
    /// The node has a connection to a peer to which it had none. The peer need not speak the protocol of the handler.
    ///
    /// - Parameter peer: The peer that came.
    func peerConnected(_ peer: PeerID)

    /// The last connection to a peer is gone, with all streams on it.
    ///
    /// - Parameter peer: The peer that went.
    func peerDisconnected(_ peer: PeerID)

    /// Both sides dialled at once, and another of two connections is the one that is kept. The former one is closed
    /// once no stream on it is in use, so a handler with a long-lived stream should open a new one and close the old.
    ///
    /// - Parameter peer: The peer at the other end of both.
    func connectionReplaced(_ peer: PeerID)

    /// A connected peer said what it is, or that something about it has changed.
    ///
    /// - Parameters:
    ///   - peer: The peer that said it.
    ///   - information: All that it has said up to now.
    func peerIdentified(_ peer: PeerID, _ information: PeerInformation)

    /// The same, for an observer for which it matters where the peer was when it said so. Only one of the two is called: this
    /// one, which calls the other by default.
    ///
    /// - Parameters:
    ///   - peer: The peer that said it.
    ///   - information: All that it has said up to now.
    ///   - remoteAddress: Where the connection leads on which it said it.
    func peerIdentified(_ peer: PeerID, _ information: PeerInformation, at remoteAddress: Multiaddr)

    /// The addresses of the node are now these.
    ///
    /// - Parameter addresses: All of them.
    func addressesChanged(_ addresses: [Multiaddr])

    /// The protocols that the node serves are now these.
    ///
    /// - Parameter protocols: All of them, sorted.
    func protocolsChanged(_ protocols: [ProtocolID])
}

extension PeerObserver {
    /// Does nothing.
    ///
    /// - Parameter peer: The peer that came.
    public func peerConnected(_ peer: PeerID) {}

    /// Does nothing.
    ///
    /// - Parameter peer: The peer that went.
    public func peerDisconnected(_ peer: PeerID) {}

    /// Does nothing.
    ///
    /// - Parameter peer: The peer at the other end.
    public func connectionReplaced(_ peer: PeerID) {}

    /// Does nothing.
    ///
    /// - Parameters:
    ///   - peer: The peer that said it.
    ///   - information: What it said.
    public func peerIdentified(_ peer: PeerID, _ information: PeerInformation) {}

    /// Tells without the place.
    ///
    /// - Parameters:
    ///   - peer: The peer that said it.
    ///   - information: What it said.
    ///   - remoteAddress: Not told.
    public func peerIdentified(_ peer: PeerID, _ information: PeerInformation, at remoteAddress: Multiaddr) {
        peerIdentified(peer, information)
    }

    /// Does nothing.
    ///
    /// - Parameter addresses: All addresses of the node.
    public func addressesChanged(_ addresses: [Multiaddr]) {}

    /// Does nothing.
    ///
    /// - Parameter protocols: All protocols that the node serves.
    public func protocolsChanged(_ protocols: [ProtocolID]) {}
}
