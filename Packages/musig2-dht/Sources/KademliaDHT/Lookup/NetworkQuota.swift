/// How many servers of each network group one path of a lookup asks at once, and may have answers from.
struct NetworkQuota: Sendable {
    private let limits: Kademlia.Limits
    /// How many are being asked: as they are said to be, which may be a lie.
    private var claimed: [NetworkGroup: Int] = [:]
    /// How many have answered.
    private var proven: [NetworkGroup: Int] = [:]

    init(_ limits: Kademlia.Limits) {
        self.limits = limits
    }

    /// Whether fewer servers of each of these groups have answered than may.
    func hasRoom(for groups: NetworkGroups) -> Bool {
        groups.allSatisfy { proven[$0, default: 0] < limits.asked(of: $0) }
    }

    /// Counts a server that is to be asked; returns whether it may be, beside those that are being asked.
    mutating func claim(_ groups: NetworkGroups) -> Bool {
        let hasRoom = groups.allSatisfy {
            claimed[$0, default: 0] + proven[$0, default: 0] < limits.asked(of: $0)
        }
        guard hasRoom else { return false }
        for group in groups.all { claimed[group, default: 0] += 1 }
        return true
    }

    /// Takes back what a request counted.
    mutating func release(_ groups: NetworkGroups) {
        for group in groups.all {
            let rest = claimed[group, default: 1] - 1
            claimed[group] = rest > 0 ? rest : nil
        }
    }

    /// Counts a server that answered.
    mutating func prove(_ groups: NetworkGroups) {
        for group in groups.all { proven[group, default: 0] += 1 }
    }
}
