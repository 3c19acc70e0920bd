import Synchronization

/// A bounded queue with one waiting consumer, which ends for good.
package final class BoundedInbox<Element: Sendable>: Sendable {
    private struct State {
        var elements = Fifo<Element>()
        var isClosed = false
    }

    private let capacity: Int
    private let state = Mutex(State())
    private let arrival = Event()

    package init(capacity: Int) {
        self.capacity = capacity
    }

    /// What became of an element.
    package enum Push: Sendable, Equatable {
        case taken
        case full
        case closed
    }

    package func push(_ element: Element) -> Push {
        let outcome = state.withLock { state -> Push in
            if state.isClosed { return .closed }
            guard state.elements.count < capacity else { return .full }
            state.elements.append(element)
            return .taken
        }
        if outcome == .taken { arrival.notify() }
        return outcome
    }

    /// - Returns: The next element, or nil once it is closed.
    package func next() async throws(TransportError) -> Element? {
        while true {
            let (element, isClosed) = state.withLock { ($0.elements.popFirst(), $0.isClosed) }
            if let element { return element }
            if isClosed {
                // Another consumer may come and must not wait for a notification that this one took.
                arrival.notify()
                return nil
            }
            switch await arrival.wait() {
            case .notified: continue
            case .cancelled: throw TransportError(.cancelled, "the task that waited to accept was cancelled")
            case .busy: throw TransportError(.invalidArgument, "another task waits to accept here")
            }
        }
    }

    /// Ends it.
    ///
    /// - Returns: What nobody took.
    package func close() -> [Element] {
        let rest = state.withLock { state in
            state.isClosed = true
            var rest: [Element] = []
            while let element = state.elements.popFirst() { rest.append(element) }
            return rest
        }
        arrival.notify()
        return rest
    }
}
