import Multiformats
import WireCodec

/// What this node stores for others and publishes itself, and how it answers requests of others.
struct Server: Sendable {
    /// What a request comes to.
    enum Answer: Sendable {
        case reply(KademliaMessage)
        /// It is done and has no answer.
        case done
        case refused(Kademlia.Refusal)
        /// A value is to be looked at before; the answer follows.
        case check(Kademlia.Check)
        /// The value is being looked at already; the answer follows.
        case wait
    }

    private struct RefusalError: Error {
        let refusal: Kademlia.Refusal
        init(_ refusal: Kademlia.Refusal) { self.refusal = refusal }
    }

    private let limits: Kademlia.Limits
    private let addressLifetime: Duration
    private let namespaces: [String: any RecordRules]
    /// Whether it answers others.
    private(set) var mode: Kademlia.Mode
    private(set) var providers: ProviderStore
    private(set) var values: ValueStore
    var publications: Publications
    var checks: PendingChecks

    init(_ configuration: Kademlia.Configuration, namespaces: [String: any RecordRules]) {
        limits = configuration.limits
        addressLifetime = configuration.providerAddressLifetime
        self.namespaces = namespaces
        mode = configuration.mode
        providers = ProviderStore(configuration)
        values = ValueStore(configuration)
        publications = Publications(limit: configuration.limits.publications)
        checks = PendingChecks(configuration.limits)
    }

    /// A node that stops serving forgets what it stored for others.
    mutating func setMode(_ mode: Kademlia.Mode) {
        self.mode = mode
        guard mode == .client else { return }
        providers.removeAll()
        values.removeAll()
    }

    mutating func removeExpired(at now: Kademlia.Now) {
        providers.removeExpired(at: now.monotonic)
        values.removeExpired(at: now)
    }

    /// Forgets what is stored for others under the key of a value of its own, so that what is stored beside it is never worse, and
    /// nothing need be compared when it is asked for.
    mutating func removeValue(_ key: [UInt8]) { values.remove(key) }

    // MARK: Keys

    func isProviderKey(_ key: [UInt8]) -> Bool { (1...limits.providerKeyBytes).contains(key.count) }

    /// Why a value may not stand under a key; nil if it may.
    func failure(ofValueKey key: [UInt8]) -> Kademlia.OperationFailure? {
        guard key.count <= limits.valueKeyBytes, let namespace = Self.namespace(key) else { return .invalidKey }
        return namespaces[namespace] == nil ? .unknownNamespace : nil
    }

    /// The rules of a key's namespace; nil if the key is not `/namespace/…`, or the rules are not known.
    func rules(_ key: [UInt8]) -> (any RecordRules)? { Self.namespace(key).flatMap { namespaces[$0] } }

    /// What stands between the first two slashes of a key.
    static func namespace(_ key: [UInt8]) -> String? {
        guard key.first == UInt8(ascii: "/"), let end = key.dropFirst().firstIndex(of: UInt8(ascii: "/")), end > 1,
            end + 1 < key.count
        else { return nil }
        return String(validating: key[1..<end], as: UTF8.self)
    }

    // MARK: What this node itself knows

    /// The better one of the value that is stored for others and the one that this node publishes itself. Neither is looked
    /// at: they were when they came, and what is stored beside an own one is not worse.
    func ownValue(_ key: [UInt8], at now: Kademlia.Now) -> (value: [UInt8], wallMilliseconds: UInt64?)? {
        if let record = values.record(key, at: now) { return (record.value, record.wallMilliseconds) }
        guard let publication = publications[.value(key)], publication.expiresAt > now.monotonic,
            publication.validUntil > now.wallMilliseconds
        else { return nil }
        return (publication.value, nil)
    }

    /// The providers of a key that are stored for others, with the addresses that are known of them.
    func ownProviders(
        _ key: [UInt8], knowing peers: PeerDirectory, at time: Duration
    ) -> [(peer: PeerID, addresses: [[UInt8]], age: Duration)] {
        providers.records(key, at: time).map { record in
            (record.peer, addresses(of: record, knowing: peers, at: time), time - record.storedAt)
        }
    }

    /// The addresses of a stored provider, or, when they are too old, where this node knows it to be.
    private func addresses(
        of record: ProviderStore.Record, knowing peers: PeerDirectory, at time: Duration
    ) -> [[UInt8]] {
        if time - record.storedAt < addressLifetime { return record.addresses }
        return peers.knownAddresses(peers.kademliaKey(of: record.peer.bytes))
    }

    // MARK: Values that were looked at

    /// A value is looked at for the caller, or for a lookup.
    mutating func check(
        _ value: [UInt8], at key: [UInt8], against rival: [UInt8]?, for purpose: PendingCheck.Purpose
    ) -> Kademlia.Check {
        checks.add(value, at: key, against: rival, for: purpose)
    }

    /// What is known under the key may have changed while a value was looked at: then a valid one is compared with that, and
    /// nothing else is looked at.
    mutating func compareAgain(
        _ pending: PendingCheck, _ result: Kademlia.CheckResult, at now: Kademlia.Now
    ) -> Kademlia.Check? {
        guard case .valid(let end, _) = result, let own = ownValue(pending.check.key, at: now)?.value,
            own != pending.check.rival, own != pending.check.value
        else { return nil }
        return checks.add(
            pending.check.value, at: pending.check.key, against: own, validUntil: end, for: pending.purpose)
    }

    /// Answers a request to store a value that was looked at.
    mutating func end(
        _ check: Kademlia.Check, _ result: Kademlia.CheckResult, for asker: PendingCheck.Asker, at now: Kademlia.Now,
        by rules: AddressRules, using generator: inout SeededGenerator
    ) -> Answer {
        switch result {
        case _ where mode != .server: return .refused(.notServing)
        case .invalid: return .refused(.invalidValue)
        case .valid(_, .worse): return .refused(.olderValue)
        case .valid(let end, _):
            let isKept = values.put(
                check.value, at: check.key, validUntil: end, source: source(asker, by: rules), at: now,
                using: &generator)
            guard isKept else { return .refused(.storeFull) }
            let record = KademliaMessage.Record(key: check.key, value: check.value)
            return .reply(KademliaMessage(kind: .putValue, key: check.key, record: record))
        }
    }
}

// Requests of others, answered at once, but for values that must be looked at first.
extension Server {
    /// Answers a request.
    ///
    /// - Parameters:
    ///   - message: The request.
    ///   - asker: Its number, the peer and where it is.
    ///   - peers: The peers that this node knows.
    ///   - now: The time.
    ///   - generator: For what is left to chance.
    /// - Returns: What it comes to.
    mutating func answer(
        _ message: KademliaMessage, for asker: PendingCheck.Asker, knowing peers: PeerDirectory, at now: Kademlia.Now,
        using generator: inout SeededGenerator
    ) -> Answer {
        guard mode == .server else { return .refused(.notServing) }
        let scope = Hearsay.scope(of: asker.address)
        do throws(RefusalError) {
            switch message.kind {
            case .ping: return .reply(message)
            case .findNode: return .reply(try findNode(message, from: asker.peer, in: scope, knowing: peers))
            case .getProviders:
                return .reply(
                    try getProviders(
                        message, from: asker.peer, in: scope, knowing: peers, at: now.monotonic, using: &generator))
            case .addProvider:
                try addProvider(message, from: asker, knowing: peers, at: now.monotonic, using: &generator)
                return .done
            case .getValue:
                return .reply(try getValue(message, from: asker.peer, in: scope, knowing: peers, at: now))
            case .putValue: return try putValue(message, for: asker, rules: peers.rules, at: now, using: &generator)
            }
        } catch {
            return .refused(error.refusal)
        }
    }

    private func findNode(
        _ message: KademliaMessage, from asker: PeerID, in scope: AddressScope, knowing known: PeerDirectory
    ) throws(RefusalError) -> KademliaMessage {
        guard (1...limits.keyBytes).contains(message.key.count) else { throw RefusalError(.invalidKey) }
        // The one that is looked for comes first, even if it is a client.
        var first: KademliaMessage.Peer?
        if message.key == known.local.bytes {
            first = local(in: scope, knowing: known)
        } else if message.key != asker.bytes, let target = try? PeerID(bytes: message.key) {
            let key = known.kademliaKey(of: target.bytes)
            let addresses = known.sharedAddresses(of: key, in: scope)
            if !addresses.isEmpty {
                let connection: UInt32 = known.isConnected(key) ? 1 : 0
                first = KademliaMessage.Peer(id: target.bytes, addresses: addresses, connection: connection)
            }
        }
        let nearest = known.closest(to: message.key, notTelling: asker, in: scope, besidesTarget: true)
        let peers = first.map { [$0] + nearest } ?? nearest
        return KademliaMessage(kind: .findNode, closerPeers: Self.fitting(peers, limits.answerBytes))
    }

    /// This node, as it is shared with a peer in a scope; nil if it has no address for that.
    private func local(in scope: AddressScope, knowing peers: PeerDirectory) -> KademliaMessage.Peer? {
        let addresses = peers.localAddresses.usable(in: scope)
        guard !addresses.isEmpty else { return nil }
        return KademliaMessage.Peer(id: peers.local.bytes, addresses: addresses, connection: 1)
    }

    private func getProviders(
        _ message: KademliaMessage, from asker: PeerID, in scope: AddressScope, knowing peers: PeerDirectory,
        at time: Duration, using generator: inout SeededGenerator
    ) throws(RefusalError) -> KademliaMessage {
        guard isProviderKey(message.key) else { throw RefusalError(.invalidKey) }
        var found: [KademliaMessage.Peer] = []
        if let publication = publications[.provider(message.key)], publication.expiresAt > time,
            let local = local(in: scope, knowing: peers)
        {
            found.append(local)
        }
        let room = max(0, limits.providersPerAnswer - found.count)
        for record in providers.drawn(message.key, room, at: time, using: &generator) {
            let addresses = addresses(of: record, knowing: peers, at: time).usable(in: scope)
            let connection: UInt32 = peers.isConnected(peers.kademliaKey(of: record.peer.bytes)) ? 1 : 0
            found.append(KademliaMessage.Peer(id: record.peer.bytes, addresses: addresses, connection: connection))
        }
        let limit = limits.answerBytes - message.key.count
        let fitting = Self.fitting(found, limit)
        let rest = limit - fitting.reduce(0) { $0 + Self.size($1) }
        return KademliaMessage(
            kind: .getProviders, key: message.key,
            closerPeers: Self.fitting(peers.closest(to: message.key, notTelling: asker, in: scope), rest),
            providerPeers: fitting)
    }

    private mutating func addProvider(
        _ message: KademliaMessage, from asker: PendingCheck.Asker, knowing peers: PeerDirectory, at time: Duration,
        using generator: inout SeededGenerator
    ) throws(RefusalError) {
        guard isProviderKey(message.key) else { throw RefusalError(.invalidKey) }
        let peer = asker.peer
        guard let named = message.providerPeers.first(where: { $0.id == peer.bytes }), peer != peers.local else {
            throw RefusalError(.notTheProvider)
        }
        let addresses = peers.rules.addresses(
            of: peer, peers.rules.believable(named.addresses, from: asker.address))
        guard !addresses.binary.isEmpty else { throw RefusalError(.noAddresses) }
        let host = asker.address.flatMap(NetworkHost.init)
        let isStored = providers.add(
            peer, key: message.key, addresses: addresses.binary,
            isFromThere: host != nil && addresses.parsed.contains { NetworkHost($0) == host },
            source: source(asker, by: peers.rules), at: time, using: &generator)
        guard isStored else { throw RefusalError(.storeFull) }
    }

    private func getValue(
        _ message: KademliaMessage, from asker: PeerID, in scope: AddressScope, knowing peers: PeerDirectory,
        at now: Kademlia.Now
    ) throws(RefusalError) -> KademliaMessage {
        guard (1...limits.valueKeyBytes).contains(message.key.count) else { throw RefusalError(.invalidKey) }
        let record = ownValue(message.key, at: now).map { own in
            KademliaMessage.Record(
                key: message.key, value: own.value,
                timeReceived: Timestamp.text(own.wallMilliseconds ?? now.wallMilliseconds))
        }
        let room = limits.answerBytes - 2 * message.key.count - (record?.value.count ?? 0)
        return KademliaMessage(
            kind: .getValue, key: message.key, record: record,
            closerPeers: Self.fitting(
                peers.closest(to: message.key, notTelling: asker, in: scope), max(room, Self.leastRoomForPeers)))
    }

    /// Stores a value that is known, or lets it be looked at: the answer comes afterwards.
    private mutating func putValue(
        _ message: KademliaMessage, for asker: PendingCheck.Asker, rules addressRules: AddressRules,
        at now: Kademlia.Now, using generator: inout SeededGenerator
    ) throws(RefusalError) -> Answer {
        guard let record = message.record else { throw RefusalError(.missingRecord) }
        guard record.key == message.key else { throw RefusalError(.keyMismatch) }
        guard message.key.count <= limits.valueKeyBytes, Self.namespace(message.key) != nil else {
            throw RefusalError(.invalidKey)
        }
        guard record.value.count <= limits.valueBytes else { throw RefusalError(.valueTooLong) }
        guard let rules = rules(message.key) else { throw RefusalError(.unknownNamespace) }
        guard let known = values.record(message.key, at: now), known.value == record.value else {
            let network = asker.address.flatMap { addressRules.isExempt($0) ? nil : NetworkGroup($0).widest }
            let work = rules.work(of: record.value, at: record.key)
            switch checks.admit(record, for: asker, of: network, work: work, at: now.monotonic) {
            case .refused: throw RefusalError(.tooOften)
            case .joined: return .wait
            case .admitted:
                return .check(
                    check(
                        record.value, at: record.key, against: ownValue(record.key, at: now)?.value,
                        for: .requests([asker], network: network)))
            }
        }
        let isKept = values.put(
            record.value, at: message.key, validUntil: known.validUntil, source: source(asker, by: addressRules),
            at: now, using: &generator)
        guard isKept else { throw RefusalError(.storeFull) }
        let echo = KademliaMessage.Record(key: message.key, value: record.value)
        return .reply(KademliaMessage(kind: .putValue, key: message.key, record: echo))
    }

    /// The source among which the room is shared out: the network that the connection comes from, where it is known.
    private func source(_ asker: PendingCheck.Asker, by rules: AddressRules) -> RecordSource {
        RecordSource(asker.peer, at: asker.address, isExempt: asker.address.map(rules.isExempt) ?? false)
    }

    /// A message has some room beside a value of the largest size: 64 KiB less 60.
    private static let leastRoomForPeers = 3 << 10

    /// The first of the peers, as many as fit into so many bytes.
    private static func fitting(_ peers: [KademliaMessage.Peer], _ limit: Int) -> [KademliaMessage.Peer] {
        var rest = limit
        for (index, peer) in peers.enumerated() {
            rest -= size(peer)
            if rest < 0 { return Array(peers.prefix(index)) }
        }
        return peers
    }

    /// At least the bytes that a peer takes in a message.
    private static func size(_ peer: KademliaMessage.Peer) -> Int {
        peer.addresses.reduce(peer.id.count + 12) { $0 + $1.count + 4 }
    }
}
