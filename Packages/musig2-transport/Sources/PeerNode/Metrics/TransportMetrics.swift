import CoreMetrics
import Logging
import Multiformats
import PeerTransport
import PeerTransportNIO

/// The metrics and logs of a transport's connections, under the prefix `peer_transport`: also of those that come to nothing.
/// Every label has few values, whatever peers do.
struct TransportMetrics: Sendable {
    private let factory: any MetricsFactory
    private let logger: Logger
    private let refused: Counter
    private let pauses: Counter
    private let inboundDuration: Timer
    private let outboundDuration: Timer
    private let sentBytes: Counter
    private let receivedBytes: Counter

    init(logger: Logger, factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
        self.logger = logger
        func duration(_ direction: String) -> Timer {
            Timer(label: "peer_transport_handshake_duration", dimensions: [("direction", direction)], factory: factory)
        }
        func bytes(_ direction: String) -> Counter {
            Counter(label: "peer_transport_bytes", dimensions: [("direction", direction)], factory: factory)
        }
        refused = Counter(label: "peer_transport_connections_refused", factory: factory)
        inboundDuration = duration("inbound")
        outboundDuration = duration("outbound")
        pauses = Counter(label: "peer_transport_accepting_paused", factory: factory)
        sentBytes = bytes("sent")
        receivedBytes = bytes("received")
    }

    /// Takes note of what became of a connection.
    func note(_ event: TransportEvent) {
        switch event.kind {
        case .refused(let error):
            refused.increment()
            log("inbound connection refused", event, error)
        case .failed(let stage, let error):
            Counter(
                label: "peer_transport_handshakes_failed",
                dimensions: [
                    ("direction", event.isInbound ? "inbound" : "outbound"), ("stage", stage.rawValue),
                    ("reason", PeerNodeMetrics.label(of: error.code)),
                ],
                factory: factory
            ).increment()
            log("connection came to nothing", event, error, stage)
        case .established(_, let handshake):
            let timer = event.isInbound ? inboundDuration : outboundDuration
            timer.recordNanoseconds(Int64(min(max(handshake.inSeconds, 0), 1e6) * 1e9))
        case .closed(_, let received, let sent, let error):
            receivedBytes.increment(by: received)
            sentBytes.increment(by: sent)
            if let error { log("connection broke", event, error) }
        case .acceptingPaused(let error):
            pauses.increment()
            logger.warning(
                "accepting connections pauses",
                metadata: ["transport.address": "\(event.remoteAddress)", "error": "\(error)"])
        case .acceptingResumed:
            logger.notice(
                "connections are accepted again", metadata: ["transport.address": "\(event.remoteAddress)"])
        }
    }

    private func log(
        _ message: Logger.Message, _ event: TransportEvent, _ error: TransportError,
        _ stage: TransportEvent.Stage? = nil
    ) {
        logger.debug(
            message,
            metadata: [
                "transport.address": "\(event.remoteAddress)", "transport.inbound": "\(event.isInbound)",
                "transport.stage": "\(stage?.rawValue ?? "none")", "error": "\(error)",
            ])
    }
}
