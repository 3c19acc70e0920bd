import Multiformats
import PeerTransport
import PeerTransportTestKit
import Testing

@Suite struct InMemoryConformanceTests {
    @Test(arguments: TransportConformance.Case.allCases)
    func transport(_ testCase: TransportConformance.Case) async throws {
        try await TransportConformance {
            let hub = InMemoryHub()
            let (one, two) = (try testPeer(1), try testPeer(2))
            return TransportPair(
                listening: InMemoryTransport(peer: one, hub: hub),
                listeningPeer: one,
                listenAddress: try Multiaddr("/memory/0"),
                dialing: InMemoryTransport(peer: two, hub: hub),
                dialingPeer: two
            )
        }.run(testCase)
    }

    @Test(arguments: NetworkConformance.Case.allCases)
    func network(_ testCase: NetworkConformance.Case) async throws {
        try await NetworkConformance {
            let network = InMemoryNetwork()
            return NetworkPair(
                first: network.endpoint(for: try testPeer(1)),
                second: network.endpoint(for: try testPeer(2)),
                unreachable: try testPeer(3)
            )
        }.run(testCase)
    }

    @Test func theSuitesHaveTheirCases() {
        #expect(TransportConformance.Case.allCases.count == 23)
        #expect(NetworkConformance.Case.allCases.count == 11)
    }
}
