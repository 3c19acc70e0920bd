import KademliaDHT
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import Testing

@testable import PeerNode

/// R17: what peers say of themselves, and what they do.
@Suite(.timeLimit(.minutes(1))) struct R17WorthTests {
    private let world = DHTWorld()

    /// Says that it serves, and resets whatever it is asked.
    private final class Refuser: StreamResponder {
        private let noteRequest: @Sendable () -> Void
        init(_ noteRequest: @escaping @Sendable () -> Void) { self.noteRequest = noteRequest }
        func receive(_ bytes: [UInt8]) -> ResponderAction {
            noteRequest()
            return .reset
        }
        func receiveEnd() -> ResponderAction { .reset }
    }

    /// A server that answers is worth something. One that only says that it is one is worth nothing: before it was asked and
    /// afterwards.
    @Test func r17SayingThatOneServesIsWorthNothing() async throws {
        let dht = try await world.member(1)
        let asked = OneShot<Void>()
        let liar = try await world.node(3)
        try liar.respond(to: [DHTWorld.protocolID], name: "liar") { _ in Refuser { asked.set(()) } }
        try await liar.connect(to: dht.node.localPeer, addresses: dht.node.addresses)
        _ = await asked.wait()
        let honest = try await world.member(2, .server, at: dht.node)
        while dht.node.state.withLock({ $0.priorities.weight(of: honest.node.localPeer) }) == 0 { await Task.yield() }
        #expect(dht.node.information(of: liar.localPeer)?.protocols.contains(DHTWorld.protocolID) == true)
        #expect(dht.node.state.withLock { $0.priorities.weight(of: liar.localPeer) } == 0)
        await honest.node.shutdown()
        await liar.shutdown()
        await dht.node.shutdown()
    }

    /// A stream may be there before the node has taken over its connection: what is answered on it counts all the same.
    @Test func r17AStreamThatIsFasterThanItsConnection() async throws {
        let node = try await world.node(1)
        let peer = try testPeer(2)
        let address = try Multiaddr("/memory/7")
        let context = ResponderContext(remotePeer: peer, remoteAddress: address, protocolID: "/ipfs/ping/1.0.0")
        let responder = try #require(node.responders.factory(for: context.protocolID)?(context))
        let connection = IdleConnection(from: peer, to: node.localPeer, at: address)
        connection.mayClose.set(())
        #expect(node.adopt(connection) == nil)
        #expect(node.activity(of: peer)?.lastRequest == nil)
        #expect(responder.receive([UInt8](repeating: 1, count: 32)) == .send([UInt8](repeating: 1, count: 32)))
        #expect(node.activity(of: peer)?.lastRequest != nil)
        await node.shutdown()
    }
}
