import Logging
import MuSig2Coordinator
import MuSig2Node
import MuSig2Session
import Secp256k1

/// Some signers in this process, each a node of its own that listens on the loopback interface.
struct SigningCluster: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let nodes: [SigningNode]
    let keys: [PublicKey]

    /// Starts nodes that approve everything and log nothing.
    static func start(signers count: Int, configuration: Configuration = Configuration()) async throws -> Self {
        var nodes: [SigningNode] = []
        var keys: [PublicKey] = []
        for _ in 0..<count {
            let key = SecretKey.generate()
            keys.append(key.publicKey)
            nodes.append(
                try await SigningNode.start(
                    signer: key,
                    listenOn: SigningNode.loopback,
                    consent: .approveEverything,
                    configuration: configuration,
                    logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
                )
            )
        }
        return Self(nodes: nodes, keys: keys)
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
        let clock = ContinuousClock()
        let start = clock.now
        let session = try await self.nodes[creator].coordinator.createSession(request)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, node) in self.nodes.enumerated() {
                group.addTask {
                    if index != creator { try await node.coordinator.joinSession(session.invitation) }
                    let signatures = try await node.coordinator.signatures(of: session.id)
                    guard signatures.count == messages else {
                        throw Failure(
                            description: "signer \(index): expected \(messages) signatures, found \(signatures.count)")
                    }
                }
            }
            try await group.waitForAll()
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
                    for session in stride(from: worker, to: count, by: inFlight) {
                        try await self.sign(creator: session % self.nodes.count)
                    }
                }
            }
            try await group.waitForAll()
        }
        return clock.now - start
    }
}
