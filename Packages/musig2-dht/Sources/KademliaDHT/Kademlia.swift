public import Multiformats
import WireCodec

/// One node of a libp2p Kademlia network, as a pure state machine (libp2p kad-dht specification).
///
/// A value without sockets, clock, randomness or hash function. It is told inputs and answers with effects, so that a log of
/// inputs replays it. Requests that come in are answered in the same call, but for values to store, which are looked at beside it.
public struct Kademlia: Sendable {
    /// Computes the SHA-256 of bytes, 32 bytes.
    public typealias Hash = @Sendable ([UInt8]) -> [UInt8]

    /// This node.
    public let local: PeerID
    /// How it behaves.
    public let configuration: Configuration
    /// What the caller sees of the machine's state.
    public private(set) var status: Status

    var generator: SeededGenerator
    /// The peers that it knows.
    var peers: PeerDirectory
    /// Its own requests.
    var requests = PendingRequests()
    /// What its requests are for.
    var jobs: JobTable
    /// What it stores, publishes and answers.
    var server: Server
    var bootstrap: Bootstrap
    var deadlines = Deadlines()

    /// Makes a node that knows nobody yet.
    ///
    /// - Parameters:
    ///   - local: This node.
    ///   - configuration: How to behave.
    ///   - seed: What all random choices follow from: draw it from the system's generator.
    ///   - hash: SHA-256.
    ///   - namespaces: The rules of values, by namespace: `pk` for keys that begin with `/pk/`.
    public init(
        local: PeerID, configuration: Configuration = Configuration(), seed: UInt64, hash: @escaping Hash,
        namespaces: [String: any RecordRules] = [:]
    ) {
        let configuration = configuration.sound
        self.local = local
        self.configuration = configuration
        generator = SeededGenerator(seed: seed)
        peers = PeerDirectory(local, configuration, hash: hash)
        jobs = JobTable(configuration.limits)
        server = Server(configuration, namespaces: namespaces)
        bootstrap = Bootstrap(configuration)
        status = Status(mode: configuration.mode, routingTableSize: 0, lack: .lookup)
        deadlines.add(.start, at: .zero)
        vouch(configuration.bootstrapPeers, atMost: .max)
    }

    /// Takes one input.
    ///
    /// - Parameters:
    ///   - input: What happened.
    ///   - now: The time.
    /// - Returns: What to do, in order.
    public mutating func handle(_ input: Input, at now: Now) -> [Effect] {
        var context = Context(now: now)
        apply(input, in: &context)
        runTimers(in: &context)
        startWaiting(in: &context)
        updateStatus(in: &context)
        return context.effects
    }

    private mutating func apply(_ input: Input, in context: inout Context) {
        switch input {
        case .identified(let peer, let addresses, let isServer, let remote):
            peers.identified(peer, addresses, isServer: isServer, at: remote)
        case .vouch(let contacts):
            vouch(contacts, atMost: configuration.bootstrapPeers.count + configuration.limits.vouchedPeers)
        case .disconnected(let peer): peers.disconnected(peer)
        case .localAddresses(let addresses):
            guard peers.setLocalAddresses(addresses, at: context.time) else { return }
            deadlines.add(.addresses, at: context.time + configuration.addressSettling)
        case .isFirst: bootstrap.setFirst()
        case .setMode(let mode):
            if mode == .client { bootstrap.setFirst(false) }
            server.setMode(mode)
        case .request(let id, let peer, let address, let message):
            let asker = PendingCheck.Asker(id: id, peer: peer, address: address)
            let answer = server.answer(message, for: asker, knowing: peers, at: context.now, using: &generator)
            carryOut(answer, to: asker, in: &context)
        case .started(let id): started(id, in: &context)
        case .response(let id, let message, let remote): responded(id, from: remote, message, in: &context)
        case .sent(let id): wasSent(id, in: &context)
        case .requestFailed(let id, let failure): requestFailed(id.rawValue, failure, in: &context)
        case .checked(let id, let result): checked(id, result, in: &context)
        case .start(let id, let operation): start(id, operation, in: &context)
        case .cancel(let id): cancel(id)
        case .tick: break
        }
    }

    private mutating func vouch(_ contacts: [Contact], atMost limit: Int) {
        for contact in contacts where contact.peer != local {
            let groups = peers.rules.addresses(of: contact.peer, contact.addresses).groups
            bootstrap.vouch(contact, at: peers.kademliaKey(of: contact.peer.bytes), in: groups, limit: limit)
        }
    }

    func carryOut(_ answer: Server.Answer, to asker: PendingCheck.Asker, in context: inout Context) {
        switch answer {
        case .reply(let message): context.effects.append(.reply(asker.id, message))
        case .done: context.effects.append(.noReply(asker.id))
        case .refused(let refusal): context.effects.append(.refuse(asker.id, refusal))
        case .check(let check): context.effects.append(.check(check))
        case .wait: break
        }
    }

    private mutating func updateStatus(in context: inout Context) {
        let now = Status(
            mode: server.mode, routingTableSize: peers.table.liveCount, lack: bootstrap.lack(in: peers.table))
        guard status != now else { return }
        status = now
        context.effects.append(.statusChanged(status))
    }

    /// When ``Input/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { deadlines.earliest }
}

// What the node does by itself: bootstrap, refresh, cleaning up.
extension Kademlia {
    private mutating func runTimers(in context: inout Context) {
        while let (time, timer) = deadlines.first {
            if time > context.time, isWaitedFor(timer, time) { return }
            deadlines.removeFirst()
            if time <= context.time { fire(timer, in: &context) }
        }
    }

    /// Whether anything still waits for a timer.
    private func isWaitedFor(_ timer: Deadlines.Timer, _ time: Duration) -> Bool {
        switch timer {
        case .slow(let id), .request(let id): requests[id] != nil
        case .job(let id): jobs.wakesAt(id) == time
        case .publication(let id): server.publications[id]?.wakesAt == time
        case .start, .bootstrap, .refresh, .cleanup, .addresses: true
        }
    }

    private mutating func fire(_ timer: Deadlines.Timer, in context: inout Context) {
        switch timer {
        case .start:
            planRefresh(at: context.time)
            deadlines.add(.cleanup, at: context.time + configuration.cleanupInterval)
            if bootstrap.isPlannedAtStart { deadlines.add(.bootstrap, at: context.time) }
        case .slow(let id): requestIsSlow(id, in: &context)
        case .request(let id): requestFailed(id, .timedOut, in: &context)
        case .job(let id): jobIsDue(id, in: &context)
        case .publication(let id):
            if server.publications.isDue(id, at: context.time) { jobs.enqueue(.renew(id)) }
        case .addresses:
            if peers.haveLocalAddressesSettled(at: context.time) { renewProviders(in: &context) }
        case .bootstrap: startBootstrap(in: &context)
        case .refresh:
            refresh(in: &context)
            planRefresh(at: context.time)
        case .cleanup:
            server.removeExpired(at: context.now)
            deadlines.add(.cleanup, at: context.time + configuration.cleanupInterval)
        }
    }

    private mutating func planRefresh(at time: Duration) {
        deadlines.add(.refresh, at: time + generator.jitter(configuration.refreshInterval))
    }

    /// Starts what waits: a bootstrap that has become possible, probes, lookups of the node's own.
    private mutating func startWaiting(in context: inout Context) {
        if let delay = bootstrap.losePlace(in: peers.table) { deadlines.add(.bootstrap, at: context.time + delay) }
        if bootstrap.isPossible(in: peers.table) { startBootstrap(in: &context) }
        if bootstrap.isToBeTriedAgain(in: peers.table) { planBootstrap(in: &context) }
        while let task = jobs.nextBackgroundTask() {
            switch task {
            case .findSelf: startJob(.closestPeers(local.bytes), for: Job.Purpose(isBackground: true), in: &context)
            case .refresh(let prefix, let parent):
                let key = peers.randomKey(prefix, using: &generator)
                startJob(.refresh(key), for: Job.Purpose(parent: parent, isBackground: true), in: &context)
            case .renew(let id): startRenewal(id, in: &context)
            }
        }
        sendProbes(in: &context)
    }

    private mutating func startBootstrap(in context: inout Context) {
        guard let start = bootstrap.begin(in: peers.table) else { return }
        if start.probesVouched {
            for (key, contact) in bootstrap.vouched.silent { peers.probe(contact, key) }
        }
        let job = addJob(.bootstrap, for: Job.Purpose())
        bootstrap.began(job)
        startLookup(job, in: &context)
    }

    /// Plans another bootstrap after a while, later each time.
    mutating func planBootstrap(in context: inout Context) {
        deadlines.add(.bootstrap, at: context.time + generator.jitter(bootstrap.plan()))
    }

    private mutating func refresh(in context: inout Context) {
        peers.probeStale(at: context.time)
        guard peers.table.count > 0, !jobs.isRefreshing else { return }
        jobs.enqueue(.findSelf)
        for prefix in 0..<peers.table.prefixesToRefresh {
            let hasBucket = prefix < peers.table.buckets.count - 1
            if hasBucket,
                context.time - peers.table.buckets[prefix].lastLookup < configuration.refreshInterval / 2
            {
                continue
            }
            jobs.enqueue(.refresh(prefix: prefix, parent: nil))
        }
    }
}

// For simulations.
extension Kademlia {
    /// Puts a server in the routing table as if it had answered: for a network that has been there for long.
    package mutating func know(_ contact: Contact, at time: Duration) {
        peers.know(contact, at: time)
        bootstrap.foundPlace()
    }

    /// The servers in the routing table that answered when last asked.
    package var _servers: [PeerID] { peers.table.buckets.flatMap { $0.entries.filter(\.isLive).map(\.peer) } }

    /// What is wrong with the machine's tables; empty if nothing is.
    package func _checkInvariants() -> [String] {
        peers.table._checkInvariants() + server.providers._checkInvariants() + server.values._checkInvariants()
    }
}
