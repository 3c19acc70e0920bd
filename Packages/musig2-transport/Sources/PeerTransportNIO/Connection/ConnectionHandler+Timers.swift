import NIOCore
import PeerTransport

/// What happens to a connection by time alone.
extension ConnectionHandler {
    func armStageTimer(_ stage: ConnectionUpgrade.Stage) {
        stageTimer?.cancel()
        let limit: Duration
        switch stage {
        case .security: limit = configuration.timeouts.security
        case .handshake: limit = configuration.timeouts.handshake
        case .muxer: limit = configuration.timeouts.multiplexer
        }
        stageTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) {
            [weak self] in
            self?.fail(TransportError(.timedOut, "\(stage.rawValue) took longer than \(limit)"))
        }
    }

    /// Pings at the end of the interval.
    func armKeepAlive() {
        keepAliveTimer = schedule(configuration.timeouts.keepAliveInterval) { handler in
            handler.ping(within: handler.configuration.timeouts.keepAlive)
        }
    }

    /// Pings at once: the other side may have given this connection up.
    func woke() {
        keepAliveTimer?.cancel()
        ping(within: min(configuration.timeouts.waking, configuration.timeouts.keepAlive))
    }

    /// Is told from now on when the process has slept.
    func watchSleep() {
        sleepWatch = context.map { sleepWatches.watch(on: $0.eventLoop) }
        sleepWatch?.add(self)
    }

    func unwatchSleep() {
        sleepWatch?.remove(self)
        sleepWatch = nil
    }

    /// Pings, and ends the connection if nothing comes in time.
    private func ping(within limit: Duration) {
        guard case .running(let multiplexer, _) = phase else { return }
        shrink()
        pings &+= 1
        hasReceived = false
        multiplexer.ping(pings)
        flush()
        keepAliveTimer = schedule(limit) { handler in
            guard case .running(let multiplexer, _) = handler.phase else { return }
            // A ping waits behind what was sent before it; whoever takes that in is alive.
            guard multiplexer.awaitsPong, !handler.hasReceived else { return handler.armKeepAlive() }
            handler.fail(TransportError(.timedOut, "the other side did not answer a ping within \(limit)"))
        }
    }

    func schedule(_ delay: Duration, _ body: @escaping (ConnectionHandler) -> Void) -> Scheduled<Void>? {
        context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            if let self { body(self) }
        }
    }
}
