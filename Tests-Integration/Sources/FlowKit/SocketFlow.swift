import MuSig2Coordination
import MuSig2Node
public import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import Secp256k1

/// n signers and the nodes of a DHT in one process, over sockets of the loopback interface. The signers know nothing but
/// the address of one node, and what the way of discovery needs.
public enum SocketFlow {
    /// The network of the flow.
    static let prefix = "/musig2-flow"

    /// Starts nodes of a DHT, does something while all of them are ready, and ends them.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - wire: What their bytes travel over.
    ///   - body: Gets the addresses of the first node.
    /// - Returns: What the body returns.
    /// - Throws: A `TransportError` when a node does not start or does not become ready, or what the body throws.
    public static func withNodes<Value>(
        _ count: Int = 8,
        over wire: Wire,
        _ body: (_ bootstrap: [Multiaddr]) async throws -> Value
    ) async throws -> Value {
        var nodes: [PeerNode] = []
        let result: Result<Value, any Error>
        do {
            for _ in 0..<count {
                let node = try PeerNode(identity: .generateEd25519())
                nodes.append(node)
                try await node.listen(on: [try Multiaddr(wire.loopback)])
                try node.startDHT(configuration(.server, bootstrap: nodes.count == 1 ? [] : nodes[0].addresses))
            }
            for node in nodes { try await node.waitUntilReady(timeout: .seconds(30)) }
            result = .success(try await body(nodes[0].addresses))
        } catch {
            result = .failure(error)
        }
        for node in nodes { await node.shutdown() }
        return try result.get()
    }

    private static func configuration(_ mode: NodeDHT.Configuration.Mode, bootstrap: [Multiaddr])
        -> NodeDHT.Configuration
    {
        var configuration = NodeDHT.Configuration(mode: mode, prefix: prefix, bootstrap: bootstrap)
        configuration.rules[RecordName.defaultNamespace] = AnnouncementRules()
        return configuration
    }

    /// Signs one message.
    ///
    /// - Parameters:
    ///   - count: How many signers.
    ///   - way: How they find the session.
    ///   - bootstrap: The addresses of a node of the DHT.
    ///   - wire: What the signers' bytes travel over.
    /// - Returns: What all hold, verified.
    /// - Throws: ``FlowError``, or what a signer throws.
    public static func sign(
        signers count: Int,
        by way: Way,
        bootstrap: [Multiaddr],
        over wire: Wire
    ) async throws -> Outcome {
        let message = Array("signed together".utf8)
        var keys: [PublicKey] = []
        var signers: [SigningNode] = []
        let result: Result<Outcome, any Error>
        do {
            for _ in 0..<count {
                let key = SecretKey.generate()
                keys.append(key.publicKey)
                signers.append(
                    try await SigningNode.start(
                        signer: key, listenAddresses: [ListenAddress(try Multiaddr(wire.loopback))],
                        dht: configuration(.client, bootstrap: bootstrap), consent: .approveEverything))
            }
            for signer in signers { try await signer.node.waitUntilReady(timeout: .seconds(30)) }
            var request = SessionRequest(signers: keys, messages: [message])
            request.discovery = way.discovery
            let created = try await signers[0].coordinator.createSession(request)
            let held = try await withThrowingTaskGroup(of: (Int, [SchnorrSignature]).self) { group in
                for (index, signer) in signers.enumerated() {
                    group.addTask {
                        if index > 0 { try await join(created, by: way, signer.coordinator) }
                        return (index, try await signer.coordinator.waitForSignatures(of: created.id))
                    }
                }
                var held = Array(repeating: [SchnorrSignature](), count: count)
                for try await (index, signatures) in group { held[index] = signatures }
                return held
            }
            result = .success(try Outcome(signers: keys, messages: [message], held: held))
        } catch {
            result = .failure(error)
        }
        // All at once: each lingers until the others have said that they are done.
        await withTaskGroup(of: Void.self) { group in
            for signer in signers { group.addTask { await signer.shutdown() } }
        }
        return try result.get()
    }

    private static func join(_ created: CreatedSession, by way: Way, _ coordinator: MuSig2Coordinator) async throws {
        switch way {
        case .rendezvous, .record: try await coordinator.joinSession(id: created.id)
        case .invitation: try await coordinator.joinSession(created.invitation)
        case .inbox:
            // It knows nothing but its own key.
            for await event in try await coordinator.watchInbox(every: .seconds(1)) {
                guard case .waiting(let preview) = event else { continue }
                try await coordinator.joinSession(id: preview.session)
                return
            }
        }
    }
}

extension Way {
    /// The same in a request.
    var discovery: Set<DiscoveryMethod> {
        switch self {
        case .rendezvous: [.rendezvous]
        case .inbox: [.inbox]
        case .record: [.record]
        case .invitation: .invitation
        }
    }
}
