import SessionSimulation
import Testing
import WireCodec

@testable import MuSig2Session

@Suite("When a signer asks again")
struct SyncScheduleTests {
    private func schedule(signer: Int = 0) throws -> SyncSchedule {
        let descriptor = try Fixture.descriptor(Fixture.plan(signers: 2))
        return SyncSchedule(interval: .milliseconds(250), session: descriptor.id, signer: signer)
    }

    @Test("The wait doubles up to the ceiling, an eighth either way")
    func backOff() throws {
        var schedule = try schedule()
        schedule.restart(isWanting: true, at: .zero, ceiling: .seconds(10))
        var now = try #require(schedule.next)
        for expected in [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            schedule.advance(at: now, ceiling: .seconds(10))
            let next = try #require(schedule.next)
            let wait = next - now
            #expect(abs(wait / .milliseconds(expected) - 1) <= 0.125)
            now = next
        }
        #expect(schedule.rotation == 7)
    }

    @Test("Two signers do not ask at one moment")
    func jitter() throws {
        var one = try schedule(signer: 0)
        var other = try schedule(signer: 1)
        one.restart(isWanting: true, at: .zero, ceiling: .seconds(10))
        other.restart(isWanting: true, at: .zero, ceiling: .seconds(10))
        #expect(one.next != other.next)
    }

    @Test("A new want begins the back-off anew, and goes on in the rotation")
    func restart() throws {
        var schedule = try schedule()
        for _ in 0..<3 { schedule.advance(at: .zero, ceiling: .seconds(10)) }
        #expect(schedule.isLate)
        schedule.restart(isWanting: false, at: .zero, ceiling: .seconds(10))
        #expect(!schedule.isLate)
        #expect(schedule.next == nil)
        #expect(schedule.rotation == 3)
    }

    @Test("What hurries brings the next step near, and never puts it off")
    func hurry() throws {
        var schedule = try schedule()
        for _ in 0..<6 { schedule.advance(at: .zero, ceiling: .seconds(10)) }
        schedule.hurry(at: .zero)
        #expect(schedule.next == .milliseconds(250))
        schedule.hurry(at: .milliseconds(100))
        #expect(schedule.next == .milliseconds(250))
    }

    @Test("The timer is set once")
    func ensure() throws {
        var schedule = try schedule()
        schedule.ensure(at: .zero, ceiling: .seconds(10))
        let first = schedule.next
        schedule.ensure(at: .seconds(1), ceiling: .seconds(10))
        #expect(schedule.next == first)
        schedule.stop()
        #expect(schedule.next == nil)
    }
}

@Suite("What became of the attempts")
struct AttemptHistoryTests {
    @Test("An attempt that took its time doubles the time of the next ones")
    func doubling() {
        var history = AttemptHistory()
        let time = Duration.seconds(10)
        func length(isFollower: Bool = false) -> Duration {
            history.deadlineLength(time, ceiling: .seconds(35), isFollower: isFollower)
        }
        #expect(length() == .seconds(10))
        #expect(length(isFollower: true) == .seconds(15))
        let isEarly = history.noteEnd(after: .seconds(5), deadlineLength: time, time: time)
        #expect(!isEarly)
        #expect(length() == .seconds(20))
        _ = history.noteEnd(after: .seconds(10), deadlineLength: .seconds(20), time: time)
        #expect(length() == .seconds(35))
    }

    @Test("An attempt that ends within half of its time is early, and doubles nothing")
    func early() {
        var history = AttemptHistory()
        let isEarly = history.noteEnd(after: .seconds(4), deadlineLength: .seconds(10), time: .seconds(10))
        #expect(isEarly)
        #expect(history.deadlineLength(.seconds(10), ceiling: .seconds(35), isFollower: false) == .seconds(10))
    }

    @Test("A signer that only followed is not named any more")
    func rename() {
        var history = AttemptHistory()
        history.noteRaised(by: 1)
        history.noteEarlyEnd(EarlyEnd(attempt: 3, by: 1, reason: .followed, contextDiffers: []))
        history.rename(1, to: 2, Restart(reason: .timeout), endedEarly: 3)
        #expect(history.attemptsRaised(by: 1) == 0)
        #expect(history.attemptsRaised(by: 2) == 1)
        #expect(history.earlyEnds == [EarlyEnd(attempt: 3, by: 2, reason: .timeout, contextDiffers: [])])
        #expect(history.earlyEndsInWords == "attempts raised by signer 2 (1)")
    }
}

@Suite("Which rounds may start")
struct RoundControlTests {
    @Test("By themselves, or when the application says so")
    func start() {
        #expect(RoundControl(SessionConfiguration()).mayStart(.partials))
        var configuration = SessionConfiguration()
        configuration.startsRoundsAutomatically = false
        var control = RoundControl(configuration)
        #expect(!control.mayStart(.nonces))
        #expect(!control.isTimed(.nonces))
        control.start(.nonces)
        #expect(control.mayStart(.nonces))
        #expect(control.mayStart(.commitments))
        #expect(control.isTimed(.noncesComplete))
        #expect(!control.isTimed(.partials))
        #expect(!control.isTimed(.joins))
    }
}

@Suite("Attempts that time allows")
struct SessionClockTests {
    @Test("Sixteen at once, and one more for each ten seconds")
    func attempts() throws {
        let descriptor = try Fixture.descriptor(Fixture.plan(signers: 2))
        let tolerated = SessionLimits.standard.clockTolerance / SessionLimits.attemptInterval
        var now = Fixture.start
        #expect(UInt64(descriptor.highestAttempt(at: now)) == SessionLimits.attemptsAtOnce + tolerated)
        let next = descriptor.highestAttempt(at: now) + 1
        #expect(descriptor.moment(ofAttempt: next, at: now) == .seconds(10))
        now.wallMilliseconds += 10_000
        #expect(descriptor.highestAttempt(at: now) == next)
    }

    @Test("Expiry follows the wall clock")
    func expiry() throws {
        let descriptor = try Fixture.descriptor(Fixture.plan(signers: 2))
        var clock = SessionClock(descriptor, at: Fixture.start)
        let expiry = clock.expiresAt
        var now = Fixture.start
        now.wallMilliseconds += 60_000
        clock.adjust(descriptor, at: now)
        #expect(clock.expiresAt == expiry - .seconds(60))
        now.wallMilliseconds = descriptor.expiryMilliseconds + 1
        clock.adjust(descriptor, at: now)
        #expect(clock.expiresAt == now.monotonic)
    }

    @Test("A dispute ends at its time, and the signers have compared then")
    func dispute() {
        var dispute = Dispute()
        dispute.begin(until: .seconds(2))
        #expect(dispute.ends == .seconds(2))
        dispute.conclude()
        dispute.stop()
        #expect(dispute.ends == nil)
        #expect(dispute.isCompared)
    }

    @Test("The time of an attempt counts from its first deadline")
    func timing() {
        var timing = AttemptTiming()
        #expect(timing.countsFrom == nil)
        timing.begin(at: .seconds(1))
        timing.start(.seconds(10), at: .seconds(3))
        timing.start(.seconds(20), at: .seconds(5))
        #expect(timing.countsFrom == .seconds(3))
        #expect(timing.deadlineLength == .seconds(20))
        timing.stop()
        #expect(timing.deadlineLength == nil)
    }
}
