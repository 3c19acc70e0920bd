import NIOCore
@_spi(Waiting) import PeerTransport
import Synchronization

/// The stream that a task waits for, or why there is none. One that comes too late is let go of, which resets it.
typealias StreamAnswer = OneShot<Result<NegotiatedStream, TransportError>>

/// How tasks tell the event loop of a connection what to do: a list behind a lock, and one wake-up of the loop for all that
/// gathers until it comes round.
final class LoopMailbox: Sendable {
    /// What the loop is told.
    enum Item: Sendable {
        /// A stream has something to send, credit to give, was reset, or is to be opened.
        case stream(StreamCore)
        /// Open a stream, for a task that waits for it.
        case open([ProtocolID], StreamAnswer)
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
        state.withLock { $0.run = run }
    }

    /// Posts an item; false when the connection is gone.
    @discardableResult
    func post(_ item: Item) -> Bool {
        let (isOpen, run) = state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
            guard !state.isClosed else { return (false, nil) }
            state.items.append(item)
            guard !state.isScheduled else { return (true, nil) }
            state.isScheduled = true
            return (true, state.run)
        }
        if let run { eventLoop.execute(run) }
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
