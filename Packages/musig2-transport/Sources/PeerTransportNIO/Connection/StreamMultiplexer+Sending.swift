import NIOCore
import PeerTransport

/// Moving bytes of the streams into frames.
extension StreamMultiplexer {
    /// Whether there is anything to send, or to go on with.
    var hasWork: Bool { self.output.readableBytes > 0 || !self.sendQueue.isEmpty || !self.stalled.isEmpty }

    /// Moves bytes of the streams into the output, one frame of each in turn, until it holds `limit` bytes.
    func fill(upTo limit: Int) {
        repeat {
            while self.output.readableBytes < limit, let id = self.sendQueue.popFirst() {
                guard let entry = self.entries[id] else { continue }
                entry.isQueued = false
                self.sendFrame(id, entry.core)
            }
        } while self.output.readableBytes < limit && self.resumeStalled()
    }

    func sendFrame(_ id: UInt32, _ core: StreamCore) {
        let allowed = self.session.sendable(id)
        let start = self.output.writerIndex
        self.output.moveWriterIndex(forwardBy: self.reserveHeader())
        let (left, footprint, closesWrite) = core.drainOutput(allowed) { _ = self.output.writeBytes($0) }
        let count = self.output.writerIndex - start - YamuxHeader.byteCount
        if count > 0, case .frame(let header) = self.session.send(id, upTo: count) {
            let (first, second) = header.words
            self.output.setInteger(first, at: start)
            self.output.setInteger(second, at: start + 8)
        } else {
            self.output.moveWriterIndex(to: start)
        }
        self.answersLeft(id, footprint, hasMoved: count > 0)
        if left > 0 {
            // With an empty window the stream is queued again when credit comes.
            if self.session.sendable(id) > 0 { self.queue(id) }
        } else if closesWrite, self.entries[id]?.mayClose == true {
            if case .send(let frame) = self.session.closeWrite(id) { self.write(frame) }
            if !self.session.isOpen(id) { self.forget(id) }
        }
    }

    private func reserveHeader() -> Int {
        self.output.reserveCapacity(minimumWritableBytes: YamuxHeader.byteCount)
        return YamuxHeader.byteCount
    }

    /// Puts a frame without a body into the output.
    func write(_ header: YamuxHeader) {
        let (first, second) = header.words
        self.output.writeInteger(first)
        self.output.writeInteger(second)
    }

    func queue(_ id: UInt32) {
        guard let entry = self.entries[id], !entry.isQueued else { return }
        entry.isQueued = true
        self.sendQueue.append(id)
    }
}
