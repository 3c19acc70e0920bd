import Multiformats

/// What one party can easily have many addresses of: a /24 of IPv4, a /48 of IPv6, a domain, this machine.
internal enum NetworkGroup: Hashable, Sendable {
    case ip4(UInt32)
    case ip6(UInt64)
    case domain(String)
    case machine

    /// The group of an address: that of the relay, if it leads through one.
    init(_ address: Multiaddr) {
        for component in address.components {
            switch component {
            case .ip6zone: continue
            case .ip4(let host): self = .ip4(host.value >> 8)
            case .ip6(let host): self = Self.group(host)
            case .dns(let name), .dns4(let name), .dns6(let name), .dnsaddr(let name):
                self = .domain(name.lowercased().split(separator: ".").suffix(2).joined(separator: "."))
            default: self = .machine
            }
            return
        }
        self = .machine
    }

    private static func group(_ host: IPv6Address) -> NetworkGroup {
        // ::ffff:a.b.c.d is the IPv4 address in other clothes.
        if host.high == 0, host.low >> 32 == 0xffff { return .ip4(UInt32(truncatingIfNeeded: host.low) >> 8) }
        return .ip6(host.high >> 16)
    }
}

/// The groups of all addresses of a peer. Most peers have one, which then needs no memory of its own.
internal struct NetworkGroups: Hashable, Sendable {
    private var first: NetworkGroup?
    private var others: [NetworkGroup] = []

    static let none = NetworkGroups()

    mutating func insert(_ group: NetworkGroup) {
        if first == nil {
            first = group
        } else if first != group, !others.contains(group) {
            others.append(group)
        }
    }

    func allSatisfy(_ predicate: (NetworkGroup) -> Bool) -> Bool {
        guard let first else { return true }
        return predicate(first) && others.allSatisfy(predicate)
    }

    func contains(_ group: NetworkGroup) -> Bool { first == group || others.contains(group) }

    var all: [NetworkGroup] { first.map { [$0] + others } ?? [] }
}
