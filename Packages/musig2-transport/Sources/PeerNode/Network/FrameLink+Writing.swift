import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import WireCodec

// The stream that this side opened, and the task that cares for it.
extension FrameLink {
    func run() async {
        while true {
            switch state.withLock({ $0.nextStep() }) {
            case .open(let addresses):
                guard await open(addresses) else { return }
            case .write(let batch, let outbound):
                guard await write(batch, to: outbound) else { return }
                state.withLock { $0.endWrite() }
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

    /// Writes a batch, and leaves a peer that takes too long to make room for it.
    ///
    /// - Returns: False when the link is over.
    private func write(_ batch: [UInt8], to outbound: OutgoingStream.Handle) async -> Bool {
        let limit = network.configuration.writeTimeout
        do throws(TransportError) {
            if try outbound.stream.writeImmediately(batch) { return true }
            // A stream that is reset wakes its writer.
            let isLate = OneShot<Void>()
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
            state.withLock { $0.forget(outbound) }
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
                to: peer, DialRequest(addresses: addresses, respectsBackoff: false, filter: .any, source: .stranger))
            let opened = try await network.node.openStream(to: peer, protocols: [protocolID])
            return await use(opened.stream)
        } catch {
            let mayRetry = state.withLock { $0.openingFailed() }
            // The connection that was used may have ended while another one took its place.
            let isPassing = [.connectionClosed, .streamReset, .notConnected].contains(error.code)
            if mayRetry, isPassing, network.node.isConnected(to: peer) { return true }
            giveUp(
                reason: error.code == .protocolNotSupported
                    ? "peer \(peer) does not speak \(protocolID)" : error.description
            )
            network.node.disconnectIfUnused(peer)
            return false
        }
    }

    private func use(_ stream: any ByteStream) async -> Bool {
        let opened = state.withLock { state in
            let opened = state.opened(stream)
            if opened?.isNew == true { network.events.push(.connected(peer)) }
            return opened
        }
        guard let (outbound, former, _) = opened else {
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
    private func watch(_ outbound: OutgoingStream.Handle) async {
        do throws(TransportError) {
            while try await outbound.stream.read(upTo: 1024) != nil {}
            outbound.isRead.set(())
        } catch {
            outbound.isRead.set(())
            state.withLock { $0.forget(outbound) }
            work.notify()
        }
    }

    /// Lets the peer read what was written, then closes the connection.
    private func close(_ outbound: OutgoingStream.Handle?) async {
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
