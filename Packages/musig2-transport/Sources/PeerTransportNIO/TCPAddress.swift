import Multiformats
import NIOCore
import NIOPosix
import PeerTransport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A multiaddr that TCP understands: `/ip4/…/tcp/…`, `/ip6/…/tcp/…` or `/dns…/…/tcp/…`, then perhaps `/ws` and
/// `/http-path/…`, each with or without `/p2p/…`.
struct TCPAddress {
    enum Host {
        case ip4(IPv4Address)
        case ip6(IPv6Address)
        case name(String, family: CInt)
    }

    let host: Host
    let port: UInt16
    /// The path of a WebSocket; nil for plain TCP.
    let path: String?
    let peerID: PeerID?

    /// Nil for any other kind of address.
    init?(_ address: Multiaddr) {
        var rest = address.components[...]
        guard let host = rest.popFirst(), case .tcp(let port)? = rest.popFirst() else { return nil }
        switch host {
        case .ip4(let ip): self.host = .ip4(ip)
        case .ip6(let ip): self.host = .ip6(ip)
        case .dns(let name): self.host = .name(name, family: AF_UNSPEC)
        case .dns4(let name): self.host = .name(name, family: AF_INET)
        case .dns6(let name): self.host = .name(name, family: AF_INET6)
        default: return nil
        }
        if case .ws? = rest.first {
            rest.removeFirst()
            var path = "/"
            if case .httpPath(let text)? = rest.first {
                rest.removeFirst()
                path = text.hasPrefix("/") ? text : "/" + text
            }
            // Both stand in an HTTP message: an address must not be able to write lines of its own.
            guard Self.isPlain(path) else { return nil }
            if case .name(let name, _) = self.host, !Self.isPlain(name) { return nil }
            self.path = path
        } else {
            self.path = nil
        }
        if case .p2p(let peer)? = rest.first {
            rest.removeFirst()
            peerID = peer
        } else {
            peerID = nil
        }
        guard rest.isEmpty else { return nil }
        self.port = port
    }

    /// The socket addresses to try, in order. Names are looked up by ``NameResolver``.
    func resolve(
        for source: AddressSource = .user, seeking peer: PeerID? = nil, within limit: Duration,
        on eventLoop: any EventLoop
    ) async throws(TransportError) -> [SocketAddress] {
        switch host {
        case .ip4(let ip): return [try Self.socketAddress(ip.description, port)]
        case .ip6(let ip): return [try Self.socketAddress(ip.description, port)]
        case .name(let name, let family):
            let addresses = try await NameResolver.shared.addresses(
                of: NameQueue.Question(name, family: family), from: source, seeking: peer, within: limit, on: eventLoop)
            return addresses.map { address in
                var address = address
                address.port = Int(port)
                return address
            }
        }
    }

    /// What a client calls the server in HTTP.
    var authority: String {
        switch host {
        case .ip4(let ip): return "\(ip):\(port)"
        case .ip6(let ip): return "[\(ip)]:\(port)"
        case .name(let name, _): return "\(name):\(port)"
        }
    }

    /// Whether a text has visible ASCII characters only.
    private static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } }

    /// The multiaddr of a socket address, with `/ws` or without; nil for other than IPv4 and IPv6.
    static func multiaddr(_ address: SocketAddress, isWebSocket: Bool) -> Multiaddr? {
        guard let text = address.ipAddress, let port = address.port, let port = UInt16(exactly: port) else {
            return nil
        }
        let host: Multiaddr.Component
        if let ip = IPv4Address(text) {
            host = .ip4(ip)
        } else if let ip = IPv6Address(text) {
            host = .ip6(ip)
        } else {
            return nil
        }
        do throws(MultiaddrError) {
            return try Multiaddr(isWebSocket ? [host, .tcp(port), .ws] : [host, .tcp(port)])
        } catch {
            return nil
        }
    }

    private static func socketAddress(_ ip: String, _ port: UInt16) throws(TransportError) -> SocketAddress {
        do {
            return try SocketAddress(ipAddress: ip, port: Int(port))
        } catch {
            throw TransportError(
                .unsupportedAddress, "not a socket address: \(ip) port \(port)", underlying: SystemError.text(error))
        }
    }

    /// Looks a name up, as long as that takes; the addresses have port 0.
    static func resolveBlocking(_ name: String, _ family: CInt) -> NameResolver.Answer {
        var hints = addrinfo()
        hints.ai_family = family
        #if canImport(Glibc)
            hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard code == 0 else {
            let reason = gai_strerror(code).map { String(cString: $0) } ?? "code \(code)"
            return .failure(TransportError(.resolutionFailed, "the name \(name) has no address", underlying: reason))
        }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next, addresses.count < Self.maximumAddresses {
            if let address = Self.socketAddress(entry.pointee) { addresses.append(address) }
            next = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else {
            return .failure(TransportError(.resolutionFailed, "the name \(name) has no address that TCP can use"))
        }
        return .success(addresses)
    }

    /// How many addresses of one name are tried.
    private static let maximumAddresses = 8

    private static func socketAddress(_ entry: addrinfo) -> SocketAddress? {
        guard let pointer = entry.ai_addr else { return nil }
        switch entry.ai_family {
        case AF_INET where Int(entry.ai_addrlen) >= MemoryLayout<sockaddr_in>.size:
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee) }
        case AF_INET6 where Int(entry.ai_addrlen) >= MemoryLayout<sockaddr_in6>.size:
            return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee) }
        default:
            return nil
        }
    }
}
