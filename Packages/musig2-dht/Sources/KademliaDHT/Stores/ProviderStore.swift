import Multiformats

/// Provider records of other peers: the providers of each key, and until when. Bounded in all directions.
struct ProviderStore: Sendable {
    struct Record: Sendable {
        let peer: PeerID
        let key: [UInt8]
        let source: RecordSource
        /// Binary; used until `storedAt` plus the lifetime of addresses.
        var addresses: [[UInt8]]
        /// Whether one of the addresses is of the host that the record came from.
        var isFromThere: Bool
        var storedAt: Duration
    }

    private let limits: Kademlia.Limits
    private let lifetime: Duration
    private var records: [UInt64: Record] = [:]
    private var byKey: [[UInt8]: [UInt64]] = [:]
    private var shares = SourceShares()
    private var nextID: UInt64 = 0

    init(_ configuration: Kademlia.Configuration) {
        limits = configuration.limits
        lifetime = configuration.providerLifetime
    }

    var count: Int { records.count }

    /// Stores a record, or renews the one that is there. When there are too many, of this key, of this network or of all,
    /// one of those that have most gives way.
    ///
    /// - Returns: False when the source itself has all that its network may have.
    mutating func add(
        _ peer: PeerID, key: [UInt8], addresses: [[UInt8]], isFromThere: Bool, source: RecordSource,
        at time: Duration, using generator: inout SeededGenerator
    ) -> Bool {
        if let id = byKey[key]?.first(where: { records[$0]?.peer == peer }) {
            records[id]?.addresses = addresses
            records[id]?.isFromThere = isFromThere
            records[id]?.storedAt = time
            return true
        }
        guard limits.providerRecords > 0, limits.providersPerKey > 0, limits.providerRecordsPerSource > 0 else {
            return false
        }
        if shares.weight(ofNetwork: source.network) >= limits.providerRecordsPerSource {
            let victim = shares.victim(
                inNetworkOf: source, weight: 1, using: &generator, isLive: { records[$0] != nil })
            // One that has most itself is told so: it would lose without a word what it said before.
            guard let victim, records[victim]?.source.member != source.member else { return false }
            remove(victim)
        }
        if let ids = byKey[key], ids.count >= limits.providersPerKey,
            let victim = victim(among: ids, for: source, using: &generator)
        {
            remove(victim)
        }
        if records.count >= limits.providerRecords,
            let victim = shares.victim(for: source, weight: 1, using: &generator, isLive: { records[$0] != nil })
        {
            remove(victim)
        }
        let id = nextID
        nextID += 1
        records[id] = Record(
            peer: peer, key: key, source: source, addresses: addresses, isFromThere: isFromThere, storedAt: time)
        byKey[key, default: []].append(id)
        shares.add(id, weight: 1, of: source, using: &generator)
        return true
    }

    /// The record of a full list that gives way to a newcomer: any of the networks that have most, the newcomer counted, and
    /// in that network any of the members that have most.
    private func victim(
        among ids: [UInt64], for source: RecordSource, using generator: inout SeededGenerator
    ) -> UInt64? {
        let listed = ids.compactMap { id in records[id].map { (id: id, source: $0.source) } }
        func most(
            _ candidates: [(id: UInt64, source: RecordSource)], newcomer: RecordSource.Party?,
            by owner: (RecordSource) -> RecordSource.Party
        ) -> [(id: UInt64, source: RecordSource)] {
            var counts: [RecordSource.Party: Int] = [:]
            for candidate in candidates { counts[owner(candidate.source), default: 0] += 1 }
            // The newcomer is one more of its own, if it has any: alone it drives nobody out of its place.
            if let newcomer, counts[newcomer] != nil { counts[newcomer, default: 0] += 1 }
            let highest = counts.values.max() ?? 0
            return candidates.filter { counts[owner($0.source)] == highest }
        }
        var candidates = most(listed, newcomer: source.network) { $0.network }
        guard let network = candidates.randomElement(using: &generator)?.source.network else { return nil }
        candidates.removeAll { $0.source.network != network }
        let own = network == source.network ? source.member : nil
        return most(candidates, newcomer: own) { $0.member }.randomElement(using: &generator)?.id
    }

    private mutating func remove(_ id: UInt64) {
        guard let record = records.removeValue(forKey: id) else { return }
        byKey[record.key]?.removeAll { $0 == id }
        if byKey[record.key]?.isEmpty == true { byKey[record.key] = nil }
        shares.remove(weight: 1, of: record.source) { records[$0] != nil }
    }

    /// The records of a key that have not expired, the oldest first.
    func records(_ key: [UInt8], at time: Duration) -> [Record] {
        (byKey[key] ?? []).compactMap { records[$0] }.filter { time - $0.storedAt < lifetime }
    }

    /// So many of the records of a key, in the order in which they are told: each network in its turn, by chance, and of one
    /// network those first that are where they came from. So each has its chance, however many there are of a network.
    func drawn(
        _ key: [UInt8], _ count: Int, at time: Duration, using generator: inout SeededGenerator
    ) -> [Record] {
        var queues: [[Record]] = []
        var indices: [RecordSource.Party: Int] = [:]
        for record in records(key, at: time).shuffled(using: &generator) {
            if let index = indices[record.source.network] {
                queues[index].append(record)
            } else {
                indices[record.source.network] = queues.count
                queues.append([record])
            }
        }
        queues = queues.map { queue in queue.filter(\.isFromThere) + queue.filter { !$0.isFromThere } }
        var drawn: [Record] = []
        var round = 0
        while drawn.count < count, queues.contains(where: { round < $0.count }) {
            let drawnNow = queues.compactMap { round < $0.count ? $0[round] : nil }
            drawn += drawnNow.filter(\.isFromThere) + drawnNow.filter { !$0.isFromThere }
            round += 1
        }
        return Array(drawn.prefix(max(0, count)))
    }

    mutating func removeExpired(at time: Duration) {
        let expired = records.filter { time - $0.value.storedAt >= lifetime }.keys.sorted()
        for id in expired { remove(id) }
    }

    mutating func removeAll() {
        records = [:]
        byKey = [:]
        shares = SourceShares()
    }

    /// What is wrong with the store; empty if nothing is. For tests.
    func _checkInvariants() -> [String] {
        var wrong: [String] = []
        if records.count > limits.providerRecords { wrong.append("\(records.count) records") }
        if byKey.values.contains(where: { $0.count > limits.providersPerKey || $0.isEmpty }) {
            wrong.append("a list is off")
        }
        if byKey.values.reduce(0, { $0 + $1.count }) != records.count { wrong.append("lists and records differ") }
        if shares.weight != records.count { wrong.append("shares weigh \(shares.weight) of \(records.count)") }
        return wrong
    }
}
