import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import PeerTransportNIO

@Suite("Noticing that the process slept")
struct SleepWatchTests {
    private final class Sleeper: SleepWatching {
        var wakings = 0

        func woke() { wakings += 1 }
    }

    /// Clocks that a test sets, and how often they were looked at.
    private final class Clocks: Sendable {
        private let state = Mutex((mark: SleepMark(monotonic: .zero, wall: .zero), looks: 0))

        var looks: Int { state.withLock { $0.looks } }

        func look() -> SleepMark {
            self.state.withLock { state in
                state.looks += 1
                return state.mark
            }
        }

        func set(_ seconds: Int) {
            state.withLock { $0.mark = SleepMark(monotonic: .seconds(seconds), wall: .seconds(seconds)) }
        }
    }

    @Test("one look for all connections of a loop, and none where there are none")
    func oneForAll() {
        let loop = EmbeddedEventLoop()
        let clocks = Clocks()
        let watch = SleepWatch(on: loop, every: .seconds(3), by: { clocks.look() })
        let sleepers = (0..<100).map { _ in Sleeper() }
        for sleeper in sleepers { watch.add(sleeper) }
        for step in 1...10 {
            clocks.set(3 * step)
            loop.advanceTime(by: .seconds(3))
        }
        #expect(clocks.looks <= 21 && sleepers.allSatisfy { $0.wakings == 0 })
        // A night.
        clocks.set(30_000)
        loop.advanceTime(by: .seconds(3))
        #expect(sleepers.allSatisfy { $0.wakings == 1 })
        for sleeper in sleepers.dropFirst() { watch.remove(sleeper) }
        clocks.set(60_000)
        loop.advanceTime(by: .seconds(3))
        #expect(sleepers.map(\.wakings) == [2] + [Int](repeating: 1, count: 99))
        watch.remove(sleepers[0])
        let looks = clocks.looks
        clocks.set(90_000)
        loop.advanceTime(by: .seconds(30))
        #expect(clocks.looks == looks && sleepers[0].wakings == 2)
    }
}
