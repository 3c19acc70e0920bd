/// How many bytes of values may be looked at, of each network and of all: checking costs far more than asking for it.
internal struct CheckAllowance: Sendable {
    private struct Bucket: Sendable {
        var spent: Double
        var since: Duration

        /// What is spent now, when a tenth of the allowance comes back in each second.
        func spent(at time: Duration, of allowance: Double) -> Double {
            let (seconds, attoseconds) = (time - since).components
            let elapsed = Double(seconds) + Double(attoseconds) / 1e18
            return max(0, spent - max(0, elapsed) * allowance / 10)
        }
    }

    private let perNetwork: Double
    private let all: Double
    private let maximumNetworks: Int
    private var networks: [NetworkGroup: Bucket] = [:]
    private var total = Bucket(spent: 0, since: .zero)

    init(_ limits: Kademlia.Limits) {
        perNetwork = Double(limits.checkedBytesPerNetwork)
        all = Double(limits.checkedBytes)
        maximumNetworks = limits.checkedNetworks
    }

    /// Whether so many bytes of a network may be looked at now; if so, they are counted. Without a network only the sum
    /// counts.
    mutating func take(_ bytes: Int, of network: NetworkGroup?, at time: Duration) -> Bool {
        let sum = total.spent(at: time, of: all) + Double(bytes)
        guard sum <= all else { return false }
        if let network {
            let own = (networks[network]?.spent(at: time, of: perNetwork) ?? 0) + Double(bytes)
            guard own <= perNetwork else { return false }
            if networks[network] == nil, networks.count >= maximumNetworks {
                networks = networks.filter { $0.value.spent(at: time, of: perNetwork) > 0 }
                // So many at once can only be one party's: it waits for its own.
                guard networks.count < maximumNetworks else { return false }
            }
            networks[network] = Bucket(spent: own, since: time)
        }
        total = Bucket(spent: sum, since: time)
        return true
    }
}
