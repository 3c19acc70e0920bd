import CoreMetrics
import Logging
import MetricsTestKit
import Multiformats
import PeerTransport
import PeerTransportNIO
import Testing

@testable import PeerNode

@Suite struct TransportMetricsTests {
    private let metrics = TestMetrics()

    private func count(_ name: String, _ dimensions: [(String, String)] = []) throws -> Int64 {
        try metrics.expectCounter("peer_transport_\(name)", dimensions).totalValue
    }

    @Test func whatBecomesOfConnectionsIsCounted() throws {
        let noted = TransportMetrics(
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), factory: metrics)
        let address = try Multiaddr("/ip4/192.0.2.1/tcp/4001")
        let peer = try testPeer(1)
        func note(_ kind: TransportEvent.Kind, isInbound: Bool = true) {
            noted.note(TransportEvent(remoteAddress: address, isInbound: isInbound, kind: kind))
        }
        note(.refused(TransportError(.limitExceeded, "")))
        note(.failed(.handshake, TransportError(.securityFailed, "")))
        note(.failed(.handshake, TransportError(.securityFailed, "")))
        note(.failed(.connect, TransportError(TransportError.Code("mine"), "")), isInbound: false)
        note(.established(peer, handshake: .milliseconds(3)))
        note(.closed(peer, received: 500, sent: 700, nil))
        note(.closed(peer, received: 5, sent: 7, TransportError(.timedOut, "")))
        #expect(try count("connections_refused") == 1)
        let inbound = [("direction", "inbound"), ("stage", "handshake"), ("reason", "securityFailed")]
        #expect(try count("handshakes_failed", inbound) == 2)
        let outbound = [("direction", "outbound"), ("stage", "connect"), ("reason", "other")]
        #expect(try count("handshakes_failed", outbound) == 1)
        let timer = try metrics.expectTimer("peer_transport_handshake_duration", [("direction", "inbound")])
        #expect(timer.values == [3_000_000])
        #expect(try count("bytes", [("direction", "received")]) == 505)
        #expect(try count("bytes", [("direction", "sent")]) == 707)
    }
}
