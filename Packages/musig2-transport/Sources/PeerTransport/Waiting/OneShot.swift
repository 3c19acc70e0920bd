public import Synchronization

/// A value that is set once and that any number of tasks may wait for.
@_spi(Waiting)
public final class OneShot<Value: Sendable>: Sendable {
    @usableFromInline typealias Waiter = (ticket: UInt64, continuation: CheckedContinuation<Value?, Never>)

    @usableFromInline
    struct State {
        @usableFromInline var value: Value?
        @usableFromInline var nextTicket: UInt64 = 0
        /// Apart from the others, since one task waits for most values: it takes no array.
        @usableFromInline var first: Waiter?
        @usableFromInline var others: [Waiter] = []
        @usableFromInline var isAbandoned = false

        @inlinable init() {}

        @inlinable
        mutating func add(_ waiter: Waiter) {
            isAbandoned = false
            if first == nil { first = waiter } else { others.append(waiter) }
        }

        @inlinable
        mutating func remove(_ ticket: UInt64) -> CheckedContinuation<Value?, Never>? {
            var waiter: Waiter?
            if first?.ticket == ticket {
                waiter = first
                first = others.isEmpty ? nil : others.removeFirst()
            } else if let index = others.firstIndex(where: { $0.ticket == ticket }) {
                waiter = others.remove(at: index)
            }
            if first == nil { isAbandoned = true }
            return waiter?.continuation
        }
    }

    @usableFromInline let state: Mutex<State>

    /// A value that nobody has set yet.
    @inlinable
    public init() {
        state = Mutex(State())
    }

    /// The value, if it was set.
    @inlinable public var value: Value? { state.withLock { $0.value } }

    /// Whether all tasks that waited were cancelled before there was a value, so that one would come too late.
    @inlinable public var isAbandoned: Bool { state.withLock { $0.value == nil && $0.isAbandoned } }

    /// How many tasks wait.
    @inlinable public var waiting: Int { state.withLock { ($0.first == nil ? 0 : 1) + $0.others.count } }

    /// Sets the value and wakes all waiters; only the first call counts.
    ///
    /// - Returns: Whether this was the first call.
    @inlinable
    @discardableResult
    public func set(_ value: Value) -> Bool {
        let woken = state.withLock { state -> (Waiter?, [Waiter])? in
            guard state.value == nil else { return nil }
            state.value = value
            defer { (state.first, state.others) = (nil, []) }
            return (state.first, state.others)
        }
        guard let (first, others) = woken else { return false }
        first?.continuation.resume(returning: value)
        for waiter in others { waiter.continuation.resume(returning: value) }
        return true
    }

    /// Waits for the value.
    ///
    /// - Parameter actor: Where the caller runs and goes on.
    /// - Returns: The value, or nil when the waiting task was cancelled first.
    @inlinable
    public func wait(isolation actor: isolated (any Actor)? = #isolation) async -> Value? {
        let ticket = state.withLock { state in
            state.nextTicket &+= 1
            return state.nextTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isReady, value) = state.withLock { state -> (Bool, Value?) in
                    if let value = state.value { return (true, value) }
                    // Cancellation sets the flag before it runs the handler below: either it is seen here, or the handler
                    // finds the waiter.
                    if Task.isCancelled {
                        state.isAbandoned = state.first == nil
                        return (true, nil)
                    }
                    state.add((ticket, continuation))
                    return (false, nil)
                }
                if isReady { continuation.resume(returning: value) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.remove(ticket) }
            waiter?.resume(returning: nil)
        }
    }

    /// Waits for the value, and goes on waiting when the task is cancelled.
    ///
    /// - Parameter actor: Where the caller runs and goes on.
    /// - Returns: The value.
    @inlinable
    public func waitThroughCancellation(isolation actor: isolated (any Actor)? = #isolation) async -> Value {
        let value = await withCheckedContinuation { continuation in
            let value = state.withLock { state -> Value? in
                if state.value == nil { state.add((0, continuation)) }
                return state.value
            }
            if let value { continuation.resume(returning: value) }
        }
        guard let value else { preconditionFailure("OneShot: only cancellation ends a wait without a value") }
        return value
    }
}
