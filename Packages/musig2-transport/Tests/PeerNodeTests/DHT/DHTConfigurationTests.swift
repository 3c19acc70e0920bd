import KademliaDHT
import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

@Suite struct DHTConfigurationTests {
    private let nodes = TestNodes()

    @Test func theNetworkDecidesTheAddresses() throws {
        #expect(NodeDHT.Configuration().protocolID == "/ipfs/kad/1.0.0")
        #expect(NodeDHT.Configuration().usedAddresses == .public)
        let local = NodeDHT.Configuration(prefix: NodeDHT.Configuration.localPrefix)
        #expect(local.protocolID == "/ipfs/lan/kad/1.0.0")
        #expect(local.usedAddresses == .private)
        var own = NodeDHT.Configuration(mode: .server, prefix: "/my-network")
        #expect(own.protocolID == "/my-network/kad/1.0.0")
        #expect(own.usedAddresses == .any)
        own.addresses = .public
        #expect(own.usedAddresses == .public)
    }

    @Test func theMachineIsToldWhatStandsHere() throws {
        let (peer, local) = (try testPeer(1), try testPeer(2))
        let places = ["/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.2/tcp/2"]
        var bootstrap = try places.map { try Multiaddr("\($0)/p2p/\(peer)") }
        bootstrap.append(try Multiaddr("/ip4/192.0.2.3/tcp/3"))
        bootstrap.append(try Multiaddr("/ip4/192.0.2.4/tcp/4/p2p/\(local)"))
        let configuration = NodeDHT.Configuration(mode: .server, prefix: "/own", bootstrap: bootstrap)
        let machine = configuration.machineConfiguration(local, connections: 1_536)
        #expect(machine.mode == .server)
        #expect(machine.limits.connectedPeers == 1_536)
        #expect(machine.addressPolicy == .any)
        #expect(machine.exemptsPrivateGroups)
        // Neither the one without a name nor this node itself is trusted.
        #expect(machine.bootstrapPeers.map(\.peer) == [peer])
        #expect(machine.bootstrapPeers.first?.addresses.map(\.description) == places)
        #expect(machine.minimumReadyServers == 1)
        #expect(!NodeDHT.Configuration().machineConfiguration(local, connections: 1_536).exemptsPrivateGroups)
        var first = NodeDHT.Configuration(mode: .server)
        #expect(first.machineConfiguration(local, connections: 1_536).minimumReadyServers == 0)
        first.kademlia.minimumReadyServers = 3
        #expect(first.machineConfiguration(local, connections: 1_536).minimumReadyServers == 3)
    }

    @Test(arguments: ["", "/", "own", "/own/", "/own\n"])
    func aPrefixThatCannotBeIsNamed(_ prefix: String) async throws {
        let node = try await nodes.node(1)
        let error = #expect(throws: TransportError.self) { try node.startDHT(NodeDHT.Configuration(prefix: prefix)) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(prefix.debugDescription) == true)
        #expect(node.dht == nil && node.dhtStatus == .off)
        await node.shutdown()
    }

    @Test func limitsBelowOneAreNamed() async throws {
        let node = try await nodes.node(1)
        var configuration = NodeDHT.Configuration(prefix: "/own")
        configuration.maximumRequestsPerPeer = 0
        let error = #expect(throws: TransportError.self) { try node.startDHT(configuration) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("maximumRequestsPerPeer") == true)
        await node.shutdown()
    }

    @Test func whatIsOffFindsNothing() async throws {
        let node = try await nodes.node(1)
        let dht = try node.startDHT(NodeDHT.Configuration(mode: .off))
        #expect(node.dht == nil)
        #expect(dht.status == .off && !dht.status.isEnabled)
        let off = TransportError(.discoveryOff, "")
        await #expect(throws: off) { try await dht.publish([1], for: .seconds(1)) }
        await #expect(throws: off) { _ = try await dht.lookup([1], limit: 1) }
        await #expect(throws: off) { try await dht.publish([1], at: [2], for: .seconds(1)) }
        await #expect(throws: off) { _ = try await dht.value(at: [2]) }
        await #expect(throws: off) { _ = try await dht.addresses(of: try testPeer(2)) }
        await #expect(throws: off) { try await dht.waitUntilReady(timeout: .seconds(1)) }
        await #expect(throws: off) { try await node.waitUntilReady(timeout: .seconds(1)) }
        #expect(throws: off) { try dht.setServing(true) }
        try dht.start()
        #expect(node.dht == nil)
        await dht.withdraw([1])
        await dht.withdrawValue(at: [2])
        await dht.shutdown()
        await node.shutdown()
    }

    @Test func aProtocolThatSomethingElseServesIsNamed() async throws {
        let node = try await nodes.node(1)
        try node.respond(to: ["/own/kad/1.0.0"], name: "other") { _ in nil }
        let error = #expect(throws: TransportError.self) {
            try node.startDHT(NodeDHT.Configuration(mode: .server, prefix: "/own"))
        }
        #expect(error?.code == .invalidArgument && error?.message.contains("other") == true)
        #expect(node.dht == nil && node.dhtStatus == .off)
        // A client needs no protocol.
        try node.startDHT(NodeDHT.Configuration(mode: .client, prefix: "/own"))
        await node.shutdown()
    }

    @Test func aNodeTakesPartOnceAtATime() async throws {
        let node = try await nodes.node(1)
        let dht = try node.startDHT(NodeDHT.Configuration(mode: .server, prefix: "/own"))
        #expect(node.dht === dht)
        #expect(node.dhtStatus.mode == .server && node.dhtStatus.isEnabled)
        #expect(node.protocols.contains("/own/kad/1.0.0"))
        #expect(throws: TransportError(.invalidArgument, "")) {
            try node.startDHT(NodeDHT.Configuration(prefix: "/other"))
        }
        await dht.shutdown()
        #expect(node.dht == nil && node.dhtStatus == .off)
        #expect(!node.protocols.contains("/own/kad/1.0.0"))
        await #expect(throws: TransportError(.discoveryOff, "")) { _ = try await dht.lookup([1], limit: 1) }
        // The same part may be taken again, or another one.
        try dht.start()
        #expect(node.dht === dht && node.protocols.contains("/own/kad/1.0.0"))
        #expect(throws: TransportError(.invalidArgument, "")) { try dht.start() }
        #expect(dht.status.isEnabled)
        try dht.setServing(false)
        #expect(!node.protocols.contains("/own/kad/1.0.0"))
        await dht.shutdown()
        let second = try node.startDHT(NodeDHT.Configuration(mode: .client, prefix: "/own"))
        #expect(node.dht === second && node.dhtStatus.mode == .client)
        #expect(!node.protocols.contains("/own/kad/1.0.0"))
        await node.shutdown()
        #expect(node.dht == nil && node.dhtStatus == .off)
        #expect(throws: TransportError(.shutDown, "")) { try node.startDHT(NodeDHT.Configuration()) }
    }
}
