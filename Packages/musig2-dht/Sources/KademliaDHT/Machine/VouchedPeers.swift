import Multiformats

/// Peers that are no strangers, because the user has named them, or this node has found them reliable before; and which of
/// them have answered. A node that only strangers have answered may be surrounded.
struct VouchedPeers: Sendable {
    private(set) var contacts: [KademliaKey: Kademlia.Contact] = [:]
    /// The networks that they are said to be in.
    private var networks: Set<NetworkGroup> = []
    private var answered: Set<KademliaKey> = []
    /// Nothing was lacking since the node has lost its place last.
    private var isSatisfied = false

    mutating func add(_ contact: Kademlia.Contact, at key: KademliaKey, in groups: NetworkGroups) {
        contacts[key] = contact
        networks.formUnion(groups.networks)
    }

    mutating func noteAnswer(_ key: KademliaKey) {
        if contacts[key] != nil { answered.insert(key) }
    }

    /// The node has lost its place.
    mutating func reset() {
        answered = []
        isSatisfied = false
    }

    /// What is lacking of answers; what was not once is not again.
    ///
    /// - Parameter liveNetworks: How many networks live servers have answered from, no more than so many.
    /// - Returns: What is lacking; nil if nothing is.
    mutating func lack(_ liveNetworks: (_ limit: Int) -> Int) -> Kademlia.Lack? {
        guard !isSatisfied else { return nil }
        guard contacts.isEmpty || !answered.isEmpty else { return .vouchedPeers }
        // One network is enough only where all are in one.
        guard networks.count < 2 || liveNetworks(2) >= 2 else { return .networks }
        isSatisfied = true
        return nil
    }

    /// Whether there are any, and none of them has led this node into a network since it has lost its place.
    var isAmongStrangers: Bool { !contacts.isEmpty && !isSatisfied }

    /// Those that have not answered, in the order of their keys.
    var silent: [(key: KademliaKey, contact: Kademlia.Contact)] {
        contacts.sorted { $0.key < $1.key }.filter { !answered.contains($0.key) }.map { ($0.key, $0.value) }
    }
}
