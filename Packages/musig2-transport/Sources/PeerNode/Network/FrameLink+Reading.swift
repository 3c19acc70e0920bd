import Logging
@_spi(Waiting) import PeerTransport
import Synchronization
import WireCodec

// The streams that the peer opened.
extension FrameLink {
    /// Reads a stream that the peer opened, to its end.
    ///
    /// - Returns: False when the link is cut off: the stream is for the next one.
    func read(_ stream: any ByteStream) async -> Bool {
        let accepted = state.withLock { state in
            let accepted = state.accept(stream)
            if accepted?.isNew == true { network.events.push(.connected(peer)) }
            return accepted
        }
        guard let (inbound, previous, _, starts) = accepted else { return false }
        if starts { Task { await run() } }
        watchForAFrame()
        if let previous, !(await wait(for: previous.isOver, within: network.configuration.handoverGrace)) {
            // From here on, what it has brought already would come out of order.
            state.withLock { $0.hearOnly(from: inbound) }
            previous.stream.reset()
        }
        await receive(from: inbound)
        inbound.isOver.set(())
        if state.withLock({ $0.remove(inbound) }) { finish(reason: "the connection was lost") }
        return true
    }

    /// Leaves a peer that nobody here asked for, and that is not protected, when no frame of it comes in time. The time goes on when
    /// it opens another stream.
    private func watchForAFrame() {
        guard state.withLock({ $0.beginProbation() }) else { return }
        let limit = network.configuration.firstFrameTimeout
        Task { [weak self, time = network.node.configuration.timeSource] in
            // Cancelled or not: a peer that has said nothing may go.
            do { try await time.sleep(limit) } catch {}
            await self?.leaveIfUnheard()
        }
    }

    private func leaveIfUnheard() async {
        guard state.withLock({ $0.isUnheard }), !network.node.isProtected(peer) else { return }
        await leave(reason: "no frame came within \(network.configuration.firstFrameTimeout)")
    }

    private func receive(from inbound: IncomingStreams.Handle) async {
        let stream = inbound.stream
        let activity = network.node.activity(of: peer)
        let time = network.node.configuration.timeSource
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
                if !frames.isEmpty {
                    activity?.noteFrame(at: time.now().uptime)
                    state.withLock { $0.heard() }
                }
                for frame in frames where !(await deliver(frame, on: inbound)) {
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
    private func deliver(_ frame: [UInt8], on inbound: IncomingStreams.Handle) async -> Bool {
        while true {
            let isTaken = state.withLock { state -> Bool? in
                guard state.hears(inbound) else { return nil }
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
        network.logger.debug(
            "peer broke the frame protocol, leaving it",
            metadata: ["peer.remote": "\(peer)", "error": "\(error)"]
        )
        await network.node.disconnect(peer)
    }
}
