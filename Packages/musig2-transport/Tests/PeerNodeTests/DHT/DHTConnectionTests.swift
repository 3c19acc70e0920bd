import Multiformats
import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// What the DHT wants of the connections of its node.
@Suite(.timeLimit(.minutes(1))) struct DHTConnectionTests {
    /// Peers to begin with are kept, servers are worth more than others, and all that ends with the part in the DHT.
    @Test func peersOfTheDHTAreWorthKeeping() async throws {
        let world = DHTWorld()
        let first = try await world.member(1)
        let second = try await world.member(2, .client, at: first.node)
        try await second.waitUntilReady(timeout: .seconds(30))
        let (server, client) = (first.node, second.node)
        #expect(client.state.withLock { $0.priorities.isProtected(server.localPeer) })
        // As soon as it has said what it serves.
        while client.state.withLock({ $0.priorities.weight(of: server.localPeer) }) != 10 { await Task.yield() }
        #expect(server.state.withLock { $0.priorities.weight(of: client.localPeer) } == 0)
        await second.shutdown()
        #expect(!client.state.withLock { $0.priorities.isProtected(server.localPeer) })
        #expect(client.state.withLock { $0.priorities.weight(of: server.localPeer) } == 0)
        await client.shutdown()
        await server.shutdown()
    }
}
