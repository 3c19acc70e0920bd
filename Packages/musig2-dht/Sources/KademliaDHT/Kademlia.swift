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

    let hash: Hash
    let namespaces: [String: any RecordRules]
    let localKey: KademliaKey
    let trusted: Set<KademliaKey>
    var generator: SeededGenerator
    var mode: Mode

    var table: RoutingTable
    /// Connected peers, servers or not, and where they are.
    var connected: [KademliaKey: ConnectedPeer] = [:]
    /// Where this node is, binary.
    var localAddresses: [[UInt8]] = []
    var addressesChangedAt: Duration?

    var requests: [UInt64: PendingRequest] = [:]
    var nextRequest: UInt64 = 0
    var jobs: [UInt64: Job] = [:]
    var nextJob: UInt64 = 0
    var operations: [OperationID: UInt64] = [:]
    var probes = Probes()
    var background: [BackgroundTask] = []
    var backgroundJobs = 0

    var providers: ProviderStore
    var values: ValueStore
    var checkAllowance: CheckAllowance
    var checks: [UInt64: PendingCheck] = [:]
    var nextCheck: UInt64 = 0
    var publications: [UInt64: Publication] = [:]
    var publicationIDs: [Publication.Kind: UInt64] = [:]
    var nextPublication: UInt64 = 0

    var deadlines = Deadlines()
    var hasBootstrapped = false
    /// Whether there is nobody to wait for.
    var isFirst = false
    /// The bootstrap that the node does by itself, while it runs.
    var bootstrapJob: UInt64?
    /// Whether it runs, or will be tried again.
    var isBootstrapPlanned: Bool
    var bootstrapDelay: Duration
    /// Peers that are no strangers, and which of them have answered.
    var vouched = VouchedPeers()
    /// When anybody answered last.
    var lastHeard: Duration?

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
        self.hash = hash
        self.namespaces = namespaces
        localKey = KademliaKey(digest: hash(local.bytes))
        trusted = Set(configuration.bootstrapPeers.map { KademliaKey(digest: hash($0.peer.bytes)) })
        generator = SeededGenerator(seed: seed)
        mode = configuration.mode
        table = RoutingTable(local: localKey, bucketSize: configuration.bucketSize, limits: configuration.limits)
        providers = ProviderStore(configuration)
        values = ValueStore(configuration)
        checkAllowance = CheckAllowance(configuration.limits)
        isBootstrapPlanned = configuration.bootstrapsAutomatically && !configuration.bootstrapPeers.isEmpty
        bootstrapDelay = configuration.retryDelay
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
            identified(peer, addresses, isServer: isServer, at: remote, in: &context)
        case .vouch(let contacts): vouch(contacts)
        case .disconnected(let peer): disconnected(peer)
        case .localAddresses(let addresses): setLocalAddresses(addresses, in: &context)
        case .isFirst: isFirst = true
        case .setMode(let mode): setMode(mode)
        case .request(let id, let peer, let address, let message):
            serve(id, from: peer, at: address, message, in: &context)
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

    private mutating func updateStatus(in context: inout Context) {
        let now = Status(mode: mode, routingTableSize: table.liveCount, lack: lack())
        guard status != now else { return }
        status = now
        context.effects.append(.statusChanged(status))
    }

    /// When ``Input/tick`` is due, in monotonic time; nil if nothing waits for time.
    public var nextDeadline: Duration? { deadlines.earliest }
}
