import Crypto
import KademliaDHT
import Logging
import Multiformats
public import PeerTransport
import Synchronization
import WireCodec

/// The part that a ``PeerNode/PeerNode`` takes in a distributed hash table: it finds peers and values among nodes that
/// nobody runs for all, and, as a server, helps others to do so (libp2p kad-dht specification).
///
/// ``PeerNode/PeerNode/startDHT(_:)`` makes it. It decides nothing itself: the machine in `KademliaDHT` does, under a lock,
/// and this carries out what the machine wants. What comes in is answered on the thread that read it.
public final class NodeDHT: Sendable {
    /// Whose part it is.
    public let node: PeerNode

    /// What it was started with; ``status`` tells the present mode.
    public let configuration: DHTConfiguration

    let protocolID: ProtocolID
    let logger: Logger
    let metrics = DHTMetrics()
    private let time: TimeSource
    private let state: Mutex<State>

    private struct State {
        var machine: Kademlia
        var requests: RequestQueue<Outgoing>
        var idle: IdleStreams
        var inbound: InboundRequests
        /// Those who wait for the end of an operation.
        var operations: [Kademlia.OperationID: Latch<Result<Kademlia.Outcome, TransportError>>] = [:]
        var lastOperation: UInt64 = 0
        var lastInbound: UInt64 = 0
        /// What runs until the shutdown: requests, and the search for the bootstrap addresses.
        var requestTasks: [Kademlia.RequestID: Task<Void, Never>] = [:]
        var bootstrapTask: Task<Void, Never>?
        var alarm: Task<Void, Never>?
        /// When the alarm rings.
        var alarmDeadline: Duration?
        var observer: PeerNode.ObserverID?
        var isServing = false
        var isOver: Bool
    }

    /// A request on its way.
    struct Outgoing: Sendable {
        let request: Kademlia.Request
        /// When nobody waits for it any more.
        let deadline: Duration
    }

    init(node: PeerNode, configuration: DHTConfiguration) throws(TransportError) {
        try configuration.check()
        self.node = node
        self.configuration = configuration
        protocolID = configuration.protocolID
        time = node.configuration.timeSource
        var logger = node.logger
        logger[metadataKey: "dht.protocol"] = "\(protocolID)"
        self.logger = logger
        let machine = Kademlia(
            local: node.localPeer,
            configuration: configuration.machineConfiguration(node.localPeer),
            seed: UInt64.random(in: .min ... .max),
            hash: { Array(SHA256.hash(data: $0)) },
            namespaces: configuration.rules.mapValues { MachineRules(rules: $0) }
        )
        state = Mutex(
            State(
                machine: machine,
                requests: RequestQueue(
                    maximum: configuration.maximumRequests,
                    maximumPerPeer: configuration.maximumRequestsPerPeer,
                    maximumWaiting: configuration.maximumWaitingRequests
                ),
                idle: IdleStreams(
                    maximum: configuration.maximumIdleStreams,
                    maximumPerPeer: configuration.maximumIdleStreamsPerPeer,
                    lifetime: configuration.idleStreamTimeout
                ),
                inbound: InboundRequests(
                    maximumStreamsPerPeer: configuration.maximumInboundStreamsPerPeer,
                    requestsPerSecond: configuration.inboundRequestsPerSecond,
                    burst: configuration.inboundRequestBurst
                ),
                isOver: configuration.mode == .off
            )
        )
    }

    // MARK: Life

    /// What it is like now.
    public var status: DHTStatus {
        state.withLock { state in state.isOver ? .off : Self.status(of: state.machine) }
    }

    /// Waits until the node has found its place in the network.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: `TransportError.Code.notReady` when that is over, `TransportError.Code.discoveryOff` when the node takes
    ///   no part, or its part has ended.
    public func waitUntilReady(timeout: Duration) async throws(TransportError) {
        let status = status
        guard status.isEnabled else { throw Self.offError }
        guard !status.isReady else { return }
        try await node.waitUntilReady(timeout: timeout)
    }

    /// Answers others from now on, or only asks: for a node that learns that others can or cannot reach it. A node that
    /// stops answering forgets what it has stored for others.
    ///
    /// - Parameter isServing: Whether to answer.
    /// - Throws: `TransportError.Code.invalidArgument` when something else serves the protocol at the node,
    ///   `TransportError.Code.discoveryOff` when the part of the node has ended.
    public func setServing(_ isServing: Bool) throws(TransportError) {
        let isChanged = try state.withLock { state throws(TransportError) -> Bool in
            guard !state.isOver else { throw Self.offError }
            defer { state.isServing = isServing }
            return state.isServing != isServing
        }
        guard isChanged else { return }
        if isServing {
            do throws(TransportError) {
                try node.respond(to: [protocolID], name: "dht") { [weak self] in self?.responder(for: $0) }
            } catch {
                state.withLock { $0.isServing = false }
                throw error
            }
        } else {
            node.unregister([protocolID])
        }
        feed(.setMode(isServing ? .server : .client))
    }

    func start() throws(TransportError) {
        state.withLock { node.dhtBoard.set(Self.status(of: $0.machine)) }
        if configuration.mode == .server { try setServing(true) }
        let observer = node.addObserver(Observer(dht: self))
        state.withLock { $0.observer = observer }
        // The present, beside what the observer is told from now on; the machine does not mind to be told twice.
        for peer in node.connectedPeers {
            if let information = node.information(of: peer) { identified(peer, information) }
        }
        localAddressesChanged()
        feed(.tick)
        let unnamed = configuration.bootstrap.filter { $0.peerID == nil }
        guard !unnamed.isEmpty else { return }
        state.withLock { state in
            guard !state.isOver else { return }
            state.bootstrapTask = Task { await self.meet(unnamed) }
        }
    }

    /// Takes part no more: nothing is answered, asked or renewed from now on, and what waits for an operation gets
    /// `TransportError.Code.shutDown`. The node goes on, and may start again. A second call does nothing.
    public func shutdown() async {
        let (wasServing, observer, tasks, waiting, streams) = state.withLock { state in
            state.isOver = true
            state.alarm?.cancel()
            state.requests.removeWaiting()
            defer {
                state.operations = [:]
                state.requestTasks = [:]
                state.isServing = false
                state.observer = nil
                state.alarm = nil
                state.bootstrapTask = nil
            }
            let tasks = Array(state.requestTasks.values) + [state.bootstrapTask, state.alarm].compactMap { $0 }
            return (state.isServing, state.observer, tasks, Array(state.operations.values), state.idle.removeAll())
        }
        if wasServing { node.unregister([protocolID]) }
        if let observer { node.removeObserver(observer) }
        for task in tasks { task.cancel() }
        for latch in waiting { latch.set(.failure(TransportError(.shutDown, "the DHT was shut down"))) }
        for stream in streams { stream.reset() }
        for task in tasks { await task.value }
        node.dhtEnded(self)
    }

    static let offError = TransportError(.discoveryOff, "the node takes no part in a DHT")

    // MARK: The machine

    private func now() -> Kademlia.Now {
        let reading = time.now()
        return Kademlia.Now(monotonic: reading.uptime, wallMilliseconds: reading.wallMilliseconds)
    }

    /// Tells the machine what happened, and does what it wants.
    func feed(_ input: Kademlia.Input) {
        let now = now()
        let (turn, late) = state.withLock { state -> (Turn, [any ByteStream]) in
            guard !state.isOver else { return (Turn(), []) }
            let turn = handle(input, at: now, in: &state)
            let late = state.idle.expire(at: now.monotonic)
            setAlarm(&state, at: now.monotonic)
            return (turn, late)
        }
        note(turn)
        for stream in late { stream.reset() }
    }

    /// What the machine says to a request that came in.
    enum Verdict {
        case reply(KademliaMessage)
        case noReply
        case refuse(Kademlia.Refusal)
    }

    /// What is left to be done of an input outside the lock.
    private struct Turn {
        /// The answer, if the input is a request that came in.
        var verdict: Verdict?
        /// What has changed.
        var status: DHTStatus?
    }

    /// One input, and all that follows from it at once.
    private func handle(_ input: Kademlia.Input, at now: Kademlia.Now, in state: inout State) -> Turn {
        var turn = Turn()
        var inputs = [input]
        while let input = inputs.popLast() {
            for effect in state.machine.handle(input, at: now) {
                switch effect {
                case .send(let request):
                    let outgoing = Outgoing(request: request, deadline: now.monotonic + request.timeout)
                    switch state.requests.add(outgoing, to: request.peer) {
                    case .start: start(outgoing, in: &state)
                    case .wait: break
                    case .refuse: inputs.append(.requestFailed(request.id, .timedOut))
                    }
                case .reply(_, let message): turn.verdict = .reply(message)
                case .noReply: turn.verdict = .noReply
                case .refuse(_, let refusal): turn.verdict = .refuse(refusal)
                case .completed(let id, let outcome):
                    state.operations.removeValue(forKey: id)?.set(.success(outcome))
                case .statusChanged:
                    let status = Self.status(of: state.machine)
                    // Under the lock, so that the last one told is the last one there was.
                    node.dhtBoard.set(status)
                    turn.status = status
                default: break
                }
            }
        }
        return turn
    }

    private static func status(of machine: Kademlia) -> DHTStatus {
        let status = machine.status
        return DHTStatus(
            mode: status.mode == .server ? .server : .client,
            routingTableSize: status.routingTableSize,
            isReady: status.isReady
        )
    }

    private func note(_ turn: Turn) {
        guard let status = turn.status else { return }
        metrics.routingTable(status.routingTableSize)
        logger.debug(
            "DHT status",
            metadata: [
                "dht.mode": "\(status.mode)", "dht.peers": "\(status.routingTableSize)",
                "dht.ready": "\(status.isReady)",
            ]
        )
    }

    /// Lets the next tick come in time. One task sleeps; it is replaced when something is due earlier.
    private func setAlarm(_ state: inout State, at now: Duration) {
        guard let wanted = [state.machine.nextDeadline, state.idle.nextDeadline].compactMap({ $0 }).min(),
            state.alarmDeadline.map({ wanted < $0 }) ?? true
        else { return }
        state.alarm?.cancel()
        state.alarmDeadline = wanted
        state.alarm = Task { [weak self, time] in
            do {
                try await time.sleep(max(.zero, wanted - now))
            } catch {
                return
            }
            self?.ring(wanted)
        }
    }

    private func ring(_ deadline: Duration) {
        state.withLock { state in
            if state.alarmDeadline == deadline { state.alarmDeadline = nil }
        }
        feed(.tick)
    }

    /// Runs an operation of the machine to its end.
    func perform(_ operation: Kademlia.Operation) async throws(TransportError) -> Kademlia.Outcome {
        let end = Latch<Result<Kademlia.Outcome, TransportError>>()
        let id = state.withLock { state -> Kademlia.OperationID? in
            guard !state.isOver else { return nil }
            state.lastOperation &+= 1
            let id = Kademlia.OperationID(state.lastOperation)
            state.operations[id] = end
            return id
        }
        guard let id else { throw Self.offError }
        feed(.start(id, operation))
        guard let result = await end.wait() else {
            state.withLock { $0.operations[id] = nil }
            feed(.cancel(id))
            throw TransportError(.cancelled, "the task that waited for the DHT was cancelled")
        }
        return try result.get()
    }

    // MARK: Requests that come in

    /// What a peer asks on a stream is answered by this.
    private func responder(for context: ResponderContext) -> KademliaResponder? {
        let now = time.now().uptime
        let isOpen = state.withLock { state in
            !state.isOver && state.inbound.open(context.remotePeer, at: now)
        }
        guard isOpen else {
            metrics.requestRefused()
            return nil
        }
        return KademliaResponder(of: self, for: context)
    }

    func responderEnded(_ peer: PeerID) {
        state.withLock { $0.inbound.close(peer) }
    }

    /// Answers a request of a peer.
    ///
    /// - Returns: The answer of the machine; nil when the peer asks too often, or the DHT is over.
    func answer(_ request: KademliaMessage, from peer: PeerID, at address: Multiaddr) -> Verdict? {
        let now = now()
        let turn = state.withLock { state -> Turn in
            guard !state.isOver, state.inbound.admit(peer, at: now.monotonic) else { return Turn() }
            state.lastInbound &+= 1
            let id = Kademlia.InboundID(state.lastInbound)
            defer { setAlarm(&state, at: now.monotonic) }
            return handle(.request(id, from: peer, address: address, request), at: now, in: &state)
        }
        note(turn)
        return turn.verdict
    }

    // MARK: Requests that go out

    private func start(_ outgoing: Outgoing, in state: inout State) {
        metrics.requestSent()
        state.requestTasks[outgoing.request.id] = Task { await self.run(outgoing) }
    }

    private func run(_ outgoing: Outgoing) async {
        let outcome = await carryOut(outgoing)
        if case .requestFailed = outcome { metrics.requestFailed() }
        state.withLock { state in
            state.requestTasks[outgoing.request.id] = nil
            if let next = state.requests.finish(outgoing.request.peer), !state.isOver { start(next, in: &state) }
        }
        feed(outcome)
    }

    func takeIdleStream(to peer: PeerID) -> (any ByteStream)? {
        state.withLock { $0.idle.take(peer) }
    }

    /// Keeps a stream for the next request to the peer.
    func keep(_ stream: any ByteStream, to peer: PeerID) {
        let now = time.now().uptime
        let spare = state.withLock { state -> (any ByteStream)? in
            guard !state.isOver else { return stream }
            defer { setAlarm(&state, at: now) }
            return state.idle.put(stream, to: peer, at: now)
        }
        spare?.reset()
    }

    // MARK: What the node tells

    private func identified(_ peer: PeerID, _ information: PeerInformation) {
        feed(
            .identified(
                peer,
                addresses: information.addresses,
                isServer: information.protocols.contains(protocolID)
            )
        )
    }

    private func localAddressesChanged() {
        feed(.localAddresses(node.addresses.compactMap(\.withoutPeerID)))
    }

    private func disconnected(_ peer: PeerID) {
        feed(.disconnected(peer))
        let streams = state.withLock { state in
            state.inbound.forget(peer)
            return state.idle.remove(peer)
        }
        for stream in streams { stream.reset() }
    }

    private func connectionReplaced(_ peer: PeerID) {
        // They hold the former connection open.
        for stream in state.withLock({ $0.idle.remove(peer) }) { stream.reset() }
    }

    /// What the node tells. A class of its own, so that the interface has nothing of it.
    private final class Observer: PeerObserver {
        private let dht: NodeDHT

        init(dht: NodeDHT) {
            self.dht = dht
        }

        func peerIdentified(_ peer: PeerID, _ information: PeerInformation) { dht.identified(peer, information) }

        func peerDisconnected(_ peer: PeerID) { dht.disconnected(peer) }

        func connectionReplaced(_ peer: PeerID) { dht.connectionReplaced(peer) }

        func addressesChanged(_ addresses: [Multiaddr]) { dht.localAddressesChanged() }
    }
}
