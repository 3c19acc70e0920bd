import PeerTransport
import Synchronization

/// What the tasks that use a stream and the event loop of its connection share: the state of the stream behind a lock, and at
/// most one waiting reader and one waiting writer.
///
/// Tasks never touch the connection; they change the state and post the stream to the loop's mailbox. The loop never waits;
/// it resumes the continuation that waits here. What is decided is in ``StreamState``.
final class StreamCore: Sendable {
    typealias ReadOutcome = StreamState.ReadOutcome
    typealias Pending = StreamState.Pending

    private struct Shared {
        var state: StreamState
        var reader: CheckedContinuation<ReadOutcome, Never>?
        var writer: CheckedContinuation<TransportError?, Never>?

        /// The reader that waits, when the state says that it goes on.
        mutating func takeReader() -> CheckedContinuation<ReadOutcome, Never>? {
            defer { reader = nil }
            return reader
        }

        /// The writer that waits, when the state says that it goes on.
        mutating func takeWriter(_ wakes: Bool) -> CheckedContinuation<TransportError?, Never>? {
            guard wakes else { return nil }
            defer { writer = nil }
            return writer
        }
    }

    /// The protocol that is proposed when the stream is first used; nil for one that was opened before.
    let assumedProtocol: ProtocolID?

    private let number: Atomic<UInt32>
    private let post: @Sendable (StreamCore) -> Void
    private let shared: Mutex<Shared>

    /// A stream of the session.
    ///
    /// - Parameters:
    ///   - id: the yamux stream id.
    ///   - sendBuffer: how many bytes may wait here before writers wait.
    ///   - post: tells the loop to look at this stream.
    init(id: UInt32, sendBuffer: Int, post: @escaping @Sendable (StreamCore) -> Void) {
        number = Atomic(id)
        assumedProtocol = nil
        self.post = post
        shared = Mutex(Shared(state: StreamState(sendBuffer: sendBuffer, isKnown: true)))
    }

    /// A stream that the loop opens when it is first used.
    ///
    /// - Parameters:
    ///   - protocolID: what the other side is believed to speak.
    ///   - sendBuffer: how many bytes may wait here before writers wait.
    ///   - post: tells the loop to look at this stream.
    init(assuming protocolID: ProtocolID, sendBuffer: Int, post: @escaping @Sendable (StreamCore) -> Void) {
        number = Atomic(0)
        assumedProtocol = protocolID
        self.post = post
        shared = Mutex(Shared(state: StreamState(sendBuffer: sendBuffer, isKnown: false)))
    }

    /// The yamux stream id; 0 until the loop has opened the stream.
    var id: UInt32 { number.load(ordering: .relaxed) }

    // MARK: For tasks

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
        guard maximum > 0 else {
            throw TransportError(.invalidArgument, "read: expected a maximum of at least 1, found \(maximum)")
        }
        let (outcome, mustPost) = shared.withLock { $0.state.read(upTo: maximum) }
        if mustPost { post(self) }
        if let outcome { return try Self.result(outcome) }
        let late = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in wait(for: maximum, continuation) }
        } onCancel: {
            let reader = shared.withLock { shared in
                shared.state.stopReading()
                return shared.takeReader()
            }
            reader?.resume(returning: .failed(Self.cancelledError))
        }
        return try Self.result(late)
    }

    private func wait(for maximum: Int, _ continuation: CheckedContinuation<ReadOutcome, Never>) {
        let (outcome, mustPost) = shared.withLock { shared -> (ReadOutcome?, Bool) in
            // Cancellation sets the flag before its handler runs: either it is seen here, or the handler finds the reader.
            if Task.isCancelled { return (.failed(Self.cancelledError), false) }
            let (outcome, mustPost) = shared.state.readOrWait(upTo: maximum)
            if outcome == nil { shared.reader = continuation }
            return (outcome, mustPost)
        }
        if mustPost { post(self) }
        if let outcome { continuation.resume(returning: outcome) }
    }

    func write(_ bytes: [UInt8]) async throws(TransportError) {
        let (mustWait, mustPost) = try shared.withLock { (shared) throws(TransportError) in
            try shared.state.write(bytes)
        }
        if mustPost { post(self) }
        guard mustWait else { return }
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in waitForRoom(continuation) }
        } onCancel: {
            let writer = shared.withLock { shared in shared.takeWriter(shared.state.stopWriting()) }
            writer?.resume(returning: Self.cancelledError)
        }
        if let failure { throw failure }
    }

    private func waitForRoom(_ continuation: CheckedContinuation<TransportError?, Never>) {
        let outcome = shared.withLock { shared -> TransportError?? in
            if let outcome = shared.state.waitForRoom() { return outcome }
            if Task.isCancelled {
                _ = shared.state.stopWriting()
                return .some(Self.cancelledError)
            }
            shared.writer = continuation
            return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool {
        let (isTaken, mustPost) = try shared.withLock { (shared) throws(TransportError) in
            try shared.state.writeImmediately(bytes)
        }
        if mustPost { post(self) }
        return isTaken
    }

    func closeWrite() throws(TransportError) {
        let mustPost = try shared.withLock { (shared) throws(TransportError) in try shared.state.closeWrite() }
        if mustPost { post(self) }
    }

    func reset() {
        end(TransportError(.streamReset, "the stream was reset by this side"), keepsInput: false, isReset: true)
    }

    /// The last user let go of the stream.
    func abandon() {
        if shared.withLock({ $0.state.abandon() }) { post(self) }
    }

    // MARK: For the loop

    /// Takes note of everything that tasks asked for since the last call.
    func takePending() -> Pending {
        shared.withLock { $0.state.takePending() }
    }

    /// Appends bytes of this side: a negotiation, or the answers of a responder.
    ///
    /// - Returns: the memory that all of them take which wait to be sent.
    @discardableResult
    func enqueueFromLoop(_ bytes: [UInt8]) -> Int {
        shared.withLock { $0.state.enqueue(bytes) }
    }

    /// The stream has got its id, and this negotiation goes in front of what a task has written.
    func opened(_ id: UInt32, negotiation: [UInt8]) {
        number.store(id, ordering: .relaxed)
        shared.withLock { $0.state.prepend(negotiation) }
    }

    /// How many bytes ``takeInput(upTo:)`` would take.
    func inputPiece(upTo maximum: Int) -> Int {
        shared.withLock { $0.state.inputPiece(upTo: maximum) }
    }

    /// Takes received bytes for a responder; nil when there are none.
    ///
    /// - Returns: the bytes, and how many are left.
    func takeInput(upTo maximum: Int) -> (bytes: [UInt8], left: Int)? {
        shared.withLock { $0.state.takeInput(upTo: maximum) }
    }

    /// A responder has said all it has to say, and hears no more.
    func finishFromLoop() {
        shared.withLock { $0.state.finish() }
    }

    /// Takes `count` bytes that are to be sent, and lets a waiting writer go on when there is room again.
    ///
    /// - Returns: how many bytes wait behind them, the memory that these take, and whether this half ends then.
    func drainOutput(
        _ count: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) -> (left: Int, footprint: Int, closesWrite: Bool) {
        let (drained, writer) = shared.withLock { shared in
            let drained = shared.state.drain(count, body)
            return (drained, shared.takeWriter(drained.wakesWriter))
        }
        writer?.resume(returning: nil)
        return (drained.left, drained.footprint, drained.closesWrite)
    }

    /// Appends received bytes. The reader is woken by ``wakeReader()``, so that one wake-up serves all that came together.
    ///
    /// - Returns: how many bytes are held, and whether they were dropped instead.
    func deliver(_ bytes: UnsafeRawBufferPointer) -> (held: Int, isDropped: Bool) {
        shared.withLock { $0.state.deliver(bytes) }
    }

    /// Gives a waiting reader what is there.
    ///
    /// - Returns: how many bytes were taken since the loop last asked, by it or before.
    func wakeReader() -> Int {
        let woken = shared.withLock { shared -> (CheckedContinuation<ReadOutcome, Never>?, ReadOutcome, Int)? in
            guard let (outcome, consumed) = shared.state.wakeReader() else { return nil }
            return (shared.takeReader(), outcome, consumed)
        }
        guard let (reader, outcome, consumed) = woken else { return 0 }
        reader?.resume(returning: outcome)
        return consumed
    }

    /// The other side closed its half.
    func remoteClosed() {
        shared.withLock { $0.state.remoteClosed() }
    }

    /// The stream is over. With `keepsInbox` the reader still gets what has come.
    func fail(_ error: TransportError, keepsInbox: Bool) {
        end(error, keepsInput: keepsInbox, isReset: false)
    }

    /// Bytes that came and were not read.
    var heldBytes: Int { shared.withLock { $0.state.held } }

    // MARK: Inside

    private static let cancelledError = TransportError(.cancelled, "the task that waited on the stream was cancelled")

    private static func result(_ outcome: ReadOutcome) throws(TransportError) -> [UInt8]? {
        switch outcome {
        case .bytes(let bytes): return bytes
        case .end: return nil
        case .failed(let error): throw error
        }
    }

    private func end(_ error: TransportError, keepsInput: Bool, isReset: Bool) {
        let (reader, outcome, writer, mustPost) = shared.withLock { shared in
            let (outcome, wakes, mustPost) = shared.state.fail(error, keepsInput: keepsInput, isReset: isReset)
            return (outcome == nil ? nil : shared.takeReader(), outcome, shared.takeWriter(wakes), mustPost)
        }
        if let outcome { reader?.resume(returning: outcome) }
        writer?.resume(returning: error)
        if mustPost { post(self) }
    }
}
