import NIOCore
import PeerProtocols
import PeerTransport

/// Answers that nobody reads: what they take is counted until the socket has taken them, and when they do not move for a while
/// the connection ends.
extension StreamMultiplexer {
    /// Whether answers of responders wait, here or at the socket.
    var hasAnswers: Bool { answersWaiting + answersInSocket > 0 }

    /// Notes that the socket is given so many bytes of memory with answers, or has taken them.
    func noteInSocket(_ change: Int) {
        if change < 0 || answersInSocket == 0 { lastTaken = eventLoop.now }
        answersInSocket += change
        _ = role.slot.hold(change)
        watchUnread()
    }

    /// Begins to look whether answers move, unless it has begun.
    func watchUnread() {
        guard unreadTimer == nil, hasAnswers else { return }
        lastInSocket = inSocket()
        lookForUnread(in: TimeAmount(configuration.timeouts.unreadAnswer))
    }

    private func lookForUnread(in delay: TimeAmount) {
        unreadTimer = eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            self?.lookForUnread()
        }
    }

    private func lookForUnread() {
        unreadTimer = nil
        guard hasAnswers else { return }
        let now = eventLoop.now
        var since = now
        if answersInSocket > 0 {
            // Of one large write a slow line takes one part after another.
            let bytes = inSocket()
            if bytes < lastInSocket { lastTaken = now }
            lastInSocket = bytes
            since = lastTaken
        }
        // Answers that have no window; others wait for their turn.
        for (id, entry) in entries {
            guard let service = entry.service, service.waiting > 0, session.sendable(id) == 0 else { continue }
            since = min(since, service.lastMove)
        }
        let limit = configuration.timeouts.unreadAnswer
        let left = TimeAmount(limit) - (now - since)
        guard left <= .zero else { return lookForUnread(in: left) }
        onUnread(
            TransportError(.timedOut, "the other side does not read: no answer moved for \(limit)"))
    }
}
