public import Multiformats

/// An address of this node as others see it. A hint, which may be a lie, the more so the fewer peers say it.
public struct ObservedAddress: Sendable, Hashable {
    /// The address, without a `/p2p/` end.
    public var address: Multiaddr

    /// How many different connected peers have seen it lately.
    public var observers: Int
}

/// The addresses under which peers see this node, with the peers that saw them.
struct ObservedAddresses {
    /// The most addresses, and the most observers of each.
    struct Limits {
        var addresses = 32
        var observers = 64
        /// How long an observation counts.
        var lifetime: Duration = .seconds(1800)
    }

    private let limits: Limits
    /// When each peer last saw the address.
    private var observations: [Multiaddr: [PeerID: Duration]] = [:]

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Notes what a peer saw. Of a peer the newest observation counts alone; of too many addresses the one goes that the
    /// fewest have seen.
    mutating func note(_ address: Multiaddr, by peer: PeerID, at now: Duration) {
        forget(peer)
        prune(at: now)
        if observations[address] == nil, observations.count >= limits.addresses {
            let weakest = observations.min { left, right in
                (left.value.count, Self.last(left.value)) < (right.value.count, Self.last(right.value))
            }
            if let weakest { observations[weakest.key] = nil }
        }
        guard observations[address, default: [:]].count < limits.observers else { return }
        observations[address, default: [:]][peer] = now
    }

    mutating func forget(_ peer: PeerID) {
        for address in Array(observations.keys) {
            observations[address]?[peer] = nil
            if observations[address]?.isEmpty == true { observations[address] = nil }
        }
    }

    /// All that count, those seen by the most peers first.
    mutating func all(at now: Duration) -> [ObservedAddress] {
        prune(at: now)
        return observations.map { ObservedAddress(address: $0.key, observers: $0.value.count) }.sorted { left, right in
            left.observers == right.observers
                ? "\(left.address)" < "\(right.address)" : left.observers > right.observers
        }
    }

    private mutating func prune(at now: Duration) {
        for (address, observers) in observations {
            let kept = observers.filter { now - $0.value < limits.lifetime }
            if kept.count != observers.count { observations[address] = kept.isEmpty ? nil : kept }
        }
    }

    private static func last(_ observers: [PeerID: Duration]) -> Duration { observers.values.max() ?? .zero }
}
