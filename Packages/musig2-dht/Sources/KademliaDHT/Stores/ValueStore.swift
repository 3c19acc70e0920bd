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
        fileprivate var weight: Int { key.count + value.count }
    }

    private let limits: Kademlia.Limits
    private let lifetime: Duration
    private var records: [[UInt8]: Record] = [:]
    private var keys: [UInt64: [UInt8]] = [:]
    private var shares = SourceShares()
    private var nextID: UInt64 = 0

    init(_ configuration: Kademlia.Configuration) {
        limits = configuration.limits
        lifetime = configuration.valueLifetime
    }

    var count: Int { records.count }
    var bytes: Int { shares.weight }

    /// Stores a value in place of the one that is there.
    ///
    /// - Returns: Whether there was room; if not, the old value stays.
    mutating func put(_ value: [UInt8], at key: [UInt8], source: RecordSource, at now: Kademlia.Now) -> Bool {
        let weight = key.count + value.count
        let old = records[key]
        if let old { remove(old) }
        guard makeRoom(for: weight, of: source) else {
            if let old { insert(old) }
            return false
        }
        insert(
            Record(
                key: key, value: value, source: source, storedAt: now.monotonic, wallMilliseconds: now.wallMilliseconds,
                id: nextID))
        nextID += 1
        return true
    }

    private mutating func makeRoom(for weight: Int, of source: RecordSource) -> Bool {
        let own = shares.weight(of: source) + weight
        guard own <= limits.valuesBytesPerSource, weight <= limits.valuesBytes, limits.values > 0 else { return false }
        while records.count >= limits.values || shares.weight + weight > limits.valuesBytes {
            guard let heaviest = shares.heaviest, heaviest != source, shares.weight(of: heaviest) > own,
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
        shares.add(record.id, weight: record.weight, of: record.source)
    }

    private mutating func remove(_ record: Record) {
        records[record.key] = nil
        keys[record.id] = nil
        shares.remove(weight: record.weight, of: record.source) { keys[$0] != nil }
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
        let weight = records.values.reduce(0) { $0 + $1.weight }
        if weight > limits.valuesBytes || weight != shares.weight {
            wrong.append("\(weight) bytes, counted \(shares.weight)")
        }
        if keys.count != records.count { wrong.append("\(keys.count) keys of \(records.count) records") }
        return wrong
    }
}
