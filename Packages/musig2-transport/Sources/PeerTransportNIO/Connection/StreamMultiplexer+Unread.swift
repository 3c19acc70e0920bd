import NIOCore
import PeerTransport

/// Answers that nobody reads: what they take is counted until the socket has taken them, and when they do not move for a while
/// the connection ends.
extension StreamMultiplexer {
    /// Whether answers of responders wait, here or at the socket.
    var hasAnswers: Bool { self.answersWaiting + self.answersInSocket > 0 }

    /// Notes that the socket is given so many bytes of memory with answers, or has taken them.
    func noteInSocket(_ change: Int) {
        if change < 0 || self.answersInSocket == 0 { self.lastTaken = self.eventLoop.now }
        self.answersInSocket += change
        _ = self.role.slot.hold(change)
        self.watchUnread()
    }

    /// Begins to look whether answers move, unless it has begun.
    func watchUnread() {
        guard self.unreadTimer == nil, self.hasAnswers else { return }
        self.lastInSocket = self.inSocket()
        self.lookForUnread(in: TimeAmount(self.configuration.timeouts.unreadAnswer))
    }

    private func lookForUnread(in delay: TimeAmount) {
        self.unreadTimer = self.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            self?.lookForUnread()
        }
    }

    private func lookForUnread() {
        self.unreadTimer = nil
        guard self.hasAnswers else { return }
        let now = self.eventLoop.now
        var since = now
        if self.answersInSocket > 0 {
            // Of one large write a slow line takes one part after another.
            let bytes = self.inSocket()
            if bytes < self.lastInSocket { self.lastTaken = now }
            self.lastInSocket = bytes
            since = self.lastTaken
        }
        // Answers that have no window; others wait for their turn.
        for (id, entry) in self.entries {
            guard let service = entry.service, service.waiting > 0, self.session.sendable(id) == 0 else { continue }
            since = min(since, service.lastMove)
        }
        let limit = self.configuration.timeouts.unreadAnswer
        let left = TimeAmount(limit) - (now - since)
        guard left <= .zero else { return self.lookForUnread(in: left) }
        self.onUnread(
            TransportError(.timedOut, "the other side does not read: no answer moved for \(limit)"))
    }
}
