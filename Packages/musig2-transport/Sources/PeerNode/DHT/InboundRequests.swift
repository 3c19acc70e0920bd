import Multiformats

/// How many streams each peer has open to ask this node, and how fast it may ask.
struct InboundRequests {
    private struct Peer {
        var streams = 0
        /// There is no connection to it any more; streams that are not over yet still count.
        var isGone = false
        /// How many requests the peer may make at once now.
        var allowance: Double
        var since: Duration
    }

    private let maximumStreamsPerPeer: Int
    private let requestsPerSecond: Double
    private let burst: Double
    private var peers: [PeerID: Peer] = [:]

    init(maximumStreamsPerPeer: Int, requestsPerSecond: Int, burst: Int) {
        self.maximumStreamsPerPeer = maximumStreamsPerPeer
        self.requestsPerSecond = Double(requestsPerSecond)
        self.burst = Double(burst)
    }

    /// How many peers are remembered: those with streams, and those that have been connected since they asked.
    var count: Int { peers.count }

    /// Counts a stream.
    ///
    /// - Returns: False when the peer has as many as it may have.
    mutating func open(_ peer: PeerID, at now: Duration) -> Bool {
        var entry = peers[peer] ?? Peer(allowance: burst, since: now)
        guard entry.streams < maximumStreamsPerPeer else { return false }
        entry.streams += 1
        entry.isGone = false
        peers[peer] = entry
        return true
    }

    /// Counts a stream as over. While its peer is connected it is remembered, so that opening another stream does not renew
    /// its allowance.
    mutating func close(_ peer: PeerID) {
        peers[peer]?.streams -= 1
        removeIfOver(peer)
    }

    /// Whether the peer may make one more request now.
    mutating func admit(_ peer: PeerID, at now: Duration) -> Bool {
        guard var entry = peers[peer] else { return false }
        let elapsed = now - entry.since
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        entry.allowance = min(burst, entry.allowance + max(0, seconds) * requestsPerSecond)
        entry.since = max(entry.since, now)
        defer { peers[peer] = entry }
        guard entry.allowance >= 1 else { return false }
        entry.allowance -= 1
        return true
    }

    /// Forgets a peer to which there is no connection any more, once the streams are over.
    mutating func forget(_ peer: PeerID) {
        peers[peer]?.isGone = true
        removeIfOver(peer)
    }

    private mutating func removeIfOver(_ peer: PeerID) {
        if let entry = peers[peer], entry.isGone, entry.streams <= 0 { peers[peer] = nil }
    }
}
