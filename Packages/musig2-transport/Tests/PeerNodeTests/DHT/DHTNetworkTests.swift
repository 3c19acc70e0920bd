import KademliaDHT
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit
import Synchronization
import Testing

/// Real nodes that find each other, peers and values.
@Suite(.serialized, .timeLimit(.minutes(2))) struct DHTNetworkTests {
    @Test(arguments: DHTWorld.Way.allCases)
    func eightNodesFindEachOther(_ way: DHTWorld.Way) async throws {
        let servers = try await DHTWorld(way).servers(8)
        for server in servers {
            let status = await server.waitForStatus { $0.routingTableSize == 7 }
            #expect(status == DHTStatus(mode: .server, routingTableSize: 7, isReady: true))
        }
        await DHTWorld.shutdown(servers)
    }

    @Test(arguments: DHTWorld.Way.allCases)
    func aProviderIsFound(_ way: DHTWorld.Way) async throws {
        let servers = try await DHTWorld(way).servers(8)
        let key = DHTWorld.key(1)
        #expect(try await servers[6].lookup(key, limit: 20).isEmpty)
        try await servers[2].publish(key, for: .seconds(3_600))
        let found = try await servers[6].lookup(key, limit: 20)
        #expect(found.map(\.peer) == [servers[2].node.localPeer])
        let addresses = servers[2].node.addresses.compactMap(\.withoutPeerID)
        #expect(Set(found.first?.addresses ?? []) == Set(addresses))
        // The publisher is not among those that it finds itself.
        #expect(try await servers[2].lookup(key, limit: 20).isEmpty)
        // What was found can be used.
        let connection = try #require(found.first)
        try await servers[6].node.connect(to: connection.peer, addresses: connection.addresses)
        await DHTWorld.shutdown(servers)
    }

    /// Who begins together with others is told of none of them, and finds them all the same.
    @Test func nodesThatBeginAtOnceFindEachOther() async throws {
        let servers = try await DHTWorld().servers(8, atOnce: true)
        for (number, server) in servers.enumerated() {
            try await server.publish(DHTWorld.key(UInt8(number)), for: .seconds(3_600))
        }
        for (number, server) in servers.enumerated() {
            let other = (number + 3) % servers.count
            let found = try await server.lookup(DHTWorld.key(UInt8(other)), limit: 5)
            #expect(found.map(\.peer) == [servers[other].node.localPeer])
        }
        await DHTWorld.shutdown(servers)
    }

    /// The first node of a network has nobody to begin with, and after a restart finds the others again.
    @Test func aServerFindsItsNetworkAgainByWhatItRemembers() async throws {
        let world = DHTWorld()
        var configuration = PeerNode.Configuration()
        configuration.peerStorePersistence = KeptPeers()
        let other = try await world.member(2)
        let first = try await world.member(1, at: other.node, configuration: configuration)
        await first.waitForStatus { $0.routingTableSize == 1 }
        await first.node.shutdown()
        let again = try await world.member(1, configuration: configuration)
        #expect(await again.waitForStatus { $0.routingTableSize == 1 }?.isReady == true)
        await DHTWorld.shutdown([other, again])
    }

    @Test func manyProvidersAreFoundUpToTheLimit() async throws {
        let servers = try await DHTWorld().servers(6)
        let key = DHTWorld.key(1)
        for server in servers { try await server.publish(key, for: .seconds(3_600)) }
        let others = Set(servers.dropFirst().map(\.node.localPeer))
        #expect(Set(try await servers[0].lookup(key, limit: 20).map(\.peer)) == others)
        let few = try await servers[0].lookup(key, limit: 2).map(\.peer)
        #expect(few.count == 2 && others.isSuperset(of: few))
        #expect(try await servers[0].lookup(key, limit: 0).isEmpty)
        await DHTWorld.shutdown(servers)
    }

    @Test(arguments: DHTWorld.Way.allCases)
    func theBestValueIsFound(_ way: DHTWorld.Way) async throws {
        let servers = try await DHTWorld(way).servers(6)
        let name = DHTWorld.name("one")
        #expect(try await servers[5].value(at: name) == nil)
        try await servers[1].publish([1, 2], at: name, for: .seconds(3_600))
        let first = try await servers[5].value(at: name)
        #expect(first?.value == [1, 2])
        #expect(first?.age != nil)
        try await servers[2].publish([1, 2, 3], at: name, for: .seconds(3_600))
        #expect(try await servers[5].value(at: name)?.value == [1, 2, 3])
        await #expect(throws: TransportError(.notStored, "")) {
            try await servers[3].publish([1], at: name, for: .seconds(3_600))
        }
        await DHTWorld.shutdown(servers)
    }

    @Test func whatTheRulesRefuseIsNamed() async throws {
        let servers = try await DHTWorld().servers(2)
        let invalid = TransportError(.invalidArgument, "")
        await #expect(throws: invalid) { try await servers[0].publish([0], at: DHTWorld.name("x"), for: .seconds(1)) }
        for key in ["/other/x", "test", "/test/", ""] {
            await #expect(throws: invalid) { try await servers[0].publish([1], at: Array(key.utf8), for: .seconds(1)) }
            await #expect(throws: invalid) { _ = try await servers[0].value(at: Array(key.utf8)) }
        }
        let long = [UInt8](repeating: 1, count: 61 << 10)
        await #expect(throws: invalid) { try await servers[0].publish(long, at: DHTWorld.name("x"), for: .seconds(1)) }
        for key in [[], [UInt8](repeating: 1, count: 81)] {
            await #expect(throws: invalid) { try await servers[0].publish(key, for: .seconds(1)) }
            await #expect(throws: invalid) { _ = try await servers[0].lookup(key, limit: 1) }
        }
        await DHTWorld.shutdown(servers)
    }

    @Test func aClientFindsAndIsNotFound() async throws {
        let world = DHTWorld()
        let servers = try await world.servers(3)
        let client = try await world.member(9, .client, at: servers[0].node)
        try await client.waitUntilReady(timeout: .seconds(30))
        await client.waitForStatus { $0.routingTableSize == 3 }
        #expect(!client.node.protocols.contains(DHTWorld.protocolID))
        let key = DHTWorld.key(2)
        try await client.publish(key, for: .seconds(3_600))
        #expect(try await servers[2].lookup(key, limit: 5).map(\.peer) == [client.node.localPeer])
        try await servers[1].publish([5], at: DHTWorld.name("c"), for: .seconds(3_600))
        #expect(try await client.value(at: DHTWorld.name("c"))?.value == [5])
        // It asked all of them, and none has taken it for a server.
        for server in servers { #expect(server.status.routingTableSize == 2) }
        let known = try await servers[1].addresses(of: client.node.localPeer)
        #expect(known == client.node.addresses.compactMap(\.withoutPeerID))
        await DHTWorld.shutdown(servers + [client])
    }

    @Test func recordsOutliveServersThatDie() async throws {
        let servers = try await DHTWorld().servers(8)
        let key = DHTWorld.key(3)
        try await servers[1].publish(key, for: .seconds(3_600))
        try await servers[1].publish([7], at: DHTWorld.name("d"), for: .seconds(3_600))
        for dead in [0, 3, 4, 5] { await servers[dead].node.shutdown() }
        #expect(try await servers[7].lookup(key, limit: 5).map(\.peer) == [servers[1].node.localPeer])
        #expect(try await servers[7].value(at: DHTWorld.name("d"))?.value == [7])
        await DHTWorld.shutdown(servers)
    }

    @Test func aServerThatOnlyAsksFromNowOnLeavesTheTables() async throws {
        let servers = try await DHTWorld().servers(3)
        for server in servers { await server.waitForStatus { $0.routingTableSize == 2 } }
        try servers[2].setServing(false)
        for server in servers.prefix(2) { await server.waitForStatus { $0.routingTableSize == 1 } }
        #expect(servers[2].status.mode == .client)
        try servers[2].setServing(true)
        for server in servers.prefix(2) { await server.waitForStatus { $0.routingTableSize == 2 } }
        await DHTWorld.shutdown(servers)
    }

    @Test func aBootstrapAddressNeedsNoName() async throws {
        let world = DHTWorld()
        let first = try await world.member(1)
        let second = try await world.member(2) { configuration in
            configuration.bootstrap = first.node.addresses.compactMap(\.withoutPeerID)
        }
        try await second.waitUntilReady(timeout: .seconds(30))
        #expect(second.status.routingTableSize == 1)
        await DHTWorld.shutdown([first, second])
    }

    @Test func theStatusIsAStateToWaitFor() async throws {
        let world = DHTWorld()
        let first = try await world.member(1)
        // The first node of a network has nobody to wait for.
        #expect(first.status == DHTStatus(mode: .server, routingTableSize: 0, isReady: true))
        let node = try await world.node(2)
        var updates = node.dhtStatusUpdates().makeAsyncIterator()
        #expect(await updates.next() == .off)
        let dht = try node.startDHT(DHTWorld.configuration(.client, at: first.node))
        let begun = await updates.next()
        #expect(begun?.isEnabled == true && begun?.mode == .client)
        try await node.waitUntilReady(timeout: .seconds(30))
        #expect(node.dhtStatus == DHTStatus(mode: .client, routingTableSize: 1, isReady: true))
        await dht.shutdown()
        var last = begun
        while let status = await updates.next() {
            last = status
            if !status.isEnabled { break }
        }
        #expect(last == .off)
        await DHTWorld.shutdown([first, dht])
    }

    @Test func whoKnowsNobodyIsNotReadyInTime() async throws {
        let lone = try await DHTWorld().member(1, .client) { $0.readyTimeout = .milliseconds(20) }
        let notReady = TransportError(.notReady, "")
        await #expect(throws: notReady) { try await lone.publish(DHTWorld.key(1), for: .seconds(60)) }
        await #expect(throws: notReady) { _ = try await lone.lookup(DHTWorld.key(1), limit: 1) }
        await #expect(throws: notReady) { _ = try await lone.value(at: DHTWorld.name("x")) }
        await #expect(throws: notReady) { try await lone.node.waitUntilReady(timeout: .milliseconds(20)) }
        await lone.node.shutdown()
    }
}

/// Keeps what a node knows of peers from one life to the next.
private final class KeptPeers: PeerStorePersistence {
    private let bytes = Mutex<[UInt8]?>(nil)

    func load() -> [UInt8]? { bytes.withLock { $0 } }

    func save(_ bytes: [UInt8]) { self.bytes.withLock { $0 = bytes } }
}
