import MuSig2Session
import Secp256k1
import Testing

@testable import MuSig2Coordination

@Suite("The queue of publications") struct PublicationQueueTests {
    private let now = Now(monotonic: .seconds(1), wallMilliseconds: 1_800_000_000_000)
    private let expiry: UInt64 = 1_800_003_600_000

    private func session(_ number: UInt8) throws -> SessionID {
        SessionID(try #require(Hash32([UInt8](repeating: number, count: 32))))
    }

    private func key(_ number: UInt8, method: DiscoveryMethod = .rendezvous) throws -> DiscoveryKey {
        DiscoveryKey(
            method: method, subject: .session(try session(number)), day: method.isDaily ? DiscoveryDay.of(now) : 0)
    }

    private func later(_ seconds: Int) -> Now {
        Now(
            monotonic: now.monotonic + .seconds(seconds),
            wallMilliseconds: now.wallMilliseconds + UInt64(seconds) * 1_000)
    }

    private func book(_ capacity: Int = 100) -> PublicationQueue {
        PublicationQueue(capacity: capacity, settings: MuSig2Coordinator.Configuration.DiscoverySettings())
    }

    @Test func aPlaceIsSharedUntilItsLastSessionGoes() throws {
        var book = book()
        let key = try key(1)
        #expect(book.add(key, for: try session(1), expiry: expiry, announcement: nil))
        #expect(book.add(key, for: try session(2), expiry: expiry - 5_000, announcement: nil))
        let attempts = book.takeAttempts(at: now)
        #expect(attempts.map(\.key) == [key])
        #expect(attempts.map(\.lifetime) == [.seconds(3_600)])
        #expect(
            book.ended(key, attemptID: attempts[0].id, failed: false, at: now)
                == .published([try session(1), try session(2)]))
        #expect(book.remove(try session(1)) == [])
        #expect(book.remove(try session(2)) == [key])
        #expect(book.count == 0)
        #expect(book.takeAttempts(at: now) == [])
    }

    /// A session that lives longer makes the place be published for longer.
    @Test func aLongerLifetimeIsPublishedAnew() throws {
        var book = book()
        let key = try key(1)
        _ = book.add(key, for: try session(1), expiry: expiry, announcement: nil)
        let first = try #require(book.takeAttempts(at: now).first)
        _ = book.add(key, for: try session(2), expiry: expiry + 60_000, announcement: nil)
        #expect(book.takeAttempts(at: now) == [])
        _ = book.ended(key, attemptID: first.id, failed: false, at: now)
        #expect(book.takeAttempts(at: now).map(\.lifetime) == [.seconds(3_660)])
    }

    @Test func failuresAreRepeatedAndThenTold() throws {
        var book = book()
        let key = try key(1)
        _ = book.add(key, for: try session(1), expiry: expiry, announcement: nil)
        var time = now
        var waits: [Duration] = []
        for attempt in 1...5 {
            let attempts = book.takeAttempts(at: time)
            try #require(attempts.count == 1)
            let outcome = book.ended(key, attemptID: attempts[0].id, failed: true, at: time)
            #expect(outcome == (attempt == 4 ? .gaveUp([try session(1)]) : .none), "\(attempt)")
            let deadline = try #require(book.deadline)
            waits.append(deadline - time.monotonic)
            time = Now(monotonic: deadline, wallMilliseconds: time.wallMilliseconds)
        }
        #expect(waits == [.seconds(2), .seconds(4), .seconds(8), .seconds(600), .seconds(600)])
        let attempts = book.takeAttempts(at: time)
        #expect(book.ended(key, attemptID: attempts[0].id, failed: false, at: time) == .published([try session(1)]))
    }

    /// What ends after its place was withdrawn, and asked for anew, says nothing about the new attempt.
    @Test func lateOutcomesAreNobodys() throws {
        var book = book()
        let key = try key(1)
        _ = book.add(key, for: try session(1), expiry: expiry, announcement: nil)
        let old = try #require(book.takeAttempts(at: now).first)
        #expect(book.remove(try session(1)) == [key])
        #expect(book.ended(key, attemptID: old.id, failed: true, at: now) == .none)
        _ = book.add(key, for: try session(1), expiry: expiry, announcement: nil)
        let new = try #require(book.takeAttempts(at: now).first)
        #expect(new.id != old.id)
        #expect(book.ended(key, attemptID: old.id, failed: true, at: now) == .none)
        #expect(book.ended(key, attemptID: new.id, failed: false, at: now) == .published([try session(1)]))
        #expect(book.ended(key, attemptID: new.id, failed: false, at: now) == .none)
    }

    @Test func soManyAtOnceAndSoManyInAll() throws {
        var book = book(20)
        for number in 0..<20 as Range<UInt8> {
            #expect(book.add(try key(number), for: try session(number), expiry: expiry, announcement: nil))
        }
        #expect(!book.add(try key(20), for: try session(20), expiry: expiry, announcement: nil))
        var served = 0
        var attempts = book.takeAttempts(at: now)
        #expect(attempts.count == MuSig2Coordinator.Configuration.DiscoverySettings().publicationsAtOnce)
        while let attempt = attempts.popLast() {
            served += 1
            _ = book.ended(attempt.key, attemptID: attempt.id, failed: false, at: now)
            attempts += book.takeAttempts(at: now)
        }
        #expect(served == 20)
        // One that goes makes room for others, also while it is under way.
        _ = book.remove(try session(0))
        #expect(book.add(try key(20), for: try session(20), expiry: expiry, announcement: nil))
        #expect(book.takeAttempts(at: now).count == 1)
        _ = book.remove(try session(20))
        book.renewAddresses()
        #expect(book.takeAttempts(at: now).count == 8)
    }

    @Test func changesArePublishedAnew() throws {
        var book = book()
        let open = try key(1, method: .record)
        let hidden = try key(1)
        _ = book.add(open, for: try session(1), expiry: expiry, announcement: [1])
        _ = book.add(hidden, for: try session(1), expiry: expiry, announcement: nil)
        let attempts = book.takeAttempts(at: now)
        #expect(attempts.count == 2)
        // While the first is under way, its announcement changes.
        book.replace([2], of: try session(1))
        #expect(book.takeAttempts(at: now) == [])
        for attempt in attempts { _ = book.ended(attempt.key, attemptID: attempt.id, failed: false, at: now) }
        let second = book.takeAttempts(at: now)
        #expect(second.map(\.key) == [open])
        #expect(second.map(\.announcement) == [[2]])
        book.renewAddresses()
        #expect(book.takeAttempts(at: later(60)).map(\.lifetime) == [.seconds(3_540)])
    }

    @Test func whatIsOverIsForgotten() throws {
        var book = book()
        _ = book.add(try key(1), for: try session(1), expiry: expiry, announcement: nil)
        book.removeEnded(at: expiry - 1)
        #expect(book.count == 1)
        book.removeEnded(at: expiry)
        #expect(book.count == 0)
        #expect(book.sessions == [])
        #expect(book.takeAttempts(at: later(3_601)) == [])
        #expect(book.removeAll() == [])
    }
}
