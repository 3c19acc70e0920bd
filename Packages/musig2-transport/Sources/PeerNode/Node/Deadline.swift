@_spi(Waiting) import PeerTransport

/// Runs an operation with a limit on its time.
///
/// An operation that ignores its cancellation is left behind; what it still returns is discarded.
func withDeadline<Success: Sendable>(
    _ limit: Duration,
    by time: TimeSource,
    onTimeout: @escaping @Sendable () -> TransportError,
    discard: @escaping @Sendable (Success) -> Void,
    _ operation: @escaping @Sendable () async throws(TransportError) -> Success
) async throws(TransportError) -> Success {
    let outcome = OneShot<Result<Success, TransportError>>()
    let work = Task {
        do throws(TransportError) {
            let value = try await operation()
            if !outcome.set(.success(value)) { discard(value) }
        } catch {
            outcome.set(.failure(error))
        }
    }
    let watch = Task {
        try await time.sleep(limit)
        if outcome.set(.failure(onTimeout())) { work.cancel() }
    }
    defer { watch.cancel() }
    guard let result = await outcome.wait() else {
        let cancelled = TransportError(.cancelled, "the waiting task was cancelled")
        if outcome.set(.failure(cancelled)) {
            work.cancel()
            throw cancelled
        }
        guard let late = outcome.value else { throw cancelled }
        return try late.get()
    }
    return try result.get()
}
