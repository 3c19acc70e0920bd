/// How much work it may be to look at values, of each network and of all: checking costs far more than asking for it.
struct CheckAllowance: Sendable {
    private struct Bucket: Sendable {
        var spent: Double
        var since: Duration

        /// What is spent now, when a tenth of the allowance comes back in each second.
        func spent(at time: Duration, of allowance: Double) -> Double {
            max(0, spent - max(0, CheckAllowance.seconds(time - since)) * allowance / 10)
        }
    }

    private let perNetwork: Double
    private let all: Double
    private let maximumNetworks: Int
    private var networks: [NetworkGroup: Bucket] = [:]
    private var total = Bucket(spent: 0, since: .zero)

    init(_ limits: Kademlia.Limits) {
        perNetwork = Self.seconds(limits.checkWorkPerNetwork)
        all = Self.seconds(limits.checkWork)
        maximumNetworks = limits.checkedNetworks
    }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    /// Whether a network may cause so much work now; if so, it is counted. Without a network only the sum counts.
    mutating func take(_ work: Duration, of network: NetworkGroup?, at time: Duration) -> Bool {
        let work = Self.seconds(work)
        let sum = total.spent(at: time, of: all) + work
        guard sum <= all else { return false }
        if let network {
            let own = (networks[network]?.spent(at: time, of: perNetwork) ?? 0) + work
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
