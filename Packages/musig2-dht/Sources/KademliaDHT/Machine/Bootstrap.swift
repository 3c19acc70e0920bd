import Multiformats

/// How far a node is in finding its place in the network, and what it lacks to be ready.
struct Bootstrap: Sendable {
    private let configuration: Kademlia.Configuration
    private var hasBootstrapped = false
    /// Whether there is no peer to wait for.
    private var isFirst = false
    /// The bootstrap that the node does by itself, while it runs.
    private(set) var job: UInt64?
    /// Whether it runs, or will be tried again.
    private var isPlanned: Bool
    private var delay: Duration
    /// Peers that are no strangers.
    private(set) var vouched = VouchedPeers()

    init(_ configuration: Kademlia.Configuration) {
        self.configuration = configuration
        isPlanned = configuration.bootstrapsAutomatically && !configuration.bootstrapPeers.isEmpty
        delay = configuration.retryDelay
    }

    /// Whether the node bootstraps at its start.
    var isPlannedAtStart: Bool { configuration.bootstrapsAutomatically && !configuration.bootstrapPeers.isEmpty }

    // MARK: Facts

    mutating func setFirst(_ isFirst: Bool = true) { self.isFirst = isFirst }

    /// Notes a peer that is vouched for, if there is room: there is a peer to wait for.
    ///
    /// - Parameters:
    ///   - contact: The peer.
    ///   - key: Its key.
    ///   - groups: Where it is said to be.
    ///   - limit: The most peers that are vouched for.
    mutating func vouch(_ contact: Kademlia.Contact, at key: KademliaKey, in groups: NetworkGroups, limit: Int) {
        isFirst = false
        guard vouched.contacts[key] != nil || vouched.contacts.count < limit else { return }
        vouched.add(contact, at: key, in: groups)
    }

    /// A server has answered a question for its neighbours.
    mutating func noteAnswer(_ key: KademliaKey) { vouched.noteAnswer(key) }

    /// The node has found its neighbours, or has known them for long.
    mutating func foundPlace() {
        if !hasBootstrapped { delay = configuration.retryDelay }
        hasBootstrapped = true
    }

    /// Notes that the table is empty again; returns when to bootstrap, if the node does that by itself.
    mutating func losePlace(in table: RoutingTable) -> Duration? {
        guard table.liveCount == 0, hasBootstrapped else { return nil }
        hasBootstrapped = false
        vouched.reset()
        delay = configuration.retryDelay
        return configuration.bootstrapsAutomatically ? delay : nil
    }

    // MARK: Decisions

    /// What the node lacks to be ready.
    mutating func lack(in table: RoutingTable) -> Kademlia.Lack? {
        guard configuration.minimumReadyServers > 0, !isFirst else { return nil }
        guard hasBootstrapped else { return .lookup }
        guard table.liveCount >= configuration.minimumReadyServers else { return .servers }
        return vouched.lack { table.liveNetworks(atMost: $0) }
    }

    /// Whether it has bootstrapped, but not by way of any peer that is vouched for: then it tries again.
    private mutating func isSurrounded(_ table: RoutingTable) -> Bool {
        [.vouchedPeers, .networks].contains(lack(in: table))
    }

    /// Whether a server has come up that the node can bootstrap with now.
    func isPossible(in table: RoutingTable) -> Bool {
        configuration.bootstrapsAutomatically && !hasBootstrapped && !isPlanned && table.liveCount > 0
    }

    /// Whether it is to be tried again later.
    mutating func isToBeTriedAgain(in table: RoutingTable) -> Bool {
        configuration.bootstrapsAutomatically && job == nil && !isPlanned && isSurrounded(table)
    }

    /// What a bootstrap begins with.
    struct Start: Hashable, Sendable {
        /// Whether those that are vouched for are asked beside it.
        let probesVouched: Bool
    }

    /// Whether a bootstrap is to begin; nil if not. The caller then calls ``began(_:)``.
    mutating func begin(in table: RoutingTable) -> Start? {
        guard job == nil, !hasBootstrapped || isSurrounded(table) else { return nil }
        isPlanned = true
        return Start(probesVouched: isSurrounded(table))
    }

    /// The job of the bootstrap has a number.
    mutating func began(_ job: UInt64) { self.job = job }

    /// The bootstrap is over; returns whether it is to be tried again.
    mutating func ended(hasFailed: Bool) -> Bool {
        job = nil
        isPlanned = false
        return hasFailed && !configuration.bootstrapPeers.isEmpty
    }

    /// Plans another one; returns how long to wait, longer each time.
    mutating func plan() -> Duration {
        isPlanned = true
        let wait = delay
        delay = min(delay * 2, configuration.refreshInterval)
        return wait
    }
}
