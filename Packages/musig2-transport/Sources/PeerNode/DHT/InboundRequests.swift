import Multiformats

/// How many streams each peer has open to ask this node, how much it has written of requests that are not complete, and how
/// fast it may ask.
struct InboundRequests {
    private struct Peer {
        var streams = 0
        /// Bytes held of requests that are not complete.
        var pendingBytes = 0
        /// There is no connection to it any more; streams that are not over yet still count.
        var isGone = false
        /// How many requests the peer may make at once now.
        var allowance: Double
        var since: Duration
    }

    /// How many requests a network may make at once now.
    private struct Network {
        var allowance: Double
        var since: Duration
    }

    private let maximumPeers: Int
    private let maximumStreamsPerPeer: Int
    private let maximumPendingBytes: Int
    private let maximumPendingBytesPerPeer: Int
    private let requestsPerSecond: Double
    private let burst: Double
    private let requestsPerSecondPerNetwork: Double
    private let burstPerNetwork: Double
    private var networks: [NetworkGroup: Network] = [:]
    private var peers: [PeerID: Peer] = [:]
    /// Bytes held of requests of all peers that are not complete.
    private(set) var pendingBytes = 0

    init(
        maximumPeers: Int,
        maximumStreamsPerPeer: Int,
        maximumPendingBytes: Int,
        maximumPendingBytesPerPeer: Int,
        requestsPerSecond: Int,
        burst: Int,
        requestsPerSecondPerNetwork: Int = 1_000_000,
        burstPerNetwork: Int = 1_000_000
    ) {
        self.maximumPeers = maximumPeers
        self.maximumStreamsPerPeer = maximumStreamsPerPeer
        self.maximumPendingBytes = maximumPendingBytes
        self.maximumPendingBytesPerPeer = maximumPendingBytesPerPeer
        self.requestsPerSecond = Double(requestsPerSecond)
        self.burst = Double(burst)
        self.requestsPerSecondPerNetwork = Double(requestsPerSecondPerNetwork)
        self.burstPerNetwork = Double(burstPerNetwork)
    }

    /// How many peers are remembered: those with streams, those that have been connected since they asked, and some whose
    /// connection was refused, or given up, while they asked: of its end nobody tells.
    var count: Int { peers.count }

    /// Counts a stream.
    ///
    /// - Returns: False when the peer has as many as it may have, or too many peers ask.
    mutating func open(_ peer: PeerID, at now: Duration) -> Bool {
        if peers[peer] == nil, peers.count >= maximumPeers {
            removeTheRested(at: now)
            guard peers.count < maximumPeers else { return false }
        }
        var entry = peers[peer] ?? Peer(allowance: burst, since: now)
        guard entry.streams < maximumStreamsPerPeer else { return false }
        entry.streams += 1
        entry.isGone = false
        peers[peer] = entry
        return true
    }

    /// Counts that a stream holds another number of bytes of a request that is not complete.
    ///
    /// - Parameters:
    ///   - bytes: How many it holds now.
    ///   - before: How many were counted for it.
    ///   - peer: Whose stream it is.
    /// - Returns: False when that is more than the peer, or all together, may have here; nothing is counted then.
    mutating func hold(_ bytes: Int, insteadOf before: Int, from peer: PeerID) -> Bool {
        guard var entry = peers[peer] else { return false }
        let growth = bytes - before
        if growth > 0 {
            guard entry.pendingBytes + growth <= maximumPendingBytesPerPeer,
                pendingBytes + growth <= maximumPendingBytes
            else { return false }
        }
        entry.pendingBytes += growth
        pendingBytes += growth
        peers[peer] = entry
        return true
    }

    /// Counts a stream as over, with the bytes that were counted for it. While its peer is connected it is remembered, so
    /// that opening another stream does not renew its allowance.
    mutating func close(_ peer: PeerID, holding bytes: Int = 0) {
        _ = hold(0, insteadOf: bytes, from: peer)
        peers[peer]?.streams -= 1
        removeIfOver(peer)
    }

    /// How many networks are remembered: those that have not their whole allowance, as many as peers may be.
    var networkCount: Int { networks.count }

    /// Whether the peer, and all of its network, may make one more request now. Nil is a network without limits.
    mutating func admit(_ peer: PeerID, of network: NetworkGroup? = nil, at now: Duration) -> Bool {
        admit(peer, at: now) && (network.map { admit($0, at: now) } ?? true)
    }

    private mutating func admit(_ network: NetworkGroup, at now: Duration) -> Bool {
        if networks[network] == nil, networks.count >= maximumPeers {
            networks = networks.filter { allowance(of: $0.value, at: now) < burstPerNetwork }
            guard networks.count < maximumPeers else { return false }
        }
        var entry = networks[network] ?? Network(allowance: burstPerNetwork, since: now)
        entry.allowance = allowance(of: entry, at: now)
        entry.since = max(entry.since, now)
        defer { networks[network] = entry }
        guard entry.allowance >= 1 else { return false }
        entry.allowance -= 1
        return true
    }

    private func allowance(of network: Network, at now: Duration) -> Double {
        min(
            burstPerNetwork,
            network.allowance + max(0, (now - network.since).inSeconds) * requestsPerSecondPerNetwork)
    }

    private mutating func admit(_ peer: PeerID, at now: Duration) -> Bool {
        guard var entry = peers[peer] else { return false }
        entry.allowance = allowance(of: entry, at: now)
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

    private func allowance(of entry: Peer, at now: Duration) -> Double {
        min(burst, entry.allowance + max(0, (now - entry.since).inSeconds) * requestsPerSecond)
    }

    /// Forgets who has no stream and its whole allowance: there is nothing to know of it.
    private mutating func removeTheRested(at now: Duration) {
        peers = peers.filter { $0.value.streams > 0 || allowance(of: $0.value, at: now) < burst }
    }

    private mutating func removeIfOver(_ peer: PeerID) {
        if let entry = peers[peer], entry.isGone, entry.streams <= 0 { peers[peer] = nil }
    }
}
