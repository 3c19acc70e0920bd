import KademliaDHT
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit
import Testing
import WireCodec

/// How other nodes are asked: over which streams, and what becomes of those that answer badly.
@Suite(.serialized, .timeLimit(.minutes(1))) struct DHTStreamTests {
    private let world = DHTWorld()

    /// A member that begins at a scripted server, which it takes for one.
    private func pair(
        settling: Duration = .seconds(1),
        _ script: @escaping @Sendable (KademliaMessage) -> ScriptedServer.Answer
    ) async throws -> (NodeDHT, ScriptedServer) {
        let server = try ScriptedServer(try await world.node(1), script)
        return (try await world.member(2, .client, at: server.node) { $0.settleTimeout = settling }, server)
    }

    private func end(_ dht: NodeDHT, _ server: ScriptedServer) async {
        await dht.node.shutdown()
        await server.shutdown()
    }

    @Test func oneStreamServesManyRequests() async throws {
        let (dht, server) = try await pair { ScriptedServer.empty($0) }
        try await dht.waitUntilReady(timeout: .seconds(30))
        for number in 0..<10 { #expect(try await dht.lookup(DHTWorld.key(UInt8(number)), limit: 1).isEmpty) }
        #expect(server.requests.count { $0.kind == .getProviders } == 10)
        // The bootstrap may have asked beside the first probe.
        #expect(server.streams <= dht.configuration.maximumRequestsPerPeer)
        await end(dht, server)
    }

    @Test func aServerThatEndsEachStreamIsAskedOnNewOnes() async throws {
        let (dht, server) = try await pair { request in
            .last(FrameEncoder.encode(KademliaMessage(kind: request.kind, key: request.key).encoded()))
        }
        try await dht.waitUntilReady(timeout: .seconds(30))
        for number in 0..<5 { #expect(try await dht.lookup(DHTWorld.key(UInt8(number)), limit: 1).isEmpty) }
        #expect(server.requests.count { $0.kind == .getProviders } == 5)
        #expect(dht.status.routingTableSize == 1)
        await end(dht, server)
    }

    /// An answer to ADD_PROVIDER means nothing.
    @Test(arguments: [false, true]) func aProviderRecordNeedsNoAnswer(isAnswered: Bool) async throws {
        let (dht, server) = try await pair { request in
            request.kind == .addProvider && !isAnswered ? .bytes([]) : ScriptedServer.empty(request)
        }
        let key = DHTWorld.key(1)
        try await dht.publish(key, for: .seconds(3_600))
        let record = try #require(await server.wait(for: .addProvider).first)
        #expect(record.key == key)
        #expect(record.providerPeers.map(\.id) == [dht.node.localPeer.bytes])
        #expect(record.providerPeers.first?.addresses == dht.node.addresses.compactMap { $0.withoutPeerID?.bytes })
        #expect(try await dht.lookup(key, limit: 1).isEmpty)
        await end(dht, server)
    }

    @Test func aServerThatResetsARecordHasNotTakenIt() async throws {
        let (dht, server) = try await pair { $0.kind == .addProvider ? .reset : ScriptedServer.empty($0) }
        await #expect(throws: TransportError(.notStored, "")) {
            try await dht.publish(DHTWorld.key(1), for: .seconds(60))
        }
        // As often as the configuration says, then no more.
        #expect(server.requests.count { $0.kind == .addProvider } == 3)
        await end(dht, server)
    }

    /// go refuses values of namespaces that it does not know: that is said at once, with its reason, and the server is one as before.
    @Test func aServerThatRefusesAValueIsAServerAllTheSame() async throws {
        let (dht, server) = try await pair { $0.kind == .putValue ? .reset : ScriptedServer.empty($0) }
        for number in 0..<3 {
            let error = await #expect(throws: TransportError(.notStored, "")) {
                try await dht.publish([1], at: DHTWorld.name("\(number)"), for: .seconds(60))
            }
            #expect(error?.message.contains("refuse") == true)
            #expect(dht.status.isReady && dht.status.routingTableSize == 1)
        }
        // Each once, and once more on a stream of its own when the first was a kept one.
        #expect(server.requests.count { $0.kind == .putValue } <= 6)
        await end(dht, server)
    }

    /// A stream that ends without an answer says nothing of the value, as when the server has no room: it is put again.
    @Test func aServerThatEndsTheStreamIsAskedAgain() async throws {
        let (dht, server) = try await pair { $0.kind == .putValue ? .last([]) : ScriptedServer.empty($0) }
        let error = await #expect(throws: TransportError(.notStored, "")) {
            try await dht.publish([1], at: DHTWorld.name("x"), for: .seconds(60))
        }
        #expect(error?.message.contains("refuse") == false)
        #expect(server.requests.count { $0.kind == .putValue } >= 3)
        await end(dht, server)
    }

    /// Others name all the providers that they know.
    @Test func aLongAnswerIsAnAnswer() async throws {
        let provider = KademliaMessage.Peer(
            id: try testPeer(9).bytes, addresses: [try Multiaddr("/memory/9").bytes])
        let others = (0..<60_000).map { number in
            KademliaMessage.Peer(
                id: [0x12, 0x20] + withUnsafeBytes(of: number.bigEndian, Array.init) + [UInt8](repeating: 0, count: 24),
                addresses: [])
        }
        let (dht, server) = try await pair { request in
            guard request.kind == .getProviders else { return ScriptedServer.empty(request) }
            return .message(
                KademliaMessage(kind: .getProviders, key: request.key, providerPeers: [provider] + others))
        }
        #expect(try await dht.lookup(DHTWorld.key(1), limit: 1).map(\.peer) == [try testPeer(9)])
        await end(dht, server)
    }

    @Test func aServerThatSaysNothingMayHaveTakenIt() async throws {
        let (dht, server) = try await pair(settling: .milliseconds(50)) {
            $0.kind == .addProvider ? .silence : ScriptedServer.empty($0)
        }
        try await dht.publish(DHTWorld.key(1), for: .seconds(60))
        await end(dht, server)
    }

    @Test func recordsAreRenewedUntilTheShutdown() async throws {
        let clock = VirtualClock()
        var nodeConfiguration = PeerNode.Configuration()
        nodeConfiguration.timeSource = clock.timeSource
        let server = try ScriptedServer(try await world.node(1)) { ScriptedServer.empty($0) }
        let dht = try await world.member(2, .client, at: server.node, configuration: nodeConfiguration)
        try await dht.publish(DHTWorld.key(1), for: .seconds(72 * 3_600))
        try await dht.publish([1], at: DHTWorld.name("x"), for: .seconds(72 * 3_600))
        #expect(await server.wait(for: .addProvider).count == 1)
        clock.advance(by: .seconds(30 * 3_600))
        #expect(await server.wait(for: .addProvider, count: 2).count == 2)
        #expect(await server.wait(for: .putValue, count: 2).count == 2)
        await dht.shutdown()
        clock.advance(by: .seconds(30 * 3_600))
        // The node that takes part again has forgotten what it published.
        try dht.start()
        try await dht.waitUntilReady(timeout: .seconds(30))
        #expect(server.requests.count { $0.kind == .addProvider } == 2)
        #expect(server.requests.count { $0.kind == .putValue } == 2)
        await end(dht, server)
    }

    @Test func whatIsWithdrawnIsNotRenewed() async throws {
        let clock = VirtualClock()
        var nodeConfiguration = PeerNode.Configuration()
        nodeConfiguration.timeSource = clock.timeSource
        let server = try ScriptedServer(try await world.node(1)) { ScriptedServer.empty($0) }
        let dht = try await world.member(2, .client, at: server.node, configuration: nodeConfiguration)
        try await dht.publish(DHTWorld.key(1), for: .seconds(72 * 3_600))
        try await dht.publish(DHTWorld.key(2), for: .seconds(72 * 3_600))
        await dht.withdraw(DHTWorld.key(1))
        clock.advance(by: .seconds(30 * 3_600))
        let records = await server.wait(for: .addProvider, count: 3)
        #expect(records.map(\.key) == [DHTWorld.key(1), DHTWorld.key(2), DHTWorld.key(2)])
        await end(dht, server)
    }

    // MARK: Servers that do harm

    enum Harm: String, CaseIterable, CustomTestStringConvertible {
        case tenThousandPeers
        case morePeersThanAreRead
        case manyUnreachable
        case usAndItself
        case duplicates
        case unusableIDs
        case garbage
        case tooLong
        case hugeLength
        case emptyFrame
        case moreThanAsked
        case halfAnAnswer
        case reset
        case endWithoutAnswer

        var testDescription: String { rawValue }

        func answer(_ request: KademliaMessage, to asker: PeerID, by server: PeerID) -> ScriptedServer.Answer {
            func naming(_ peers: [KademliaMessage.Peer]) -> ScriptedServer.Answer {
                .message(KademliaMessage(kind: request.kind, closerPeers: peers, providerPeers: peers))
            }
            func peer(_ number: Int) -> KademliaMessage.Peer {
                let bytes = withUnsafeBytes(of: number.bigEndian, Array.init)
                return KademliaMessage.Peer(
                    id: [0x12, 0x20] + bytes + [UInt8](repeating: 0, count: 24),
                    // /memory/NUMBER, where nobody listens.
                    addresses: [[0x89, 0x06, 0xff, 0xff] + bytes.suffix(6)]
                )
            }
            switch self {
            case .tenThousandPeers: return naming((0..<10_000).map(peer))
            case .morePeersThanAreRead: return naming((0..<1_000).map(peer))
            case .manyUnreachable: return naming((0..<60).map(peer))
            case .usAndItself:
                return naming([asker, server].map { KademliaMessage.Peer(id: $0.bytes, addresses: peer(1).addresses) })
            case .duplicates: return naming([KademliaMessage.Peer](repeating: peer(7), count: 60))
            case .unusableIDs:
                return naming(
                    [[], [1], [UInt8](repeating: 0, count: 500), [0x12, 0x20, 1]].map {
                        KademliaMessage.Peer(id: $0, addresses: [[1, 2, 3]])
                    }
                )
            case .garbage: return .bytes(FrameEncoder.encode([0xff, 0xff, 0xff]))
            case .tooLong: return .bytes(FrameEncoder.encode([UInt8](repeating: 0, count: 4_194_305)))
            case .hugeLength: return .bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
            case .emptyFrame: return .bytes([0])
            case .moreThanAsked:
                let one = FrameEncoder.encode(KademliaMessage(kind: request.kind).encoded())
                return .bytes(one + one)
            case .halfAnAnswer: return .last([9, 8, 4])
            case .reset: return .reset
            case .endWithoutAnswer: return .last([])
            }
        }

        /// Whether what comes is a message, so that its sender has answered.
        var isAnAnswer: Bool {
            switch self {
            case .tenThousandPeers, .morePeersThanAreRead, .manyUnreachable, .usAndItself, .duplicates, .unusableIDs:
                true
            default: false
            }
        }
    }

    /// One that does harm beside one that is honest: what the honest one holds is found, and the table holds none that did
    /// not answer.
    @Test(arguments: Harm.allCases) func harmIsBounded(_ harm: Harm) async throws {
        let honest = try await world.member(1)
        let target = try testPeer(3)
        let server = try await world.node(2)
        let hostile = try ScriptedServer(server) { harm.answer($0, to: target, by: server.localPeer) }
        let dht = try await world.member(3, .server, at: honest.node) { $0.bootstrap += hostile.node.addresses }
        try await dht.waitUntilReady(timeout: .seconds(30))
        let provider = try await world.member(4, .client, at: honest.node)
        try await provider.publish(DHTWorld.key(1), for: .seconds(60))
        let found = try await dht.lookup(DHTWorld.key(1), limit: 20)
        #expect(found.contains { $0.peer == provider.node.localPeer })
        #expect(found.count <= 20)
        #expect(!hostile.requests.isEmpty)
        #expect(dht.status.routingTableSize <= (harm.isAnAnswer ? 2 : 1))
        await DHTWorld.shutdown([dht, provider, honest])
        await hostile.shutdown()
    }

    /// Asking only one that does harm ends in time with what became of it.
    @Test(arguments: Harm.allCases.filter { !$0.isAnAnswer }) func harmIsNoAnswer(_ harm: Harm) async throws {
        let target = try testPeer(3)
        let server = try await world.node(2)
        let hostile = try ScriptedServer(server) { harm.answer($0, to: target, by: server.localPeer) }
        let dht = try await world.member(3, .client, at: hostile.node) { $0.kademlia.minimumReadyServers = 0 }
        await #expect(throws: TransportError(.noAnswer, "")) { _ = try await dht.lookup(DHTWorld.key(1), limit: 20) }
        #expect(dht.status.routingTableSize == 0)
        await end(dht, hostile)
    }

    @Test func silenceEndsInTime() async throws {
        let server = try await world.node(2)
        let silent = try ScriptedServer(server) { _ in .silence }
        let dht = try await world.member(3, .client, at: silent.node) {
            $0.kademlia.minimumReadyServers = 0
            $0.kademlia.requestTimeout = .milliseconds(50)
            $0.kademlia.retries = 0
        }
        await #expect(throws: TransportError(.noAnswer, "")) { _ = try await dht.lookup(DHTWorld.key(1), limit: 20) }
        await end(dht, silent)
    }

    /// One that was trusted from the beginning is asked again after it was away.
    @Test func aTrustedPeerThatComesBackIsFoundAgain() async throws {
        let first = try await world.node(1)
        let address = try #require(first.addresses.first?.withoutPeerID)
        let server = try ScriptedServer(first) { ScriptedServer.empty($0) }
        let dht = try await world.member(3, .client, at: server.node)
        try await dht.waitUntilReady(timeout: .seconds(30))
        await first.shutdown()
        await #expect(throws: TransportError.self) { _ = try await dht.lookup(DHTWorld.key(1), limit: 1) }
        let again = try ScriptedServer(try await world.node(1, at: address)) { ScriptedServer.empty($0) }
        #expect(try await dht.lookup(DHTWorld.key(2), limit: 1).isEmpty)
        await end(dht, again)
    }

    @Test func whoeverWaitsIsToldOfTheShutdown() async throws {
        let silent = try ScriptedServer(try await world.node(1)) { _ in .silence }
        let dht = try await world.member(2, .client, at: silent.node) { $0.kademlia.minimumReadyServers = 0 }
        async let failure = #expect(throws: TransportError(.shutDown, "")) {
            _ = try await dht.lookup(DHTWorld.key(1), limit: 1)
        }
        _ = await silent.wait(for: .getProviders)
        await dht.shutdown()
        _ = await failure
        await end(dht, silent)
    }

    @Test func whoeverGivesUpIsToldSo() async throws {
        let silent = try ScriptedServer(try await world.node(1)) { _ in .silence }
        let dht = try await world.member(2, .client, at: silent.node) { $0.kademlia.minimumReadyServers = 0 }
        let task = Task { try await dht.lookup(DHTWorld.key(1), limit: 1) }
        _ = await silent.wait(for: .getProviders)
        task.cancel()
        await #expect(throws: TransportError(.cancelled, "")) { _ = try await task.value }
        await end(dht, silent)
    }
}
