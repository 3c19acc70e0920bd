import Multiformats
import PeerTransport

/// What a ``FrameLink`` is in the middle of, and what it does next: without I/O, tasks or time.
///
/// The link asks it under a lock, and acts on the answer outside the lock; only events are pushed under it, since they must
/// come in the order of the changes.
struct LinkState {
    private enum Phase {
        /// Nothing has asked for the peer yet.
        case idle
        /// Asked for, and not yet told of as connected.
        case connecting
        /// Told of as connected.
        case up
        /// Told of as connected, and to be left when everything is written; perhaps asked for again.
        case closing(again: [Multiaddr]?)
        /// The connection is gone, and what the peer's streams have brought is still passed on; perhaps asked for again.
        case draining(again: [Multiaddr]?)
        case ended
    }

    /// Whether the link stays without a frame of the peer.
    private enum Standing {
        /// The peer came by itself.
        case stranger
        /// The peer came by itself, and its time for a first frame runs.
        case onProbation
        /// This side asked for the peer, or a whole frame of it came.
        case welcome
    }

    private let limits: NodePeerNetwork.Configuration
    private var phase = Phase.idle
    private var standing = Standing.stranger
    private var addresses: [Multiaddr] = []
    private var hasTask = false
    private var queue: FrameQueue
    private var outgoing = OutgoingStream()
    private var incoming = IncomingStreams()

    init(limits: NodePeerNetwork.Configuration) {
        self.limits = limits
        self.queue = FrameQueue(
            maximumFrames: limits.maximumQueuedFrames, maximumBytes: limits.maximumQueuedBytes)
    }

    /// Whether the link has no connection any more: what the node has with the peer now is no concern of this link.
    var isCutOff: Bool {
        switch phase {
        case .draining, .ended: true
        case .idle, .connecting, .up, .closing: false
        }
    }

    /// Whether the consumer was told that the peer is connected, and not yet that it is gone.
    private var isTold: Bool {
        switch phase {
        case .up, .closing, .draining: true
        case .idle, .connecting, .ended: false
        }
    }

    // MARK: Connecting and leaving

    /// What ``connect(_:)`` calls for.
    enum Connecting: Equatable {
        /// The link's task is to be started.
        case start
        /// It is under way, or there, or will be sought again.
        case noted
        /// The link has ended and another one is needed.
        case refused
    }

    /// This side asks for the peer.
    mutating func connect(_ addresses: [Multiaddr]) -> Connecting {
        standing = .welcome
        switch phase {
        case .idle:
            phase = .connecting
            self.addresses = addresses
            return takeTask() ? .start : .noted
        case .connecting, .up:
            return .noted
        case .closing:
            phase = .closing(again: addresses)
            return .noted
        case .draining:
            phase = .draining(again: addresses)
            return .noted
        case .ended:
            return .refused
        }
    }

    /// What ``disconnect()`` calls for.
    enum Disconnecting: Equatable {
        /// There is no connection yet, or none any more: the link ends now.
        case finish
        /// The task writes what waits and closes; the peer has a time limit for reading it.
        case close
        case nothing
    }

    mutating func disconnect() -> Disconnecting {
        switch phase {
        case .idle, .connecting:
            return .finish
        case .up:
            phase = .closing(again: nil)
            return .close
        case .closing:
            phase = .closing(again: nil)
            return .nothing
        case .draining:
            phase = .draining(again: nil)
            return .finish
        case .ended:
            return .nothing
        }
    }

    /// What the loss of the connection calls for.
    enum Loss: Equatable {
        /// The link ends now.
        case finish
        /// The link ends when the peer's streams are read to their ends; that has a time limit.
        case drain
        case nothing
    }

    /// The connection is gone, or of no use any more.
    mutating func connectionLost() -> Loss {
        let again: [Multiaddr]?
        switch phase {
        case .idle, .connecting: return .nothing
        case .up: again = nil
        case .closing(let addresses): again = addresses
        case .draining, .ended: return .nothing
        }
        guard incoming.areOpen else { return .finish }
        phase = .draining(again: again)
        return .drain
    }

    /// Another connection to the peer took the place of the one that is used.
    mutating func connectionReplaced() {
        outgoing.move()
    }

    /// No stream to the peer can be opened.
    mutating func openingGivenUp() -> Loss {
        switch phase {
        case .idle, .connecting: .finish
        case .up, .closing, .draining, .ended: connectionLost()
        }
    }

    /// What is left of a link that has ended.
    struct Ending {
        /// What the consumer was told of the peer before, and must be told the end of.
        enum Told: Equatable {
            case nothing
            case connecting
            case connected
        }

        let told: Told
        /// Streams that are reset. After a farewell the outgoing one has ended in good order, and the peer may still be reading.
        let streams: [any ByteStream]
        /// Asked for again while it was closing.
        let again: [Multiaddr]?
    }

    /// Ends the link.
    ///
    /// - Returns: What is left of it; nil if it had ended before.
    mutating func end() -> Ending? {
        let told: Ending.Told
        var outgoingStream = outgoing.current?.stream
        var again: [Multiaddr]?
        switch phase {
        case .idle: told = .nothing
        case .connecting: told = .connecting
        case .up: told = .connected
        case .closing(let addresses):
            told = .connected
            outgoingStream = nil
            again = addresses
        case .draining(let addresses):
            told = .connected
            again = addresses
        case .ended: return nil
        }
        let streams = [incoming.newest?.stream, outgoingStream].compactMap(\.self)
        self = LinkState(limits: limits)
        phase = .ended
        return Ending(told: told, streams: streams, again: again)
    }

    // MARK: Sending

    /// What becomes of a frame that is to be sent.
    enum Sending {
        /// It goes to the stream right away; ``endWrite(of:)`` follows.
        case write(OutgoingStream.Handle)
        case queued
        case dropped
    }

    mutating func send(_ frame: [UInt8]) -> Sending {
        guard case .up = phase else { return .dropped }
        if queue.isEmpty, let handle = outgoing.beginWrite() { return .write(handle) }
        return queue.append(frame) ? .queued : .dropped
    }

    /// How a frame fared that was to be written right away.
    enum Writing: Equatable {
        case written
        /// The stream had no room.
        case refused
        /// The stream broke; the frame waits for the next one.
        case broken
    }

    /// - Returns: Whether the frame is on its way, and whether the task has something to do.
    mutating func endWrite(
        of frame: [UInt8], to handle: OutgoingStream.Handle, _ writing: Writing
    ) -> (isSent: Bool, wakes: Bool) {
        guard !isCutOff else { return (writing == .written, false) }
        if writing == .broken { outgoing.forget(handle) }
        outgoing.endWrite()
        let isSent = writing == .written || queue.putBack(frame)
        guard case .up = phase else { return (isSent, true) }
        return (isSent, !queue.isEmpty || outgoing.idle == nil)
    }

    /// What the link's task does next.
    enum Step {
        case open([Multiaddr])
        /// ``endWrite()`` follows.
        case write([UInt8], OutgoingStream.Handle)
        /// Closes the connection, when the peer has read this stream.
        case finish(OutgoingStream.Handle?)
        case giveUp
        case wait
        case stop
    }

    mutating func nextStep() -> Step {
        let isClosing: Bool
        switch phase {
        case .draining, .ended: return .stop
        case .closing: isClosing = true
        case .idle, .connecting, .up: isClosing = false
        }
        if outgoing.reopenings > limits.maximumReopenings { return .giveUp }
        // A sender writes at this moment, and wakes the task after it.
        if outgoing.isWriting { return .wait }
        if outgoing.idle == nil {
            // There is no use in opening a stream only to leave.
            return isClosing && queue.isEmpty ? .finish(outgoing.current) : .open(addresses)
        }
        if !queue.isEmpty, let handle = outgoing.beginWrite() {
            return .write(queue.takeBatch(ofBytes: limits.writeBatchBytes), handle)
        }
        return isClosing ? .finish(outgoing.current) : .wait
    }

    /// The task has written its batch, or failed to.
    mutating func endWrite() {
        outgoing.endWrite()
    }

    /// The outgoing stream broke, and another one is to be opened.
    mutating func forget(_ handle: OutgoingStream.Handle) {
        outgoing.forget(handle)
    }

    /// - Returns: Whether a stream that could not be opened is tried once more.
    mutating func openingFailed() -> Bool {
        guard !isCutOff, outgoing.reopenings < limits.maximumReopenings else { return false }
        outgoing.countReopening()
        return true
    }

    /// A stream to the peer was opened, for the first time or in the place of another.
    ///
    /// - Returns: It, the former one, and whether the peer is to be told of as connected; nil when the link is cut off.
    mutating func opened(
        _ stream: any ByteStream
    ) -> (handle: OutgoingStream.Handle, former: OutgoingStream.Handle?, isNew: Bool)? {
        guard !isCutOff else { return nil }
        let (handle, former) = outgoing.replace(with: stream)
        return (handle, former, comeUp())
    }

    // MARK: Receiving

    /// The peer opened a stream.
    ///
    /// - Returns: It, the one that it takes the place of, whether the peer is to be told of as connected, and whether the link's
    ///   task is to be started; nil when the link is cut off.
    mutating func accept(
        _ stream: any ByteStream
    ) -> (handle: IncomingStreams.Handle, previous: IncomingStreams.Handle?, isNew: Bool, starts: Bool)? {
        guard !isCutOff else { return nil }
        let (handle, previous) = incoming.add(stream)
        return (handle, previous, comeUp(), takeTask())
    }

    mutating func hearOnly(from handle: IncomingStreams.Handle) {
        incoming.hearOnly(from: handle)
    }

    /// A stream of the peer was read to its end.
    ///
    /// - Returns: Whether the link ends with it.
    mutating func remove(_ handle: IncomingStreams.Handle) -> Bool {
        incoming.remove(handle)
        guard case .draining = phase else { return false }
        return !incoming.areOpen
    }

    /// Whether a frame of this stream is passed on.
    func hears(_ handle: IncomingStreams.Handle) -> Bool {
        isTold && incoming.hears(handle)
    }

    /// A whole frame came.
    mutating func heard() {
        standing = .welcome
    }

    /// - Returns: Whether the time for the first frame begins now.
    mutating func beginProbation() -> Bool {
        guard case .stranger = standing else { return false }
        standing = .onProbation
        return true
    }

    /// Whether the peer came by itself, and has said nothing.
    var isUnheard: Bool {
        if case .welcome = standing { false } else { !isCutOff }
    }

    // MARK: Inside

    /// - Returns: Whether the peer was not connected before.
    private mutating func comeUp() -> Bool {
        switch phase {
        case .idle, .connecting:
            phase = .up
            return true
        case .up, .closing, .draining, .ended:
            return false
        }
    }

    private mutating func takeTask() -> Bool {
        defer { hasTask = true }
        return !hasTask
    }
}
