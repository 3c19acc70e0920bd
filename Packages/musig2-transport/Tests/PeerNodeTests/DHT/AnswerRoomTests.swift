import Testing

@testable import PeerNode

@Suite struct AnswerRoomTests {
    @Test func longAnswersShareARoom() {
        let room = AnswerRoom(limit: 100_000)
        var first: AnswerRoom.Share? = AnswerRoom.Share(of: room)
        let second = AnswerRoom.Share(of: room)
        let free = AnswerRoom.free
        #expect(first?.hold(free) == true && second.hold(free) && room.bytes == 0)
        #expect(first?.hold(free + 90_000) == true && room.bytes == 90_000)
        #expect(!second.hold(free + 10_001) && room.bytes == 90_000)
        #expect(second.hold(free + 10_000) && room.bytes == 100_000)
        // What is complete, or over, makes room.
        #expect(first?.hold(10) == true && room.bytes == 10_000)
        #expect(first?.hold(free + 90_000) == true)
        first = nil
        #expect(room.bytes == 10_000)
    }
}
