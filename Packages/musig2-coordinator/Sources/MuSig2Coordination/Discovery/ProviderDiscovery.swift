public import PeerTransport

/// Rendezvous: this peer is a provider of the session's key of the day.
public struct RendezvousDiscovery: SessionDiscovery {
    /// ``DiscoveryMethod/rendezvous``.
    public let method = DiscoveryMethod.rendezvous

    private let peers: any PeerDiscovery

    /// Meets at the keys of a DHT, or of anything else that knows providers.
    ///
    /// - Parameter peers: What knows providers.
    public init(_ peers: any PeerDiscovery) {
        self.peers = peers
    }

    /// Becomes a provider of the key.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - announcement: Not published.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when nobody took it.
    public func publish(
        _ key: DiscoveryKey, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {
        try await peers.publish(key.bytes, for: lifetime)
    }

    /// Is no provider of the key any longer.
    ///
    /// - Parameter key: Where.
    public func withdraw(_ key: DiscoveryKey) async {
        await peers.withdraw(key.bytes)
    }

    /// Looks for providers of the key.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - limit: The most providers.
    /// - Returns: The providers.
    /// - Throws: `TransportError` when the search itself was not possible.
    public func find(_ key: DiscoveryKey, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        try await peers.lookup(key.bytes, limit: limit).map { .provider($0) }
    }
}

/// Inbox: this peer is a provider of each other signer's key of the day.
public struct InboxDiscovery: SessionDiscovery {
    /// ``DiscoveryMethod/inbox``.
    public let method = DiscoveryMethod.inbox

    private let carrier: RendezvousDiscovery

    /// Meets at the keys of a DHT, or of anything else that knows providers.
    ///
    /// - Parameter peers: What knows providers.
    public init(_ peers: any PeerDiscovery) {
        carrier = RendezvousDiscovery(peers)
    }

    /// Becomes a provider of the key.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - announcement: Not published.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when nobody took it.
    public func publish(
        _ key: DiscoveryKey, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {
        try await carrier.publish(key, announcement: nil, for: lifetime)
    }

    /// Is no provider of the key any longer.
    ///
    /// - Parameter key: Where.
    public func withdraw(_ key: DiscoveryKey) async {
        await carrier.withdraw(key)
    }

    /// Looks for providers of the key.
    ///
    /// - Parameters:
    ///   - key: Where.
    ///   - limit: The most providers.
    /// - Returns: The providers.
    /// - Throws: `TransportError` when the search itself was not possible.
    public func find(_ key: DiscoveryKey, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        try await carrier.find(key, limit: limit)
    }
}
