import Synchronization

/// How a ``StreamResponder`` that waits for work done elsewhere says that it can go on: see ``ResponderAction/wait(_:)``.
public final class ResponderWake: Sendable, Equatable {
    private enum State {
        case waiting((@Sendable () -> Void)?)
        case woken
    }

    private let state = Mutex(State.waiting(nil))

    /// Makes one that was not called yet.
    public init() {}

    /// Lets the one that serves the stream call ``StreamResponder/resume()``, from any thread; only the first call counts.
    public func wake() {
        let body = state.withLock { state -> (@Sendable () -> Void)? in
            guard case .waiting(let body) = state else { return nil }
            state = .woken
            return body
        }
        body?()
    }

    /// Calls this when it is woken, or at once if it was; once. Only the last body counts.
    package func onWake(_ body: @escaping @Sendable () -> Void) {
        let isWoken = state.withLock { state in
            if case .woken = state { return true }
            state = .waiting(body)
            return false
        }
        if isWoken { body() }
    }

    /// Whether both are one and the same.
    public static func == (left: ResponderWake, right: ResponderWake) -> Bool { left === right }
}
