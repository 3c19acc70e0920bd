import Multiformats

/// What one party can easily have many addresses of: a /24 of IPv4, a /48 and the /32 round it of IPv6, a domain, this
/// machine.
enum NetworkGroup: Hashable, Sendable {
    case ip4(UInt32)
    case ip6(UInt64)
    /// A /32, which is what a provider is given, and what some party has to itself: 65,536 times a /48.
    case ip6Allocation(UInt32)
    case domain(String)
    case machine

    /// The smallest group of an address: that of the relay, if it leads through one.
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

    /// The group round this one that may be one party's as well; itself where there is none.
    var widest: NetworkGroup {
        if case .ip6(let prefix) = self { return .ip6Allocation(UInt32(truncatingIfNeeded: prefix >> 16)) }
        return self
    }
}

/// The groups of all addresses of a peer. Most peers have one, which then needs no memory of its own.
struct NetworkGroups: Hashable, Sendable {
    private var first: NetworkGroup?
    private var others: [NetworkGroup] = []

    static let none = NetworkGroups()

    /// Adds the groups of an address.
    mutating func insert(_ address: Multiaddr) {
        let group = NetworkGroup(address)
        insert(group)
        insert(group.widest)
    }

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

    /// The networks that they are in, each round all that may be one party's.
    var networks: Set<NetworkGroup> { Set(all.map(\.widest)) }

    var all: [NetworkGroup] { first.map { [$0] + others } ?? [] }
}

// How many of a group there may be: an allocation of IPv6 has many members, but is one party's at worst.
extension Kademlia.Limits {
    func servers(of group: NetworkGroup) -> Int { limit(group, serversPerGroup, serversPerAllocation) }

    func serversInBucket(of group: NetworkGroup) -> Int {
        limit(group, serversPerGroupInBucket, serversPerAllocationInBucket)
    }

    func asked(of group: NetworkGroup) -> Int { limit(group, askedPerGroup, askedPerAllocation) }

    func waitingProbes(of group: NetworkGroup) -> Int {
        limit(group, waitingProbesPerGroup, waitingProbesPerAllocation)
    }

    private func limit(_ group: NetworkGroup, _ small: Int, _ allocation: Int) -> Int {
        if case .ip6Allocation = group { max(small, allocation) } else { small }
    }
}
