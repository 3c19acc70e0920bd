import Multiformats
import NIOCore
import PeerProtocols
@_spi(Waiting) import PeerTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The streams of one connection: feeds the yamux machine, agrees on the protocol of each stream, and moves bytes between
/// frames and the queues of the streams. It lives on the event loop of the connection and never touches the channel: what is
/// to be sent gathers in ``output``.
final class StreamMultiplexer {
    /// What the connection has to know of received bytes.
    enum Outcome {
        case `continue`
        /// The other side will close in good order.
        case remoteGoesAway
        /// Send what is in the output, then close.
        case fail(TransportError)
    }

    enum Negotiation {
        /// A stream of this side. Without a request its user holds it already and takes the agreement for granted.
        case proposing(MultistreamInitiator, StreamAnswer?)
        case answering(MultistreamListener)
    }

    /// What is known of a stream: an object, since it changes with each frame, and is found by its number.
    final class Entry {
        let core: StreamCore
        var negotiation: Negotiation?
        /// Set for a stream that is served here, and by no task.
        var service: Service?
        var timer: Scheduled<Void>?
        /// Whether it stands in the send queue.
        var isQueued = false
        /// Received bytes it held when last looked at.
        var held = 0
        /// When it began, or last gave credit.
        var lastCredit = NIODeadline.now()

        init(_ core: StreamCore, _ negotiation: Negotiation, _ timer: Scheduled<Void>) {
            self.core = core
            self.negotiation = negotiation
            self.timer = timer
        }

        /// Whether this half may end: not before it is agreed what it speaks, unless that is taken for granted.
        var mayClose: Bool {
            switch negotiation {
            case nil, .proposing(_, nil): return true
            case .proposing, .answering: return false
            }
        }
    }

    /// What the answers of responders take, and where they wait.
    struct Answers {
        /// Those that wait to be sent, in bytes of memory.
        var waiting = 0
        /// Those that the socket has not taken yet, in bytes of memory.
        var inSocket = 0
        /// The streams with requests that wait for answers to be sent.
        var stalled: [UInt32] = []
        /// Looks for answers that nobody reads, while there are any.
        var timer: Scheduled<Void>?
        /// When the socket last took something, and how many bytes waited there when that was last looked at.
        var lastTaken: NIODeadline
        var lastInSocket = 0

        var isEmpty: Bool { waiting + inSocket == 0 }
    }

    /// Plaintext to seal and send.
    var output = ByteBuffer()

    var session: YamuxSession
    var entries: [UInt32: Entry] = [:]
    var sendQueue = Fifo<UInt32>()
    /// Streams with readers that are to be woken when all bytes at hand are read.
    private var touched: [UInt32] = []
    private var held = 0
    var answers: Answers

    let role: ConnectionHandler.Role
    let remotePeer: PeerID
    let eventLoop: any EventLoop
    let configuration: TCPTransport.Configuration
    let accepted: BoundedInbox<NegotiatedStream>
    private let roundTrip: TimeAmount
    private let post: @Sendable (StreamCore) -> Void
    /// Called when a timer has put something into the output.
    let onTimer: () -> Void
    /// Called when answers have waited for too long.
    let onUnread: (TransportError) -> Void
    /// How many bytes wait at the socket.
    let inSocket: () -> Int

    init(
        role: ConnectionHandler.Role,
        remotePeer: PeerID,
        eventLoop: any EventLoop,
        configuration: TCPTransport.Configuration,
        accepted: BoundedInbox<NegotiatedStream>,
        roundTrip: TimeAmount,
        post: @escaping @Sendable (StreamCore) -> Void,
        inSocket: @escaping () -> Int,
        onTimer: @escaping () -> Void,
        onUnread: @escaping (TransportError) -> Void
    ) {
        var limits = YamuxLimits()
        limits.maximumInboundStreams = configuration.limits.inboundStreams
        limits.maximumOutboundStreams = configuration.limits.outboundStreams
        session = YamuxSession(role: role.isInbound ? .server : .client, limits: limits)
        self.role = role
        self.remotePeer = remotePeer
        self.eventLoop = eventLoop
        self.configuration = configuration
        self.accepted = accepted
        self.roundTrip = roundTrip
        self.post = post
        self.inSocket = inSocket
        self.onTimer = onTimer
        self.onUnread = onUnread
        answers = Answers(lastTaken: eventLoop.now)
    }

    // MARK: Receiving

    /// Bytes have come from the socket.
    func beginRead() { session.beginRead() }

    /// Takes decrypted bytes. Readers are woken by ``wakeReaders()``.
    func receive(_ plaintext: Data) -> Outcome {
        plaintext.withUnsafeBytes { receive($0) }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        var offset = 0
        var outcome = Outcome.continue
        while true {
            switch session.receive(bytes, at: &offset) {
            case .needMore:
                return outcome
            case .opened(let id, let reply):
                write(reply)
                accept(id)
            case .refused(_, let reply), .ping(let reply):
                write(reply)
            case .acknowledged, .pong:
                continue
            case .data(let id, let range):
                received(id, UnsafeRawBufferPointer(rebasing: bytes[range]))
            case .windowGrew(let id):
                queue(id)
            case .remoteClosed(let id), .finished(let id):
                remoteClosed(id)
            case .reset(let id, _):
                remove(id, TransportError(.streamReset, "the stream was reset by the other side"))
            case .streamViolation(let id, let reply):
                write(reply)
                remove(
                    id,
                    TransportError(.protocolViolation, "the other side sent data on a stream that it had closed"))
            case .goAway(.normal):
                outcome = .remoteGoesAway
            case .goAway(let code):
                return .fail(
                    TransportError(
                        .connectionClosed, "the other side ended the session with yamux code \(code.rawValue)"))
            case .violation(let error, let goAway):
                write(goAway)
                return .fail(TransportError(.protocolViolation, error.description))
            }
        }
    }

    /// Hands readers what came, once all bytes at hand are read.
    func wakeReaders() {
        while let id = touched.popLast() {
            guard let entry = entries[id] else { continue }
            credit(id, entry.core.wakeReader())
        }
    }

    private func accept(_ id: UInt32) {
        let core = makeCore(id)
        let listener = MultistreamListener(
            maximumLength: configuration.limits.multistreamMessage,
            maximumProposals: configuration.limits.multistreamProposals)
        core.enqueueFromLoop(listener.start())
        entries[id] = Entry(core, .answering(listener), negotiationTimer(id))
        queue(id)
    }

    private func received(_ id: UInt32, _ bytes: UnsafeRawBufferPointer) {
        guard let entry = entries[id] else { return }
        guard let negotiation = entry.negotiation else { return take(id, entry, bytes) }
        var offset = 0
        switch negotiation {
        case .proposing(let initiator, let answer):
            propose(id, initiator, answer, bytes, &offset)
        case .answering(let listener):
            self.answer(id, listener, bytes, &offset)
        }
        credit(id, offset)
        guard offset < bytes.count, let entry = entries[id] else { return }
        take(id, entry, UnsafeRawBufferPointer(rebasing: bytes[offset...]))
    }

    /// Takes bytes of the agreed protocol.
    private func take(_ id: UInt32, _ entry: Entry, _ bytes: UnsafeRawBufferPointer) {
        if entry.service == nil {
            deliver(id, entry.core, bytes)
        } else {
            request(id, bytes)
        }
    }

    /// Keeps bytes for the reader of the stream.
    func deliver(_ id: UInt32, _ core: StreamCore, _ bytes: UnsafeRawBufferPointer) {
        let (held, isDropped) = core.deliver(bytes)
        guard !isDropped else { return credit(id, bytes.count) }
        var limit = note(id, held: held)
        if touched.last != id { touched.append(id) }
        guard self.held > limit else { return }
        // The stream that holds most gives way; in doubt the one that asked for more.
        var largest = id
        for (id, entry) in entries {
            limit = note(id, held: entry.core.heldBytes)
            if entries[id]?.held ?? 0 > entries[largest]?.held ?? 0 { largest = id }
        }
        guard self.held > limit else { return }
        reset(
            largest,
            TransportError(
                .limitExceeded,
                "received bytes of the connection: expected at most \(limit) unread, found \(self.held)"))
    }

    /// Notes how many received bytes a stream holds.
    ///
    /// - Returns: how many all streams of the connection may hold.
    @discardableResult
    func note(_ id: UInt32, held: Int) -> Int {
        guard let entry = entries[id] else { return role.slot.hold(0) }
        let change = held - entry.held
        self.held += change
        entry.held = held
        return role.slot.hold(change)
    }

    private func remoteClosed(_ id: UInt32) {
        guard let entry = entries[id] else { return }
        if entry.negotiation != nil {
            return reset(
                id, TransportError(.streamReset, "the other side closed the stream before a protocol was agreed on"))
        }
        guard entry.service == nil else { return requestEnded(id) }
        entry.core.remoteClosed()
        credit(id, entry.core.wakeReader())
        if !session.isOpen(id) { forget(id) }
    }

    func credit(_ id: UInt32, _ count: Int) {
        session.consumed(id, count: count)
        guard session.owesCredit(id) else { return }
        // Half a window in less than four round trips: the window is what holds the other side up.
        let now = NIODeadline.now()
        let last = entries[id]?.lastCredit ?? now
        entries[id]?.lastCredit = now
        let isFast = now - last < roundTrip * 4 && role.slot.hasRoom
        if case .send(let frame) = session.credit(id, isFast: isFast) {
            write(frame)
        }
    }

    // MARK: What tasks ask for

    /// Opens a stream for a task.
    func open(_ protocols: [ProtocolID], _ answer: StreamAnswer) {
        guard !answer.isAbandoned else { return }
        switch session.open() {
        case .refused(let refusal):
            answer.set(.failure(Self.error(refusal)))
        case .opened(let id, let frame):
            write(frame)
            propose(protocols, on: id, makeCore(id), answer)
        }
    }

    /// Opens a stream that a task uses already.
    private func open(_ core: StreamCore, assuming protocolID: ProtocolID) {
        switch session.open() {
        case .refused(let refusal):
            core.fail(Self.error(refusal), keepsInbox: false)
        case .opened(let id, let frame):
            write(frame)
            propose([protocolID], on: id, core, nil)
        }
    }

    private func propose(_ protocols: [ProtocolID], on id: UInt32, _ core: StreamCore, _ answer: StreamAnswer?) {
        let initiator = MultistreamInitiator(
            proposals: protocols.map(\.name), maximumLength: configuration.limits.multistreamMessage)
        core.opened(id, negotiation: initiator.start())
        entries[id] = Entry(core, .proposing(initiator, answer), negotiationTimer(id))
        queue(id)
    }

    /// Does for a stream what a task asked for.
    func service(_ core: StreamCore) {
        let pending = core.takePending()
        let id = core.id
        if id == 0, let protocolID = core.assumedProtocol {
            if !pending.isReset { open(core, assuming: protocolID) }
            return
        }
        guard let entry = entries[id], entry.core === core else { return }
        if pending.isReset {
            if case .send(let frame) = session.reset(id) { write(frame) }
            return forget(id)
        }
        note(id, held: pending.held)
        credit(id, pending.consumed)
        if pending.output > 0 || pending.closesWrite { queue(id) }
        if pending.isAbandoned, entry.timer == nil { entry.timer = lingerTimer(id) }
    }

    /// Puts a ping into the output.
    func ping(_ value: UInt32) {
        write(session.pingFrame(value))
    }

    /// Whether the last ping was not answered.
    var awaitsPong: Bool { session.awaitsPong }

    /// Lets go of room that only a burst needed, and of the count of bytes that were read without word of it: others must not
    /// have less room for what one connection held once.
    func shrink() {
        for (id, entry) in entries { note(id, held: entry.core.heldBytes) }
        if output.readableBytes == 0 { output = ByteBuffer() }
    }

    /// Puts the end of the session into the output.
    func goAway() {
        write(YamuxSession.goAwayFrame(.normal))
    }

    /// The connection is gone: every stream fails.
    func close(_ error: TransportError) {
        let entries = self.entries
        self.entries = [:]
        _ = role.slot.hold(-held - answers.waiting - answers.inSocket)
        held = 0
        answers.waiting = 0
        answers.inSocket = 0
        answers.timer?.cancel()
        for entry in entries.values {
            entry.timer?.cancel()
            if case .proposing(_, let answer) = entry.negotiation { answer?.set(.failure(error)) }
            entry.core.fail(error, keepsInbox: true)
        }
        // What nobody accepted is let go of.
        _ = accepted.close()
    }

    // MARK: Streams that end

    func reset(_ id: UInt32, _ error: TransportError) {
        if case .send(let frame) = session.reset(id) { write(frame) }
        remove(id, error)
    }

    private func remove(_ id: UInt32, _ error: TransportError) {
        guard let entry = entries[id] else { return }
        forget(id)
        if case .proposing(_, let answer) = entry.negotiation { answer?.set(.failure(error)) }
        entry.core.fail(error, keepsInbox: false)
    }

    func forget(_ id: UInt32) {
        note(id, held: 0)
        dropAnswers(id)
        entries.removeValue(forKey: id)?.timer?.cancel()
    }

    private func makeCore(_ id: UInt32) -> StreamCore {
        StreamCore(id: id, sendBuffer: configuration.limits.streamSendBuffer, post: post)
    }

    private static func error(_ refusal: YamuxSession.OpenRefusal) -> TransportError {
        switch refusal {
        case .tooManyStreams(let limit):
            return TransportError(.limitExceeded, "streams opened on this connection: expected at most \(limit)")
        case .tooManyUnanswered(let limit):
            return TransportError(
                .limitExceeded, "streams that the other side has not answered: expected at most \(limit)")
        case .goingAway:
            return TransportError(.connectionClosed, "the other side is closing the connection")
        case .idsExhausted:
            return TransportError(.limitExceeded, "all stream ids of this connection are used: open another connection")
        }
    }
}
