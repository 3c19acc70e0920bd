public import Multiformats

/// Finds the peers that stand behind a key, such as the day's rendezvous key of a session. Optional: without one, peers
/// are reached by the addresses in an invitation.
public protocol PeerDiscovery: Sendable {
    /// Says to the world that this peer stands behind a key, and goes on saying so until the lifetime is over or the key
    /// is withdrawn.
    ///
    /// - Parameters:
    ///   - key: The multihash bytes of the key.
    ///   - lifetime: How long from now; afterwards the record is no longer renewed.
    /// - Throws: ``TransportError`` when nobody took the record.
    func publish(_ key: [UInt8], for lifetime: Duration) async throws(TransportError)

    /// Stops publishing a key. Records already given out cannot be called back; they run out.
    ///
    /// - Parameter key: The multihash bytes of the key.
    func withdraw(_ key: [UInt8]) async

    /// Looks for peers behind a key.
    ///
    /// - Parameters:
    ///   - key: The multihash bytes of the key.
    ///   - limit: The most peers to return.
    /// - Returns: Peers with what is known of their addresses. A hint: nothing here is proven.
    /// - Throws: ``TransportError`` when the search itself was not possible.
    func lookup(_ key: [UInt8], limit: Int) async throws(TransportError) -> [DiscoveredPeer]
}

/// A peer that a ``PeerDiscovery`` found: a peer that published itself behind a key.
public struct DiscoveredPeer: Sendable, Hashable {
    /// The peer that it is said to be.
    public var peer: PeerID

    /// Where it is said to be reached.
    public var addresses: [Multiaddr]

    /// How long ago this node got the record, where it is known.
    public var age: Duration?

    /// Joins a peer with its addresses.
    ///
    /// - Parameters:
    ///   - peer: The peer that it is said to be.
    ///   - addresses: Where it is said to be reached.
    ///   - age: How long ago this node got the record, where it is known.
    public init(peer: PeerID, addresses: [Multiaddr], age: Duration? = nil) {
        self.peer = peer
        self.addresses = addresses
        self.age = age
    }
}
