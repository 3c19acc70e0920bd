import NIOCore
import PeerTransport

/// Streams that are served on the event loop, each by a ``StreamResponder``.
///
/// A responder is given bytes only while its answers are taken: when they pile up, what comes waits with the stream, and as
/// nothing is credited the other side's window runs out.
extension StreamMultiplexer {
    /// The state of a stream that a responder serves.
    struct Service {
        let responder: any StreamResponder
        /// Bytes of answers that wait to be sent.
        var waiting = 0
        /// Whether requests wait because answers do.
        var isStalled = false
        /// Whether the other side closed its half and the responder was not told yet.
        var awaitsEnd = false
        /// Whether the responder has said all: it is given nothing more.
        var isFinished = false
        /// Whether anything came or went since the timer last looked.
        var isActive = true
    }

    /// The most bytes that a responder is given at once: what it answers to one piece may exceed the limits of answers.
    private static let requestPiece = 16_384

    /// Begins to serve a stream whose protocol was just agreed on.
    func serve(_ id: UInt32, _ protocolID: ProtocolID, _ factory: ResponderFactory) {
        let context = ResponderContext(
            remotePeer: self.remotePeer, remoteAddress: self.role.remoteAddress, protocolID: protocolID)
        guard let responder = factory(context) else {
            return self.reset(id, TransportError(.streamReset, "\(protocolID): no responder was made for the stream"))
        }
        self.entries[id]?.service = Service(responder: responder)
        self.entries[id]?.timer = self.idleTimer(id)
        self.carryOut(responder.begin(), id)
    }

    /// Gives a responder what came, or keeps it for later.
    func request(_ id: UInt32, _ bytes: UnsafeRawBufferPointer) {
        self.entries[id]?.service?.isActive = true
        var start = 0
        while start < bytes.count, let entry = self.entries[id], let service = entry.service, !service.isFinished {
            guard !service.isStalled, self.mayAnswer(service) else {
                self.stall(id)
                return self.deliver(id, entry.core, UnsafeRawBufferPointer(rebasing: bytes[start...]))
            }
            let end = min(start + Self.requestPiece, bytes.count)
            self.carryOut(service.responder.receive(Array(bytes[start..<end])), id)
            self.credit(id, end - start)
            start = end
        }
    }

    /// The other side of a served stream closed its half.
    func requestEnded(_ id: UInt32) {
        guard let service = self.entries[id]?.service else { return }
        if service.isFinished {
            if !self.session.isOpen(id) { self.forget(id) }
        } else if service.isStalled {
            self.entries[id]?.service?.awaitsEnd = true
        } else {
            self.end(id, service)
        }
    }

    /// Notes that so many bytes of a served stream still wait to be sent.
    func answersLeft(_ id: UInt32, _ left: Int) {
        guard let service = self.entries[id]?.service else { return }
        self.entries[id]?.service?.isActive = true
        self.noteAnswers(id, min(service.waiting, left))
    }

    /// Goes on with streams whose requests waited, as far as answers are taken.
    ///
    /// - Returns: whether any responder was given anything.
    func resumeStalled() -> Bool {
        guard !self.stalled.isEmpty else { return false }
        var hasResumed = false
        var ids: [UInt32] = []
        swap(&ids, &self.stalled)
        for id in ids {
            self.entries[id]?.service?.isStalled = false
            while let entry = self.entries[id], let service = entry.service, !service.isFinished {
                guard self.mayAnswer(service) else {
                    self.stall(id)
                    break
                }
                if let (bytes, left) = entry.core.takeInput(upTo: Self.requestPiece) {
                    self.note(id, held: left)
                    self.carryOut(service.responder.receive(bytes), id)
                    self.credit(id, bytes.count)
                } else {
                    guard service.awaitsEnd else { break }
                    self.end(id, service)
                }
                hasResumed = true
            }
        }
        return hasResumed
    }

    /// Lets go of what a served stream had waiting.
    func dropAnswers(_ id: UInt32) {
        if self.entries[id]?.service != nil { self.noteAnswers(id, 0) }
    }

    private func mayAnswer(_ service: Service) -> Bool {
        let limits = self.configuration.limits
        return service.waiting <= limits.streamAnswers
            && self.answersWaiting <= min(limits.connectionAnswers, self.role.slot.hold(0))
    }

    private func stall(_ id: UInt32) {
        guard self.entries[id]?.service?.isStalled == false else { return }
        self.entries[id]?.service?.isStalled = true
        self.stalled.append(id)
    }

    private func carryOut(_ action: ResponderAction, _ id: UInt32) {
        switch action {
        case .send(let answer):
            self.send(answer, id)
        case .finish(let answer):
            self.send(answer, id)
            self.finish(id)
        case .reset:
            self.reset(id, TransportError(.streamReset, "the stream was reset by its responder"))
        }
    }

    private func end(_ id: UInt32, _ service: Service) {
        self.carryOut(service.responder.receiveEnd(), id)
        if self.entries[id]?.service?.isFinished == false { self.finish(id) }
    }

    private func send(_ answer: [UInt8], _ id: UInt32) {
        guard !answer.isEmpty, let entry = self.entries[id], let service = entry.service else { return }
        entry.core.enqueueFromLoop(answer)
        self.noteAnswers(id, service.waiting + answer.count)
        self.queue(id)
    }

    private func finish(_ id: UInt32) {
        guard let entry = self.entries[id] else { return }
        entry.core.finishFromLoop()
        self.note(id, held: 0)
        self.entries[id]?.service?.isFinished = true
        entry.timer?.cancel()
        self.entries[id]?.timer = self.lingerTimer(id)
        self.queue(id)
    }

    private func noteAnswers(_ id: UInt32, _ waiting: Int) {
        let change = waiting - (self.entries[id]?.service?.waiting ?? 0)
        self.entries[id]?.service?.waiting = waiting
        self.answersWaiting += change
        _ = self.role.slot.hold(change)
    }

    /// A served stream on which nothing moves from one look of this timer to the next is reset.
    private func idleTimer(_ id: UInt32) -> Scheduled<Void> {
        let limit = self.configuration.timeouts.idleResponder
        return self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) { [weak self] in
            guard let self, let service = self.entries[id]?.service, !service.isFinished else { return }
            if service.isActive {
                self.entries[id]?.service?.isActive = false
                self.entries[id]?.timer = self.idleTimer(id)
            } else {
                self.reset(id, TransportError(.timedOut, "nothing moved on the stream for \(limit)"))
                self.onTimer()
            }
        }
    }
}
