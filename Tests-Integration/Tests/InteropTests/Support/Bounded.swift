/// Runs an operation that must end soon: a peer that does not answer is a failure, and never keeps the tests waiting.
///
/// - Parameters:
///   - what: What is waited for, for the error.
///   - limit: How long it may take, far longer than it does.
///   - operation: What ends early when its task is cancelled.
func bounded<Value: Sendable>(
    _ what: String,
    within limit: Duration = .seconds(20),
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw InteropError("\(what): not within \(limit)")
        }
        return value
    }
}

/// Why a test could not go on.
struct InteropError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
