import Multiformats

/// The network that an address is in: the /24 of an IPv4 address, the /48 of an IPv6 one. A peer that has one address has many
/// of its network, so that limits are counted by these.
enum IPNetwork: Hashable {
    case ip4(UInt32)
    case ip6(UInt64)
    /// A /32, which is what a provider is given, and what some party has to itself.
    case ip6Allocation(UInt32)

    /// The network of an address; nil for addresses of this machine and for those without an IP address.
    init?(_ address: Multiaddr) {
        switch IPHost(address) {
        case .ip4(let ip): self = .ip4(ip >> 8)
        case .ip6(let high): self = .ip6(high >> 16)
        case nil: return nil
        }
    }

    /// The network round this one that may be one party's as well; itself where there is none.
    var widest: IPNetwork {
        if case .ip6(let prefix) = self { return .ip6Allocation(UInt32(truncatingIfNeeded: prefix >> 16)) }
        return self
    }
}

/// One host of a network: an IPv4 address, or the /64 of an IPv6 one, of which a host has as many addresses as it likes.
enum IPHost: Hashable {
    case ip4(UInt32)
    case ip6(UInt64)

    /// The host that an address leads to; nil for this machine and for addresses without an IP address.
    init?(_ address: Multiaddr) {
        guard !address.isLoopback else { return nil }
        var components = address.components[...]
        if case .ip6zone? = components.first { components = components.dropFirst() }
        switch components.first {
        case .ip4(let ip): self = .ip4(ip.value)
        case .ip6(let ip) where ip.high == 0 && ip.low >> 32 == 0xFFFF:
            self = .ip4(UInt32(truncatingIfNeeded: ip.low))
        case .ip6(let ip): self = .ip6(ip.high)
        default: return nil
        }
    }
}
