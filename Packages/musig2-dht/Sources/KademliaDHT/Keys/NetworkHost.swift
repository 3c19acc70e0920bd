import Multiformats

/// One host: an IPv4 address, or the /64 of an IPv6 one, of which a host has as many addresses as it likes.
struct NetworkHost: Hashable, Sendable {
    private let prefix: UInt64
    private let isIPv4: Bool

    private init(ip4 value: UInt64) {
        (prefix, isIPv4) = (value, true)
    }

    /// The host that an address begins with; nil for one that begins with no IP address.
    init?(_ address: Multiaddr) {
        var components = address.components[...]
        if case .ip6zone? = components.first { components = components.dropFirst() }
        switch components.first {
        case .ip4(let host)?: (prefix, isIPv4) = (UInt64(host.value), true)
        case .ip6(let host)? where host.high == 0 && host.low >> 32 == 0xffff:
            (prefix, isIPv4) = (host.low & 0xffff_ffff, true)
        case .ip6(let host)?: (prefix, isIPv4) = (host.high, false)
        default: return nil
        }
    }

    /// The host that a binary address begins with.
    init?(_ bytes: [UInt8]) {
        // The usual one, without a look at the rest.
        if bytes.count >= 5, bytes[0] == 4 {
            self.init(ip4: bytes[1..<5].reduce(0) { $0 << 8 | UInt64($1) })
        } else if let address = Multiaddr(known: bytes) {
            self.init(address)
        } else {
            return nil
        }
    }
}
