import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import WireCodec

/// What a ``NodePeerNetwork`` has with one peer, from the first call or stream to the end of the connection.
///
/// One task per link opens the outgoing stream and writes what could not be written at once; each incoming stream is
/// read by the task that the node serves it with. A frame that finds the outgoing stream idle goes to it right in
/// ``send(_:)``, without waking a task. What is decided is in ``LinkState``.
final class FrameLink: Sendable {
    let peer: PeerID

    let network: NodePeerNetwork
    let state: Mutex<LinkState>
    let work = Event()
    private let end = OneShot<Void>()

    init(to peer: PeerID, of network: NodePeerNetwork) {
        self.peer = peer
        self.network = network
        self.state = Mutex(LinkState(limits: network.configuration))
    }

    // MARK: What the consumer asks

    /// - Returns: False when the link has ended and another one is needed.
    func connect(_ addresses: [Multiaddr]) -> Bool {
        switch state.withLock({ $0.connect(addresses) }) {
        case .start:
            Task { await run() }
            return true
        case .noted: return true
        case .refused: return false
        }
    }

    func send(_ frame: [UInt8]) {
        switch state.withLock({ $0.send(frame) }) {
        case .dropped:
            network.metrics.frameDropped()
        case .queued:
            network.metrics.frameSent()
            work.notify()
        case .write(let outbound):
            let writing = write(frame, to: outbound)
            let (isSent, wakes) = state.withLock { $0.endWrite(of: frame, to: outbound, writing) }
            if isSent { network.metrics.frameSent() } else { network.metrics.frameDropped() }
            if wakes { work.notify() }
        }
    }

    private func write(_ frame: [UInt8], to outbound: OutgoingStream.Handle) -> LinkState.Writing {
        do throws(TransportError) {
            return try outbound.stream.writeImmediately(FrameEncoder.encode(frame)) ? .written : .refused
        } catch {
            return .broken
        }
    }

    func disconnect() {
        switch state.withLock({ $0.disconnect() }) {
        case .finish: finish(reason: "it was given up before the connection was there")
        case .close: Task { await leaveInTime() }
        case .nothing: break
        }
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
        carryOut(state.withLock { $0.connectionLost() }, reason: "the connection was lost")
    }

    func connectionReplaced() {
        state.withLock { $0.connectionReplaced() }
        work.notify()
    }

    // MARK: The end

    /// Closes the connection, with all protocols on it, and ends the link.
    func leave(reason: String) async {
        // The node may have a newer connection to the same peer, which is not this link's.
        guard !state.withLock({ $0.isCutOff }) else { return }
        await network.node.disconnect(peer)
        finish(reason: reason)
    }

    /// Ends the link to a peer to which no stream can be opened.
    func giveUp(reason: String) {
        carryOut(state.withLock { $0.openingGivenUp() }, reason: reason)
    }

    private func carryOut(_ loss: LinkState.Loss, reason: String) {
        switch loss {
        case .finish: finish(reason: reason)
        case .drain: Task { await finishInTime(reason: reason) }
        case .nothing: break
        }
        work.notify()
    }

    /// A consumer that takes nothing, or a transport with streams that outlive their connection, must not keep the link.
    private func finishInTime(reason: String) async {
        if await wait(for: end, within: network.configuration.lingerTimeout) { return }
        finish(reason: reason)
    }

    /// Ends the link and tells the consumer. Only the first call counts.
    func finish(reason: String) {
        let ending = state.withLock { state in
            let ending = state.end()
            switch ending?.told {
            case .connected: network.events.push(.disconnected(peer))
            case .connecting: network.events.push(.connectFailed(peer, reason: reason))
            case .nothing, nil: break
            }
            return ending
        }
        guard let ending else { return }
        for stream in ending.streams { stream.reset() }
        network.remove(self)
        work.notify()
        end.set(())
        if let addresses = ending.again { network.connect(to: peer, addresses: addresses) }
    }

    func wait(for latch: OneShot<Void>, within limit: Duration) async -> Bool {
        let outcome = OneShot<Bool>()
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
