public import Multiformats
import Synchronization

/// The events of a ``PeerNetwork`` between the threads that produce them and the one task that consumes them.
///
/// For those that make a network of their own: push from any thread, and let ``PeerNetwork/nextEvents()`` return
/// ``next()``.
///
/// It is bounded and fair: each peer has a lane of its own with a limit, all lanes have one together (its last quarter
/// kept for peers of which nothing waits), and a batch takes one event from each lane in turn, so that a peer that
/// floods delays nobody else. Events of one peer stay in order. What says that a peer came or went is never dropped: a
/// `connected` directly followed by `disconnected` becomes `disconnected`, and the newest of several failures or
/// address lists stands.
public final class PeerEventQueue: Sendable {
    /// How much may wait in the queue.
    public struct Limits: Sendable, Hashable {
        /// The most frames that may wait from one peer.
        public var framesPerPeer: Int

        /// The most bytes of frames that may wait from one peer. A single frame above it is still taken when nothing
        /// else waits from that peer and ``bytesInTotal`` allows it.
        public var bytesPerPeer: Int

        /// The most bytes of frames that may wait from all peers together.
        public var bytesInTotal: Int

        /// The most events that one ``PeerEventQueue/next()`` returns.
        public var eventsPerBatch: Int

        /// Makes limits; values below 1 count as 1.
        ///
        /// - Parameters:
        ///   - framesPerPeer: The most frames that may wait from one peer.
        ///   - bytesPerPeer: The most bytes of frames that may wait from one peer.
        ///   - bytesInTotal: The most bytes of frames that may wait from all peers.
        ///   - eventsPerBatch: The most events in one batch.
        public init(
            framesPerPeer: Int = 1024,
            bytesPerPeer: Int = 4 << 20,
            bytesInTotal: Int = 64 << 20,
            eventsPerBatch: Int = 256
        ) {
            self.framesPerPeer = max(1, framesPerPeer)
            self.bytesPerPeer = max(1, bytesPerPeer)
            self.bytesInTotal = max(1, bytesInTotal)
            self.eventsPerBatch = max(1, eventsPerBatch)
        }
    }

    private struct Lane {
        var events = Fifo<PeerNetworkEvent>()
        var frames = 0
        var bytes = 0
    }

    private struct State {
        var lanes: [PeerID: Lane] = [:]
        /// The peers with something to take, next first.
        var turns = Fifo<PeerID>()
        var bytes = 0
        var addresses: [Multiaddr]?
        var roomWaiters: [OneShot<Bool>] = []
        var isClosed = false
    }

    private let limits: Limits
    private let state = Mutex(State())
    private let arrival = Event()

    /// Makes an empty queue.
    ///
    /// - Parameter limits: How much may wait.
    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Adds an event and wakes the consumer.
    ///
    /// - Parameter event: What happened.
    /// - Returns: False when the event was dropped: a frame above the limits, or anything after ``close()``.
    @discardableResult
    public func push(_ event: PeerNetworkEvent) -> Bool {
        let taken = state.withLock { state in
            guard !state.isClosed else { return false }
            switch event {
            case .frame(let bytes, let peer):
                guard hasRoom(for: peer, bytes: bytes.count, in: state) else { return false }
                state.bytes += bytes.count
                Self.append(event, from: peer, bytes: bytes.count, to: &state)
            case .connected(let peer), .disconnected(let peer), .connectFailed(let peer, _):
                Self.append(event, from: peer, bytes: nil, to: &state)
            case .addressesChanged(let addresses):
                state.addresses = addresses
            }
            return true
        }
        if taken { arrival.notify() }
        return taken
    }

    /// Waits until a frame of this peer would be taken. A network that reads from a stream waits here before it reads
    /// on, which slows the sender down instead of losing its frames.
    ///
    /// - Parameters:
    ///   - peer: The peer of the lane.
    ///   - bytes: The size of the frame to come.
    /// - Returns: True when there is room now; false after ``close()``, when the task is cancelled, or when the frame
    ///   is larger than all the room there could ever be.
    public func waitForRoom(for peer: PeerID, bytes: Int) async -> Bool {
        while true {
            let latch = OneShot<Bool>()
            let answer = state.withLock { state -> Bool? in
                if state.isClosed || bytes > limits.bytesInTotal { return false }
                if hasRoom(for: peer, bytes: bytes, in: state) { return true }
                state.roomWaiters.append(latch)
                return nil
            }
            if let answer { return answer }
            guard await latch.wait() == true else { return false }
        }
    }

    /// Waits for events and takes a batch of them. One task calls it; a second one gets nothing while the first one
    /// waits.
    ///
    /// - Returns: Between one event and ``Limits/eventsPerBatch``; empty after ``close()`` once all is taken, or when
    ///   the calling task is cancelled.
    public func next() async -> [PeerNetworkEvent] {
        while true {
            let (batch, isClosed, waiters) = state.withLock { state in
                let (batch, waiters) = takeBatch(from: &state)
                return (batch, state.isClosed, waiters)
            }
            for waiter in waiters { waiter.set(true) }
            if !batch.isEmpty || isClosed { return batch }
            guard await arrival.wait() == .notified else { return [] }
        }
    }

    /// Takes nothing more. What waits can still be taken; then ``next()`` returns empty.
    public func close() {
        end(discarding: false)
    }

    /// Takes and gives nothing more, as when a process dies.
    func closeAndDiscard() {
        end(discarding: true)
    }

    private func end(discarding: Bool) {
        let waiters = state.withLock { state in
            state.isClosed = true
            if discarding {
                state.lanes = [:]
                state.turns.removeAll()
                state.addresses = nil
                state.bytes = 0
            }
            let waiters = state.roomWaiters
            state.roomWaiters = []
            return waiters
        }
        for waiter in waiters { waiter.set(false) }
        arrival.notify()
    }

    private func hasRoom(for peer: PeerID, bytes: Int, in state: State) -> Bool {
        let left = limits.bytesInTotal - state.bytes
        guard let lane = state.lanes[peer], lane.frames > 0 else { return bytes <= left }
        // The last quarter is kept for peers of which nothing waits: those that flood cannot shut the others out.
        return bytes <= left - limits.bytesInTotal / 4
            && lane.frames < limits.framesPerPeer && bytes <= limits.bytesPerPeer - lane.bytes
    }

    private static func append(_ event: PeerNetworkEvent, from peer: PeerID, bytes: Int?, to state: inout State) {
        var lane = state.lanes.removeValue(forKey: peer) ?? Lane()
        let wasEmpty = lane.events.isEmpty
        if let bytes {
            lane.frames += 1
            lane.bytes += bytes
            lane.events.append(event)
        } else {
            if case (.connected, .disconnected) = (lane.events.last, event) { lane.events.last = nil }
            switch (lane.events.last, event) {
            case (.disconnected, .disconnected), (.connected, .connected): break
            case (.connectFailed, .connectFailed): lane.events.last = event
            default: lane.events.append(event)
            }
        }
        state.lanes[peer] = lane
        if wasEmpty { state.turns.append(peer) }
    }

    private func takeBatch(from state: inout State) -> (batch: [PeerNetworkEvent], woken: [OneShot<Bool>]) {
        var batch: [PeerNetworkEvent] = []
        var woken: [OneShot<Bool>] = []
        if let addresses = state.addresses {
            state.addresses = nil
            batch.append(.addressesChanged(addresses))
        }
        while batch.count < limits.eventsPerBatch, let peer = state.turns.popFirst() {
            guard var lane = state.lanes.removeValue(forKey: peer), let event = lane.events.popFirst() else { continue }
            batch.append(event)
            if case .frame(let bytes, _) = event {
                lane.frames -= 1
                lane.bytes -= bytes.count
                state.bytes -= bytes.count
                // Waiters look again: the room may be theirs through the limit that all share.
                woken += state.roomWaiters
                state.roomWaiters = []
            }
            if !lane.events.isEmpty {
                state.lanes[peer] = lane
                state.turns.append(peer)
            }
        }
        return (batch, woken)
    }
}
