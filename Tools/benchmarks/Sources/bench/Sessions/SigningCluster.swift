import Logging
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Secp256k1
import Synchronization

/// Some signers in this process, each a node of its own that listens on the loopback interface.
final class SigningCluster: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let nodes: [SigningNode]
    let keys: [PublicKey]
    /// How long sessions live; nil: as they do without.
    private let lifetime: Duration?
    private let running = Mutex<Set<SessionID>>([])

    private init(nodes: [SigningNode], keys: [PublicKey], lifetime: Duration?) {
        self.nodes = nodes
        self.keys = keys
        self.lifetime = lifetime
    }

    /// Starts nodes that approve everything and log nothing.
    static func start(
        signers count: Int, configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        lifetime: Duration? = nil
    ) async throws -> SigningCluster {
        var nodes: [SigningNode] = []
        var keys: [PublicKey] = []
        for _ in 0..<count {
            let key = SecretKey.generate()
            keys.append(key.publicKey)
            nodes.append(
                try await SigningNode.start(
                    signer: key,
                    listenAddresses: [.loopback],
                    consent: .approveEverything,
                    configuration: configuration,
                    logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
                )
            )
        }
        return SigningCluster(nodes: nodes, keys: keys, lifetime: lifetime)
    }

    func shutdown() async {
        await withTaskGroup(of: Void.self) { group in
            for node in self.nodes { group.addTask { await node.shutdown() } }
        }
    }

    /// Runs a session from its creation to the moment at which the last signer has the verified signatures.
    @discardableResult
    func sign(creator: Int, messages: Int = 1, topology: SessionPlan.Topology = .automatic) async throws -> Duration {
        var request = SessionRequest(
            signers: self.keys,
            messages: (0..<messages).map { message in (0..<32).map { UInt8(truncatingIfNeeded: message &+ $0) } }
        )
        request.topology = topology
        if let lifetime { request.lifetime = lifetime }
        let clock = ContinuousClock()
        let start = clock.now
        let session = try await self.nodes[creator].coordinator.createSession(request)
        self.running.withLock { _ = $0.insert(session.id) }
        defer { self.running.withLock { _ = $0.remove(session.id) } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, node) in self.nodes.enumerated() {
                group.addTask {
                    if index != creator { try await node.coordinator.joinSession(session.invitation) }
                    let signatures = try await node.coordinator.waitForSignatures(of: session.id)
                    guard signatures.count == messages else {
                        throw Failure(
                            description: "signer \(index): expected \(messages) signatures, found \(signatures.count)")
                    }
                }
            }
            for try await _ in group {}
        }
        return clock.now - start
    }

    /// Runs sessions, some at the same time, the creators in turn.
    ///
    /// - Returns: What all of them took together.
    @discardableResult
    func sign(sessions count: Int, inFlight: Int) async throws -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<inFlight {
                group.addTask {
                    // One creator for each worker, so that no creator has more sessions open than the default limit.
                    for _ in stride(from: worker, to: count, by: inFlight) {
                        try await self.sign(creator: worker % self.nodes.count)
                    }
                }
            }
            for try await _ in group {}
        }
        return clock.now - start
    }

    /// Does something with the cluster that should not take longer than this; if it does, the error says where the sessions
    /// stand that are under way.
    func within<Value: Sendable>(
        _ limit: Duration, _ body: @escaping @Sendable (SigningCluster) async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await body(self) }
            group.addTask {
                try await Task.sleep(for: limit)
                throw Failure(description: "not done within \(limit): \(await self.unfinished())")
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    private func unfinished() async -> String {
        var lines: [String] = []
        for session in self.running.withLock({ $0 }) {
            for (index, node) in self.nodes.enumerated() {
                let status = await node.coordinator.status(of: session)
                lines.append("\(session) signer \(index): \(status.map { "\($0)" } ?? "not joined")")
            }
        }
        return lines.joined(separator: "\n")
    }
}
