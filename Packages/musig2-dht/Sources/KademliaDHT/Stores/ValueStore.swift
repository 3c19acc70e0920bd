import Multiformats

/// Values of other peers, by key. Bounded in all directions.
internal struct ValueStore: Sendable {
    struct Record: Sendable {
        let key: [UInt8]
        let value: [UInt8]
        let source: RecordSource
        let storedAt: Duration
        let wallMilliseconds: UInt64
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
    /// of who brought it first.
    ///
    /// - Returns: Whether there was room; if not, all stays as it is.
    mutating func put(_ value: [UInt8], at key: [UInt8], source: RecordSource, at now: Kademlia.Now) -> Bool {
        let old = records[key]
        let known = old?.value == value ? old : nil
        let record = Record(
            key: key, value: value, source: known?.source ?? source, storedAt: now.monotonic,
            wallMilliseconds: now.wallMilliseconds, id: known?.id ?? nextID)
        guard known == nil else {
            records[key] = record
            return true
        }
        var own = shares.weight(of: source) + weight(record)
        if let old, old.source == source { own -= weight(old) }
        guard own <= limits.valuesBytesPerSource, weight(record) <= limits.valuesBytes, limits.values > 0 else {
            return false
        }
        if hasRoom(for: record) {
            if let old { remove(old) }
            insert(record)
        } else {
            // A copy, so that nothing has given way if there is no room in the end.
            var changed = self
            if let old { changed.remove(old) }
            guard changed.makeRoom(for: record, own) else { return false }
            changed.insert(record)
            self = changed
        }
        nextID += 1
        return true
    }

    private func weight(_ record: Record) -> Int { max(leastWeight, record.key.count + record.value.count) }

    private func hasRoom(for record: Record) -> Bool {
        records.count < limits.values && shares.weight + weight(record) <= limits.valuesBytes
    }

    /// Lets others give way whose share is larger than the one that the source will have.
    private mutating func makeRoom(for newcomer: Record, _ own: Int) -> Bool {
        while !hasRoom(for: newcomer) {
            guard let heaviest = shares.heaviest, heaviest != newcomer.source, shares.weight(of: heaviest) > own,
                let victim = shares.newest(of: heaviest, isLive: { keys[$0] != nil }), let key = keys[victim],
                let record = records[key]
            else { return false }
            remove(record)
        }
        return true
    }

    private mutating func insert(_ record: Record) {
        records[record.key] = record
        keys[record.id] = record.key
        shares.add(record.id, weight: weight(record), of: record.source)
    }

    private mutating func remove(_ record: Record) {
        records[record.key] = nil
        keys[record.id] = nil
        shares.remove(weight: weight(record), of: record.source) { keys[$0] != nil }
    }

    /// The value under a key, unless it has expired.
    func record(_ key: [UInt8], at time: Duration) -> Record? {
        guard let record = records[key], time - record.storedAt < lifetime else { return nil }
        return record
    }

    mutating func remove(_ key: [UInt8]) {
        if let record = records[key] { remove(record) }
    }

    mutating func removeExpired(at time: Duration) {
        let expired = records.values.filter { time - $0.storedAt >= lifetime }.sorted { $0.id < $1.id }
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
