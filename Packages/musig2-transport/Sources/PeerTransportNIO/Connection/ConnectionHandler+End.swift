import NIOCore
@_spi(Waiting) import PeerTransport

/// How a connection ends, and what is told of it.
extension ConnectionHandler {
    /// Tells the listener of events what became of the connection.
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
        ending.isAnnounced()
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
            ending.failed(error)
            seal(multiplexer)
            leaveRunning(error)
        case .idle, .upgrading:
            // Nothing was agreed on in which a reason could be given.
            ending.failed(error)
            tell(.failed(stage ?? self.stage, error))
            phase = .closing
            timers.stage?.cancel()
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
        timers.keepAlive?.cancel()
        unwatchSleep()
        for item in user.mailbox?.close() ?? [] { Self.refuse(item) }
        multiplexer.close(error)
        shutOutput()
    }

    /// Sends what is left and closes this half. The other half stays open for a moment, since closing with unread bytes
    /// makes the system drop what the other side has not read yet.
    private func shutOutput() {
        guard let context = self.context else { return }
        if wire.ciphertext.readableBytes > 0 {
            let bytes = wire.takeCiphertext()
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        }
        context.close(mode: .output, promise: nil)
        timers.stage = schedule(configuration.timeouts.close) { handler in
            handler.context?.close(promise: nil)
        }
    }

    /// The channel is gone.
    func finish(_ error: TransportError) {
        if case .closed = self.phase { return }
        let failure = ending.failure(of: error)
        timers.stage?.cancel()
        timers.keepAlive?.cancel()
        unwatchSleep()
        let (phase, stage) = (self.phase, self.stage)
        self.phase = .closed
        if case .running(let multiplexer, _) = phase {
            for item in user.mailbox?.close() ?? [] { Self.refuse(item) }
            multiplexer.close(failure)
        }
        switch phase {
        // A dial that never got a connection is answered by the failure to connect, which says why.
        case .idle: user.established = nil
        case .upgrading: tell(.failed(stage, failure))
        case .running, .closing, .closed: break
        }
        answer(.failure(failure))
        role.slot.release()
        let reason = ending.reason(of: error)
        if let peer = user.peer {
            tell(.closed(peer, received: wire.bytesReceived, sent: wire.bytesSent, reason))
        }
        end.set(reason)
    }

    // MARK: Making room for newer connections

    /// Lets others ask this connection to make room: while the peer is not known yet, or when its address has too many.
    func makeEvictable() {
        guard role.isInbound, let eventLoop = context?.eventLoop else { return }
        let loopBound = NIOLoopBound(Weak(self), eventLoop: eventLoop)
        role.slot.onEviction { eviction in
            eventLoop.execute {
                guard let handler = loopBound.value.object else { return }
                switch handler.phase {
                case .idle, .upgrading:
                    handler.fail(
                        TransportError(
                            .limitExceeded, "the handshake took long, and newer connections needed its place"))
                case .running:
                    guard eviction == .crowded else { return }
                    handler.fail(
                        TransportError(
                            .limitExceeded, "its address had most connections of a network that has all it may"))
                case .closing, .closed:
                    return
                }
            }
        }
    }
}

/// A reference that does not keep its object alive.
private struct Weak<Object: AnyObject> {
    weak var object: Object?

    init(_ object: Object) {
        self.object = object
    }
}
