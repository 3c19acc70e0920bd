import Logging
import Multiformats
import PeerTransport
import PeerTransportTestKit
import Synchronization
import Testing

@testable import PeerNode

/// A name among the addresses to begin with that leads to the node itself, and later to another.
@Suite(.timeLimit(.minutes(1))) struct DHTOwnNameTests {
    /// Dials inside this process, and a name wherever it leads just now.
    private final class NamingTransport: Transport {
        static let name = "/dns4/first.example/tcp/4001"

        private let inner: InMemoryTransport
        private let target = Mutex<Multiaddr?>(nil)

        init(_ inner: InMemoryTransport) { self.inner = inner }

        func lead(to address: Multiaddr?) { target.withLock { $0 = address } }

        func canDial(_ address: Multiaddr) -> Bool { address.isNamed || inner.canDial(address) }

        func dial(
            _ address: Multiaddr, expecting expected: PeerID?, accepting: @escaping ProtocolFilter
        ) async throws(TransportError) -> any Connection {
            guard let place = address.isNamed ? target.withLock({ $0 }) : address else {
                throw TransportError(.resolutionFailed, "no such name")
            }
            return try await inner.dial(place, expecting: expected, accepting: accepting)
        }

        func listen(
            on address: Multiaddr, accepting: @escaping ProtocolFilter
        ) async throws(TransportError) -> any Listener {
            try await inner.listen(on: address, accepting: accepting)
        }
    }

    @Test func aNameThatLedHereIsTriedAgain() async throws {
        let hub = InMemoryHub()
        let peer = try testPeer(1)
        let transport = NamingTransport(InMemoryTransport(peer: peer, hub: hub))
        let node = PeerNode(
            localPeer: peer, transports: [transport],
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await node.listen(on: [try Multiaddr("/memory/0")])
        transport.lead(to: node.addresses.first?.withoutPeerID)
        let name = try Multiaddr(NamingTransport.name)
        let dht = try node.startDHT(DHTWorld.configuration(.server) { $0.bootstrap = [name] })
        #expect(await dht.waitForStatus { $0.isReady }?.routingTableSize == 0, "it is the first of its network")
        let otherPeer = try testPeer(2)
        let other = PeerNode(
            localPeer: otherPeer, transports: [InMemoryTransport(peer: otherPeer, hub: hub)],
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await other.listen(on: [try Multiaddr("/memory/0")])
        let second = try other.startDHT(DHTWorld.configuration(.server))
        transport.lead(to: other.addresses.first?.withoutPeerID)
        #expect(await dht.waitForStatus { $0.routingTableSize == 1 && $0.isReady } != nil)
        await DHTWorld.shutdown([dht, second])
    }
}
