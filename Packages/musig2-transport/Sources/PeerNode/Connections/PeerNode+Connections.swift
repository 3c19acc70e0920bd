import Logging
public import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization

extension PeerNode {
    // MARK: Leaving

    /// Closes all connections to a peer, whatever runs on them.
    ///
    /// - Parameter peer: The peer to leave.
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
    /// - Parameter peer: The peer that nobody here needs any more.
    public func disconnectIfUnused(_ peer: PeerID) {
        let ids = state.withLock { $0.table.connections(to: peer).map(\.id) }
        for id in ids { closeAfterLinger(id, evenIfCurrent: true) }
    }

    // MARK: Worth

    /// Says what a peer is worth to a part of this node. When there are too many connections, of those that nothing uses the
    /// ones to the least valuable peers go first.
    ///
    /// - Parameters:
    ///   - peer: The peer, connected or not.
    ///   - weight: From -1,000,000 to 1,000,000; the weights for different reasons are added. 0 takes it back.
    ///   - reason: For what, such as `dht`.
    /// - Returns: False when as many peers or reasons are valued as can be.
    @discardableResult
    public func tag(_ peer: PeerID, weight: Int, for reason: String) -> Bool {
        state.withLock { $0.priorities.tag(peer, weight: weight, for: reason) }
    }

    /// Keeps the connections of a peer, however many there are: they are not closed to make room, and limits by network do
    /// not hold for the peer.
    ///
    /// - Parameters:
    ///   - peer: The peer, connected or not.
    ///   - reason: For what, such as `co-signer`.
    /// - Returns: False when as many peers or reasons are protected as can be.
    @discardableResult
    public func protect(_ peer: PeerID, for reason: String) -> Bool {
        state.withLock { $0.priorities.protect(peer, for: reason) }
    }

    /// Takes back what ``protect(_:for:)`` said for one reason.
    ///
    /// - Parameters:
    ///   - peer: The peer.
    ///   - reason: For what.
    public func unprotect(_ peer: PeerID, for reason: String) {
        state.withLock { $0.priorities.unprotect(peer, for: reason) }
    }

    // MARK: The life of a connection

    /// Takes over a connection: from now on its streams are served and its end is noticed.
    func adopt(_ connection: any Connection) -> TransportError? {
        let now = configuration.timeSource.now().uptime
        let peer = connection.remotePeer
        let grace = configuration.linger
        let (isAdmitted, victim) = state.withLock { state -> (Bool, ConnectionTable.Entry?) in
            // First, so that those that come too often drive nobody out.
            guard state.table.admits(connection, at: now, priorities: state.priorities) else { return (false, nil) }
            return (true, state.table.victim(for: connection, at: now, grace: grace, priorities: state.priorities))
        }
        if let victim { evict(victim) }
        let (outcome, dial) = state.withLock { state -> (ConnectionTable.OnAdd, Dial?) in
            guard !state.isShutDown else { return (.refused(Self.shutDownError), nil) }
            guard isAdmitted else { return (.refused(Self.tooOftenError(connection)), nil) }
            let outcome = state.table.add(connection, at: now, priorities: state.priorities)
            switch outcome {
            case .first: state.notices.append(.connected(peer))
            case .replaces: state.notices.append(.replaced(peer))
            case .retired: break
            case .refused: return (outcome, nil)
            }
            state.dials[peer]?.isOvertaken = true
            return (outcome, state.dials[peer])
        }
        // A caller that asked for the peer need not wait for a dial that may run into its time limit.
        dial?.outcome.set(.success(()))
        let id: ConnectionTable.ID
        var retired: [ConnectionTable.ID] = []
        switch outcome {
        case .refused(let error):
            logger.debug("connection refused", metadata: ["peer.remote": "\(peer)", "reason": "\(error.message)"])
            metrics.connectionRefused()
            // Not waited for: a peer that does not close its side must not hold up those that come after it.
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
        if retired.contains(id) {
            Task { await settle(on: peer, sparing: id) }
        } else {
            for other in retired { closeAfterLinger(other, evenIfCurrent: false) }
        }
        for entry in state.withLock({ $0.table.surplus(at: now, priorities: $0.priorities) }) { evict(entry) }
        metrics.connections(state.withLock { ($0.table.inboundCount, $0.table.entries.count) })
        return nil
    }

    /// Closes a connection that was made at the same time as the one in use, once the other side has answered on that. It
    /// may have gone since, and come back by the spare one: then the one in use is dead, and nobody would notice for long.
    ///
    /// When no answer comes, new streams go over the spare one. What runs on the other goes on, since it may only be slow: it is closed
    /// when nothing uses it, or by the transport when it is dead.
    private func settle(on peer: PeerID, sparing spare: ConnectionTable.ID) async {
        while let used = state.withLock({ $0.table.current(to: peer) }), used.id != spare {
            do throws(TransportError) {
                try await withDeadline(
                    configuration.linger,
                    by: configuration.timeSource,
                    onTimeout: { () -> TransportError in TransportError(.timedOut, "the peer did not answer") },
                    discard: { (_: Void) in },
                    { () async throws(TransportError) in
                        try await used.connection.openStream(protocols: [Self.pingProtocol]).stream.reset()
                    }
                )
            } catch {
                if error.code == .timedOut { return exchange(used.id, for: spare, of: peer) }
                if error.code == .limitExceeded {
                    // It has as many streams as it may: nobody was asked.
                    do { try await configuration.timeSource.sleep(configuration.linger) } catch { return }
                    continue
                }
                // Any other answer is one, too, and of a connection that is closed others know.
            }
            return closeAfterLinger(spare, evenIfCurrent: false)
        }
    }

    private func exchange(_ used: ConnectionTable.ID, for spare: ConnectionTable.ID, of peer: PeerID) {
        let connection = state.withLock { state -> (any Connection)? in
            guard state.table.exchange(used, for: spare) else { return nil }
            state.notices.append(.replaced(peer))
            return state.table.entries[spare]?.connection
        }
        guard let connection else { return }
        logger.debug("the peer came back by another connection", metadata: ["peer.remote": "\(peer)"])
        deliverNotices()
        // Nobody was asked over a connection that was only a spare one.
        if configuration.identify.isEnabled, information(of: peer) == nil {
            Task { await askIdentity(over: connection) }
        }
        closeAfterLinger(used, evenIfCurrent: false)
    }

    private static func tooOftenError(_ connection: any Connection) -> TransportError {
        TransportError(
            .limitExceeded,
            "connection to peer \(connection.remotePeer) not kept: connections come too often from the network of "
                + "\(connection.remoteAddress)"
        )
    }

    private func evict(_ entry: ConnectionTable.Entry) {
        metrics.connectionEvicted()
        lose(entry.id)
        closeSoon(entry.connection)
    }

    func closeSoon(_ connection: any Connection) {
        Task { await connection.close() }
    }

    private func serve(_ connection: any Connection, as id: ConnectionTable.ID) async {
        let peer = connection.remotePeer
        do throws(TransportError) {
            while let inbound = try await connection.acceptStream() { serve(inbound, over: connection, as: id) }
        } catch {
            logger.debug("connection broke", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
            await connection.close()
        }
        lose(id)
    }

    /// Forgets a connection that is closed or about to be, and tells the observers what that means. Only the first call for a
    /// connection counts.
    func lose(_ id: ConnectionTable.ID) {
        let lost = state.withLock { state -> (peer: PeerID, isLast: Bool, unasked: (any Connection)?)? in
            guard let peer = state.table.entries[id]?.connection.remotePeer else { return nil }
            let outcome = state.table.remove(id)
            switch outcome {
            case .last:
                state.information[peer] = nil
                state.pings[peer] = nil
                state.notices.append(.disconnected(peer))
            case .replaced(let next):
                state.notices.append(.replaced(peer))
                // Nobody was asked over a connection that was only a spare one.
                if state.information[peer] == nil {
                    return (peer, false, state.table.entries[next]?.connection)
                }
            case .othersRemain, .unknown: break
            }
            return (peer, outcome == .last, nil)
        }
        guard let lost else { return }
        if lost.isLast { identify.withLock { $0.forget(lost.peer) } }
        metrics.connectionClosed()
        metrics.connections(state.withLock { ($0.table.inboundCount, $0.table.entries.count) })
        logger.debug("disconnected", metadata: ["peer.remote": "\(lost.peer)", "others": "\(!lost.isLast)"])
        deliverNotices()
        if let connection = lost.unasked, configuration.identify.isEnabled {
            Task { await askIdentity(over: connection) }
        }
    }

    func closeAfterLinger(_ id: ConnectionTable.ID, evenIfCurrent: Bool) {
        Task { [weak self, configuration] in
            // Cancelled or not: what is idle may be closed.
            do { try await configuration.timeSource.sleep(configuration.linger) } catch {}
            let connection = self?.state.withLock { state in
                state.table.isIdle(id, evenIfCurrent: evenIfCurrent) ? state.table.entries[id]?.connection : nil
            }
            await connection?.close()
        }
    }
}
