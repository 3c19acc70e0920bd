import Synchronization

/// A value that is set once and that any number of tasks may wait for.
package final class Latch<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var nextTicket: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Value?, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// The value, if it was set.
    package var value: Value? { state.withLock { $0.value } }

    /// How many tasks wait.
    package var waiting: Int { state.withLock { $0.waiters.count } }

    /// Sets the value and wakes all waiters; only the first call counts.
    ///
    /// - Returns: Whether this was the first call.
    @discardableResult
    package func set(_ value: Value) -> Bool {
        let woken = state.withLock { state -> [CheckedContinuation<Value?, Never>]? in
            guard state.value == nil else { return nil }
            state.value = value
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        guard let woken else { return false }
        for waiter in woken { waiter.resume(returning: value) }
        return true
    }

    /// Waits for the value.
    ///
    /// - Returns: The value, or nil when the waiting task was cancelled first.
    package func wait() async -> Value? {
        let ticket = state.withLock { state in
            state.nextTicket &+= 1
            return state.nextTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (ready, value) = state.withLock { state -> (Bool, Value?) in
                    if let value = state.value { return (true, value) }
                    if Task.isCancelled { return (true, nil) }
                    state.waiters[ticket] = continuation
                    return (false, nil)
                }
                if ready { continuation.resume(returning: value) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: ticket) }
            waiter?.resume(returning: nil)
        }
    }
}
