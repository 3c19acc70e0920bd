import Multiformats

/// Provider records of other peers: who provides which key, until when. Bounded in all directions.
internal struct ProviderStore: Sendable {
    struct Record: Sendable {
        let peer: PeerID
        let key: [UInt8]
        let source: RecordSource
        /// Binary; used until `storedAt` plus the lifetime of addresses.
        var addresses: [[UInt8]]
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

    /// Stores a record, or renews the one that is there.
    ///
    /// - Returns: Whether there was room.
    mutating func add(_ peer: PeerID, key: [UInt8], addresses: [[UInt8]], source: RecordSource, at time: Duration)
        -> Bool
    {
        let ids = byKey[key] ?? []
        if let id = ids.first(where: { records[$0]?.peer == peer }) {
            records[id]?.addresses = addresses
            records[id]?.storedAt = time
            return true
        }
        guard limits.providerRecords > 0, limits.providersPerKey > 0,
            shares.weight(of: source) < limits.providerRecordsPerSource
        else { return false }
        if ids.count >= limits.providersPerKey, !makeRoom(among: ids, for: source) { return false }
        if records.count >= limits.providerRecords {
            guard let heaviest = shares.heaviest, heaviest != source,
                shares.weight(of: heaviest) > shares.weight(of: source) + 1,
                let victim = shares.newest(of: heaviest, isLive: { records[$0] != nil })
            else { return false }
            remove(victim)
        }
        let id = nextID
        nextID += 1
        records[id] = Record(peer: peer, key: key, source: source, addresses: addresses, storedAt: time)
        byKey[key, default: []].append(id)
        shares.add(id, weight: 1, of: source)
        return true
    }

    /// In a key's full list, too, the source with the most records gives way, and its newest record goes.
    private mutating func makeRoom(among ids: [UInt64], for source: RecordSource) -> Bool {
        var counts: [RecordSource: Int] = [:]
        for id in ids { if let record = records[id] { counts[record.source, default: 0] += 1 } }
        let own = counts[source, default: 0]
        var victim: (id: UInt64, count: Int)?
        for id in ids.reversed() {
            guard let record = records[id], record.source != source else { continue }
            let count = counts[record.source, default: 0]
            if count > max(own + 1, victim?.count ?? 0) { victim = (id, count) }
        }
        guard let victim else { return false }
        remove(victim.id)
        return true
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
