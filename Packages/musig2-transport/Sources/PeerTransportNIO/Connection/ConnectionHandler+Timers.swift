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

    /// Pings at the end of the interval.
    func armKeepAlive() {
        self.keepAliveTimer = self.schedule(self.configuration.timeouts.keepAliveInterval) { handler in
            handler.ping(within: handler.configuration.timeouts.keepAlive)
        }
    }

    /// Pings at once: the other side may have given this connection up.
    func woke() {
        self.keepAliveTimer?.cancel()
        self.ping(within: min(self.configuration.timeouts.waking, self.configuration.timeouts.keepAlive))
    }

    /// Is told from now on when the process has slept.
    func watchSleep() {
        self.sleepWatch = self.context.map { self.sleepWatches.watch(on: $0.eventLoop) }
        self.sleepWatch?.add(self)
    }

    func unwatchSleep() {
        self.sleepWatch?.remove(self)
        self.sleepWatch = nil
    }

    /// Pings, and ends the connection if nothing comes in time.
    private func ping(within limit: Duration) {
        guard case .running(let multiplexer, _) = self.phase else { return }
        self.shrink()
        self.pings &+= 1
        self.hasReceived = false
        multiplexer.ping(self.pings)
        self.flush()
        self.keepAliveTimer = self.schedule(limit) { handler in
            guard case .running(let multiplexer, _) = handler.phase else { return }
            // A ping waits behind what was sent before it; whoever takes that in is alive.
            guard multiplexer.awaitsPong, !handler.hasReceived else { return handler.armKeepAlive() }
            handler.fail(TransportError(.timedOut, "the other side did not answer a ping within \(limit)"))
        }
    }

    func schedule(_ delay: Duration, _ body: @escaping (ConnectionHandler) -> Void) -> Scheduled<Void>? {
        self.context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            if let self { body(self) }
        }
    }
}
