import Logging
import MuSig2
import MuSig2Coordination
import MuSig2Node
import MuSig2Session
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import Secp256k1
import Testing

/// Three signers that know nothing but one node of a DHT.
@Suite("Signers that know one node of a DHT", .serialized, .timeLimit(.minutes(5))) struct SigningNodeDiscoveryTests {
    private static let prefix = "/musig2-test"
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A DHT server that is no signer.
    private func server() async throws -> PeerNode {
        let node = try PeerNode(identity: .generateEd25519(), logger: Self.quiet)
        try await node.listen(on: [ListenAddress.loopback.multiaddr])
        var configuration = NodeDHT.Configuration(mode: .server, prefix: Self.prefix)
        configuration.rules[RecordName.defaultNamespace] = AnnouncementRules()
        try node.startDHT(configuration)
        return node
    }

    private func start(_ bootstrap: PeerNode) async throws -> SigningNode {
        try await SigningNode.start(
            signer: SecretKey.generate(),
            listenAddresses: [.loopback],
            dht: NodeDHT.Configuration(mode: .server, prefix: Self.prefix, bootstrap: bootstrap.addresses),
            consent: .approveEverything,
            logger: Self.quiet
        )
    }

    @Test(arguments: [DiscoveryMethod.rendezvous, .record, .inbox]) func threeOfThree(_ method: DiscoveryMethod)
        async throws
    {
        let server = try await server()
        var nodes: [SigningNode] = []
        for _ in 0..<3 { nodes.append(try await start(server)) }
        let keys = nodes.map(\.coordinator.signerKey)
        let message = Array("found in a DHT".utf8)
        var request = SessionRequest(signers: keys, messages: [message])
        request.discovery = [method]
        let events = await nodes[0].coordinator.events
        let created = try await nodes[0].coordinator.createSession(request)
        for await event in events {
            if case .error(let error) = event { Issue.record(error) }
            if event == .announced(created.id) { break }
        }
        for node in nodes.dropFirst() {
            if method == .inbox {
                let waiting = try await node.coordinator.inbox()
                #expect(waiting.map(\.session) == [created.id])
            }
            try await node.coordinator.joinSession(id: created.id)
        }
        let key = try KeyAggContext(keys: KeySort.sorted(keys)).xOnlyKey
        for node in nodes {
            let signatures = try await node.coordinator.waitForSignatures(of: created.id)
            #expect(signatures.count == 1)
            #expect(key.isValidSignature(signatures[0], for: message))
        }
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.shutdown() } }
        }
        await server.shutdown()
    }
}
