public import Multiformats

/// What a stranger may say of where peers are.
///
/// An address that a peer names makes this node dial it. So a peer may name only what is its business: addresses that only
/// one machine or one local network can reach are for peers that are there themselves, and no peer chooses the request that
/// a WebSocket begins with, or a port of another service.
public enum Hearsay {
    /// Whether an address may be used that was named over a connection.
    ///
    /// - Parameters:
    ///   - address: What was named.
    ///   - remote: Where the connection leads over which it was named; nil counts as the Internet.
    /// - Returns: Whether a peer that is there can use it, and it ``isHarmless(_:)``.
    public static func allows(_ address: Multiaddr, namedFrom remote: Multiaddr?) -> Bool {
        isHarmless(address) && AddressScope(address) >= scope(of: remote)
    }

    /// The same for a binary address and the scope of the peer that named it; no for one that this library cannot read.
    static func allows(_ bytes: [UInt8], namedIn scope: AddressScope) -> Bool {
        // The usual ones, IPv4 and TCP, without a look at the rest.
        if bytes.count == 8, bytes[0] == 4, bytes[5] == 6 {
            let port = UInt16(bytes[6]) << 8 | UInt16(bytes[7])
            return isHarmless(port: port) && bytes[1] != 0 && AddressScope(bytes).map { $0 >= scope } ?? false
        }
        guard let address = Multiaddr(known: bytes) else { return false }
        return isHarmless(address) && AddressScope(address) >= scope
    }

    private static func isHarmless(port: UInt16) -> Bool { port >= 1_024 || port == 80 || port == 443 }

    /// Whether an address asks for nothing but a connection of this protocol: no path but `/`, no port below 1024 but 80 and
    /// 443, and no host that stands for this machine in disguise (0.0.0.0/8).
    ///
    /// - Parameter address: What a stranger named.
    /// - Returns: Whether it may be dialled for a stranger.
    public static func isHarmless(_ address: Multiaddr) -> Bool {
        address.components.allSatisfy { component in
            switch component {
            case .httpPath(let path): path == "/"
            case .tcp(let port), .udp(let port): isHarmless(port: port)
            case .ip4(let host): host.value >> 24 != 0
            case .ip6(let host): host.embeddedIPv4.map { $0.value >> 24 != 0 } ?? true
            default: true
            }
        }
    }

    /// The scope of a peer, by the address that its connection leads to.
    static func scope(of remote: Multiaddr?) -> AddressScope { remote.map { AddressScope($0) } ?? .public }
}

/// From where an address can be reached.
enum AddressScope: UInt8, Comparable, Sendable {
    /// From this machine.
    case loopback
    /// From a local network.
    case local
    /// From everywhere. Names count here: nobody knows where they lead.
    case `public`

    init(_ address: Multiaddr) {
        var components = address.components[...]
        if case .ip6zone? = components.first { components = components.dropFirst() }
        switch components.first {
        case .ip4(let host)?: self.init(host)
        case .ip6(let host)?: self.init(host)
        case .memory?, .unix?: self = .loopback
        default: self = .public
        }
    }

    /// The scope of a binary address; nil for one that this library cannot read.
    init?(_ bytes: [UInt8]) {
        // The usual ones, without a look at the rest.
        if bytes.count >= 5, bytes[0] == 4 {
            self.init(IPv4Address(bytes[1..<5].reduce(0) { $0 << 8 | UInt32($1) }))
        } else if bytes.count >= 17, bytes[0] == 41 {
            self.init(
                IPv6Address(
                    high: bytes[1..<9].reduce(0) { $0 << 8 | UInt64($1) },
                    low: bytes[9..<17].reduce(0) { $0 << 8 | UInt64($1) }))
        } else if let address = Multiaddr(known: bytes) {
            self.init(address)
        } else {
            return nil
        }
    }

    private init(_ host: IPv4Address) {
        self = host.isLoopback || host.value >> 24 == 0 ? .loopback : host.isPrivate ? .local : .public
    }

    private init(_ host: IPv6Address) {
        if let embedded = host.embeddedIPv4 {
            self.init(embedded)
        } else if host.isLoopback {
            self = .loopback
        } else {
            self = host.isPrivate ? .local : .public
        }
    }

    static func < (left: AddressScope, right: AddressScope) -> Bool { left.rawValue < right.rawValue }
}
