import CoreMetrics
import PeerTransport

/// The metrics of a node, under the prefix `peer_node`. Every label has few values, whatever peers do.
struct PeerNodeMetrics: Sendable {
    private let factory: any MetricsFactory
    private let inboundConnections: Counter
    private let outboundConnections: Counter
    private let closedConnections: Counter
    private let refusedConnections: Counter
    private let evictedConnections: Counter
    private let openInbound: Gauge
    private let openOutbound: Gauge
    private let refusedStreams: Counter
    private let sentBytes: Counter
    private let receivedBytes: Counter
    private let dialDuration: Timer
    private let identifiedPeers: Counter
    private let worthlessRecords: Counter
    private let refusedEntries: [Counter]

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
        func counter(_ name: String, _ dimensions: [(String, String)] = []) -> Counter {
            Counter(label: "peer_node_\(name)", dimensions: dimensions, factory: factory)
        }
        inboundConnections = counter("connections_opened", [("direction", "inbound")])
        outboundConnections = counter("connections_opened", [("direction", "outbound")])
        closedConnections = counter("connections_closed")
        refusedConnections = counter("connections_refused")
        evictedConnections = counter("connections_evicted")
        openInbound = Gauge(label: "peer_node_connections", dimensions: [("direction", "inbound")], factory: factory)
        openOutbound = Gauge(label: "peer_node_connections", dimensions: [("direction", "outbound")], factory: factory)
        refusedStreams = counter("streams_refused")
        sentBytes = counter("stream_bytes", [("direction", "sent")])
        receivedBytes = counter("stream_bytes", [("direction", "received")])
        dialDuration = Timer(label: "peer_node_dial_duration", factory: factory)
        identifiedPeers = counter("peers_identified")
        worthlessRecords = counter("identify_worthless_records")
        refusedEntries = ["unknown", "foreign", "out_of_place", "too_many"].map {
            counter("identify_entries_refused", [("reason", $0)])
        }
    }

    func connectionOpened(isInbound: Bool) {
        (isInbound ? inboundConnections : outboundConnections).increment()
    }

    func connectionClosed() {
        closedConnections.increment()
    }

    func connectionRefused() {
        refusedConnections.increment()
    }

    /// An idle connection was closed because there were too many.
    func connectionEvicted() {
        evictedConnections.increment()
    }

    /// How many connections there are now.
    func connections(_ now: (inbound: Int, all: Int)) {
        openInbound.record(now.inbound)
        openOutbound.record(now.all - now.inbound)
    }

    // MARK: Streams

    /// A stream was opened. The `name` is that of what serves the protocol here, nil when nothing does: names come from this
    /// program alone, not from peers.
    func streamOpened(isInbound: Bool, name: String?) {
        Counter(
            label: "peer_node_streams_opened",
            dimensions: [("direction", isInbound ? "inbound" : "outbound"), ("protocol", name ?? "other")],
            factory: factory
        ).increment()
    }

    func sent(_ bytes: Int) {
        sentBytes.increment(by: bytes)
    }

    func received(_ bytes: Int) {
        receivedBytes.increment(by: bytes)
    }

    func streamRefused() {
        refusedStreams.increment()
    }

    // MARK: Dials

    /// A peer was reached: how long TCP and the handshakes took at the address that led to it.
    func dialSucceeded(after duration: Duration) {
        dialDuration.recordNanoseconds(Int64(min(max(duration.inSeconds, 0), 1e6) * 1e9))
    }

    /// A peer was reached at none of its addresses.
    func dialFailed(_ code: TransportError.Code) {
        counter("dials_failed", reason: Self.label(of: code)).increment()
    }

    /// One address did not lead to its peer.
    func attemptFailed(_ code: TransportError.Code) {
        Counter(
            label: "peer_node_dial_attempts_failed",
            dimensions: [("stage", Self.stage(of: code)), ("reason", Self.label(of: code))],
            factory: factory
        ).increment()
    }

    /// The stage of setting up a connection in which a failure arises.
    private static func stage(of code: TransportError.Code) -> String {
        switch code {
        case .resolutionFailed: "name"
        case .connectionRefused, .unreachable, .systemFailure: "connection"
        case .notAPeer, .protocolNotSupported, .protocolViolation: "negotiation"
        case .securityFailed, .peerMismatch: "security"
        case .limitExceeded: "limit"
        default: "any"
        }
    }

    /// Known peers were not read or not saved.
    func peerStoreFailed() {
        Counter(label: "peer_node_peer_store_failed", factory: factory).increment()
    }

    // MARK: Identify

    func identified(refused: PeerStatement.Refused, isRecordWorthless: Bool) {
        identifiedPeers.increment()
        if isRecordWorthless { worthlessRecords.increment() }
        let counts = [refused.unknown, refused.foreign, refused.outOfPlace, refused.tooMany]
        for (counter, count) in zip(refusedEntries, counts) where count > 0 { counter.increment(by: count) }
    }

    /// A peer did not answer.
    func identifyFailed(_ code: TransportError.Code) {
        counter("identify_failed", reason: Self.label(of: code)).increment()
    }

    /// A peer answered or pushed what is not taken.
    func identifyRefused(_ error: IdentifyError) {
        counter("identify_refused", reason: error.label).increment()
    }

    // MARK: Reasons

    private func counter(_ name: String, reason: String) -> Counter {
        Counter(label: "peer_node_\(name)", dimensions: [("reason", reason)], factory: factory)
    }

    /// The codes that are labels by themselves; transports may bring more.
    private static let codes: Set<TransportError.Code> = [
        .unsupportedAddress, .resolutionFailed, .connectionRefused, .unreachable, .timedOut, .notAPeer,
        .protocolNotSupported, .securityFailed, .peerMismatch, .protocolViolation, .limitExceeded, .streamReset,
        .connectionClosed, .notConnected, .cancelled, .shutDown, .systemFailure,
    ]

    /// The label of an error.
    static func label(of code: TransportError.Code) -> String {
        codes.contains(code) ? code.name : "other"
    }
}
