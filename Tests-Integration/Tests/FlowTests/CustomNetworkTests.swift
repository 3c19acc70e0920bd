import FlowKit
import Testing

/// The network of docs/custom-network.md, made from nothing but the public protocol, carries sessions.
struct CustomNetworkTests {
    @Test(.timeLimit(.minutes(1)), arguments: [2, 3])
    func signsOverANetworkOfOnesOwn(count: Int) async throws {
        let room = MailRoom()
        let outcome = try await InMemoryFlow.sign(
            signers: count,
            report: { _ in },
            over: { _ in MailboxNetwork(peer: try NewPeer.id(), room: room) }
        )
        #expect(outcome.signatures.count == 1)
    }
}
