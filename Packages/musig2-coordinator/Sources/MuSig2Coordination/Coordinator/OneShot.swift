import Synchronization

/// One answer that one task waits for: set once, taken once, given up when the task is cancelled.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Value?, Never>)
        case answered(Value)
        case over
    }

    private let state = Mutex(State.open)

    /// Whether nobody will take an answer any more.
    var isOver: Bool {
        state.withLock { if case .over = $0 { true } else { false } }
    }

    /// Gives the answer; a second one has no effect.
    func set(_ value: Value) {
        let waiter = state.withLock { state -> CheckedContinuation<Value?, Never>? in
            switch state {
            case .open:
                state = .answered(value)
                return nil
            case .waiting(let continuation):
                state = .over
                return continuation
            case .answered, .over:
                return nil
            }
        }
        waiter?.resume(returning: value)
    }

    /// Waits for the answer; nil when the task was cancelled first.
    func wait(isolation actor: isolated (any Actor)? = #isolation) async -> Value? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Value?? in
                    switch state {
                    case .open where Task.isCancelled:
                        state = .over
                        return .some(nil)
                    case .open:
                        state = .waiting(continuation)
                        return nil
                    case .answered(let value):
                        state = .over
                        return value
                    case .waiting, .over:
                        return .some(nil)
                    }
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Value?, Never>? in
                guard case .waiting(let continuation) = state else { return nil }
                state = .over
                return continuation
            }
            waiter?.resume(returning: nil)
        }
    }
}

/// A door that opens once for all who wait.
final class Event: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func set() {
        let waiters = state.withLock { state in
            state.isOpen = true
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait(isolation actor: isolated (any Actor)? = #isolation) async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}
