import Multiformats

/// How long an address at which a peer was not reached is left alone.
package struct DialBackoffLimits: Sendable, Hashable {
    /// How long after the first failure.
    package var initial: Duration = .seconds(2)

    /// How long at most; it doubles with every failure up to this.
    package var maximum: Duration = .seconds(300)

    /// How long after the last failure all is forgotten.
    package var memory: Duration = .seconds(1800)

    /// The most addresses that are remembered; above it the one goes that may be tried again first.
    package var addresses = 2048

    /// Makes limits with the defaults.
    package init() {}
}

/// Which addresses failed lately, and until when they are left alone. Whether anybody keeps to it is for the dialler to
/// decide.
struct DialBackoff {
    private struct Key: Hashable {
        var peer: PeerID
        var address: Multiaddr
    }

    private struct Failure {
        var count: Int
        var last: Duration
        var until: Duration
    }

    private let limits: DialBackoffLimits
    private var failures: [Key: Failure] = [:]

    init(limits: DialBackoffLimits = DialBackoffLimits()) {
        self.limits = limits
    }

    var count: Int { failures.count }

    /// Until when an address is left alone; nil when it may be tried now.
    func deadline(for peer: PeerID, _ address: Multiaddr, at now: Duration) -> Duration? {
        guard let until = failures[Key(peer: peer, address: address)]?.until, until > now else { return nil }
        return until
    }

    /// The peer was not reached at an address.
    mutating func noteFailure(_ peer: PeerID, _ address: Multiaddr, at now: Duration) {
        let key = Key(peer: peer, address: address)
        var count = 1
        if let earlier = failures[key], now - earlier.last < limits.memory { count = min(earlier.count + 1, 30) }
        var delay = limits.initial
        for _ in 1..<count where delay < limits.maximum { delay = min(delay * 2, limits.maximum) }
        if failures[key] == nil, failures.count >= max(1, limits.addresses) { makeRoom(at: now) }
        failures[key] = Failure(count: count, last: now, until: now + delay)
    }

    /// The peer was reached at an address.
    mutating func noteSuccess(_ peer: PeerID, _ address: Multiaddr) {
        failures[Key(peer: peer, address: address)] = nil
    }

    private mutating func makeRoom(at now: Duration) {
        failures = failures.filter { now - $0.value.last < limits.memory }
        // A quarter at once, so that a flood of addresses does not cost a search each.
        guard failures.count >= max(1, limits.addresses) else { return }
        let surplus = failures.sorted { $0.value.until < $1.value.until }.prefix(max(1, limits.addresses / 4))
        for (key, _) in surplus { failures[key] = nil }
    }
}
