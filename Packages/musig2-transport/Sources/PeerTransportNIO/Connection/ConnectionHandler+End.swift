import NIOCore
@_spi(Waiting) import PeerTransport

/// How a connection ends, and who is told.
extension ConnectionHandler {
    /// Tells whoever listens what became of the connection.
    func tell(_ kind: TransportEvent.Kind) {
        role.onEvent?(
            TransportEvent(
                remoteAddress: role.remoteAddress, isInbound: role.isInbound, kind: kind))
    }

    /// Why the connection is over when the other side just left.
    var closedByOther: TransportError {
        switch phase {
        case .upgrading(let upgrade):
            return TransportError(
                .connectionClosed, "the other side closed the connection while \(upgrade.stage.rawValue)")
        case .idle, .running, .closing, .closed:
            return TransportError(.connectionClosed, "the other side closed the connection")
        }
    }

    /// Closes in good order: what can be sent, then the end of the session, then this half; the rest when the other side
    /// has closed too, or after a while.
    func close(_ multiplexer: StreamMultiplexer) {
        orderly = true
        flush()
        multiplexer.goAway()
        seal(multiplexer)
        leaveRunning(TransportError(.connectionClosed, "the connection was closed by this side"))
    }

    /// Closes at once, but for what is in the output, such as the reason.
    func fail(_ error: TransportError, at stage: TransportEvent.Stage? = nil) {
        switch phase {
        case .closing, .closed:
            return
        case .running(let multiplexer, _):
            failure = error
            seal(multiplexer)
            leaveRunning(error)
        case .idle, .upgrading:
            // Nothing was agreed on in which a reason could be given.
            failure = error
            tell(.failed(stage ?? self.stage, error))
            phase = .closing
            stageTimer?.cancel()
            answer(.failure(error))
            context?.close(promise: nil)
        }
    }

    /// How far it has come, for events. Before the upgrade there is the WebSocket handshake, if any: what fails earlier never
    /// had a handler that heard of it.
    private var stage: TransportEvent.Stage {
        guard case .upgrading(let upgrade) = phase else { return .webSocket }
        switch upgrade.stage {
        case .security: return .security
        case .handshake: return .handshake
        case .muxer: return .multiplexer
        }
    }

    private func leaveRunning(_ error: TransportError) {
        guard case .running(let multiplexer, _) = phase else { return }
        phase = .closing
        keepAliveTimer?.cancel()
        unwatchSleep()
        for item in mailbox?.close() ?? [] { Self.refuse(item) }
        multiplexer.close(error)
        shutOutput()
    }

    /// Sends what is left and closes this half. The other half stays open for a moment, since closing with unread bytes
    /// makes the system drop what the other side has not read yet.
    private func shutOutput() {
        guard let context = self.context else { return }
        if ciphertext.readableBytes > 0 {
            let bytes = ciphertext
            ciphertext.moveReaderIndex(to: ciphertext.writerIndex)
            bytesSent &+= UInt64(bytes.readableBytes)
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        }
        context.close(mode: .output, promise: nil)
        stageTimer = schedule(configuration.timeouts.close) { handler in
            handler.context?.close(promise: nil)
        }
    }

    /// The channel is gone.
    func finish(_ error: TransportError) {
        if case .closed = self.phase { return }
        let failure = self.failure ?? error
        stageTimer?.cancel()
        keepAliveTimer?.cancel()
        unwatchSleep()
        let (phase, stage) = (self.phase, self.stage)
        self.phase = .closed
        if case .running(let multiplexer, _) = phase {
            for item in mailbox?.close() ?? [] { Self.refuse(item) }
            multiplexer.close(failure)
        }
        switch phase {
        // A dial that never got a connection is answered by the failure to connect, which says why.
        case .idle: established = nil
        case .upgrading: tell(.failed(stage, failure))
        case .running, .closing, .closed: break
        }
        answer(.failure(failure))
        role.slot.release()
        let reason = orderly && self.failure == nil ? nil : failure
        if let peer = remotePeer {
            tell(.closed(peer, received: bytesReceived, sent: bytesSent, reason))
        }
        end.set(reason)
    }
}
