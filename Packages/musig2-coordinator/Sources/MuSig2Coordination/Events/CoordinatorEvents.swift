import MuSig2Session
import Synchronization

/// A stream of the events of a coordinator, or of one session of it.
///
/// Each stream is a reader of its own with a bounded buffer. A reader that is too slow loses the oldest events and is told how many by
/// ``CoordinatorEvent/missed(_:)``; it never slows the coordinator down. One task reads a stream. It ends when the coordinator is shut
/// down, and the stream of one session after ``CoordinatorEvent/closed(_:)``.
public struct CoordinatorEvents: AsyncSequence, Sendable {
    /// What the stream carries.
    public typealias Element = CoordinatorEvent

    private let buffer: EventBuffer

    init(buffer: EventBuffer) {
        self.buffer = buffer
    }

    /// An iterator over what is in the stream from now on.
    public func makeAsyncIterator() -> Iterator {
        Iterator(buffer: buffer)
    }

    /// Reads a stream of events.
    public struct Iterator: AsyncIteratorProtocol {
        let buffer: EventBuffer

        /// The next event; nil when the stream has ended or the task was cancelled.
        public mutating func next() async -> CoordinatorEvent? {
            await buffer.next()
        }

        /// The next event; nil when the stream has ended or the task was cancelled.
        ///
        /// - Parameter actor: Where the caller runs; the wait does not leave it.
        /// - Returns: The event, or nil.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> CoordinatorEvent? {
            await buffer.next(isolation: actor)
        }
    }
}

/// The bounded buffer between the coordinator and one reader.
final class EventBuffer: Sendable {
    private struct State {
        var events: [CoordinatorEvent] = []
        var head = 0
        var missed = 0
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// What is wanted of all events.
    enum Filter: Sendable, Hashable {
        case all
        case session(SessionID)
        case inbox
    }

    let filter: Filter
    private let capacity: Int
    private let state = Mutex(State())

    init(_ filter: Filter, capacity: Int) {
        self.filter = filter
        self.capacity = capacity
    }

    func push(_ event: CoordinatorEvent) {
        switch filter {
        case .all: break
        case .session(let session): guard event.session == session else { return }
        case .inbox: guard case .waiting = event else { return }
        }
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard !state.isClosed else { return [] }
            if state.events.count - state.head >= capacity {
                state.head += 1
                state.missed += 1
            }
            if state.head > 64, state.head * 2 > state.events.count {
                state.events.removeFirst(state.head)
                state.head = 0
            }
            state.events.append(event)
            if case .session = filter, case .closed = event { state.isClosed = true }
            return Self.takeWaiters(from: &state)
        }
        for waiter in waiters { waiter.resume() }
    }

    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            return Self.takeWaiters(from: &state)
        }
        for waiter in waiters { waiter.resume() }
    }

    func next(isolation actor: isolated (any Actor)? = #isolation) async -> CoordinatorEvent? {
        while true {
            let (event, isOver) = state.withLock { state in Self.take(from: &state) }
            if let event { return event }
            if isOver || Task.isCancelled { return nil }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let goesOn = state.withLock { state in
                        guard state.head == state.events.count, !state.isClosed, !Task.isCancelled
                        else { return true }
                        state.waiters.append(continuation)
                        return false
                    }
                    if goesOn { continuation.resume() }
                }
            } onCancel: {
                for waiter in state.withLock({ Self.takeWaiters(from: &$0) }) { waiter.resume() }
            }
        }
    }

    private static func takeWaiters(from state: inout State) -> [CheckedContinuation<Void, Never>] {
        guard !state.waiters.isEmpty else { return [] }
        let waiters = state.waiters
        state.waiters = []
        return waiters
    }

    private static func take(from state: inout State) -> (event: CoordinatorEvent?, isOver: Bool) {
        if state.missed > 0 {
            let missed = state.missed
            state.missed = 0
            return (.missed(missed), false)
        }
        guard state.head < state.events.count else {
            state.events.removeAll(keepingCapacity: true)
            state.head = 0
            return (nil, state.isClosed)
        }
        let event = state.events[state.head]
        state.head += 1
        return (event, false)
    }
}

/// All readers of a coordinator's events.
struct EventHub {
    private struct Reader {
        weak var buffer: EventBuffer?
    }

    private var readers: [Reader] = []
    private var isClosed = false

    var isEmpty: Bool { readers.isEmpty }

    /// Whether anybody reads what waits in the inbox.
    var hasInboxReaders: Bool { readers.contains { $0.buffer?.filter == .inbox } }

    mutating func subscribe(_ filter: EventBuffer.Filter, capacity: Int) -> CoordinatorEvents {
        let buffer = EventBuffer(filter, capacity: capacity)
        if isClosed { buffer.close() } else { readers.append(Reader(buffer: buffer)) }
        return CoordinatorEvents(buffer: buffer)
    }

    mutating func publish(_ event: CoordinatorEvent) {
        var anyGone = false
        for reader in readers {
            if let buffer = reader.buffer { buffer.push(event) } else { anyGone = true }
        }
        if anyGone { readers.removeAll { $0.buffer == nil } }
    }

    mutating func close() {
        isClosed = true
        for reader in readers { reader.buffer?.close() }
        readers = []
    }
}
