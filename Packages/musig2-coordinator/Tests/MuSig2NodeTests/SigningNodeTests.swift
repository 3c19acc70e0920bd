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

@Suite("Signing nodes", .serialized) struct SigningNodeTests {
    private func start(_ consent: any ConsentPolicy = .approveEverything) async throws -> SigningNode {
        try await SigningNode.start(
            signer: SecretKey.generate(),
            listenAddresses: [.loopback],
            consent: consent,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test(.timeLimit(.minutes(1))) func threeOfThreeOverTCP() async throws {
        var nodes: [SigningNode] = []
        for _ in 0..<3 { nodes.append(try await start()) }
        let keys = nodes.map(\.coordinator.signerKey)
        let message = Array("over TCP".utf8)
        let created = try await nodes[0].coordinator.createSession(SessionRequest(signers: keys, messages: [message]))
        #expect(created.invitation.addresses.count == 1)
        // As a person would: the text is read somewhere else.
        let invitation = try SessionInvitation(parsing: "\(created.invitation)")
        for node in nodes.dropFirst() { try await node.coordinator.joinSession(invitation) }
        let key = try KeyAggContext(keys: KeySort.sorted(keys)).xOnlyKey
        for node in nodes {
            let signatures = try await node.coordinator.waitForSignatures(of: created.id)
            #expect(signatures.count == 1)
            #expect(key.isValidSignature(signatures[0], for: message))
        }
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.shutdown() } }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aPortInUseIsSaid() async throws {
        let node = try await start()
        let taken = try #require(node.node.addresses.first?.withoutPeerID)
        await #expect(throws: TransportError(.addressInUse, "")) {
            try await SigningNode.start(
                signer: SecretKey.generate(), listenAddresses: [ListenAddress(taken)], consent: .ownSessions)
        }
        await node.shutdown()
    }

    @Test(.timeLimit(.minutes(1))) func aCreatorThatIsGoneIsSaid() async throws {
        let creator = try await start()
        let joiner = try await start()
        let keys = [creator.coordinator.signerKey, joiner.coordinator.signerKey]
        let created = try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        await creator.shutdown()
        await #expect(throws: CoordinatorError(.unreachable, "")) {
            try await joiner.coordinator.joinSession(created.invitation)
        }
        await joiner.shutdown()
    }

    @Test(.timeLimit(.minutes(1))) func manySessionsInFlight() async throws {
        var nodes: [SigningNode] = []
        for _ in 0..<3 { nodes.append(try await start()) }
        let keys = nodes.map(\.coordinator.signerKey)
        let key = try KeyAggContext(keys: KeySort.sorted(keys)).xOnlyKey
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask { [nodes] in
                    let creator = nodes[number % 3]
                    let created = try await creator.coordinator.createSession(
                        SessionRequest(signers: keys, messages: [[UInt8(number)]]))
                    for node in nodes where node !== creator {
                        try await node.coordinator.joinSession(created.invitation)
                    }
                    for node in nodes {
                        let signatures = try await node.coordinator.waitForSignatures(of: created.id)
                        #expect(key.isValidSignature(signatures[0], for: [UInt8(number)]))
                    }
                }
            }
            try await group.waitForAll()
        }
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.shutdown() } }
        }
    }

    @Test(.timeLimit(.minutes(1))) func signersFindASessionByItsIDThroughADHT() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let meeting = try PeerNode(identity: .generateEd25519(), logger: logger)
        try await meeting.listen(on: [ListenAddress.loopback.multiaddr])
        try meeting.startDHT(NodeDHT.Configuration(mode: .server, prefix: "/test"))
        let dht = NodeDHT.Configuration(mode: .client, prefix: "/test", bootstrap: meeting.addresses)
        var nodes: [SigningNode] = []
        for _ in 0..<2 {
            nodes.append(
                try await SigningNode.start(
                    signer: SecretKey.generate(), listenAddresses: [.loopback], dht: dht,
                    consent: .approveEverything, logger: logger))
        }
        let keys = nodes.map(\.coordinator.signerKey)
        let created = try await nodes[0].coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        try await nodes[1].coordinator.joinSession(id: created.id)
        let key = try KeyAggContext(keys: KeySort.sorted(keys)).xOnlyKey
        for node in nodes {
            let signatures = try await node.coordinator.waitForSignatures(of: created.id)
            #expect(key.isValidSignature(signatures[0], for: [1]))
            #expect(node.dht?.status == DHTStatus(mode: .client, routingTableSize: 1, isReady: true))
        }
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.shutdown() } }
        }
        await meeting.shutdown()
    }

    @Test(.timeLimit(.minutes(1))) func aDHTThatCannotWorkIsSaid() async throws {
        await #expect(throws: TransportError(.invalidArgument, "")) {
            try await SigningNode.start(
                signer: SecretKey.generate(), listenAddresses: [.loopback],
                dht: NodeDHT.Configuration(prefix: "no slash"))
        }
    }

    @Test(.timeLimit(.minutes(1))) func withoutADHTAnIDAloneLeadsNowhere() async throws {
        let node = try await start()
        await #expect(throws: CoordinatorError(.unreachable, "")) {
            try await node.coordinator.previewSession(id: SessionID(Hash32.random()))
        }
        await #expect(throws: CoordinatorError(.unreachable, "")) { try await node.coordinator.inbox() }
        await node.shutdown()
    }
}
