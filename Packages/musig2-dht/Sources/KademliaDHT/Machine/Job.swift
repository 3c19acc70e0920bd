import Multiformats

/// Something that takes requests to several servers: an operation of the caller, or the node's own.
struct Job: Sendable {
    enum Task: Hashable, Sendable {
        case findPeer(PeerID)
        case closestPeers([UInt8])
        case provide([UInt8])
        case findProviders([UInt8], limit: Int)
        case put([UInt8])
        case get([UInt8], quorum: Int)
        case bootstrap
        /// Looks for any key of a bucket; the key's place is there.
        case refresh([UInt8])
    }

    let id: UInt64
    let task: Task
    /// The caller's name for it; nil for the node's own.
    let operation: Kademlia.OperationID?
    /// The job that waits for this one.
    let parent: UInt64?
    /// Whether it counts among the lookups that the node does for itself.
    let isBackground: Bool
    /// What it publishes.
    let publication: UInt64?
    /// What is looked for, as the requests name it.
    let key: [UInt8]
    let target: KademliaKey

    var lookup: Lookup?
    var storing: Storing?
    var attempt = 0
    /// When it is tried again, or has taken too long.
    var wakesAt: Duration?
    /// Jobs that this one waits for.
    var children = 0
    var isDone = false

    /// Of ``Task/findPeer(_:)``: the addresses that others named.
    var addresses = AddressTally()
    var providers = ProviderTally()
    var values = ValueTally()
    /// Values that servers returned, the first of which is being looked at.
    var unchecked: [Unchecked] = []
    var isChecking = false
    /// The lookup is over as soon as all are looked at.
    var isEnding = false

    /// A value that was not looked at yet, and the servers that returned it; nil for this node's own.
    struct Unchecked: Sendable {
        let value: [UInt8]
        var holders: [(key: KademliaKey?, age: Duration?)]
    }

    /// Records being written to servers.
    struct Storing: Sendable {
        var asked = 0
        var pending = 0
        var stored = 0
        var refused = 0
    }
}

/// What the servers that were asked say about who provides a key. Each has one vote and shares it out among those it names,
/// so that a liar who names many raises none of them above the one whom the honest name.
struct ProviderTally: Sendable {
    struct Entry: Sendable {
        let peer: PeerID
        var addresses: AddressTally
        /// What it got of the votes of the servers that named it.
        var votes: Int
        let age: Duration?
    }

    private(set) var entries: [Entry] = []
    private var indices: [PeerID: Int] = [:]

    /// Counts a naming by a server that named so many, nil for this node; returns whether the provider is new.
    mutating func add(
        _ peer: PeerID, amongst count: Int, addresses: [[UInt8]], from server: KademliaKey?, age: Duration?,
        limits: Kademlia.Limits
    ) -> Bool {
        let vote = 1_000_000 / max(1, count)
        if let index = indices[peer] {
            entries[index].votes += vote
            entries[index].addresses.add(addresses, from: server, atMost: limits.addressesPerPeer)
            return false
        }
        guard entries.count < limits.providersPerLookup else { return false }
        indices[peer] = entries.count
        var tally = AddressTally()
        tally.add(addresses, from: server, atMost: limits.addressesPerPeer)
        entries.append(Entry(peer: peer, addresses: tally, votes: vote, age: age))
        return true
    }

    mutating func setAddresses(_ addresses: [[UInt8]], of peer: PeerID) {
        guard let index = indices[peer] else { return }
        entries[index].addresses = AddressTally()
        entries[index].addresses.add(addresses, from: nil, atMost: addresses.count)
    }

    /// Those with the most votes first, among equals those that were found first.
    func ranked(_ limit: Int) -> [Entry] {
        let order = entries.indices.sorted {
            entries[$0].votes != entries[$1].votes ? entries[$0].votes > entries[$1].votes : $0 < $1
        }
        return order.prefix(limit).map { entries[$0] }
    }
}

/// What the servers that were asked say about a value. All values in it are valid.
struct ValueTally: Sendable {
    private(set) var best: [UInt8]?
    private(set) var age: Duration?
    /// Servers that returned the best value.
    private(set) var holders: Set<KademliaKey> = []
    /// Servers that returned a worse one.
    private(set) var stale: Set<KademliaKey> = []
    /// Servers that returned an invalid one. They get nothing from this node.
    var liars: Set<KademliaKey> = []
    /// What was looked at, and whether it is valid: so many as there is room for.
    private(set) var judged: [[UInt8]: Bool] = [:]

    /// Remembers what a value was found to be.
    mutating func judge(_ value: [UInt8], isValid: Bool, atMost limit: Int) {
        if judged.count < limit { judged[value] = isValid }
    }

    /// Counts a valid value; `holder` is nil for this node's own. `isBetter` says whether it is better than the best so far.
    mutating func add(_ value: [UInt8], from holder: KademliaKey?, age newAge: Duration?, isBetter: Bool) {
        if let best, value != best {
            if isBetter {
                stale.formUnion(holders)
                holders = []
                age = nil
                self.best = value
            } else {
                if let holder { stale.insert(holder) }
                return
            }
        }
        best = value
        if let holder { holders.insert(holder) }
        if let newAge { age = min(age ?? newAge, newAge) }
    }
}
