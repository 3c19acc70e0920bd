import CoreMetrics

/// The counters of a node and of the networks on it, under the prefix `peer_node`.
struct PeerNodeMetrics: Sendable {
    private let inboundConnections = Counter(
        label: "peer_node_connections_opened", dimensions: [("direction", "inbound")])
    private let outboundConnections = Counter(
        label: "peer_node_connections_opened",
        dimensions: [("direction", "outbound")]
    )
    private let closedConnections = Counter(label: "peer_node_connections_closed")
    private let refusedConnections = Counter(label: "peer_node_connections_refused")
    private let refusedStreams = Counter(label: "peer_node_streams_refused")
    private let failedDials = Counter(label: "peer_node_dials_failed")

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

    func dialFailed() {
        failedDials.increment()
    }
}
