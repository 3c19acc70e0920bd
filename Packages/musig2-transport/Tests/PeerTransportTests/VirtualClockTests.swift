import PeerTransport
import Synchronization
import Testing

@Suite struct VirtualClockTests {
    private final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        func add(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }
    }

    @Test func runsWhatIsDueInOrder() {
        let clock = VirtualClock()
        let log = Log()
        clock.schedule(after: .seconds(3)) { log.add("c") }
        clock.schedule(after: .seconds(1)) { log.add("a1") }
        clock.schedule(after: .seconds(1)) { log.add("a2") }
        clock.schedule(after: .seconds(2)) { log.add("b") }
        #expect(clock.nextDeadline == .seconds(1))
        clock.advance(by: .milliseconds(999))
        #expect(log.all == [])
        clock.advance(by: .milliseconds(1001))
        #expect(log.all == ["a1", "a2", "b"])
        #expect(clock.uptime == .seconds(2))
        #expect(clock.advanceToNextDeadline())
        #expect(clock.uptime == .seconds(3))
        #expect(log.all == ["a1", "a2", "b", "c"])
        #expect(!clock.advanceToNextDeadline())
        #expect(clock.nextDeadline == nil)
    }

    @Test func actionsSeeTheirOwnTimeAndMayScheduleMore() {
        let clock = VirtualClock()
        let log = Log()
        clock.schedule(after: .seconds(1)) {
            log.add("\(clock.uptime)")
            clock.schedule(after: .seconds(1)) { log.add("\(clock.uptime)") }
        }
        clock.advance(by: .seconds(10))
        #expect(log.all == ["\(Duration.seconds(1))", "\(Duration.seconds(2))"])
        #expect(clock.uptime == .seconds(10))
    }

    @Test func cancelTakesBack() {
        let clock = VirtualClock()
        let log = Log()
        let ticket = clock.schedule(after: .seconds(1)) { log.add("never") }
        clock.schedule(after: .seconds(1)) { log.add("still") }
        clock.cancel(ticket)
        clock.advance(by: .seconds(5))
        #expect(log.all == ["still"])
    }

    @Test func readsBothClocks() {
        let clock = VirtualClock(wallMilliseconds: 1_000)
        clock.advance(by: .milliseconds(2_345))
        clock.advance(by: .seconds(-5))
        #expect(
            clock.timeSource.now() == TimeSource.Reading(uptime: .milliseconds(2_345), wallMilliseconds: 3_345)
        )
    }

    @Test func sleepersWakeWhenTheirTimeHasCome() async throws {
        let clock = VirtualClock()
        let time = clock.timeSource
        let sleeper = Task { try await time.sleep(.seconds(5)) }
        await clock.waitUntilScheduled()
        #expect(clock.nextDeadline == .seconds(5))
        clock.advance(by: .seconds(5))
        try await sleeper.value
        try await time.sleep(.zero)
    }

    @Test func aCancelledSleepThrowsAndLeavesNothing() async {
        let clock = VirtualClock()
        let sleeper = Task { try await clock.sleep(for: .seconds(5)) }
        await clock.waitUntilScheduled()
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        #expect(clock.nextDeadline == nil)
    }

    @Test func theSystemClockMoves() async throws {
        let before = TimeSource.system.now()
        try await TimeSource.system.sleep(.milliseconds(2))
        let after = TimeSource.system.now()
        #expect(after.uptime - before.uptime >= .milliseconds(2))
        #expect(after.wallMilliseconds > 1_700_000_000_000)
    }
}
