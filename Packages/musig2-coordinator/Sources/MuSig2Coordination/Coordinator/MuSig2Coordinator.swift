public import Logging
public import MuSig2Session
@_spi(Waiting) public import PeerTransport
public import Secp256k1

/// Takes part in signing sessions over a network, as one signer.
///
/// The signer's key is given once. Then any number of sessions, up to the limits, run at the same time: those this node creates and
/// those it joins. Everything that decides is in a pure machine; this actor gives it the network's events, carries out what it
/// asks, and holds the secrets: the keys, and the nonces, which are never anywhere else.
///
/// ```swift
/// let coordinator = try MuSig2Coordinator(network: network, signer: key, consent: .approveEverything)
/// try await coordinator.start()
/// let session = try await coordinator.createSession(SessionRequest(signers: keys, messages: [message]))
/// print(session.invitation)
/// let signatures = try await coordinator.waitForSignatures(of: session.id)
/// ```
///
/// Run it as a `Service` (``run()``) in a service group, or with ``start()`` and ``shutdown()``.
public actor MuSig2Coordinator {
    /// Every limit and timeout.
    public nonisolated let configuration: Configuration
    /// The key that this node signs sessions with.
    public nonisolated let signerKey: PublicKey
    /// The key that signs this node's protocol messages; the signer key unless another was given.
    public nonisolated let messageKey: PublicKey

    nonisolated let network: any PeerNetwork
    let discoveries: [DiscoveryMethod: any SessionDiscovery]
    let store: any SessionStore
    let consent: any ConsentPolicy
    let time: TimeSource
    let reporter: EventReporter

    let signerSecret: SecretKey
    let messageSecret: SecretKey
    var vault = NonceVault()

    var machine: CoordinatorMachine
    var life = CoordinatorLife()
    var inputs = InputBatch()
    var hub = EventHub()
    var waiters = Waiters()
    var timer = TimerSlot()
    var tasks = BackgroundTasks()
    /// Open once the start has ended, well or not.
    let started = OneShot<Void>()
    /// Open once all is over.
    let stopped = OneShot<Void>()

    /// Makes a coordinator that is not running yet.
    ///
    /// - Parameters:
    ///   - network: How it reaches other signers. The coordinator is its only user and shuts it down at the end.
    ///   - signer: The key it signs sessions with.
    ///   - messageKey: The key for protocol messages, so that the signer key makes nothing but partial signatures; nil: the signer key.
    ///   - store: What must outlive the process. The default is lost with it.
    ///   - discovery: How sessions are made known and found: at most one for each method; none: by invitations alone.
    ///   - consent: The policy that decides what this node signs.
    ///   - configuration: Every limit and timeout.
    ///   - timeSource: Where the time comes from.
    ///   - logger: Where logs go; never secrets, and nothing above debug but what a person must know.
    /// - Throws: ``CoordinatorError`` with code ``CoordinatorError/Code/invalidConfiguration``.
    public init(
        network: any PeerNetwork,
        signer: consuming SecretKey,
        messageKey: consuming SecretKey? = nil,
        store: any SessionStore = InMemorySessionStore(),
        discovery: [any SessionDiscovery] = [],
        consent: any ConsentPolicy = ApproveOwnSessions(
            others: RefuseEverything(reason: "no consent policy was given")),
        configuration: Configuration = Configuration(),
        timeSource: TimeSource = .system,
        logger: Logger = Logger(label: "musig2.coordinator")
    ) throws(CoordinatorError) {
        try configuration.validate()
        self.configuration = configuration
        self.network = network
        var discoveries: [DiscoveryMethod: any SessionDiscovery] = [:]
        var numbers: Set<UInt8> = []
        for one in discovery {
            guard numbers.insert(one.method.number).inserted else {
                throw CoordinatorError(
                    .invalidConfiguration,
                    "discovery: expected at most one for each method, found another one for \(one.method.name)")
            }
            discoveries[one.method] = one
        }
        self.discoveries = discoveries
        self.store = store
        self.consent = consent
        self.time = timeSource
        var logger = logger
        logger[metadataKey: "peer.local"] = "\(network.localPeer)"
        reporter = EventReporter(metrics: CoordinatorMetrics(), logger: logger, time: timeSource)
        let messageSecret = messageKey ?? signer.copy()
        signerKey = signer.publicKey
        self.messageKey = messageSecret.publicKey
        signerSecret = signer
        self.messageSecret = messageSecret
        machine = CoordinatorMachine(
            configuration: configuration,
            signerKey: signerKey,
            messageKey: self.messageKey,
            localPeer: network.localPeer,
            addresses: network.addresses,
            methods: discoveries.keys.sorted { $0.number < $1.number }
        )
    }

    /// Whether the coordinator has ended.
    public var isStopped: Bool { life.phase == .stopped }

    /// The events of all sessions and peers, from now on. Each call gives a stream of its own.
    public var events: CoordinatorEvents {
        hub.subscribe(.all, capacity: configuration.limits.bufferedEvents)
    }

    /// The events of one session, from now on. The stream ends when the session is closed.
    ///
    /// - Parameter session: Which session; it may be one that this node does not know yet.
    /// - Returns: A stream of its own.
    public func events(for session: SessionID) -> CoordinatorEvents {
        hub.subscribe(.session(session), capacity: configuration.limits.bufferedEvents)
    }
}
