import Multiformats

/// The network that an address is in: the /24 of an IPv4 address, the /48 of an IPv6 one. Whoever has one address has many
/// of its network, so that limits are counted by these.
enum NetworkGroup: Hashable {
    case ip4(UInt32)
    case ip6(UInt64)

    /// The network of an address; nil for addresses of this machine and for those without an IP address.
    init?(_ address: Multiaddr) {
        guard !address.isLoopback else { return nil }
        var components = address.components[...]
        if case .ip6zone? = components.first { components = components.dropFirst() }
        switch components.first {
        case .ip4(let ip): self = .ip4(ip.value >> 8)
        case .ip6(let ip) where ip.high == 0 && ip.low >> 32 == 0xFFFF:
            self = .ip4(UInt32(truncatingIfNeeded: ip.low) >> 8)
        case .ip6(let ip): self = .ip6(ip.high >> 16)
        default: return nil
        }
    }
}
