import PeerTransport
import Synchronization

/// What the tasks that use a stream and the event loop of its connection share: two byte queues behind a lock, and at most
/// one waiting reader and one waiting writer.
///
/// Tasks never touch the connection; they change this state and post the stream to the loop's mailbox. The loop never waits;
/// it resumes the continuation that waits here.
final class StreamCore: Sendable {
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

    private struct Reader {
        var maximum: Int
        var continuation: CheckedContinuation<ReadOutcome, Never>
    }

    private struct State {
        var inbox = ByteQueue()
        var reader: Reader?
        var remoteClosed = false
        var consumed = 0

        var outbox = ByteQueue()
        var writer: CheckedContinuation<TransportError?, Never>?
        /// Whether a task waits for room, or is about to: no other one may write meanwhile.
        var hasWriter = false
        var writeClosed = false

        var failure: TransportError?
        /// Whether the failure took what had come and was not read.
        var isReset = false
        var resetByUs = false
        var abandoned = false
        /// Whether the loop was told and has not looked yet.
        var posted = false
        /// Whether the loop knows the stream at all, or was told of it.
        var isKnown: Bool
    }

    /// The protocol that is proposed when the stream is first used; nil for one that was opened before.
    let assumedProtocol: ProtocolID?

    private let number: Atomic<UInt32>
    private let sendBuffer: Int
    private let post: @Sendable (StreamCore) -> Void
    private let state: Mutex<State>

    /// A stream of the session.
    ///
    /// - Parameters:
    ///   - id: the yamux stream id.
    ///   - sendBuffer: how many bytes may wait here before writers wait.
    ///   - post: tells the loop to look at this stream.
    init(id: UInt32, sendBuffer: Int, post: @escaping @Sendable (StreamCore) -> Void) {
        self.number = Atomic(id)
        self.assumedProtocol = nil
        self.sendBuffer = sendBuffer
        self.post = post
        self.state = Mutex(State(isKnown: true))
    }

    /// A stream that the loop opens when it is first used.
    ///
    /// - Parameters:
    ///   - protocolID: what the other side is believed to speak.
    ///   - sendBuffer: how many bytes may wait here before writers wait.
    ///   - post: tells the loop to look at this stream.
    init(assuming protocolID: ProtocolID, sendBuffer: Int, post: @escaping @Sendable (StreamCore) -> Void) {
        self.number = Atomic(0)
        self.assumedProtocol = protocolID
        self.sendBuffer = sendBuffer
        self.post = post
        self.state = Mutex(State(isKnown: false))
    }

    /// The yamux stream id; 0 until the loop has opened the stream.
    var id: UInt32 { self.number.load(ordering: .relaxed) }

    // MARK: For tasks

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
        guard maximum > 0 else {
            throw TransportError(.invalidArgument, "read: expected a maximum of at least 1, found \(maximum)")
        }
        if let outcome = self.readNow(maximum) { return try Self.result(outcome) }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.wait(Reader(maximum: maximum, continuation: continuation))
            }
        } onCancel: {
            self.takeReader()?.continuation.resume(returning: .failed(Self.cancelledError))
        }
        return try Self.result(outcome)
    }

    func write(_ bytes: [UInt8]) async throws(TransportError) {
        let (mustWait, mustPost) = try self.enqueue(bytes)
        if mustPost { self.post(self) }
        guard mustWait else { return }
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in self.waitForRoom(continuation) }
        } onCancel: {
            self.takeWriter()?.resume(returning: Self.cancelledError)
        }
        if let failure { throw failure }
    }

    func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool {
        let sendBuffer = self.sendBuffer
        let (taken, mustPost) = try self.state.withLock { (state) throws(TransportError) -> (Bool, Bool) in
            try Self.checkWritable(state)
            guard !state.hasWriter else { return (false, false) }
            guard state.outbox.isEmpty || state.outbox.count + bytes.count <= sendBuffer else { return (false, false) }
            state.outbox.append(bytes)
            return (true, !bytes.isEmpty && Self.mark(&state))
        }
        if mustPost { self.post(self) }
        return taken
    }

    func closeWrite() throws(TransportError) {
        let mustPost = try self.state.withLock { (state) throws(TransportError) -> Bool in
            guard !state.writeClosed else { return false }
            if let failure = state.failure { throw failure }
            state.writeClosed = true
            return Self.mark(&state)
        }
        if mustPost { self.post(self) }
    }

    func reset() {
        self.end(TransportError(.streamReset, "the stream was reset by this side"), keepsInbox: false, resetByUs: true)
    }

    /// The last user let go of the stream.
    func abandon() {
        let mustPost = self.state.withLock { state -> Bool in
            state.abandoned = true
            // What was not read counts as read, so that the other side does not wait for credit.
            state.consumed += state.inbox.count
            state.inbox.removeAll()
            // What waits to be sent on a stream that is otherwise over still needs a time limit.
            guard state.failure == nil, !(state.writeClosed && state.remoteClosed && state.outbox.isEmpty) else {
                return false
            }
            // A stream that was never used was never opened.
            guard state.isKnown else { return false }
            // A half that was closed in good order is still delivered; otherwise there is nothing left to wait for.
            if !state.writeClosed {
                state.failure = TransportError(.streamReset, "the stream was given up by this side")
                state.isReset = true
                state.resetByUs = true
                state.outbox.removeAll()
            }
            return Self.mark(&state)
        }
        if mustPost { self.post(self) }
    }

    // MARK: For the loop

    /// Takes note of everything that tasks asked for since the last call.
    func takePending() -> Pending {
        self.state.withLock { state in
            state.posted = false
            let pending = Pending(
                output: state.outbox.count, closesWrite: state.writeClosed, isReset: state.resetByUs,
                isAbandoned: state.abandoned, consumed: state.consumed, held: state.inbox.count)
            state.consumed = 0
            return pending
        }
    }

    /// Appends bytes of this side: a negotiation, or the answers of a responder.
    ///
    /// - Returns: the memory that all of them take which wait to be sent.
    @discardableResult
    func enqueueFromLoop(_ bytes: [UInt8]) -> Int {
        self.state.withLock { state in
            state.outbox.append(bytes)
            return state.outbox.footprint
        }
    }

    /// The stream has got its id, and this negotiation goes in front of what a task has written.
    func opened(_ id: UInt32, negotiation: [UInt8]) {
        self.number.store(id, ordering: .relaxed)
        self.state.withLock { $0.outbox.prepend(negotiation) }
    }

    /// How many bytes ``takeInput(upTo:)`` would take.
    func inputPiece(upTo maximum: Int) -> Int {
        self.state.withLock { $0.inbox.piece(upTo: maximum) }
    }

    /// Takes received bytes for a responder; nil when there are none.
    ///
    /// - Returns: the bytes, and how many are left.
    func takeInput(upTo maximum: Int) -> (bytes: [UInt8], left: Int)? {
        self.state.withLock { state in
            guard !state.inbox.isEmpty else { return nil }
            let bytes = state.inbox.take(upTo: maximum)
            return (bytes, state.inbox.count)
        }
    }

    /// A responder has said all it has to say, and hears no more.
    func finishFromLoop() {
        self.state.withLock { state in
            state.writeClosed = true
            state.inbox.removeAll()
        }
    }

    /// Takes `count` bytes that are to be sent, and lets a waiting writer go on when there is room again.
    ///
    /// - Returns: how many bytes wait behind them, the memory that these take, and whether this half ends then.
    func drainOutput(
        _ count: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) -> (left: Int, footprint: Int, closesWrite: Bool) {
        let sendBuffer = self.sendBuffer
        let (left, footprint, closes, writer) = self.state.withLock { state in
            state.outbox.drain(count, body)
            var writer: CheckedContinuation<TransportError?, Never>?
            if state.outbox.count <= sendBuffer / 2 { writer = Self.takeWriter(&state) }
            return (state.outbox.count, state.outbox.footprint, state.writeClosed, writer)
        }
        writer?.resume(returning: nil)
        return (left, footprint, closes)
    }

    /// Appends received bytes. The reader is woken by ``wakeReader()``, so that one wake-up serves all that came together.
    ///
    /// - Returns: how many bytes are held, and whether they were dropped instead.
    func deliver(_ bytes: UnsafeRawBufferPointer) -> (held: Int, isDropped: Bool) {
        self.state.withLock { state in
            guard state.failure == nil, !state.abandoned else { return (0, true) }
            state.inbox.append(copying: bytes)
            return (state.inbox.count, false)
        }
    }

    /// Gives a waiting reader what is there.
    ///
    /// - Returns: how many bytes were taken since the loop last asked, by it or before.
    func wakeReader() -> Int {
        let (reader, outcome, count) = self.state.withLock { state -> (Reader?, ReadOutcome?, Int) in
            guard let reader = state.reader, let (outcome, count) = Self.next(&state, reader.maximum) else {
                return (nil, nil, 0)
            }
            state.reader = nil
            let consumed = state.consumed + count
            state.consumed = 0
            return (reader, outcome, consumed)
        }
        guard let reader, let outcome else { return 0 }
        reader.continuation.resume(returning: outcome)
        return count
    }

    /// The other side closed its half.
    func remoteClosed() {
        self.state.withLock { $0.remoteClosed = true }
    }

    /// The stream is over. With `keepsInbox` the reader still gets what has come.
    func fail(_ error: TransportError, keepsInbox: Bool) {
        self.end(error, keepsInbox: keepsInbox, resetByUs: false)
    }

    /// Bytes that came and were not read.
    var heldBytes: Int { self.state.withLock { $0.inbox.count } }

    // MARK: Inside

    private static let cancelledError = TransportError(.cancelled, "the task that waited on the stream was cancelled")

    private static func result(_ outcome: ReadOutcome) throws(TransportError) -> [UInt8]? {
        switch outcome {
        case .bytes(let bytes): return bytes
        case .end: return nil
        case .failed(let error): throw error
        }
    }

    private static func mark(_ state: inout State) -> Bool {
        guard !state.posted else { return false }
        state.posted = true
        state.isKnown = true
        return true
    }

    private static func checkWritable(_ state: State) throws(TransportError) {
        if let failure = state.failure { throw failure }
        guard !state.writeClosed else {
            throw TransportError(.streamClosed, "this side of the stream was closed before")
        }
    }

    /// What a reader gets now, and how many bytes of it count as consumed; nil when it has to wait.
    private static func next(_ state: inout State, _ maximum: Int) -> (ReadOutcome, Int)? {
        if !state.inbox.isEmpty {
            let bytes = state.inbox.take(upTo: maximum)
            return (.bytes(bytes), bytes.count)
        }
        // A half that ended in good order before the connection broke has ended in good order.
        if let failure = state.failure, state.isReset || !state.remoteClosed {
            return (.failed(failure), 0)
        }
        return state.remoteClosed ? (.end, 0) : nil
    }

    /// Notes bytes that a task took.
    ///
    /// - Returns: whether the loop must be told: only when the credit is worth the wake-up.
    private static func consume(_ count: Int, _ state: inout State) -> Bool {
        state.consumed += count
        guard state.consumed >= YamuxLimits.creditStep, state.failure == nil, !state.remoteClosed else { return false }
        return Self.mark(&state)
    }

    private func readNow(_ maximum: Int) -> ReadOutcome? {
        let (outcome, mustPost) = self.state.withLock { state -> (ReadOutcome?, Bool) in
            guard state.reader == nil else {
                return (.failed(TransportError(.invalidArgument, "another task reads from this stream")), false)
            }
            guard let (outcome, count) = Self.next(&state, maximum) else { return (nil, false) }
            return (outcome, Self.consume(count, &state))
        }
        if mustPost { self.post(self) }
        return outcome
    }

    private func wait(_ reader: Reader) {
        let (outcome, mustPost) = self.state.withLock { state -> (ReadOutcome?, Bool) in
            // Cancellation sets the flag before its handler runs: either it is seen here, or the handler finds the reader.
            if Task.isCancelled { return (.failed(Self.cancelledError), false) }
            guard state.reader == nil else {
                return (.failed(TransportError(.invalidArgument, "another task reads from this stream")), false)
            }
            guard let (outcome, count) = Self.next(&state, reader.maximum) else {
                state.reader = reader
                return (nil, !state.isKnown && Self.mark(&state))
            }
            return (outcome, Self.consume(count, &state))
        }
        if mustPost { self.post(self) }
        if let outcome { reader.continuation.resume(returning: outcome) }
    }

    private func takeReader() -> Reader? {
        self.state.withLock { state in
            var reader: Reader?
            swap(&reader, &state.reader)
            return reader
        }
    }

    private func enqueue(_ bytes: [UInt8]) throws(TransportError) -> (mustWait: Bool, mustPost: Bool) {
        let sendBuffer = self.sendBuffer
        return try self.state.withLock { (state) throws(TransportError) -> (Bool, Bool) in
            try Self.checkWritable(state)
            guard !state.hasWriter else {
                throw TransportError(.invalidArgument, "another task writes to this stream")
            }
            guard !bytes.isEmpty else { return (false, false) }
            state.outbox.append(bytes)
            // Before the lock is let go: another task may come before this one waits.
            state.hasWriter = state.outbox.count > sendBuffer
            return (state.hasWriter, Self.mark(&state))
        }
    }

    private func waitForRoom(_ continuation: CheckedContinuation<TransportError?, Never>) {
        let sendBuffer = self.sendBuffer
        let outcome = self.state.withLock { state -> TransportError?? in
            state.hasWriter = false
            if let failure = state.failure { return .some(failure) }
            if state.outbox.count <= sendBuffer { return .some(nil) }
            if Task.isCancelled { return .some(Self.cancelledError) }
            state.writer = continuation
            state.hasWriter = true
            return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    private func takeWriter() -> CheckedContinuation<TransportError?, Never>? {
        self.state.withLock { Self.takeWriter(&$0) }
    }

    /// Takes the writer that waits, if one does; one that is about to wait looks for itself.
    private static func takeWriter(_ state: inout State) -> CheckedContinuation<TransportError?, Never>? {
        guard let writer = state.writer else { return nil }
        state.writer = nil
        state.hasWriter = false
        return writer
    }

    private func end(_ error: TransportError, keepsInbox: Bool, resetByUs: Bool) {
        let (reader, readOutcome, writer, mustPost) = self.state.withLock {
            state -> (Reader?, ReadOutcome?, CheckedContinuation<TransportError?, Never>?, Bool) in
            guard state.failure == nil else { return (nil, nil, nil, false) }
            state.failure = error
            state.isReset = !keepsInbox
            state.resetByUs = resetByUs
            state.outbox.removeAll()
            if !keepsInbox { state.inbox.removeAll() }
            var reader: Reader?
            var outcome: ReadOutcome?
            if let waiting = state.reader {
                reader = waiting
                outcome = Self.next(&state, waiting.maximum)?.0
                state.reader = nil
            }
            let writer = Self.takeWriter(&state)
            return (reader, outcome, writer, resetByUs && Self.mark(&state))
        }
        if let reader { reader.continuation.resume(returning: readOutcome ?? .failed(error)) }
        writer?.resume(returning: error)
        if mustPost { self.post(self) }
    }
}
