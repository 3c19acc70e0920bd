public import Logging
public import Multiformats
public import PeerTransport
public import PeerTransportNIO
import Synchronization

/// A peer with an identity: it listens, dials, keeps one connection per peer in use, and hosts protocols on them.
///
/// Register protocols, then ``listen(on:)`` and ``connect(to:addresses:)``; or let a service group ``run()`` it. A node
/// lives until ``shutdown()``: its tasks hold it.
public final class PeerNode: Sendable {
    /// Who this node is.
    public let localPeer: PeerID

    let identity: NodeIdentity?
    let configuration: PeerNodeConfiguration
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
        var handlers: [any ProtocolHandler] = []
        var observers: [(id: UInt64, observer: any PeerObserver)] = []
        var lastObserver: UInt64 = 0
        var registry: [ProtocolID: Server] = [:]
        /// What connected peers said of themselves.
        var information: [PeerID: PeerInformation] = [:]
        var listeners: [any Listener] = []
        var dials: [PeerID: Dial] = [:]
        var pings: [PeerID: PingLink] = [:]
        var notices = Fifo<Notice>()
        var isNotifying = false
        var dht: NodeDHT?
        var isShutDown = false
    }

    /// One attempt to reach a peer, at all its addresses.
    struct Dial {
        /// What those who asked for the peer wait for.
        let outcome: Latch<Result<Void, TransportError>>
        var task: Task<Void, Never>?
        /// The peer came by itself in the meantime, so that nobody waits any more.
        var isOvertaken = false
    }

    /// What observers are told, in this order.
    enum Notice {
        case connected(PeerID)
        case disconnected(PeerID)
        case replaced(PeerID)
        case identified(PeerID, PeerInformation)
        case addresses([Multiaddr])
        case protocols([ProtocolID])
    }

    /// Makes a node that neither listens nor dials yet.
    ///
    /// It cannot sign what it says of its addresses; ``init(identity:transports:responders:configuration:logger:)`` makes one that
    /// can.
    ///
    /// - Parameters:
    ///   - localPeer: Whose identity the transports prove.
    ///   - transports: The ways to reach peers; for an address the first that understands it is used.
    ///   - responders: What the transports answer by themselves, if they were given it: the node registers its own there.
    ///   - configuration: Limits, timeouts and addresses.
    ///   - logger: Where to log to. Nothing secret is logged.
    public convenience init(
        localPeer: PeerID,
        transports: [any Transport],
        responders: ResponderRegistry = ResponderRegistry(),
        configuration: PeerNodeConfiguration = PeerNodeConfiguration(),
        logger: Logger = Logger(label: "peer-node")
    ) {
        self.init(localPeer, nil, transports, responders, configuration, logger, PeerNodeMetrics())
    }

    /// Makes a node that neither listens nor dials yet, and signs what it says of its addresses.
    ///
    /// - Parameters:
    ///   - identity: Who the node is; the transports must prove the same identity.
    ///   - transports: The ways to reach peers; for an address the first that understands it is used.
    ///   - responders: What the transports answer by themselves, if they were given it: the node registers its own there.
    ///   - configuration: Limits, timeouts and addresses.
    ///   - logger: Where to log to. Nothing secret is logged.
    public convenience init(
        identity: NodeIdentity,
        transports: [any Transport],
        responders: ResponderRegistry = ResponderRegistry(),
        configuration: PeerNodeConfiguration = PeerNodeConfiguration(),
        logger: Logger = Logger(label: "peer-node")
    ) {
        self.init(identity.peerID, identity, transports, responders, configuration, logger, PeerNodeMetrics())
    }

    init(
        _ localPeer: PeerID,
        _ identity: NodeIdentity?,
        _ transports: [any Transport],
        _ responders: ResponderRegistry,
        _ configuration: PeerNodeConfiguration,
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
                table: ConnectionTable(
                    local: localPeer,
                    maximum: configuration.maximumConnections,
                    maximumPerPeer: configuration.maximumConnectionsPerPeer,
                    simultaneous: configuration.simultaneousDialWindow
                )
            )
        )
        identify = Mutex(
            IdentifyState(
                pushRate: configuration.identify.pushRate, capacity: 2 * max(1, configuration.maximumConnections)))
        peerStore = Mutex(PeerStore(limits: configuration.peerStore))
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
    /// - Parameter peer: Who.
    /// - Returns: Whether a stream can be opened without dialling.
    public func isConnected(to peer: PeerID) -> Bool {
        state.withLock { $0.table.current(to: peer) != nil }
    }

    /// What a connected peer has said about itself; nil until it has.
    ///
    /// - Parameter peer: Who.
    /// - Returns: What its last identify message said.
    public func information(of peer: PeerID) -> PeerInformation? {
        state.withLock { $0.information[peer] }
    }

    /// Opens a stream to a connected peer.
    ///
    /// - Parameters:
    ///   - peer: Whom to talk to.
    ///   - protocols: What this side can speak, best first.
    /// - Returns: The stream with the protocol that both speak. Letting it go without closing it resets it.
    /// - Throws: `TransportError.Code.notConnected`, `TransportError.Code.protocolNotSupported`,
    ///   `TransportError.Code.timedOut` and what the connection throws.
    public func openStream(
        to peer: PeerID,
        protocols: [ProtocolID]
    ) async throws(TransportError) -> NegotiatedStream {
        while let entry = state.withLock({ Self.lease(peer, in: &$0) }) {
            do throws(TransportError) {
                return try await openStream(on: entry, protocols: protocols)
            } catch {
                release(entry.id)
                guard error.code == .connectionClosed else { throw error }
                // Whoever serves the connection may not have noticed yet, and a peer that is going away may keep it open.
                // Another one may stand in.
                lose(entry.id)
                closeSoon(entry.connection)
            }
        }
        throw TransportError(.notConnected, "no connection to peer \(peer)")
    }

    private static func lease(_ peer: PeerID, in state: inout State) -> ConnectionTable.Entry? {
        guard let entry = state.table.current(to: peer) else { return nil }
        state.table.lease(entry.id)
        return entry
    }

    private func openStream(
        on entry: ConnectionTable.Entry,
        protocols: [ProtocolID]
    ) async throws(TransportError) -> NegotiatedStream {
        let limit = configuration.streamTimeout
        let peer = entry.connection.remotePeer
        let opened = try await withDeadline(
            limit,
            by: configuration.timeSource,
            onTimeout: { () -> TransportError in
                TransportError(.timedOut, "peer \(peer) did not answer a new stream within \(limit)")
            },
            discard: { (late: NegotiatedStream) in late.stream.reset() },
            { () async throws(TransportError) in try await entry.connection.openStream(protocols: protocols) }
        )
        return NegotiatedStream(stream: leased(opened.stream, on: entry.id), protocolID: opened.protocolID)
    }

    /// Closes all connections to a peer, whatever runs on them.
    ///
    /// - Parameter peer: Whom to leave.
    public func disconnect(_ peer: PeerID) async {
        // Forgotten first, so that a connection that the peer makes at once is never measured against one that is closing.
        let entries = state.withLock { $0.table.connections(to: peer) }
        // The used one last, so that none of the others is taken for its successor.
        for entry in entries where entry.isRetired { lose(entry.id) }
        for entry in entries { lose(entry.id) }
        for entry in entries { await entry.connection.close() }
    }

    /// Closes the connections to a peer if no stream is in use on them for a while.
    ///
    /// - Parameter peer: Whom nobody here needs any more.
    public func disconnectIfUnused(_ peer: PeerID) {
        let ids = state.withLock { $0.table.connections(to: peer).map(\.id) }
        for id in ids { closeAfterLinger(id, evenIfCurrent: true) }
    }

    // MARK: The life of a connection

    /// Takes over a connection: from now on its streams are served and its end is noticed.
    func adopt(_ connection: any Connection) -> TransportError? {
        let now = configuration.timeSource.now().uptime
        let peer = connection.remotePeer
        let grace = configuration.linger
        if let victim = state.withLock({ $0.table.victim(for: connection, at: now, grace: grace) }) {
            lose(victim.id)
            closeSoon(victim.connection)
        }
        let (outcome, dial) = state.withLock { state -> (ConnectionTable.OnAdd, Dial?) in
            guard !state.isShutDown else { return (.refused(Self.shutDownError), nil) }
            let outcome = state.table.add(connection, at: now)
            switch outcome {
            case .first: state.notices.append(.connected(peer))
            case .replaces: state.notices.append(.replaced(peer))
            case .retired: break
            case .refused: return (outcome, nil)
            }
            state.dials[peer]?.isOvertaken = true
            return (outcome, state.dials[peer])
        }
        // Whoever asked for the peer need not wait for a dial that may run into its time limit.
        dial?.outcome.set(.success(()))
        let id: ConnectionTable.ID
        var retired: [ConnectionTable.ID] = []
        switch outcome {
        case .refused(let error):
            logger.debug("connection refused", metadata: ["peer.remote": "\(peer)", "reason": "\(error.message)"])
            metrics.connectionRefused()
            // Not waited for: a peer that does not close its side must not hold up those who come after it.
            closeSoon(connection)
            return error
        case .first(let new):
            id = new
        case .replaces(let new, let old):
            id = new
            retired = old
        case .retired(let new):
            id = new
            retired = [new]
        }
        metrics.connectionOpened(isInbound: connection.isInbound)
        logger.debug(
            "connected",
            metadata: [
                "peer.remote": "\(peer)", "address": "\(connection.remoteAddress)",
                "direction": connection.isInbound ? "inbound" : "outbound",
            ]
        )
        Task { await serve(connection, as: id) }
        deliverNotices()
        if !retired.contains(id), configuration.identify.isEnabled, information(of: peer) == nil {
            Task { await askIdentity(over: connection) }
        }
        for other in retired { closeAfterLinger(other, evenIfCurrent: false) }
        return nil
    }

    private func closeSoon(_ connection: any Connection) {
        Task { await connection.close() }
    }

    private func serve(_ connection: any Connection, as id: ConnectionTable.ID) async {
        let peer = connection.remotePeer
        do throws(TransportError) {
            while let inbound = try await connection.acceptStream() { serve(inbound, from: peer, on: id) }
        } catch {
            logger.debug("connection broke", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
            await connection.close()
        }
        lose(id)
    }

    /// Forgets a connection that is closed or about to be, and tells the observers what that means. Only the first call for a
    /// connection counts.
    private func lose(_ id: ConnectionTable.ID) {
        let lost = state.withLock { state -> (peer: PeerID, isLast: Bool)? in
            guard let peer = state.table.entries[id]?.connection.remotePeer else { return nil }
            let outcome = state.table.remove(id)
            switch outcome {
            case .last:
                state.information[peer] = nil
                state.pings[peer] = nil
                state.notices.append(.disconnected(peer))
            case .replaced: state.notices.append(.replaced(peer))
            case .othersRemain, .unknown: break
            }
            return (peer, outcome == .last)
        }
        guard let lost else { return }
        if lost.isLast { identify.withLock { $0.forget(lost.peer) } }
        metrics.connectionClosed()
        logger.debug("disconnected", metadata: ["peer.remote": "\(lost.peer)", "others": "\(!lost.isLast)"])
        deliverNotices()
    }

    private func serve(_ inbound: NegotiatedStream, from peer: PeerID, on id: ConnectionTable.ID) {
        let limit = configuration.maximumInboundStreams
        let found = state.withLock { state -> (Server, Multiaddr)? in
            guard let server = state.registry[inbound.protocolID], state.table.serve(id, limit: limit),
                let address = state.table.entries[id]?.connection.remoteAddress
            else { return nil }
            state.table.lease(id)
            return (server, address)
        }
        guard let (server, address) = found else {
            metrics.streamRefused()
            inbound.stream.reset()
            return
        }
        let stream = NegotiatedStream(stream: leased(inbound.stream, on: id), protocolID: inbound.protocolID)
        Task {
            switch server {
            case .handler(let handler):
                await handler.handle(stream, from: peer)
            case .responder(_, let factory):
                let context = ResponderContext(
                    remotePeer: peer, remoteAddress: address, protocolID: inbound.protocolID)
                if let responder = factory(context) {
                    await PeerTransport.serve(responder, on: stream.stream)
                } else {
                    stream.stream.reset()
                }
            }
            state.withLock { $0.table.endService(id) }
        }
    }

    private func leased(_ stream: any ByteStream, on id: ConnectionTable.ID) -> LeasedStream {
        LeasedStream(stream) { [weak self] in self?.release(id) }
    }

    private func release(_ id: ConnectionTable.ID) {
        if state.withLock({ $0.table.release(id) }) { closeAfterLinger(id, evenIfCurrent: false) }
    }

    private func closeAfterLinger(_ id: ConnectionTable.ID, evenIfCurrent: Bool) {
        Task { [weak self, configuration] in
            // Cancelled or not: what is idle may be closed.
            do { try await configuration.timeSource.sleep(configuration.linger) } catch {}
            let connection = self?.state.withLock { state in
                state.table.isIdle(id, evenIfCurrent: evenIfCurrent) ? state.table.entries[id]?.connection : nil
            }
            await connection?.close()
        }
    }

    /// Tells the observers what happened, one notice at a time: whoever comes while another thread is at it leaves its
    /// notice to that one.
    func deliverNotices() {
        var next = state.withLock { state in state.isNotifying ? nil : Self.takeNotice(from: &state) }
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
                case .identified(let peer, let information): observer.peerIdentified(peer, information)
                case .addresses(let addresses): observer.addressesChanged(addresses)
                case .protocols(let protocols): observer.protocolsChanged(protocols)
                }
            }
            next = state.withLock { Self.takeNotice(from: &$0) }
        }
    }

    private static func takeNotice(from state: inout State) -> (Notice, [any PeerObserver])? {
        let notice = state.notices.popFirst()
        state.isNotifying = notice != nil
        return notice.map { ($0, state.handlers + state.observers.map(\.observer)) }
    }
}
