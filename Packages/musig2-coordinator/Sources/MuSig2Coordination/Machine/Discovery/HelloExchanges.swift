import MuSig2Session
import Multiformats
import Secp256k1

/// The HELLO exchanges under way, in both roles. Bounded: so many for each peer, each for at most the time-out.
struct HelloExchanges: Sendable {
    /// This side asks.
    struct Outgoing: Sendable {
        var subject: DiscoverySubject
        var a: Hash32
        var b: Hash32?
    }

    /// The other side asks.
    struct Incoming: Sendable {
        var subject: DiscoverySubject
        var a: Hash32
        var b: Hash32
        var deadline: Duration
    }

    private var outgoing: [PeerID: [Outgoing]] = [:]
    /// How many answers may still come that nobody waits for any more.
    private var late: [PeerID: Int] = [:]
    private var incoming: [PeerID: [Incoming]] = [:]
    private let perPeer: Int

    /// When the next exchange that the other side began runs out.
    private(set) var deadline: Duration?

    init(perPeer: Int) {
        self.perPeer = perPeer
    }

    /// Forgets the exchanges with a peer that is gone.
    mutating func disconnected(_ peer: PeerID) {
        outgoing[peer] = nil
        late[peer] = nil
        incoming[peer] = nil
    }

    // MARK: This side asks

    mutating func begin(_ exchange: Outgoing, with peer: PeerID) {
        outgoing[peer, default: []].append(exchange)
    }

    func exchange(_ a: Hash32, with peer: PeerID) -> Outgoing? {
        outgoing[peer]?.first { $0.a == a }
    }

    func isAsking(_ peer: PeerID, for subject: DiscoverySubject) -> Bool {
        outgoing[peer]?.contains { $0.subject == subject } ?? false
    }

    /// Whether a peer that proved itself still owes announcements.
    func awaitsAnnouncements(from peer: PeerID) -> Bool {
        outgoing[peer]?.contains { $0.b != nil } ?? false
    }

    /// An answer came that nobody waits for.
    ///
    /// - Returns: Whether it was asked for once.
    mutating func forgiveLateAnswer(from peer: PeerID) -> Bool {
        guard let count = late[peer] else { return false }
        late[peer] = count > 1 ? count - 1 : nil
        return true
    }

    mutating func setB(_ b: Hash32, of a: Hash32, with peer: PeerID) {
        guard let index = outgoing[peer]?.firstIndex(where: { $0.a == a }) else { return }
        outgoing[peer]?[index].b = b
    }

    /// An exchange is answered.
    mutating func end(_ a: Hash32, with peer: PeerID) {
        remove(from: peer) { $0.a == a }
    }

    /// Ends the exchanges for a subject with one peer, whose answers may be on the way.
    mutating func end(_ subject: DiscoverySubject, with peer: PeerID) {
        let count = outgoing[peer]?.count { $0.subject == subject && $0.b != nil } ?? 0
        if count > 0 { late[peer] = min(late[peer, default: 0] + count, perPeer) }
        remove(from: peer) { $0.subject == subject }
    }

    /// Ends all exchanges for a subject.
    mutating func endAll(of subject: DiscoverySubject) {
        for peer in outgoing.keys { end(subject, with: peer) }
    }

    private mutating func remove(from peer: PeerID, where isGone: (Outgoing) -> Bool) {
        outgoing[peer]?.removeAll(where: isGone)
        if outgoing[peer]?.isEmpty == true { outgoing[peer] = nil }
    }

    // MARK: The other side asks

    /// Notes an exchange that the other side began; false when it has too many open.
    mutating func answer(_ exchange: Incoming, to peer: PeerID) -> Bool {
        guard (incoming[peer]?.count ?? 0) < perPeer,
            incoming[peer]?.contains(where: { $0.a == exchange.a }) != true
        else { return false }
        incoming[peer, default: []].append(exchange)
        deadline = min(deadline ?? exchange.deadline, exchange.deadline)
        return true
    }

    mutating func takeIncoming(_ a: Hash32, from peer: PeerID) -> Incoming? {
        guard let index = incoming[peer]?.firstIndex(where: { $0.a == a }) else { return nil }
        let exchange = incoming[peer]?.remove(at: index)
        if incoming[peer]?.isEmpty == true { incoming[peer] = nil }
        return exchange
    }

    /// Drops the exchanges of the other side that ran out.
    mutating func expire(at time: Duration) {
        guard let due = deadline, due <= time else { return }
        deadline = nil
        for (peer, exchanges) in incoming {
            let open = exchanges.filter { $0.deadline > time }
            incoming[peer] = open.isEmpty ? nil : open
            for exchange in open { deadline = min(deadline ?? exchange.deadline, exchange.deadline) }
        }
    }
}
