import PeerNode
import Testing

@testable import musig2

/// What a running node says of its place.
@Suite struct NodeNewsTests {
    private func status(_ size: Int, isReady: Bool = true) -> DHTStatus {
        DHTStatus(mode: .server, routingTableSize: size, isReady: isReady)
    }

    private func said(_ statuses: [DHTStatus]) -> [String] {
        var news = NodeNews(network: "x")
        return statuses.compactMap { news.line(for: $0)?.text }
    }

    @Test func theFirstNodeOfANetworkIsAloneOnlySoFar() {
        let lines = said([status(0), status(0), status(1), status(2), status(1), status(0), status(3)])
        #expect(
            lines == [
                "ready       alone so far, in the network x", "ready       with 1 other node",
                "ready       alone now, in the network x", "ready       with 3 other nodes",
            ])
    }

    @Test func whoLooksForItsNetworkSaysSoOnce() {
        let lines = said([
            status(0, isReady: false), status(1, isReady: false), status(1), status(2), status(1, isReady: false),
            status(0, isReady: false), status(2),
        ])
        #expect(
            lines == [
                "starting    looking for the network x", "ready       with 1 other node",
                "notice      no other node answers any more", "ready       with 2 other nodes",
            ])
    }
}
