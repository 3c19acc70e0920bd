import CoreMetrics

/// The counters of a frame network.
struct FrameMetrics: Sendable {
    private let sent = Counter(label: "peer_network_frames_sent")
    private let received = Counter(label: "peer_network_frames_received")
    private let dropped = Counter(label: "peer_network_frames_dropped")

    func frameSent() {
        sent.increment()
    }

    func frameReceived() {
        received.increment()
    }

    func frameDropped() {
        dropped.increment()
    }
}
