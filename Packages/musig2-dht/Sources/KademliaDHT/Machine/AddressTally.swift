/// What the servers that were asked say about where a peer is. Each has one vote and shares it out among the addresses it
/// names; one that answers first, or names many, does not keep out what others say.
struct AddressTally: Sendable {
    private struct Entry {
        let address: [UInt8]
        /// The servers that named it, the first ones; nil for this node itself.
        var namers: [KademliaKey?]
        var votes: Int
    }

    /// Of how many servers something is kept beside what is voted for most.
    private static let servers = 8

    private var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }

    /// Counts what a server named; at most so many of its addresses are taken.
    mutating func add(_ addresses: [[UInt8]], from server: KademliaKey?, atMost limit: Int) {
        let named = addresses.prefix(limit)
        let vote = 1_000_000 / max(1, named.count)
        for address in named {
            if let index = entries.firstIndex(where: { $0.address == address }) {
                guard !entries[index].namers.contains(server) else { continue }
                entries[index].votes += vote
                if entries[index].namers.count < Self.servers { entries[index].namers.append(server) }
            } else if entries.count < Self.servers * limit || makeRoom(for: server) {
                entries.append(Entry(address: address, namers: [server], votes: vote))
            }
        }
    }

    /// Lets an address go that nobody has named but the server that has most of its own in here.
    private mutating func makeRoom(for server: KademliaKey?) -> Bool {
        var counts: [KademliaKey?: Int] = [:]
        for entry in entries where entry.namers.count == 1 { counts[entry.namers[0], default: 0] += 1 }
        let most = counts.values.max() ?? 0
        guard most > counts[server, default: 0] + 1,
            let index = entries.lastIndex(where: { $0.namers.count == 1 && counts[$0.namers[0]] == most })
        else { return false }
        entries.remove(at: index)
        return true
    }

    /// Those with the most votes, but first one of each server of which none stands among them; of equals those that were
    /// named first.
    func best(_ count: Int) -> [[UInt8]] {
        let order = entries.indices.sorted {
            entries[$0].votes != entries[$1].votes ? entries[$0].votes > entries[$1].votes : $0 < $1
        }
        var heard: Set<KademliaKey?> = []
        var first: [Int] = []
        var rest: [Int] = []
        for index in order {
            let isNew = entries[index].namers.contains { !heard.contains($0) }
            heard.formUnion(entries[index].namers)
            if isNew { first.append(index) } else { rest.append(index) }
        }
        return (first + rest).prefix(count).map { entries[$0].address }
    }
}
