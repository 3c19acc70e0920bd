import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// A peer that says that it goes away, and keeps its connection open.
@Suite(.timeLimit(.minutes(1))) struct GoingAwayTests {
    /// Dials that lead to connections in turn.
    private final class TurnTransport: Transport {
        private let connections: Mutex<[IdleConnection]>

        init(_ connections: [IdleConnection]) { self.connections = Mutex(connections) }

        /// How many are left.
        var count: Int { connections.withLock { $0.count } }

        func canDial(_ address: Multiaddr) -> Bool { true }

        func dial(
            _ address: Multiaddr, expecting expected: PeerID?, accepting: @escaping ProtocolFilter
        ) async throws(TransportError) -> any Connection {
            let next = connections.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            guard let next else { throw TransportError(.connectionRefused, "no more") }
            return next
        }

        func listen(
            on address: Multiaddr, accepting: @escaping ProtocolFilter
        ) async throws(TransportError) -> any Listener {
            throw TransportError(.addressNotAvailable, "it only dials")
        }
    }

    private let address: Multiaddr
    private let peer: PeerID
    private let connections: [IdleConnection]
    private let transport: TurnTransport
    private let node: PeerNode

    init() throws {
        let (local, peer) = (try testPeer(1), try testPeer(2))
        let address = try Multiaddr("/memory/1")
        connections = (0..<2).map { _ in IdleConnection(from: peer, to: local, at: address, isInbound: false) }
        transport = TurnTransport(connections)
        var configuration = PeerNode.Configuration()
        configuration.identify.isEnabled = false
        node = PeerNode(
            localPeer: local, transports: [transport], configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        (self.address, self.peer) = (address, peer)
    }

    @Test func itIsDialledAnew() async throws {
        try await node.connect(to: peer, addresses: [address])
        try await node.connect(to: peer, addresses: [address])
        #expect(transport.count == 1, "one connection is enough")
        connections[0].goAway()
        try await node.connect(to: peer, addresses: [address])
        #expect(transport.count == 0)
        let current = node.state.withLock { $0.table.current(to: peer)?.connection as? IdleConnection }
        #expect(current === connections[1])
        for connection in connections { connection.mayClose.set(()) }
        await node.shutdown()
    }

    /// Whoever wants a stream hears that there is no connection any more, and may make one.
    @Test func noStreamIsOpenedOnItsConnection() async throws {
        try await node.connect(to: peer, addresses: [address])
        connections[0].goAway()
        let error = await #expect(throws: TransportError.self) {
            _ = try await node.openStream(to: peer, assuming: "/test/1.0.0")
        }
        #expect(error?.code == .notConnected)
        #expect(connections[0].wasAsked.value == nil && !node.isConnected(to: peer))
        for connection in connections { connection.mayClose.set(()) }
        await node.shutdown()
    }
}
