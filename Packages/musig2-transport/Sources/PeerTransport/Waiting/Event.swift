import Synchronization

/// A place for one task to wait until something may have changed.
///
/// It remembers one notification, so that a change between a look at the state and the wait is not missed. A waiter
/// looks again after each wake-up, since a remembered notification may be an old one. The state itself is guarded
/// elsewhere.
package final class Event: Sendable {
    /// How a wait ended.
    package enum Outcome: Sendable, Equatable {
        /// Something may have changed.
        case notified
        /// The waiting task was cancelled.
        case cancelled
        /// Another task waits already.
        case busy
    }

    private enum State {
        case idle
        case notified
        case waiting(CheckedContinuation<Outcome, Never>)
    }

    private let state = Mutex<State>(.idle)

    package init() {}

    /// Wakes the waiter, or spares the next one the wait.
    package func notify() {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard case .waiting(let continuation) = state else {
                state = .notified
                return nil
            }
            state = .idle
            return continuation
        }
        waiter?.resume(returning: .notified)
    }

    /// Waits for a notification, or takes the one that is remembered.
    package func wait() async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = state.withLock { state -> Outcome? in
                    switch state {
                    case .notified:
                        state = .idle
                        return .notified
                    case .waiting:
                        return .busy
                    case .idle:
                        // Cancellation sets the flag before it runs the handler below: either it is seen here, or
                        // the handler finds the continuation.
                        if Task.isCancelled { return .cancelled }
                        state = .waiting(continuation)
                        return nil
                    }
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            cancelWaiter()
        }
    }

    private func cancelWaiter() {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard case .waiting(let continuation) = state else { return nil }
            state = .idle
            return continuation
        }
        waiter?.resume(returning: .cancelled)
    }
}
