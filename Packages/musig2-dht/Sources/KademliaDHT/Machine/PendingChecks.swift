import Multiformats
import WireCodec

/// A value that is being looked at.
struct PendingCheck: Sendable {
    /// A request that waits for it.
    struct Asker: Sendable {
        let id: Kademlia.InboundID
        let peer: PeerID
        let address: Multiaddr?
    }

    enum Purpose: Sendable {
        /// Others want it stored. The network is that of the first, which was charged.
        case requests([Asker], network: NetworkGroup?)
        /// Servers returned it to a lookup.
        case lookup(job: UInt64)
        /// The caller publishes it.
        case put(Kademlia.OperationID, lifetime: Duration)
    }

    let check: Kademlia.Check
    fileprivate(set) var purpose: Purpose
}

/// The values that are looked at beside the machine.
struct PendingChecks: Sendable {
    /// What becomes of a value that others want stored.
    enum Admission: Hashable, Sendable {
        /// It is to be looked at.
        case admitted
        /// It is being looked at already.
        case joined
        /// Too much is being looked at, or the network has used up its allowance.
        case refused
    }

    private let limits: Kademlia.Limits
    private var checks: [UInt64: PendingCheck] = [:]
    private var lastID: UInt64 = 0
    private var allowance: CheckAllowance

    init(_ limits: Kademlia.Limits) {
        self.limits = limits
        allowance = CheckAllowance(limits)
    }

    /// Begins to look at a value.
    mutating func add(
        _ value: [UInt8], at key: [UInt8], against rival: [UInt8]?, validUntil: UInt64? = nil,
        for purpose: PendingCheck.Purpose
    ) -> Kademlia.Check {
        lastID += 1
        let check = Kademlia.Check(
            id: Kademlia.CheckID(rawValue: lastID), key: key, value: value, rival: rival, validUntil: validUntil)
        checks[lastID] = PendingCheck(check: check, purpose: purpose)
        return check
    }

    mutating func remove(_ id: Kademlia.CheckID) -> PendingCheck? { checks.removeValue(forKey: id.rawValue) }

    /// Whether a value may be looked at that a peer wants stored: if the peer's network may cost that, and not too much is
    /// under way. One that is being looked at is looked at once for all.
    ///
    /// - Parameters:
    ///   - record: The value and its key.
    ///   - asker: The request.
    ///   - network: The network that is charged; nil for one that is free of limits.
    ///   - work: What it costs.
    ///   - time: The time.
    /// - Returns: What becomes of it.
    mutating func admit(
        _ record: KademliaMessage.Record, for asker: PendingCheck.Asker, of network: NetworkGroup?, work: Duration,
        at time: Duration
    ) -> Admission {
        var (all, ofNetwork) = (0, 0)
        for (id, pending) in checks {
            guard case .requests(var askers, let other) = pending.purpose else { continue }
            if pending.check.value == record.value, pending.check.key == record.key {
                guard askers.count < limits.askersPerCheck else { return .refused }
                askers.append(asker)
                checks[id]?.purpose = .requests(askers, network: other)
                return .joined
            }
            all += 1
            if network != nil, network == other { ofNetwork += 1 }
        }
        guard all < limits.checks, ofNetwork < limits.checksPerNetwork, allowance.take(work, of: network, at: time)
        else {
            return .refused
        }
        return .admitted
    }

    /// Gives up values of a key that are looked at for the caller; returns the operations.
    mutating func removePuts(at key: [UInt8]) -> [Kademlia.OperationID] {
        checks.keys.sorted().compactMap { id in
            guard let pending = checks[id], pending.check.key == key, case .put(let operation, _) = pending.purpose
            else { return nil }
            checks[id] = nil
            return operation
        }
    }

    /// Gives up what is looked at for an operation.
    mutating func removePut(_ operation: Kademlia.OperationID) {
        checks = checks.filter { _, pending in
            if case .put(operation, _) = pending.purpose { false } else { true }
        }
    }
}
