import Multiformats
public import PeerTransport
import Synchronization

extension PeerNode {
    /// Names an observer of a node, for ``removeObserver(_:)``.
    public struct ObserverID: Sendable, Hashable {
        let number: UInt64
    }

    /// Hosts a protocol from now on.
    ///
    /// - Parameter handler: What serves its streams.
    /// - Throws: `TransportError.Code.invalidArgument` when the handler names no protocol, one that cannot
    ///   be sent, or one that is served already.
    public func register(_ handler: any ProtocolHandler) throws(TransportError) {
        try host(handler.protocolIDs, by: .handler(handler))
    }

    /// Answers the streams of protocols from now on without a task for each: on the thread that read the bytes where the
    /// transport can do that.
    ///
    /// - Parameters:
    ///   - protocolIDs: What inbound streams may ask for, at least one.
    ///   - name: A short name for logs and metrics, such as `ping`.
    ///   - factory: Makes a responder for each stream.
    /// - Throws: `TransportError.Code.invalidArgument` when no protocol is named, one that cannot be sent, or one that is
    ///   served already.
    public func respond(
        to protocolIDs: [ProtocolID],
        name: String,
        with factory: @escaping ResponderFactory
    ) throws(TransportError) {
        let time = configuration.timeSource
        let counted: ResponderFactory = { [weak self, metrics] context in
            metrics.streamOpened(isInbound: true, name: name)
            return factory(context).map { responder in
                // A stream may be there before the node has taken over its connection.
                var activity: ConnectionActivity?
                return CountingResponder(responder, metrics: metrics) {
                    activity = activity ?? self?.activity(of: context.remotePeer)
                    activity?.noteRequest(at: time.now().uptime)
                }
            }
        }
        try host(protocolIDs, by: .responder(name: name, counted))
        do throws(TransportError) {
            for id in protocolIDs { try responders.register(id, counted) }
        } catch {
            unregister(protocolIDs)
            throw error
        }
    }

    private func host(_ protocolIDs: [ProtocolID], by server: ProtocolTable.Server) throws(TransportError) {
        guard !protocolIDs.isEmpty, protocolIDs.allSatisfy(\.isValid) else {
            throw TransportError(
                .invalidArgument,
                "handler \(server.name): expected at least one valid protocol id, found \(protocolIDs)"
            )
        }
        let other = state.withLock { state -> ProtocolTable.Server? in
            if let other = state.protocols.add(protocolIDs, servedBy: server) { return other }
            state.notices.append(.protocols(state.protocols.protocols))
            return nil
        }
        if let other {
            throw TransportError(
                .invalidArgument,
                "handler \(server.name): \(protocolIDs) is served by handler \(other.name) already"
            )
        }
        deliverNotices()
    }

    /// Hosts these protocols no longer; streams that are served go on.
    ///
    /// - Parameter protocolIDs: All protocols of the handler.
    public func unregister(_ protocolIDs: [ProtocolID]) {
        for id in protocolIDs { responders.unregister(id) }
        state.withLock { state in
            state.protocols.remove(protocolIDs)
            state.notices.append(.protocols(state.protocols.protocols))
        }
        deliverNotices()
    }

    /// The protocols that the node serves, sorted.
    public var protocols: [ProtocolID] { state.withLock { $0.protocols.protocols } }

    /// The protocols that the node serves in the order in which others are told of them, as far as there is room: what the node
    /// needs itself, then the rest, the longest names last, so that most have room.
    var protocolsByNeed: [ProtocolID] {
        let (all, dht) = state.withLock { ($0.protocols.protocols, $0.dht?.protocolID) }
        let needed = [Self.identifyProtocol, Self.identifyPushProtocol, Self.pingProtocol] + (dht.map { [$0] } ?? [])
        let rest = all.filter { !needed.contains($0) }
        return needed.filter(all.contains)
            + rest.sorted { ($0.name.utf8.count, $0.name) < ($1.name.utf8.count, $1.name) }
    }

    /// Tells an observer from now on what happens at the node. What was before it finds in ``connectedPeers`` and
    /// ``information(of:)``.
    ///
    /// - Parameter observer: The observer.
    /// - Returns: The name by which ``removeObserver(_:)`` knows it.
    @discardableResult
    public func addObserver(_ observer: any PeerObserver) -> ObserverID {
        ObserverID(number: state.withLock { $0.notices.add(observer) })
    }

    /// Tells an observer no more.
    ///
    /// - Parameter id: What ``addObserver(_:)`` returned.
    public func removeObserver(_ id: ObserverID) {
        state.withLock { $0.notices.remove(id.number) }
    }

    /// Which protocols a peer may open streams for.
    var accepting: ProtocolFilter {
        { [weak self] id in self?.state.withLock { $0.protocols[id] != nil } ?? false }
    }
}
