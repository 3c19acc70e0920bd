public import Multiformats
public import NIOCore
import NIOPosix
@_spi(Waiting) public import PeerTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Connections over TCP as libp2p makes them: multistream-select, Noise XX, yamux, on the bare socket or inside a WebSocket.
///
/// It dials and listens at `/ip4/…/tcp/…` and `/ip6/…/tcp/…`, and dials `/dns/…`, `/dns4/…` and `/dns6/…` names; with `/ws`
/// behind it the address is that of a WebSocket. Any implementation of libp2p with Noise and yamux can be at the other end.
///
/// ```swift
/// let transport = try TCPTransport(identity: .generateEd25519())
/// let listener = try await transport.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0")) { $0 == "/echo/1.0.0" }
/// let connection = try await transport.dial(listener.addresses[0], expecting: nil) { _ in false }
/// let opened = try await connection.openStream(protocols: ["/echo/1.0.0"])
/// ```
public final class TCPTransport: Transport {
    /// The peer that this transport is.
    public let localPeer: PeerID

    /// What was set; of connections no more than the process may have files open (``OpenFiles``).
    public let configuration: Configuration

    private let local: TransportIdentity
    private let group: any EventLoopGroup
    private let count: ConnectionCount
    private let sleepWatches: SleepWatches
    private let responders: ResponderRegistry?
    private let onEvent: TransportEventHandler?

    /// Makes a transport. It holds no socket until it dials or listens.
    ///
    /// - Parameters:
    ///   - identity: The identity of this side.
    ///   - configuration: Time limits and bounds.
    ///   - responders: The responders that answer inbound streams on the event loop of their connection. Streams of these protocols are
    ///     accepted whatever the filter says, and `acceptStream` does not return them.
    ///   - onEvent: Is told what becomes of connections, for metrics and logs.
    ///   - group: The event loops to run on; nil for those that the whole process shares.
    /// - Throws: `TransportError` with `invalidArgument` for a configuration that makes no sense, or an
    ///   identity that cannot sign; with `limitExceeded` when the process may have too few files open to be of use.
    public init(
        identity: NodeIdentity,
        configuration: Configuration = Configuration(),
        responders: ResponderRegistry? = nil,
        onEvent: TransportEventHandler? = nil,
        group: (any EventLoopGroup)? = nil
    ) throws(TransportError) {
        if let problem = configuration.problem {
            throw TransportError(.invalidArgument, problem)
        }
        // Before there is any loop: without descriptors its making ends the process.
        let loops = group == nil ? NIOSingletons.groupLoopCountSuggestion : 0
        var configuration = configuration
        configuration.limits = configuration.limits.fitting(
            try OpenFiles.connections(of: OpenFiles.limit, loops: loops))
        let credentials: NoiseCredentials
        do throws(NodeIdentityError) {
            credentials = try NoiseCredentials(
                identity: identity, muxers: configuration.offersMuxerEarly ? [ConnectionUpgrade.yamuxProtocol] : [])
        } catch {
            throw TransportError(.invalidArgument, error.description)
        }
        localPeer = identity.peerID
        self.configuration = configuration
        local = TransportIdentity(peerID: identity.peerID, credentials: credentials)
        self.responders = responders
        self.onEvent = onEvent
        self.group = group ?? MultiThreadedEventLoopGroup.singleton
        count = ConnectionCount(limits: configuration.limits)
        sleepWatches = SleepWatches(configuration)
    }

    /// How many connections there are now, either direction, unfinished ones included.
    public var connectionCount: Int { count.total }

    /// Says which peers' connections never make room for others. Without, an address that has most connections of a network that has
    /// all it may (``Limits/networkConnections``) gives up any of them for another address.
    ///
    /// - Parameter isKept: Whether a peer's connections are kept. It is called on any thread, and must be quick.
    public func keepConnections(of isKept: @escaping @Sendable (PeerID) -> Bool) {
        count.keep(isKept)
    }

    /// How many bytes all connections together hold: received and not read, and answers not sent.
    var heldBytes: Int { count.heldBytes }

    /// Whether the address is TCP on an IP address or a name, with or without `/ws` and a `/p2p/` end.
    public func canDial(_ address: Multiaddr) -> Bool {
        TCPAddress(address) != nil
    }

    /// Connects, secures and multiplexes; see the protocol.
    ///
    /// - Throws: `TransportError`: `unsupportedAddress`, `resolutionFailed`, `connectionRefused`,
    ///   `unreachable`, `timedOut` with the stage, `notAPeer`, `securityFailed`, `peerMismatch`, `limitExceeded`,
    ///   `connectionClosed`, `cancelled`.
    public func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection {
        try await dial(address, expecting: expected, accepting: accepting, allowing: { _ in true })
    }

    /// Connects, secures and multiplexes, at those addresses of a name that are allowed; see the protocol.
    ///
    /// - Throws: As ``dial(_:expecting:accepting:)``; `unsupportedAddress` too when no address is allowed.
    public func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter,
        allowing isAllowed: @escaping @Sendable (Multiaddr) -> Bool
    ) async throws(TransportError) -> any Connection {
        try await dial(
            address, expecting: expected, accepting: accepting, givenBy: .user, allowing: isAllowed)
    }

    /// Connects, secures and multiplexes, at those addresses of a name that are allowed; names that strangers gave are looked up
    /// few at a time, and hold up no others.
    ///
    /// - Throws: As ``dial(_:expecting:accepting:allowing:)``; `limitExceeded` too when too many names wait.
    public func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter,
        givenBy source: AddressSource,
        allowing isAllowed: @escaping @Sendable (Multiaddr) -> Bool
    ) async throws(TransportError) -> any Connection {
        guard let target = TCPAddress(address) else { throw Self.unsupported(address, "dial") }
        let eventLoop = group.next()
        let addresses = try await target.resolve(
            for: source, seeking: expected ?? target.peerID, within: configuration.timeouts.resolve, on: eventLoop)
        let allowed = addresses.filter { address in
            TCPAddress.multiaddr(address, isWebSocket: target.path != nil).map(isAllowed) ?? false
        }
        if allowed.isEmpty, !addresses.isEmpty {
            let found = addresses.compactMap(\.ipAddress).joined(separator: ", ")
            throw TransportError(.unsupportedAddress, "\(address) leads to \(found), which is not allowed here")
        }
        return try await connect(
            toOneOf: allowed, at: target, named: address, expecting: expected ?? target.peerID, accepting, eventLoop)
    }

    /// Connects to the first of the addresses of a target at which somebody is.
    func connect(
        toOneOf addresses: [SocketAddress],
        at target: TCPAddress,
        named address: Multiaddr,
        expecting expected: PeerID?,
        _ accepting: @escaping ProtocolFilter,
        _ eventLoop: any EventLoop
    ) async throws(TransportError) -> TCPConnection {
        var failure = TransportError(.resolutionFailed, "\(address) has no address")
        for (index, socketAddress) in addresses.enumerated() {
            do throws(TransportError) {
                let connection = try await connect(
                    to: socketAddress, at: target, named: address, expecting: expected, accepting, eventLoop)
                // A name may lead to this side too, and behind another of its addresses to somebody else.
                guard connection.remotePeer == localPeer, index + 1 < addresses.count else { return connection }
                connection.closeSoon()
            } catch {
                failure = error
                // Another address of the same name is no better at these.
                guard [.connectionRefused, .unreachable, .timedOut, .systemFailure].contains(error.code) else {
                    throw error
                }
            }
        }
        throw failure
    }

    /// Binds and listens; see the protocol. Names cannot be listened at.
    ///
    /// - Throws: `TransportError`: `unsupportedAddress`, `addressInUse`, `addressNotAvailable`.
    public func listen(
        on address: Multiaddr,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Listener {
        guard let target = TCPAddress(address) else { throw Self.unsupported(address, "listen at") }
        if case .name = target.host {
            throw TransportError(.unsupportedAddress, "cannot listen at the name \(address): use an IP address")
        }
        let eventLoop = group.next()
        let addresses = try await target.resolve(
            for: .user, seeking: nil, within: configuration.timeouts.resolve, on: eventLoop)
        guard let socketAddress = addresses.first else { throw Self.unsupported(address, "listen at") }
        let accepted = BoundedInbox<TCPConnection>(capacity: configuration.limits.waitingConnections)
        let channel: any Channel
        do {
            channel = try await bootstrap(accepting, accepted, socketAddress, isWebSocket: target.path != nil)
                .bind(to: socketAddress).get()
        } catch {
            throw SystemError.listening(at: "\(address)", error)
        }
        do {
            return try TCPListener(
                channel: channel, isWebSocket: target.path != nil, localPeer: localPeer, accepted: accepted)
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    // MARK: Connecting

    private func connect(
        to socketAddress: SocketAddress,
        at target: TCPAddress,
        named address: Multiaddr,
        expecting expected: PeerID?,
        _ accepting: @escaping ProtocolFilter,
        _ eventLoop: any EventLoop
    ) async throws(TransportError) -> TCPConnection {
        let slot = try count.open(isInbound: false)
        let outcome = OneShot<Result<TCPConnection, TransportError>>()
        let local = self.local
        let configuration = self.configuration
        let responders = self.responders
        let onEvent = self.onEvent
        let sleepWatches = self.sleepWatches
        let remoteAddress = TCPAddress.multiaddr(socketAddress, isWebSocket: target.path != nil) ?? address
        let request = target.path.map { WebSocketKeys.request(host: target.authority, path: $0) }
        let connecting = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.timeouts.connect))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: SocketTuning.receiveAllocator)
            .channelOption(.writeBufferWaterMark, value: SocketTuning.waterMark)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let role = ConnectionHandler.Role(
                        isInbound: false, expectedPeer: expected, remoteAddress: remoteAddress, accepting: accepting,
                        responders: responders, onEvent: onEvent, slot: slot)
                    if let request {
                        try channel.pipeline.syncOperations.addHandler(
                            WebSocketHandler(.client(request), configuration: configuration))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(
                            role: role, local: local, configuration: configuration, sleepWatches: sleepWatches
                        ) { result in
                            outcome.set(result)
                        })
                }
            }
            .connect(to: socketAddress)
        connecting.whenFailure { error in
            slot.release()
            let failure = SystemError.connecting(to: "\(address)", error)
            onEvent?(TransportEvent(remoteAddress: remoteAddress, isInbound: false, kind: .failed(.connect, failure)))
            outcome.set(.failure(failure))
        }
        guard let result = await outcome.wait() else {
            connecting.whenSuccess { $0.close(promise: nil) }
            throw TransportError(.cancelled, "the task that dialled was cancelled")
        }
        return try result.get()
    }

    // MARK: Listening

    private func bootstrap(
        _ accepting: @escaping ProtocolFilter, _ accepted: BoundedInbox<TCPConnection>, _ address: SocketAddress,
        isWebSocket: Bool
    ) -> ServerBootstrap {
        let count = self.count
        let local = self.local
        let configuration = self.configuration
        let responders = self.responders
        let onEvent = self.onEvent
        let sleepWatches = self.sleepWatches
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pause = AcceptPauseHandler { kind in
                        guard
                            let local = channel.localAddress.flatMap({
                                TCPAddress.multiaddr($0, isWebSocket: isWebSocket)
                            })
                        else { return }
                        onEvent?(TransportEvent(remoteAddress: local, isInbound: true, kind: kind))
                    }
                    try channel.pipeline.syncOperations.addHandlers(AcceptPauseHandler.backoff(), pause)
                }
            }
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.recvAllocator, value: SocketTuning.receiveAllocator)
            .childChannelOption(.writeBufferWaterMark, value: SocketTuning.waterMark)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let remote = channel.remoteAddress,
                        let remoteAddress = TCPAddress.multiaddr(remote, isWebSocket: isWebSocket)
                    else {
                        throw TransportError(.unsupportedAddress, "an inbound connection has no IP address")
                    }
                    // A connection above the limits fails here, which closes it.
                    let slot: ConnectionCount.Slot
                    do throws(TransportError) {
                        slot = try count.open(isInbound: true, from: remoteAddress)
                    } catch {
                        onEvent?(TransportEvent(remoteAddress: remoteAddress, isInbound: true, kind: .refused(error)))
                        throw error
                    }
                    let role = ConnectionHandler.Role(
                        isInbound: true, expectedPeer: nil, remoteAddress: remoteAddress, accepting: accepting,
                        responders: responders, onEvent: onEvent, slot: slot)
                    if isWebSocket {
                        try channel.pipeline.syncOperations.addHandler(
                            WebSocketHandler(.server, configuration: configuration))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(
                            role: role, local: local, configuration: configuration, sleepWatches: sleepWatches
                        ) { result in
                            guard case .success(let connection) = result else { return }
                            if accepted.push(connection) != .taken { connection.closeSoon() }
                        })
                }
            }
        if case .v6 = address {
            // Otherwise the same port could not be listened at over IPv4.
            bootstrap = bootstrap.serverChannelOption(SocketTuning.onlyIPv6, value: 1)
        }
        return bootstrap
    }

    private static func unsupported(_ address: Multiaddr, _ action: String) -> TransportError {
        let isTLS = address.components.contains { component in
            switch component {
            case .tls, .wss: true
            default: false
            }
        }
        guard !isTLS else {
            return TransportError(
                .unsupportedAddress,
                "cannot \(action) \(address): TLS is not spoken here. Use /ws: Noise secures the connection in any case"
            )
        }
        return TransportError(
            .unsupportedAddress,
            "TCP cannot \(action) \(address): expected /ip4, /ip6 or /dns, then /tcp, then nothing, /ws or /p2p")
    }
}

/// How sockets are set up.
enum SocketTuning {
    /// Grows with what comes, so that an idle connection holds little and a busy one reads 256 KiB at a time.
    static let receiveAllocator = AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 4096, maximum: 262_144)

    /// Writes stop being prepared when this much waits for the socket.
    static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 65_536, high: 262_144)

    static let onlyIPv6 = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
}
