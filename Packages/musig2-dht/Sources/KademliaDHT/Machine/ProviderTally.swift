import Multiformats

/// What the servers that were asked say about the providers of a key. Each has one vote and shares it out among those it names,
/// so that a liar that names many raises none of them above the one that the honest name.
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
