import Synchronization

/// One direction of an in-memory stream: a bounded buffer with one reader and one writer.
final class InMemoryPipe: Sendable {
    private enum End {
        case open
        /// The writer closed its half: nil once the buffer is empty.
        case finished
        /// Broken: the buffer is gone.
        case broken(TransportError)
    }

    private struct State {
        var buffer: [UInt8] = []
        /// How much of the buffer's front was read already.
        var head = 0
        var end = End.open
        var isWriterWaiting = false

        var count: Int { buffer.count - head }
    }

    private let capacity: Int
    private let state = Mutex(State())
    private let readable = Event()
    private let writable = Event()

    init(capacity: Int) {
        self.capacity = capacity
    }

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
        guard maximum > 0 else {
            throw TransportError(.invalidArgument, "read(upTo:) needs at least 1 byte, got \(maximum)")
        }
        while true {
            if let result = try take(upTo: maximum) { return result.isEmpty ? nil : result }
            try Self.check(await readable.wait(), "read")
        }
    }

    /// - Returns: Bytes; empty at the end of the stream; nil when there is nothing yet.
    private func take(upTo maximum: Int) throws(TransportError) -> [UInt8]? {
        let result = state.withLock { state -> Result<[UInt8]?, TransportError> in
            if case .broken(let error) = state.end { return .failure(error) }
            guard state.count > 0 else {
                if case .finished = state.end { return .success([]) }
                return .success(nil)
            }
            if state.head == 0, state.buffer.count <= maximum {
                defer { state.buffer = [] }
                return .success(state.buffer)
            }
            let taken = Array(state.buffer[state.head..<state.head + min(maximum, state.count)])
            state.head += taken.count
            if state.head == state.buffer.count {
                state.buffer.removeAll(keepingCapacity: true)
                state.head = 0
            }
            return .success(taken)
        }
        let taken = try result.get()
        if let taken, !taken.isEmpty { writable.notify() }
        return taken
    }

    func write(_ bytes: [UInt8]) async throws(TransportError) {
        var offset = 0
        repeat {
            if try put(bytes, from: &offset) { return }
            let outcome = await writable.wait()
            if outcome == .cancelled { state.withLock { $0.isWriterWaiting = false } }
            try Self.check(outcome, "write")
        } while true
    }

    /// - Returns: Whether all bytes are in the buffer.
    private func put(_ bytes: [UInt8], from offset: inout Int) throws(TransportError) -> Bool {
        let start = offset
        let result = state.withLock { state -> Result<Int, TransportError> in
            if let error = Self.refusal(of: state) { return .failure(error) }
            let count = min(bytes.count - start, capacity - state.count)
            Self.append(bytes[start..<start + count], to: &state)
            state.isWriterWaiting = start + count < bytes.count
            return .success(start + count)
        }
        offset = try result.get()
        if offset > start { readable.notify() }
        return offset == bytes.count
    }

    func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool {
        let result = state.withLock { state -> Result<Bool, TransportError> in
            if let error = Self.refusal(of: state) { return .failure(error) }
            guard !state.isWriterWaiting, bytes.count <= capacity - state.count else { return .success(false) }
            Self.append(bytes[...], to: &state)
            return .success(true)
        }
        let isTaken = try result.get()
        if isTaken, !bytes.isEmpty { readable.notify() }
        return isTaken
    }

    func finish() throws(TransportError) {
        let result = state.withLock { state -> Result<Void, TransportError> in
            if case .broken(let error) = state.end { return .failure(error) }
            state.end = .finished
            return .success(())
        }
        try result.get()
        readable.notify()
        writable.notify()
    }

    func fail(_ error: TransportError) {
        state.withLock { state in
            if case .broken = state.end { return }
            state.end = .broken(error)
            state.buffer = []
            state.head = 0
        }
        readable.notify()
        writable.notify()
    }

    /// Whether nothing more can come out of it.
    var isOver: Bool {
        state.withLock { state in
            switch state.end {
            case .open: return false
            case .finished: return state.count == 0
            case .broken: return true
            }
        }
    }

    private static func refusal(of state: State) -> TransportError? {
        switch state.end {
        case .open: return nil
        case .finished: return TransportError(.streamClosed, "this side of the stream was closed for writing before")
        case .broken(let error): return error
        }
    }

    private static func append(_ bytes: ArraySlice<UInt8>, to state: inout State) {
        if state.head > 0 {
            state.buffer.removeFirst(state.head)
            state.head = 0
        }
        state.buffer.append(contentsOf: bytes)
    }

    private static func check(_ outcome: Event.Outcome, _ operation: String) throws(TransportError) {
        switch outcome {
        case .notified: return
        case .cancelled: throw TransportError(.cancelled, "the task that waited in \(operation) was cancelled")
        case .busy:
            throw TransportError(.invalidArgument, "another task waits in \(operation) on this half of the stream")
        }
    }
}
