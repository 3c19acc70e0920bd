public import Logging
public import MuSig2Coordination
import Multiformats
public import PeerNode
public import PeerTransport
public import PeerTransportNIO
public import Secp256k1
public import ServiceLifecycle

/// A signer on the network in one call: a libp2p node over TCP, and a coordinator on top of it.
///
/// ```swift
/// let node = try await SigningNode.start(signer: key, consent: .approveEverything)
/// let session = try await node.coordinator.createSession(SessionRequest(signers: keys, messages: [message]))
/// print(session.invitation)
/// let signatures = try await node.coordinator.waitForSignatures(of: session.id)
/// await node.shutdown()
/// ```
public final class SigningNode: Sendable {
    /// The stream protocol that signers speak.
    public static let protocolID: ProtocolID = "/musig2-p2p/1.0.0"

    /// The host of the connections. A user's own protocols may be registered at it.
    public let node: PeerNode

    /// The coordinator of all sessions.
    public let coordinator: MuSig2Coordinator

    /// The part of the node in a DHT, which begins when the node is started; nil: none.
    public let dht: NodeDHT?

    private let listenAddresses: [Multiaddr]

    /// Makes a node and a coordinator that neither listen nor run yet: for a service group, which calls ``run()``.
    ///
    /// - Parameters:
    ///   - signer: The key that sessions are signed with.
    ///   - messageKey: The key for protocol messages; nil: the signer key.
    ///   - identity: The node's identity on the network. A fresh one hides that it is the same signer as yesterday.
    ///   - listenAddresses: Where the node listens; port 0 lets the system choose. None: it only dials.
    ///   - store: What must outlive the process.
    ///   - dht: How the node takes part in a DHT, through which sessions are found by rendezvous, inbox and record; nil: not. The rules of
    ///     records are added to its own.
    ///   - discovery: What knows the providers of keys, in the place of the node's DHT: for rendezvous and inboxes.
    ///   - values: What keeps public values, in the place of the node's DHT: for records. It must keep `AnnouncementRules`.
    ///   - otherDiscoveries: Further methods of discovery.
    ///   - consent: The policy that decides what this node signs.
    ///   - configuration: The limits and timeouts of the coordinator.
    ///   - nodeConfiguration: The limits and timeouts of the node.
    ///   - logger: Where logs go.
    /// - Throws: `CoordinatorError`, or `TransportError` for a configuration of the node or the DHT that cannot work.
    public init(
        signer: consuming SecretKey,
        messageKey: consuming SecretKey? = nil,
        identity: NodeIdentity = .generateEd25519(),
        listenAddresses: [ListenAddress] = [.anyInterface],
        store: any SessionStore = InMemorySessionStore(),
        dht: NodeDHT.Configuration? = nil,
        discovery: (any PeerDiscovery)? = nil,
        values: (any ValueDiscovery)? = nil,
        otherDiscoveries: [any SessionDiscovery] = [],
        consent: any ConsentPolicy = .ownSessions,
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        nodeConfiguration: PeerNode.Configuration = PeerNode.Configuration(),
        logger: Logger = Logger(label: "musig2.node")
    ) throws {
        let node = try PeerNode(identity: identity, configuration: nodeConfiguration, logger: logger)
        var networkConfiguration = NodePeerNetwork.Configuration(protocolID: Self.protocolID)
        networkConfiguration.maximumFrameBytes = configuration.limits.frameBytes
        let network = try NodePeerNetwork(node: node, configuration: networkConfiguration)
        self.node = node
        self.listenAddresses = listenAddresses.map(\.multiaddr) + nodeConfiguration.listenAddresses
        if var dht {
            dht.rules[RecordName.defaultNamespace] = AnnouncementRules()
            self.dht = try NodeDHT(node: node, configuration: dht)
        } else {
            self.dht = nil
        }
        coordinator = try MuSig2Coordinator(
            network: network,
            signer: signer,
            messageKey: messageKey,
            store: store,
            discovery: .dht(peers: discovery ?? self.dht, values: values ?? self.dht) + otherDiscoveries,
            consent: consent,
            configuration: configuration,
            timeSource: nodeConfiguration.timeSource,
            logger: logger
        )
    }

    /// Makes a node and a coordinator, listens, and goes on with what is in the store.
    ///
    /// - Parameters:
    ///   - signer: The key that sessions are signed with.
    ///   - messageKey: The key for protocol messages; nil: the signer key.
    ///   - identity: The node's identity on the network.
    ///   - listenAddresses: Where the node listens; port 0 lets the system choose. None: it only dials.
    ///   - store: What must outlive the process.
    ///   - dht: How the node takes part in a DHT, through which sessions are found by rendezvous, inbox and record; nil: not. The rules of
    ///     records are added to its own.
    ///   - discovery: What knows the providers of keys, in the place of the node's DHT: for rendezvous and inboxes.
    ///   - values: What keeps public values, in the place of the node's DHT: for records. It must keep `AnnouncementRules`.
    ///   - otherDiscoveries: Further methods of discovery.
    ///   - consent: The policy that decides what this node signs.
    ///   - configuration: The limits and timeouts of the coordinator.
    ///   - nodeConfiguration: The limits and timeouts of the node.
    ///   - logger: Where logs go.
    /// - Returns: A node that runs until ``shutdown()``.
    /// - Throws: `CoordinatorError`, or `TransportError` when the node cannot listen.
    public static func start(
        signer: consuming SecretKey,
        messageKey: consuming SecretKey? = nil,
        identity: NodeIdentity = .generateEd25519(),
        listenAddresses: [ListenAddress] = [.anyInterface],
        store: any SessionStore = InMemorySessionStore(),
        dht: NodeDHT.Configuration? = nil,
        discovery: (any PeerDiscovery)? = nil,
        values: (any ValueDiscovery)? = nil,
        otherDiscoveries: [any SessionDiscovery] = [],
        consent: any ConsentPolicy = .ownSessions,
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        nodeConfiguration: PeerNode.Configuration = PeerNode.Configuration(),
        logger: Logger = Logger(label: "musig2.node")
    ) async throws -> SigningNode {
        let node = try SigningNode(
            signer: signer,
            messageKey: messageKey,
            identity: identity,
            listenAddresses: listenAddresses,
            store: store,
            dht: dht,
            discovery: discovery,
            values: values,
            otherDiscoveries: otherDiscoveries,
            consent: consent,
            configuration: configuration,
            nodeConfiguration: nodeConfiguration,
            logger: logger
        )
        try await node.start()
        return node
    }

    /// Listens, takes part in the DHT, and goes on with what is in the store.
    ///
    /// - Throws: `TransportError` when the node cannot listen; `CoordinatorError` when the store cannot be read.
    public func start() async throws {
        do {
            try await open()
            try await coordinator.start()
        } catch {
            await shutdown()
            throw error
        }
    }

    private func open() async throws {
        if !listenAddresses.isEmpty { try await node.listen(on: listenAddresses) }
        try dht?.start()
    }

    /// Ends the coordinator, which lets the others hear of what is finished, and then the node.
    public func shutdown() async {
        await coordinator.shutdown()
        await node.shutdown()
    }
}

extension SigningNode: Service {
    /// Runs until the task is cancelled or the service group shuts down gracefully.
    ///
    /// - Throws: As ``start()``.
    public func run() async throws {
        do {
            try await open()
            try await coordinator.run()
        } catch {
            await shutdown()
            throw error
        }
        await node.shutdown()
    }
}
