import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import PeerTransportNIO
import PeerTransportTestKit
import Synchronization
import Testing
import WireCodec

@testable import PeerNode

/// R13: a server of the DHT that names places which are none of its business.
@Suite(.serialized, .timeLimit(.minutes(1))) struct R13ForgedAddressTests {
    private let nodes = TestNodes()

    /// A node that asks a server which names another peer at some addresses: where it goes.
    private func dialled(_ named: [String]) async throws -> [String] {
        let addresses = try named.map { try Multiaddr($0).bytes }
        let hidden = try testPeer(77)
        let server = try ScriptedServer(try await nodes.node(1)) { request in
            .message(
                KademliaMessage(
                    kind: request.kind, key: request.key,
                    closerPeers: [KademliaMessage.Peer(id: hidden.bytes, addresses: addresses)]))
        }
        let peer = try testPeer(2)
        let transport = PendingTransport()
        let node = PeerNode(
            localPeer: peer, transports: [InMemoryTransport(peer: peer, hub: nodes.hub), transport],
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let dht = try node.startDHT(DHTWorld.configuration(.client, at: server.node))
        await transport.waitUntilBegun(1)
        transport.outcome.set(TransportError(.notConnected, "nobody there"))
        try await dht.waitUntilReady(timeout: .seconds(30))
        await node.shutdown()
        await server.shutdown()
        return Set(transport.addresses.compactMap { $0.withoutPeerID?.description }).sorted()
    }

    @Test func r13OnlyHarmlessAddressesAreDialled() async throws {
        let proper = "/ip4/203.0.113.7/tcp/4001"
        let forged = ["/ip4/203.0.113.7/tcp/22", "/ip4/127.0.0.1/tcp/25", "/ip6/::1/tcp/631", proper]
        #expect(try await dialled(forged) == [proper])
    }

    /// A name tells nothing of where it leads: for a stranger it leads to the Internet, or nowhere.
    @Test func r13ANameOfAStrangerLeadsToTheInternet() async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let listener = try PeerNode(identity: .generateEd25519(), logger: logger)
        let address = try #require(try await listener.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")]).first)
        let name = try Multiaddr("\(address)".replacing("/ip4/127.0.0.1/", with: "/dns4/localhost/"))
        let node = try PeerNode(identity: .generateEd25519(), logger: logger)
        let request = DialRequest(addresses: [name], respectsBackoff: true, filter: .any, source: .stranger)
        let error = await #expect(throws: TransportError.self) {
            try await node.connect(to: listener.localPeer, request)
        }
        #expect(error?.message.contains("leads to 127.0.0.1") == true, "\(error?.message ?? "")")
        // The user, and whom the user has chosen, may name what they like.
        try await node.connect(to: listener.localPeer, addresses: [name])
        await node.shutdown()
        await listener.shutdown()
    }

    /// A name that the peer gave of itself, too, also for a dial that somebody waits for, and once it has led elsewhere.
    @Test func r13ANameThatAPeerGaveOfItselfLeadsToTheInternet() async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let victim = try PeerNode(identity: .generateEd25519(), logger: logger)
        let address = try #require(try await victim.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")]).first)
        let name = try #require(
            try Multiaddr("\(address)".replacing("/ip4/127.0.0.1/", with: "/dns4/localhost/")).withoutPeerID)
        let node = try PeerNode(identity: .generateEd25519(), logger: logger)
        for hasLedThere in [false, true] {
            let liar = try testPeer(hasLedThere ? 6 : 5)
            node.peerStore.withLock { store in
                store.update(liar, by: PeerInformation(addresses: [name]), sequence: nil, at: 0)
                store.add([name], of: liar, from: .identify, at: .max / 2)
                if hasLedThere { store.noteSuccess(liar, at: name, namedBy: .stranger, at: .max / 2) }
            }
            #expect(node.knownAddresses(of: liar) == [name])
            let error = await #expect(throws: TransportError.self) { try await node.connect(to: liar) }
            #expect(error?.message.contains("leads to 127.0.0.1") == true, "\(error?.message ?? "")")
        }
        // One that the user has named leads where the user likes.
        node.addAddresses([name], of: victim.localPeer)
        try await node.connect(to: victim.localPeer)
        await node.shutdown()
        await victim.shutdown()
    }

    /// What a co-signer is said to be at, by whomever, is judged alike, though somebody waits for the dial.
    @Test func r13AddressesOfASignerAreAStrangers() async throws {
        let peer = try testPeer(2)
        let transport = PendingTransport()
        let node = PeerNode(
            localPeer: peer, transports: [transport],
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let network = try NodePeerNetwork(
            node: node, configuration: NodePeerNetwork.Configuration(protocolID: "/test-frames/1.0.0"))
        let proper = "/ip4/203.0.113.7/tcp/4001"
        network.connect(
            to: try testPeer(77),
            addresses: try [
                "/ip4/203.0.113.7/tcp/22", "/ip4/127.0.0.1/tcp/631", proper,
            ].map { try Multiaddr($0) })
        await transport.waitUntilBegun(1)
        transport.outcome.set(TransportError(.notConnected, "nobody there"))
        await node.shutdown()
        #expect(Set(transport.addresses.compactMap { $0.withoutPeerID?.description }) == [proper])
    }

    /// What a peer says of itself is judged alike.
    @Test func r13APeerNamesNoPathAndNoPortOfOthers() throws {
        let peer = try testPeer(5)
        let named = [
            "/ip4/203.0.113.7/tcp/22", "/ip4/203.0.113.7/tcp/8080/ws/http-path/cgi-bin%2Freboot%3Fconfirm=1",
            "/ip4/203.0.113.7/tcp/4001", "/ip4/203.0.113.7/tcp/443/wss", "/dns4/peer.example/tcp/80/ws/http-path/%2F",
        ]
        let message = Identify(listenAddresses: try named.map { try Multiaddr($0).bytes })
        let statement = try PeerStatement(message, from: peer, at: try Multiaddr("/ip4/203.0.113.7/tcp/50000"))
        #expect(statement.addresses == (try named.dropFirst(2).map { try Multiaddr($0) }))
        #expect(statement.refused.outOfPlace == 2)
    }
}
