/// Decides which inbound connections are let in: so many of one network (/24 of IPv4, /48 of IPv6), and so many new ones in a
/// second, of one network and in total.
///
/// The rates are token buckets: a burst may come at once, and then they fill up again at the rate. What one network asks for
/// above its own rate does not use up the total.
struct InboundLimiter {
    /// What became of a connection.
    enum Admission: Equatable {
        /// It counts as one of this network, if of any.
        case admitted(AddressRange?)
        /// It must be closed, for this reason.
        case refused(String)
    }

    private struct Bucket {
        var tokens: Double
        var updated: Duration

        mutating func refill(_ rate: TCPTransport.Rate, at now: Duration) {
            let seconds = (now - updated) / .seconds(1)
            tokens = min(Double(rate.burst), tokens + max(0, seconds) * Double(rate.perSecond))
            updated = max(updated, now)
        }
    }

    private struct Network {
        var connections = 0
        var bucket: Bucket
    }

    /// How many networks are remembered apart. Those without connections and with a full bucket are forgotten; with more,
    /// those that come new share one bucket.
    static let maximumNetworks = 8192

    private let limits: TCPTransport.Limits
    private var total: Bucket
    private var crowd: Bucket
    private var networks: [AddressRange: Network] = [:]
    private var nextSweep = Duration.zero

    init(limits: TCPTransport.Limits) {
        self.limits = limits
        total = Bucket(tokens: Double(limits.inboundRate.burst), updated: .zero)
        crowd = Bucket(tokens: Double(limits.networkRate.burst), updated: .zero)
    }

    /// Limits for single addresses, each of which may have half of what its network may: so that none uses up what its
    /// neighbors have. An address stands in the place of a network.
    static func ofHosts(_ limits: TCPTransport.Limits) -> InboundLimiter {
        var halves = limits
        halves.networkConnections = (limits.networkConnections + 1) / 2
        halves.networkRate = TCPTransport.Rate(
            perSecond: (limits.networkRate.perSecond + 1) / 2, burst: (limits.networkRate.burst + 1) / 2)
        // The total is counted elsewhere.
        halves.inboundRate = TCPTransport.Rate(perSecond: .max / 4, burst: .max / 4)
        return InboundLimiter(limits: halves)
    }

    /// How many networks are remembered.
    var networkCount: Int { networks.count }

    /// Lets a connection in, or says why not.
    ///
    /// - Parameters:
    ///   - network: where it comes from; nil for one that is exempt.
    ///   - now: since any fixed moment.
    /// - Returns: what became of it.
    mutating func admit(_ network: AddressRange?, at now: Duration) -> Admission {
        guard let network else { return .admitted(nil) }
        if networks[network] == nil { makeRoom(at: now) }
        let isKnown = networks[network] != nil || networks.count < Self.maximumNetworks
        var entry = networks[network] ?? Network(bucket: crowd)
        if isKnown, networks[network] == nil {
            entry.bucket = Bucket(tokens: Double(limits.networkRate.burst), updated: now)
        }
        entry.bucket.refill(limits.networkRate, at: now)
        total.refill(limits.inboundRate, at: now)
        let refusal: String?
        if entry.connections >= limits.networkConnections {
            refusal = "connections from \(network): expected at most \(limits.networkConnections)"
        } else if entry.bucket.tokens < 1 {
            refusal = "connections from \(network): expected at most \(limits.networkRate)"
        } else if total.tokens < 1 {
            refusal = "inbound connections: expected at most \(limits.inboundRate)"
        } else {
            refusal = nil
            entry.bucket.tokens -= 1
            total.tokens -= 1
            entry.connections += 1
        }
        if isKnown { networks[network] = entry } else { crowd = entry.bucket }
        return refusal.map(Admission.refused) ?? .admitted(isKnown ? network : nil)
    }

    /// A connection that was let in is gone; `network` is what ``Admission/admitted(_:)`` said.
    mutating func leave(_ network: AddressRange?) {
        guard let network, let connections = networks[network]?.connections, connections > 0 else { return }
        networks[network]?.connections -= 1
    }

    /// Forgets networks of which nothing has to be known any more, now and then.
    private mutating func makeRoom(at now: Duration) {
        guard networks.count >= Self.maximumNetworks, now >= nextSweep else { return }
        // Looking through all of them must not be the cost of each connection.
        nextSweep = now + .seconds(1)
        let rate = limits.networkRate
        networks = networks.filter { _, network in
            var bucket = network.bucket
            bucket.refill(rate, at: now)
            return network.connections > 0 || bucket.tokens < Double(rate.burst)
        }
    }
}
