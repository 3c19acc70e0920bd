import Multiformats
import PeerTransport
import Testing

@testable import PeerNode

@Suite("The notices of a node")
struct NoticeQueueTests {
    private var queue = NoticeQueue()

    private func protocols(_ next: (notice: NoticeQueue.Notice, observers: [any PeerObserver])?) -> [ProtocolID]? {
        guard case .protocols(let protocols)? = next?.notice else { return nil }
        return protocols
    }

    @Test("one thread delivers, in order; another may begin when nothing is left")
    mutating func order() {
        queue.append(.protocols(["/a"]))
        queue.append(.protocols(["/b"]))
        let first = queue.begin(with: [])
        #expect(protocols(first) == ["/a"])
        let other = queue.begin(with: [])
        #expect(other == nil)
        let second = queue.next(with: [])
        #expect(protocols(second) == ["/b"])
        let end = queue.next(with: [])
        #expect(end == nil)
        queue.append(.protocols(["/c"]))
        let third = queue.begin(with: [])
        #expect(protocols(third) == ["/c"])
    }

    @Test("an observer that was removed is told nothing more, and its name is not used again")
    mutating func removal() {
        let first = queue.add(NotingObserver())
        let kept = NotingObserver()
        _ = queue.add(kept)
        queue.remove(first)
        queue.append(.addresses([]))
        let told = queue.begin(with: [])?.1
        #expect(told?.count == 1 && told?.first as? NotingObserver === kept)
        let third = queue.add(NotingObserver())
        #expect(third != first)
    }
}
