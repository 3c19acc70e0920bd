import Multiformats
import PeerTransport
import WireCodec

/// What a node has said of itself to each peer, and what it heard of itself.
struct IdentifyState {
    /// Rises with every change of what the node says.
    private(set) var version: UInt64 = 1
    /// What is said in this version, by where the receiver is.
    private var messages: [AddressScope: Identify] = [:]
    /// The sequence of the last record that was signed.
    private(set) var lastSequence: UInt64 = 0
    /// The version that each peer was told last.
    private(set) var told: [PeerID: UInt64] = [:]
    /// Whether a task is pushing.
    private var isPushing = false
    /// The peers that have not read the last push yet, and have time left.
    private(set) var reading: Set<PeerID> = []
    private var pushes: RateTable<PeerID>
    /// How many pushes of each peer are being read.
    private var arriving: [PeerID: Int] = [:]
    /// Peers with a push that was dropped, and that are to be asked.
    private var toAsk: Set<PeerID> = []
    var observed = ObservedAddresses()
    private let capacity: Int

    /// - Parameters:
    ///   - pushRate: How often a peer may push.
    ///   - capacity: The most peers that are remembered.
    init(pushRate: RateLimit, capacity: Int) {
        pushes = RateTable(pushRate, capacity: capacity)
        self.capacity = capacity
    }

    /// What the node says has changed.
    mutating func changed() {
        version &+= 1
        messages = [:]
    }

    func message(for scope: AddressScope) -> Identify? { messages[scope] }

    /// Keeps a message, unless the node has changed since it was begun.
    mutating func keep(_ message: Identify, for scope: AddressScope, version: UInt64) {
        if version == self.version { messages[scope] = message }
    }

    /// The sequence for a new record: nanoseconds since 1970, and in any case more than the last.
    mutating func nextSequence(wallMilliseconds: UInt64) -> UInt64 {
        let (nanoseconds, overflow) = wallMilliseconds.multipliedReportingOverflow(by: 1_000_000)
        lastSequence = max(overflow ? 0 : nanoseconds, lastSequence &+ 1)
        return lastSequence
    }

    /// Makes sure that sequences go on above one that was used before a restart.
    mutating func restore(lastSequence: UInt64) {
        self.lastSequence = max(self.lastSequence, lastSequence)
    }

    /// A peer was told what the node said in a version. When there is no room for more, those that are not among the
    /// connected peers are forgotten: they may have been answered just before their connection was refused.
    mutating func note(_ peer: PeerID, wasTold version: UInt64, connected: () -> [PeerID]) {
        if told[peer] == nil, told.count >= capacity {
            let connected = Set(connected())
            told = told.filter { connected.contains($0.key) }
            guard told.count < capacity else { return }
        }
        told[peer] = max(version, told[peer] ?? 0)
    }

    /// Whether a peer that was told something must be told more, and has read what it was told.
    func isBehind(_ peer: PeerID) -> Bool {
        guard !reading.contains(peer) else { return false }
        return told[peer].map { $0 < version } ?? false
    }

    /// A push to a peer begins; until it has ended there is no other one to the peer.
    mutating func pushBegins(to peer: PeerID) { reading.insert(peer) }

    /// The peer has read a push, or had its time.
    mutating func pushEnds(to peer: PeerID) { reading.remove(peer) }

    /// Whether the caller is to push: nobody else does.
    mutating func beginPushing() -> Bool {
        defer { isPushing = true }
        return !isPushing
    }

    /// Ends pushing when nobody is behind any more.
    ///
    /// - Returns: The peers that are behind as well, of those asked for.
    mutating func nextRound(of peers: [PeerID]) -> [PeerID] {
        let behind = peers.filter { isBehind($0) }
        if behind.isEmpty { isPushing = false }
        return behind
    }

    /// The most pushes of one peer that are read at the same time: each may hold some 80 KiB.
    static let maximumArriving = 4

    /// Whether a peer may push now; if so, ``pushWasRead(from:)`` must follow.
    mutating func admitsPush(from peer: PeerID, at now: Duration) -> Bool {
        guard arriving[peer, default: 0] < Self.maximumArriving, pushes.take(peer, at: now) else { return false }
        arriving[peer, default: 0] += 1
        return true
    }

    /// A push is over, however it ended.
    mutating func pushWasRead(from peer: PeerID) {
        let left = arriving[peer, default: 1] - 1
        arriving[peer] = left > 0 ? left : nil
    }

    /// Notes that a peer is to be asked for its identity.
    ///
    /// - Returns: False when that was noted before.
    mutating func isToAsk(_ peer: PeerID) -> Bool { toAsk.insert(peer).inserted }

    /// The peer is about to be asked.
    mutating func isAsked(_ peer: PeerID) { toAsk.remove(peer) }

    mutating func forget(_ peer: PeerID) {
        told[peer] = nil
        observed.forget(peer)
    }
}
