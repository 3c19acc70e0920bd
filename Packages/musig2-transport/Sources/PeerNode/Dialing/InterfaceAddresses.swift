import Multiformats

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// The addresses of this machine's network interfaces.
enum InterfaceAddresses {
    /// The addresses at which a listener on `address` can be reached: itself, or when it is the unspecified address
    /// (`0.0.0.0`, `::`), one for each interface that is up. Loopback stands in when there is no other; without a network there is
    /// none.
    ///
    /// - Parameters:
    ///   - address: Where the listener is.
    ///   - interfaces: The addresses of the machine's interfaces.
    /// - Returns: The addresses.
    static func reachable(
        at address: Multiaddr, among interfaces: () -> [Multiaddr.Component] = current
    ) -> [Multiaddr] {
        guard address.isUnspecified, let first = address.components.first else { return [address] }
        let isIPv4 = if case .ip4 = first { true } else { false }
        let all = interfaces().filter { component in
            if case .ip4 = component { isIPv4 } else { !isIPv4 }
        }
        let outward = all.filter { !isLoopback($0) }
        return (outward.isEmpty ? all : outward).compactMap { component -> Multiaddr? in
            do throws(MultiaddrError) {
                return try Multiaddr([component] + address.components.dropFirst())
            } catch {
                return nil
            }
        }
    }

    private static func isLoopback(_ component: Multiaddr.Component) -> Bool {
        switch component {
        case .ip4(let address): address.isLoopback
        case .ip6(let address): address.isLoopback
        default: false
        }
    }

    /// Every IPv4 and IPv6 address, without the link-local ones of IPv6, which mean nothing without a zone.
    static func current() -> [Multiaddr.Component] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [Multiaddr.Component] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard entry.ifa_flags & UInt32(IFF_UP) != 0, let address = entry.ifa_addr,
                let component = component(of: address), !found.contains(component)
            else { continue }
            found.append(component)
        }
        return found
    }

    private static func component(of address: UnsafeMutablePointer<sockaddr>) -> Multiaddr.Component? {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
            return .ip4(IPv4Address(UInt32(bigEndian: bytes)))
        case AF_INET6:
            var raw = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_addr }
            let (high, low) = withUnsafeBytes(of: &raw) { bytes in
                (
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            // fe80::/10
            return high >> 54 == 0xFE80 >> 6 ? nil : .ip6(IPv6Address(high: high, low: low))
        default:
            return nil
        }
    }
}
