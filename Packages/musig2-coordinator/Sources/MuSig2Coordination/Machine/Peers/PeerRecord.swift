import MuSig2Session
import Multiformats

/// Why a session, or a look, wants a peer.
struct PeerWish: Sendable {
    /// Where it may be, the likeliest first. Each session has its own: what one is told of a peer says nothing to another.
    var addresses: [Multiaddr] = []
    /// Whether it is dialled; otherwise the session is only told when it is connected.
    var isDialled = false
    /// Whether the peer once showed in this session that a signer is there.
    var isBound = false
    /// Whether a look wants it, which ends soon and is bounded by itself.
    var isLookup = false
}

/// What a peer may still cost, and how it behaved.
struct PeerBudget: Sendable {
    var messages: TokenBucket
    var bytes: TokenBucket
    var signatureChecks: TokenBucket
    var strangerWork: TokenBucket
    var hellos: TokenBucket
    var errorReplies: TokenBucket
    var reputation = Reputation()

    init(limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) {
        messages = TokenBucket(full: limits.messages, at: time)
        bytes = TokenBucket(full: limits.bytes, at: time)
        signatureChecks = TokenBucket(full: limits.signatureChecks, at: time)
        strangerWork = TokenBucket(full: limits.strangerWork, at: time)
        hellos = TokenBucket(full: limits.hellos, at: time)
        errorReplies = TokenBucket(full: limits.errorReplies, at: time)
    }

    /// Whether forgetting the peer would give it nothing that it does not have.
    mutating func isFull(limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) -> Bool {
        messages.isFull(size: limits.messages, at: time) && bytes.isFull(size: limits.bytes, at: time)
            && signatureChecks.isFull(size: limits.signatureChecks, at: time)
            && strangerWork.isFull(size: limits.strangerWork, at: time)
            && hellos.isFull(size: limits.hellos, at: time)
            && errorReplies.isFull(size: limits.errorReplies, at: time)
    }
}

/// How a peer is dialled.
struct PeerDialing: Sendable {
    /// Whether a dial is under way.
    var isUnderWay = false
    /// When the last dial began: one that has no outcome for long is taken as failed.
    var began: Duration?
    /// How many dials in a row have failed, or led to nothing that lasted.
    var failures = 0
    /// How many dials there were: where there are more addresses than one dial takes, each begins elsewhere.
    var count = 0
    /// When to dial; nil when not wanted.
    var nextAt: Duration?
    /// Which of those that are due at one time comes first: the one that was planned first.
    var order: UInt64 = 0
    /// Whether a session was ever bound to the peer: its dials are not counted.
    var isUncounted = false
}

/// What the node knows of a peer: whether it is connected, what it may still cost, which sessions want it.
struct PeerRecord: Sendable {
    var isConnected = false
    /// When it connected last.
    var connectedAt = Duration.zero
    /// Whether a session has bound it to a signer since it is connected.
    var isKnown = false
    /// What each session wants of it.
    var wishes: [SessionID: PeerWish] = [:]
    /// Where a lookup was told last that it is.
    var addresses: [Multiaddr] = []
    var dialing = PeerDialing()
    var budget: PeerBudget

    init(limits: MuSig2Coordinator.Configuration.AbuseLimits, at time: Duration) {
        budget = PeerBudget(limits: limits, at: time)
    }

    /// The sessions that want to hear of this peer.
    var sessions: Set<SessionID> { Set(wishes.keys) }

    /// Whether anybody wants it dialled, and says where it is.
    var isWanted: Bool { wishes.values.contains { $0.isDialled && (!$0.addresses.isEmpty || $0.isLookup) } }

    /// Whether a session that wants it dialled is bound to it.
    var isBound: Bool { wishes.values.contains { $0.isDialled && $0.isBound } }

    /// The addresses of one dial: first those of sessions in which the peer showed itself, then the others in turn, so that all are tried
    /// however many there are.
    func dialAddresses(atMost limit: Int) -> [Multiaddr] {
        let wishes = wishes.filter(\.value.isDialled).sorted { $0.key < $1.key }.map(\.value)
        var sure: [Multiaddr] = []
        for address in wishes.filter(\.isBound).flatMap(\.addresses) where !sure.contains(address) {
            sure.append(address)
        }
        var others: [Multiaddr] = []
        for address in wishes.filter({ !$0.isBound }).flatMap(\.addresses)
        where !sure.contains(address) && !others.contains(address) {
            others.append(address)
        }
        let first = Self.rotated(dialing.count, of: sure, count: others.isEmpty ? limit : limit / 2)
        return first + Self.rotated(dialing.count, of: others, count: limit - first.count)
    }

    private static func rotated(_ turns: Int, of all: [Multiaddr], count: Int) -> [Multiaddr] {
        guard all.count > count else { return all }
        let start = turns &* count % all.count
        return (0..<count).map { all[(start + $0) % all.count] }
    }
}
