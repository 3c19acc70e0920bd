import Multiformats

/// What peers are worth to the parts of this node: which connections go first when there are too many.
struct ConnectionPriorities {
    /// The most peers that are worth anything, and the most reasons for one.
    static let maximumPeers = 8192
    static let maximumReasons = 16

    private var weights: [PeerID: [String: Int]] = [:]
    private var protections: [PeerID: Set<String>] = [:]

    /// The sum of what the peer is worth.
    func weight(of peer: PeerID) -> Int {
        weights[peer]?.values.reduce(0, +) ?? 0
    }

    func isProtected(_ peer: PeerID) -> Bool { protections[peer] != nil }

    /// Sets what a peer is worth for one reason; 0 for nothing.
    ///
    /// - Returns: False when there is no room for more peers or reasons.
    mutating func tag(_ peer: PeerID, weight: Int, for reason: String) -> Bool {
        guard weight != 0 else {
            weights[peer]?[reason] = nil
            if weights[peer]?.isEmpty == true { weights[peer] = nil }
            return true
        }
        guard weights[peer] != nil || weights.count < Self.maximumPeers else { return false }
        let reasons = weights[peer] ?? [:]
        guard reasons[reason] != nil || reasons.count < Self.maximumReasons else { return false }
        // Sums stay far from overflow.
        weights[peer, default: [:]][reason] = min(max(weight, -1_000_000), 1_000_000)
        return true
    }

    /// Keeps the connections of a peer for one reason.
    ///
    /// - Returns: False when there is no room for more peers or reasons.
    mutating func protect(_ peer: PeerID, for reason: String) -> Bool {
        guard protections[peer] != nil || protections.count < Self.maximumPeers else { return false }
        let reasons = protections[peer] ?? []
        guard reasons.contains(reason) || reasons.count < Self.maximumReasons else { return false }
        protections[peer, default: []].insert(reason)
        return true
    }

    mutating func unprotect(_ peer: PeerID, for reason: String) {
        protections[peer]?.remove(reason)
        if protections[peer]?.isEmpty == true { protections[peer] = nil }
    }
}
