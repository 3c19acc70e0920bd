import Testing

@testable import PeerNode

/// The status of the DHT, told to readers that come and go.
@Suite(.timeLimit(.minutes(1)))
struct DHTStatusBoardTests {
    /// A reader is told and cancelled in the same moment: neither waits for the other.
    @Test
    func aReaderThatIsCancelledWhileItIsTold() async {
        let board = DHTStatusBoard()
        for round in 1...5_000 {
            let reader = Task { for await _ in board.updates() {} }
            async let telling: Void = {
                var status = DHTStatus.off
                status.routingTableSize = round
                board.set(status)
            }()
            reader.cancel()
            await telling
            await reader.value
            #expect(board.status.routingTableSize == round)
        }
    }
}
