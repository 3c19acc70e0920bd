import NIOCore
import PeerTransport
import Synchronization

/// How tasks tell the event loop of a connection what to do: a list behind a lock, and one wake-up of the loop for all that
/// gathers until it comes round.
final class LoopMailbox: Sendable {
    /// What the loop is told.
    enum Item: Sendable {
        /// A stream has something to send, credit to give, was reset, or is to be opened.
        case stream(StreamCore)
        /// Open a stream.
        case open(OpenRequest)
        /// Close the connection in good order.
        case close
    }

    private struct State {
        var items: [Item] = []
        var isScheduled = false
        var isClosed = false
        var run: (@Sendable () -> Void)?
    }

    let eventLoop: any EventLoop
    private let state = Mutex(State())

    /// - Parameters:
    ///   - eventLoop: the loop of the connection.
    ///   - run: called on the loop when there is something in the box; it takes it with ``drain()``.
    init(eventLoop: any EventLoop, run: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.state.withLock { $0.run = run }
    }

    /// Posts an item; false when the connection is gone.
    @discardableResult
    func post(_ item: Item) -> Bool {
        let (isOpen, run) = self.state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
            guard !state.isClosed else { return (false, nil) }
            state.items.append(item)
            guard !state.isScheduled else { return (true, nil) }
            state.isScheduled = true
            return (true, state.run)
        }
        if let run { self.eventLoop.execute(run) }
        return isOpen
    }

    /// Takes all items.
    func drain() -> [Item] {
        self.state.withLock { state in
            var items: [Item] = []
            swap(&items, &state.items)
            state.isScheduled = false
            return items
        }
    }

    /// Takes no more items, and lets go of the connection.
    ///
    /// - Returns: the items that nobody took.
    func close() -> [Item] {
        self.state.withLock { state in
            state.isClosed = true
            state.run = nil
            var items: [Item] = []
            swap(&items, &state.items)
            return items
        }
    }
}

/// A task that waits for a stream to be opened. It is answered once, by the loop or by the task's cancellation.
final class OpenRequest: Sendable {
    typealias Answer = Result<NegotiatedStream, TransportError>

    private enum State {
        case new
        case waiting(CheckedContinuation<Answer, Never>)
        case answered(Answer)
        case done
    }

    let protocols: [ProtocolID]
    private let state = Mutex(State.new)

    init(protocols: [ProtocolID]) {
        self.protocols = protocols
    }

    /// Waits for the answer.
    func wait() async -> Answer {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = self.state.withLock { state -> Answer? in
                    guard case .answered(let answer) = state else {
                        state = .waiting(continuation)
                        return nil
                    }
                    state = .done
                    return answer
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            self.answer(.failure(TransportError(.cancelled, "the task that opened a stream was cancelled")))
        }
    }

    /// Answers; a stream that comes too late is let go of, which resets it.
    func answer(_ answer: Answer) {
        let continuation = self.state.withLock { state -> CheckedContinuation<Answer, Never>? in
            switch state {
            case .new:
                state = .answered(answer)
                return nil
            case .waiting(let continuation):
                state = .done
                return continuation
            case .answered, .done:
                return nil
            }
        }
        continuation?.resume(returning: answer)
    }

    /// Whether nobody waits any more.
    var isAnswered: Bool {
        self.state.withLock { state in
            switch state {
            case .new, .waiting: return false
            case .answered, .done: return true
            }
        }
    }
}
