import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import PeerTransportTestKit
import ServiceLifecycleTestKit
import Synchronization
import Testing

@testable import PeerNode

/// A user's own protocol: it answers each stream with what it read, in capitals of a sort, and notes who came and went.
private final class ShoutHandler: ProtocolHandler {
    let name = "shout"
    let protocolIDs: [ProtocolID]
    private let notes = Mutex<[String]>([])
    private let changed = Event()
    private let holding: Bool

    init(_ protocolIDs: [ProtocolID] = ["/shout/1.0.0"], holding: Bool = false) {
        self.protocolIDs = protocolIDs
        self.holding = holding
    }

    var all: [String] { notes.withLock { $0 } }

    func note(_ text: String) {
        notes.withLock { $0.append(text) }
        changed.notify()
    }

    /// Waits until something was noted, and returns all that was noted up to then.
    @discardableResult
    func wait(for text: String) async -> [String] {
        while !all.contains(text) {
            guard await changed.wait() == .notified else { break }
        }
        return all
    }

    func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
        note("stream from \(peer)")
        do throws(TransportError) {
            while let bytes = try await stream.stream.read(upTo: 100) {
                if !holding { try await stream.stream.write(bytes.map { $0 &+ 1 }) }
            }
            try await stream.stream.closeWrite()
        } catch {
            note("\(error.code)")
        }
    }

    func peerConnected(_ peer: PeerID) { note("connected \(peer)") }

    func peerDisconnected(_ peer: PeerID) { note("disconnected \(peer)") }

    func addressesChanged(_ addresses: [Multiaddr]) { note("listening at \(addresses.count)") }
}

/// A transport whose dials go as a test says.
private struct ScriptedTransport: Transport {
    var outcome: @Sendable (Multiaddr) async throws(TransportError) -> any Connection

    func canDial(_ address: Multiaddr) -> Bool {
        if case .tcp? = address.components.last { true } else { false }
    }
    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection { try await outcome(address) }
    func listen(on address: Multiaddr, accepting: @escaping ProtocolFilter) async throws(TransportError) -> any Listener
    {
        throw TransportError(.addressNotAvailable, "scripted")
    }
}

/// A connection whose other side answers nothing until it is closed.
private final class SilentConnection: Connection {
    let localPeer: PeerID
    let remotePeer: PeerID
    let remoteAddress: Multiaddr
    let isInbound = false
    /// Its streams fail, though nobody has been told yet that it is closed.
    let isDead: Bool
    /// Closing takes until the test says so.
    let mayClose = OneShot<Void>()
    private let end = OneShot<Void>()

    init(localPeer: PeerID, remotePeer: PeerID, remoteAddress: Multiaddr, isDead: Bool = false) {
        self.localPeer = localPeer
        self.remotePeer = remotePeer
        self.remoteAddress = remoteAddress
        self.isDead = isDead
    }

    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
        if isDead { throw TransportError(.connectionClosed, "dead") }
        _ = await end.wait()
        throw TransportError(.connectionClosed, "silent")
    }

    func acceptStream() async throws(TransportError) -> NegotiatedStream? {
        _ = await end.wait()
        return nil
    }

    func close() async {
        _ = await mayClose.wait()
        end.set(())
    }

    func closed() async -> TransportError? {
        _ = await end.wait()
        return nil
    }
}

@Suite struct PeerNodeTests {
    private let nodes = TestNodes()

    private func ask(_ node: PeerNode, _ peer: PeerID, _ id: ProtocolID = "/shout/1.0.0") async throws -> [UInt8] {
        let opened = try await node.openStream(to: peer, protocols: [id])
        try await opened.stream.write([1, 2, 3])
        try await opened.stream.closeWrite()
        var answer: [UInt8] = []
        while let bytes = try await opened.stream.read(upTo: 100) { answer += bytes }
        return answer
    }

    @Test func aUsersProtocolRunsBesideFrames() async throws {
        let (first, second) = (try await nodes.network(1), try await nodes.node(2))
        let frames = try NodePeerNetwork(node: second, configuration: .init(protocolID: "/test-frames/1.0.0"))
        let handler = ShoutHandler()
        try second.register(handler)
        first.connect(to: second.localPeer, addresses: second.addresses)
        #expect(await first.nextEvents() == [.connected(second.localPeer)])
        let opener = try await nodes.node(3)
        #expect(try await opener.connect(to: try #require(second.addresses.first)) == second.localPeer)
        #expect(try await ask(opener, second.localPeer) == [2, 3, 4])
        first.send([9], to: second.localPeer)
        var events: [PeerNetworkEvent] = []
        while events.count < 2 { events += await frames.nextEvents() }
        #expect(events == [.connected(first.localPeer), .frame([9], from: first.localPeer)])
        await opener.shutdown()
        await handler.wait(for: "disconnected \(opener.localPeer)")
        #expect(
            handler.all.filter { $0.contains("\(opener.localPeer)") } == [
                "connected \(opener.localPeer)", "stream from \(opener.localPeer)", "disconnected \(opener.localPeer)",
            ]
        )
        await second.shutdown()
    }

    @Test func twoHandlersCannotShareAProtocol() async throws {
        let node = try await nodes.node(1)
        try node.register(ShoutHandler(["/a", "/b"]))
        let error = #expect(throws: TransportError.self) { try node.register(ShoutHandler(["/c", "/b"])) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "handler shout: [/c, /b] is served by handler shout already")
        #expect(throws: TransportError(.invalidArgument, "")) { try node.register(ShoutHandler([])) }
        #expect(throws: TransportError(.invalidArgument, "")) { try node.register(ShoutHandler(["a\n"])) }
        node.unregister(["/a", "/b"])
        try node.register(ShoutHandler(["/c", "/b"]))
    }

    @Test func unregisteredProtocolsAreRefused() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        try two.register(ShoutHandler())
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        #expect(try await ask(one, two.localPeer) == [2, 3, 4])
        two.unregister(["/shout/1.0.0"])
        await #expect(throws: TransportError(.protocolNotSupported, "")) {
            try await one.openStream(to: two.localPeer, protocols: ["/shout/1.0.0"])
        }
    }

    @Test func aConnectionIsReused() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        let handler = ShoutHandler()
        try two.register(handler)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    await #expect(throws: Never.self) {
                        try await one.connect(to: two.localPeer, addresses: two.addresses)
                    }
                }
            }
        }
        try await two.connect(to: one.localPeer, addresses: [])
        #expect(one.connectedPeers == [two.localPeer] && two.connectedPeers == [one.localPeer])
        #expect(try await ask(one, two.localPeer) == [2, 3, 4])
        await one.disconnect(two.localPeer)
        await handler.wait(for: "disconnected \(one.localPeer)")
        #expect(handler.all.filter { $0 == "connected \(one.localPeer)" }.count == 1)
    }

    /// Both sides dial; both keep the same connection, and the other is closed once it is idle and has lingered.
    @Test func ofTwoDialsAtOnceOneConnectionStays() async throws {
        var configuration = PeerNode.Configuration()
        configuration.linger = .milliseconds(5)
        let one = try await nodes.node(1, configuration: configuration)
        let two = try await nodes.node(2, configuration: configuration)
        let handler = ShoutHandler()
        try two.register(handler)
        // Each side dials whoever answers, so that neither finds the other's connection and spares its own.
        let toTwo = try #require(two.addresses.first?.withoutPeerID)
        let toOne = try #require(one.addresses.first?.withoutPeerID)
        async let first = one.connect(to: toTwo)
        async let second = two.connect(to: toOne)
        _ = try await (first, second)
        let all = one.state.withLock { $0.table.connections(to: two.localPeer) }
        let retired = all.filter(\.isRetired)
        #expect(all.count == 1 + retired.count)
        for entry in retired {
            #expect(entry.connection.isInbound == (one.localPeer < two.localPeer), "the smaller one's dial is kept")
            #expect(await entry.connection.closed() == nil)
        }
        #expect(try await ask(one, two.localPeer) == [2, 3, 4])
        #expect(handler.all.filter { $0 == "connected \(one.localPeer)" }.count == 1)
        #expect(!handler.all.contains("disconnected \(one.localPeer)"))
    }

    @Test func aStreamThatNobodyAnswersTimesOut() async throws {
        let clock = VirtualClock()
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        let two = try testPeer(2)
        let silent = SilentConnection(
            localPeer: try testPeer(1), remotePeer: two, remoteAddress: try Multiaddr("/memory/1"))
        let transport = ScriptedTransport { (_) async throws(TransportError) in silent }
        let node = PeerNode(localPeer: silent.localPeer, transports: [transport], configuration: configuration)
        try await node.connect(to: two, addresses: [try Multiaddr("/ip4/10.0.0.1/tcp/1")])
        let opening = Task { try await node.openStream(to: two, protocols: ["/a"]) }
        await clock.waitUntilScheduled()
        clock.advance(by: configuration.streamTimeout)
        let error = await #expect(throws: TransportError.self) { try await opening.value }
        #expect(error?.code == .timedOut)
        #expect(error?.message == "peer \(two) did not answer a new stream within \(configuration.streamTimeout)")
        #expect(node.state.withLock { $0.table.isIdle(1, evenIfCurrent: true) }, "no lease is left behind")
        silent.mayClose.set(())
        await node.shutdown()
    }

    /// A connection that is being closed is not one any more: else a new one might be given up in its favour.
    @Test(arguments: [true, false])
    func aClosingOrDeadConnectionIsForgottenAtOnce(isDead: Bool) async throws {
        let two = try testPeer(2)
        let address = try Multiaddr("/ip4/10.0.0.1/tcp/1")
        let old = SilentConnection(localPeer: try testPeer(1), remotePeer: two, remoteAddress: address, isDead: isDead)
        let node = PeerNode(
            localPeer: old.localPeer,
            transports: [ScriptedTransport { (_) async throws(TransportError) in old }]
        )
        let handler = ShoutHandler()
        try node.register(handler)
        try await node.connect(to: two, addresses: [address])
        let closing = Task {
            if isDead {
                await #expect(throws: TransportError(.notConnected, "")) {
                    try await node.openStream(to: two, protocols: ["/a"])
                }
            } else {
                await node.disconnect(two)
            }
        }
        #expect(await handler.wait(for: "disconnected \(two)") == ["connected \(two)", "disconnected \(two)"])
        #expect(!node.isConnected(to: two))
        old.mayClose.set(())
        await closing.value
        #expect(handler.all.count == 2, "told once")
    }

    @Test func aStreamThatIsLetGoIsReset() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        let handler = ShoutHandler()
        try two.register(handler)
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        do {
            _ = try await one.openStream(to: two.localPeer, protocols: ["/shout/1.0.0"])
        }
        await handler.wait(for: "streamReset")
    }

    @Test func servedStreamsAreBounded() async throws {
        var configuration = PeerNode.Configuration()
        configuration.maximumInboundStreams = 2
        let one = try await nodes.node(1)
        let two = try await nodes.node(2, configuration: configuration)
        try two.register(ShoutHandler(holding: true))
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        var open: [any ByteStream] = []
        for _ in 0..<3 { open.append(try await one.openStream(to: two.localPeer, protocols: ["/shout/1.0.0"]).stream) }
        await #expect(throws: TransportError(.streamReset, "")) { try await open[2].read(upTo: 1) }
        try await open[0].closeWrite()
        #expect(try await open[0].read(upTo: 1) == nil)
    }

    @Test func connectionsAreBounded() async throws {
        var configuration = PeerNode.Configuration()
        configuration.maximumConnections = 1
        let one = try await nodes.node(1, configuration: configuration)
        let (two, three) = (try await nodes.node(2), try await nodes.node(3))
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        await #expect(throws: TransportError(.limitExceeded, "")) {
            try await one.connect(to: three.localPeer, addresses: three.addresses)
        }
        let handler = ShoutHandler()
        try three.register(handler)
        try await three.connect(to: one.localPeer, addresses: one.addresses)
        await handler.wait(for: "disconnected \(one.localPeer)")
        #expect(one.connectedPeers == [two.localPeer])
    }

    @Test func errorsSayWhatBecameOfEachAddress() async throws {
        let one = try await nodes.node(1)
        let (two, three) = (try testPeer(2), try testPeer(3))
        let none = await #expect(throws: TransportError.self) { try await one.connect(to: two, addresses: []) }
        #expect(none?.code == .notConnected)
        #expect(none?.message == "no address is known for peer \(two)")
        let unusable = await #expect(throws: TransportError.self) {
            try await one.connect(
                to: two,
                addresses: [try Multiaddr("/ip4/1.2.3.4/udp/5"), try Multiaddr("/memory/8/p2p/\(three)")]
            )
        }
        #expect(unusable?.code == .unsupportedAddress)
        #expect(
            unusable?.message == "peer \(two): no transport here understands /ip4/1.2.3.4/udp/5; "
                + "/memory/8/p2p/\(three) is of another peer"
        )
        let refused = await #expect(throws: TransportError.self) {
            try await one.connect(to: two, addresses: [try Multiaddr("/memory/8"), try Multiaddr("/memory/9")])
        }
        #expect(refused?.code == .connectionRefused)
        #expect(
            refused?.message == "could not reach peer \(two): "
                + "/memory/8: connectionRefused: nobody listens at /memory/8; "
                + "/memory/9: connectionRefused: nobody listens at /memory/9"
        )
        await #expect(throws: TransportError(.invalidArgument, "")) {
            try await one.connect(to: one.localPeer, addresses: one.addresses)
        }
        await #expect(throws: TransportError(.notConnected, "")) {
            try await one.openStream(to: two, protocols: ["/a"])
        }
    }

    @Test func theNextAddressIsTriedWhenOneIsSlow() async throws {
        let two = try await nodes.node(2)
        let hub = nodes.hub
        let one = try testPeer(1)
        let (slow, good) = (try Multiaddr("/ip4/10.0.0.1/tcp/1"), try Multiaddr("/ip4/10.0.0.2/tcp/1"))
        let target = try #require(two.addresses.first)
        let clock = VirtualClock()
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        let transport = ScriptedTransport { (address) async throws(TransportError) in
            if address == slow {
                _ = await OneShot<Void>().wait()
                throw TransportError(.cancelled, "given up")
            }
            return try await InMemoryTransport(peer: one, hub: hub).dial(
                target, expecting: nil, accepting: { _ in false })
        }
        let node = PeerNode(localPeer: one, transports: [transport], configuration: configuration)
        async let dialed: Void = node.connect(to: two.localPeer, addresses: [slow, good])
        // The deadline of the whole, and the moment when the next address is due.
        await clock.waitUntilScheduled(2)
        clock.advance(by: configuration.dialStagger)
        try await dialed
        #expect(node.isConnected(to: two.localPeer))
        await node.shutdown()
    }

    @Test func aDialThatNeverEndsTimesOut() async throws {
        let clock = VirtualClock()
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        let transport = ScriptedTransport { (_) async throws(TransportError) in
            // It does not even listen to its cancellation.
            await Task.detached { _ = await OneShot<Void>().wait() }.value
            throw TransportError(.systemFailure, "never")
        }
        let two = try testPeer(2)
        let node = PeerNode(localPeer: try testPeer(1), transports: [transport], configuration: configuration)
        let dial = Task { try await node.connect(to: two, addresses: [try Multiaddr("/ip4/10.0.0.1/tcp/1")]) }
        await clock.waitUntilScheduled()
        clock.advance(by: configuration.dialTimeout)
        let error = await #expect(throws: TransportError.self) { try await dial.value }
        #expect(error?.code == .timedOut)
        #expect(
            error?.message == "peer \(two) was not reached at any of 1 addresses within \(configuration.dialTimeout)")
    }

    @Test func listeningIsAllOrNothing() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        let taken = try #require(two.addresses.first?.withoutPeerID)
        let before = one.addresses
        await #expect(throws: TransportError(.addressInUse, "")) {
            try await one.listen(on: [try Multiaddr("/memory/77"), taken])
        }
        #expect(one.addresses == before)
        try await two.listen(on: [try Multiaddr("/memory/77")])
        #expect(two.addresses.count == 2)
        await #expect(throws: TransportError(.unsupportedAddress, "")) {
            try await one.listen(on: [try Multiaddr("/ip4/127.0.0.1/tcp/0")])
        }
    }

    @Test func announcedAddressesTakeThePlaceOfTheOthers() async throws {
        var configuration = PeerNode.Configuration()
        configuration.announcedAddresses = [try Multiaddr("/dns4/signer.example/tcp/4001")]
        let one = try await nodes.node(1, configuration: configuration)
        #expect(one.addresses == [try Multiaddr("/dns4/signer.example/tcp/4001/p2p/\(one.localPeer)")])
    }

    @Test func shutdownEndsEverything() async throws {
        let (one, two) = (try await nodes.node(1), try await nodes.node(2))
        let (mine, theirs) = (ShoutHandler(), ShoutHandler())
        try one.register(mine)
        try two.register(theirs)
        try await one.connect(to: two.localPeer, addresses: two.addresses)
        let address = try #require(one.addresses.first)
        await one.shutdown()
        await one.shutdown()
        await theirs.wait(for: "disconnected \(one.localPeer)")
        await mine.wait(for: "disconnected \(two.localPeer)")
        await #expect(throws: TransportError(.shutDown, "")) {
            try await one.connect(to: two.localPeer, addresses: two.addresses)
        }
        await #expect(throws: TransportError(.shutDown, "")) { try await one.listen(on: [try Multiaddr("/memory/0")]) }
        await #expect(throws: TransportError(.connectionRefused, "")) { try await two.connect(to: address) }
    }

    /// A service group shuts a node down in good order, and a cancelled task does too.
    @Test(arguments: [true, false])
    func aNodeIsAService(gracefully: Bool) async throws {
        let two = try await nodes.node(2)
        var configuration = PeerNode.Configuration()
        configuration.listenAddresses = [try Multiaddr("/memory/500")]
        let peer = try testPeer(1)
        let one = PeerNode(
            localPeer: peer,
            transports: [InMemoryTransport(peer: peer, hub: nodes.hub)],
            configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let (mine, theirs) = (ShoutHandler(), ShoutHandler())
        try one.register(mine)
        try two.register(theirs)
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await one.run() }
                await mine.wait(for: "listening at 1")
                #expect(try await two.connect(to: try Multiaddr("/memory/500")) == peer)
                if gracefully { trigger.triggerGracefulShutdown() } else { group.cancelAll() }
                try await group.waitForAll()
            }
        }
        await theirs.wait(for: "disconnected \(peer)")
        #expect(one.addresses == [])
    }
}
