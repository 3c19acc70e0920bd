import Multiformats
import PeerTransport
import Synchronization
import WireCodec

/// What a ``NodePeerNetwork`` has with one peer, from the first wish or stream to the end of the connection.
///
/// One task per link opens the outgoing stream and writes what could not be written at once; each incoming stream is
/// read by the task that the node serves it with. A frame that finds the outgoing stream idle goes to it right in
/// ``send(_:)``, without waking a task.
final class FrameLink: Sendable {
    let peer: PeerID

    enum Phase {
        /// Nobody has asked for the peer yet.
        case idle
        /// Asked for, and not yet told of as connected.
        case connecting
        /// Told of as connected.
        case up
        /// Told of as connected, and to be left when everything is written.
        case closing
        case ended
    }

    /// An outgoing stream.
    struct Outbound {
        let id: UInt64
        let stream: any ByteStream
        /// The peer has closed its half, which it does when it has read everything.
        let isRead: Latch<Void>
    }

    /// An incoming stream.
    struct Inbound {
        let id: UInt64
        let stream: any ByteStream
        let isOver: Latch<Void>
    }

    struct State {
        var phase = Phase.idle
        var addresses: [Multiaddr] = []
        /// Asked for again while closing.
        var wish: [Multiaddr]?
        var outbound: Outbound?
        /// The stream runs on a connection that was replaced: another one is to be opened.
        var isMoving = false
        /// The link's task is writing a batch, so that nothing may overtake it.
        var isWriting = false
        var reopenings = 0
        var queue = Fifo<[UInt8]>()
        var queuedBytes = 0
        var inbound: Inbound?
        /// Frames of incoming streams before this one are not passed on any more.
        var firstHeard: UInt64 = 0
        var nextStreamID: UInt64 = 0
        var hasTask = false
        /// Whether this side asked for the peer.
        var isWanted = false
        /// Whether a whole frame came, or it is being waited for.
        var isHeard = false
        var isWatched = false
    }

    let network: NodePeerNetwork
    let state = Mutex(State())
    let work = Signal()
    private let end = Latch<Void>()

    init(to peer: PeerID, of network: NodePeerNetwork) {
        self.peer = peer
        self.network = network
    }

    // MARK: Wishes

    /// - Returns: False when the link has ended and another one is needed.
    func connect(_ addresses: [Multiaddr]) -> Bool {
        let (isUsable, starts) = state.withLock { state -> (Bool, Bool) in
            state.isWanted = true
            switch state.phase {
            case .idle:
                state.phase = .connecting
                state.addresses = addresses
                return (true, Self.takeTask(&state))
            case .connecting, .up: return (true, false)
            case .closing:
                state.wish = addresses
                return (true, false)
            case .ended: return (false, false)
            }
        }
        if starts { Task { await run() } }
        return isUsable
    }

    func send(_ frame: [UInt8]) {
        let configuration = network.configuration
        enum Outcome {
            case written
            case queued
            case dropped
        }
        let outcome = state.withLock { state -> Outcome in
            guard state.phase == .up else { return .dropped }
            if let outbound = state.outbound, !state.isMoving, !state.isWriting, state.queue.isEmpty {
                do throws(TransportError) {
                    if try outbound.stream.writeImmediately(FrameEncoder.encode(frame)) { return .written }
                } catch {
                    // The stream broke; the frame waits for the next one.
                    Self.forget(outbound, in: &state)
                }
            }
            guard state.queue.count < configuration.maximumQueuedFrames,
                frame.count <= configuration.maximumQueuedBytes - state.queuedBytes
            else { return .dropped }
            state.queue.append(frame)
            state.queuedBytes += frame.count
            return .queued
        }
        switch outcome {
        case .written: network.metrics.frameSent()
        case .dropped: network.metrics.frameDropped()
        case .queued:
            network.metrics.frameSent()
            work.notify()
        }
    }

    func disconnect() {
        let (endsNow, begins) = state.withLock { state -> (Bool, Bool) in
            switch state.phase {
            case .idle, .connecting: return (true, false)
            case .up:
                state.phase = .closing
                return (false, true)
            case .closing:
                state.wish = nil
                return (false, false)
            case .ended: return (false, false)
            }
        }
        if endsNow { finish(reason: "it was given up before the connection was there") }
        if begins { Task { await leaveInTime() } }
        work.notify()
    }

    /// A peer that reads nothing must not keep this side from leaving.
    private func leaveInTime() async {
        if await wait(for: end, within: network.configuration.lingerTimeout) { return }
        await leave(reason: "the connection was closed")
    }

    /// Waits until the link has ended.
    func ended() async {
        _ = await end.wait()
    }

    // MARK: What the node tells

    func connectionLost() {
        let isOver = state.withLock { $0.phase == .up || $0.phase == .closing }
        if isOver { finish(reason: "the connection was lost") }
    }

    func connectionReplaced() {
        state.withLock { state in
            if state.outbound != nil { state.isMoving = true }
        }
        work.notify()
    }

    // MARK: The end

    /// Closes the connection, with all protocols on it, and ends the link.
    func leave(reason: String) async {
        // By then a newer link may have connections to the same peer.
        guard state.withLock({ $0.phase != .ended }) else { return }
        await network.node.disconnect(peer)
        finish(reason: reason)
    }

    /// Ends the link and tells the consumer. Only the first call counts.
    func finish(reason: String) {
        let (isFirst, former, wish) = state.withLock { state -> (Bool, State?, [Multiaddr]?) in
            guard state.phase != .ended else { return (false, nil, nil) }
            switch state.phase {
            case .up, .closing: network.events.push(.disconnected(peer))
            case .connecting: network.events.push(.connectFailed(peer, reason: reason))
            case .idle, .ended: break
            }
            let former = state
            state = State()
            state.phase = .ended
            return (true, former, former.wish)
        }
        guard isFirst else { return }
        former?.inbound?.stream.reset()
        // After a farewell it has ended in good order, and the peer may still be reading.
        if former?.phase != .closing { former?.outbound?.stream.reset() }
        network.remove(self)
        work.notify()
        end.set(())
        if let wish { network.connect(to: peer, addresses: wish) }
    }

    /// Tells the consumer that frames can be sent. Under the lock, so that it comes before any frame.
    func announce(_ state: inout State) {
        state.phase = .up
        network.events.push(.connected(peer))
    }

    static func takeTask(_ state: inout State) -> Bool {
        defer { state.hasTask = true }
        return !state.hasTask
    }

    static func forget(_ outbound: Outbound, in state: inout State) {
        guard state.outbound?.id == outbound.id else { return }
        state.outbound = nil
        state.reopenings += 1
    }

    func wait(for latch: Latch<Void>, within limit: Duration) async -> Bool {
        let outcome = Latch<Bool>()
        let waiting = Task {
            if await latch.wait() != nil { outcome.set(true) }
        }
        let watch = Task { [time = network.node.configuration.timeSource] in
            try await time.sleep(limit)
            outcome.set(false)
        }
        defer {
            waiting.cancel()
            watch.cancel()
        }
        return await outcome.wait() ?? false
    }
}
