import CoreMetrics
import PeerTransport

/// The metrics of a node, under the prefix `peer_node`. Every label has few values, whatever peers do.
struct PeerNodeMetrics: Sendable {
    private let factory: any MetricsFactory
    private let inboundConnections: Counter
    private let outboundConnections: Counter
    private let closedConnections: Counter
    private let refusedConnections: Counter
    private let refusedStreams: Counter
    private let identifiedPeers: Counter
    private let worthlessRecords: Counter
    private let refusedAddresses: [Counter]

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
        func counter(_ name: String, _ dimensions: [(String, String)] = []) -> Counter {
            Counter(label: "peer_node_\(name)", dimensions: dimensions, factory: factory)
        }
        inboundConnections = counter("connections_opened", [("direction", "inbound")])
        outboundConnections = counter("connections_opened", [("direction", "outbound")])
        closedConnections = counter("connections_closed")
        refusedConnections = counter("connections_refused")
        refusedStreams = counter("streams_refused")
        identifiedPeers = counter("peers_identified")
        worthlessRecords = counter("identify_worthless_records")
        refusedAddresses = ["unknown", "foreign", "out_of_place", "too_many"].map {
            counter("identify_addresses_refused", [("reason", $0)])
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

    func streamRefused() {
        refusedStreams.increment()
    }

    func dialFailed(_ code: TransportError.Code) {
        counter("dials_failed", reason: Self.label(of: code)).increment()
    }

    // MARK: Identify

    func identified(refusedAddresses refused: PeerStatement.RefusedAddresses, isRecordWorthless: Bool) {
        identifiedPeers.increment()
        if isRecordWorthless { worthlessRecords.increment() }
        let counts = [refused.unknown, refused.foreign, refused.outOfPlace, refused.tooMany]
        for (counter, count) in zip(refusedAddresses, counts) where count > 0 { counter.increment(by: count) }
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

    private static func label(of code: TransportError.Code) -> String {
        codes.contains(code) ? code.name : "other"
    }
}
