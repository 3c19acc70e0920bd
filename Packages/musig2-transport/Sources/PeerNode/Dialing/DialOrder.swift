import Multiformats

/// In which order the addresses of a peer are tried: kinds take turns, so that a network without IPv6, or one that lets only
/// WebSocket through, costs one step and not all (RFC 8305 for the families).
enum DialOrder {
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

    /// The same addresses, the kinds in turns: first the kind of the first address, and within a kind as they were.
    static func alternating<Candidate>(
        _ candidates: [Candidate],
        address: (Candidate) -> Multiaddr
    ) -> [Candidate] {
        var kinds: [Kind] = []
        var queues: [Kind: [Candidate]] = [:]
        for candidate in candidates {
            let kind = Kind(address(candidate))
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
