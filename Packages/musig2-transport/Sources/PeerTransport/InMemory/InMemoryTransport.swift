public import Multiformats

/// A ``Transport`` between peers of one process, with real back-pressure and no sockets.
///
/// It understands `/memory/NUMBER` and `/memory/NUMBER/p2p/ID`; `/memory/0` lets the hub choose a number. An identity
/// is what the transport was made with: nothing is proven inside one process.
public struct InMemoryTransport: Transport {
    private let peer: PeerID
    private let hub: InMemoryHub

    /// Makes a transport for a peer.
    ///
    /// - Parameters:
    ///   - peer: The identity of this side.
    ///   - hub: Where it finds the others.
    public init(peer: PeerID, hub: InMemoryHub) {
        self.peer = peer
        self.hub = hub
    }

    /// Whether the address is a `/memory/` address.
    ///
    /// - Parameter address: An address.
    /// - Returns: Whether it can be dialled and listened on.
    public func canDial(_ address: Multiaddr) -> Bool {
        Self.number(of: address) != nil
    }

    /// Connects to a peer of the same hub.
    ///
    /// - Parameters:
    ///   - address: A `/memory/` address.
    ///   - expected: The peer that must answer.
    ///   - accepting: Which protocols the other side may open streams for.
    /// - Returns: The connection.
    /// - Throws: ``TransportError/Code/connectionRefused``, ``TransportError/Code/peerMismatch``,
    ///   ``TransportError/Code/limitExceeded``, ``TransportError/Code/unsupportedAddress``.
    public func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection {
        guard let number = Self.number(of: address) else { throw Self.unsupported(address) }
        return try hub.dial(number, as: peer, expecting: expected ?? address.peerID, accepting: accepting)
    }

    /// Waits for peers of the same hub.
    ///
    /// - Parameters:
    ///   - address: A `/memory/` address; number 0 lets the hub choose.
    ///   - accepting: Which protocols the other sides may open streams for.
    /// - Returns: The listener.
    /// - Throws: ``TransportError/Code/addressInUse``, ``TransportError/Code/unsupportedAddress``.
    public func listen(
        on address: Multiaddr,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Listener {
        guard let number = Self.number(of: address) else { throw Self.unsupported(address) }
        return try hub.listen(as: peer, at: number, accepting: accepting)
    }

    private static func number(of address: Multiaddr) -> UInt64? {
        guard case .memory(let number)? = address.withoutPeerID?.components.first,
            address.withoutPeerID?.components.count == 1
        else { return nil }
        return number
    }

    private static func unsupported(_ address: Multiaddr) -> TransportError {
        TransportError(.unsupportedAddress, "expected an address like /memory/1, found \(address)")
    }
}
