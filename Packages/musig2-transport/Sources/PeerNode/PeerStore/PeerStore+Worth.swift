import Multiformats
import PeerTransport

// The peers that are remembered, and those that a node begins with.
extension PeerStore {
    /// What speaks for a peer, the weakest first. What a peer says of itself, signed or not, anybody can say.
    enum Worth: Int, Comparable {
        /// It came and said something.
        case stranger
        /// Somebody else named it: a user, an invitation.
        case named
        /// This node has reached it.
        case reached
        /// It has answered this node, which had dialled it.
        case proven

        static func < (left: Worth, right: Worth) -> Bool { left.rawValue < right.rawValue }
    }

    /// How many of the peers with the best proof a node begins with in any case; the others are chosen by chance.
    static let anchors = 4
    /// The most peers of one network that a node begins with.
    private static let peersPerNetwork = 2
    private static let millisecondsPerDay: UInt64 = 86_400_000

    static func worth(of peer: Peer) -> Worth {
        let isReached = peer.addresses.contains { $0.lastSuccess > 0 }
        if isReached { return peer.provenDays > 0 ? .proven : .reached }
        return peer.addresses.contains { $0.source == .hint } ? .named : .stranger
    }

    /// Whether a peer goes before another one when there are too many: the one for which less speaks, and of equals the one
    /// with fewer days of proof, then the one not seen for longer.
    static func isWorthLess(_ left: Peer, _ right: Peer) -> Bool {
        let (leftWorth, rightWorth) = (worth(of: left), worth(of: right))
        if leftWorth != rightWorth { return leftWorth < rightWorth }
        if left.provenDays != right.provenDays { return left.provenDays < right.provenDays }
        return left.lastSeen < right.lastSeen
    }

    /// The peers that go when so many are too many. Of those that were never reached the more numerous kind gives way: neither a
    /// flood of names drives out peers that came, nor a flood of strangers peers that were named.
    func least(_ count: Int) -> [PeerID] {
        let ordered = peers.sorted { Self.isWorthLess($0.value, $1.value) }
        var strangers = ordered.filter { Self.worth(of: $0.value) == .stranger }.map(\.key)[...]
        var named = ordered.filter { Self.worth(of: $0.value) == .named }.map(\.key)[...]
        var least: [PeerID] = []
        while least.count < count {
            let next = strangers.count >= named.count ? strangers.popFirst() : named.popFirst()
            guard let next else { break }
            least.append(next)
        }
        let others = ordered.lazy.filter { Self.worth(of: $0.value) >= .reached }.map(\.key)
        return least + others.prefix(count - least.count)
    }

    /// A peer answered on a connection that this node has dialled.
    mutating func noteProof(_ peer: PeerID, at now: UInt64) {
        change(peer) { entry in
            guard entry.addresses.contains(where: { $0.lastSuccess > 0 }) else { return }
            let (day, last) = (now / Self.millisecondsPerDay, entry.lastProven / Self.millisecondsPerDay)
            if entry.provenDays == 0 || day > last { entry.provenDays = min(entry.provenDays &+ 1, 10_000) }
            entry.lastProven = max(entry.lastProven, now)
        }
    }

    /// Peers that speak a protocol, to begin with: some that have proven themselves, at most two of a network. Those with the
    /// most days of proof are always among them, the others are any of twice as many as are asked for. Peers that came by
    /// themselves, and of which nothing is proven, are none of them, unless there is nobody else.
    func servers(
        speaking protocolID: ProtocolID, limit: Int, using generator: inout some RandomNumberGenerator
    ) -> [PeerID] {
        let speakers = peers.filter { !$0.value.addresses.isEmpty && $0.value.protocols.contains(protocolID) }
            .sorted { left, right in
                if Self.isWorthLess(right.value, left.value) { return true }
                return !Self.isWorthLess(left.value, right.value) && left.key < right.key
            }
        guard limit > 0, let best = speakers.first else { return [] }
        let isKnown = Self.worth(of: best.value) >= .reached
        var perNetwork: [IPNetwork: Int] = [:]
        var pool: [PeerID] = []
        for (peer, entry) in speakers where !isKnown || Self.worth(of: entry) >= .reached {
            guard pool.count < 2 * limit else { break }
            if let network = Self.network(of: entry) {
                guard perNetwork[network, default: 0] < Self.peersPerNetwork else { continue }
                perNetwork[network, default: 0] += 1
            }
            pool.append(peer)
        }
        let anchors = pool.prefix(min(limit, Self.anchors))
        return Array(anchors) + pool.dropFirst(anchors.count).shuffled(using: &generator).prefix(limit - anchors.count)
    }

    /// The network where a peer was reached, or says it is; nil in a local network, where all are neighbors.
    private static func network(of peer: Peer) -> IPNetwork? {
        let address = peer.addresses.max { $0.lastSuccess < $1.lastSuccess }?.address
        return address.flatMap { $0.scope == .public ? IPNetwork($0)?.widest : nil }
    }
}
