import Multiformats

/// The owner of a record, as far as room is shared out, at two levels: a network, and a member of it.
///
/// The network is what one party may have all of, so that none has more room because it has more addresses; the member
/// keeps one party from using up what its neighbors have as well.
struct RecordSource: Hashable, Sendable {
    enum Party: Hashable, Sendable {
        case group(NetworkGroup)
        case host(NetworkHost)
        case peer(PeerID)
    }

    /// A /24 of IPv4, a /32 of IPv6, a domain; where groups do not count, the host; a peer of which nothing else is known.
    let network: Party
    /// A host of IPv4, a /48 of IPv6; on a host, the peer.
    let member: Party

    /// The source of what a peer sent over a connection.
    ///
    /// - Parameters:
    ///   - peer: The peer that sent it.
    ///   - address: Where the connection comes from, if that is known.
    ///   - isExempt: Whether the address is free of limits per network group: then only hosts are told apart.
    init(_ peer: PeerID, at address: Multiaddr?, isExempt: Bool) {
        guard let address else {
            (network, member) = (.peer(peer), .peer(peer))
            return
        }
        let host = NetworkHost(address)
        if isExempt {
            (network, member) = (host.map(Party.host) ?? .peer(peer), .peer(peer))
            return
        }
        let group = NetworkGroup(address)
        network = .group(group.widest)
        switch group {
        case .ip4: member = host.map(Party.host) ?? .group(group)
        case .ip6, .ip6Allocation: member = .group(group)
        case .domain, .machine: member = .peer(peer)
        }
    }
}
