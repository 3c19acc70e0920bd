import Multiformats

/// Peers that are no strangers, because the user has named them, or this node has found them reliable before; and who of them
/// has answered. A node that only strangers have answered may be surrounded.
struct VouchedPeers: Sendable {
    private(set) var contacts: [KademliaKey: Kademlia.Contact] = [:]
    /// The networks that they are said to be in.
    private var networks: Set<NetworkGroup> = []
    private(set) var answered: Set<KademliaKey> = []
    /// Nothing was lacking since the node has lost its place last.
    var isSatisfied = false

    /// How many networks must have answered: one is enough only where all are in one.
    var networksWanted: Int { min(2, networks.count) }

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
}

extension Kademlia {
    mutating func vouch(_ contacts: [Contact], atMost limit: Int? = nil) {
        let limit = limit ?? configuration.bootstrapPeers.count + configuration.limits.vouchedPeers
        for contact in contacts where contact.peer != local {
            let key = kademliaKey(of: contact.peer.bytes)
            guard vouched.contacts[key] != nil || vouched.contacts.count < limit else { continue }
            vouched.add(contact, at: key, in: peerAddresses(of: contact.peer, contact.addresses).groups)
        }
    }

    /// What the node lacks to be ready.
    mutating func lack() -> Lack? {
        guard configuration.minimumReadyServers > 0, !isFirst else { return nil }
        guard hasBootstrapped else { return .lookup }
        guard table.liveCount >= configuration.minimumReadyServers else { return .servers }
        guard !vouched.isSatisfied else { return nil }
        guard vouched.contacts.isEmpty || !vouched.answered.isEmpty else { return .vouchedPeers }
        guard vouched.networksWanted < 2 || table.liveNetworks(atMost: 2) >= 2 else { return .networks }
        vouched.isSatisfied = true
        return nil
    }

    /// Whether peers are vouched for, and none of them has led this node into a network since it has lost its place.
    var isAmongStrangers: Bool { !vouched.contacts.isEmpty && !vouched.isSatisfied }

    /// Asks those that are vouched for and have not answered.
    mutating func probeVouched() {
        for (key, contact) in vouched.contacts.sorted(by: { $0.key < $1.key }) where !vouched.answered.contains(key) {
            probe(contact.peer, key, peerAddresses(of: contact.peer, contact.addresses))
        }
    }
}
