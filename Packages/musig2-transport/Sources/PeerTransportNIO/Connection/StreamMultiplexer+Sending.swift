import NIOCore
import PeerProtocols
import PeerTransport

/// Moving bytes of the streams into frames.
extension StreamMultiplexer {
    /// Whether there is anything to send, or to go on with.
    var hasWork: Bool { output.readableBytes > 0 || !sendQueue.isEmpty || !stalled.isEmpty }

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
}
