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

/// The code of the networking guide, compiled and run.
@Suite("The networking guide", .serialized, .timeLimit(.minutes(2))) struct NetworkingGuideTests {
    /// A node that others begin with.
    private func meetingPlace() async throws -> PeerNode {
        let identity = NodeIdentity.generateEd25519()
        let meeting = try PeerNode(identity: identity)
        try await meeting.listen(on: [
            Multiaddr("/ip4/127.0.0.1/tcp/0"),  // to the world: /ip4/0.0.0.0/tcp/4001
            Multiaddr("/ip4/127.0.0.1/tcp/0/ws"),
        ])
        var dht = NodeDHT.Configuration(mode: .server, prefix: "/my-network")
        dht.rules[RecordName.defaultNamespace] = AnnouncementRules()
        try meeting.startDHT(dht)
        print(meeting.addresses)  // give one of them to the others
        return meeting
    }

    @Test func signersMeet() async throws {
        let meeting = try await meetingPlace()
        let message = Array("1 BTC to Carol".utf8)

        func signTogether(_ bootstrap: [Multiaddr]) async throws -> ([PublicKey], [SchnorrSignature]) {
            let dht = NodeDHT.Configuration(mode: .client, prefix: "/my-network", bootstrap: bootstrap)
            let alice = try await SigningNode.start(
                signer: SecretKey.generate(), listenAddresses: [.loopback], dht: dht, consent: .approveEverything)
            let bob = try await SigningNode.start(
                signer: SecretKey.generate(), listenAddresses: [.loopback], dht: dht, consent: .approveEverything)

            let keys = [alice.coordinator.signerKey, bob.coordinator.signerKey]
            var request = SessionRequest(signers: keys, messages: [message])
            request.discovery = [.rendezvous, .inbox]
            let session = try await alice.coordinator.createSession(request)

            // Bob was told the id, and nothing of where Alice is. Without the id: bob.coordinator.inbox().
            try await bob.coordinator.joinSession(id: session.id)
            let signatures = try await bob.coordinator.waitForSignatures(of: session.id)
            await alice.shutdown()
            await bob.shutdown()
            return (keys, signatures)
        }

        let (keys, signatures) = try await signTogether(meeting.addresses)
        let key = try KeyAggContext(keys: KeySort.sorted(keys)).xOnlyKey
        #expect(key.isValidSignature(signatures[0], for: message))
        await meeting.shutdown()
    }

    @Test func readinessIsAState() async throws {
        let meeting = try await meetingPlace()
        let node = try PeerNode(identity: .generateEd25519())
        try await node.listen(on: [Multiaddr("/ip4/127.0.0.1/tcp/0")])

        func begin() async throws {
            var updates = node.dhtStatusUpdates().makeAsyncIterator()
            try node.startDHT(NodeDHT.Configuration(prefix: "/my-network", bootstrap: meeting.addresses))
            try await node.waitUntilReady(timeout: .seconds(30))
            while let status = await updates.next() {
                print(status.mode, status.routingTableSize, status.isReady)
                if status.isReady { break }
            }
        }

        try await begin()
        #expect(node.dhtStatus == DHTStatus(mode: .client, routingTableSize: 1, isReady: true))

        func findOneAnother() async throws -> [DiscoveredPeer] {
            let key: [UInt8] = [0x12, 0x20] + [UInt8](repeating: 7, count: 32)  // a SHA-256 multihash
            try await node.dht?.publish(key, for: .seconds(3_600))
            return try await meeting.dht?.lookup(key, limit: 20) ?? []
        }

        #expect(try await findOneAnother().map(\.peer) == [node.localPeer])
        await node.shutdown()
        await meeting.shutdown()
    }

    @Test func configurations() async throws {
        func behindAForwardedPort() throws -> PeerNode.Configuration {
            var configuration = PeerNode.Configuration()
            configuration.announcedAddresses = [try Multiaddr("/ip4/203.0.113.7/tcp/4001")]
            return configuration
        }

        func onThePublicNetwork(_ bootstrap: [Multiaddr]) -> (PeerNode.Configuration, NodeDHT.Configuration) {
            var configuration = PeerNode.Configuration()
            configuration.dialFilter = .public  // strangers say where peers are
            return (configuration, NodeDHT.Configuration(mode: .client, bootstrap: bootstrap))
        }

        func inOneBuilding(_ bootstrap: [Multiaddr]) -> NodeDHT.Configuration {
            var configuration = NodeDHT.Configuration(mode: .server, prefix: "/my-network", bootstrap: bootstrap)
            configuration.addresses = .private
            return configuration
        }

        let forwarded = try PeerNode(identity: .generateEd25519(), configuration: try behindAForwardedPort())
        #expect(forwarded.addresses.map(\.withoutPeerID) == [try Multiaddr("/ip4/203.0.113.7/tcp/4001")])
        let (node, dht) = onThePublicNetwork([])
        #expect(node.dialFilter == .public && dht.protocolID == "/ipfs/kad/1.0.0" && dht.usedAddresses == .public)
        #expect(inOneBuilding([]).usedAddresses == .private)
        await forwarded.shutdown()
    }
}
