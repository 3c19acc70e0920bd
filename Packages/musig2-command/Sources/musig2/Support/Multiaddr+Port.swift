import Multiformats

extension Multiaddr {
    /// The port of a TCP address; nil for any other.
    var tcpPort: UInt16? {
        for case .tcp(let port) in components { return port }
        return nil
    }

    /// The address with a port in the place of 0, by which the system chooses one.
    func replacing(freePortWith port: UInt16) throws(MultiaddrError) -> Multiaddr {
        try Multiaddr(components.map { if case .tcp(0) = $0 { .tcp(port) } else { $0 } })
    }
}
