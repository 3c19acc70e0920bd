import Multiformats
import WireCodec

/// A connected peer: where it says it is, and where the connection leads.
struct ConnectedPeer: Sendable {
    /// Binary, without `/p2p` at the end.
    let addresses: [[UInt8]]
    /// Nil where that is not known: of such a peer nobody is told.
    let origin: Origin?
}

/// The peers that this node knows and where they are: servers in the routing table, connected peers, and those that wait for a
/// probe; and where this node itself is.
struct PeerDirectory: Sendable {
    let local: PeerID
    let localKey: KademliaKey
    let rules: AddressRules
    let configuration: Kademlia.Configuration
    private let hash: Kademlia.Hash
    private let trusted: Set<KademliaKey>
    private(set) var table: RoutingTable
    /// Connected peers, servers or not, and where they are.
    private(set) var connected: [KademliaKey: ConnectedPeer] = [:]
    /// Where this node is, binary.
    private(set) var localAddresses: [[UInt8]] = []
    /// When that changed, until it has settled.
    private var localAddressesChangedAt: Duration?
    private(set) var probes: ProbeQueue
    /// When any server answered last.
    private var lastHeard: Duration?

    init(_ local: PeerID, _ configuration: Kademlia.Configuration, hash: @escaping Kademlia.Hash) {
        self.local = local
        self.configuration = configuration
        self.hash = hash
        rules = AddressRules(configuration)
        localKey = KademliaKey(digest: hash(local.bytes))
        trusted = Set(configuration.bootstrapPeers.map { KademliaKey(digest: hash($0.peer.bytes)) })
        table = RoutingTable(local: localKey, bucketSize: configuration.bucketSize, limits: configuration.limits)
        probes = ProbeQueue(configuration.limits)
    }

    /// The key of a peer id, or of a record's key.
    func kademliaKey(of bytes: [UInt8]) -> KademliaKey { KademliaKey(digest: hash(bytes)) }

    func isTrusted(_ key: KademliaKey) -> Bool { trusted.contains(key) }

    func isConnected(_ key: KademliaKey) -> Bool { connected[key] != nil }

    func isLive(_ key: KademliaKey) -> Bool { table[key]?.isLive == true }

    // MARK: Facts

    /// Notes where this node may be reached; returns whether that is something else.
    mutating func setLocalAddresses(_ addresses: [Multiaddr], at time: Duration) -> Bool {
        let own = rules.addresses(of: local, addresses).binary
        guard own != localAddresses else { return false }
        localAddresses = own
        localAddressesChangedAt = time
        return true
    }

    /// Whether this node's addresses have settled, which is told once.
    mutating func haveLocalAddressesSettled(at time: Duration) -> Bool {
        guard let changedAt = localAddressesChangedAt, changedAt + configuration.addressSettling <= time else {
            return false
        }
        localAddressesChangedAt = nil
        return true
    }

    /// A lookup for a key is over.
    mutating func lookedUp(_ key: KademliaKey, at time: Duration) { table.lookedUp(key, at: time) }

    /// A server has answered.
    mutating func heard(at time: Duration) { lastHeard = time }

    /// Puts a server in the routing table as if it had answered.
    mutating func know(_ contact: Kademlia.Contact, at time: Duration) {
        let addresses = rules.addresses(of: contact.peer, contact.addresses)
        let key = kademliaKey(of: contact.peer.bytes)
        _ = table.insert(
            RoutingTable.Entry(
                peer: contact.peer, key: key, addresses: addresses.binary, groups: addresses.groups, lastSeen: time,
                isTrusted: isTrusted(key), isConnected: false, origin: contact.addresses.first.map { Origin($0) }))
    }
}

// The routing table: which peers get in, and which are dropped.
extension PeerDirectory {
    /// A peer is connected and has said where it is and whether it serves. It gets a place when it has answered a probe.
    mutating func identified(
        _ peer: PeerID, _ said: [Multiaddr], isServer: Bool, at remote: Multiaddr?
    ) {
        guard peer != local else { return }
        let key = kademliaKey(of: peer.bytes)
        var addresses = rules.addresses(of: peer, said)
        if let remote { addresses.groups = rules.groups(of: remote) }
        if connected[key] != nil || connected.count < configuration.limits.connectedPeers {
            connected[key] = ConnectedPeer(addresses: addresses.binary, origin: remote.map { Origin($0) })
        }
        if let position = table.position(key) {
            if isServer { table.update(position, addresses: addresses.binary) } else { drop(key) }
        } else if isServer, !addresses.binary.isEmpty {
            consider(ProbeQueue.Probe(peer: peer, key: key, addresses: addresses))
        } else if !isServer {
            table.remove(key)
        }
    }

    mutating func disconnected(_ peer: PeerID) {
        let key = kademliaKey(of: peer.bytes)
        connected[key] = nil
        table.disconnected(key)
    }

    /// A peer says that it serves.
    private mutating func consider(_ newcomer: ProbeQueue.Probe) {
        switch isTrusted(newcomer.key) ? .room : table.admission(newcomer.key, newcomer.addresses.groups) {
        case .room: probes.add(newcomer)
        case .full: addReplacement(newcomer)
        case .crowded: break
        }
    }

    private mutating func addReplacement(_ newcomer: ProbeQueue.Probe) {
        table.addReplacement(
            RoutingTable.Replacement(
                peer: newcomer.peer, key: newcomer.key, addresses: newcomer.addresses.binary,
                groups: newcomer.addresses.groups))
    }

    /// A peer answered a request: it serves.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - remote: The address that the connection leads to on which the answer came.
    ///   - isGuest: Whether the peer came by itself before any that is vouched for has answered. Of such peers a quarter of a
    ///     bucket is let in, so that strangers that are there first do not decide which peers this node asks.
    ///   - time: The time.
    mutating func answered(_ request: PendingRequest, from remote: Multiaddr, isGuest: Bool, at time: Duration) {
        let (groups, origin) = (rules.groups(of: remote), Origin(remote))
        if let position = table.position(request.key) {
            if !table.answered(position, from: groups, origin, at: time) { promote(position.bucket) }
            return
        }
        guard !request.addresses.binary.isEmpty else { return }
        var addresses = request.addresses
        addresses.groups = groups
        let newcomer = ProbeQueue.Probe(peer: request.peer, key: request.key, addresses: addresses)
        if isGuest, table.neighbors(of: request.key) >= max(1, configuration.bucketSize / 4) {
            return addReplacement(newcomer)
        }
        let admission = table.insert(
            RoutingTable.Entry(
                peer: request.peer, key: request.key, addresses: addresses.binary, groups: groups, lastSeen: time,
                isTrusted: isTrusted(request.key), isGuest: isGuest, isConnected: isConnected(request.key),
                origin: origin))
        if admission == .full {
            addReplacement(newcomer)
            checkOldest(table.bucketIndex(request.key), at: time)
        }
    }

    /// Asks the server of a bucket that has been silent for the longest time whether it is still there, so that it gives way
    /// to one that waits if it is not.
    private mutating func checkOldest(_ bucket: Int, at time: Duration) {
        guard let oldest = table.leastRecentlySeen(bucket), time - table[oldest].lastSeen >= configuration.livenessAge
        else { return }
        probe(table[oldest])
    }

    /// A server did not answer.
    mutating func failed(_ request: PendingRequest, _ failure: Kademlia.RequestFailure) {
        guard let position = table.position(request.key) else { return }
        guard failure != .unsupported else { return drop(request.key) }
        let isTrusted = table[position].isTrusted
        let failures = table.failed(position)
        // When nobody has answered since the request left, the fault may be this node's own network: then all stay.
        guard !isTrusted, let lastHeard, let startedAt = request.startedAt, lastHeard >= startedAt else { return }
        if failures >= 2 || !table.buckets[position.bucket].replacements.isEmpty { drop(request.key) }
    }

    /// A server does not serve any more. One that is trusted keeps its place, but is not shared with others.
    private mutating func drop(_ key: KademliaKey) {
        guard let position = table.position(key) else { return }
        if table[position].isTrusted {
            _ = table.failed(position)
        } else {
            table.remove(key)
            promote(position.bucket)
        }
    }

    private mutating func promote(_ bucket: Int) {
        guard let next = table.takeReplacement(bucket) else { return }
        let addresses = PeerAddresses(binary: next.addresses, groups: next.groups)
        probe(ProbeQueue.Probe(peer: next.peer, key: next.key, addresses: addresses))
    }
}

// Probes.
extension PeerDirectory {
    /// A peer has answered a probe, or has not.
    mutating func probeEnded(_ key: KademliaKey) { probes.ended(key) }

    mutating func probe(_ entry: RoutingTable.Entry) {
        let addresses = PeerAddresses(binary: entry.addresses, groups: entry.groups)
        probe(ProbeQueue.Probe(peer: entry.peer, key: entry.key, addresses: addresses))
    }

    mutating func probe(_ contact: Kademlia.Contact, _ key: KademliaKey) {
        let addresses = rules.addresses(of: contact.peer, contact.addresses)
        probe(ProbeQueue.Probe(peer: contact.peer, key: key, addresses: addresses))
    }

    private mutating func probe(_ probe: ProbeQueue.Probe) {
        if probe.peer != local { probes.add(probe) }
    }

    /// Takes the next peer to ask, if one may be asked now, with its addresses.
    mutating func nextProbe() -> ProbeQueue.Probe? {
        guard let next = probes.next() else { return nil }
        guard next.addresses.parsed.isEmpty else { return next }
        return ProbeQueue.Probe(
            peer: next.peer, key: next.key, addresses: rules.addresses(of: next.peer, next.addresses.binary))
    }

    /// Asks trusted peers that are not there, and servers that have failed or have not answered for long.
    mutating func probeStale(at time: Duration) {
        for contact in configuration.bootstrapPeers {
            let key = kademliaKey(of: contact.peer.bytes)
            if !isLive(key) { probe(contact, key) }
        }
        for bucket in table.buckets {
            for entry in bucket.entries
            where !entry.isLive || time - entry.lastSeen >= configuration.livenessAge { probe(entry) }
        }
    }
}
