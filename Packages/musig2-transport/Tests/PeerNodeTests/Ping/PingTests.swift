import Logging
import Multiformats
import PeerTransport
import PeerTransportNIO
import Synchronization
import Testing

@testable import PeerNode

/// Answers pings as a test says.
private final class OddPong: StreamResponder {
    private let action: ResponderAction
    init(_ action: ResponderAction) { self.action = action }
    func receive(_ bytes: [UInt8]) -> ResponderAction { action }
    func receiveEnd() -> ResponderAction { .finish([]) }
}

@Suite struct PingTests {
    private let nodes = TestNodes()

    @Test func roundsAreAnsweredHoweverTheyAreCut() throws {
        let slots = PingSlots(limit: 1)
        let responder = PingResponder(slot: try #require(slots.take(try testPeer(1))))
        let bytes = (0..<96).map { UInt8($0) }
        #expect(responder.receive(Array(bytes[..<64])) == .send(Array(bytes[..<64])))
        #expect(responder.receive(Array(bytes[64..<70])) == .send([]))
        #expect(responder.receive(Array(bytes[70...]) + [1, 2]) == .send(Array(bytes[64...])))
        #expect(responder.receiveEnd() == .finish([]))
    }

    @Test func placesAreFreedWithTheirStreams() throws {
        let slots = PingSlots(limit: 2)
        let (one, two) = (try testPeer(1), try testPeer(2))
        var held = [slots.take(one), slots.take(one)]
        #expect(slots.take(one) == nil && slots.take(two) != nil)
        held.removeLast()
        #expect(slots.take(one) != nil)
    }

    @Test(arguments: [false, true])
    func bothSidesPingOnOneStreamEach(overTCP: Bool) async throws {
        let (one, two): (PeerNode, PeerNode)
        if overTCP {
            (one, two) = (try PeerNode(identity: .generateEd25519()), try PeerNode(identity: .generateSecp256k1()))
            try await two.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")])
        } else {
            (one, two) = (try await nodes.node(1), try await nodes.node(2))
        }
        await #expect(throws: TransportError(.notConnected, "")) { try await one.ping(two.localPeer) }
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        for _ in 0..<20 {
            let there = try await one.ping(two.localPeer)
            let back = try await two.ping(one.localPeer)
            #expect(there > .zero && back > .zero)
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    await #expect(throws: Never.self) { try await one.ping(two.localPeer) }
                }
            }
        }
        #expect(one.state.withLock { $0.pings.count } == 1)
        await one.disconnect(two.localPeer)
        #expect(one.state.withLock { $0.pings.isEmpty })
        await one.shutdown()
        await two.shutdown()
    }

    @Test func morePingStreamsThanAllowedAreReset() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        var streams: [any ByteStream] = []
        for _ in 0..<5 {
            let stream = try await one.openStream(to: two.localPeer, protocols: [PeerNode.pingProtocol]).stream
            try await stream.write([UInt8](repeating: 7, count: 32))
            streams.append(stream)
        }
        for stream in streams.prefix(4) { #expect(try await stream.read(upTo: 64)?.count == 32) }
        await #expect(throws: TransportError(.streamReset, "")) { try await streams[4].read(upTo: 64) }
    }

    @Test func aStreamThatThePeerClosedIsReplaced() async throws {
        var configuration = PeerNode.Configuration()
        configuration.maximumPingStreams = 0
        let one = try await nodes.node(1)
        let two = try await nodes.node(2, configuration: configuration)
        let made = Atomic(0)
        // It answers one round and ends the stream, as one that was idle.
        try two.respond(to: [PeerNode.pingProtocol], name: "odd") { _ in
            made.add(1, ordering: .relaxed)
            return OnePong()
        }
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        for _ in 0..<3 { _ = try await one.ping(two.localPeer) }
        #expect(made.load(ordering: .relaxed) == 3)
    }

    @Test func otherBytesAreAViolation() async throws {
        var configuration = PeerNode.Configuration()
        configuration.maximumPingStreams = 0
        let one = try await nodes.node(1)
        let two = try await nodes.node(2, configuration: configuration)
        try two.respond(to: [PeerNode.pingProtocol], name: "odd") { _ in
            OddPong(.send([UInt8](repeating: 0, count: 32)))
        }
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        await #expect(throws: TransportError(.protocolViolation, "")) { try await one.ping(two.localPeer) }
    }

    @Test func silenceTimesOutForAllWhoWait() async throws {
        let clock = VirtualClock()
        var configuration = PeerNode.Configuration()
        configuration.maximumPingStreams = 0
        configuration.identify.isEnabled = false
        let two = try await nodes.node(2, configuration: configuration)
        configuration.timeSource = clock.timeSource
        let one = try await nodes.node(1, configuration: configuration)
        try two.respond(to: [PeerNode.pingProtocol], name: "silent") { _ in OddPong(.send([])) }
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        let (peer, count) = (two.localPeer, 3)
        let pings = (0..<count).map { _ in Task { try await one.ping(peer, timeout: .seconds(3)) } }
        await clock.waitUntilScheduled(count)
        clock.advance(by: .seconds(3))
        for ping in pings {
            let error = await #expect(throws: TransportError.self) { try await ping.value }
            #expect(error?.code == .timedOut)
        }
    }
}

/// Answers one round.
private final class OnePong: StreamResponder {
    func receive(_ bytes: [UInt8]) -> ResponderAction { .finish(bytes) }
    func receiveEnd() -> ResponderAction { .finish([]) }
}
