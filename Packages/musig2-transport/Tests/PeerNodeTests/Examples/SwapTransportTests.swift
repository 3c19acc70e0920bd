import Logging
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import Testing

/// The example of the README: the same program over every transport.
@Suite struct SwapTransportTests {
    struct Way: Sendable, CustomTestStringConvertible {
        var name: String
        var listen: String
        var transport: @Sendable (NodeIdentity, ResponderRegistry, InMemoryHub) throws -> any Transport

        var testDescription: String { name }
    }

    static let ways = [
        Way(name: "memory", listen: "/memory/0") { identity, _, hub in
            InMemoryTransport(peer: identity.peerID, hub: hub)
        },
        Way(name: "TCP", listen: "/ip4/127.0.0.1/tcp/0") { identity, responders, _ in
            try TCPTransport(identity: identity, responders: responders)
        },
        Way(name: "WebSocket", listen: "/ip4/127.0.0.1/tcp/0/ws") { identity, responders, _ in
            try TCPTransport(identity: identity, responders: responders)
        },
    ]

    @Test(arguments: ways)
    func theSameOverEveryTransport(_ way: Way) async throws {
        let hub = InMemoryHub()
        func node() throws -> PeerNode {
            let identity = NodeIdentity.generateEd25519()
            let responders = ResponderRegistry()
            let transport = try way.transport(identity, responders, hub)
            return PeerNode(
                identity: identity, transports: [transport], responders: responders,
                logger: Logger(label: "example", factory: { _ in SwiftLogNoOpLogHandler() }))
        }
        let (one, two) = (try node(), try node())
        let addresses = try await two.listen(on: [try Multiaddr(way.listen)])
        try await one.connect(to: two.localPeer, addresses: addresses)
        let roundTrip = try await one.ping(two.localPeer)
        #expect(roundTrip > .zero && roundTrip < .seconds(10))
        #expect(one.knownAddresses(of: two.localPeer) == addresses.compactMap(\.withoutPeerID))
        await one.shutdown()
        await two.shutdown()
    }

    @Test func theNodesOfTheReadme() async throws {
        let identity = NodeIdentity.generateEd25519()
        let hub = InMemoryHub()
        let responders = ResponderRegistry()
        let overTCP = PeerNode(
            identity: identity, transports: [try TCPTransport(identity: identity, responders: responders)],
            responders: responders)
        let inMemory = PeerNode(
            identity: identity, transports: [InMemoryTransport(peer: identity.peerID, hub: hub)])
        #expect(overTCP.protocols == inMemory.protocols)
        await overTCP.shutdown()
        await inMemory.shutdown()
    }

    @Test func rememberedPeersOfTheReadme() async throws {
        let identity = NodeIdentity.generateEd25519()
        var configuration = PeerNode.Configuration()
        configuration.peerStorePersistence = PeerStoreFile(path: "peers")
        configuration.dialFilter = .public
        let node = try PeerNode(identity: identity, configuration: configuration)
        let friend = NodeIdentity.generateEd25519().peerID
        node.addAddresses([try Multiaddr("/dns4/friend.example/tcp/4001")], of: friend)
        node.protect(friend, for: "co-signer")
        #expect(node.knownPeers == [friend])
    }
}
