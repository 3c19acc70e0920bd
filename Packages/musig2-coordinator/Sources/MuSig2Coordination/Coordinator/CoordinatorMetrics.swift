import Metrics

/// What a coordinator counts. Where it goes is the application's choice, by swift-metrics' bootstrap.
struct CoordinatorMetrics: Sendable {
    let created = Counter(label: "musig2_sessions_created")
    let joined = Counter(label: "musig2_sessions_joined")
    let completed = Counter(label: "musig2_sessions_completed")
    let aborted = Counter(label: "musig2_sessions_aborted")
    let expired = Counter(label: "musig2_sessions_expired")
    let restarts = Counter(label: "musig2_attempts_restarted")
    let framesSent = Counter(label: "musig2_frames_sent")
    let bytesSent = Counter(label: "musig2_bytes_sent")
    let framesReceived = Counter(label: "musig2_frames_received")
    let bytesReceived = Counter(label: "musig2_bytes_received")
    /// What peers were charged, in signature checks.
    let work = FloatingPointCounter(label: "musig2_work_charged")
    let bans = Counter(label: "musig2_peers_banned")
    let storeFailures = Counter(label: "musig2_store_failures")
    let active = Gauge(label: "musig2_sessions_active")
    let commit = Timer(label: "musig2_store_commit")
    let duration = Timer(label: "musig2_session_duration")
}
