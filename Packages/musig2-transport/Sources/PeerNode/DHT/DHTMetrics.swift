import CoreMetrics

/// The counters of a distributed hash table, under the prefix `peer_dht`.
struct DHTMetrics: Sendable {
    private let sent = Counter(label: "peer_dht_requests_sent")
    private let failed = Counter(label: "peer_dht_requests_failed")
    private let answered = Counter(label: "peer_dht_requests_answered")
    private let refused = Counter(label: "peer_dht_requests_refused")
    private let table = Gauge(label: "peer_dht_routing_table_peers")

    func requestSent() {
        sent.increment()
    }

    func requestFailed() {
        failed.increment()
    }

    func requestAnswered() {
        answered.increment()
    }

    func requestRefused() {
        refused.increment()
    }

    func routingTable(_ peers: Int) {
        table.record(peers)
    }
}
