import Logging
import Multiformats
import PeerTransport
import Synchronization
import WireCodec

// The stream that this side opened, and the task that cares for it.
extension FrameLink {
    /// What the link's task does next.
    private enum Step {
        case open([Multiaddr])
        case write([UInt8], Outbound)
        case finish(Outbound?)
        case giveUp
        case wait
        case stop
    }

    func run() async {
        while true {
            switch state.withLock({ nextStep(&$0) }) {
            case .open(let addresses):
                guard await open(addresses) else { return }
            case .write(let batch, let outbound):
                guard await write(batch, to: outbound) else { return }
            case .finish(let outbound):
                await close(outbound)
                return
            case .giveUp:
                await leave(reason: "the peer reset every stream that was opened to it")
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

    /// Writes a batch, and leaves a peer that takes too long to make room for it.
    ///
    /// - Returns: False when the link is over.
    private func write(_ batch: [UInt8], to outbound: Outbound) async -> Bool {
        let limit = network.configuration.writeTimeout
        do throws(TransportError) {
            if try outbound.stream.writeImmediately(batch) { return true }
            // A stream that is reset wakes its writer.
            let isLate = Latch<Void>()
            let watch = Task { [time = network.node.configuration.timeSource] in
                try await time.sleep(limit)
                isLate.set(())
                outbound.stream.reset()
            }
            defer { watch.cancel() }
            do throws(TransportError) {
                try await outbound.stream.write(batch)
            } catch {
                guard isLate.value != nil else { throw error }
                network.logger.notice("peer does not read, leaving it", metadata: ["peer.remote": "\(peer)"])
                await leave(reason: "the peer did not read what was sent to it within \(limit)")
                return false
            }
        } catch {
            state.withLock { Self.forget(outbound, in: &$0) }
        }
        return true
    }

    /// Opens the outgoing stream, for the first time or in the place of another.
    ///
    /// - Returns: False when the link is over.
    private func open(_ addresses: [Multiaddr]) async -> Bool {
        let protocolID = network.configuration.protocolID
        do throws(TransportError) {
            // They may come from anybody: an invitation, an announcement, a record of the DHT.
            try await network.node.connect(
                to: peer, DialWish(addresses: addresses, patience: .now, filter: .any, source: .stranger))
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
        await leave(reason: "the connection was closed")
    }
}
