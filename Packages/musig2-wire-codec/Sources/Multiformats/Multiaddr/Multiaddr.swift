/// Why bytes or a text are not a multiaddr.
public enum MultiaddrError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No component at all.
    case empty
    /// More bytes, or more components, than the limit.
    case tooLong(limit: Int)
    /// The text does not start with `/`.
    case noLeadingSlash
    /// A code that this library does not know.
    case unknownCode(UInt64)
    /// A name that this library does not know.
    case unknownName(String)
    /// A code or a length is not a proper varint.
    case varint(VarintError)
    /// The bytes, or the text, end inside a component.
    case truncated(component: String)
    /// A value that the component cannot have; `found` is the text, or the bytes in hexadecimal.
    case invalidValue(component: String, found: String)
    /// Something follows a component that must be the last (`unix`).
    case notLast(component: String)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .empty: "address: empty"
        case .tooLong(let limit): "address: longer than the limit of \(limit)"
        case .noLeadingSlash: "address: expected a multiaddr, which starts with '/', as in /ip4/127.0.0.1/tcp/4001"
        case .unknownCode(let code): "address: protocol code \(code) is not known"
        case .unknownName(let name): "address: protocol '\(name)' is not known"
        case .varint(let error): "address: \(error)"
        case .truncated(let component): "address: ends inside /\(component)"
        case .invalidValue(let component, let found): "address: '\(found)' is not a value of /\(component)"
        case .notLast(let component): "address: /\(component) must be the last component"
        }
    }
}

/// A self-describing network address: a sequence of components, outermost first (libp2p addressing specification).
public struct Multiaddr: Hashable, Sendable, CustomStringConvertible {
    /// One component of an address.
    public enum Component: Hashable, Sendable {
        /// An IPv4 address.
        case ip4(IPv4Address)
        /// An IPv6 address.
        case ip6(IPv6Address)
        /// The zone of the IPv6 address that follows.
        case ip6zone(String)
        /// A name that resolves to addresses of either family.
        case dns(String)
        /// A name that resolves to IPv4 addresses.
        case dns4(String)
        /// A name that resolves to IPv6 addresses.
        case dns6(String)
        /// A name with TXT records that hold multiaddrs.
        case dnsaddr(String)
        /// A TCP port.
        case tcp(UInt16)
        /// A UDP port.
        case udp(UInt16)
        /// QUIC version 1 (RFC 9000).
        case quicV1
        /// TLS.
        case tls
        /// The server name for TLS.
        case sni(String)
        /// WebSocket.
        case ws
        /// WebSocket over TLS; the same as `tls`, `ws`.
        case wss
        /// The path of an HTTP request, not percent-encoded here.
        case httpPath(String)
        /// The peer that answers at the address.
        case p2p(PeerID)
        /// A relay: what is on the left relays to what is on the right.
        case p2pCircuit
        /// An address inside this process.
        case memory(UInt64)
        /// The absolute path of a Unix socket; always the last component.
        case unix(String)
    }

    /// The components, outermost first; never empty.
    public let components: [Component]

    /// Makes an address of its components.
    /// - Throws: ``MultiaddrError`` for none, for too many, and for values that cannot be written.
    public init(_ components: [Component]) throws(MultiaddrError) {
        guard !components.isEmpty else { throw .empty }
        guard components.count <= FormatLimits.multiaddrComponents else {
            throw .tooLong(limit: FormatLimits.multiaddrComponents)
        }
        var size = 0
        for (index, component) in components.enumerated() {
            try component.check()
            size += component.encodedLength
            if case .unix = component, index != components.count - 1 { throw .notLast(component: component.name) }
        }
        guard size <= FormatLimits.multiaddrBytes else { throw .tooLong(limit: FormatLimits.multiaddrBytes) }
        self.components = components
    }
}

extension Multiaddr {
    /// The peer that the address leads to: the value of its last component, if that is `/p2p`.
    public var peerID: PeerID? {
        if case .p2p(let peer)? = components.last { peer } else { nil }
    }

    /// The address with `/p2p/peer` at its end; the same address if it ends so already.
    /// - Throws: ``MultiaddrError/tooLong(limit:)``, and ``MultiaddrError/notLast(component:)`` after `/unix`.
    public func appending(_ peer: PeerID) throws(MultiaddrError) -> Multiaddr {
        peerID == peer ? self : try Multiaddr(components + [.p2p(peer)])
    }

    /// The address without a `/p2p` component at its end; nil when nothing would remain.
    public var withoutPeerID: Multiaddr? {
        guard peerID != nil else { return self }
        return Multiaddr(checked: Array(components.dropLast()))
    }

    /// This address, then `inner`.
    /// - Throws: ``MultiaddrError/tooLong(limit:)``, and ``MultiaddrError/notLast(component:)`` after `/unix`.
    public func encapsulating(_ inner: Multiaddr) throws(MultiaddrError) -> Multiaddr {
        try Multiaddr(components + inner.components)
    }

    /// What stands before the last occurrence of `inner`; the address itself if `inner` does not occur; nil when nothing remains.
    public func decapsulating(_ inner: Multiaddr) -> Multiaddr? {
        let count = inner.components.count
        guard count <= components.count else { return self }
        for start in stride(from: components.count - count, through: 0, by: -1)
        where Array(components[start..<(start + count)]) == inner.components {
            return Multiaddr(checked: Array(components[..<start]))
        }
        return self
    }

    /// Whether the address leads through a relay.
    public var isRelayed: Bool { components.contains(.p2pCircuit) }

    /// Whether the address leads to this machine only: its first component is a loopback or memory address, or a Unix socket.
    public var isLoopback: Bool {
        switch host {
        case .ip4(let address)?: address.isLoopback
        case .ip6(let address)?: address.isLoopback
        case .memory?, .unix?: true
        default: false
        }
    }

    /// Whether the address cannot be reached from the Internet; false for names: their addresses are not known here.
    public var isPrivate: Bool {
        switch host {
        case .ip4(let address)?: address.isPrivate
        case .ip6(let address)?: address.isPrivate
        case .memory?, .unix?: true
        default: false
        }
    }

    /// Whether nobody can be reached at the address: it is the unspecified one of its family, or names no single host (multicast,
    /// reserved).
    public var isReserved: Bool {
        switch host {
        case .ip4(let address)?: isUnspecified || address.isReserved
        case .ip6(let address)?: isUnspecified || address.isReserved
        default: false
        }
    }

    /// Whether the address is one of the Internet: see ``IPv4Address/isPublic``, ``IPv6Address/isPublic``; true for names: their
    /// addresses are not known here.
    public var isPublic: Bool {
        switch host {
        case .ip4(let address)?: address.isPublic
        case .ip6(let address)?: address.isPublic
        default: !isPrivate
        }
    }

    /// Whether the address is the unspecified one of its family, as a listener has it: 0.0.0.0 or ::.
    public var isUnspecified: Bool { host == .ip4(.any) || host == .ip6(.any) }

    /// The first component that says where: an address, a name, a memory address, a socket.
    private var host: Component? {
        if case .ip6zone? = components.first { components.dropFirst().first } else { components.first }
    }

    /// Takes components that were part of a checked address; nil for none.
    private init?(checked components: [Component]) {
        guard !components.isEmpty else { return nil }
        self.components = components
    }
}
