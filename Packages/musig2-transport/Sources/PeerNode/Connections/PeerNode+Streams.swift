import Logging
public import Multiformats
public import PeerTransport
import Synchronization

extension PeerNode {
    /// Opens a stream to a connected peer.
    ///
    /// - Parameters:
    ///   - peer: The peer to talk to.
    ///   - protocols: What this side can speak, best first.
    /// - Returns: The stream with the protocol that both speak. Letting it go without closing it resets it.
    /// - Throws: `TransportError.Code.notConnected`, `TransportError.Code.protocolNotSupported`,
    ///   `TransportError.Code.timedOut` and what the connection throws.
    public func openStream(
        to peer: PeerID,
        protocols: [ProtocolID]
    ) async throws(TransportError) -> NegotiatedStream {
        try await openStream(to: peer) { connection throws(TransportError) in
            try await connection.openStream(protocols: protocols)
        }.stream
    }

    /// Opens a stream to a connected peer for a protocol that it is believed to speak, without waiting for it to agree where
    /// the transport can do that: what is written goes out together with the proposal.
    ///
    /// - Parameters:
    ///   - peer: The peer to talk to.
    ///   - protocolID: What both are to speak.
    /// - Returns: The stream with its protocol. Letting it go without closing it resets it.
    /// - Throws: As ``openStream(to:protocols:)``; that the peer refuses may show on the first read only.
    public func openStream(
        to peer: PeerID,
        assuming protocolID: ProtocolID
    ) async throws(TransportError) -> NegotiatedStream {
        try await openPlacedStream(to: peer, assuming: protocolID).stream
    }

    /// Opens a stream as ``openStream(to:assuming:)`` does, and tells where the connection leads that it is on: afterwards
    /// that may be gone, or another one be in its place.
    func openPlacedStream(
        to peer: PeerID,
        assuming protocolID: ProtocolID
    ) async throws(TransportError) -> PlacedStream {
        try await openStream(to: peer) { connection throws(TransportError) in
            try await connection.openStream(assuming: protocolID)
        }
    }

    private typealias Opening = @Sendable (any Connection) async throws(TransportError) -> NegotiatedStream

    private func openStream(
        to peer: PeerID,
        _ open: @escaping Opening
    ) async throws(TransportError) -> PlacedStream {
        while let entry = lease(peer) {
            do throws(TransportError) {
                guard !entry.connection.isGoingAway else {
                    throw TransportError(.connectionClosed, "peer \(peer) takes no new streams on this connection")
                }
                return PlacedStream(
                    stream: try await openStream(on: entry, open), remoteAddress: entry.connection.remoteAddress,
                    isInbound: entry.connection.isInbound)
            } catch {
                release(entry.id, isInbound: false)
                guard error.code == .connectionClosed else { throw error }
                // The task that serves the connection may not have noticed yet, and a peer that is going away may keep it open.
                // Another one may stand in.
                lose(entry.id)
                closeSoon(entry.connection)
            }
        }
        throw TransportError(.notConnected, "no connection to peer \(peer)")
    }

    private func lease(_ peer: PeerID) -> ConnectionTable.Entry? {
        let now = configuration.timeSource.now().uptime
        return state.withLock { state in
            guard let entry = state.table.current(to: peer) else { return nil }
            state.table.lease(entry.id, at: now)
            return entry
        }
    }

    private func openStream(
        on entry: ConnectionTable.Entry,
        _ open: @escaping Opening
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
            { () async throws(TransportError) in try await open(entry.connection) }
        )
        metrics.streamOpened(isInbound: false, name: serverName(of: opened.protocolID))
        return NegotiatedStream(
            stream: leased(opened.stream, on: entry.id, isInbound: false), protocolID: opened.protocolID)
    }

    // MARK: Serving

    /// Serves a stream that a peer opened, as far as the transport does not do it itself.
    func serve(_ inbound: NegotiatedStream, over connection: any Connection, as id: ConnectionTable.ID) {
        let limit = configuration.maximumInboundStreams
        let server = state.withLock { state -> ProtocolTable.Server? in
            guard let server = state.protocols[inbound.protocolID],
                state.table.serve(id, limit: limit, isAnswered: server.isResponder)
            else { return nil }
            if !server.isResponder { state.table.lease(id, at: nil) }
            return server
        }
        switch server {
        case nil:
            metrics.streamRefused()
            inbound.stream.reset()
        case .handler(let handler):
            metrics.streamOpened(isInbound: true, name: handler.name)
            let stream = NegotiatedStream(
                stream: leased(inbound.stream, on: id, isInbound: true), protocolID: inbound.protocolID)
            Task {
                await handler.handle(stream, from: connection.remotePeer)
                state.withLock { $0.table.endService(id, isAnswered: false) }
            }
        case .responder(_, let factory):
            let context = ResponderContext(
                remotePeer: connection.remotePeer, remoteAddress: connection.remoteAddress,
                protocolID: inbound.protocolID)
            Task {
                if let responder = factory(context) {
                    await PeerTransport.serve(responder, on: inbound.stream)
                } else {
                    inbound.stream.reset()
                }
                state.withLock { $0.table.endService(id, isAnswered: true) }
            }
        }
    }

    /// Where it is noted what a peer does on the connection that is used with it; nil for one that is not connected.
    func activity(of peer: PeerID) -> ConnectionActivity? {
        state.withLock { $0.table.current(to: peer)?.activity }
    }

    /// Whether the connections of a peer are kept; see ``protect(_:for:)``.
    func isProtected(_ peer: PeerID) -> Bool { state.withLock { $0.priorities.isProtected(peer) } }

    private func serverName(of id: ProtocolID) -> String? { state.withLock { $0.protocols[id]?.name } }

    private func leased(_ stream: any ByteStream, on id: ConnectionTable.ID, isInbound: Bool) -> LeasedStream {
        LeasedStream(stream, metrics: metrics) { [weak self] in self?.release(id, isInbound: isInbound) }
    }

    private func release(_ id: ConnectionTable.ID, isInbound: Bool) {
        let now = isInbound ? nil : configuration.timeSource.now().uptime
        if state.withLock({ $0.table.release(id, at: now) }) { closeAfterLinger(id, evenIfCurrent: false) }
    }
}
