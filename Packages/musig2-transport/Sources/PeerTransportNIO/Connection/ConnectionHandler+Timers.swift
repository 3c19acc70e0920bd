import NIOCore
import PeerTransport

/// What happens to a connection by time alone.
extension ConnectionHandler {
    func armStageTimer(_ stage: ConnectionUpgrade.Stage) {
        timers.stage?.cancel()
        let limit: Duration
        switch stage {
        case .security: limit = configuration.timeouts.security
        case .handshake: limit = configuration.timeouts.handshake
        case .muxer: limit = configuration.timeouts.multiplexer
        }
        timers.stage = context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) {
            [weak self] in
            self?.fail(TransportError(.timedOut, "\(stage.rawValue) took longer than \(limit)"))
        }
    }

    /// Pings at the end of the interval.
    func armKeepAlive(after delay: Duration) {
        timers.keepAlive = schedule(delay) { handler in
            guard case .running(let multiplexer, _) = handler.phase else { return }
            handler.carryOut(handler.keepAlive.timerFired(awaitsPong: multiplexer.awaitsPong))
        }
    }

    /// Pings at once: the other side may have given this connection up.
    func woke() {
        guard case .running = phase else { return }
        timers.keepAlive?.cancel()
        carryOut(keepAlive.woke())
    }

    private func carryOut(_ action: KeepAlive.Action) {
        guard case .running(let multiplexer, _) = phase else { return }
        switch action {
        case .ping(let value, let limit):
            shrink()
            multiplexer.ping(value)
            flush()
            armKeepAlive(after: limit)
        case .wait(let delay):
            armKeepAlive(after: delay)
        case .giveUp(let limit):
            fail(TransportError(.timedOut, "the other side did not answer a ping within \(limit)"))
        }
    }

    /// Is told from now on when the process has slept.
    func watchSleep() {
        timers.sleepWatch = context.map { sleepWatches.watch(on: $0.eventLoop) }
        timers.sleepWatch?.add(self)
    }

    func unwatchSleep() {
        timers.sleepWatch?.remove(self)
        timers.sleepWatch = nil
    }

    func schedule(_ delay: Duration, _ body: @escaping (ConnectionHandler) -> Void) -> Scheduled<Void>? {
        context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { [weak self] in
            if let self { body(self) }
        }
    }
}
