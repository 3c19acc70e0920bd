import Crypto
import KademliaDHT
import Logging
import Multiformats
@_spi(Waiting) public import PeerTransport
import Synchronization

/// The part that a ``PeerNode/PeerNode`` takes in a distributed hash table: it finds peers and values among nodes that
/// nobody runs for all, and, as a server, helps others to do so (libp2p kad-dht specification).
///
/// It decides nothing itself: the machine in `KademliaDHT` does, under a lock, and this carries out what the machine wants.
/// What comes in is answered on the thread that read it, but for values to store, which are looked at elsewhere first.
public final class NodeDHT: Sendable {
    /// The node that takes part.
    public let node: PeerNode

    /// Which network, in which mode, and where to begin. ``status`` tells the present mode.
    public let configuration: NodeDHT.Configuration

    let protocolID: ProtocolID
    /// The peers to begin with.
    let trusted: Set<PeerID>
    let logger: Logger
    let metrics = DHTMetrics()
    let time: TimeSource
    let answerRoom: AnswerRoom
    let state: Mutex<State>
    let rules: [String: any RecordRules]

    enum Phase {
        /// It takes no part, and may begin to.
        case idle
        case running
        /// What ran is about to end.
        case ending
    }

    struct State {
        var phase = Phase.idle
        var machine: Kademlia
        var requests: RequestQueue<Kademlia.Request>
        var idle: IdleStreams
        var inbound: InboundRequests
        /// Those that wait for the end of an operation.
        var operations: [Kademlia.OperationID: OneShot<Result<Kademlia.Outcome, TransportError>>] = [:]
        var lastOperation: UInt64 = 0
        var lastInbound: UInt64 = 0
        /// Requests that came in and are answered when a value was looked at. The machine bounds how many.
        var lateAnswers: [Kademlia.InboundID: LateAnswer] = [:]
        /// Values to be looked at, one after another. The machine bounds how many.
        var checks = Fifo<Kademlia.Check>()
        /// Looks at them, while there are any.
        var checkTask: Task<Void, Never>?
        /// What runs until the shutdown: requests, and the search for peers to begin with.
        var requestTasks: [Kademlia.RequestID: Task<Void, Never>] = [:]
        var bootstrapTask: Task<Void, Never>?
        var alarm: Task<Void, Never>?
        /// When the alarm rings.
        var alarmDeadline: Duration?
        var observer: PeerNode.ObserverID?
        var isServing = false

        init(_ configuration: NodeDHT.Configuration, _ machine: Kademlia) {
            self.machine = machine
            requests = RequestQueue(
                maximum: configuration.maximumRequests,
                maximumPerPeer: configuration.maximumRequestsPerPeer,
                maximumWaiting: configuration.maximumWaitingRequests
            )
            idle = IdleStreams(
                maximum: configuration.maximumIdleStreams,
                maximumPerPeer: configuration.maximumIdleStreamsPerPeer,
                lifetime: configuration.idleStreamTimeout
            )
            inbound = InboundRequests(
                maximumPeers: configuration.maximumInboundPeers,
                maximumStreamsPerPeer: configuration.maximumInboundStreamsPerPeer,
                maximumPendingBytes: configuration.maximumPendingRequestBytes,
                maximumPendingBytesPerPeer: configuration.maximumPendingRequestBytesPerPeer,
                rate: RateLimit(
                    burst: configuration.inboundRequestBurst, perSecond: Double(configuration.inboundRequestsPerSecond)),
                ratePerNetwork: RateLimit(
                    burst: configuration.inboundRequestBurstPerNetwork,
                    perSecond: Double(configuration.inboundRequestsPerSecondPerNetwork)),
                maximumWait: configuration.maximumRequestDelay
            )
        }
    }

    /// Makes a part that is not taken yet: see ``start()``, and ``PeerNode/PeerNode/startDHT(_:)``, which does both.
    ///
    /// - Parameters:
    ///   - node: The node that takes part. It outlives its part.
    ///   - configuration: Which network, in which mode, and where to begin.
    /// - Throws: `TransportError.Code.invalidArgument` for a configuration that cannot work.
    public init(node: PeerNode, configuration: NodeDHT.Configuration) throws(TransportError) {
        try configuration.check()
        self.node = node
        self.configuration = configuration
        protocolID = configuration.protocolID
        trusted = Set(configuration.trustedPeers.map(\.peer)).subtracting([node.localPeer])
        time = node.configuration.timeSource
        answerRoom = AnswerRoom(limit: configuration.maximumAnswerBytes)
        var logger = node.logger
        logger[metadataKey: "dht.protocol"] = "\(protocolID)"
        self.logger = logger
        rules = configuration.rules.mapValues { MachineRules(rules: $0) }
        state = Mutex(State(configuration, Self.machine(of: node, configuration)))
    }

    private static func machine(of node: PeerNode, _ configuration: NodeDHT.Configuration) -> Kademlia {
        Kademlia(
            local: node.localPeer,
            configuration: configuration.machineConfiguration(
                node.localPeer, connections: node.configuration.maximumConnections),
            seed: UInt64.random(in: .min ... .max),
            hash: { Array(SHA256.hash(data: $0)) },
            namespaces: configuration.rules.mapValues { MachineRules(rules: $0) }
        )
    }

    // MARK: Life

    /// Takes part from now on, knowing nobody but the bootstrap peers, those that are connected, and servers that the node
    /// remembers: for the first time, or again after ``shutdown()``. In mode off it does nothing.
    ///
    /// - Throws: `TransportError.Code.invalidArgument` when the node takes part in a DHT already, or something else serves the
    ///   protocol; `TransportError.Code.shutDown` after the node was shut down.
    public func start() throws(TransportError) {
        guard configuration.mode != .off else { return }
        try node.dhtBegins(self)
        let hasBegun = state.withLock { state in
            guard state.phase == .idle else { return false }
            let former = state
            state = State(configuration, Self.machine(of: node, configuration))
            // Streams of before may still be open.
            state.inbound = former.inbound
            state.phase = .running
            node.dhtBoard.set(Self.status(of: state.machine))
            return true
        }
        guard hasBegun else { throw TransportError(.shutDown, "the DHT is being shut down") }
        do throws(TransportError) {
            if configuration.mode == .server { try serve() }
        } catch {
            state.withLock { $0.phase = .idle }
            node.dhtEnded(self)
            throw error
        }
        for peer in trusted { node.protect(peer, for: Self.reason) }
        let observer = node.addObserver(Observer(dht: self))
        state.withLock { $0.observer = observer }
        let remembered = node.knownPeers(speaking: protocolID, limit: max(0, configuration.rememberedServers))
        feed(.vouch(remembered.filter(\.isProven).map { Kademlia.Contact(peer: $0.peer, addresses: $0.addresses) }))
        // The present, beside what the observer is told from now on; the machine does not mind to be told twice.
        for peer in node.connectedPeers {
            if let (information, address) = node.identity(of: peer) { identified(peer, information, at: address) }
        }
        localAddressesChanged()
        feed(.tick)
        let unnamed = configuration.bootstrap.filter { $0.peerID == nil }
        guard !unnamed.isEmpty || !remembered.isEmpty else { return }
        state.withLock { state in
            guard state.phase == .running else { return }
            state.bootstrapTask = Task {
                async let greeted: Void = self.greet(remembered.map(\.peer))
                if !unnamed.isEmpty { await self.meet(unnamed) }
                await greeted
            }
        }
    }

    private func serve() throws(TransportError) {
        try node.respond(to: [protocolID], name: "dht") { [weak self] in self?.responder(for: $0) }
        state.withLock { $0.isServing = true }
    }

    /// Answers others from now on, or only asks: for a node that learns that others can or cannot reach it. A node that
    /// stops answering forgets what it has stored for others.
    ///
    /// - Parameter isServing: Whether to answer.
    /// - Throws: `TransportError.Code.invalidArgument` when something else serves the protocol at the node,
    ///   `TransportError.Code.discoveryOff` when the node takes no part.
    public func setServing(_ isServing: Bool) throws(TransportError) {
        let (isRunning, wasServing) = state.withLock { ($0.phase == .running, $0.isServing) }
        guard isRunning else { throw Self.offError }
        guard isServing != wasServing else { return }
        if isServing {
            try serve()
        } else {
            node.unregister([protocolID])
            state.withLock { $0.isServing = false }
        }
        feed(.setMode(isServing ? .server : .client))
    }

    /// Takes part no more: nothing is answered, asked or renewed from now on, and what waits for an operation gets
    /// `TransportError.Code.shutDown`. The node goes on. A second call does nothing.
    public func shutdown() async {
        struct Rest {
            var wasServing: Bool
            var observer: PeerNode.ObserverID?
            var tasks: [Task<Void, Never>]
            var waiting: [OneShot<Result<Kademlia.Outcome, TransportError>>]
            var streams: [PlacedStream]
            var lateAnswers: [LateAnswer]
        }
        let rest = state.withLock { state -> Rest? in
            guard state.phase == .running else { return nil }
            state.phase = .ending
            state.requests.removeWaiting()
            let tasks =
                Array(state.requestTasks.values) + [state.bootstrapTask, state.alarm].compactMap { $0 }
                + [state.checkTask].compactMap { $0 }
            defer {
                state.operations = [:]
                state.lateAnswers = [:]
                state.checks = Fifo()
            }
            return Rest(
                wasServing: state.isServing, observer: state.observer, tasks: tasks,
                waiting: Array(state.operations.values), streams: state.idle.removeAll(),
                lateAnswers: Array(state.lateAnswers.values)
            )
        }
        guard let rest else { return }
        if rest.wasServing { node.unregister([protocolID]) }
        if let observer = rest.observer { node.removeObserver(observer) }
        for peer in trusted { node.unprotect(peer, for: Self.reason) }
        for task in rest.tasks { task.cancel() }
        for latch in rest.waiting { latch.set(.failure(TransportError(.shutDown, "the DHT was shut down"))) }
        for answer in rest.lateAnswers { answer.set(nil) }
        for idle in rest.streams { idle.stream.stream.reset() }
        for task in rest.tasks { await task.value }
        // Behind the requests: one that was answered just now has given its peer a value.
        for peer in node.connectedPeers { node.tag(peer, weight: 0, for: Self.reason) }
        state.withLock { $0.phase = .idle }
        node.dhtEnded(self)
    }

    /// What it is like now.
    public var status: DHTStatus {
        state.withLock { state in state.phase == .running ? Self.status(of: state.machine) : .off }
    }

    static func status(of machine: Kademlia) -> DHTStatus {
        let status = machine.status
        return DHTStatus(
            mode: status.mode == .server ? .server : .client,
            routingTableSize: status.routingTableSize,
            isReady: status.isReady,
            lack: status.lack
        )
    }

    /// Waits until the node has found its place in the network.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: `TransportError.Code.notReady` when that is over, `TransportError.Code.discoveryOff` when the node takes
    ///   no part, or its part ends.
    public func waitUntilReady(timeout: Duration) async throws(TransportError) {
        let status = status
        guard status.isEnabled else { throw Self.offError }
        guard !status.isReady else { return }
        try await node.waitUntilReady(timeout: timeout)
    }

    /// Why the node keeps connections to peers of the DHT, and what one to a server is worth beside others that nothing uses.
    static let reason = "dht"
    static let serverValue = 10

    static let offError = TransportError(.discoveryOff, "the node takes no part in a DHT")

    // MARK: What the node tells

    func identified(_ peer: PeerID, _ information: PeerInformation, at remoteAddress: Multiaddr) {
        let isServer = information.protocols.contains(protocolID)
        // That it serves, anybody can say: it is worth something when it has answered.
        if !isServer { node.tag(peer, weight: 0, for: Self.reason) }
        feed(
            .identified(
                peer,
                addresses: information.addresses.filter(configuration.usedAddresses.allows),
                isServer: isServer,
                remote: remoteAddress
            )
        )
    }

    func localAddressesChanged() {
        let addresses = node.addresses.compactMap(\.withoutPeerID).filter(configuration.usedAddresses.allows)
        feed(
            .localAddresses(
                AddressOrder.worthiest(addresses, atMost: configuration.kademlia.limits.addressesPerPeer)))
    }

    func disconnected(_ peer: PeerID) {
        node.tag(peer, weight: 0, for: Self.reason)
        feed(.disconnected(peer))
        let streams = state.withLock { state in
            state.inbound.forget(peer)
            return state.idle.remove(peer)
        }
        for idle in streams { idle.stream.stream.reset() }
    }

    func connectionReplaced(_ peer: PeerID) {
        // They hold the former connection open.
        for idle in state.withLock({ $0.idle.remove(peer) }) { idle.stream.stream.reset() }
    }

    /// What the node tells. A class of its own, so that the interface has nothing of it.
    private final class Observer: PeerObserver {
        private let dht: NodeDHT

        init(dht: NodeDHT) {
            self.dht = dht
        }

        func peerIdentified(_ peer: PeerID, _ information: PeerInformation, at remoteAddress: Multiaddr) {
            dht.identified(peer, information, at: remoteAddress)
        }

        func peerDisconnected(_ peer: PeerID) { dht.disconnected(peer) }

        func connectionReplaced(_ peer: PeerID) { dht.connectionReplaced(peer) }

        func addressesChanged(_ addresses: [Multiaddr]) { dht.localAddressesChanged() }
    }
}
