import CoreMetrics
import Logging
import MetricsTestKit
import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

@Suite struct PeerNodeMetricsTests {
    private let metrics = TestMetrics()
    private let nodes = TestNodes()

    private func node(_ transports: [any Transport]? = nil) async throws -> PeerNode {
        let peer = try testPeer(1)
        let node = PeerNode(
            peer, nil, transports ?? [InMemoryTransport(peer: peer, hub: nodes.hub)], ResponderRegistry(),
            PeerNode.Configuration(), Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            PeerNodeMetrics(factory: metrics))
        return node
    }

    private func count(_ name: String, _ dimensions: [(String, String)] = []) throws -> Int64 {
        try metrics.expectCounter("peer_node_\(name)", dimensions).totalValue
    }

    @Test func connectionsStreamsAndBytesAreCounted() async throws {
        let one = try await node()
        let two = try await nodes.node(2)
        let observer = NotingObserver()
        one.addObserver(observer)
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        let isKnown: Bool? = await observer.first { if case .identified = $0 { true } else { nil } }
        #expect(isKnown == true)
        let opened = try await one.openStream(to: two.localPeer, protocols: [PeerNode.pingProtocol])
        try await opened.stream.write([UInt8](repeating: 7, count: 64))
        var received = 0
        while received < 64 { received += try #require(try await opened.stream.read(upTo: 64)).count }
        opened.stream.reset()
        #expect(try count("connections_opened", [("direction", "outbound")]) == 1)
        #expect(try count("connections_opened", [("direction", "inbound")]) == 0)
        // Beside the pings, what the other side asked for and was answered.
        #expect(try count("stream_bytes", [("direction", "sent")]) >= 64)
        #expect(try count("stream_bytes", [("direction", "received")]) >= 64)
        #expect(try count("streams_opened", [("direction", "outbound"), ("protocol", "ping")]) == 1)
        #expect(try count("peers_identified") == 1)
        #expect(try metrics.expectTimer("peer_node_dial_duration").values.count == 1)
        let open = try metrics.expectGauge("peer_node_connections", [("direction", "outbound")])
        #expect(open.lastValue == 1)
        await one.disconnect(two.localPeer)
        #expect(open.lastValue == 0)
        #expect(try count("connections_closed") == 1)
    }

    @Test func failuresAreCountedByStageAndReason() async throws {
        let one = try await node()
        await #expect(throws: TransportError(.connectionRefused, "")) {
            try await one.connect(to: try testPeer(2), addresses: [try Multiaddr("/memory/8")])
        }
        #expect(
            try count("dial_attempts_failed", [("stage", "connection"), ("reason", "connectionRefused")]) == 1)
        #expect(try count("dials_failed", [("reason", "connectionRefused")]) == 1)
    }

    /// Whatever transports and peers come up with, there is a handful of labels.
    @Test func labelsAreFew() throws {
        let metrics = PeerNodeMetrics(factory: self.metrics)
        for number in 0..<100 {
            metrics.attemptFailed(TransportError.Code("mine\(number)"))
            metrics.dialFailed(TransportError.Code("mine\(number)"))
            metrics.identifyFailed(TransportError.Code("mine\(number)"))
        }
        #expect(try count("dial_attempts_failed", [("stage", "any"), ("reason", "other")]) == 100)
        #expect(try count("dials_failed", [("reason", "other")]) == 100)
        #expect(try count("identify_failed", [("reason", "other")]) == 100)
    }
}
