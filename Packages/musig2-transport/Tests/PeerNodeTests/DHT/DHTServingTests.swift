import KademliaDHT
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit
import Synchronization
import Testing
import WireCodec

/// How a server answers those that ask it, well or badly.
@Suite(.serialized, .timeLimit(.minutes(1))) struct DHTServingTests {
    private let world = DHTWorld()

    /// A stream of a stranger to a server.
    private struct Scene {
        let world: DHTWorld
        let dht: NodeDHT
        let stranger: PeerNode

        init(_ way: DHTWorld.Way = .inMemory, _ change: (inout NodeDHT.Configuration) -> Void = { _ in }) async throws {
            world = DHTWorld(way)
            dht = try await world.member(1, .server, change)
            stranger = try await world.node(2)
            try await stranger.connect(to: dht.node.localPeer, addresses: dht.node.addresses)
        }

        func open() async throws -> any ByteStream {
            try await stranger.openStream(to: dht.node.localPeer, protocols: [DHTWorld.protocolID]).stream
        }

        /// What comes in answer to bytes: so many messages, or an error.
        func ask(_ bytes: [UInt8], on stream: any ByteStream, answers: Int = 1) async throws -> [KademliaMessage] {
            try await stream.write(bytes)
            var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
            var messages: [KademliaMessage] = []
            while messages.count < answers, let bytes = try await stream.read(upTo: 65_536) {
                for frame in try decoder.feed(bytes) { messages.append(try KademliaMessage(decoding: frame)) }
            }
            return messages
        }

        func end() async {
            await stranger.shutdown()
            await dht.node.shutdown()
        }
    }

    private static func frame(_ message: KademliaMessage) -> [UInt8] { FrameEncoder.encode(message.encoded()) }

    private static func findNode(_ number: UInt8) -> [UInt8] {
        frame(KademliaMessage(kind: .findNode, key: DHTWorld.key(number)))
    }

    private static let reset = TransportError(.streamReset, "")

    @Test(arguments: DHTWorld.Way.allCases)
    func manyRequestsOnOneStreamAreAnsweredInOrder(_ way: DHTWorld.Way) async throws {
        let scene = try await Scene(way)
        let stream = try await scene.open()
        for _ in 0..<3 {
            let ping = Self.frame(KademliaMessage(kind: .ping))
            let answers = try await scene.ask(Self.findNode(1) + ping + Self.findNode(2), on: stream, answers: 3)
            #expect(answers.map(\.kind) == [.findNode, .ping, .findNode])
        }
        // Byte by byte it is the same.
        for byte in Self.findNode(3).dropLast() { try await stream.write([byte]) }
        #expect(try await scene.ask([Self.findNode(3).last ?? 0], on: stream).map(\.kind) == [.findNode])
        try await stream.closeWrite()
        #expect(try await stream.read(upTo: 1) == nil)
        await scene.end()
    }

    /// Requests that are begun and never ended hold memory: of one peer so much, on all its streams together.
    @Test(arguments: DHTWorld.Way.allCases)
    func r2UnfinishedRequestsOfAPeerAreBounded(_ way: DHTWorld.Way) async throws {
        // Three times what a stream holds, and room for what the allocator gives beyond what is asked for: less than a fourth.
        let scene = try await Scene(way) { $0.maximumPendingRequestBytesPerPeer = 3_900 }
        // The length of the largest request, and the beginning of it.
        let beginning = [0x80, 0x80, 0x04] + [UInt8](repeating: 0, count: 997)
        var streams: [any ByteStream] = []
        for _ in 0..<3 {
            let stream = try await scene.open()
            try await stream.write(beginning)
            streams.append(stream)
        }
        let another = try await scene.open()
        #expect(try await scene.ask(Self.findNode(1), on: another).count == 1, "a request in one piece holds nothing")
        try await another.write(beginning)
        await #expect(throws: Self.reset) { try await another.read(upTo: 1) }
        // What ends makes room.
        for stream in streams {
            try await stream.closeWrite()
            await #expect(throws: Self.reset) { try await stream.read(upTo: 1) }
        }
        let last = try await scene.open()
        try await last.write(Self.findNode(1).dropLast())
        #expect(try await scene.ask(Self.findNode(1).suffix(1), on: last).count == 1)
        await scene.end()
    }

    @Test(arguments: DHTWorld.Way.allCases)
    func aProviderRecordHasNoAnswerAndTheStreamGoesOn(_ way: DHTWorld.Way) async throws {
        let scene = try await Scene(way)
        let stream = try await scene.open()
        let own = KademliaMessage.Peer(
            id: scene.stranger.localPeer.bytes,
            addresses: scene.stranger.addresses.compactMap { $0.withoutPeerID?.bytes }
        )
        let record = KademliaMessage(kind: .addProvider, key: DHTWorld.key(1), providerPeers: [own])
        let question = KademliaMessage(kind: .getProviders, key: DHTWorld.key(1))
        let answers = try await scene.ask(Self.frame(record) + Self.frame(question), on: stream)
        #expect(answers.map(\.kind) == [.getProviders])
        #expect(answers.first?.providerPeers.map(\.id) == [own.id])
        await scene.end()
    }

    /// A reset would say that it keeps no such values: this one it may take another time.
    @Test(arguments: DHTWorld.Way.allCases)
    func aValueWithoutRoomEndsTheStream(_ way: DHTWorld.Way) async throws {
        let scene = try await Scene(way) { $0.kademlia.limits.checks = 0 }
        let key = DHTWorld.name("full")
        let request = KademliaMessage(kind: .putValue, key: key, record: .init(key: key, value: [1]))
        let stream = try await scene.open()
        try await stream.write(Self.frame(request))
        #expect(try await stream.read(upTo: 1) == nil)
        await scene.end()
    }

    enum Offence: String, CaseIterable, CustomTestStringConvertible {
        case garbage
        case unknownKind
        case emptyFrame
        case tooLong
        case hugeLength
        case recordOfAnother
        case recordWithoutAddresses
        case emptyKey
        case valueWithoutRules
        case invalidValue
        case endInsideARequest

        var testDescription: String { rawValue }

        func bytes(from stranger: PeerNode) -> [UInt8] {
            func frame(_ message: KademliaMessage) -> [UInt8] { FrameEncoder.encode(message.encoded()) }
            func value(_ name: String, _ value: [UInt8]) -> [UInt8] {
                let key = Array(name.utf8)
                return frame(KademliaMessage(kind: .putValue, key: key, record: .init(key: key, value: value)))
            }
            func provider(_ peer: KademliaMessage.Peer) -> [UInt8] {
                frame(KademliaMessage(kind: .addProvider, key: DHTWorld.key(1), providerPeers: [peer]))
            }
            switch self {
            case .garbage: return FrameEncoder.encode([0xff, 0xff])
            case .unknownKind: return FrameEncoder.encode([0x08, 0x63])
            case .emptyFrame: return [0]
            case .tooLong: return FrameEncoder.encode([UInt8](repeating: 0, count: 65_537))
            case .hugeLength: return [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]
            case .recordOfAnother:
                return provider(.init(id: DHTWorld.key(9), addresses: stranger.addresses.map(\.bytes)))
            case .recordWithoutAddresses: return provider(.init(id: stranger.localPeer.bytes, addresses: []))
            case .emptyKey: return frame(KademliaMessage(kind: .findNode))
            case .valueWithoutRules: return value("/other/x", [1])
            case .invalidValue: return value("/test/x", [0])
            case .endInsideARequest: return [9, 8, 4]
            }
        }
    }

    /// That stream is reset, and another one goes on as if nothing had been.
    @Test(arguments: DHTWorld.Way.allCases, Offence.allCases)
    func anOffenceEndsTheStream(_ way: DHTWorld.Way, _ offence: Offence) async throws {
        let scene = try await Scene(way)
        let (bad, good) = (try await scene.open(), try await scene.open())
        #expect(try await scene.ask(Self.findNode(1), on: good).count == 1)
        await #expect(throws: Self.reset) {
            try await bad.write(offence.bytes(from: scene.stranger))
            try await bad.closeWrite()
            while try await bad.read(upTo: 65_536) != nil {}
        }
        #expect(try await scene.ask(Self.findNode(1), on: good).count == 1)
        #expect(scene.stranger.isConnected(to: scene.dht.node.localPeer))
        await scene.end()
    }

    /// Others take a reset for the end of a server: a peer that is in a hurry waits, whether its requests come all at once or
    /// on many streams.
    @Test(arguments: DHTWorld.Way.allCases, [1, 8])
    func twoThousandRequestsInASecondGetAsManyAnswers(_ way: DHTWorld.Way, streams: Int) async throws {
        let scene = try await Scene(way) {
            $0.inboundRequestBurst = 500
            $0.inboundRequestsPerSecond = 3_000
        }
        let count = 2_000 / streams
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<streams {
                let stream = try await scene.open()
                group.addTask {
                    try await scene.ask(
                        (0..<count).flatMap { _ in Self.findNode(1) }, on: stream, answers: count
                    ).count
                }
            }
            for try await answers in group { #expect(answers == count) }
        }
        await scene.end()
    }

    /// What a peer writes while its request waits for its turn stays with the stream, within its window.
    @Test func whatWaitsIsHeldByTheStream() async throws {
        let clock = VirtualClock()
        var nodeConfiguration = PeerNode.Configuration()
        nodeConfiguration.timeSource = clock.timeSource
        let dht = try await DHTWorld(.tcp).member(1, .server, configuration: nodeConfiguration) {
            $0.inboundRequestBurst = 1
            $0.inboundRequestsPerSecond = 1
            $0.maximumPendingRequestBytesPerPeer = 2_048
        }
        let stranger = try await DHTWorld(.tcp).node(2)
        try await stranger.connect(to: dht.node.localPeer, addresses: dht.node.addresses)
        let stream = try await stranger.openStream(
            to: dht.node.localPeer, protocols: [DHTWorld.protocolID]
        ).stream
        try await stream.write(Self.findNode(1))
        #expect(try await stream.read(upTo: 65_536) != nil)
        // More than a window and what the sender holds: the last of it is written when all before was answered.
        let flood = (0..<16_384).flatMap { _ in Self.findNode(1) }
        let hasWritten = Mutex(false)
        let writer = Task {
            try await stream.write(flood)
            try await stream.write(Self.findNode(2))
            hasWritten.withLock { $0 = true }
        }
        let moving = Task { await clock.run(by: .milliseconds(100)) }
        for _ in 0..<3 { #expect(try await stream.read(upTo: 65_536) != nil) }
        moving.cancel()
        await moving.value
        #expect(!hasWritten.withLock { $0 })
        writer.cancel()
        stream.reset()
        await stranger.shutdown()
        await dht.node.shutdown()
    }

    @Test func streamsOfOnePeerAreBounded() async throws {
        let scene = try await Scene { $0.maximumInboundStreamsPerPeer = 2 }
        let open = [try await scene.open(), try await scene.open()]
        for stream in open { #expect(try await scene.ask(Self.findNode(1), on: stream).count == 1) }
        let third = try await scene.open()
        await #expect(throws: Self.reset) { _ = try await scene.ask(Self.findNode(1), on: third) }
        // Another peer has its own.
        let other = try await scene.world.node(3)
        try await other.connect(to: scene.dht.node.localPeer, addresses: scene.dht.node.addresses)
        let its = try await other.openStream(to: scene.dht.node.localPeer, protocols: [DHTWorld.protocolID]).stream
        #expect(try await scene.ask(Self.findNode(1), on: its).count == 1)
        // Once one is over, there is room again.
        try await open[0].closeWrite()
        #expect(try await open[0].read(upTo: 1) == nil)
        var isServed = false
        while !isServed {
            let next = try await scene.open()
            do {
                isServed = try await scene.ask(Self.findNode(1), on: next).count == 1
            } catch let error as TransportError where error == Self.reset {
                // The former stream is not quite over yet.
                await Task.yield()
            }
        }
        await other.shutdown()
        await scene.end()
    }

    @Test func aPeerThatAsksTooOftenWaitsAndOthersDoNot() async throws {
        let clock = VirtualClock()
        var nodeConfiguration = PeerNode.Configuration()
        nodeConfiguration.timeSource = clock.timeSource
        let dht = try await world.member(1, .server, configuration: nodeConfiguration) {
            $0.inboundRequestBurst = 5
            $0.inboundRequestsPerSecond = 1
            $0.maximumRequestDelay = .seconds(2)
        }
        let strangers = [try await world.node(2), try await world.node(3)]
        for node in strangers { try await node.connect(to: dht.node.localPeer, addresses: dht.node.addresses) }
        @Sendable func isAnswered(_ node: PeerNode) async throws -> Bool {
            let stream = try await node.openStream(to: dht.node.localPeer, protocols: [DHTWorld.protocolID]).stream
            do throws(TransportError) {
                try await stream.write(Self.findNode(1))
                let isAnswered = try await stream.read(upTo: 65_536) != nil
                try await stream.closeWrite()
                return isAnswered
            } catch {
                #expect(error == Self.reset)
                return false
            }
        }
        for _ in 0..<5 { #expect(try await isAnswered(strangers[0])) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 { group.addTask { try await isAnswered(strangers[0]) } }
            // Far above what it may, it is reset: one of the three would have to wait for three seconds.
            let isFirstAnswered = try await group.next()
            #expect(isFirstAnswered == false)
            #expect(try await isAnswered(strangers[1]))
            let moving = Task { await clock.run(by: .milliseconds(100)) }
            while let isAnswered = try await group.next() { #expect(isAnswered) }
            moving.cancel()
            await moving.value
        }
        for node in strangers { await node.shutdown() }
        await dht.node.shutdown()
    }

    @Test func aClientServesNobody() async throws {
        let client = try await world.member(1, .client)
        let stranger = try await world.node(2)
        try await stranger.connect(to: client.node.localPeer, addresses: client.node.addresses)
        await #expect(throws: TransportError(.protocolNotSupported, "")) {
            _ = try await stranger.openStream(to: client.node.localPeer, protocols: [DHTWorld.protocolID])
        }
        await stranger.shutdown()
        await client.node.shutdown()
    }

    /// A stream that was opened while the node served is of no use afterwards.
    @Test func whoServesNoMoreResetsOpenStreams() async throws {
        let scene = try await Scene()
        let streams = [try await scene.open(), try await scene.open()]
        for stream in streams { #expect(try await scene.ask(Self.findNode(1), on: stream).count == 1) }
        try scene.dht.setServing(false)
        await #expect(throws: Self.reset) { _ = try await scene.ask(Self.findNode(1), on: streams[0]) }
        await scene.dht.shutdown()
        await #expect(throws: Self.reset) { _ = try await scene.ask(Self.findNode(1), on: streams[1]) }
        await scene.end()
    }
}
