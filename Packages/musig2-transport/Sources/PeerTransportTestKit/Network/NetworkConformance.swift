import PeerTransport

/// The suite that every `PeerNetwork` passes, and one of your own should.
///
/// It uses no test framework: run each of ``Case/allCases`` from the framework you have, or ``runAll()`` from a
/// program. Each case makes its own pair of networks and is bounded in time. It needs a network that loses nothing
/// while connected.
public struct NetworkConformance: Sendable {
    /// One thing that a network must do.
    public struct Case: Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// The name of the case, in lower camel case.
        public let name: String

        private let index: Int

        /// Every case, in the order in which they are best read.
        public static let allCases: [Case] = NetworkCases.all.indices.map { index in
            Case(name: NetworkCases.all[index].name, index: index)
        }

        var body: @Sendable (NetworkPair) async throws -> Void { NetworkCases.all[index].body }

        /// The name of the case.
        public var description: String { name }
    }

    private let makePair: @Sendable () async throws -> NetworkPair
    private let limit: Duration

    /// Makes the suite for a network.
    ///
    /// - Parameters:
    ///   - limit: How long a case may take before it counts as hanging.
    ///   - makePair: Makes two fresh networks that can reach each other and are not connected yet.
    public init(limit: Duration = .seconds(60), makePair: @escaping @Sendable () async throws -> NetworkPair) {
        self.limit = limit
        self.makePair = makePair
    }

    /// Runs one case.
    ///
    /// - Parameter testCase: Which.
    /// - Throws: ``ConformanceFailure`` that names the case, what was expected and what was found.
    public func run(_ testCase: Case) async throws(ConformanceFailure) {
        try await runCase(testCase.name, within: limit) { [makePair] in
            let pair = try await makePair()
            let result: Result<Void, any Error>
            do {
                try await testCase.body(pair)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await pair.first.shutdown()
            await pair.second.shutdown()
            try result.get()
        }
    }

    /// Runs all cases, one after the other.
    ///
    /// - Returns: What failed; empty when the network conforms.
    public func runAll() async -> [ConformanceFailure] {
        var failures: [ConformanceFailure] = []
        for testCase in Case.allCases {
            do throws(ConformanceFailure) {
                try await run(testCase)
            } catch {
                failures.append(error)
            }
        }
        return failures
    }
}
