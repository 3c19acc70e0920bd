import CoreMetrics
import Logging
import MetricsTestKit
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import Testing
import WireCodec

@testable import PeerNode

/// Says what a test wants as soon as a stream is open, and goes on so with whatever comes.
private final class Babbler: StreamResponder {
    private let action: ResponderAction
    init(_ action: ResponderAction) { self.action = action }
    func begin() -> ResponderAction { action }
    func receive(_ bytes: [UInt8]) -> ResponderAction { .send([]) }
    func receiveEnd() -> ResponderAction { .finish([]) }
}

/// A connection that does nothing and closes at once.
private final class BareConnection: Connection {
    let localPeer: PeerID
    let remotePeer: PeerID
    let remoteAddress: Multiaddr
    let isInbound = true
    private let end = OneShot<Void>()

    init(from remotePeer: PeerID, to localPeer: PeerID, at remoteAddress: Multiaddr) {
        self.localPeer = localPeer
        self.remotePeer = remotePeer
        self.remoteAddress = remoteAddress
    }

    var isClosed: Bool { end.value != nil }

    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
        throw TransportError(.protocolNotSupported, "bare")
    }

    func acceptStream() async throws(TransportError) -> NegotiatedStream? {
        _ = await end.wait()
        return nil
    }

    func close() async { end.set(()) }

    func closed() async -> TransportError? {
        _ = await end.wait()
        return nil
    }
}

/// Metrics that tell when a counter is made: those of failures are made with the failure.
private final class WatchedMetrics: MetricsFactory {
    let base = TestMetrics()
    private let made = Event()

    /// Waits until there is a counter of this name, and returns its labels.
    func labels(of name: String) async -> [String] {
        while true {
            if let found = base.counters.first(where: { $0.label == name }) { return found.dimensions.map(\.1) }
            guard await made.wait() == .notified else { return [] }
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        defer { made.notify() }
        return base.makeCounter(label: label, dimensions: dimensions)
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        base.makeRecorder(label: label, dimensions: dimensions, aggregate: aggregate)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        base.makeTimer(label: label, dimensions: dimensions)
    }

    func destroyCounter(_ handler: any CounterHandler) { base.destroyCounter(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) { base.destroyRecorder(handler) }
    func destroyTimer(_ handler: any TimerHandler) { base.destroyTimer(handler) }
}

/// Strangers that come in numbers, lie, or say nothing (R2, R3, R5).
@Suite(.timeLimit(.minutes(1))) struct NodeThreats {
    private let clock = VirtualClock()
    private let metrics = WatchedMetrics()
    private let hub = InMemoryHub()

    private func node(
        _ number: UInt8,
        time: TimeSource? = nil,
        _ change: (inout PeerNode.Configuration) -> Void = { _ in }
    ) async throws -> PeerNode {
        let peer = try testPeer(number)
        var configuration = PeerNode.Configuration()
        if let time { configuration.timeSource = time }
        change(&configuration)
        let node = PeerNode(
            peer, nil, [InMemoryTransport(peer: peer, hub: hub)], ResponderRegistry(), configuration,
            Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), PeerNodeMetrics(factory: metrics))
        try await node.listen(on: [try Multiaddr("/memory/0")])
        return node
    }

    private func stranger(_ number: Int) throws -> PeerID {
        let key = (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4))) }
        return try PeerID(publicKey: try PublicKeyProtobuf(type: .ed25519, data: key))
    }

    private func connection(_ number: Int, at address: String, to node: PeerNode) throws -> BareConnection {
        BareConnection(from: try stranger(number), to: node.localPeer, at: try Multiaddr(address))
    }

    /// Thousands of identities from one /24 get their share and no more; others come in as ever; later the network may come
    /// again.
    @Test func r2AFloodOfConnectionsFromOneNetwork() async throws {
        let node = try await node(1, time: clock.timeSource) { $0.identify.isEnabled = false }
        let honest = try connection(1, at: "/ip4/198.51.100.1/tcp/1", to: node)
        #expect(node.adopt(honest) == nil)
        var kept = 0
        for number in 2..<4_002 {
            let address = "/ip4/203.0.113.\(number % 256)/tcp/\(1 + number % 60_000)"
            if node.adopt(try connection(number, at: address, to: node)) == nil { kept += 1 }
        }
        let limit = node.configuration.maximumConnectionsPerNetwork
        #expect(kept == min(limit, node.configuration.inboundConnectionRate.burst))
        #expect(try metrics.base.expectCounter("peer_node_connections_evicted").totalValue == 0)
        #expect(try metrics.base.expectCounter("peer_node_connections_refused").totalValue == Int64(4_000 - kept))
        #expect(node.connectedPeers.count <= limit + 1)
        let late = try connection(20_000, at: "/ip4/192.0.2.1/tcp/1", to: node)
        #expect(node.adopt(late) == nil, "another network is not affected")
        #expect(!honest.isClosed && node.isConnected(to: honest.remotePeer))
        clock.advance(by: .seconds(60))
        let again = try connection(30_000, at: "/ip4/203.0.113.9/tcp/1", to: node)
        #expect(node.adopt(again) == nil, "an idle one makes room for it")
        #expect(node.connectedPeers.count <= limit + 2)
        await node.shutdown()
    }

    /// From everywhere at once: the table stays bounded, the protected stay, dials still work.
    @Test func r2AFloodOfConnectionsFromEverywhere() async throws {
        let node = try await node(1, time: clock.timeSource) {
            $0.identify.isEnabled = false
            $0.maximumConnections = 200
            $0.trimConnectionsAbove = 120
            $0.trimConnectionsTo = 100
        }
        let friend = try connection(1, at: "/ip4/198.51.100.1/tcp/1", to: node)
        #expect(node.protect(friend.remotePeer, for: "co-signer"))
        #expect(node.adopt(friend) == nil)
        var most = 0
        for number in 2..<2_002 {
            let address = "/ip4/\(1 + number % 9).\(number / 256 % 256).\(number % 256).1/tcp/1"
            _ = node.adopt(try connection(number, at: address, to: node))
            clock.advance(by: .milliseconds(10))
            most = max(most, node.state.withLock { $0.table.entries.count })
        }
        #expect(most == 150, "three quarters are the most")
        clock.advance(by: .seconds(60))
        _ = node.adopt(try connection(9_000, at: "/ip4/192.0.2.1/tcp/1", to: node))
        #expect(node.connectedPeers.count <= 101)
        #expect(!friend.isClosed && node.isConnected(to: friend.remotePeer))
        let other = try await self.node(2)
        try await node.connect(to: other.localPeer, addresses: other.addresses)
        await node.shutdown()
        await other.shutdown()
    }

    /// A peer that takes the identify stream and says nothing: the question ends, the connection stays, others go on.
    @Test func r3APeerThatNeverIdentifiesItself() async throws {
        let silent = try await node(2) { $0.identify.isEnabled = false }
        try silent.respond(to: [PeerNode.identifyProtocol], name: "silent") { _ in Babbler(.send([])) }
        let node = try await node(1, time: clock.timeSource)
        try await node.connect(to: silent.localPeer, addresses: silent.addresses)
        await clock.waitUntilScheduled()
        clock.advance(by: node.configuration.identify.timeout)
        #expect(await metrics.labels(of: "peer_node_identify_failed") == ["timedOut"])
        #expect(node.isConnected(to: silent.localPeer) && node.information(of: silent.localPeer) == nil)
        await node.shutdown()
        await silent.shutdown()
    }

    /// What comes in the place of an identify answer.
    enum Answer: CaseIterable {
        case emptyFrame
        case cutFrame
        case nothing
        case ones
        case longFrame
        case crowd
        case anotherKey

        var bytes: [UInt8] {
            switch self {
            case .emptyFrame: [0x00]
            case .cutFrame: [0x05, 0x01]
            case .nothing: []
            case .ones: [UInt8](repeating: 0x01, count: 100_000)
            case .longFrame: [0xFF, 0xFF, 0xFF, 0x7F] + [UInt8](repeating: 0x01, count: 100_000)
            case .crowd: FrameEncoder.encode(Identify(protocols: (0..<5000).map { "\($0)" }).encoded())
            case .anotherKey: FrameEncoder.encode(Identify(publicKey: [8, 1, 18, 1, 1]).encoded())
            }
        }

        var reason: String {
            switch self {
            case .emptyFrame, .cutFrame, .ones: "malformed"
            case .nothing: "nothing"
            case .longFrame, .crowd: "too_long"
            case .anotherKey: "another_key"
            }
        }
    }

    /// Rubbish, floods and lies in the place of an answer: each has its name, and a lie costs the connection.
    @Test(arguments: Answer.allCases)
    func r1WhatIsNotAnAnswerHasAName(_ answer: Answer) async throws {
        let stays = answer != .anotherKey
        let odd = try await node(2) { $0.identify.isEnabled = false }
        let bytes = answer.bytes
        try odd.respond(to: [PeerNode.identifyProtocol], name: "odd") { _ in Babbler(.finish(bytes)) }
        let node = try await node(1)
        let observer = NotingObserver()
        node.addObserver(observer)
        try await node.connect(to: odd.localPeer, addresses: odd.addresses)
        #expect(await metrics.labels(of: "peer_node_identify_refused") == [answer.reason])
        if !stays {
            let isGone: Bool? = await observer.first { $0 == .disconnected(odd.localPeer) ? true : nil }
            #expect(isGone == true)
        }
        #expect(node.isConnected(to: odd.localPeer) == stays)
        #expect(node.information(of: odd.localPeer) == nil)
        await node.shutdown()
        await odd.shutdown()
    }
}
