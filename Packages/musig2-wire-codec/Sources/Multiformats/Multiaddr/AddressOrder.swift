/// In which order several addresses of one peer are tried or told, of which not all may be: kinds take turns, so that one
/// kind that is numerous, or of no use to the peer that is told, leaves room for the others.
public enum AddressOrder {
    /// What addresses of one kind have in common.
    private struct Kind: Hashable {
        enum Family: Hashable {
            case ip4
            case ip6
            case name
            case other
        }

        var family: Family
        /// The components above the port, such as `ws`.
        var layers: [UInt64]
        /// How far away it can be reached from, where that counts.
        var reach = 0

        init(_ address: Multiaddr) {
            var components = (address.withoutPeerID ?? address).components[...]
            if case .ip6zone? = components.first { components = components.dropFirst() }
            family =
                switch components.first {
                case .ip4: .ip4
                case .ip6: .ip6
                case .dns, .dns4, .dns6, .dnsaddr: .name
                default: .other
                }
            layers = components.dropFirst(2).map(\.code)
        }
    }

    /// The same addresses, the kinds in turns (families as in RFC 8305, and what is spoken above the port): first the kind of the
    /// first address, and within a kind as they were.
    ///
    /// - Parameters:
    ///   - candidates: What has an address.
    ///   - address: Says which.
    /// - Returns: All of them.
    public static func alternating<Candidate>(
        _ candidates: [Candidate], address: (Candidate) -> Multiaddr
    ) -> [Candidate] {
        alternating(candidates) { Kind(address($0)) }
    }

    /// Those of some addresses of one peer that are told to others: one of each kind before a second of any, and of kinds those
    /// first that are worth most: what can be reached from everywhere, then from a local network, then from one machine.
    /// Unspecified addresses are left out, since they are no place, and what stands twice.
    ///
    /// - Parameters:
    ///   - addresses: All that there are, within a kind those first that are to be told first.
    ///   - limit: How many at most.
    /// - Returns: So many, the worthiest first.
    public static func worthiest(_ addresses: [Multiaddr], atMost limit: Int) -> [Multiaddr] {
        var seen: Set<Multiaddr> = []
        let places = addresses.filter { !$0.isUnspecified && seen.insert($0).inserted }
        let ranked = (0..<3).flatMap { reach in places.filter { Self.reach($0) == reach } }
        let ordered = alternating(ranked) { address in
            var kind = Kind(address)
            kind.reach = Self.reach(address)
            return kind
        }
        return Array(ordered.prefix(max(0, limit)))
    }

    private static func reach(_ address: Multiaddr) -> Int { address.isLoopback ? 2 : address.isPrivate ? 1 : 0 }

    private static func alternating<Candidate>(
        _ candidates: [Candidate], kind: (Candidate) -> Kind
    ) -> [Candidate] {
        var kinds: [Kind] = []
        var queues: [Kind: [Candidate]] = [:]
        for candidate in candidates {
            let kind = kind(candidate)
            if queues[kind] == nil { kinds.append(kind) }
            queues[kind, default: []].append(candidate)
        }
        var ordered: [Candidate] = []
        ordered.reserveCapacity(candidates.count)
        var round = 0
        while ordered.count < candidates.count {
            for kind in kinds {
                if let queue = queues[kind], round < queue.count { ordered.append(queue[round]) }
            }
            round += 1
        }
        return ordered
    }
}
