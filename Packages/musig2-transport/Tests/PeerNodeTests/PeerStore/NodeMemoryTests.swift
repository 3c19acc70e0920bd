import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import PeerTransportNIO
import Synchronization
import Testing

@testable import PeerNode

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Keeps peers in memory, and fails when a test wants it to.
private final class MemoryPersistence: PeerStorePersistence {
    private let state = Mutex<(bytes: [UInt8]?, saves: Int, isFailing: Bool)>((nil, 0, false))
    let saved = OneShot<Void>()

    init(_ bytes: [UInt8]? = nil, isFailing: Bool = false) {
        state.withLock { $0 = (bytes, 0, isFailing) }
    }

    var bytes: [UInt8]? { state.withLock { $0.bytes } }
    var saves: Int { state.withLock { $0.saves } }

    func load() throws(TransportError) -> [UInt8]? {
        try check()
        return bytes
    }

    func save(_ bytes: [UInt8]) throws(TransportError) {
        try check()
        state.withLock { state in
            state.bytes = bytes
            state.saves += 1
        }
        saved.set(())
    }

    private func check() throws(TransportError) {
        if state.withLock({ $0.isFailing }) { throw TransportError(.systemFailure, "the disk is full") }
    }
}

/// What a node knows of peers outlives it.
@Suite final class NodeMemoryTests {
    private let hub = InMemoryHub()
    private let directory: String

    init() throws {
        var template = Array("/tmp/peer-file-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TransportError(.systemFailure, "mkdtemp") }
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        unlink(path)
        rmdir(directory)
    }

    private var path: String { "\(directory)/peers" }

    private func node(
        _ identity: NodeIdentity,
        _ persistence: (any PeerStorePersistence)?,
        time: TimeSource = .system
    ) async throws -> PeerNode {
        var configuration = PeerNode.Configuration()
        configuration.peerStorePersistence = persistence
        configuration.timeSource = time
        let node = PeerNode(
            identity: identity, transports: [InMemoryTransport(peer: identity.peerID, hub: hub)],
            configuration: configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await node.listen(on: [try Multiaddr("/memory/0")])
        return node
    }

    @Test func aNodeFindsItsPeersAfterARestart() async throws {
        let (mine, theirs) = (NodeIdentity.generateEd25519(), NodeIdentity.generateSecp256k1())
        let other = try await node(theirs, nil)
        let before = try await node(mine, PeerStoreFile(path: path))
        let observer = NotingObserver()
        before.addObserver(observer)
        try await before.connect(to: other.localPeer, addresses: other.addresses)
        let isKnown: Bool? = await observer.first { if case .identified = $0 { true } else { nil } }
        #expect(isKnown == true)
        let sequence = before.identify.withLock { $0.lastSequence }
        await before.shutdown()
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)

        let after = try await node(mine, PeerStoreFile(path: path))
        #expect(after.knownPeers == [other.localPeer])
        #expect(after.knownAddresses(of: other.localPeer) == other.addresses.compactMap(\.withoutPeerID))
        #expect(after.peerStore.withLock { $0.sequence(of: other.localPeer) } > 0)
        #expect(after.identify.withLock { $0.lastSequence } >= sequence && sequence > 0)
        try await after.connect(to: other.localPeer)
        #expect(after.isConnected(to: other.localPeer))
        await after.shutdown()
        await other.shutdown()
    }

    @Test func rubbishIsAFreshStart() async throws {
        let persistence = MemoryPersistence([1, 2, 3])
        let node = try await node(.generateEd25519(), persistence)
        #expect(node.knownPeers.isEmpty)
        node.addAddresses([try Multiaddr("/memory/5")], of: try testPeer(2))
        await node.shutdown()
        let bytes = try #require(persistence.bytes)
        #expect(try PeerStoreSnapshot(bytes).peers.map(\.id) == [try testPeer(2)])
    }

    @Test func aFailingDiskCostsTheMemoryAndNothingElse() async throws {
        let node = try await node(.generateEd25519(), MemoryPersistence(isFailing: true))
        let peer = try testPeer(2)
        let addresses = [try Multiaddr("/memory/5"), try Multiaddr("/memory/6/p2p/\(try testPeer(3))")]
        node.addAddresses(addresses, of: peer)
        #expect(node.knownAddresses(of: peer) == [addresses[0]], "the other one is of somebody else")
        await node.shutdown()
    }

    /// Changes are saved together, a while after the first.
    @Test func changesAreSavedInAWhile() async throws {
        let clock = VirtualClock()
        let persistence = MemoryPersistence()
        let node = try await node(.generateEd25519(), persistence, time: clock.timeSource)
        for number in UInt8(2)...9 { node.addAddresses([try Multiaddr("/memory/5")], of: try testPeer(number)) }
        await clock.waitUntilScheduled()
        #expect(persistence.saves == 0)
        clock.advance(by: .seconds(30))
        _ = await persistence.saved.wait()
        #expect(persistence.saves == 1)
        let bytes = try #require(persistence.bytes)
        #expect(try PeerStoreSnapshot(bytes).peers.count == 8)
        await node.shutdown()
    }

    @Test func aFileThatOthersCouldHaveChangedIsNotRead() throws {
        let file = PeerStoreFile(path: path)
        #expect(try file.load() == nil)
        try file.save([1, 2, 3])
        try file.save([4, 5])
        #expect(try file.load() == [4, 5])
        chmod(path, 0o620)
        let error = #expect(throws: TransportError.self) { try file.load() }
        #expect(error?.code == .peerStoreFile)
        #expect(
            error?.message == "peer file \(path): expected mode 600, found 620: others may have changed it; "
                + "if they cannot have, run: chmod 600 '\(path)'"
        )
        try file.save([6])
        #expect(try file.load() == [6], "a new file takes its place")
        let nowhere = #expect(throws: TransportError.self) {
            try PeerStoreFile(path: "\(path)/none/peers").save([1])
        }
        #expect(nowhere?.code == .peerStoreFile)
    }
}
