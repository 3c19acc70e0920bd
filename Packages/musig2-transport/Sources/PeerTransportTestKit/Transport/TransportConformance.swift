import PeerTransport

/// The suite that every `Transport` passes, and one of your own should.
///
/// It uses no test framework: run each of ``Case/allCases`` from the framework you have, or ``runAll()`` from a
/// program. Each case makes its own pair of transports and is bounded in time.
public struct TransportConformance: Sendable {
    /// One thing that a transport must do.
    public struct Case: Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// The name of the case, in lower camel case.
        public let name: String

        private let index: Int

        /// Every case, in the order in which they are best read.
        public static let allCases: [Case] = TransportCases.all.indices.map { index in
            Case(name: TransportCases.all[index].name, index: index)
        }

        var body: @Sendable (TransportPair) async throws -> Void { TransportCases.all[index].body }

        /// The name of the case.
        public var description: String { name }
    }

    private let makePair: @Sendable () async throws -> TransportPair
    private let limit: Duration

    /// Makes the suite for a transport.
    ///
    /// - Parameters:
    ///   - limit: How long a case may take before it counts as hanging.
    ///   - makePair: Makes two fresh transports that can reach each other.
    public init(limit: Duration = .seconds(60), makePair: @escaping @Sendable () async throws -> TransportPair) {
        self.limit = limit
        self.makePair = makePair
    }

    /// Runs one case.
    ///
    /// - Parameter testCase: Which.
    /// - Throws: ``ConformanceFailure`` that names the case, what was expected and what was found.
    public func run(_ testCase: Case) async throws(ConformanceFailure) {
        try await runCase(testCase.name, within: limit) { [makePair] in
            try await testCase.body(try await makePair())
        }
    }

    /// Runs all cases, one after the other.
    ///
    /// - Returns: What failed; empty when the transport conforms.
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

/// One case: its name and what it does with a fresh pair.
struct NamedCase<Fixture: Sendable>: Sendable {
    let name: String
    let body: @Sendable (Fixture) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (Fixture) async throws -> Void) {
        self.name = name
        self.body = body
    }
}

enum TransportCases {
    static let all: [NamedCase<TransportPair>] = ConnectionCases.all + StreamCases.all + LoadCases.all
}
