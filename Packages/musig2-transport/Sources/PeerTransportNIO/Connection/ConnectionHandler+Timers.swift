import NIOCore
import PeerTransport

/// What happens to a connection by time alone.
extension ConnectionHandler {
    func armStageTimer(_ stage: ConnectionUpgrade.Stage) {
        self.stageTimer?.cancel()
        let limit: Duration
        switch stage {
        case .security: limit = self.configuration.timeouts.security
        case .handshake: limit = self.configuration.timeouts.handshake
        case .muxer: limit = self.configuration.timeouts.multiplexer
        }
        self.stageTimer = self.context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) {
            [weak self] in
            self?.fail(TransportError(.timedOut, "\(stage.rawValue) took longer than \(limit)"))
        }
    }

    func armKeepAlive() {
        self.keepAliveTimer = self.schedule(self.configuration.timeouts.keepAliveInterval) { handler in
            guard case .running(let multiplexer, _) = handler.phase else { return }
            handler.shrink()
            handler.pings &+= 1
            handler.hasReceived = false
            multiplexer.ping(handler.pings)
            handler.flush()
            handler.keepAliveTimer = handler.schedule(handler.configuration.timeouts.keepAlive) { handler in
                guard case .running(let multiplexer, _) = handler.phase else { return }
                // A ping waits behind what was sent before it; whoever takes that in is alive.
                guard multiplexer.awaitsPong, !handler.hasReceived else { return handler.armKeepAlive() }
                handler.fail(
                    TransportError(
                        .timedOut,
                        "the other side did not answer a ping within \(handler.configuration.timeouts.keepAlive)"))
            }
        }
    }

    func schedule(_ delay: Duration, _ body: @escaping (ConnectionHandler) -> Void) -> Scheduled<Void>? {
        self.context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            if let self { body(self) }
        }
    }
}
