import Multiformats

/// Peers that wait to be asked whether they serve.
struct ProbeQueue: Sendable {
    struct Probe: Sendable {
        let peer: PeerID
        let key: KademliaKey
        let addresses: PeerAddresses
    }

    private let limits: Kademlia.Limits
    private(set) var waiting: [Probe] = []
    /// Those that wait and those under way.
    private var keys: Set<KademliaKey> = []
    private(set) var underWay = 0

    init(_ limits: Kademlia.Limits) {
        self.limits = limits
    }

    /// Lets a peer wait, unless it does, or too many do, of its network or of all.
    mutating func add(_ probe: Probe) {
        guard waiting.count < limits.waitingProbes, !keys.contains(probe.key) else { return }
        let hasRoom = probe.addresses.groups.allSatisfy { group in
            waiting.count { $0.addresses.groups.contains(group) } < limits.waitingProbes(of: group)
        }
        guard hasRoom else { return }
        keys.insert(probe.key)
        waiting.append(probe)
    }

    /// Takes the next peer to ask, if one may be asked now.
    mutating func next() -> Probe? {
        guard underWay < limits.probes, !waiting.isEmpty else { return nil }
        underWay += 1
        return waiting.removeFirst()
    }

    /// A peer has answered, or has not.
    mutating func ended(_ key: KademliaKey) {
        keys.remove(key)
        underWay -= 1
    }
}
