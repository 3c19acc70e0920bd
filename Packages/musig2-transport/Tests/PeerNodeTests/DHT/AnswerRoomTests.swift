import PeerTransport
import Synchronization
import Testing
import WireCodec

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

    /// A stream on which pieces of an answer come that does not end.
    private final class LongAnswer: ByteStream {
        private let pieces: Mutex<[[UInt8]]>
        /// Called when nothing is left.
        private let onEnd: @Sendable () -> Void

        init(_ pieces: [[UInt8]], onEnd: @escaping @Sendable () -> Void) {
            self.pieces = Mutex(pieces)
            self.onEnd = onEnd
        }

        func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
            let next = pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            if next == nil { onEnd() }
            return next
        }

        func write(_ bytes: [UInt8]) async throws(TransportError) {}
        func closeWrite() async throws(TransportError) {}
        func reset() {}
    }

    /// Counted is what an answer takes in memory, up to twice what has come of it, and what has no room is read no further.
    @Test func r2AnswersCountByTheMemoryThatTheyTake() async throws {
        // Room doubles: for the ninth piece there are sixteen.
        let piece = 16_384
        let beginning = [0xff, 0xff, 0xff, 0x01] + [UInt8](repeating: 0, count: piece - 4)
        let pieces = [beginning] + [[UInt8]](repeating: [UInt8](repeating: 0, count: piece), count: 8)
        let room = AnswerRoom(limit: 1 << 20)
        let held = Mutex(0)
        var answers = KademliaAnswers(on: LongAnswer(pieces) { held.withLock { $0 = room.bytes } }, within: room)
        #expect(try await answers.next() == nil)
        #expect(held.withLock { $0 } >= 16 * piece - AnswerRoom.free)
        let small = AnswerRoom(limit: 9 * piece)
        var refused = KademliaAnswers(on: LongAnswer(pieces) {}, within: small)
        await #expect(throws: TransportError(.limitExceeded, "")) { try await refused.next() }
    }
}
