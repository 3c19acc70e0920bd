import Multiformats
import PeerNode
import PeerTransport
import PeerTransportTestKit
import Testing

@Suite struct NodePeerNetworkConformanceTests {
    @Test(arguments: NetworkConformance.Case.allCases)
    func overInMemoryTransport(_ testCase: NetworkConformance.Case) async throws {
        try await NetworkConformance {
            let nodes = TestNodes()
            return NetworkPair(
                first: try await nodes.network(1),
                second: try await nodes.network(2),
                unreachable: try testPeer(3),
                unreachableAddresses: [try Multiaddr("/memory/3")]
            )
        }.run(testCase)
    }
}
