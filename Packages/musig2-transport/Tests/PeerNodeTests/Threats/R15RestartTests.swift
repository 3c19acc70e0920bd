import Logging
import Multiformats
import PeerTransport
import PeerTransportTestKit
import Synchronization
import Testing
import WireCodec

@testable import PeerNode

/// R15: strangers that come before a restart, and would be all that the node begins with after it.
@Suite(.serialized, .timeLimit(.minutes(1))) struct R15RestartTests {
    private let nodes = TestNodes()

    private final class MemoryPersistence: PeerStorePersistence {
        private let bytes = Mutex<[UInt8]?>(nil)
        func load() throws(TransportError) -> [UInt8]? { bytes.withLock { $0 } }
        func save(_ saved: [UInt8]) throws(TransportError) { bytes.withLock { $0 = saved } }
    }

    private final class Watch: PeerObserver {
        let identified = Mutex<Set<PeerID>>([])
        let changed = Event()
        func peerIdentified(_ peer: PeerID, _ information: PeerInformation) {
            identified.withLock { _ = $0.insert(peer) }
            changed.notify()
        }

        func wait(for count: Int) async {
            while identified.withLock({ $0.count }) < count {
                guard await changed.wait() == .notified else { return }
            }
        }
    }

    private func server(_ number: UInt8) async throws -> ScriptedServer {
        try ScriptedServer(try await nodes.node(number)) { ScriptedServer.empty($0) }
    }

    @Test func r15StrangersDoNotCaptureARestart() async throws {
        var configuration = PeerNode.Configuration()
        configuration.peerStorePersistence = MemoryPersistence()
        let node = try await nodes.node(1, configuration: configuration)
        let watch = Watch()
        node.addObserver(watch)
        var servers: [ScriptedServer] = []
        for number in UInt8(10)..<15 { servers.append(try await server(number)) }
        var dht = DHTWorld.configuration(.client)
        dht.bootstrap = servers.flatMap(\.node.addresses)
        let part = try node.startDHT(dht)
        await part.waitForStatus { $0.routingTableSize == 5 }
        await watch.wait(for: 5)
        // They come by themselves, and serve as well.
        for number in UInt8(20)..<40 {
            let stranger = try await server(number)
            servers.append(stranger)
            try await stranger.node.connect(to: node.localPeer, addresses: node.addresses)
        }
        await watch.wait(for: 25)
        await node.shutdown()

        let after = try await nodes.node(1, configuration: configuration)
        let begins = Set(after.knownPeers(speaking: DHTWorld.protocolID, limit: 16).map(\.peer))
        let honest = Set(servers.prefix(5).map(\.node.localPeer))
        #expect(begins.intersection(honest).count == 5)
        #expect(begins.subtracting(honest).isEmpty)
        await after.shutdown()
        for server in servers { await server.shutdown() }
    }

    // MARK: The choice

    private static let day: UInt64 = 86_400_000
    private static let start: UInt64 = 1_800_000_000_000

    /// A store with servers by number: where each is, and on how many days it answered after it was dialled.
    private func store(_ servers: [(number: Int, address: String, days: Int)]) throws -> PeerStore {
        var store = PeerStore()
        for (number, text, days) in servers {
            let (peer, address) = (try testPeer(UInt8(number)), try Multiaddr(text))
            store.update(
                peer, by: PeerInformation(addresses: [address], protocols: [DHTWorld.protocolID]), sequence: nil,
                at: Self.start)
            for day in 0..<days {
                store.noteSuccess(peer, at: address, at: Self.start + UInt64(day) * Self.day)
                store.noteProof(peer, at: Self.start + UInt64(day) * Self.day)
            }
        }
        return store
    }

    private func chosen(_ store: PeerStore, _ limit: Int) -> Set<PeerID> {
        var generator = SystemRandomNumberGenerator()
        return Set(store.servers(speaking: DHTWorld.protocolID, limit: limit, using: &generator))
    }

    /// At most two of a /24, and of a /32 of IPv6.
    @Test(arguments: [false, true]) func r15AtMostTwoOfANetwork(isV6: Bool) throws {
        let many = (1...40).map { number in
            (number, isV6 ? "/ip6/2a0e:6666:\(number)::1/tcp/4001" : "/ip4/66.6.6.\(number)/tcp/4001", 9)
        }
        let others = (50..<60).map { ($0, "/ip4/9.\($0).1.1/tcp/4001", 1) }
        let store = try store(many + others)
        let found = chosen(store, 16)
        #expect(found.count == 12)
        for number in 50..<60 { #expect(found.contains(try testPeer(UInt8(number)))) }
    }

    /// What has answered on the most days is always there, beside a choice by chance.
    @Test func r15AnchorsAndChance() throws {
        let anchors = (1...3).map { ($0, "/ip4/8.\($0).1.1/tcp/4001", 9) }
        let others = (50..<90).map { ($0, "/ip4/9.\($0).1.1/tcp/4001", 2) }
        let store = try store(anchors + others)
        var seen: Set<PeerID> = []
        for _ in 0..<40 {
            let found = chosen(store, 8)
            #expect(found.count == 8)
            for number in 1...3 { #expect(found.contains(try testPeer(UInt8(number)))) }
            seen.formUnion(found)
        }
        #expect(seen.count > 12)
    }

    /// A day counts once, however often a server answers on it, and only after this node has dialled it.
    @Test func r15ProofTakesDays() throws {
        var store = PeerStore()
        let (peer, address) = (try testPeer(5), try Multiaddr("/ip4/9.9.9.9/tcp/4001"))
        store.update(
            peer, by: PeerInformation(addresses: [address], protocols: [DHTWorld.protocolID]), sequence: nil,
            at: Self.start)
        store.noteProof(peer, at: Self.start)
        #expect(store.peers[peer]?.provenDays == 0, "it came by itself")
        store.noteSuccess(peer, at: address, at: Self.start)
        for hour in UInt64(0)..<20 { store.noteProof(peer, at: Self.start + hour * 60_000) }
        #expect(store.peers[peer]?.provenDays == 1)
        store.noteProof(peer, at: Self.start + Self.day)
        #expect(store.peers[peer]?.provenDays == 2)
        // It outlives the process.
        let snapshot = try PeerStoreSnapshot(PeerStoreSnapshot(of: store, lastSequence: 0).bytes)
        var restored = PeerStore()
        restored.restore(snapshot.peers, at: Self.start + Self.day)
        #expect(restored == store)
    }

    /// Signed strangers push out neither proven peers nor those that an invitation named.
    @Test func r15SignedStrangersPushOutNobody() throws {
        var limits = PeerStoreLimits()
        limits.peers = 16
        var store = PeerStore(limits: limits)
        let hinted = try testPeer(1)
        store.add([try Multiaddr("/ip4/9.9.9.9/tcp/4001")], of: hinted, from: .hint, at: Self.start)
        for number in UInt8(10)..<200 {
            let address = try Multiaddr("/ip4/66.6.\(number).1/tcp/4001")
            store.update(
                try testPeer(number), by: PeerInformation(addresses: [address], isCertified: true), sequence: 5,
                at: Self.start + UInt64(number))
        }
        #expect(store.peers[hinted] != nil)
    }

    /// What is saved can be read again, however much the peers say.
    @Test func r15TheFileStaysWithinWhatIsRead() throws {
        var limits = PeerStoreLimits()
        limits.peers = 4_096
        var store = PeerStore(limits: limits)
        let names = (0..<64).map { ProtocolID("/" + String(repeating: "a", count: 120) + "\(1_000 + $0)") }
        let long = String(repeating: "b", count: 60)
        for number in UInt16(0)..<2_500 {
            let key = [UInt8](repeating: 9, count: 30) + [UInt8(number >> 8), UInt8(number & 255)]
            let peer = try PeerID(publicKey: try PublicKeyProtobuf(type: .ed25519, data: key))
            let addresses = try (0..<16).map { try Multiaddr("/dns4/\(long).\(long).\($0)/tcp/4001") }
            store.update(
                peer, by: PeerInformation(addresses: addresses, protocols: Set(names)), sequence: nil, at: Self.start)
        }
        let bytes = PeerStoreSnapshot(of: store, lastSequence: 7).bytes
        #expect(bytes.count <= PeerStoreSnapshot.maximumBytes)
        #expect(try PeerStoreSnapshot(bytes).peers.count > 1_000)
    }
}
