public import Multiformats
public import PeerTransport
import Synchronization

/// What a DHT knows, inside one process: providers of keys, and values under names that their namespaces' rules allow.
///
/// As in a DHT, several holders keep each record, records run out, and every reader checks what it gets. Some of the holders may be made
/// hostile (``Faults``): then the honest ones must do. Time comes from outside, so that a test can move it. The same faults and the same
/// calls give the same answers.
public final class InMemoryDiscovery: Sendable {
    /// What goes wrong.
    public struct Faults: Sendable, Hashable {
        /// The share of the holders that are hostile, 0 to 1. They keep nothing that they are given, and answer with ``peers`` and
        /// ``values`` instead; where these have nothing for a key, with nothing.
        public var hostileShare: Double

        /// The peers that hostile holders name as providers of a key.
        public var peers: [[UInt8]: [DiscoveredPeer]]

        /// The values that hostile holders return under a name, valid or not.
        public var values: [[UInt8]: [[UInt8]]]

        /// How many calls fail from now on, as if no node could be reached.
        public var failingCalls: Int

        /// Describes faults.
        ///
        /// - Parameters:
        ///   - hostileShare: The share of the holders that are hostile.
        ///   - peers: The peers that hostile holders name.
        ///   - values: The values that hostile holders return.
        ///   - failingCalls: How many calls fail from now on.
        public init(
            hostileShare: Double = 0,
            peers: [[UInt8]: [DiscoveredPeer]] = [:],
            values: [[UInt8]: [[UInt8]]] = [:],
            failingCalls: Int = 0
        ) {
            self.hostileShare = hostileShare
            self.peers = peers
            self.values = values
            self.failingCalls = failingCalls
        }
    }

    /// How much is kept.
    public struct Limits: Sendable, Hashable {
        /// How many holders keep each record.
        public var holders = 20
        /// The most keys with providers, and the most names with values.
        public var keys = 65_536
        /// The most providers of one key; the oldest are forgotten first.
        public var providersPerKey = 256
        /// The longest value.
        public var valueBytes = 64 << 10
        /// How long a record that is withdrawn is still given out: what holders have cannot be called back. 48 h.
        public var afterglow = Duration.seconds(172_800)

        /// The usual limits.
        public init() {}
    }

    /// What a node near a key sees: nothing but this.
    public struct ProviderRecord: Sendable, Hashable {
        /// The key.
        public let key: [UInt8]
        /// The peer that says to stand behind it, and where.
        public let provider: DiscoveredPeer
    }

    private struct Provider {
        var addresses: [Multiaddr]
        var storedAt: Duration
        var endsAt: Duration
        var order: UInt64
        var isRenewed = true
    }

    private struct Value {
        var bytes: [UInt8]
        var storedAt: Duration
        var endsAt: Duration
        var isRenewed = true
    }

    private struct State {
        var faults = Faults()
        var providers: [[UInt8]: [PeerID: Provider]] = [:]
        var values: [[UInt8]: Value] = [:]
        var seen: Set<ProviderRecord> = []
        var order: UInt64 = 0

        mutating func fails() -> Bool {
            guard faults.failingCalls > 0 else { return false }
            faults.failingCalls -= 1
            return true
        }
    }

    private let time: TimeSource
    private let rules: [String: any ValueRules]
    private let limits: Limits
    private let state = Mutex(State())

    /// Makes an empty discovery.
    ///
    /// - Parameters:
    ///   - timeSource: Where the time comes from.
    ///   - rules: The rules of each namespace; values of others are refused.
    ///   - limits: How much is kept.
    public init(timeSource: TimeSource, rules: [String: any ValueRules] = [:], limits: Limits = Limits()) {
        time = timeSource
        self.rules = rules
        self.limits = limits
    }

    /// What goes wrong from now on.
    public var faults: Faults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// The provider records that there ever were, as a crawler of all nodes would collect them; as many as there may be keys.
    public var providerRecords: Set<ProviderRecord> { state.withLock { $0.seen } }

    /// One peer's access to it.
    ///
    /// - Parameters:
    ///   - peer: The peer that publishes.
    ///   - addresses: Where that peer is reached, asked for with each publish.
    /// - Returns: The peer's `PeerDiscovery` and `ValueDiscovery`.
    public func member(
        _ peer: PeerID, addresses: @escaping @Sendable () -> [Multiaddr]
    ) -> InMemoryDiscoveryMember {
        InMemoryDiscoveryMember(peer: peer, addresses: addresses, discovery: self)
    }

    // MARK: Providers

    /// Notes a provider of a key.
    ///
    /// - Parameters:
    ///   - provider: The peer that stands behind the key, and where it is reached.
    ///   - key: The multihash bytes of the key.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when a fault or a limit forbids it.
    public func add(_ provider: DiscoveredPeer, to key: [UInt8], for lifetime: Duration) throws(TransportError) {
        let now = time.now().uptime
        let error = state.withLock { state -> TransportError? in
            if state.fails() { return Self.nobody }
            guard lifetime > .zero, !key.isEmpty else {
                return TransportError(.invalidArgument, "expected a key and a lifetime above zero")
            }
            guard state.providers[key] != nil || state.providers.count < limits.keys else {
                return TransportError(.limitExceeded, "\(limits.keys) keys have providers already")
            }
            state.order += 1
            if state.seen.count < limits.keys { state.seen.insert(ProviderRecord(key: key, provider: provider)) }
            state.providers[key, default: [:]][provider.peer] = Provider(
                addresses: provider.addresses, storedAt: now, endsAt: now + lifetime, order: state.order)
            if let all = state.providers[key], all.count > limits.providersPerKey,
                let oldest = all.min(by: { $0.value.order < $1.value.order })
            {
                state.providers[key]?[oldest.key] = nil
            }
            return nil
        }
        if let error { throw error }
    }

    /// A provider's record is renewed no longer; it runs out after ``Limits/afterglow`` at the latest.
    ///
    /// - Parameters:
    ///   - peer: The peer that stands behind the key no longer.
    ///   - key: The multihash bytes of the key.
    public func retire(_ peer: PeerID, from key: [UInt8]) {
        let end = time.now().uptime + limits.afterglow
        state.withLock { state in
            guard let provider = state.providers[key]?[peer] else { return }
            state.providers[key]?[peer]?.isRenewed = false
            state.providers[key]?[peer]?.endsAt = min(provider.endsAt, end)
        }
    }

    /// The keys with records of a peer that are still renewed.
    ///
    /// - Parameter peer: The provider.
    /// - Returns: The keys.
    public func keys(providedBy peer: PeerID) -> Set<[UInt8]> {
        let now = time.now().uptime
        return state.withLock { state in
            Set(
                state.providers.filter { $0.value[peer].map { $0.isRenewed && $0.endsAt > now } ?? false }.map(\.key))
        }
    }

    /// The providers of a key: one from each holder's answer in turn, so that no holder's answer crowds out another's.
    ///
    /// - Parameters:
    ///   - key: The multihash bytes of the key.
    ///   - limit: The most peers to return.
    /// - Returns: Peers, the honest holders' newest first.
    /// - Throws: `TransportError` when a fault forbids it.
    public func providers(of key: [UInt8], limit: Int) throws(TransportError) -> [DiscoveredPeer] {
        let now = time.now().uptime
        let result = state.withLock { state -> Result<[DiscoveredPeer], TransportError> in
            if state.fails() { return .failure(Self.nobody) }
            let live = (state.providers[key] ?? [:]).filter { $0.value.endsAt > now }
            let honest = live.sorted { $0.value.order > $1.value.order }.map { peer, provider in
                DiscoveredPeer(peer: peer, addresses: provider.addresses, age: now - provider.storedAt)
            }
            return .success(merged(honest, state.faults.peers[key] ?? [], state.faults, limit: limit) { $0.peer })
        }
        return try result.get()
    }

    // MARK: Values

    /// Stores a value, unless there is a better one.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The name, as `/namespace/id`.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when the rules, a fault or a limit forbid it.
    public func put(_ value: [UInt8], at key: [UInt8], for lifetime: Duration) throws(TransportError) {
        let now = time.now()
        guard value.count <= limits.valueBytes, let rules = rules(of: key),
            rules.isValid(value, at: key, wallMilliseconds: now.wallMilliseconds)
        else { throw TransportError(.invalidArgument, "the value does not satisfy the rules of its namespace") }
        let error = state.withLock { state -> TransportError? in
            if state.fails() { return Self.nobody }
            guard state.values[key] != nil || state.values.count < limits.keys else {
                return TransportError(.limitExceeded, "\(limits.keys) names have values already")
            }
            if let there = state.values[key], there.endsAt > now.uptime,
                rules.isBetter(there.bytes, than: value, at: key)
            {
                return nil
            }
            state.values[key] = Value(bytes: value, storedAt: now.uptime, endsAt: now.uptime + lifetime)
            return nil
        }
        if let error { throw error }
    }

    /// A value is renewed no longer; it runs out after ``Limits/afterglow`` at the latest.
    ///
    /// - Parameter key: The name.
    public func retireValue(at key: [UInt8]) {
        let end = time.now().uptime + limits.afterglow
        state.withLock { state in
            guard let value = state.values[key] else { return }
            state.values[key]?.isRenewed = false
            state.values[key]?.endsAt = min(value.endsAt, end)
        }
    }

    /// The names with values that are still renewed.
    public var renewedNames: Set<[UInt8]> {
        let now = time.now().uptime
        return state.withLock { state in
            Set(state.values.filter { $0.value.isRenewed && $0.value.endsAt > now }.map(\.key))
        }
    }

    /// The best valid value under a name, of all that the holders return.
    ///
    /// - Parameter key: The name.
    /// - Returns: The value, or nil when there is no valid one.
    /// - Throws: `TransportError` when a fault forbids it.
    public func value(at key: [UInt8]) throws(TransportError) -> DiscoveredValue? {
        let now = time.now()
        let result = state.withLock { state -> Result<[DiscoveredValue], TransportError> in
            if state.fails() { return .failure(Self.nobody) }
            var honest: [DiscoveredValue] = []
            if let there = state.values[key], there.endsAt > now.uptime {
                honest = [DiscoveredValue(value: there.bytes, age: now.uptime - there.storedAt)]
            }
            let hostile = (state.faults.values[key] ?? []).map { DiscoveredValue(value: $0) }
            return .success(merged(honest, hostile, state.faults, limit: .max) { $0.value })
        }
        guard let rules = rules(of: key) else { return nil }
        var best: DiscoveredValue?
        for found in try result.get()
        where rules.isValid(found.value, at: key, wallMilliseconds: now.wallMilliseconds) {
            if let there = best, !rules.isBetter(found.value, than: there.value, at: key) { continue }
            best = found
        }
        return best
    }

    /// The rules of a name's namespace.
    private func rules(of key: [UInt8]) -> (any ValueRules)? {
        let parts = String(decoding: key, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].isEmpty else { return nil }
        return rules[String(parts[1])]
    }

    // MARK: Holders

    /// The first entries of all holders' answers, then the second ones, and so on; each once.
    private func merged<Entry, ID: Hashable>(
        _ honest: [Entry], _ hostile: [Entry], _ faults: Faults, limit: Int, id: (Entry) -> ID
    ) -> [Entry] {
        let hostileHolders = Int((faults.hostileShare * Double(limits.holders)).rounded())
        let answers = [
            hostileHolders > 0 ? hostile : [],
            hostileHolders < limits.holders ? honest : [],
        ]
        var seen: Set<ID> = []
        var merged: [Entry] = []
        for position in 0..<(answers.map(\.count).max() ?? 0) {
            for answer in answers where position < answer.count && merged.count < limit {
                if seen.insert(id(answer[position])).inserted { merged.append(answer[position]) }
            }
        }
        return merged
    }

    private static let nobody = TransportError(.unreachable, "no node can be reached")
}

/// One peer's access to an ``InMemoryDiscovery``.
public struct InMemoryDiscoveryMember: PeerDiscovery, ValueDiscovery {
    let peer: PeerID
    let addresses: @Sendable () -> [Multiaddr]
    let discovery: InMemoryDiscovery

    /// Becomes a provider of a key.
    ///
    /// - Parameters:
    ///   - key: The multihash bytes of the key.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when a fault or a limit forbids it.
    public func publish(_ key: [UInt8], for lifetime: Duration) async throws(TransportError) {
        try discovery.add(DiscoveredPeer(peer: peer, addresses: addresses()), to: key, for: lifetime)
    }

    /// Is no provider of a key any longer.
    ///
    /// - Parameter key: The multihash bytes of the key.
    public func withdraw(_ key: [UInt8]) async {
        discovery.retire(peer, from: key)
    }

    /// Looks for providers of a key.
    ///
    /// - Parameters:
    ///   - key: The multihash bytes of the key.
    ///   - limit: The most peers to return.
    /// - Returns: Peers, this one included if it is a provider.
    /// - Throws: `TransportError` when a fault forbids it.
    public func lookup(_ key: [UInt8], limit: Int) async throws(TransportError) -> [DiscoveredPeer] {
        try discovery.providers(of: key, limit: limit)
    }

    /// Stores a value, unless there is a better one.
    ///
    /// - Parameters:
    ///   - value: The bytes.
    ///   - key: The name, as `/namespace/id`.
    ///   - lifetime: How long from now.
    /// - Throws: `TransportError` when the rules, a fault or a limit forbid it.
    public func publish(_ value: [UInt8], at key: [UInt8], for lifetime: Duration) async throws(TransportError) {
        try discovery.put(value, at: key, for: lifetime)
    }

    /// Stops renewing a value.
    ///
    /// - Parameter key: The name.
    public func withdrawValue(at key: [UInt8]) async {
        discovery.retireValue(at: key)
    }

    /// Reads the best valid value under a name.
    ///
    /// - Parameter key: The name.
    /// - Returns: The value, or nil when there is no valid one.
    /// - Throws: `TransportError` when a fault forbids it.
    public func value(at key: [UInt8]) async throws(TransportError) -> DiscoveredValue? {
        try discovery.value(at: key)
    }
}
