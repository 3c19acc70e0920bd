import MuSig2Coordination
public import MuSig2Session
public import PeerTransport
import Secp256k1

/// n signers in one process, each with a coordinator of its own over an in-memory network.
public enum InMemoryFlow {
    /// Signs one message.
    ///
    /// - Parameters:
    ///   - count: How many signers.
    ///   - topology: How they talk.
    ///   - messages: What they sign.
    ///   - report: Is told what each signer did.
    /// - Returns: What all hold, verified.
    /// - Throws: ``FlowError``, or what a coordinator throws.
    public static func run(
        signers count: Int,
        topology: SessionPlan.Topology = .automatic,
        messages: [[UInt8]] = [Array("signed together".utf8)],
        report: @escaping @Sendable (String) -> Void
    ) async throws -> Outcome {
        let network = InMemoryNetwork(seed: 1)
        return try await sign(signers: count, topology: topology, messages: messages, report: report) { _ in
            network.endpoint(for: try NewPeer.id())
        }
    }

    /// Signs over networks that the caller makes, one for each signer.
    ///
    /// - Parameters:
    ///   - count: How many signers.
    ///   - topology: How they talk.
    ///   - messages: What they sign.
    ///   - report: Is told what each signer did.
    ///   - network: Makes the network of the signer with this index.
    /// - Returns: What all hold, verified.
    /// - Throws: ``FlowError``, or what a coordinator throws.
    public static func sign(
        signers count: Int,
        topology: SessionPlan.Topology = .automatic,
        messages: [[UInt8]] = [Array("signed together".utf8)],
        report: @escaping @Sendable (String) -> Void,
        over network: (Int) async throws -> any PeerNetwork
    ) async throws -> Outcome {
        var coordinators: [MuSig2Coordinator] = []
        var keys: [PublicKey] = []
        for index in 0..<count {
            let key = SecretKey.generate()
            keys.append(key.publicKey)
            let coordinator = try MuSig2Coordinator(
                network: try await network(index), signer: key, consent: .approveEverything)
            try await coordinator.start()
            coordinators.append(coordinator)
        }
        let signers = keys
        // A signer's number is its place among the sorted keys.
        let numbers = signers.map { key in 1 + signers.count { $0 < key } }
        let outcome: Outcome
        do {
            var request = SessionRequest(signers: signers, messages: messages)
            request.topology = topology
            let created = try await coordinators[0].createSession(request)
            report("signer \(numbers[0]) created session \(created.id)")
            let held = try await withThrowingTaskGroup(of: (Int, [SchnorrSignature]).self) { group in
                for (index, coordinator) in coordinators.enumerated() {
                    group.addTask {
                        if index > 0 {
                            try await coordinator.joinSession(created.invitation)
                            report("signer \(numbers[index]) joined")
                        }
                        let signatures = try await coordinator.waitForSignatures(of: created.id)
                        report("signer \(numbers[index]) holds \(signatures.count) verified signature(s)")
                        return (index, signatures)
                    }
                }
                var held = Array(repeating: [SchnorrSignature](), count: count)
                for try await (index, signatures) in group { held[index] = signatures }
                return held
            }
            outcome = try Outcome(signers: signers, messages: messages, held: held)
        } catch {
            await shutdown(coordinators)
            throw error
        }
        await shutdown(coordinators)
        return outcome
    }

    /// All at once: each lingers until the others have said that they are done.
    private static func shutdown(_ coordinators: [MuSig2Coordinator]) async {
        await withTaskGroup(of: Void.self) { group in
            for coordinator in coordinators { group.addTask { await coordinator.shutdown() } }
        }
    }
}
