import NIOCore
import PeerProtocols
@_spi(Waiting) import PeerTransport

/// Agreeing on the protocol of each stream, and the time limits of streams.
extension StreamMultiplexer {
    func propose(
        _ id: UInt32, _ initiator: MultistreamInitiator, _ answer: StreamAnswer?,
        _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) {
        var initiator = initiator
        while true {
            let action = initiator.receive(bytes, at: &offset)
            entries[id]?.negotiation = .proposing(initiator, answer)
            switch action {
            case .waitForMore:
                return
            case .send(let proposal):
                entries[id]?.core.enqueueFromLoop(proposal)
                queue(id)
            case .agreed(let name):
                guard let core = settle(id) else { return }
                // A stream that its user holds already may have been let go of in the meantime.
                guard let answer else { return service(core) }
                answer.set(
                    .success(NegotiatedStream(stream: YamuxByteStream(core), protocolID: ProtocolID(name))))
                return
            case .failed(.refused(let proposed)):
                return reset(
                    id,
                    TransportError(
                        .protocolNotSupported, "the other side speaks none of: \(proposed.joined(separator: ", "))"))
            case .failed(let error):
                return reset(id, TransportError(.protocolViolation, "stream \(id): \(error)"))
            }
        }
    }

    func answer(
        _ id: UInt32, _ listener: MultistreamListener, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) {
        var listener = listener
        var factory: ResponderFactory?
        while true {
            let action = listener.receive(bytes, at: &offset) { name in
                let protocolID = ProtocolID(name)
                guard protocolID.isValid else { return false }
                factory = role.responders?.factory(for: protocolID)
                return factory != nil || role.accepting(protocolID)
            }
            entries[id]?.negotiation = .answering(listener)
            switch action {
            case .waitForMore:
                return
            case .send(let reply):
                entries[id]?.core.enqueueFromLoop(reply)
                queue(id)
            case .agreed(let name, let reply):
                guard let core = settle(id) else { return }
                core.enqueueFromLoop(reply)
                queue(id)
                if let factory { return serve(id, ProtocolID(name), factory) }
                // A stream that finds no room is let go of, which resets it.
                _ = accepted.push(
                    NegotiatedStream(stream: YamuxByteStream(core), protocolID: ProtocolID(name)))
                return
            case .failed(let error):
                // Data that was sent along with a refused proposal looks like this: the refusal goes out before the reset.
                if let core = entries[id]?.core { sendFrame(id, core) }
                return reset(id, TransportError(.protocolViolation, "stream \(id): \(error)"))
            }
        }
    }

    private func settle(_ id: UInt32) -> StreamCore? {
        guard let entry = entries[id] else { return nil }
        entry.timer?.cancel()
        entry.timer = nil
        entry.negotiation = nil
        return entry.core
    }

    func negotiationTimer(_ id: UInt32) -> Scheduled<Void> {
        timer(id, configuration.timeouts.stream) { limit in
            TransportError(.timedOut, "negotiating the protocol of a stream took longer than \(limit)")
        }
    }

    /// For a stream that is over but for what the other side does not read, or does not close.
    func lingerTimer(_ id: UInt32) -> Scheduled<Void> {
        timer(id, configuration.timeouts.linger) { limit in
            TransportError(.timedOut, "the other side did not close its half within \(limit)")
        }
    }

    private func timer(
        _ id: UInt32, _ limit: Duration, _ error: @escaping (Duration) -> TransportError
    ) -> Scheduled<Void> {
        eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) { [weak self] in
            guard let self, entries[id] != nil else { return }
            reset(id, error(limit))
            onTimer()
        }
    }
}
