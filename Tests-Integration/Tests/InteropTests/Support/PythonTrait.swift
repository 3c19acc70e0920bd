import Testing

/// Gives the tests of a suite one process with py-libp2p. Each test has nodes of its own in it.
struct PythonTrait: SuiteTrait, TestScoping {
    var isRecursive: Bool { false }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withoutActuallyEscaping(function) { function in
            try await PythonProcess.run { process in
                try await PythonProcess.$current.withValue(process) { try await function() }
            }
        }
    }
}

extension Trait where Self == PythonTrait {
    /// The tests of the suite talk with py-libp2p.
    static var python: Self { Self() }
}
