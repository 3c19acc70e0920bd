public import Multiformats

/// A range of IP addresses that begin with the same bits, such as `10.0.0.0/8` or `2001:db8::/32`.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the range, as 128 bits; an IPv4 address stands in the low 32.
    private let high: UInt64
    private let low: UInt64
    private let isIPv6: Bool

    /// How many bits all its addresses have in common.
    public let length: Int

    /// `127.0.0.0/8`: the IPv4 addresses of this machine alone.
    public static let loopbackIPv4 = AddressRange(IPv4Address.loopback, length: 8)
    /// `::1/128`: the IPv6 address of this machine alone.
    public static let loopbackIPv6 = AddressRange(IPv6Address.loopback, length: 128)

    /// The range around an IPv4 address.
    ///
    /// - Parameters:
    ///   - address: One address of the range.
    ///   - length: How many bits of it the others share; less than 0 counts as 0, more than 32 as 32.
    public init(_ address: IPv4Address, length: Int) {
        self.length = min(max(length, 0), 32)
        isIPv6 = false
        high = 0
        low = UInt64(address.value) & (UInt64.max << UInt64(32 - self.length))
    }

    /// The range around an IPv6 address. One that stands for an IPv4 address (`::ffff:a.b.c.d`) is not taken for that.
    ///
    /// - Parameters:
    ///   - address: One address of the range.
    ///   - length: How many bits of it the others share; less than 0 counts as 0, more than 128 as 128.
    public init(_ address: IPv6Address, length: Int) {
        self.length = min(max(length, 0), 128)
        isIPv6 = true
        high = address.high & (self.length == 0 ? 0 : UInt64.max << UInt64(max(64 - self.length, 0)))
        low = address.low & (self.length <= 64 ? 0 : UInt64.max << UInt64(128 - self.length))
    }

    /// Parses `address/length`, or an address alone, which is a range of its own; nil for anything else.
    ///
    /// - Parameter text: Such as `192.168.0.0/16` or `fc00::/7`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first else { return nil }
        let length = parts.count == 2 ? Int(parts[1]) : nil
        guard parts.count == 1 || length != nil else { return nil }
        if let ip = IPv4Address(first) {
            guard (0...32).contains(length ?? 32) else { return nil }
            self.init(ip, length: length ?? 32)
        } else if let ip = IPv6Address(String(first)) {
            guard (0...128).contains(length ?? 128) else { return nil }
            self.init(ip, length: length ?? 128)
        } else {
            return nil
        }
    }

    /// Whether all addresses of another range are in this one.
    ///
    /// - Parameter other: A range, or a single address.
    /// - Returns: Whether it lies inside.
    public func contains(_ other: AddressRange) -> Bool {
        guard isIPv6 == other.isIPv6, length <= other.length else { return false }
        let outer =
            isIPv6
            ? AddressRange(IPv6Address(high: other.high, low: other.low), length: length)
            : AddressRange(IPv4Address(UInt32(truncatingIfNeeded: other.low)), length: length)
        return outer == self
    }

    /// The address and the length, as ``init(_:)`` takes them.
    public var description: String {
        let address: any CustomStringConvertible =
            isIPv6
            ? IPv6Address(high: high, low: low) : IPv4Address(UInt32(truncatingIfNeeded: low))
        return "\(address)/\(length)"
    }

    /// The single address at which a multiaddr begins; nil when it is no IP address. An IPv6 address that stands for an IPv4
    /// address is that.
    init?(addressOf multiaddr: Multiaddr) {
        switch multiaddr.components.first {
        case .ip4(let ip):
            self.init(ip, length: 32)
        case .ip6(let ip) where ip.high == 0 && ip.low >> 32 == 0xffff:
            self.init(IPv4Address(UInt32(truncatingIfNeeded: ip.low)), length: 32)
        case .ip6(let ip):
            self.init(ip, length: 128)
        default:
            return nil
        }
    }

    /// The network by which connections are counted: /24 of IPv4, /48 of IPv6, since the owner of one address of it has many.
    var network: AddressRange {
        isIPv6
            ? AddressRange(IPv6Address(high: high, low: low), length: min(length, 48))
            : AddressRange(IPv4Address(UInt32(truncatingIfNeeded: low)), length: min(length, 24))
    }

    /// One host: the address of IPv4, the /64 of IPv6, of which a host has as many addresses as it likes.
    var host: AddressRange {
        isIPv6
            ? AddressRange(IPv6Address(high: high, low: low), length: min(length, 64)) : self
    }
}
