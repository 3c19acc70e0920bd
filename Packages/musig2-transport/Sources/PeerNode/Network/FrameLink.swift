import Logging
import Multiformats
import PeerTransport
import Synchronization
import WireCodec

/// What a ``NodePeerNetwork`` has with one peer, from the first wish or stream to the end of the connection.
///
/// One task per link opens the outgoing stream and writes what could not be written at once; each incoming stream is read by the task that
/// the node serves it with. A frame that finds the outgoing stream idle goes to it right in ``send(_:)``, without waking a task.
final class FrameLink: Sendable {
    let peer: PeerID

    private enum Phase {
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
    private struct Outbound {
        let id: UInt64
        let stream: any ByteStream
        /// The peer has closed its half, which it does when it has read everything.
        let isRead: Latch<Void>
    }

    /// An incoming stream.
    private struct Inbound {
        let id: UInt64
        let stream: any ByteStream
        let isOver: Latch<Void>
    }

    private struct State {
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
        var nextStreamID: UInt64 = 0
        var hasTask = false
    }

    /// What the link's task does next.
    private enum Step {
        case open([Multiaddr])
        case write([UInt8], Outbound)
        case finish(Outbound?)
        case giveUp
        case wait
        case stop
    }

    private let network: NodePeerNetwork
    private let state = Mutex(State())
    private let work = Signal()
    private let end = Latch<Void>()

    init(to peer: PeerID, of network: NodePeerNetwork) {
        self.peer = peer
        self.network = network
    }

    // MARK: Wishes

    /// - Returns: False when the link has ended and another one is needed.
    func connect(_ addresses: [Multiaddr]) -> Bool {
        let (isUsable, starts) = state.withLock { state -> (Bool, Bool) in
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
        let endsNow = state.withLock { state -> Bool in
            switch state.phase {
            case .idle, .connecting: return true
            case .up:
                state.phase = .closing
                return false
            case .closing:
                state.wish = nil
                return false
            case .ended: return false
            }
        }
        if endsNow { finish(reason: "it was given up before the connection was there") }
        work.notify()
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

    // MARK: Reading

    /// Reads a stream that the peer opened, to its end.
    func read(_ stream: any ByteStream) async {
        let isOver = Latch<Void>()
        let (inbound, previous, starts) = state.withLock { state -> (Inbound?, Inbound?, Bool) in
            switch state.phase {
            case .ended: return (nil, nil, false)
            case .idle, .connecting: announce(&state)
            case .up, .closing: break
            }
            state.nextStreamID &+= 1
            let inbound = Inbound(id: state.nextStreamID, stream: stream, isOver: isOver)
            let previous = state.inbound
            state.inbound = inbound
            return (inbound, previous, Self.takeTask(&state))
        }
        guard let inbound else {
            stream.reset()
            return
        }
        if starts { Task { await run() } }
        if let previous, !(await wait(for: previous.isOver, within: network.configuration.handoverGrace)) {
            previous.stream.reset()
        }
        await receive(from: stream)
        isOver.set(())
        state.withLock { state in
            if state.inbound?.id == inbound.id { state.inbound = nil }
        }
    }

    private func receive(from stream: any ByteStream) async {
        var decoder = FrameDecoder(maximumLength: network.configuration.maximumFrameBytes)
        do throws(TransportError) {
            while let bytes = try await stream.read(upTo: network.configuration.readBytes) {
                let frames: [[UInt8]]
                do throws(FrameError) {
                    frames = try decoder.feed(bytes)
                } catch {
                    await leave(for: error)
                    return
                }
                for frame in frames where !(await deliver(frame)) {
                    stream.reset()
                    return
                }
            }
            try await stream.closeWrite()
        } catch {
            stream.reset()
        }
    }

    /// Passes a frame on, waiting while the consumer has no room for more from this peer.
    private func deliver(_ frame: [UInt8]) async -> Bool {
        while true {
            let isTaken = state.withLock { state -> Bool? in
                guard state.phase == .up || state.phase == .closing else { return nil }
                return network.events.push(.frame(frame, from: peer))
            }
            guard let isTaken else { return false }
            if isTaken {
                network.metrics.frameReceived()
                return true
            }
            guard await network.events.waitForRoom(for: peer, bytes: frame.count) else { return false }
        }
    }

    private func leave(for error: FrameError) async {
        network.logger.notice(
            "peer broke the frame protocol, leaving it",
            metadata: ["peer.remote": "\(peer)", "error": "\(error)"]
        )
        await network.node.disconnect(peer)
    }

    // MARK: The link's task

    private func run() async {
        while true {
            switch state.withLock({ nextStep(&$0) }) {
            case .open(let addresses):
                guard await open(addresses) else { return }
            case .write(let batch, let outbound):
                do throws(TransportError) {
                    try await outbound.stream.write(batch)
                } catch {
                    state.withLock { Self.forget(outbound, in: &$0) }
                }
            case .finish(let outbound):
                await close(outbound)
                return
            case .giveUp:
                await network.node.disconnect(peer)
                finish(reason: "the peer reset every stream that was opened to it")
                return
            case .wait:
                _ = await work.wait()
            case .stop:
                return
            }
        }
    }

    private func nextStep(_ state: inout State) -> Step {
        state.isWriting = false
        if state.phase == .ended { return .stop }
        if state.reopenings > network.configuration.maximumReopenings { return .giveUp }
        guard let outbound = state.outbound, !state.isMoving else {
            // There is no use in opening a stream only to leave.
            return state.phase == .closing && state.queue.isEmpty ? .finish(state.outbound) : .open(state.addresses)
        }
        if !state.queue.isEmpty {
            state.isWriting = true
            return .write(takeBatch(&state), outbound)
        }
        return state.phase == .closing ? .finish(outbound) : .wait
    }

    private func takeBatch(_ state: inout State) -> [UInt8] {
        var batch: [UInt8] = []
        while let frame = state.queue.popFirst() {
            state.queuedBytes -= frame.count
            FrameEncoder.append(frame, to: &batch)
            if batch.count >= network.configuration.writeBatchBytes { break }
        }
        return batch
    }

    /// Opens the outgoing stream, for the first time or in the place of another.
    ///
    /// - Returns: False when the link is over.
    private func open(_ addresses: [Multiaddr]) async -> Bool {
        let protocolID = network.configuration.protocolID
        do throws(TransportError) {
            try await network.node.connect(to: peer, addresses: addresses)
            let opened = try await network.node.openStream(to: peer, protocols: [protocolID])
            return await use(opened.stream)
        } catch {
            let mayRetry = state.withLock { state -> Bool in
                guard state.phase != .ended, state.reopenings < network.configuration.maximumReopenings else {
                    return false
                }
                state.reopenings += 1
                return true
            }
            // The connection that was used may have ended while another one took its place.
            let isPassing = [.connectionClosed, .streamReset, .notConnected].contains(error.code)
            if mayRetry, isPassing, network.node.isConnected(to: peer) { return true }
            finish(
                reason: error.code == .protocolNotSupported
                    ? "peer \(peer) does not speak \(protocolID)" : error.description
            )
            network.node.disconnectIfUnused(peer)
            return false
        }
    }

    private func use(_ stream: any ByteStream) async -> Bool {
        let (outbound, former) = state.withLock { state -> (Outbound?, Outbound?) in
            guard state.phase != .ended else { return (nil, nil) }
            state.nextStreamID &+= 1
            let former = state.outbound
            let outbound = Outbound(id: state.nextStreamID, stream: stream, isRead: Latch())
            state.outbound = outbound
            state.isMoving = false
            if state.phase == .idle || state.phase == .connecting { announce(&state) }
            return (outbound, former)
        }
        guard let outbound else {
            stream.reset()
            network.node.disconnectIfUnused(peer)
            return false
        }
        Task { await watch(outbound) }
        do throws(TransportError) {
            try await former?.stream.closeWrite()
        } catch {
            // It is gone already, and so is nothing else.
            former?.stream.reset()
        }
        return true
    }

    /// Notices when the peer has read everything, and when it resets the stream. What it writes on it has no meaning.
    private func watch(_ outbound: Outbound) async {
        do throws(TransportError) {
            while try await outbound.stream.read(upTo: 1024) != nil {}
            outbound.isRead.set(())
        } catch {
            outbound.isRead.set(())
            state.withLock { Self.forget(outbound, in: &$0) }
            work.notify()
        }
    }

    /// Lets the peer read what was written, then closes the connection.
    private func close(_ outbound: Outbound?) async {
        if let outbound {
            do throws(TransportError) {
                try await outbound.stream.closeWrite()
                _ = await wait(for: outbound.isRead, within: network.configuration.lingerTimeout)
            } catch {
                outbound.stream.reset()
            }
        }
        await network.node.disconnect(peer)
        finish(reason: "the connection was closed")
    }

    // MARK: The end

    /// Ends the link and tells the consumer. Only the first call counts.
    private func finish(reason: String) {
        let (isFirst, inbound, wish) = state.withLock { state -> (Bool, Inbound?, [Multiaddr]?) in
            guard state.phase != .ended else { return (false, nil, nil) }
            switch state.phase {
            case .up, .closing: network.events.push(.disconnected(peer))
            case .connecting: network.events.push(.connectFailed(peer, reason: reason))
            case .idle, .ended: break
            }
            let (inbound, wish) = (state.inbound, state.wish)
            state = State()
            state.phase = .ended
            return (true, inbound, wish)
        }
        guard isFirst else { return }
        inbound?.stream.reset()
        network.remove(self)
        work.notify()
        end.set(())
        if let wish { network.connect(to: peer, addresses: wish) }
    }

    /// Tells the consumer that frames can be sent. Under the lock, so that it comes before any frame.
    private func announce(_ state: inout State) {
        state.phase = .up
        network.events.push(.connected(peer))
    }

    private static func takeTask(_ state: inout State) -> Bool {
        defer { state.hasTask = true }
        return !state.hasTask
    }

    private static func forget(_ outbound: Outbound, in state: inout State) {
        guard state.outbound?.id == outbound.id else { return }
        state.outbound = nil
        state.reopenings += 1
    }

    private func wait(for latch: Latch<Void>, within limit: Duration) async -> Bool {
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
