import MuSig2Session
import Testing

@testable import MuSig2Coordination

/// The parts of the machine that know when something is due.
@Suite("Schedules") struct SchedulePartsTests {
    private let start = Fixtures.now.monotonic

    @Test("Absent signers are told of after twice the time, up to a longest pause") func absences() throws {
        var watch = AbsenceWatch(pause: .seconds(5))
        let (one, two) = (try Fixtures.session(1), try Fixtures.session(2))
        watch.watch(one, at: start)
        watch.watch(one, at: start + .seconds(3))
        watch.watch(two, at: start + .seconds(1))
        #expect(watch.deadline == start + .seconds(5))
        let early = watch.takeDue(at: start + .seconds(4))
        #expect(early.isEmpty)
        var due = watch.takeDue(at: start + .seconds(5))
        #expect(due == [AbsenceWatch.Check(session: one, pause: .seconds(5))])
        #expect(watch.deadline == start + .seconds(6))
        watch.forget(two)
        var pauses: [Duration] = []
        var time = start + .seconds(6)
        _ = watch.takeDue(at: time)
        for _ in 0..<8 {
            watch.watchAgain(try #require(due.first), at: time)
            time = try #require(watch.deadline)
            due = watch.takeDue(at: time)
            pauses.append(try #require(due.first).pause)
        }
        #expect(pauses == [10, 20, 40, 80, 160, 300, 300, 300].map { .seconds($0) })
        #expect(watch.deadline == nil)
    }

    @Test("A reunion comes again and again, until the session is over or met enough peers") func reunions() throws {
        var schedule = ReunionSchedule(interval: .seconds(300))
        let (one, two) = (try Fixtures.session(1), try Fixtures.session(2))
        schedule.plan(two, at: start)
        schedule.plan(one, after: start)
        let first = schedule.takeDue(at: start) { _ in true }
        #expect(first == [two])
        let both = schedule.takeDue(at: start + .seconds(300)) { _ in true }
        #expect(both == [one, two])
        let open = schedule.takeDue(at: start + .seconds(600)) { $0 == one }
        #expect(open == [one])
        for _ in 0..<64 {
            let mayMeet = schedule.meet(one)
            #expect(mayMeet)
        }
        let mayMeet = schedule.meet(one)
        #expect(!mayMeet)
        let none = schedule.takeDue(at: start + .seconds(900)) { _ in true }
        #expect(none.isEmpty && schedule.deadline == nil)
    }

    @Test("Of the announcements above the limit the newest waits") func renewals() throws {
        var queue = RenewalQueue(perMinute: 2)
        func renewal(_ sequence: UInt64) throws -> Renewal {
            Renewal(announced: try Fixtures.announced(sequence: sequence), shownBy: nil)
        }
        var outcomes: [RenewalQueue.Outcome] = []
        for sequence in [2, 3, 5, 4, 6] as [UInt64] {
            outcomes.append(queue.offer(try renewal(sequence), at: start))
        }
        #expect(outcomes == [.taken, .taken, .waits, .stale, .waits])
        #expect(queue.deadline == start + .seconds(60))
        let early = queue.takeDue(at: start + .seconds(59))
        #expect(early.isEmpty)
        let due = queue.takeDue(at: start + .seconds(60))
        #expect(due.map(\.announced.sequence) == [6])
        let outcome = queue.offer(try #require(due.first), at: start + .seconds(60))
        #expect(outcome == .taken)
        #expect(queue.deadline == nil)
    }

    @Test("The earlier sweep counts; the store is swept with one, every hour") func sweeps() {
        var schedule = SweepSchedule()
        schedule.storeSwept(at: start)
        schedule.plan(at: start + .seconds(60))
        schedule.plan(at: start + .seconds(10))
        schedule.plan(at: start + .seconds(30))
        #expect(schedule.deadline == start + .seconds(10))
        let isEarly = schedule.take(at: start + .seconds(9))
        let isDue = schedule.take(at: start + .seconds(10))
        #expect(!isEarly && isDue && schedule.deadline == nil)
        #expect(!schedule.isStoreDue(at: start + .seconds(3_599)))
        #expect(schedule.isStoreDue(at: start + .seconds(3_600)))
    }

    @Test("A sleep is a wall clock that went on alone, or a timer that is much too late") func sleeps() {
        var detector = SleepDetector()
        var now = Fixtures.now
        func passes(_ wall: Int, _ monotonic: Int, deadline: Duration? = nil) -> Bool {
            now.wallMilliseconds += UInt64(wall) * 1_000
            now.monotonic += .seconds(monotonic)
            return detector.hasSlept(until: now, deadline: deadline)
        }
        #expect(!passes(0, 0))
        #expect(detector.isAwake(at: now))
        #expect(!passes(30, 0))
        #expect(passes(31, 0))
        #expect(!passes(3_600, 3_600))
        #expect(passes(60, 60, deadline: now.monotonic + .seconds(29)))
        #expect(!passes(60, 60, deadline: now.monotonic + .seconds(31)))
        #expect(detector.count == 2)
    }
}
