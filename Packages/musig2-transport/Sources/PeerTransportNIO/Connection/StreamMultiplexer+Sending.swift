import NIOCore
import PeerProtocols
import PeerTransport

/// Moving bytes of the streams into frames.
extension StreamMultiplexer {
    /// Whether there is anything to send, or to go on with.
    var hasWork: Bool { output.readableBytes > 0 || !sendQueue.isEmpty || !answers.stalled.isEmpty }

    /// Moves bytes of the streams into the output, one frame of each in turn, until it holds `limit` bytes.
    func fill(upTo limit: Int) {
        repeat {
            while output.readableBytes < limit, let id = sendQueue.popFirst() {
                guard let entry = entries[id] else { continue }
                entry.isQueued = false
                sendFrame(id, entry.core)
            }
        } while output.readableBytes < limit && resumeStalled()
    }

    func sendFrame(_ id: UInt32, _ core: StreamCore) {
        let allowed = session.sendable(id)
        let start = output.writerIndex
        output.moveWriterIndex(forwardBy: reserveHeader())
        let (left, footprint, closesWrite) = core.drainOutput(allowed) { _ = output.writeBytes($0) }
        let count = output.writerIndex - start - YamuxHeader.byteCount
        if count > 0, case .frame(let header) = session.send(id, upTo: count) {
            let (first, second) = header.words
            output.setInteger(first, at: start)
            output.setInteger(second, at: start + 8)
        } else {
            output.moveWriterIndex(to: start)
        }
        answersLeft(id, footprint, hasMoved: count > 0)
        if left > 0 {
            // With an empty window the stream is queued again when credit comes.
            if session.sendable(id) > 0 { queue(id) }
        } else if closesWrite, entries[id]?.mayClose == true {
            if case .send(let frame) = session.closeWrite(id) { write(frame) }
            if !session.isOpen(id) { forget(id) }
        }
    }

    private func reserveHeader() -> Int {
        output.reserveCapacity(minimumWritableBytes: YamuxHeader.byteCount)
        return YamuxHeader.byteCount
    }

    /// Puts a frame without a body into the output.
    func write(_ header: YamuxHeader) {
        let (first, second) = header.words
        output.writeInteger(first)
        output.writeInteger(second)
    }

    func queue(_ id: UInt32) {
        guard let entry = entries[id], !entry.isQueued else { return }
        entry.isQueued = true
        sendQueue.append(id)
    }

    // MARK: Answers that nobody reads

    // What they take is counted until the socket has taken them, and when they do not move for a while the connection ends.

    /// Whether answers of responders wait, here or at the socket.
    var hasAnswers: Bool { !answers.isEmpty }

    /// Notes that the socket is given so many bytes of memory with answers, or has taken them.
    func noteInSocket(_ change: Int) {
        if change < 0 || answers.inSocket == 0 { answers.lastTaken = eventLoop.now }
        answers.inSocket += change
        _ = role.slot.hold(change)
        watchUnread()
    }

    /// Begins to look whether answers move, unless it has begun.
    func watchUnread() {
        guard answers.timer == nil, hasAnswers else { return }
        answers.lastInSocket = inSocket()
        lookForUnread(in: TimeAmount(configuration.timeouts.unreadAnswer))
    }

    private func lookForUnread(in delay: TimeAmount) {
        answers.timer = eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            self?.lookForUnread()
        }
    }

    private func lookForUnread() {
        answers.timer = nil
        guard hasAnswers else { return }
        let now = eventLoop.now
        var since = now
        if answers.inSocket > 0 {
            // Of one large write a slow line takes one part after another.
            let bytes = inSocket()
            if bytes < answers.lastInSocket { answers.lastTaken = now }
            answers.lastInSocket = bytes
            since = answers.lastTaken
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
