public import Multiformats
import Synchronization

/// A network of ``PeerNetwork`` endpoints inside one process, with a virtual clock and a seeded plan of faults.
///
/// With ``FaultPlan/none`` a frame is in the receiver's queue when `send` returns. With delays it is there once the
/// test has moved ``clock`` far enough. The network decides from the seed what befalls each frame of a link; in which
/// order the tasks of different endpoints run is the scheduler's business.
public final class InMemoryNetwork: Sendable {
    /// What the network did so far.
    public struct Counts: Sendable, Hashable {
        /// Frames that were given to `send`.
        public var sent = 0
        /// Frames that reached a queue, copies included.
        public var delivered = 0
        /// Frames that the plan lost.
        public var lost = 0
        /// Frames that the plan sent twice.
        public var duplicated = 0
        /// Frames that found no connection, or a full queue.
        public var dropped = 0
    }

    /// An ordered pair: sender and receiver, or the side that looks and the side that it looks at.
    private struct Link: Hashable {
        var from: PeerID
        var to: PeerID
        var reversed: Link { Link(from: to, to: from) }
    }

    private struct Course {
        var generator: SeededGenerator
        /// Nothing in order arrives before this.
        var lastArrival: Duration = .zero
    }

    private struct State {
        var plan: FaultPlan
        var endpoints: [PeerID: InMemoryEndpoint] = [:]
        var made: UInt64 = 0
        /// The connection that each side believes in; while a close is on the way only one side does.
        var views: [Link: UInt64] = [:]
        var nextConnection: UInt64 = 0
        var connecting: Set<Link> = []
        var courses: [Link: Course] = [:]
        /// The group of each peer while partitioned.
        var groups: [PeerID: Int]?
        var counts = Counts()
    }

    /// The clock by which frames travel.
    public let clock: VirtualClock

    private let seed: UInt64
    private let queueLimits: PeerEventQueue.Limits
    private let state: Mutex<State>

    /// Makes a network without endpoints.
    ///
    /// - Parameters:
    ///   - seed: What all chances follow from.
    ///   - plan: What goes wrong.
    ///   - clock: The clock by which frames travel.
    ///   - queueLimits: How much may wait at each endpoint.
    public init(
        seed: UInt64 = 0,
        plan: FaultPlan = .none,
        clock: VirtualClock = VirtualClock(),
        queueLimits: PeerEventQueue.Limits = PeerEventQueue.Limits()
    ) {
        self.seed = seed
        self.clock = clock
        self.queueLimits = queueLimits
        state = Mutex(State(plan: plan))
        for scheduled in plan.schedule {
            clock.schedule(after: scheduled.at - clock.uptime) { [weak self] in self?.apply(scheduled.fault) }
        }
    }

    /// What the network did so far.
    public var counts: Counts { state.withLock { $0.counts } }

    /// The endpoint of a peer. A new one is made the first time, and after a crash or a shutdown: the peer's next life.
    ///
    /// - Parameter peer: The peer of the endpoint.
    /// - Returns: The endpoint.
    public func endpoint(for peer: PeerID) -> InMemoryEndpoint {
        state.withLock { state in
            if let endpoint = state.endpoints[peer] { return endpoint }
            state.made &+= 1
            let endpoint = InMemoryEndpoint(
                peer: peer,
                address: InMemoryHub.address(state.made, of: peer),
                queue: PeerEventQueue(limits: queueLimits),
                network: self
            )
            state.endpoints[peer] = endpoint
            return endpoint
        }
    }

    /// Changes the chances for frames sent from now on; the times of the former plan's ``FaultPlan/schedule`` stay, the
    /// new plan's are not read.
    ///
    /// - Parameter plan: The new chances.
    public func setChances(_ plan: FaultPlan) {
        state.withLock { $0.plan = plan }
    }

    /// Lets something go wrong now.
    ///
    /// - Parameter fault: What.
    public func apply(_ fault: FaultPlan.Fault) {
        state.withLock { state in
            switch fault {
            case .partition(let groups):
                var groupOf: [PeerID: Int] = [:]
                for (index, peers) in groups.enumerated() {
                    for peer in peers { groupOf[peer] = index }
                }
                state.groups = groupOf
                for link in Array(state.views.keys) where !Self.canReach(link, in: state) {
                    Self.cut(link, in: &state)
                }
            case .heal:
                state.groups = nil
            case .crash(let peer):
                state.endpoints.removeValue(forKey: peer)?.queue.closeAndDiscard()
                Self.cutAll(of: peer, in: &state)
            case .cut(let one, let other):
                Self.cut(Link(from: one, to: other), in: &state)
                Self.cut(Link(from: other, to: one), in: &state)
            }
        }
    }

    // MARK: What endpoints ask for

    func connect(_ endpoint: InMemoryEndpoint, to peer: PeerID) {
        state.withLock { state in
            let link = Link(from: endpoint.localPeer, to: peer)
            guard state.endpoints[link.from] === endpoint, state.views[link] == nil,
                state.connecting.insert(link).inserted
            else { return }
            travel(link, isOrdered: false, in: &state) { [weak self, weak endpoint] state in
                guard let self, let endpoint else { return }
                self.finishConnecting(link, for: endpoint, in: &state)
            }
        }
    }

    private func finishConnecting(_ link: Link, for endpoint: InMemoryEndpoint, in state: inout State) {
        state.connecting.remove(link)
        guard state.endpoints[link.from] === endpoint, state.views[link] == nil else { return }
        guard link.from != link.to, let other = state.endpoints[link.to], Self.canReach(link, in: state) else {
            let reason =
                link.from == link.to
                ? "peer \(link.to) is this side itself" : "nobody answers as \(link.to) on this in-memory network"
            endpoint.queue.push(.connectFailed(link.to, reason: reason))
            return
        }
        // The other side may still believe in a connection that is being closed.
        if state.views[link.reversed] != nil { other.queue.push(.disconnected(link.from)) }
        state.nextConnection &+= 1
        state.views[link] = state.nextConnection
        state.views[link.reversed] = state.nextConnection
        endpoint.queue.push(.connected(link.to))
        other.queue.push(.connected(link.from))
    }

    func send(_ frame: [UInt8], from endpoint: InMemoryEndpoint, to peer: PeerID) {
        state.withLock { state in
            let link = Link(from: endpoint.localPeer, to: peer)
            state.counts.sent += 1
            guard state.endpoints[link.from] === endpoint, let connection = state.views[link] else {
                state.counts.dropped += 1
                return
            }
            // All chances are drawn for each frame, so that changing one share leaves the others' outcomes alone.
            var course = state.courses[link] ?? newCourse(link)
            let isLost = course.generator.chance(state.plan.loss)
            let isLate = course.generator.chance(state.plan.reordering)
            let isTwice = course.generator.chance(state.plan.duplication)
            state.courses[link] = course
            if isLost {
                state.counts.lost += 1
                return
            }
            let deliver = { @Sendable (state: inout State) in
                guard state.views[link.reversed] == connection, let receiver = state.endpoints[link.to],
                    receiver.queue.push(.frame(frame, from: link.from))
                else {
                    state.counts.dropped += 1
                    return
                }
                state.counts.delivered += 1
            }
            travel(link, isOrdered: !isLate, in: &state, then: deliver)
            if isTwice {
                state.counts.duplicated += 1
                travel(link, isOrdered: false, in: &state, then: deliver)
            }
        }
    }

    func disconnect(_ endpoint: InMemoryEndpoint, from peer: PeerID) {
        state.withLock { state in
            let link = Link(from: endpoint.localPeer, to: peer)
            guard state.endpoints[link.from] === endpoint, let connection = state.views.removeValue(forKey: link) else {
                return
            }
            endpoint.queue.push(.disconnected(peer))
            travel(link, isOrdered: true, in: &state) { state in
                guard state.views[link.reversed] == connection else { return }
                state.views[link.reversed] = nil
                state.endpoints[link.to]?.queue.push(.disconnected(link.from))
            }
        }
    }

    func shutdown(_ endpoint: InMemoryEndpoint) {
        state.withLock { state in
            guard state.endpoints[endpoint.localPeer] === endpoint else { return }
            state.endpoints[endpoint.localPeer] = nil
            Self.cutAll(of: endpoint.localPeer, in: &state)
        }
        endpoint.queue.close()
    }

    // MARK: The way between two peers

    /// Does something when it has arrived: at once if the plan has no delay, else when the clock has been moved.
    private func travel(
        _ link: Link,
        isOrdered: Bool,
        in state: inout State,
        then arrive: @escaping @Sendable (inout State) -> Void
    ) {
        var course = state.courses[link] ?? newCourse(link)
        let now = clock.uptime
        var arrival = now + course.generator.duration(in: state.plan.delay)
        if isOrdered {
            arrival = max(arrival, course.lastArrival)
            course.lastArrival = arrival
        } else if state.plan.reordering > 0 || state.plan.duplication > 0 {
            arrival += course.generator.duration(in: state.plan.reorderDelay)
        }
        state.courses[link] = course
        guard arrival > now else {
            arrive(&state)
            return
        }
        clock.schedule(after: arrival - now) { [weak self] in
            self?.state.withLock { state in arrive(&state) }
        }
    }

    private func newCourse(_ link: Link) -> Course {
        let name = link.from.bytes + [0] + link.to.bytes
        return Course(generator: SeededGenerator(seed: SeededGenerator.seed(seed, for: name)))
    }

    private static func canReach(_ link: Link, in state: State) -> Bool {
        guard let groups = state.groups else { return true }
        return groups[link.from] == groups[link.to]
    }

    private static func cutAll(of peer: PeerID, in state: inout State) {
        for link in Array(state.views.keys) where link.from == peer || link.to == peer {
            cut(link, in: &state)
        }
        state.connecting = state.connecting.filter { $0.from != peer }
    }

    private static func cut(_ link: Link, in state: inout State) {
        guard state.views.removeValue(forKey: link) != nil else { return }
        state.endpoints[link.from]?.queue.push(.disconnected(link.to))
    }
}
