// What a lookup consists of.
extension Lookup {
    /// A peer as somebody named it.
    struct Referral {
        let key: KademliaKey
        let id: [UInt8]
        let addresses: [[UInt8]]
    }

    /// A peer that a path knows of.
    struct Candidate: Sendable {
        enum State: Hashable, Sendable {
            /// Named by others, not asked yet.
            case unasked
            /// Not asked yet, since enough of one of its network groups are being asked.
            case crowded
            /// Asked, no answer yet.
            case asked
            /// Asked, and slow: others are asked meanwhile, and nothing waits for it.
            case slow
            case answered
            /// It did not answer, or has no address that may be used.
            case failed
            /// Another path has asked it, and has had or awaits its answer.
            case onOtherPath
        }

        let distance: KademliaKey
        let id: [UInt8]
        var addresses: [[UInt8]]
        var state: State
        /// Who named it: an index of ``Lookup/referrers``; 0 is this node itself.
        var referrer: Int
        /// How often it was asked.
        var tries = 0
        /// The network groups of the addresses that it is being asked at.
        var claimed = NetworkGroups.none
        /// What a later naming says where it is, if that is something else; it is asked there if it is not where the first
        /// one said.
        var alternative: Alternative?
    }

    struct Alternative: Sendable {
        let addresses: [[UInt8]]
        let referrer: Int
    }

    /// What came of the peers that one server named. One that names peers who do not answer is believed less and less.
    struct Referrer: Sendable {
        let depth: Int
        var outstanding = 0
        var answered = 0
        var failed = 0
    }

    struct Path: Sendable {
        /// Closest first.
        var candidates: [Candidate] = []
        var inFlight = 0
        var slow = 0
        /// How many of each network group are being asked: as they are said to be, which may be a lie.
        var claimed: [NetworkGroup: Int] = [:]
        /// How many of each network group have answered.
        var proven: [NetworkGroup: Int] = [:]
    }

    /// Which candidate of which path, asked for the how-manieth time.
    struct CandidateID: Hashable, Sendable {
        let path: Int
        let distance: KademliaKey
        var attempt = 0
    }
}

extension Lookup.Path {
    /// Where a candidate at a distance is, or would be.
    func find(_ distance: KademliaKey) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = candidates.count
        while low < high {
            let middle = (low + high) / 2
            if candidates[middle].distance < distance { low = middle + 1 } else { high = middle }
        }
        return (low, low < candidates.count && candidates[low].distance == distance)
    }
}
