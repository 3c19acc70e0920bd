import MuSig2Session
import Multiformats
import PeerTransport
import PeerTransportTestKit
import Secp256k1
import Synchronization
import WireCodec

@testable import MuSig2Coordination

/// Nodes on one thread with virtual time and faults by seed: the same seed gives the same course of frames.
final class SimulatedWorld {
    struct Faults {
        var loss = 0.0
        var duplication = 0.0
        /// Frames take between nothing and this long, each for itself: later ones overtake.
        var delay = Duration.milliseconds(1)
        /// The share of look-ups and publishes that fail.
        var deafness = 0.0
    }

    /// The world's time, for what must be Sendable.
    private final class Clock: Sendable {
        let uptime = Mutex(Duration.zero)

        var source: TimeSource {
            TimeSource(
                now: { [self] in
                    let uptime = uptime.withLock { $0 }
                    return TimeSource.Reading(
                        uptime: uptime, wallMilliseconds: SimulatedWorld.now(at: uptime).wallMilliseconds)
                }, sleep: { _ in throw CancellationError() })
        }
    }

    /// What a DHT knows in this world.
    private(set) lazy var discovery = InMemoryDiscovery(
        timeSource: clock.source, rules: [RecordName.defaultNamespace: AnnouncementRules()])

    private enum Happening {
        case frame([UInt8], from: PeerID, to: PeerID, connection: UInt64)
        case dial(from: PeerID, to: PeerID)
        case call(() throws -> Void)
    }

    private struct Link: Hashable {
        let low: PeerID
        let high: PeerID

        init(_ one: PeerID, _ other: PeerID) {
            (low, high) = one < other ? (one, other) : (other, one)
        }
    }

    struct Dial: Hashable {
        let from: PeerID
        let to: PeerID
    }

    private(set) var time = Duration.zero {
        didSet { clock.uptime.withLock { $0 = time } }
    }
    private let clock = Clock()
    private var plan: [(at: Duration, order: UInt64, what: Happening)] = []
    private var order: UInt64 = 0
    private var connections: [Link: UInt64] = [:]
    private var generator: SeededGenerator
    private let seed: UInt64
    /// How many lives each signer's process has had.
    private var lives: [UInt64: UInt64] = [:]
    private static let wallAtStart: UInt64 = 1_800_000_000_000

    var faults = Faults()
    /// Peers that reach only each other; empty: all do.
    var island: Set<PeerID> = []
    /// Pairs that cannot connect.
    var apart: Set<Set<PeerID>> = []
    /// How often a peer was dialled.
    private(set) var dials: [Dial: Int] = [:]
    var nodes: [PeerID: SimulatedNode] = [:]
    /// Sees every frame that leaves, and may change it or swallow it.
    var tap: (([UInt8], PeerID, PeerID) -> [UInt8]?)?
    private(set) var ledger = PublicLedger()
    private(set) var framesSent = 0

    init(seed: UInt64) {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
    }

    var now: Now { Self.now(at: time) }

    private static func now(at time: Duration) -> Now {
        let parts = time.components
        let milliseconds = UInt64(parts.seconds) * 1_000 + UInt64(parts.attoseconds / 1_000_000_000_000_000)
        return Now(monotonic: time, wallMilliseconds: wallAtStart + milliseconds)
    }

    @discardableResult
    func start(
        _ number: UInt64,
        peer: PeerID? = nil,
        store: InMemorySessionStore = InMemorySessionStore(),
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        methods: [DiscoveryMethod] = []
    ) throws -> SimulatedNode {
        let peer = try peer ?? TestKeys.peer(number)
        defer { lives[number, default: 0] += 1 }
        let node = try SimulatedNode(
            number,
            peer: peer,
            store: store,
            configuration: configuration,
            // Each life has chance of its own: two runs with one number are told apart by their random bits alone.
            seed: seed &+ lives[number, default: 0] &* 0x9E37_79B9_7F4A_7C15,
            methods: methods,
            now: now
        )
        nodes[peer] = node
        carry(node)
        return node
    }

    /// The process dies without a word; the others see its connections break.
    func crash(_ node: SimulatedNode) {
        node.kill()
        bury(node)
    }

    private func bury(_ node: SimulatedNode) {
        guard nodes[node.peer] === node else { return }
        nodes[node.peer] = nil
        for link in connections.keys where link.low == node.peer || link.high == node.peer {
            cut(link.low, link.high)
        }
    }

    func give(_ input: CoordinatorInput, to node: SimulatedNode) {
        node.take(input, at: now)
        carry(node)
    }

    func create(
        _ plan: SessionPlan, by methods: Set<DiscoveryMethod> = [], at node: SimulatedNode
    ) throws -> SessionID {
        let id = try node.create(plan, by: methods, at: now)
        carry(node)
        return id
    }

    /// Looks for a session and joins it as soon as it is seen; tries again after a while if it was not.
    func join(_ session: SessionID, at node: SimulatedNode, provider: PeerID? = nil) {
        let before = node.previews.count
        guard node.isAlive, !node.machine.sessions.knows(session) else { return }
        let providers = provider.map { [Provider(peer: $0, addresses: Self.addresses)] } ?? []
        give(.lookUp(.session(session), providers: providers), to: node)
        finishJoin(session, at: node, provider: provider, before: before)
    }

    private func finishJoin(_ session: SessionID, at node: SimulatedNode, provider: PeerID?, before: Int) {
        schedule(.milliseconds(50)) { [self] in
            guard node.isAlive, !node.machine.sessions.knows(session) else { return }
            guard node.previews.count > before else {
                finishJoin(session, at: node, provider: provider, before: before)
                return
            }
            if case .success? = node.previews.last {
                give(.join(session), to: node)
            } else {
                schedule(.seconds(1)) { [self] in join(session, at: node, provider: provider) }
            }
        }
    }

    /// Looks into its inbox until there is something, and joins all of it.
    func joinWhatWaits(at node: SimulatedNode) {
        let before = node.previews.count
        guard node.isAlive else { return }
        give(.lookUp(node.machine.ownInbox, providers: []), to: node)
        joinWhatWaits(at: node, before: before)
    }

    private func joinWhatWaits(at node: SimulatedNode, before: Int) {
        schedule(.milliseconds(50)) { [self] in
            guard node.isAlive else { return }
            guard node.previews.count > before else {
                joinWhatWaits(at: node, before: before)
                return
            }
            if case .success(let waiting)? = node.previews.last, !waiting.isEmpty {
                for preview in waiting { give(.join(preview.session), to: node) }
            } else {
                schedule(.seconds(1)) { [self] in joinWhatWaits(at: node) }
            }
        }
    }

    static let addresses: [Multiaddr] = {
        do {
            return [try Multiaddr("/memory/1")]
        } catch {
            return []
        }
    }()

    func schedule(_ delay: Duration, _ call: @escaping () throws -> Void) {
        insert(time + delay, .call(call))
    }

    private func insert(_ at: Duration, _ what: Happening) {
        order += 1
        var low = 0
        var high = plan.count
        while low < high {
            let middle = (low + high) / 2
            if (plan[middle].at, plan[middle].order) > (at, order) { low = middle + 1 } else { high = middle }
        }
        plan.insert((at, order, what), at: low)
    }

    // MARK: The course of things

    /// Runs until a condition holds; false when the time is over first.
    func run(for limit: Duration, until done: () -> Bool) throws -> Bool {
        let end = time + limit
        while !done() {
            let deadline = nodes.values.compactMap(\.machine.nextDeadline).min()
            let next = [plan.last?.at, deadline].compactMap { $0 }.min()
            guard let next, next <= end else {
                time = end
                return done()
            }
            time = max(time, next)
            if let last = plan.last, last.at <= time {
                plan.removeLast()
                try happen(last.what)
            } else {
                for node in nodes.values.sorted(by: { $0.peer < $1.peer }) {
                    if let due = node.machine.nextDeadline, due <= time { give(.tick, to: node) }
                }
            }
        }
        return true
    }

    private func happen(_ what: Happening) throws {
        switch what {
        case .frame(let bytes, let from, let to, let connection):
            guard connections[Link(from, to)] == connection, let node = nodes[to] else { return }
            give(.network(.frame(bytes, from: from)), to: node)
        case .dial(let from, let to): dialled(from, to)
        case .call(let call): try call()
        }
    }

    private func dialled(_ from: PeerID, _ to: PeerID) {
        guard let node = nodes[from], connections[Link(from, to)] == nil else { return }
        dials[Dial(from: from, to: to), default: 0] += 1
        let isReachable =
            (island.isEmpty || island.contains(from) == island.contains(to)) && !apart.contains([from, to])
        guard let other = nodes[to], isReachable else {
            give(.network(.connectFailed(to, reason: "nobody answers")), to: node)
            return
        }
        order += 1
        connections[Link(from, to)] = order
        give(.network(.connected(to)), to: node)
        give(.network(.connected(from)), to: other)
    }

    /// Connects a peer, which need not be a node, to a node.
    func connect(_ peer: PeerID, to node: SimulatedNode) {
        guard peer != node.peer, connections[Link(peer, node.peer)] == nil else { return }
        order += 1
        connections[Link(peer, node.peer)] = order
        if let other = nodes[peer] { give(.network(.connected(node.peer)), to: other) }
        give(.network(.connected(peer)), to: node)
    }

    func cut(_ one: PeerID, _ other: PeerID) {
        guard connections.removeValue(forKey: Link(one, other)) != nil else { return }
        if let node = nodes[one] { give(.network(.disconnected(other)), to: node) }
        if let node = nodes[other] { give(.network(.disconnected(one)), to: node) }
    }

    /// Cuts what is between the island and the rest.
    func partition(_ island: Set<PeerID>) {
        self.island = island
        guard !island.isEmpty else { return }
        for link in connections.keys where island.contains(link.low) != island.contains(link.high) {
            cut(link.low, link.high)
        }
    }

    func isConnected(_ one: PeerID, _ other: PeerID) -> Bool { connections[Link(one, other)] != nil }

    private func carry(_ node: SimulatedNode) {
        if !node.isAlive { bury(node) }
        for effect in node.takeOutgoing() {
            switch effect {
            case .send(let frame, let to): send(frame, from: node.peer, to: to)
            case .connect(let to, _): insert(time + latency(), .dial(from: node.peer, to: to))
            case .disconnect(let to): cut(node.peer, to)
            case .find(let key, let limit): find(key, limit, for: node)
            case .publish(let attempt): publish(attempt, for: node)
            case .withdraw(let key): withdraw(key, for: node)
            default: break
            }
        }
    }

    // MARK: Discovery

    private func find(_ key: DiscoveryKey, _ limit: Int, for node: SimulatedNode) {
        schedule(latency()) { [self] in
            let found: Result<[DiscoveryHint], TransportError>
            do throws(TransportError) {
                if chance(faults.deafness) { throw TransportError(.timedOut, "nobody answered") }
                if key.method == .record {
                    let value = try discovery.value(at: name(of: key))
                    found = .success(value.map { [.announcement($0.value)] } ?? [])
                } else {
                    found = .success(try discovery.providers(of: key.bytes, limit: limit).map { .provider($0) })
                }
            } catch {
                found = .failure(error)
            }
            give(.found(key, found), to: node)
        }
    }

    private func publish(_ attempt: PublicationQueue.Attempt, for node: SimulatedNode) {
        schedule(latency()) { [self] in
            guard node.isAlive else { return }
            var failure: String?
            do throws(TransportError) {
                if chance(faults.deafness) { throw TransportError(.timedOut, "nobody answered") }
                if let announcement = attempt.announcement {
                    try discovery.put(announcement, at: name(of: attempt.key), for: attempt.lifetime)
                } else {
                    try discovery.add(
                        DiscoveredPeer(peer: node.peer, addresses: node.machine.local.addresses), to: attempt.key.bytes,
                        for: attempt.lifetime)
                }
            } catch {
                failure = error.description
            }
            give(.published(attempt.key, attemptID: attempt.id, failure: failure), to: node)
        }
    }

    private func withdraw(_ key: DiscoveryKey, for node: SimulatedNode) {
        // After what is under way.
        schedule(faults.delay) { [self] in
            if key.method == .record {
                discovery.retireValue(at: name(of: key))
            } else {
                discovery.retire(node.peer, from: key.bytes)
            }
        }
    }

    private func name(of key: DiscoveryKey) -> [UInt8] {
        key.subject.session.map { RecordName(session: $0).bytes } ?? []
    }

    /// Brings a frame on its way, also for those that are no node.
    func send(_ frame: [UInt8], from: PeerID, to: PeerID) {
        guard let connection = connections[Link(from, to)] else { return }
        framesSent += 1
        ledger.record(frame)
        guard let frame = tap.map({ $0(frame, from, to) }) ?? frame else { return }
        let copies = chance(faults.duplication) ? 2 : 1
        for _ in 0..<copies where !chance(faults.loss) {
            insert(time + latency(), .frame(frame, from: from, to: to, connection: connection))
        }
    }

    private func latency() -> Duration {
        let microseconds =
            faults.delay.components.seconds * 1_000_000 + faults.delay.components.attoseconds / 1_000_000_000_000
        return .microseconds(Int64.random(in: 0...max(0, microseconds), using: &generator))
    }

    private func chance(_ share: Double) -> Bool {
        share > 0 && Double(generator.next() >> 11) * 0x1p-53 < share
    }
}

/// What a reader of all frames can hold against a signer.
struct PublicLedger {
    struct Key: Hashable {
        var session: [UInt8]
        var index: UInt32
        var attempt: UInt32
        var run: UInt64
    }

    private(set) var nonces: [Key: Set<[UInt8]>] = [:]
    private(set) var partials: [Key: Set<[UInt8]>] = [:]
    private(set) var kinds: Set<MessageType> = []

    mutating func record(_ bytes: [UInt8]) {
        guard let frame = try? Frame(decoding: bytes) else { return }
        for item in frame.items {
            guard case .signedMessage(let message) = item else { continue }
            let body = message.body
            let key = Key(session: body.sessionID, index: body.index, attempt: body.attempt, run: body.run)
            kinds.insert(body.type)
            switch body.type {
            case .nonceShare: nonces[key, default: []].insert(body.payload)
            case .partialSigShare: partials[key, default: []].insert(body.payload)
            default: break
            }
        }
    }

    /// K1 and K2: no run shows two nonces or two partials for one attempt, no nonce is shown by two runs or for two attempts, and no
    /// two partials stand under one nonce.
    var breach: String? {
        var seen: [[UInt8]: Key] = [:]
        for (key, payloads) in nonces {
            if payloads.count > 1 { return "two nonces in one attempt and run of signer \(key.index)" }
            for payload in payloads {
                if let other = seen.updateValue(key, forKey: payload), other != key {
                    return "one nonce in two places of signer \(key.index)"
                }
            }
        }
        for (key, payloads) in partials where payloads.count > 1 {
            return "two partials under one nonce of signer \(key.index)"
        }
        return nil
    }
}
