import Multiformats

/// Values of other peers, by key. Bounded in all directions.
struct ValueStore: Sendable {
    struct Record: Sendable {
        let key: [UInt8]
        let value: [UInt8]
        let source: RecordSource
        let storedAt: Duration
        let wallMilliseconds: UInt64
        /// Until when its rules allow it, in milliseconds since 1970.
        let validUntil: UInt64
        fileprivate let id: UInt64
    }

    private let limits: Kademlia.Limits
    private let lifetime: Duration
    /// What a value counts for at least: its share of the room, so that many small ones weigh as much as they take.
    private let leastWeight: Int
    private var records: [[UInt8]: Record] = [:]
    private var keys: [UInt64: [UInt8]] = [:]
    private var shares = SourceShares()
    private var nextID: UInt64 = 0

    init(_ configuration: Kademlia.Configuration) {
        limits = configuration.limits
        lifetime = configuration.valueLifetime
        leastWeight = min(limits.valuesBytes / max(1, limits.values), limits.valuesBytesPerSource)
    }

    var count: Int { records.count }
    /// Bytes, as far as room is shared out.
    var weight: Int { shares.weight }

    /// Stores a value in place of the one that is there. One that is there already is kept for longer, and remains the record
    /// of the peer that brought it first.
    ///
    /// - Returns: Whether there was room; if not, all stays as it is.
    mutating func put(
        _ value: [UInt8], at key: [UInt8], validUntil: UInt64, source: RecordSource, at now: Kademlia.Now,
        using generator: inout SeededGenerator
    ) -> Bool {
        let old = records[key]
        let known = old?.value == value ? old : nil
        let record = Record(
            key: key, value: value, source: known?.source ?? source, storedAt: now.monotonic,
            wallMilliseconds: now.wallMilliseconds, validUntil: validUntil, id: known?.id ?? nextID)
        guard known == nil else {
            records[key] = record
            return true
        }
        guard weight(record) <= min(limits.valuesBytes, limits.valuesBytesPerSource), limits.values > 0 else {
            return false
        }
        if hasRoom(for: record) {
            if let old { remove(old) }
            insert(record, using: &generator)
        } else {
            // A copy, so that nothing has given way if there is no room in the end.
            var changed = self
            if let old { changed.remove(old) }
            guard changed.makeRoom(for: record, using: &generator) else { return false }
            changed.insert(record, using: &generator)
            self = changed
        }
        nextID += 1
        return true
    }

    private func weight(_ record: Record) -> Int { max(leastWeight, record.key.count + record.value.count) }

    private func networkHasRoom(for record: Record) -> Bool {
        shares.weight(ofNetwork: record.source.network) + weight(record) <= limits.valuesBytesPerSource
    }

    private func hasRoom(for record: Record) -> Bool {
        records.count < limits.values && shares.weight + weight(record) <= limits.valuesBytes
            && networkHasRoom(for: record)
    }

    /// Lets others give way that have as much as the source will have: those of its network while that has too much, of all
    /// while there are too many.
    private mutating func makeRoom(for newcomer: Record, using generator: inout SeededGenerator) -> Bool {
        let (added, source) = (weight(newcomer), newcomer.source)
        while !networkHasRoom(for: newcomer) {
            let victim = shares.victim(
                inNetworkOf: source, weight: added, using: &generator, isLive: { keys[$0] != nil })
            guard giveWay(victim, to: source) else { return false }
        }
        while !hasRoom(for: newcomer) {
            let victim = shares.victim(for: source, weight: added, using: &generator, isLive: { keys[$0] != nil })
            guard giveWay(victim, to: source) else { return false }
        }
        return true
    }

    /// Removes a value, unless it is of the very source that wants room: one that has most has no room for more.
    private mutating func giveWay(_ victim: UInt64?, to source: RecordSource) -> Bool {
        guard let victim, let key = keys[victim], let record = records[key], record.source != source else {
            return false
        }
        remove(record)
        return true
    }

    private mutating func insert(_ record: Record, using generator: inout SeededGenerator) {
        records[record.key] = record
        keys[record.id] = record.key
        shares.add(record.id, weight: weight(record), of: record.source, using: &generator)
    }

    private mutating func remove(_ record: Record) {
        records[record.key] = nil
        keys[record.id] = nil
        shares.remove(weight: weight(record), of: record.source) { keys[$0] != nil }
    }

    /// The value under a key, unless it has expired.
    func record(_ key: [UInt8], at now: Kademlia.Now) -> Record? {
        guard let record = records[key], now.monotonic - record.storedAt < lifetime,
            record.validUntil > now.wallMilliseconds
        else { return nil }
        return record
    }

    mutating func remove(_ key: [UInt8]) {
        if let record = records[key] { remove(record) }
    }

    mutating func removeExpired(at now: Kademlia.Now) {
        let expired = records.values.filter {
            now.monotonic - $0.storedAt >= lifetime || $0.validUntil <= now.wallMilliseconds
        }.sorted { $0.id < $1.id }
        for record in expired { remove(record) }
    }

    mutating func removeAll() {
        records = [:]
        keys = [:]
        shares = SourceShares()
    }

    /// What is wrong with the store; empty if nothing is. For tests.
    func _checkInvariants() -> [String] {
        var wrong: [String] = []
        if records.count > limits.values { wrong.append("\(records.count) values") }
        let weight = records.values.reduce(0) { $0 + self.weight($1) }
        if weight > limits.valuesBytes || weight != shares.weight {
            wrong.append("\(weight) bytes, counted \(shares.weight)")
        }
        if keys.count != records.count { wrong.append("\(keys.count) keys of \(records.count) records") }
        return wrong
    }
}
