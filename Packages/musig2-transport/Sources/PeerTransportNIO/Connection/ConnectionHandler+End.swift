import NIOCore
@_spi(Waiting) import PeerTransport

/// How a connection ends, and who is told.
extension ConnectionHandler {
    /// Tells whoever listens what became of the connection.
    func tell(_ kind: TransportEvent.Kind) {
        self.role.onEvent?(
            TransportEvent(
                remoteAddress: self.role.remoteAddress, isInbound: self.role.isInbound, kind: kind))
    }

    /// Why the connection is over when the other side just left.
    var closedByOther: TransportError {
        switch self.phase {
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
        self.orderly = true
        self.flush()
        multiplexer.goAway()
        self.seal(multiplexer)
        self.leaveRunning(TransportError(.connectionClosed, "the connection was closed by this side"))
    }

    /// Closes at once, but for what is in the output, such as the reason.
    func fail(_ error: TransportError, at stage: TransportEvent.Stage? = nil) {
        switch self.phase {
        case .closing, .closed:
            return
        case .running(let multiplexer, _):
            self.failure = error
            self.seal(multiplexer)
            self.leaveRunning(error)
        case .idle, .upgrading:
            // Nothing was agreed on in which a reason could be given.
            self.failure = error
            self.tell(.failed(stage ?? self.stage, error))
            self.phase = .closing
            self.stageTimer?.cancel()
            self.answer(.failure(error))
            self.context?.close(promise: nil)
        }
    }

    /// How far it has come, for events. Before the upgrade there is the WebSocket handshake, if any: what fails earlier never
    /// had a handler that heard of it.
    private var stage: TransportEvent.Stage {
        guard case .upgrading(let upgrade) = self.phase else { return .webSocket }
        switch upgrade.stage {
        case .security: return .security
        case .handshake: return .handshake
        case .muxer: return .multiplexer
        }
    }

    private func leaveRunning(_ error: TransportError) {
        guard case .running(let multiplexer, _) = self.phase else { return }
        self.phase = .closing
        self.keepAliveTimer?.cancel()
        self.unwatchSleep()
        for item in self.mailbox?.close() ?? [] { Self.refuse(item) }
        multiplexer.close(error)
        self.shutOutput()
    }

    /// Sends what is left and closes this half. The other half stays open for a moment, since closing with unread bytes
    /// makes the system drop what the other side has not read yet.
    private func shutOutput() {
        guard let context = self.context else { return }
        if self.ciphertext.readableBytes > 0 {
            let bytes = self.ciphertext
            self.ciphertext.moveReaderIndex(to: self.ciphertext.writerIndex)
            self.bytesSent &+= UInt64(bytes.readableBytes)
            context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
        }
        context.close(mode: .output, promise: nil)
        self.stageTimer = self.schedule(self.configuration.timeouts.close) { handler in
            handler.context?.close(promise: nil)
        }
    }

    /// The channel is gone.
    func finish(_ error: TransportError) {
        if case .closed = self.phase { return }
        let failure = self.failure ?? error
        self.stageTimer?.cancel()
        self.keepAliveTimer?.cancel()
        self.unwatchSleep()
        let (phase, stage) = (self.phase, self.stage)
        self.phase = .closed
        if case .running(let multiplexer, _) = phase {
            for item in self.mailbox?.close() ?? [] { Self.refuse(item) }
            multiplexer.close(failure)
        }
        switch phase {
        // A dial that never got a connection is answered by the failure to connect, which says why.
        case .idle: self.established = nil
        case .upgrading: self.tell(.failed(stage, failure))
        case .running, .closing, .closed: break
        }
        self.answer(.failure(failure))
        self.role.slot.release()
        let reason = self.orderly && self.failure == nil ? nil : failure
        if let peer = self.remotePeer {
            self.tell(.closed(peer, received: self.bytesReceived, sent: self.bytesSent, reason))
        }
        self.end.set(reason)
    }
}
