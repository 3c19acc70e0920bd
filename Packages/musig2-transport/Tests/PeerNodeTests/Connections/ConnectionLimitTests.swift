import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// Who comes in numbers shuts out nobody else.
@Suite(.timeLimit(.minutes(1))) struct ConnectionLimitTests {
    private let local: PeerID
    private let address: Multiaddr
    private let transport: HandedTransport

    init() throws {
        local = try testPeer(1)
        address = try Multiaddr("/memory/1")
        transport = HandedTransport(address)
    }

    private func node(_ change: (inout PeerNode.Configuration) -> Void = { _ in }) async throws -> PeerNode {
        var configuration = PeerNode.Configuration()
        change(&configuration)
        let node = PeerNode(
            localPeer: local,
            transports: [transport],
            configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await node.listen(on: [address])
        return node
    }

    private func connection(from number: UInt8) throws -> IdleConnection {
        IdleConnection(from: try testPeer(number), to: local, at: address)
    }

    /// A refused peer that does not close its side must not hold up those behind it.
    @Test func aRefusedConnectionDelaysNobody() async throws {
        let node = try await node()
        let (refused, next) = (try connection(from: 1), try connection(from: 2))
        transport.hand(refused)
        _ = await refused.isClosing.wait()
        transport.hand(next)
        while !node.isConnected(to: next.remotePeer) { await Task.yield() }
        for connection in [refused, next] { connection.mayClose.set(()) }
        await node.shutdown()
    }

    /// Whose line is dead comes again before this side has noticed.
    @Test func aPeerThatComesOnceTooOftenLosesItsOldest() async throws {
        let node = try await node { $0.maximumConnectionsPerPeer = 2 }
        let connections = try (0..<3).map { _ in try connection(from: 2) }
        for connection in connections { transport.hand(connection) }
        _ = await connections[0].isClosing.wait()
        let isNewestClosing = connections[2].isClosing.value != nil
        #expect(!isNewestClosing)
        let two = connections[0].remotePeer
        while node.state.withLock({ $0.table.connections(to: two).map(\.id) }) != [2, 3] { await Task.yield() }
        for connection in connections { connection.mayClose.set(()) }
        await node.shutdown()
    }

    @Test func anUnusedConnectionMakesRoomForANewOne() async throws {
        let node = try await node {
            $0.maximumConnections = 4
            $0.linger = .zero
        }
        let connections = try (UInt8(2)..<6).map { try connection(from: $0) }
        for connection in connections { transport.hand(connection) }
        // Three of four may be inbound.
        _ = await connections[0].isClosing.wait()
        while !node.isConnected(to: connections[3].remotePeer) { await Task.yield() }
        #expect(Set(node.connectedPeers) == Set(connections[1...].map(\.remotePeer)))
        for connection in connections { connection.mayClose.set(()) }
        await node.shutdown()
    }
}
