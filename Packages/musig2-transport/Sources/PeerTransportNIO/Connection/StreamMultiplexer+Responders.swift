import NIOCore
import PeerProtocols
import PeerTransport

/// Streams that are served on the event loop, each by a ``StreamResponder``.
///
/// A responder is given bytes only while its answers are taken: when they pile up, what comes waits with the stream, and as
/// nothing is credited the other side's window runs out.
extension StreamMultiplexer {
    /// The state of a stream that a responder serves.
    struct Service {
        let responder: any StreamResponder
        /// What the answers that wait to be sent take, in bytes of memory.
        var waiting = 0
        /// Whether the responder has more to say, without anything being handed to it: at the beginning, or as it says itself.
        var hasMore = true
        /// Whether it was called for what it says first.
        var hasBegun = false
        /// Whether requests wait because answers do.
        var isStalled = false
        /// Whether the responder waits to be woken: it is given nothing until then.
        var isAwaiting = false
        /// Whether the other side closed its half and the responder was not told yet.
        var awaitsEnd = false
        /// Whether the responder has said all: it is given nothing more.
        var isFinished = false
        /// Whether anything came or went since the timer last looked.
        var isActive = true
        /// When an answer was last sent on, or began to wait.
        var lastMove: NIODeadline
    }

    /// The most bytes that a responder is given at once.
    private static let requestPiece = 16_384

    private static func piece(for service: Service) -> Int {
        max(1, min(requestPiece, service.responder.maximumPiece))
    }

    /// Begins to serve a stream with a protocol that was just agreed on.
    func serve(_ id: UInt32, _ protocolID: ProtocolID, _ factory: ResponderFactory) {
        let context = ResponderContext(
            remotePeer: remotePeer, remoteAddress: role.remoteAddress, protocolID: protocolID)
        guard let responder = factory(context) else {
            return reset(id, TransportError(.streamReset, "\(protocolID): no responder was made for the stream"))
        }
        entries[id]?.service = Service(responder: responder, lastMove: eventLoop.now)
        entries[id]?.timer = idleTimer(id)
        resume(id)
    }

    /// Gives a responder what came, or keeps it for later.
    func request(_ id: UInt32, _ bytes: UnsafeRawBufferPointer) {
        entries[id]?.service?.isActive = true
        var start = 0
        while start < bytes.count, let entry = entries[id], let service = entry.service, !service.isFinished {
            let end = min(start + Self.piece(for: service), bytes.count)
            guard
                !service.isStalled,
                call(id, service, handing: end - start, { $0.receive(Array(bytes[start..<end])) })
            else {
                return deliver(id, entry.core, UnsafeRawBufferPointer(rebasing: bytes[start...]))
            }
            credit(id, end - start)
            start = end
            resume(id)
        }
    }

    /// Lets a responder say what it has to say without being handed anything, as far as there is room.
    private func resume(_ id: UInt32) {
        while let entry = entries[id], let service = entry.service, service.hasMore, !service.isFinished {
            entry.service?.hasMore = false
            entry.service?.hasBegun = true
            let isDone = call(id, service, handing: 0) { service.hasBegun ? $0.resume() : $0.begin() }
            guard isDone else {
                entry.service?.hasMore = true
                entry.service?.hasBegun = service.hasBegun
                return
            }
        }
    }

    /// The other side of a served stream closed its half.
    func requestEnded(_ id: UInt32) {
        guard let service = entries[id]?.service else { return }
        if service.isFinished {
            if !session.isOpen(id) { forget(id) }
        } else if service.isStalled {
            entries[id]?.service?.awaitsEnd = true
        } else {
            end(id, service)
        }
    }

    /// Notes what the bytes of a served stream take that still wait to be sent.
    func answersLeft(_ id: UInt32, _ footprint: Int, hasMoved: Bool) {
        guard let entry = entries[id], entry.service != nil else { return }
        entry.service?.isActive = true
        if hasMoved { entry.service?.lastMove = eventLoop.now }
        noteAnswers(entry, footprint)
    }

    /// Goes on with streams with requests that waited, as far as answers are taken.
    ///
    /// - Returns: whether any responder was given anything.
    func resumeStalled() -> Bool {
        guard !answers.stalled.isEmpty else { return false }
        var hasResumed = false
        var ids: [UInt32] = []
        swap(&ids, &answers.stalled)
        for id in ids {
            entries[id]?.service?.isStalled = false
            while let entry = entries[id], let service = entry.service, !service.isFinished, !service.isStalled {
                let count = entry.core.inputPiece(upTo: Self.piece(for: service))
                if service.hasMore {
                    resume(id)
                } else if count > 0 {
                    guard call(id, service, handing: count, { $0.receive(takeInput(id, count)) }) else {
                        break
                    }
                    credit(id, count)
                } else {
                    guard service.awaitsEnd, end(id, service) else { break }
                }
                if entries[id]?.service?.isStalled == true { break }
                hasResumed = true
            }
        }
        return hasResumed
    }

    /// Lets go of what a served stream had waiting.
    func dropAnswers(_ id: UInt32) {
        if let entry = entries[id], entry.service != nil { noteAnswers(entry, 0) }
    }

    private func takeInput(_ id: UInt32, _ count: Int) -> [UInt8] {
        guard let (bytes, left) = entries[id]?.core.takeInput(upTo: count) else { return [] }
        note(id, held: left)
        return bytes
    }

    /// Calls a responder, if it waits for nothing and there is room for what it may answer; otherwise its stream waits.
    ///
    /// - Returns: whether it was called.
    private func call(
        _ id: UInt32, _ service: Service, handing count: Int, _ body: (any StreamResponder) -> ResponderAction
    ) -> Bool {
        let room = service.responder.maximumAnswer(to: count)
        guard !service.isAwaiting, takeRoom(room, for: service) else {
            stall(id)
            return false
        }
        carryOut(body(service.responder), id)
        _ = role.slot.hold(-room)
        return true
    }

    /// Takes room for an answer before it is made, so that what all connections do at the same time fits. One answer is made in any
    /// case: what waits for others is sent when they read, and what waits for nothing would wait for ever.
    private func takeRoom(_ room: Int, for service: Service) -> Bool {
        let limits = configuration.limits
        guard service.waiting == 0 || service.waiting + room <= limits.streamAnswers else { return false }
        let own = answers.waiting + answers.inSocket
        let allowed = role.slot.hold(room)
        guard own == 0 || own + room <= min(limits.connectionAnswers, allowed) else {
            _ = role.slot.hold(-room)
            return false
        }
        return true
    }

    private func stall(_ id: UInt32) {
        guard entries[id]?.service?.isStalled == false else { return }
        entries[id]?.service?.isStalled = true
        answers.stalled.append(id)
    }

    private func carryOut(_ action: ResponderAction, _ id: UInt32) {
        switch action {
        case .send(let answer):
            send(answer, id)
        case .sendAndResume(let answer):
            entries[id]?.service?.hasMore = true
            send(answer, id)
        case .finish(let answer):
            send(answer, id)
            finish(id)
        case .reset:
            reset(id, TransportError(.streamReset, "the stream was reset by its responder"))
        case .wait(let wake):
            entries[id]?.service?.isAwaiting = true
            entries[id]?.service?.hasMore = true
            let this = NIOLoopBound(WeakMultiplexer(self), eventLoop: self.eventLoop)
            wake.onWake { [eventLoop] in eventLoop.execute { this.value.multiplexer?.wake(id) } }
        }
    }

    /// What the responder of a stream waits for is there.
    private func wake(_ id: UInt32) {
        guard let service = entries[id]?.service, service.isAwaiting else { return }
        entries[id]?.service?.isAwaiting = false
        entries[id]?.service?.isActive = true
        if !service.isStalled { resume(id) }
        _ = resumeStalled()
        onTimer()
    }

    /// - Returns: whether the responder was told, for which there must be room.
    @discardableResult
    private func end(_ id: UInt32, _ service: Service) -> Bool {
        guard call(id, service, handing: 0, { $0.receiveEnd() }) else {
            entries[id]?.service?.awaitsEnd = true
            return false
        }
        if entries[id]?.service?.isFinished == false { finish(id) }
        return true
    }

    private func send(_ answer: [UInt8], _ id: UInt32) {
        guard !answer.isEmpty, let entry = entries[id], entry.service != nil else { return }
        noteAnswers(entry, entry.core.enqueueFromLoop(answer))
        queue(id)
    }

    private func finish(_ id: UInt32) {
        guard let entry = entries[id] else { return }
        entry.core.finishFromLoop()
        note(id, held: 0)
        entries[id]?.service?.isFinished = true
        entry.timer?.cancel()
        entries[id]?.timer = lingerTimer(id)
        queue(id)
    }

    private func noteAnswers(_ entry: Entry, _ waiting: Int) {
        let before = entry.service?.waiting ?? 0
        let change = waiting - before
        guard change != 0 else { return }
        if before == 0 { entry.service?.lastMove = eventLoop.now }
        entry.service?.waiting = waiting
        answers.waiting += change
        _ = role.slot.hold(change)
        watchUnread()
    }

    /// A served stream on which nothing moves from one look of this timer to the next is reset.
    private func idleTimer(_ id: UInt32) -> Scheduled<Void> {
        let limit = configuration.timeouts.idleResponder
        return eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) { [weak self] in
            guard let self, let service = entries[id]?.service, !service.isFinished else { return }
            if service.isActive {
                entries[id]?.service?.isActive = false
                entries[id]?.timer = idleTimer(id)
            } else {
                reset(id, TransportError(.timedOut, "nothing moved on the stream for \(limit)"))
                onTimer()
            }
        }
    }
}

/// What waits for a responder does not keep the connection.
private final class WeakMultiplexer {
    private(set) weak var multiplexer: StreamMultiplexer?

    init(_ multiplexer: StreamMultiplexer) {
        self.multiplexer = multiplexer
    }
}
