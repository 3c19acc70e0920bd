import Multiformats

/// Whose records they are, as far as room is shared out, at two levels: a network, and a member of it.
///
/// The network is what one party may have all of, so that none has more room because it has more addresses; the member
/// keeps one party from using up what its neighbors have as well.
internal struct RecordSource: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case group(NetworkGroup)
        case host(NetworkHost)
        case peer(PeerID)
    }

    /// A /24 of IPv4, a /32 of IPv6, a domain; where groups do not count, the host; a peer of which nothing else is known.
    let network: Place
    /// A host of IPv4, a /48 of IPv6; on a host, the peer.
    let member: Place

    /// The source of what a peer sent over a connection.
    ///
    /// - Parameters:
    ///   - peer: Who.
    ///   - address: Where the connection comes from, if that is known.
    ///   - isExempt: Whether the address is free of limits per network group: then only hosts are told apart.
    init(_ peer: PeerID, at address: Multiaddr?, isExempt: Bool) {
        guard let address else {
            (network, member) = (.peer(peer), .peer(peer))
            return
        }
        let host = NetworkHost(address)
        if isExempt {
            (network, member) = (host.map(Place.host) ?? .peer(peer), .peer(peer))
            return
        }
        let group = NetworkGroup(address)
        network = .group(group.widest)
        switch group {
        case .ip4: member = host.map(Place.host) ?? .group(group)
        case .ip6, .ip6Allocation: member = .group(group)
        case .domain, .machine: member = .peer(peer)
        }
    }
}
