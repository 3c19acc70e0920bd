import CoreMetrics
import KademliaDHT

/// The counters of a distributed hash table, under the prefix `peer_dht`.
struct DHTMetrics: Sendable {
    private let sent = Counter(label: "peer_dht_requests_sent")
    private let failed = Counter(label: "peer_dht_requests_failed")
    private let answered = Counter(label: "peer_dht_requests_answered")
    private let refused = Counter(label: "peer_dht_requests_refused")
    private let delayed = Counter(label: "peer_dht_requests_delayed")
    private let table = Gauge(label: "peer_dht_routing_table_peers")

    private let duration = Timer(label: "peer_dht_lookup_duration")
    private let hops = Recorder(label: "peer_dht_lookup_hops")

    func lookup(_ report: Kademlia.LookupReport) {
        let (seconds, attoseconds) = report.duration.components
        duration.recordNanoseconds(seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
        hops.record(report.hops)
    }

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

    /// A request has to wait for its turn.
    func requestDelayed() {
        delayed.increment()
    }

    func routingTable(_ peers: Int) {
        table.record(peers)
    }
}
