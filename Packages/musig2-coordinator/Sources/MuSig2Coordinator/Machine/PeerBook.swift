import MuSig2Session
import Multiformats

/// What the node knows of a peer: whether it is connected, what it may still cost, which sessions want it.
struct PeerRecord: Sendable {
    var isConnected = false
    /// The sessions that want to hear of this peer.
    var sessions: Set<SessionID> = []
    /// Where it was last said to be reached.
    var addresses: [Multiaddr] = []
    /// Whether a session has bound it to a signer since it is connected.
    var isKnown = false
    /// Whether a dial is under way.
    var isDialling = false
    /// When the last dial began: one that has no outcome for long is taken as failed.
    var dialledAt = Duration.zero
    /// How many dials in a row have failed.
    var failedDials = 0
    /// When to dial again; nil when not wanted.
    var redialAt: Duration?

    var messages: TokenBucket
    var bytes: TokenBucket
    var signatureChecks: TokenBucket
    var strangerWork: TokenBucket
    var hellos: TokenBucket
    var errorReplies: TokenBucket
    var reputation = Reputation()

    init(limits: Configuration.AbuseLimits, at time: Duration) {
        messages = TokenBucket(full: limits.messages, at: time)
        bytes = TokenBucket(full: limits.bytes, at: time)
        signatureChecks = TokenBucket(full: limits.signatureChecks, at: time)
        strangerWork = TokenBucket(full: limits.strangerWork, at: time)
        hellos = TokenBucket(full: limits.hellos, at: time)
        errorReplies = TokenBucket(full: limits.errorReplies, at: time)
    }

    /// Whether forgetting the peer would give it nothing that it does not have.
    mutating func areBucketsFull(limits: Configuration.AbuseLimits, at time: Duration) -> Bool {
        messages.isFull(size: limits.messages, at: time) && bytes.isFull(size: limits.bytes, at: time)
            && signatureChecks.isFull(size: limits.signatureChecks, at: time)
            && strangerWork.isFull(size: limits.strangerWork, at: time)
            && hellos.isFull(size: limits.hellos, at: time)
            && errorReplies.isFull(size: limits.errorReplies, at: time)
    }
}

/// All peers of a node. Bounded: those that matter to nobody are forgotten, and of the rest the ones without a connection, a session
/// or a ban go first.
struct PeerBook: Sendable {
    private var records: [PeerID: PeerRecord] = [:]
    private let abuse: Configuration.AbuseLimits
    private let timeouts: Configuration.Timeouts
    private let capacity: Int

    /// No redial is due before this time.
    private(set) var nextRedial: Duration?

    init(configuration: Configuration) {
        abuse = configuration.abuse
        timeouts = configuration.timeouts
        capacity = configuration.limits.rememberedPeers
    }

    var count: Int { records.count }

    var connected: [PeerID] { records.filter { $0.value.isConnected }.map(\.key) }

    subscript(_ peer: PeerID) -> PeerRecord? { records[peer] }

    func isConnected(_ peer: PeerID) -> Bool {
        records[peer]?.isConnected ?? false
    }

    /// Whether a session has bound it to a signer since it is connected.
    func isKnown(_ peer: PeerID) -> Bool {
        records[peer]?.isKnown ?? false
    }

    /// The peer's record, made when there is none, for a change.
    @discardableResult
    mutating func update<Result>(
        _ peer: PeerID,
        at time: Duration,
        _ change: (inout PeerRecord, Configuration.AbuseLimits) -> Result
    ) -> Result {
        if records[peer] == nil { makeRoom(at: time) }
        return change(&records[peer, default: PeerRecord(limits: abuse, at: time)], abuse)
    }

    mutating func connected(_ peer: PeerID, at time: Duration) -> Set<SessionID> {
        update(peer, at: time) { record, _ in
            record.isConnected = true
            record.isDialling = false
            record.failedDials = 0
            record.redialAt = nil
            return record.sessions
        }
    }

    mutating func disconnected(_ peer: PeerID, at time: Duration) -> Set<SessionID> {
        guard var record = records[peer] else { return [] }
        record.isConnected = false
        record.isKnown = false
        record.isDialling = false
        records[peer] = record
        // A peer that just went is not one that failed to answer: the first dial comes after the shortest wait.
        planRedial(peer, at: time)
        return record.sessions
    }

    /// A dial failed: plans the next one while a session wants the peer.
    mutating func dialFailed(_ peer: PeerID, at time: Duration) -> Set<SessionID> {
        guard records[peer] != nil else { return [] }
        records[peer]?.isDialling = false
        records[peer]?.failedDials += 1
        planRedial(peer, at: time)
        return records[peer]?.sessions ?? []
    }

    /// Notes that a session wants a peer.
    ///
    /// - Returns: Whether the peer must be dialled now.
    mutating func want(_ peer: PeerID, for session: SessionID, addresses: [Multiaddr], at time: Duration) -> Bool {
        let patience = timeouts.redialCeiling * 2
        return update(peer, at: time) { record, _ in
            record.sessions.insert(session)
            if !addresses.isEmpty { record.addresses = addresses }
            let isDialling = record.isDialling && time < record.dialledAt + patience
            guard !record.isConnected, !isDialling, record.redialAt == nil || !addresses.isEmpty else { return false }
            guard !record.reputation.isBanned(at: time), !record.addresses.isEmpty else { return false }
            // A session may ask again on each of its own timers; the back-off between dials holds all the same.
            if let redialAt = record.redialAt, redialAt > time { return false }
            record.isDialling = true
            record.dialledAt = time
            record.redialAt = nil
            return true
        }
    }

    mutating func release(_ peer: PeerID, from session: SessionID, at time: Duration) {
        guard records[peer] != nil else { return }
        records[peer]?.sessions.remove(session)
        forgetIfIdle(peer, at: time)
    }

    mutating func release(_ session: SessionID, at time: Duration) {
        for peer in records.keys where records[peer]?.sessions.contains(session) == true {
            release(peer, from: session, at: time)
        }
    }

    /// The peers to dial now.
    mutating func dialsDue(at time: Duration) -> [(peer: PeerID, addresses: [Multiaddr])] {
        guard let nextRedial, nextRedial <= time else { return [] }
        var due: [(peer: PeerID, addresses: [Multiaddr])] = []
        self.nextRedial = nil
        for (peer, record) in records {
            guard let redialAt = record.redialAt else { continue }
            if redialAt <= time {
                records[peer]?.redialAt = nil
                guard !record.isConnected, !record.sessions.isEmpty else { continue }
                records[peer]?.isDialling = true
                records[peer]?.dialledAt = time
                due.append((peer, record.addresses))
            } else {
                self.nextRedial = min(self.nextRedial ?? redialAt, redialAt)
            }
        }
        return due
    }

    /// Forgets those that matter to nobody.
    mutating func sweep(at time: Duration) {
        for peer in records.keys { forgetIfIdle(peer, at: time) }
    }

    /// A peer is shut out: whoever wants it dials it when that is over.
    mutating func banned(_ peer: PeerID, for length: Duration, at time: Duration) {
        guard let record = records[peer], !record.sessions.isEmpty, !record.addresses.isEmpty else { return }
        let redialAt = time + length
        records[peer]?.redialAt = redialAt
        nextRedial = min(nextRedial ?? redialAt, redialAt)
    }

    private mutating func planRedial(_ peer: PeerID, at time: Duration) {
        guard let record = records[peer], !record.sessions.isEmpty, !record.addresses.isEmpty,
            !record.reputation.isBanned(at: time)
        else { return }
        var wait = timeouts.redial
        for _ in 0..<min(max(record.failedDials - 1, 0), 32) where wait < timeouts.redialCeiling { wait *= 2 }
        let redialAt = time + min(wait, timeouts.redialCeiling)
        records[peer]?.redialAt = redialAt
        nextRedial = min(nextRedial ?? redialAt, redialAt)
    }

    mutating func forgetIfIdle(_ peer: PeerID, at time: Duration) {
        guard var record = records[peer], !record.isConnected, record.sessions.isEmpty,
            record.reputation.isClean(limits: abuse, at: time),
            // A peer that comes again at once finds its buckets as it left them.
            record.areBucketsFull(limits: abuse, at: time)
        else { return }
        records[peer] = nil
    }

    private mutating func makeRoom(at time: Duration) {
        guard records.count >= capacity else { return }
        sweep(at: time)
        guard records.count >= capacity else { return }
        let victim =
            records.first {
                !$0.value.isConnected && $0.value.sessions.isEmpty && !$0.value.reputation.isBanned(at: time)
            }
            ?? records.first { !$0.value.isConnected && $0.value.sessions.isEmpty }
        if let victim { records[victim.key] = nil }
    }
}
