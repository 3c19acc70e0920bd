import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// A peer that comes by itself while this side still tries to reach it, as happens when only one of two can be dialled.
@Suite(.timeLimit(.minutes(1))) struct CrossingDialTests {
    private let nodes = TestNodes()
    private let pending = PendingTransport()

    /// A node that others reach, but whose own dials hang.
    private func node(_ number: UInt8) async throws -> PeerNode {
        let peer = try testPeer(number)
        let node = PeerNode(
            localPeer: peer,
            transports: [pending, InMemoryTransport(peer: peer, hub: nodes.hub)],
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await node.listen(on: [try Multiaddr("/memory/0")])
        return node
    }

    @Test func whoAskedForThePeerGoesOnAtOnce() async throws {
        let (one, two) = (try await node(1), try await nodes.node(2))
        let address = try Multiaddr(PendingTransport.address)
        let asking = Task { try await one.connect(to: two.localPeer, addresses: [address]) }
        _ = await pending.hasBegun.wait()
        try await two.connect(to: one.localPeer, addresses: one.addresses)
        // The dial itself never ends here.
        try await asking.value
        #expect(one.isConnected(to: two.localPeer))
        await one.shutdown()
        await two.shutdown()
    }

    /// Frames must not wait for a dial that may run into its time limit.
    @Test func framesGoOutOverTheConnectionOfThePeer() async throws {
        let configuration = NodePeerNetwork.Configuration(protocolID: "/test-frames/1.0.0")
        let one = try NodePeerNetwork(node: try await node(1), configuration: configuration)
        let two = try await nodes.network(2)
        one.connect(to: two.localPeer, addresses: [try Multiaddr(PendingTransport.address)])
        _ = await pending.hasBegun.wait()
        two.connect(to: one.localPeer, addresses: one.addresses)
        #expect(await one.nextEvents() == [.connected(two.localPeer)])
        #expect(await two.nextEvents() == [.connected(one.localPeer)])
        one.send([7], to: two.localPeer)
        #expect(await two.nextEvents() == [.frame([7], from: one.localPeer)])
        // The end of the dial changes nothing.
        pending.outcome.set(TransportError(.unreachable, "no way"))
        two.send([8], to: one.localPeer)
        #expect(await one.nextEvents() == [.frame([8], from: two.localPeer)])
        await one.shutdown()
        await two.shutdown()
    }

    /// It was dialled, froze, and its successor dials within the time in which two dials count as made at once: the dead
    /// connection, which the smaller id has dialled, is not kept for it.
    @Test func whoComesBackAtOnceIsNotKeptOnADeadConnection() async throws {
        let peers = [try testPeer(1), try testPeer(2)].sorted()
        let (local, remote) = (peers[0], peers[1])
        let clock = VirtualClock()
        var configuration = PeerNode.Configuration()
        configuration.timeSource = clock.timeSource
        configuration.identify.isEnabled = false
        let node = PeerNode(
            localPeer: local, transports: [], configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let address = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
        let dead = IdleConnection(from: remote, to: local, at: address, isInbound: false, answer: .never)
        let live = IdleConnection(from: remote, to: local, at: address)
        for connection in [dead, live] {
            connection.mayClose.set(())
            #expect(node.adopt(connection) == nil)
        }
        let current = node.state.withLock { $0.table.current(to: remote)?.connection as? IdleConnection }
        #expect(current === dead, "as both sides would decide of two dials at once")
        let moving = Task { await clock.run(by: .milliseconds(100)) }
        #expect(await dead.isClosing.wait() != nil)
        moving.cancel()
        await moving.value
        let successor = node.state.withLock { $0.table.current(to: remote)?.connection as? IdleConnection }
        #expect(successor === live)
        await node.shutdown()
    }

    /// Two connections of one peer that count as made at once: the one in use, dialled, and the spare one that came.
    private struct Pair {
        let clock = VirtualClock()
        let node: PeerNode
        let used: IdleConnection
        let spare: IdleConnection

        init(_ answer: IdleConnection.Answer) throws {
            let peers = [try testPeer(1), try testPeer(2)].sorted()
            let (local, remote) = (peers[0], peers[1])
            var configuration = PeerNode.Configuration()
            configuration.timeSource = clock.timeSource
            configuration.identify.isEnabled = false
            node = PeerNode(
                localPeer: local, transports: [], configuration: configuration,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            let address = try Multiaddr("/ip4/203.0.113.7/tcp/4001")
            used = IdleConnection(from: remote, to: local, at: address, isInbound: false, answer: answer)
            spare = IdleConnection(from: remote, to: local, at: address)
            for connection in [used, spare] { connection.mayClose.set(()) }
        }

        func adopt() { for connection in [used, spare] { _ = node.adopt(connection) } }

        var current: IdleConnection? {
            node.state.withLock { $0.table.current(to: used.remotePeer)?.connection as? IdleConnection }
        }
    }

    /// What is slow may be alive: what runs on it goes on, and new streams go over the other.
    @Test func aSlowConnectionKeepsItsStreams() async throws {
        let pair = try Pair(.never)
        _ = pair.node.adopt(pair.used)
        let id = try #require(pair.node.state.withLock { $0.table.current(to: pair.used.remotePeer)?.id })
        pair.node.state.withLock { $0.table.lease(id, at: .zero) }
        _ = pair.node.adopt(pair.spare)
        let moving = Task { await pair.clock.run(by: .milliseconds(100)) }
        while !Task.isCancelled, pair.current !== pair.spare { await Task.yield() }
        // By then it would be closed, if nothing used it.
        let start = pair.clock.timeSource.now().uptime
        while !Task.isCancelled, pair.clock.timeSource.now().uptime - start < .seconds(20) { await Task.yield() }
        #expect(pair.used.isClosing.value == nil && pair.spare.isClosing.value == nil)
        moving.cancel()
        await moving.value
        await pair.node.shutdown()
    }

    /// A connection that has as many streams as it may was not even asked: that is no sign of life.
    @Test func aFullConnectionHasNotAnswered() async throws {
        let pair = try Pair(.fails(TransportError(.limitExceeded, "streams")))
        pair.adopt()
        let moving = Task { await pair.clock.run(by: .milliseconds(100)) }
        while !Task.isCancelled, pair.used.timesAsked < 3 { await Task.yield() }
        #expect(pair.used.timesAsked >= 3 && pair.spare.isClosing.value == nil, "it may be the only one that lives")
        moving.cancel()
        await moving.value
        await pair.node.shutdown()
    }

    @Test func aPeerThatWentAgainIsDialledAnew() async throws {
        let (one, two) = (try await node(1), try await nodes.node(2))
        let address = try Multiaddr(PendingTransport.address)
        let asking = Task { try await one.connect(to: two.localPeer, addresses: [address]) }
        _ = await pending.hasBegun.wait()
        try await two.connect(to: one.localPeer, addresses: one.addresses)
        try await asking.value
        await one.disconnect(two.localPeer)
        let again = Task { try await one.connect(to: two.localPeer, addresses: two.addresses) }
        try await again.value
        #expect(one.isConnected(to: two.localPeer))
        #expect(await pending.wasCancelled.wait() != nil, "the first dial is not left behind")
        await one.shutdown()
        await two.shutdown()
    }

    @Test func shutdownEndsDials() async throws {
        let one = try await node(1)
        let two = try testPeer(2)
        let address = try Multiaddr(PendingTransport.address)
        let asking = Task { try await one.connect(to: two, addresses: [address]) }
        _ = await pending.hasBegun.wait()
        await one.shutdown()
        await #expect(throws: TransportError(.shutDown, "")) { try await asking.value }
        #expect(await pending.wasCancelled.wait() != nil)
    }
}
