import Multiformats
import NIOCore
import PeerTransport
import Synchronization

/// Counts the connections of a transport and what they hold, and refuses what is above its limits.
final class ConnectionCount: Sendable {
    /// One connection's place in the count.
    final class Slot: Sendable {
        private enum State {
            case halfOpen
            case settled(PeerID)
            case released
        }

        private let count: ConnectionCount
        fileprivate let number: UInt64
        fileprivate let isInbound: Bool
        /// The network it comes from.
        fileprivate let origin: AddressRange?
        /// The network that it counts for: none if that is exempt.
        fileprivate let network: AddressRange?
        /// The address that it counts for.
        fileprivate let host: AddressRange?
        /// What the connections of its network hold together.
        fileprivate let networkHeld: Held?
        private let state = Mutex(State.halfOpen)
        private let close = Mutex<(due: Eviction?, body: (@Sendable (Eviction) -> Void)?)>((nil, nil))

        fileprivate init(
            _ count: ConnectionCount, _ number: UInt64, isInbound: Bool, from origin: AddressRange? = nil,
            network: AddressRange? = nil, host: AddressRange? = nil, networkHeld: Held? = nil
        ) {
            self.count = count
            self.number = number
            self.isInbound = isInbound
            self.origin = origin
            self.network = network
            self.host = host
            self.networkHeld = networkHeld
        }

        /// Says how the connection is closed when it has to make room for another one, on whatever thread.
        func onEviction(_ body: @escaping @Sendable (Eviction) -> Void) {
            let due = self.close.withLock { close in
                close.body = body
                return close.due
            }
            if let due { body(due) }
        }

        fileprivate func evict(_ eviction: Eviction) {
            let body = self.close.withLock { close in
                close.due = eviction
                return close.body
            }
            body?(eviction)
        }

        /// The peer, once that is known.
        fileprivate var peer: PeerID? {
            self.state.withLock { state in
                guard case .settled(let peer) = state else { return nil }
                return peer
            }
        }

        /// The handshake is done: the peer is known.
        ///
        /// - Returns: why the connection must be closed, if it must.
        func settle(peer: PeerID) -> TransportError? {
            let isFirst = self.state.withLock { state -> Bool in
                guard case .halfOpen = state else { return false }
                state = .released
                return true
            }
            guard isFirst else { return TransportError(.connectionClosed, "the connection is closed") }
            if let error = count.settle(peer, self) { return error }
            self.state.withLock { $0 = .settled(peer) }
            return nil
        }

        /// The connection is gone.
        func release() {
            let state = self.state.withLock { state -> State in
                defer { state = .released }
                return state
            }
            close.withLock { $0.body = nil }
            switch state {
            case .halfOpen: count.releaseHalfOpen(self)
            case .settled(let peer): count.release(peer, self)
            case .released: return
            }
        }

        /// Notes that the connection holds so many more bytes, or fewer: received and not read, or answers that wait.
        ///
        /// - Returns: how many bytes it may hold of either now.
        func hold(_ bytes: Int) -> Int { count.hold(bytes, networkHeld) }

        /// Whether there is memory enough for windows to grow.
        var hasRoom: Bool {
            let limits = count.limits
            return count.heldBytes <= limits.receiveBuffer / 4
                && (networkHeld?.bytes ?? 0) <= limits.networkReceiveBuffer / 4
        }
    }

    /// Why a connection has to go.
    enum Eviction {
        /// Unfinished ones are too many. One that has been finished meanwhile stays.
        case unfinished
        /// Its address has most of a network that is full.
        case crowded
    }

    /// What the connections of one network hold together.
    fileprivate final class Held: Sendable {
        private let counter = Atomic(0)
        var bytes: Int { counter.load(ordering: .relaxed) }
        func add(_ bytes: Int) -> Int { counter.wrappingAdd(bytes, ordering: .relaxed).newValue }
    }

    private struct Network {
        let held = Held()
        /// All that are open, those that were told to go included.
        var open = 0
        /// Those that count, by age.
        var slots: [UInt64: Slot] = [:]
    }

    private struct State {
        var total = 0
        var inbound = 0
        /// Inbound connections in the middle of their handshake, by age.
        var halfOpen: [UInt64: Slot] = [:]
        var nextNumber: UInt64 = 0
        var perPeer: [PeerID: Int] = [:]
        var limiter: InboundLimiter
        var hosts: InboundLimiter
        /// The networks of connections that are not exempt.
        var networks: [AddressRange: Network] = [:]
    }

    private let limits: TCPTransport.Limits
    private let state: Mutex<State>
    private let held = Atomic(0)
    private let isKept = Mutex<@Sendable (PeerID) -> Bool>({ _ in false })
    private let share: Int

    init(limits: TCPTransport.Limits) {
        self.limits = limits
        state = Mutex(State(limiter: InboundLimiter(limits: limits), hosts: .ofHosts(limits)))
        share = max(1, limits.receiveBuffer / 4 / max(1, limits.connections))
    }

    /// Takes a place for a new connection. Of too many inbound ones in the middle of their handshake one has to go: the oldest of
    /// the network that has most of them. Those that mean it are done within milliseconds, those that only want to fill the places
    /// are not, and come in numbers.
    ///
    /// - Parameters:
    ///   - isInbound: whether the other side dialled.
    ///   - address: where an inbound one comes from, for the limits of networks.
    ///   - now: since any fixed moment; only tests give one.
    /// - Returns: the place, held until it is released.
    /// - Throws: `limitExceeded`, which says which limit.
    func open(
        isInbound: Bool, from address: Multiaddr? = nil,
        at now: Duration = .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    ) throws(TransportError) -> Slot {
        let limits = self.limits
        let single = address.flatMap(AddressRange.init(addressOf:))
        let isExempt = single.map { single in limits.exemptRanges.contains { $0.contains(single) } } ?? true
        if isInbound, !isExempt, let single { makeRoom(for: single) }
        let (slot, evicted) = try self.state.withLock { (state) throws(TransportError) -> (Slot, Slot?) in
            guard state.total < limits.connections else {
                throw TransportError(.limitExceeded, "connections: expected at most \(limits.connections)")
            }
            guard !isInbound || state.inbound < limits.inboundConnections else {
                throw TransportError(
                    .limitExceeded, "inbound connections: expected at most \(limits.inboundConnections)")
            }
            state.nextNumber &+= 1
            guard isInbound else {
                state.total += 1
                return (Slot(self, state.nextNumber, isInbound: false), nil)
            }
            let slot: Slot
            let counted = isExempt ? nil : single
            // First, so that one address that comes too often does not use up what its network may do.
            let host: AddressRange?
            switch state.hosts.admit(counted?.host, at: now) {
            case .refused(let reason): throw TransportError(.limitExceeded, reason)
            case .admitted(let admitted): host = admitted
            }
            switch state.limiter.admit(counted?.network, at: now) {
            case .refused(let reason):
                state.hosts.leave(host)
                throw TransportError(.limitExceeded, reason)
            case .admitted(let network):
                if let range = counted?.network { state.networks[range, default: Network()].open += 1 }
                slot = Slot(
                    self, state.nextNumber, isInbound: true, from: single?.network, network: network, host: host,
                    networkHeld: counted.flatMap { state.networks[$0.network]?.held })
                if let range = counted?.network { state.networks[range]?.slots[slot.number] = slot }
            }
            state.total += 1
            state.inbound += 1
            var evicted: Slot?
            if state.halfOpen.count >= limits.halfOpenConnections, let number = Self.expendable(state.halfOpen) {
                evicted = state.halfOpen.removeValue(forKey: number)
            }
            state.halfOpen[slot.number] = slot
            return (slot, evicted)
        }
        evicted?.evict(.unfinished)
        return slot
    }

    /// Names the peers with connections that never make room for others.
    func keep(_ isKept: @escaping @Sendable (PeerID) -> Bool) { self.isKept.withLock { $0 = isKept } }

    /// In a network that has all it may, the address that has most gives one up for an address that has less: an unfinished one
    /// first, then the oldest, and none of a peer that is kept.
    private func makeRoom(for newcomer: AddressRange) {
        let candidates = self.state.withLock { state -> [Slot] in
            guard let network = state.networks[newcomer.network],
                network.slots.count >= limits.networkConnections
            else { return [] }
            let hosts = Dictionary(grouping: network.slots.values, by: \.host)
            let own = hosts[newcomer.host]?.count ?? 0
            let most = hosts.values.max { left, right in
                left.count != right.count
                    ? left.count < right.count : Self.oldest(left) > Self.oldest(right)
            }
            guard let most, most.count > own + 1 else { return [] }
            return most.sorted { left, right in
                let (isLeftOpen, isRightOpen) = (
                    state.halfOpen[left.number] != nil, state.halfOpen[right.number] != nil
                )
                return isLeftOpen == isRightOpen ? left.number < right.number : isLeftOpen
            }
        }
        // The caller that says what is kept may have locks of its own.
        let isKept = self.isKept.withLock { $0 }
        guard let victim = candidates.first(where: { slot in slot.peer.map { !isKept($0) } ?? true }) else { return }
        // It counts no more, although it takes a moment until it is gone.
        if self.state.withLock({ state in Self.leaveNetwork(victim, &state) }) { victim.evict(.crowded) }
    }

    private static func oldest(_ slots: [Slot]) -> UInt64 { slots.map(\.number).min() ?? .max }

    /// The oldest unfinished handshake of the network that has most of them.
    private static func expendable(_ halfOpen: [UInt64: Slot]) -> UInt64? {
        let networks = Dictionary(grouping: halfOpen.values, by: \.origin)
        let oldest = networks.values.map { (count: $0.count, number: $0.map(\.number).min() ?? .max) }
        return oldest.max { ($0.count, $1.number) < ($1.count, $0.number) }?.number
    }

    /// How many connections there are, half-open ones included.
    var total: Int { state.withLock { $0.total } }

    /// Unread bytes of all connections together.
    var heldBytes: Int { held.load(ordering: .relaxed) }

    /// Half of what there is is for all, and half for the shares of those that come late. So the total is never more, and when the
    /// first half is taken, those that hold more than their share give way, and nobody else.
    private func hold(_ bytes: Int, _ network: Held?) -> Int {
        let total = held.wrappingAdd(bytes, ordering: .relaxed).newValue
        let ofNetwork = network?.add(bytes) ?? 0
        let isFull = total > limits.receiveBuffer / 2 || ofNetwork > limits.networkReceiveBuffer / 2
        return isFull ? share : limits.connectionReceiveBuffer
    }

    private func settle(_ peer: PeerID, _ slot: Slot) -> TransportError? {
        let limit = limits.connectionsPerPeer
        return self.state.withLock { state in
            state.halfOpen[slot.number] = nil
            let present = state.perPeer[peer, default: 0]
            guard present < limit else {
                Self.leave(slot, &state)
                return TransportError(.limitExceeded, "connections with \(peer): expected at most \(limit)")
            }
            state.perPeer[peer] = present + 1
            return nil
        }
    }

    private func releaseHalfOpen(_ slot: Slot) {
        self.state.withLock { state in
            state.halfOpen[slot.number] = nil
            Self.leave(slot, &state)
        }
    }

    private func release(_ peer: PeerID, _ slot: Slot) {
        self.state.withLock { state in
            Self.leave(slot, &state)
            let left = state.perPeer[peer, default: 1] - 1
            state.perPeer[peer] = left > 0 ? left : nil
        }
    }

    private static func leave(_ slot: Slot, _ state: inout State) {
        state.total -= 1
        guard slot.isInbound else { return }
        state.inbound -= 1
        guard slot.networkHeld != nil, let network = slot.origin else { return }
        _ = leaveNetwork(slot, &state)
        state.networks[network]?.open -= 1
        if state.networks[network]?.open == 0 { state.networks[network] = nil }
    }

    /// - Returns: whether it had counted.
    private static func leaveNetwork(_ slot: Slot, _ state: inout State) -> Bool {
        guard let network = slot.origin, state.networks[network]?.slots.removeValue(forKey: slot.number) != nil else {
            return false
        }
        state.limiter.leave(slot.network)
        state.hosts.leave(slot.host)
        return true
    }
}
