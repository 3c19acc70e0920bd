import Multiformats
import Synchronization

/// One side of a connection inside this process.
final class InMemoryConnection: Connection {
    let localPeer: PeerID
    let remotePeer: PeerID
    let remoteAddress: Multiaddr
    let isInbound: Bool

    private struct State {
        var streams: [InMemoryStream] = []
        /// The other side; it holds this one too, until the connection is closed.
        var other: InMemoryConnection?
    }

    private let accepting: ProtocolFilter
    private let limits: InMemoryHub.Limits
    private let state = Mutex(State())
    private let inbox: BoundedInbox<NegotiatedStream>
    private let end = OneShot<Void>()

    private init(
        local: PeerID,
        remote: PeerID,
        remoteAddress: Multiaddr,
        isInbound: Bool,
        accepting: @escaping ProtocolFilter,
        limits: InMemoryHub.Limits
    ) {
        localPeer = local
        remotePeer = remote
        self.remoteAddress = remoteAddress
        self.isInbound = isInbound
        self.accepting = accepting
        self.limits = limits
        inbox = BoundedInbox(capacity: limits.waitingStreams)
    }

    /// One side of a connection to be: its peer id, its address, and what it takes.
    struct Side {
        var peer: PeerID
        var address: Multiaddr
        var accepting: ProtocolFilter
    }

    static func makePair(
        dialer: Side,
        listener: Side,
        limits: InMemoryHub.Limits
    ) -> (dialer: InMemoryConnection, listener: InMemoryConnection) {
        let outbound = InMemoryConnection(
            local: dialer.peer,
            remote: listener.peer,
            remoteAddress: listener.address,
            isInbound: false,
            accepting: dialer.accepting,
            limits: limits
        )
        let inbound = InMemoryConnection(
            local: listener.peer,
            remote: dialer.peer,
            remoteAddress: dialer.address,
            isInbound: true,
            accepting: listener.accepting,
            limits: limits
        )
        outbound.state.withLock { $0.other = inbound }
        inbound.state.withLock { $0.other = outbound }
        return (outbound, inbound)
    }

    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
        guard !protocols.isEmpty else {
            throw TransportError(.invalidArgument, "openStream needs at least one protocol, got none")
        }
        if let invalid = protocols.first(where: { !$0.isValid }) {
            throw TransportError(
                .invalidArgument, "not a protocol id that can be sent: \(invalid.name.debugDescription)")
        }
        guard let other = state.withLock({ $0.other }) else { throw Self.closedError }
        guard let chosen = protocols.first(where: other.accepting) else {
            throw TransportError(
                .protocolNotSupported,
                "peer \(remotePeer) takes none of \(protocols.map(\.name).joined(separator: ", "))"
            )
        }
        let (ours, theirs) = InMemoryStream.makePair(window: limits.windowBytes)
        try add(ours)
        do throws(TransportError) {
            try other.add(theirs)
        } catch {
            ours.reset()
            throw error
        }
        switch other.inbox.push(NegotiatedStream(stream: theirs, protocolID: chosen)) {
        case .taken:
            return NegotiatedStream(stream: ours, protocolID: chosen)
        case .closed:
            throw Self.closedError
        case .full:
            ours.reset()
            throw TransportError(
                .limitExceeded,
                "peer \(remotePeer) has \(limits.waitingStreams) streams waiting that it did not accept"
            )
        }
    }

    func acceptStream() async throws(TransportError) -> NegotiatedStream? {
        try await inbox.next()
    }

    func close() async {
        guard let other = shut() else { return }
        _ = other.shut()
    }

    func closed() async -> TransportError? {
        _ = await end.wait()
        return nil
    }

    private func add(_ stream: InMemoryStream) throws(TransportError) {
        let limit = limits.streamsPerConnection
        let result = state.withLock { state -> Result<Void, TransportError> in
            guard state.other != nil else { return .failure(Self.closedError) }
            if state.streams.count >= limit { state.streams.removeAll(where: \.isOver) }
            guard state.streams.count < limit else {
                return .failure(TransportError(.limitExceeded, "\(limit) streams are open on this connection already"))
            }
            state.streams.append(stream)
            return .success(())
        }
        try result.get()
    }

    /// Ends this side.
    ///
    /// - Returns: The other side, to be ended too; nil if this one was ended before.
    private func shut() -> InMemoryConnection? {
        let (other, streams) = state.withLock { state in
            defer { state = State() }
            return (state.other, state.streams)
        }
        for stream in streams { stream.fail(Self.closedError) }
        _ = inbox.close()
        end.set(())
        return other
    }

    private static let closedError = TransportError(.connectionClosed, "the connection is closed")
}
