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

    /// Pings at the end of the interval, or when the process has slept: the other side may have given this connection up.
    ///
    /// - Parameter waited: How much of the interval is over.
    func armKeepAlive(after waited: Duration = .zero) {
        let timeouts = self.configuration.timeouts
        let step = min(self.configuration.sleepCheck, timeouts.keepAliveInterval - waited)
        let mark = self.configuration.sleepMark()
        self.keepAliveTimer = self.schedule(step) { handler in
            if mark.hasSlept(until: handler.configuration.sleepMark(), expecting: step) {
                handler.ping(within: min(timeouts.waking, timeouts.keepAlive))
            } else if waited + step < timeouts.keepAliveInterval {
                handler.armKeepAlive(after: waited + step)
            } else {
                handler.ping(within: timeouts.keepAlive)
            }
        }
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
