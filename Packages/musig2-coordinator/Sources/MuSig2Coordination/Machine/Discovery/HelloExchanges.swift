import MuSig2Session
import Multiformats
import Secp256k1
import WireCodec

/// The HELLO exchanges under way, in both roles: both sides prove that they know a secret before either shows anything. Bounded: so many
/// for each peer, each for at most the time-out.
struct HelloExchanges: Sendable {
    /// This side asks.
    private struct Outgoing {
        var subject: DiscoverySubject
        var a: Hash32
        var b: Hash32?
    }

    /// The other side asks.
    private struct Incoming {
        var subject: DiscoverySubject
        var a: Hash32
        var b: Hash32
        var deadline: Duration
    }

    /// What comes of the other side's proof.
    enum OnProof: Sendable, Hashable {
        /// Nobody asked for it.
        case ignored
        /// The peer does not know the secret, or sits between.
        case forged(DiscoverySubject)
        /// The peer knows the secret: this side is to sign the transcript.
        case proven(exchange: Hash32, transcript: [UInt8])
    }

    private let localPeer: PeerID

    private var outgoing: [PeerID: [Outgoing]] = [:]
    /// How many answers may still come that nobody waits for any more.
    private var late: [PeerID: Int] = [:]
    private var incoming: [PeerID: [Incoming]] = [:]
    private let perPeer: Int

    /// When the next exchange that the other side began runs out.
    private(set) var deadline: Duration?

    init(localPeer: PeerID, perPeer: Int) {
        self.localPeer = localPeer
        self.perPeer = perPeer
    }

    /// Forgets the exchanges with a peer that is gone.
    mutating func disconnected(_ peer: PeerID) {
        outgoing[peer] = nil
        late[peer] = nil
        incoming[peer] = nil
    }

    // MARK: This side asks

    /// Asks a peer for a subject.
    mutating func begin(_ subject: DiscoverySubject, a: Hash32, with peer: PeerID) {
        outgoing[peer, default: []].append(Outgoing(subject: subject, a: a))
    }

    /// The other side's proof is here.
    mutating func receive(_ proof: HelloProof, from peer: PeerID) -> OnProof {
        guard let a = Hash32(proof.a), let b = Hash32(proof.b),
            let index = outgoing[peer]?.firstIndex(where: { $0.a == a }), let exchange = outgoing[peer]?[index],
            exchange.b == nil
        else { return .ignored }
        let transcript = HelloTranscript(
            secret: exchange.subject.secret, provider: peer, joiner: localPeer, a: a, b: b)
        guard transcript.providerProof.bytes == proof.proof else { return .forged(exchange.subject) }
        outgoing[peer]?[index].b = b
        return .proven(exchange: a, transcript: transcript.bytes)
    }

    /// Whether an exchange that this side began is under way.
    func isUnderWay(_ a: Hash32, with peer: PeerID) -> Bool {
        outgoing[peer]?.contains { $0.a == a } ?? false
    }

    /// The announcements of an exchange are here, which ends it.
    ///
    /// - Returns: What they are of; nil: no peer that proved itself owes them.
    mutating func takeAnswer(_ answer: HelloAnnouncements, from peer: PeerID) -> DiscoverySubject? {
        guard let a = Hash32(answer.a), let exchange = outgoing[peer]?.first(where: { $0.a == a }), exchange.b != nil
        else { return nil }
        remove(from: peer) { $0.a == a }
        return exchange.subject
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

    /// Ends the exchanges for a subject with one peer: its answers may be on the way.
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

    /// Begins an exchange that the other side asks for.
    ///
    /// - Parameters:
    ///   - subject: What it asks for.
    ///   - a: Its random bytes.
    ///   - b: This side's random bytes.
    ///   - peer: The other side.
    ///   - deadline: When the exchange runs out.
    /// - Returns: This side's proof; nil when the peer has too many open.
    mutating func answer(
        _ subject: DiscoverySubject, a: Hash32, b: Hash32, to peer: PeerID, until deadline: Duration
    ) -> HelloProof? {
        guard (incoming[peer]?.count ?? 0) < perPeer, incoming[peer]?.contains(where: { $0.a == a }) != true else {
            return nil
        }
        let exchange = Incoming(subject: subject, a: a, b: b, deadline: deadline)
        incoming[peer, default: []].append(exchange)
        self.deadline = min(self.deadline ?? deadline, deadline)
        let proof = transcript(of: exchange, with: peer).providerProof
        return HelloProof(a: a.bytes, b: b.bytes, proof: proof.bytes)
    }

    /// The third step of an exchange is here, which ends it.
    ///
    /// - Returns: What is asked for, and what the other side has to have signed; nil: there is no such exchange.
    mutating func takeIncoming(
        _ joiner: HelloJoiner, from peer: PeerID
    ) -> (subject: DiscoverySubject, transcript: HelloTranscript)? {
        guard let a = Hash32(joiner.a), let index = incoming[peer]?.firstIndex(where: { $0.a == a }),
            let exchange = incoming[peer]?.remove(at: index)
        else { return nil }
        if incoming[peer]?.isEmpty == true { incoming[peer] = nil }
        return (exchange.subject, transcript(of: exchange, with: peer))
    }

    private func transcript(of exchange: Incoming, with peer: PeerID) -> HelloTranscript {
        HelloTranscript(
            secret: exchange.subject.secret, provider: localPeer, joiner: peer, a: exchange.a, b: exchange.b)
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
