import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit
import Testing
import WireCodec

@Suite struct NodePeerNetworkTests {
    private let nodes = TestNodes()

    /// A bare connection to a network's node, which speaks the frame protocol by hand.
    private func stranger(
        to network: NodePeerNetwork,
        as number: UInt8 = 9
    ) async throws -> (any Connection, any ByteStream) {
        let transport = InMemoryTransport(peer: try testPeer(number), hub: nodes.hub)
        let address = try #require(network.addresses.first)
        let connection = try await transport.dial(address, expecting: nil, accepting: { $0 == "/test-frames/1.0.0" })
        let opened = try await connection.openStream(protocols: ["/test-frames/1.0.0"])
        return (connection, opened.stream)
    }

    private func connected(
        _ first: NodePeerNetwork,
        _ second: NodePeerNetwork
    ) async {
        first.connect(to: second.localPeer, addresses: second.addresses)
        #expect(await first.nextEvents() == [.connected(second.localPeer)])
        #expect(await second.nextEvents() == [.connected(first.localPeer)])
    }

    @Test func aPeerWithoutTheProtocolIsAClearFailure() async throws {
        let (network, node) = (try await nodes.network(1), try await nodes.node(2))
        network.connect(to: node.localPeer, addresses: node.addresses)
        #expect(
            await network.nextEvents() == [
                .connectFailed(
                    node.localPeer,
                    reason: "peer \(node.localPeer) does not speak /test-frames/1.0.0"
                )
            ]
        )
    }

    @Test func theReasonOfAFailureIsTheTransports() async throws {
        let network = try await nodes.network(1)
        let two = try testPeer(2)
        network.connect(to: two, addresses: [try Multiaddr("/memory/5")])
        #expect(
            await network.nextEvents() == [
                .connectFailed(
                    two,
                    reason: "connectionRefused: could not reach peer \(two): "
                        + "/memory/5: connectionRefused: nobody listens at /memory/5"
                )
            ]
        )
        network.connect(to: network.localPeer, addresses: [])
        #expect(
            await network.nextEvents() == [
                .connectFailed(network.localPeer, reason: "peer \(network.localPeer) is this side itself")
            ]
        )
    }

    @Test func framesOnTheWireHaveTheirLengthInFront() async throws {
        let network = try await nodes.network(1)
        let (connection, out) = try await stranger(to: network)
        #expect(await network.nextEvents() == [.connected(connection.localPeer)])
        try await out.write([3, 1, 2])
        try await out.write([3, 1, 7])
        #expect(
            await events(2, at: network) == [
                .frame([1, 2, 3], from: connection.localPeer), .frame([7], from: connection.localPeer),
            ]
        )
        let answer = try #require(try await connection.acceptStream()).stream
        network.send([UInt8](repeating: 5, count: 200), to: connection.localPeer)
        var bytes: [UInt8] = []
        while bytes.count < 202 { bytes += try #require(try await answer.read(upTo: 1000)) }
        #expect(bytes == [0xC8, 0x01] + [UInt8](repeating: 5, count: 200))
    }

    @Test(
        arguments: [
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            [0x81, 0x80, 0x40, 1],
            [0],
            [0x80, 0x00],
        ] as [[UInt8]])
    func aPeerThatBreaksTheFramesIsLeft(bytes: [UInt8]) async throws {
        let network = try await nodes.network(1)
        let (connection, out) = try await stranger(to: network)
        try await out.write(bytes)
        _ = await connection.closed()
        var events: [PeerNetworkEvent] = []
        while events.last != .disconnected(connection.localPeer) { events += await network.nextEvents() }
        #expect(events == [.connected(connection.localPeer), .disconnected(connection.localPeer)] || events.count == 1)
    }

    @Test func framesThatCannotBeSentAreDropped() async throws {
        let first = try await nodes.network(1) { $0.maximumFrameBytes = 10 }
        let second = try await nodes.network(2)
        await connected(first, second)
        first.send([], to: second.localPeer)
        first.send([UInt8](repeating: 0, count: 11), to: second.localPeer)
        first.send([UInt8](repeating: 0, count: 10), to: second.localPeer)
        #expect(await second.nextEvents() == [.frame([UInt8](repeating: 0, count: 10), from: first.localPeer)])
    }

    /// A peer that does not read costs a bounded amount and loses frames, nobody else's.
    @Test func theQueueOfAPeerThatDoesNotReadIsBounded() async throws {
        let network = try await nodes.network(1) {
            $0.maximumQueuedFrames = 10
            $0.maximumQueuedBytes = 100_000
            $0.lingerTimeout = .seconds(60)
        }
        let (connection, _) = try await stranger(to: network)
        #expect(await network.nextEvents() == [.connected(connection.localPeer)])
        let stream = try #require(try await connection.acceptStream()).stream
        let frame = pattern(50_000)
        for _ in 0..<1_000 { network.send(frame, to: connection.localPeer) }
        network.disconnect(connection.localPeer)
        var decoder = FrameDecoder(maximumLength: 1 << 20)
        var count = 0
        while let bytes = try await stream.read(upTo: 1 << 20) { count += try decoder.feed(bytes).count }
        try decoder.finish()
        #expect((2...30).contains(count), "the stream's window, a batch in hand and the queue: found \(count)")
    }

    @Test func shutdownLetsThePeerReadWhatWasQueued() async throws {
        let first = try await nodes.network(1) { $0.lingerTimeout = .seconds(60) }
        let second = try await nodes.network(2)
        await connected(first, second)
        let frame = pattern(60_000)
        for _ in 0..<50 { first.send(frame, to: second.localPeer) }
        let leaving = Task { await first.shutdown() }
        var events: [PeerNetworkEvent] = []
        while events.last != .disconnected(first.localPeer) { events += await second.nextEvents() }
        let arrived = events.dropLast().filter { $0 == .frame(frame, from: first.localPeer) }.count
        #expect(arrived == 50)
        #expect(events.count == 51)
        await leaving.value
    }

    @Test func aNewerStreamTakesThePlaceOfTheOlder() async throws {
        let network = try await nodes.network(1)
        let (connection, older) = try await stranger(to: network)
        #expect(await network.nextEvents() == [.connected(connection.localPeer)])
        try await older.write([1, 1])
        #expect(await network.nextEvents() == [.frame([1], from: connection.localPeer)])
        let newer = try await connection.openStream(protocols: ["/test-frames/1.0.0"]).stream
        try await newer.write([1, 2])
        try await older.write([1, 3])
        try await older.closeWrite()
        #expect(
            await events(2, at: network) == [
                .frame([3], from: connection.localPeer), .frame([2], from: connection.localPeer),
            ],
            "what is on the older stream comes first"
        )
        // An older stream that is left open is reset after a while, so that the newer one is read.
        let third = try await connection.openStream(protocols: ["/test-frames/1.0.0"]).stream
        try await third.write([1, 4])
        #expect(await network.nextEvents() == [.frame([4], from: connection.localPeer)])
        await #expect(throws: TransportError(.streamReset, "")) { try await newer.read(upTo: 1) }
    }

    /// What an older stream had brought is not passed on once the newer one is heard.
    @Test func noFrameComesOutOfOrder() async throws {
        let network = try await nodes.network(1) {
            $0.events = .init(framesPerPeer: 2)
            $0.handoverGrace = .milliseconds(20)
        }
        let (connection, older) = try await stranger(to: network)
        let peer = connection.localPeer
        #expect(await network.nextEvents() == [.connected(peer)])
        // Two find room, the others wait in the hands of the older stream's reader.
        try await older.write([1, 1, 1, 2, 1, 3, 1, 4])
        let newer = try await connection.openStream(protocols: ["/test-frames/1.0.0"]).stream
        try await newer.write([1, 8, 1, 9])
        await #expect(throws: TransportError(.streamReset, "")) { try await older.read(upTo: 1) }
        #expect(
            await events(4, at: network) == [
                .frame([1], from: peer), .frame([2], from: peer), .frame([8], from: peer), .frame([9], from: peer),
            ]
        )
    }

    @Test(.timeLimit(.minutes(1))) func aPeerThatNeverReadsIsLeft() async throws {
        let network = try await nodes.network(1) { $0.writeTimeout = .milliseconds(20) }
        let (connection, _) = try await stranger(to: network)
        #expect(await network.nextEvents() == [.connected(connection.localPeer)])
        for _ in 0..<20 { network.send(pattern(100_000), to: connection.localPeer) }
        #expect(await network.nextEvents() == [.disconnected(connection.localPeer)])
        _ = await connection.closed()
    }

    @Test(.timeLimit(.minutes(1))) func aPeerThatNeverReadsDoesNotHoldUpTheShutdown() async throws {
        let network = try await nodes.network(1) { $0.lingerTimeout = .milliseconds(20) }
        let (connection, _) = try await stranger(to: network)
        #expect(await network.nextEvents() == [.connected(connection.localPeer)])
        for _ in 0..<20 { network.send(pattern(100_000), to: connection.localPeer) }
        await network.shutdown()
        _ = await connection.closed()
        #expect(await network.nextEvents() == [.disconnected(connection.localPeer)])
    }

    @Test func aStreamThatIsResetIsOpenedAgainButNotForEver() async throws {
        let network = try await nodes.network(1) { $0.maximumReopenings = 3 }
        let (connection, _) = try await stranger(to: network)
        #expect(await network.nextEvents() == [.connected(connection.localPeer)])
        for _ in 0..<4 { try #require(try await connection.acceptStream()).stream.reset() }
        #expect(await network.nextEvents() == [.disconnected(connection.localPeer)])
        #expect(try await connection.acceptStream() == nil)
    }

    @Test func aConsumerThatDoesNotTakeSlowsThePeerDown() async throws {
        let first = try await nodes.network(1)
        let second = try await nodes.network(2) { $0.events = .init(framesPerPeer: 4) }
        await connected(first, second)
        for number in UInt8(0)..<100 { first.send([number], to: second.localPeer) }
        #expect(
            await events(100, at: second) == (UInt8(0)..<100).map { .frame([$0], from: first.localPeer) },
            "slowed down, not lost"
        )
    }

    @Test func newAddressesAreAnEvent() async throws {
        let network = try await nodes.network(1)
        let before = network.addresses
        let more = try await network.node.listen(on: [try Multiaddr("/memory/600")])
        #expect(await network.nextEvents() == [.addressesChanged(before + more)])
    }

    private func events(_ count: Int, at network: any PeerNetwork) async -> [PeerNetworkEvent] {
        var events: [PeerNetworkEvent] = []
        while events.count < count { events += await network.nextEvents() }
        return events
    }

    private func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    }
}
