import Multiformats
import WireCodec

/// The servers a node knows, in buckets by the length of the prefix they share with it.
///
/// Bucket i holds servers that share exactly i leading bits; the last one holds all that share more, and is split when it
/// is full. All functions are total; what is random or asks the network is decided elsewhere.
struct RoutingTable: Sendable {
    /// A server that has answered this node.
    struct Entry: Sendable {
        let peer: PeerID
        let key: KademliaKey
        /// Binary, without `/p2p` at the end; never empty.
        var addresses: [[UInt8]]
        /// Of the address that it last answered from. Where it says it is counts for nothing.
        var groups: NetworkGroups
        /// When it last answered.
        var lastSeen: Duration
        /// Requests in a row that it did not answer. An entry with failures is not shared with others.
        var failures: UInt8 = 0
        let isTrusted: Bool
        /// Whether it came by itself, before anybody that is vouched for had answered.
        let isGuest: Bool
        var isConnected: Bool
        /// Where the connection leads on which it last answered, or said where it is.
        var origin: Origin?
        /// The addresses that are shared with others, and the scopes of the narrowest and the widest of these.
        private(set) var shared: [[UInt8]] = []
        private(set) var scopes: ClosedRange<AddressScope>?

        init(
            peer: PeerID, key: KademliaKey, addresses: [[UInt8]], groups: NetworkGroups, lastSeen: Duration,
            isTrusted: Bool, isGuest: Bool = false, isConnected: Bool, origin: Origin? = nil
        ) {
            self.peer = peer
            self.key = key
            self.addresses = addresses
            self.groups = groups
            self.lastSeen = lastSeen
            self.isTrusted = isTrusted
            self.isGuest = isGuest
            self.isConnected = isConnected
            self.origin = origin
        }

        var isLive: Bool { failures == 0 }

        /// What decides whether it is among the closest: nothing that has memory of its own, which would be counted.
        struct Traits {
            let key: KademliaKey
            let isLive: Bool
            let isGuest: Bool
            fileprivate let widestScope: AddressScope?

            /// Whether a peer in a scope can use any of what is shared.
            func isShared(in scope: AddressScope) -> Bool { widestScope.map { $0 >= scope } ?? false }
        }

        var traits: Traits {
            Traits(key: key, isLive: isLive, isGuest: isGuest, widestScope: scopes?.upperBound)
        }

        /// Decides which addresses are shared: see ``Origin/covers(_:)``.
        mutating func updateShared() {
            shared = addresses.filter { origin?.covers($0) == true }
            let found = shared.compactMap { AddressScope($0) }
            scopes = found.min().flatMap { least in found.max().map { least...$0 } }
        }

        /// What a peer in a scope can use of what is shared.
        func shared(in scope: AddressScope) -> [[UInt8]] {
            guard let scopes, scopes.lowerBound < scope else { return shared }
            return shared.filter { AddressScope($0).map { $0 >= scope } ?? false }
        }
    }

    /// A server that waits for a place in a full bucket; it is asked again before it gets one.
    struct Replacement: Sendable {
        let peer: PeerID
        let key: KademliaKey
        var addresses: [[UInt8]]
        var groups: NetworkGroups
    }

    struct Bucket: Sendable {
        var entries: [Entry] = []
        /// The newest last.
        var replacements: [Replacement] = []
        /// When a lookup last went through this bucket.
        var lastLookup: Duration
    }

    /// Where an entry is.
    struct Position: Hashable, Sendable {
        let bucket: Int
        let index: Int
    }

    enum Admission: Hashable, Sendable {
        /// There is a place.
        case room
        /// The bucket is full.
        case full
        /// Too many servers of its network groups are in the bucket or the table.
        case crowded
    }

    let local: KademliaKey
    let bucketSize: Int
    let limits: Kademlia.Limits
    private(set) var buckets: [Bucket]
    /// How many entries, trusted ones aside, each group has.
    private(set) var groups: [NetworkGroup: Int] = [:]
    private(set) var count = 0
    private(set) var liveCount = 0

    init(local: KademliaKey, bucketSize: Int, limits: Kademlia.Limits) {
        self.local = local
        self.bucketSize = max(1, bucketSize)
        self.limits = limits
        self.buckets = [Bucket(lastLookup: .zero)]
    }

    func bucketIndex(_ key: KademliaKey) -> Int {
        min((key ^ local).leadingZeroBitCount, buckets.count - 1)
    }

    func position(_ key: KademliaKey) -> Position? {
        let bucket = bucketIndex(key)
        guard let index = buckets[bucket].entries.firstIndex(where: { $0.key == key }) else { return nil }
        return Position(bucket: bucket, index: index)
    }

    subscript(_ position: Position) -> Entry { buckets[position.bucket].entries[position.index] }

    /// An entry as it is shared with a peer in a scope.
    func shared(_ position: Position, in scope: AddressScope) -> KademliaMessage.Peer {
        let entries = buckets[position.bucket].entries
        return KademliaMessage.Peer(
            id: entries[position.index].peer.bytes, addresses: entries[position.index].shared(in: scope),
            connection: entries[position.index].isConnected ? 1 : 0)
    }

    subscript(_ key: KademliaKey) -> Entry? { position(key).map { self[$0] } }

    /// Whether a server that is not in the table would get a place.
    func admission(_ key: KademliaKey, _ groups: NetworkGroups) -> Admission {
        guard hasRoom(for: groups, inBucketOf: key) else { return .crowded }
        let bucket = bucketIndex(key)
        if buckets[bucket].entries.count < bucketSize { return .room }
        // A full last bucket is split, unless all of it shares the newcomer's prefix.
        guard bucket == buckets.count - 1, bucket < 255 else { return .full }
        return neighbors(of: key) < bucketSize ? .room : .full
    }

    /// How many servers share as many bits with this node as a key does: those beside which its server stands, however far the table
    /// is split.
    func neighbors(of key: KademliaKey) -> Int {
        let prefix = (key ^ local).leadingZeroBitCount
        return buckets[bucketIndex(key)].entries.count { ($0.key ^ local).leadingZeroBitCount == prefix }
    }

    private func hasRoom(for newcomer: NetworkGroups, inBucketOf key: KademliaKey) -> Bool {
        guard newcomer.allSatisfy({ self.groups[$0, default: 0] < limits.servers(of: $0) }) else { return false }
        let bucket = bucketIndex(key)
        let prefix = (key ^ local).leadingZeroBitCount
        return newcomer.allSatisfy { group in
            // In the last bucket only those count that would stay beside the newcomer when it is split.
            buckets[bucket].entries.count {
                !$0.isTrusted && $0.groups.contains(group) && ($0.key ^ local).leadingZeroBitCount == prefix
            } < limits.serversInBucket(of: group)
        }
    }
}

// Changes.
extension RoutingTable {
    /// Puts a server that has answered in its place.
    ///
    /// - Returns: What kept it out, or `room`. A trusted server is kept out by nothing but trusted ones.
    mutating func insert(_ entry: Entry) -> Admission {
        guard entry.key != local, position(entry.key) == nil else { return .room }
        if !entry.isTrusted {
            let admission = admission(entry.key, entry.groups)
            guard admission == .room else { return admission }
        }
        while bucketIndex(entry.key) == buckets.count - 1, buckets[buckets.count - 1].entries.count >= bucketSize,
            buckets.count < 256
        {
            split()
        }
        let bucket = bucketIndex(entry.key)
        if buckets[bucket].entries.count >= bucketSize {
            guard let index = leastUseful(bucket) else { return .full }
            remove(Position(bucket: bucket, index: index))
        }
        buckets[bucket].replacements.removeAll { $0.key == entry.key }
        var newcomer = entry
        newcomer.updateShared()
        buckets[bucket].entries.append(newcomer)
        count += 1
        if entry.isLive { liveCount += 1 }
        charge(entry, 1)
        return .room
    }

    /// Removes a server and forgets that it waits for a place.
    mutating func remove(_ key: KademliaKey) {
        buckets[bucketIndex(key)].replacements.removeAll { $0.key == key }
        if let position = position(key) { remove(position) }
    }

    private mutating func remove(_ position: Position) {
        let entry = buckets[position.bucket].entries.remove(at: position.index)
        count -= 1
        if entry.isLive { liveCount -= 1 }
        charge(entry, -1)
    }

    private mutating func charge(_ entry: Entry, _ change: Int) {
        guard !entry.isTrusted else { return }
        for group in entry.groups.all {
            let value = groups[group, default: 0] + change
            groups[group] = value == 0 ? nil : value
        }
    }

    private mutating func split() {
        let index = buckets.count - 1
        var stay: [Entry] = []
        var move: [Entry] = []
        for entry in buckets[index].entries {
            if (entry.key ^ local).leadingZeroBitCount > index { move.append(entry) } else { stay.append(entry) }
        }
        let replacements = buckets[index].replacements
        buckets[index].entries = stay
        buckets[index].replacements = replacements.filter { ($0.key ^ local).leadingZeroBitCount == index }
        buckets.append(
            Bucket(
                entries: move, replacements: replacements.filter { ($0.key ^ local).leadingZeroBitCount > index },
                lastLookup: buckets[index].lastLookup))
    }

    /// The entry that gives way to a trusted one: one that fails, else the one not seen for the longest time.
    private func leastUseful(_ bucket: Int) -> Int? {
        let entries = buckets[bucket].entries
        return entries.indices.filter { !entries[$0].isTrusted }.min { left, right in
            if entries[left].isLive != entries[right].isLive { return !entries[left].isLive }
            return entries[left].lastSeen < entries[right].lastSeen
        }
    }

    /// A server in the table answered, from the same network as before or another.
    ///
    /// - Returns: Whether it keeps its place: there may be no room for one more of that network.
    mutating func answered(
        _ position: Position, from groups: NetworkGroups, _ origin: Origin?, at time: Duration
    ) -> Bool {
        let former = self[position]
        if groups != former.groups {
            charge(former, -1)
            // The entry itself must not count in its own way.
            buckets[position.bucket].entries[position.index].groups = .none
            let fits = former.isTrusted || hasRoom(for: groups, inBucketOf: former.key)
            buckets[position.bucket].entries[position.index].groups = fits ? groups : former.groups
            charge(self[position], 1)
            guard fits else {
                remove(position)
                return false
            }
        }
        if !self[position].isLive { liveCount += 1 }
        buckets[position.bucket].entries[position.index].lastSeen = time
        buckets[position.bucket].entries[position.index].failures = 0
        if let origin, origin != former.origin {
            buckets[position.bucket].entries[position.index].origin = origin
            buckets[position.bucket].entries[position.index].updateShared()
        }
        return true
    }

    /// A server in the table did not answer. Returns how often in a row that is now.
    mutating func failed(_ position: Position) -> Int {
        if self[position].isLive { liveCount -= 1 }
        let failures = min(self[position].failures, 254) + 1
        buckets[position.bucket].entries[position.index].failures = failures
        return Int(failures)
    }

    /// A server in the table is connected and says where it is.
    mutating func update(_ position: Position, addresses: [[UInt8]]) {
        buckets[position.bucket].entries[position.index].isConnected = true
        guard !addresses.isEmpty, addresses != self[position].addresses else { return }
        buckets[position.bucket].entries[position.index].addresses = addresses
        buckets[position.bucket].entries[position.index].updateShared()
    }

    mutating func disconnected(_ key: KademliaKey) {
        guard let position = position(key) else { return }
        buckets[position.bucket].entries[position.index].isConnected = false
    }

    /// How many of the shorter prefixes are to be looked for one by one: what shares more is among the k nearest.
    var prefixesToRefresh: Int {
        guard count >= bucketSize else { return 0 }
        let nearest = closest(to: local, count: bucketSize) { _ in true }
        let prefix = nearest.last.map { (self[$0].key ^ local).leadingZeroBitCount } ?? 0
        return max(prefix, buckets.count - 1)
    }

    mutating func lookedUp(_ target: KademliaKey, at time: Duration) {
        buckets[bucketIndex(target)].lastLookup = time
    }

    /// Lets a server wait for a place in its full bucket; of those that waited before, the oldest gives way.
    mutating func addReplacement(_ replacement: Replacement) {
        let bucket = bucketIndex(replacement.key)
        buckets[bucket].replacements.removeAll { $0.key == replacement.key }
        let waiting = buckets[bucket].replacements
        let isDiverse = replacement.groups.allSatisfy { group in
            waiting.count { $0.groups.contains(group) } < limits.serversInBucket(of: group)
        }
        guard isDiverse, limits.replacementsPerBucket > 0 else { return }
        if waiting.count >= limits.replacementsPerBucket { buckets[bucket].replacements.removeFirst() }
        buckets[bucket].replacements.append(replacement)
    }

    /// Takes the server that came last of those that wait for a place in a bucket.
    mutating func takeReplacement(_ bucket: Int) -> Replacement? {
        guard buckets.indices.contains(bucket) else { return nil }
        return buckets[bucket].replacements.popLast()
    }

    /// The entry of a bucket that has not been seen for the longest time, trusted ones aside.
    func leastRecentlySeen(_ bucket: Int) -> Position? {
        var oldest: Int?
        for index in buckets[bucket].entries.indices where !buckets[bucket].entries[index].isTrusted {
            if let known = oldest, buckets[bucket].entries[known].lastSeen <= buckets[bucket].entries[index].lastSeen {
                continue
            }
            oldest = index
        }
        return oldest.map { Position(bucket: bucket, index: $0) }
    }
}
