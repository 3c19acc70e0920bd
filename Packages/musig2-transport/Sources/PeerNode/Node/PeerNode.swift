public import Logging
public import Multiformats
@_spi(Waiting) public import PeerTransport
public import PeerTransportNIO
import Synchronization

/// A peer with an identity: it listens, dials, keeps one connection per peer in use, and hosts protocols on them.
///
/// Register protocols, then ``listen(on:)`` and ``connect(to:addresses:respectsBackoff:)``; or let a service group ``run()`` it.
/// A node lives until ``shutdown()``: its tasks hold it.
public final class PeerNode: Sendable {
    /// The identity of this node.
    public let localPeer: PeerID

    let identity: NodeIdentity?
    let configuration: PeerNode.Configuration
    let transports: [any Transport]
    let responders: ResponderRegistry
    let logger: Logger
    let metrics: PeerNodeMetrics
    let dhtBoard = DHTStatusBoard()
    let state: Mutex<State>
    let identify: Mutex<IdentifyState>
    let peerStore: Mutex<PeerStore>

    struct State {
        var table: ConnectionTable
        var priorities = ConnectionPriorities()
        var protocols = ProtocolTable()
        var notices = NoticeQueue()
        var listening = ListenState()
        /// What connected peers said of themselves.
        var information: [PeerID: PeerInformation] = [:]
        var dials: [PeerID: Dial] = [:]
        var lastDial: UInt64 = 0
        var backoff: DialBackoff
        var dialBounds = DialBounds()
        var pings: [PeerID: PingLink] = [:]
        var dht: NodeDHT?
        /// Saves known peers in a while.
        var saving: Task<Void, Never>?
        var isShutDown = false
    }

    /// One attempt to reach a peer, at all its addresses.
    struct Dial {
        /// What those that asked for the peer wait for.
        let outcome: OneShot<Result<Void, TransportError>>
        /// What the one that began it named.
        let request: DialRequest
        /// Where others add what they know.
        let race: DialRace
        /// Which of all dials it is, by when they began.
        let number: UInt64
        /// How many wait for it. When nobody does any more, it ends.
        var waiting = 1
        /// Whether somebody wants the peer now; else it gives way to a dial of which that is true.
        var isWanted: Bool
        var task: Task<Void, Never>?
        /// The peer came by itself in the meantime, so that nobody waits any more.
        var isOvertaken = false
    }

    /// Makes a node that neither listens nor dials yet.
    ///
    /// It cannot sign what it says of its addresses; ``init(identity:transports:responders:configuration:logger:)`` makes one that
    /// can.
    ///
    /// - Parameters:
    ///   - localPeer: The peer that the transports prove.
    ///   - transports: The ways to reach peers; for an address the first that understands it is used.
    ///   - responders: What the transports answer by themselves, if they were given it: the node registers its own there.
    ///   - configuration: Limits, timeouts and addresses.
    ///   - logger: Where to log to. Nothing secret is logged.
    public convenience init(
        localPeer: PeerID,
        transports: [any Transport],
        responders: ResponderRegistry = ResponderRegistry(),
        configuration: PeerNode.Configuration = PeerNode.Configuration(),
        logger: Logger = Logger(label: "peer-node")
    ) {
        self.init(localPeer, nil, transports, responders, configuration, logger, PeerNodeMetrics())
    }

    /// Makes a node that neither listens nor dials yet, and signs what it says of its addresses.
    ///
    /// - Parameters:
    ///   - identity: The identity of the node; the transports must prove the same identity.
    ///   - transports: The ways to reach peers; for an address the first that understands it is used.
    ///   - responders: What the transports answer by themselves, if they were given it: the node registers its own there.
    ///   - configuration: Limits, timeouts and addresses.
    ///   - logger: Where to log to. Nothing secret is logged.
    public convenience init(
        identity: NodeIdentity,
        transports: [any Transport],
        responders: ResponderRegistry = ResponderRegistry(),
        configuration: PeerNode.Configuration = PeerNode.Configuration(),
        logger: Logger = Logger(label: "peer-node")
    ) {
        self.init(identity.peerID, identity, transports, responders, configuration, logger, PeerNodeMetrics())
    }

    init(
        _ localPeer: PeerID,
        _ identity: NodeIdentity?,
        _ transports: [any Transport],
        _ responders: ResponderRegistry,
        _ configuration: PeerNode.Configuration,
        _ logger: Logger,
        _ metrics: PeerNodeMetrics
    ) {
        self.localPeer = localPeer
        self.identity = identity
        self.transports = transports
        self.responders = responders
        self.configuration = configuration
        self.metrics = metrics
        var logger = logger
        logger[metadataKey: "peer.local"] = "\(localPeer)"
        self.logger = logger
        state = Mutex(
            State(
                table: ConnectionTable(local: localPeer, limits: ConnectionLimits(configuration)),
                backoff: DialBackoff(limits: configuration.dialBackoff)
            )
        )
        identify = Mutex(
            IdentifyState(
                pushRate: configuration.identify.pushRate, capacity: 2 * max(1, configuration.maximumConnections)))
        peerStore = Mutex(PeerStore(limits: configuration.peerStore))
        restorePeers()
        for case let tcp as TCPTransport in transports {
            tcp.keepConnections { [weak self] peer in self?.isProtected(peer) ?? false }
        }
        do throws(TransportError) {
            if configuration.identify.isEnabled { try hostIdentify() }
            if configuration.maximumPingStreams > 0 { try hostPing() }
        } catch {
            logger.error("identify and ping are not answered", metadata: ["error": "\(error)"])
        }
    }

    static let shutDownError = TransportError(.shutDown, "the node is shut down")

    // MARK: Peers

    /// The peers to which there is a connection.
    public var connectedPeers: [PeerID] { state.withLock { $0.table.peers } }

    /// Whether there is a connection to a peer.
    ///
    /// - Parameter peer: The peer.
    /// - Returns: Whether a stream can be opened without dialling.
    public func isConnected(to peer: PeerID) -> Bool {
        state.withLock { $0.table.current(to: peer) != nil }
    }

    /// What a connected peer has said about itself; nil until it has.
    ///
    /// - Parameter peer: The peer.
    /// - Returns: What its last identify message said.
    public func information(of peer: PeerID) -> PeerInformation? {
        state.withLock { $0.information[peer] }
    }

    /// What a connected peer has said about itself, and where it is; nil when it has not, or is not connected any more.
    func identity(of peer: PeerID) -> (information: PeerInformation, remoteAddress: Multiaddr)? {
        state.withLock { state in
            guard let information = state.information[peer], let entry = state.table.current(to: peer) else {
                return nil
            }
            return (information, entry.connection.remoteAddress)
        }
    }

    // MARK: Observers

    /// Tells the observers what happened, one notice at a time: a thread that comes while another is at it leaves its
    /// notice to that one.
    func deliverNotices() {
        var next = state.withLock { $0.notices.begin(with: $0.protocols.handlers) }
        while let (notice, observers) = next {
            switch notice {
            case .addresses, .protocols: describedAnew()
            case .connected, .disconnected, .replaced, .identified: break
            }
            for observer in observers {
                switch notice {
                case .connected(let peer): observer.peerConnected(peer)
                case .disconnected(let peer): observer.peerDisconnected(peer)
                case .replaced(let peer): observer.connectionReplaced(peer)
                case .identified(let peer, let information, let remoteAddress):
                    observer.peerIdentified(peer, information, at: remoteAddress)
                case .addresses(let addresses): observer.addressesChanged(addresses)
                case .protocols(let protocols): observer.protocolsChanged(protocols)
                }
            }
            next = state.withLock { $0.notices.next(with: $0.protocols.handlers) }
        }
    }
}
