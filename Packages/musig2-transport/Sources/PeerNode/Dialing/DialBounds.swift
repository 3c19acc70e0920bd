import Multiformats

/// How often a place is dialled for strangers, whichever peer is said to be there: so that a lie told under many names does not make
/// this node, and many others, knock at a victim's door again and again. Attempts that lead to the peer do not count.
struct DialBounds {
    /// A host or a name, and a port.
    struct Endpoint: Hashable {
        let host: Multiaddr.Component
        let port: UInt16

        init?(_ address: Multiaddr) {
            var components = address.components[...]
            if case .ip6zone? = components.first { components = components.dropFirst() }
            guard let host = components.first, case .tcp(let port)? = components.dropFirst().first else { return nil }
            self.host = host
            self.port = port
        }
    }

    /// The most attempts at one endpoint that do not lead to the peer, in a minute.
    static let attemptsPerEndpoint = 4
    /// The same at one host; this machine's own nodes do not count.
    static let attemptsPerHost = 32
    static let window: Duration = .seconds(60)
    /// The most endpoints that are remembered.
    static let maximumEndpoints = 4_096

    private var attempts: [Endpoint: [Duration]] = [:]
    private var perHost: [Multiaddr.Component: Int] = [:]

    var count: Int { attempts.count }

    /// Whether a place may be dialled once more now; if so, it is counted.
    mutating func take(_ address: Multiaddr, at now: Duration) -> Bool {
        guard let endpoint = Endpoint(address) else { return true }
        expire(endpoint, at: now)
        guard attempts[endpoint, default: []].count < Self.attemptsPerEndpoint else { return false }
        if attempts[endpoint] == nil, attempts.count >= Self.maximumEndpoints {
            for endpoint in Array(attempts.keys) { expire(endpoint, at: now) }
            guard attempts.count < Self.maximumEndpoints else { return false }
        }
        if !address.isLoopback, perHost[endpoint.host, default: 0] >= Self.attemptsPerHost {
            for other in Array(attempts.keys) where other.host == endpoint.host { expire(other, at: now) }
            guard perHost[endpoint.host, default: 0] < Self.attemptsPerHost else { return false }
        }
        attempts[endpoint, default: []].append(now)
        perHost[endpoint.host, default: 0] += 1
        return true
    }

    /// An attempt led to the peer.
    mutating func noteSuccess(_ address: Multiaddr) {
        guard let endpoint = Endpoint(address), attempts[endpoint]?.isEmpty == false else { return }
        attempts[endpoint]?.removeLast()
        forget(endpoint, 1)
    }

    private mutating func expire(_ endpoint: Endpoint, at now: Duration) {
        guard let times = attempts[endpoint] else { return }
        let kept = times.filter { now - $0 < Self.window }
        attempts[endpoint] = kept
        forget(endpoint, times.count - kept.count)
    }

    private mutating func forget(_ endpoint: Endpoint, _ count: Int) {
        if attempts[endpoint]?.isEmpty == true { attempts[endpoint] = nil }
        let left = perHost[endpoint.host, default: count] - count
        perHost[endpoint.host] = left > 0 ? left : nil
    }
}
