public import PeerTransport

/// Rendezvous: this peer is a provider of the session's key of the day.
public struct RendezvousDiscovery: SessionDiscovery {
    /// ``DiscoveryWay/rendezvous``.
    public let way = DiscoveryWay.rendezvous

    private let peers: any PeerDiscovery

    /// Meets at the keys of a DHT, or of anything else that knows providers.
    ///
    /// - Parameter peers: Who knows providers.
    public init(_ peers: any PeerDiscovery) {
        self.peers = peers
    }

    /// Becomes a provider of the place's key.
    ///
    /// - Parameters:
    ///   - place: Where.
    ///   - announcement: Not published.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when nobody took it.
    public func publish(
        _ place: DiscoveryPlace, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {
        try await peers.publish(place.key, for: lifetime)
    }

    /// Is no provider of the place's key any longer.
    ///
    /// - Parameter place: Where.
    public func withdraw(_ place: DiscoveryPlace) async {
        await peers.withdraw(place.key)
    }

    /// Looks for providers of the place's key.
    ///
    /// - Parameters:
    ///   - place: Where.
    ///   - limit: The most providers.
    /// - Returns: The providers.
    /// - Throws: `TransportError` when the search itself was not possible.
    public func find(_ place: DiscoveryPlace, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        try await peers.lookup(place.key, limit: limit).map { .provider($0) }
    }
}

/// Inbox: this peer is a provider of each other signer's key of the day.
public struct InboxDiscovery: SessionDiscovery {
    /// ``DiscoveryWay/inbox``.
    public let way = DiscoveryWay.inbox

    private let carrier: RendezvousDiscovery

    /// Meets at the keys of a DHT, or of anything else that knows providers.
    ///
    /// - Parameter peers: Who knows providers.
    public init(_ peers: any PeerDiscovery) {
        carrier = RendezvousDiscovery(peers)
    }

    /// Becomes a provider of the place's key.
    ///
    /// - Parameters:
    ///   - place: Where.
    ///   - announcement: Not published.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when nobody took it.
    public func publish(
        _ place: DiscoveryPlace, announcement: [UInt8]?, for lifetime: Duration
    ) async throws(TransportError) {
        try await carrier.publish(place, announcement: nil, for: lifetime)
    }

    /// Is no provider of the place's key any longer.
    ///
    /// - Parameter place: Where.
    public func withdraw(_ place: DiscoveryPlace) async {
        await carrier.withdraw(place)
    }

    /// Looks for providers of the place's key.
    ///
    /// - Parameters:
    ///   - place: Where.
    ///   - limit: The most providers.
    /// - Returns: The providers.
    /// - Throws: `TransportError` when the search itself was not possible.
    public func find(_ place: DiscoveryPlace, limit: Int) async throws(TransportError) -> [DiscoveryHint] {
        try await carrier.find(place, limit: limit)
    }
}
