import PeerProtocols
import PeerTransport

/// The two halves of a stream, what they hold, and how it ended: without lock, task or event loop.
///
/// ``StreamCore`` asks it under its lock. A read or write that waits is only noted here; the answers say when it goes on.
struct StreamState {
    /// How a wait for bytes ended.
    enum ReadOutcome: Sendable {
        case bytes([UInt8])
        case end
        case failed(TransportError)
    }

    /// What the loop has to do for a stream that was posted.
    struct Pending {
        /// Bytes that wait to be sent.
        var output = 0
        /// Whether this half ends after those bytes.
        var closesWrite = false
        /// Whether the stream was reset by this side.
        var isReset = false
        /// Whether nobody holds the stream any more.
        var isAbandoned = false
        /// Bytes that the reader took since the last time.
        var consumed = 0
        /// Bytes that came and were not read.
        var held = 0
    }

    /// What comes from the other side.
    private struct ReceivingHalf {
        var bytes = ByteQueue()
        /// The most bytes that the waiting reader takes; nil when none waits.
        var wanted: Int?
        /// Bytes that were taken and not yet reported to the loop.
        var consumed = 0
        /// The other side has closed its half.
        var isClosed = false
    }

    /// What goes to the other side.
    private struct SendingHalf {
        enum Writer {
            case none
            /// A task is about to wait for room: no other one may write meanwhile.
            case expected
            case waiting
        }

        var bytes = ByteQueue()
        var writer = Writer.none
        /// This side has closed its half.
        var isClosed = false
    }

    private struct Failure {
        var error: TransportError
        /// Whether what had come and was not read may still be read.
        var keepsInput: Bool
        /// Whether this side reset the stream.
        var isReset: Bool
    }

    /// What the loop knows of the stream.
    private enum Notice {
        /// The stream was never used, and so never opened.
        case unknown
        case known
        /// The loop was told to look, and has not looked yet.
        case posted
    }

    private let sendBuffer: Int
    private var receiving = ReceivingHalf()
    private var sending = SendingHalf()
    private var failure: Failure?
    private var notice: Notice
    private var isAbandoned = false

    /// A stream in which nothing has happened.
    ///
    /// - Parameters:
    ///   - sendBuffer: How many bytes may wait to be sent before writers wait.
    ///   - isKnown: Whether the loop has opened the stream already.
    init(sendBuffer: Int, isKnown: Bool) {
        self.sendBuffer = sendBuffer
        notice = isKnown ? .known : .unknown
    }

    // MARK: Reading

    /// Reads what is there.
    ///
    /// - Returns: What the reader gets, nil if it has to wait; and whether the loop must be told.
    mutating func read(upTo maximum: Int) -> (ReadOutcome?, mustPost: Bool) {
        guard receiving.wanted == nil else {
            return (.failed(TransportError(.invalidArgument, "another task reads from this stream")), false)
        }
        guard let (outcome, count) = next(maximum) else { return (nil, false) }
        return (outcome, consume(count))
    }

    /// As ``read(upTo:)``; a reader that has to wait is noted, and the stream is opened for it.
    mutating func readOrWait(upTo maximum: Int) -> (ReadOutcome?, mustPost: Bool) {
        let (outcome, mustPost) = read(upTo: maximum)
        guard outcome == nil else { return (outcome, mustPost) }
        receiving.wanted = maximum
        guard case .unknown = notice else { return (nil, false) }
        return (nil, post())
    }

    mutating func stopReading() {
        receiving.wanted = nil
    }

    /// - Returns: What the waiting reader gets, and how many bytes were taken since the loop last asked; nil when no reader waits or
    ///   there is nothing for it.
    mutating func wakeReader() -> (ReadOutcome, consumed: Int)? {
        guard let wanted = receiving.wanted, let (outcome, count) = next(wanted) else { return nil }
        receiving.wanted = nil
        defer { receiving.consumed = 0 }
        return (outcome, receiving.consumed + count)
    }

    /// What a reader gets now, and how many bytes of it count as consumed; nil when it has to wait.
    private mutating func next(_ maximum: Int) -> (ReadOutcome, Int)? {
        if !receiving.bytes.isEmpty {
            let bytes = receiving.bytes.take(upTo: maximum)
            return (.bytes(bytes), bytes.count)
        }
        // A half that ended in good order before the connection broke has ended in good order.
        if let failure, !failure.keepsInput || !receiving.isClosed { return (.failed(failure.error), 0) }
        return receiving.isClosed ? (.end, 0) : nil
    }

    /// Notes bytes that a task took.
    ///
    /// - Returns: Whether the loop must be told: only when the credit is worth the wake-up.
    private mutating func consume(_ count: Int) -> Bool {
        receiving.consumed += count
        guard receiving.consumed >= YamuxLimits.creditStep, failure == nil, !receiving.isClosed else { return false }
        return post()
    }

    // MARK: Writing

    /// Takes bytes that are to be sent.
    ///
    /// - Returns: Whether the writer has to wait for room, and whether the loop must be told.
    mutating func write(_ bytes: [UInt8]) throws(TransportError) -> (mustWait: Bool, mustPost: Bool) {
        try checkWritable()
        guard case .none = sending.writer else {
            throw TransportError(.invalidArgument, "another task writes to this stream")
        }
        guard !bytes.isEmpty else { return (false, false) }
        sending.bytes.append(bytes)
        // Noted at once: another task may come before this one waits.
        let mustWait = sending.bytes.count > sendBuffer
        if mustWait { sending.writer = .expected }
        return (mustWait, post())
    }

    /// Takes bytes that are to be sent if there is room for them and no writer waits.
    ///
    /// - Returns: Whether they were taken, and whether the loop must be told.
    mutating func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> (isTaken: Bool, mustPost: Bool) {
        try checkWritable()
        guard case .none = sending.writer else { return (false, false) }
        guard sending.bytes.isEmpty || sending.bytes.count + bytes.count <= sendBuffer else { return (false, false) }
        sending.bytes.append(bytes)
        return (true, !bytes.isEmpty && post())
    }

    /// The writer that was told to wait is there.
    ///
    /// - Returns: How the wait ended already: nil inside for success, an error otherwise; nil when it goes on.
    mutating func waitForRoom() -> TransportError?? {
        sending.writer = .none
        if let failure { return .some(failure.error) }
        if sending.bytes.count <= sendBuffer { return .some(nil) }
        sending.writer = .waiting
        return nil
    }

    /// - Returns: Whether a writer waited, which is to go on.
    mutating func stopWriting() -> Bool {
        guard case .waiting = sending.writer else { return false }
        sending.writer = .none
        return true
    }

    /// - Returns: Whether the loop must be told.
    mutating func closeWrite() throws(TransportError) -> Bool {
        guard !sending.isClosed else { return false }
        if let failure { throw failure.error }
        sending.isClosed = true
        return post()
    }

    private func checkWritable() throws(TransportError) {
        if let failure { throw failure.error }
        guard !sending.isClosed else {
            throw TransportError(.streamClosed, "this side of the stream was closed before")
        }
    }

    // MARK: Ending

    /// Ends both halves. Only the first call counts.
    ///
    /// - Parameters:
    ///   - error: What readers and writers get from now on.
    ///   - keepsInput: Whether a reader still gets what has come.
    ///   - isReset: Whether this side resets the stream, so that the loop must be told.
    /// - Returns: What the waiting reader gets, if one waits; whether a writer waits, which gets the error; whether the loop must be
    ///   told.
    mutating func fail(
        _ error: TransportError, keepsInput: Bool, isReset: Bool
    ) -> (reader: ReadOutcome?, wakesWriter: Bool, mustPost: Bool) {
        guard failure == nil else { return (nil, false, false) }
        failure = Failure(error: error, keepsInput: keepsInput, isReset: isReset)
        sending.bytes.removeAll()
        if !keepsInput { receiving.bytes.removeAll() }
        let outcome = receiving.wanted.map { next($0)?.0 ?? .failed(error) }
        receiving.wanted = nil
        return (outcome, stopWriting(), isReset && post())
    }

    /// The last user let go of the stream.
    ///
    /// - Returns: Whether the loop must be told.
    mutating func abandon() -> Bool {
        isAbandoned = true
        // What was not read counts as read, so that the other side does not wait for credit.
        receiving.consumed += receiving.bytes.count
        receiving.bytes.removeAll()
        // What waits to be sent on a stream that is otherwise over still needs a time limit.
        guard failure == nil, !(sending.isClosed && receiving.isClosed && sending.bytes.isEmpty) else { return false }
        // A stream that was never used was never opened.
        if case .unknown = notice { return false }
        // A half that was closed in good order is still delivered; otherwise there is nothing left to wait for.
        if !sending.isClosed {
            let error = TransportError(.streamReset, "the stream was given up by this side")
            failure = Failure(error: error, keepsInput: false, isReset: true)
            sending.bytes.removeAll()
        }
        return post()
    }

    // MARK: For the loop

    /// - Returns: Whether the loop must be told, which it was not yet.
    private mutating func post() -> Bool {
        if case .posted = notice { return false }
        notice = .posted
        return true
    }

    /// Takes note of everything that tasks asked for since the last call.
    mutating func takePending() -> Pending {
        notice = .known
        let pending = Pending(
            output: sending.bytes.count, closesWrite: sending.isClosed, isReset: failure?.isReset == true,
            isAbandoned: isAbandoned, consumed: receiving.consumed, held: receiving.bytes.count)
        receiving.consumed = 0
        return pending
    }

    /// Appends bytes of this side: a negotiation, or the answers of a responder.
    ///
    /// - Returns: The memory that all of them take which wait to be sent.
    mutating func enqueue(_ bytes: [UInt8]) -> Int {
        sending.bytes.append(bytes)
        return sending.bytes.footprint
    }

    /// Puts a negotiation in front of what a task has written.
    mutating func prepend(_ negotiation: [UInt8]) {
        sending.bytes.prepend(negotiation)
    }

    /// Takes `count` bytes that are to be sent.
    ///
    /// - Returns: How many bytes wait behind them, the memory that these take, whether this half ends then, and whether a writer
    ///   waits, which goes on.
    mutating func drain(
        _ count: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) -> (left: Int, footprint: Int, closesWrite: Bool, wakesWriter: Bool) {
        sending.bytes.drain(count, body)
        let wakes = sending.bytes.count <= sendBuffer / 2 && stopWriting()
        return (sending.bytes.count, sending.bytes.footprint, sending.isClosed, wakes)
    }

    /// Appends received bytes.
    ///
    /// - Returns: How many bytes are held, and whether they were dropped instead.
    mutating func deliver(_ bytes: UnsafeRawBufferPointer) -> (held: Int, isDropped: Bool) {
        guard failure == nil, !isAbandoned else { return (0, true) }
        receiving.bytes.append(copying: bytes)
        return (receiving.bytes.count, false)
    }

    /// How many bytes ``takeInput(upTo:)`` would take.
    func inputPiece(upTo maximum: Int) -> Int {
        receiving.bytes.piece(upTo: maximum)
    }

    /// Takes received bytes for a responder; nil when there are none.
    ///
    /// - Returns: The bytes, and how many are left.
    mutating func takeInput(upTo maximum: Int) -> (bytes: [UInt8], left: Int)? {
        guard !receiving.bytes.isEmpty else { return nil }
        let bytes = receiving.bytes.take(upTo: maximum)
        return (bytes, receiving.bytes.count)
    }

    /// A responder has said all it has to say, and hears no more.
    mutating func finish() {
        sending.isClosed = true
        receiving.bytes.removeAll()
    }

    /// The other side closed its half.
    mutating func remoteClosed() {
        receiving.isClosed = true
    }

    /// Bytes that came and were not read.
    var held: Int { receiving.bytes.count }
}
