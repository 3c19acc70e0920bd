/// What this node keeps telling the network.
struct Publication: Sendable {
    enum Kind: Hashable, Sendable {
        case provider([UInt8])
        case value([UInt8])
    }

    let id: UInt64
    let kind: Kind
    let value: [UInt8]
    /// Of a value: until when its rules allow it, in milliseconds since 1970.
    let validUntil: UInt64
    let expiresAt: Duration
    /// Of a provider record: this node's addresses as others know them.
    fileprivate(set) var addresses: [[UInt8]] = []
    /// When it is renewed, or ends; nil while it is being published.
    fileprivate(set) var wakesAt: Duration?
}

/// The records that this node publishes, one of a kind and key.
struct Publications: Sendable {
    private let limit: Int
    private var publications: [UInt64: Publication] = [:]
    private var ids: [Publication.Kind: UInt64] = [:]
    private var lastID: UInt64 = 0

    /// - Parameter limit: The most records.
    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { publications.count }
    var isEmpty: Bool { publications.isEmpty && ids.isEmpty }

    subscript(id: UInt64) -> Publication? { publications[id] }
    subscript(kind: Publication.Kind) -> Publication? { ids[kind].flatMap { publications[$0] } }

    /// Notes what is to be published, in place of what was published under that key; returns whether there is room.
    mutating func add(
        _ kind: Publication.Kind, value: [UInt8], validUntil: UInt64, expiresAt: Duration
    ) -> Bool {
        remove(kind)
        guard publications.count < limit else { return false }
        lastID += 1
        ids[kind] = lastID
        publications[lastID] = Publication(
            id: lastID, kind: kind, value: value, validUntil: validUntil, expiresAt: expiresAt)
        return true
    }

    mutating func remove(_ id: UInt64) {
        if let publication = publications.removeValue(forKey: id) { ids[publication.kind] = nil }
    }

    mutating func remove(_ kind: Publication.Kind) {
        if let id = ids[kind] { remove(id) }
    }

    /// Notes the addresses with which a provider record goes out.
    mutating func setAddresses(_ addresses: [[UInt8]], of id: UInt64) { publications[id]?.addresses = addresses }

    /// Lets a record wait for its renewal; returns when that is, which is no later than its end.
    mutating func wait(_ id: UInt64, until time: Duration) -> Duration? {
        guard let publication = publications[id] else { return nil }
        let wakesAt = min(time, publication.expiresAt)
        publications[id]?.wakesAt = wakesAt
        return wakesAt
    }

    /// The time of a record has come: it ends, or is to be renewed; returns whether it is to be renewed.
    mutating func isDue(_ id: UInt64, at time: Duration) -> Bool {
        guard let publication = publications[id], let wakesAt = publication.wakesAt, wakesAt <= time else {
            return false
        }
        guard publication.expiresAt > time else {
            remove(id)
            return false
        }
        publications[id]?.wakesAt = nil
        return true
    }

    /// What a renewal publishes; nil if the record has ended, or waits again.
    mutating func renewal(_ id: UInt64, at time: Duration) -> Publication.Kind? {
        guard let publication = publications[id], publication.wakesAt == nil else { return nil }
        guard publication.expiresAt > time else {
            remove(id)
            return nil
        }
        return publication.kind
    }

    /// The provider records that wait and are known to others with other addresses.
    func providers(withoutAddresses addresses: [[UInt8]]) -> [UInt64] {
        publications.keys.sorted().filter { id in
            guard let publication = publications[id], publication.wakesAt != nil, case .provider = publication.kind
            else {
                return false
            }
            return publication.addresses != addresses
        }
    }
}
