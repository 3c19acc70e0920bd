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
        /// How many requests the peer may make now.
        var allowance: TokenBucket
    }

    private let maximumPeers: Int
    private let maximumStreamsPerPeer: Int
    private let maximumPendingBytes: Int
    private let maximumPendingBytesPerPeer: Int
    private let rate: RateLimit
    private let maximumWait: Duration
    private var networks: RateTable<IPNetwork>
    private var peers: [PeerID: Peer] = [:]
    /// Bytes held of requests of all peers that are not complete.
    private(set) var pendingBytes = 0

    init(
        maximumPeers: Int,
        maximumStreamsPerPeer: Int,
        maximumPendingBytes: Int,
        maximumPendingBytesPerPeer: Int,
        rate: RateLimit,
        ratePerNetwork: RateLimit,
        maximumWait: Duration
    ) {
        self.maximumPeers = maximumPeers
        self.maximumStreamsPerPeer = maximumStreamsPerPeer
        self.maximumPendingBytes = maximumPendingBytes
        self.maximumPendingBytesPerPeer = maximumPendingBytesPerPeer
        self.rate = rate
        self.maximumWait = maximumWait
        networks = RateTable(ratePerNetwork, capacity: maximumPeers)
    }

    /// How many peers are remembered: those with streams, those that have been connected since they asked, and some with
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
        var entry = peers[peer] ?? Peer(allowance: TokenBucket(rate, at: now))
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
    ///   - peer: The peer of the stream.
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

    /// Counts one more request of a peer, and of all of its network; one that is refused is counted for neither.
    ///
    /// - Parameters:
    ///   - peer: The peer that asks.
    ///   - network: Where the peer is; nil for a network without limits.
    ///   - now: The time.
    /// - Returns: How long the request has to wait until it may be answered: zero for now. Nil when that is too long, or the
    ///   peer has no stream.
    mutating func reserve(_ peer: PeerID, of network: IPNetwork? = nil, at now: Duration) -> Duration? {
        guard var entry = peers[peer], var wait = entry.allowance.reserve(at: now, waiting: maximumWait) else {
            return nil
        }
        if let network {
            guard let ofNetwork = networks.reserve(network, at: now, waiting: maximumWait) else { return nil }
            wait = max(wait, ofNetwork)
        }
        peers[peer] = entry
        return wait
    }

    /// Forgets a peer to which there is no connection any more, once the streams are over.
    mutating func forget(_ peer: PeerID) {
        peers[peer]?.isGone = true
        removeIfOver(peer)
    }

    /// Forgets peers without a stream that have their whole allowance: there is nothing to know of it.
    private mutating func removeTheRested(at now: Duration) {
        peers = peers.filter { _, peer in
            var allowance = peer.allowance
            return peer.streams > 0 || !allowance.isFull(at: now)
        }
    }

    private mutating func removeIfOver(_ peer: PeerID) {
        if let entry = peers[peer], entry.isGone, entry.streams <= 0 { peers[peer] = nil }
    }
}
