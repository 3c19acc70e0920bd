import MuSig2Session
import Multiformats
import Secp256k1

/// The HELLO exchanges under way, in both roles, and the sessions that were seen through them.
///
/// Bounded: so many exchanges for each peer, each for at most the time-out, and so many sessions that were looked at and not joined.
struct HelloBook: Sendable {
    /// A session that was shown and verified, and not joined yet.
    struct Seen: Sendable {
        var announced: VerifiedAnnouncement
        /// The peers that showed it.
        var providers: [PeerID]
        var at: Duration
    }

    /// One wish to see a session.
    struct Look: Sendable {
        /// Those that may still answer.
        var open: Set<PeerID>
        var deadline: Duration
        /// Whether the discovery is still asked.
        var awaitsDiscovery = false
        /// What went wrong with those that did not answer.
        var failures: [CoordinatorError] = []
    }

    /// This side asks.
    struct Outgoing: Sendable {
        var session: SessionID
        var a: Hash32
        var b: Hash32?
    }

    /// The other side asks.
    struct Incoming: Sendable {
        var session: SessionID
        var a: Hash32
        var b: Hash32
        var deadline: Duration
    }

    var looks: [SessionID: Look] = [:]
    private var seen: [SessionID: Seen] = [:]
    private var outgoing: [PeerID: [Outgoing]] = [:]
    private var incoming: [PeerID: [Incoming]] = [:]
    private let perPeer: Int
    private static let seenLimit = 64

    /// When the next look or exchange runs out.
    private(set) var deadline: Duration?

    init(perPeer: Int) {
        self.perPeer = perPeer
    }

    mutating func noteDeadline(_ time: Duration) {
        deadline = min(deadline ?? time, time)
    }

    // MARK: This side asks

    mutating func begin(_ exchange: Outgoing, with peer: PeerID) {
        outgoing[peer, default: []].append(exchange)
    }

    func exchange(_ a: Hash32, with peer: PeerID) -> Outgoing? {
        outgoing[peer]?.first { $0.a == a }
    }

    mutating func setB(_ b: Hash32, of a: Hash32, with peer: PeerID) {
        guard let index = outgoing[peer]?.firstIndex(where: { $0.a == a }) else { return }
        outgoing[peer]?[index].b = b
    }

    mutating func end(_ a: Hash32, with peer: PeerID) {
        outgoing[peer]?.removeAll { $0.a == a }
        if outgoing[peer]?.isEmpty == true { outgoing[peer] = nil }
    }

    /// Ends all exchanges for a session.
    mutating func endAll(of session: SessionID) {
        for peer in outgoing.keys {
            outgoing[peer]?.removeAll { $0.session == session }
            if outgoing[peer]?.isEmpty == true { outgoing[peer] = nil }
        }
    }

    /// Forgets the exchanges with a peer that is gone.
    mutating func disconnected(_ peer: PeerID) {
        outgoing[peer] = nil
        incoming[peer] = nil
    }

    /// The looks that wait for a peer.
    func looks(at peer: PeerID) -> [SessionID] {
        looks.filter { $0.value.open.contains(peer) }.map(\.key)
    }

    func isAsking(_ peer: PeerID, for session: SessionID) -> Bool {
        outgoing[peer]?.contains { $0.session == session } ?? false
    }

    // MARK: Sessions that were seen

    mutating func remember(_ announced: VerifiedAnnouncement, from peer: PeerID, at time: Duration) {
        if var there = seen[announced.descriptor.id] {
            if !there.providers.contains(peer) { there.providers.append(peer) }
            if announced.sequence > there.announced.sequence { there.announced = announced }
            seen[announced.descriptor.id] = there
            return
        }
        if seen.count >= Self.seenLimit, let oldest = seen.min(by: { $0.value.at < $1.value.at }) {
            seen[oldest.key] = nil
        }
        seen[announced.descriptor.id] = Seen(announced: announced, providers: [peer], at: time)
    }

    func seenSession(_ session: SessionID) -> Seen? { seen[session] }

    mutating func takeSeen(_ session: SessionID) -> Seen? { seen.removeValue(forKey: session) }

    mutating func removeSeen(expiredAt wallMilliseconds: UInt64) {
        seen = seen.filter { $0.value.announced.descriptor.expiryMilliseconds > wallMilliseconds }
    }

    // MARK: The other side asks

    /// Notes an exchange that the other side began; false when it has too many open.
    mutating func answer(_ exchange: Incoming, to peer: PeerID) -> Bool {
        guard (incoming[peer]?.count ?? 0) < perPeer,
            incoming[peer]?.contains(where: { $0.a == exchange.a }) != true
        else { return false }
        incoming[peer, default: []].append(exchange)
        noteDeadline(exchange.deadline)
        return true
    }

    mutating func takeIncoming(_ a: Hash32, from peer: PeerID) -> Incoming? {
        guard let index = incoming[peer]?.firstIndex(where: { $0.a == a }) else { return nil }
        let exchange = incoming[peer]?.remove(at: index)
        if incoming[peer]?.isEmpty == true { incoming[peer] = nil }
        return exchange
    }

    // MARK: Time

    /// Drops what ran out, and says which looks did.
    mutating func expire(at time: Duration) -> [SessionID] {
        guard let deadline, deadline <= time else { return [] }
        var next: Duration?
        for (peer, exchanges) in incoming {
            let open = exchanges.filter { $0.deadline > time }
            incoming[peer] = open.isEmpty ? nil : open
            for exchange in open { next = min(next ?? exchange.deadline, exchange.deadline) }
        }
        let late = looks.filter { $0.value.deadline <= time }.map(\.key)
        for look in looks.values where look.deadline > time { next = min(next ?? look.deadline, look.deadline) }
        self.deadline = next
        return late
    }
}
