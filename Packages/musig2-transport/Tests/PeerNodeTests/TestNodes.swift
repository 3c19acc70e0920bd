import Logging
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit

/// A peer id that nobody has the key of: a number in the place of an Ed25519 key.
func testPeer(_ number: UInt8) throws -> PeerID {
    let key = try PublicKeyProtobuf(type: .ed25519, data: [UInt8](repeating: number, count: 32))
    return try PeerID(publicKey: key)
}

/// Nodes that find each other inside this process.
struct TestNodes {
    let hub = InMemoryHub()

    func node(
        _ number: UInt8,
        configuration: PeerNode.Configuration = PeerNode.Configuration()
    ) async throws -> PeerNode {
        let peer = try testPeer(number)
        let node = PeerNode(
            localPeer: peer,
            transports: [InMemoryTransport(peer: peer, hub: hub)],
            configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await node.listen(on: [try Multiaddr("/memory/0")])
        return node
    }

    func network(
        _ number: UInt8,
        _ change: (inout NodePeerNetwork.Configuration) -> Void = { _ in }
    ) async throws -> NodePeerNetwork {
        var configuration = NodePeerNetwork.Configuration(protocolID: "/test-frames/1.0.0")
        change(&configuration)
        return try NodePeerNetwork(node: try await node(number), configuration: configuration)
    }
}

extension VirtualClock {
    /// Moves on, step by step, until the task that does it is cancelled.
    func run(by step: Duration) async {
        while !Task.isCancelled {
            advance(by: step)
            await Task.yield()
        }
    }
}
