import Multiformats
import Testing

@testable import PeerNode

@Suite struct RequestQueueTests {
    private let peers: [PeerID]

    init() throws {
        peers = try (0..<4).map { try testPeer($0) }
    }

    private static func queue(_ maximum: Int, perPeer: Int = 1, waiting: Int = 4) -> RequestQueue<Int> {
        RequestQueue(maximum: maximum, maximumPerPeer: perPeer, maximumWaiting: waiting)
    }

    /// Adds a request to each of these peers in turn, numbered from 0.
    private func add(to numbers: [Int], _ queue: inout RequestQueue<Int>) -> [RequestQueue<Int>.OnAdd] {
        numbers.enumerated().map { queue.add($0.offset, to: peers[$0.element]) }
    }

    @Test func whatHasRoomStarts() {
        var queue = Self.queue(2)
        #expect(add(to: [0, 1, 2], &queue) == [.start, .start, .wait])
        #expect(queue.running == 2)
    }

    @Test func onePeerWaitsForItself() {
        var queue = Self.queue(4)
        #expect(add(to: [0, 0, 1], &queue) == [.start, .wait, .start])
        let next = [1, 0].map { queue.finish(peers[$0]) }
        #expect(next == [nil, 1])
        #expect(queue.running == 1)
    }

    @Test func whoHasWaitedLongestAmongThoseThatMayIsNext() {
        var queue = Self.queue(2)
        #expect(add(to: [0, 1, 0, 2], &queue) == [.start, .start, .wait, .wait])
        let next = [1, 2, 0].map { queue.finish(peers[$0]) }
        #expect(next == [3, nil, 2])
    }

    @Test func tooManyAreRefused() {
        var queue = Self.queue(1, waiting: 1)
        #expect(add(to: [0, 1, 2], &queue) == [.start, .wait, .refuse])
        queue.removeWaiting()
        let next = queue.finish(peers[0])
        #expect(next == nil)
        #expect(queue.running == 0)
    }
}
