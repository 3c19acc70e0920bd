import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing

@testable import MuSig2Coordination

/// Where the runs of machines come from.
@Suite("Runs") struct RunTests {
    private func now(_ milliseconds: UInt64, at seconds: Int = 0) -> Now {
        Now(monotonic: .seconds(seconds), wallMilliseconds: milliseconds)
    }

    /// What a coordinator does with a counter: claims until it has a block.
    private func claim(_ counter: inout RunCounter, in store: InMemorySessionStore, at now: Now) throws {
        let signer = try TestKeys.publicKey(1)
        for _ in 0..<4 {
            guard let block = counter.claim(at: now) else { return }
            let claim = StoreWrite.runBlock(start: block.lowerBound, count: UInt64(block.count))
            switch store.commitNow([claim], signer: signer).first {
            case .taken(let next)?: counter.taken(below: next)
            case .written?: counter.claimed(block)
            case .exists?, nil: Issue.record("no answer to a claim")
            }
        }
    }

    @Test func numbersComeInTurnFromTheClockOn() throws {
        var counter = RunCounter()
        #expect(counter.next() == nil)
        let store = InMemorySessionStore()
        try claim(&counter, in: store, at: now(1_800_000_000_000))
        #expect(counter.next() == 1_800_000_000_000)
        #expect(counter.next() == 1_800_000_000_001)
        // Half of it is used: the next one is claimed, and nothing waits.
        #expect(counter.claim(at: now(1)) == nil)
        for _ in 2..<(RunNumber.firstBlockSize / 2) { _ = counter.next() }
        #expect(counter.claim(at: now(1))?.lowerBound == 1_800_000_000_000 + RunNumber.firstBlockSize)
    }

    /// K2: a start costs the counter 64 numbers, and each further block of a life is twice as large, up to 65,536: the lives of an hour do
    /// not take the counter beyond the clock, so that a store which was set back for longer has numbers that are new.
    @Test func k2AStartCostsLittle() throws {
        let store = InMemorySessionStore()
        let signer = try TestKeys.publicKey(1)
        var sizes: [Int] = []
        var counter = RunCounter()
        for _ in 0..<13 {
            let claimed = counter.claim(at: now(1_800_000_000_000))
            let block = try #require(claimed)
            sizes.append(block.count)
            let claim = StoreWrite.runBlock(start: block.lowerBound, count: UInt64(block.count))
            #expect(store.commitNow([claim], signer: signer) == [.written])
            counter.claimed(block)
            for _ in 0..<block.count { #expect(counter.next() != nil) }
        }
        #expect(sizes == (6...16).map { 1 << $0 } + [1 << 16, 1 << 16])
        // A hundred further lives, each as short as may be, at one moment.
        let before = store.stateNow(signer: signer, completions: 0).nextRunNumber
        for _ in 0..<100 {
            var life = RunCounter()
            life.raiseFloor(to: store.stateNow(signer: signer, completions: 0).nextRunNumber)
            try claim(&life, in: store, at: now(1_800_000_000_000))
        }
        let after = store.stateNow(signer: signer, completions: 0).nextRunNumber
        #expect(after - before == 100 * 64)
    }

    /// K2: a clock that was set back, and processes one after the other, or two at once, on one store.
    @Test(arguments: 0..<4 as Range<UInt64>) func k2NoNumberTwice(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let store = InMemorySessionStore()
        var counters = [RunCounter(), RunCounter()]
        var wall: UInt64 = 1_800_000_000_000
        var seen: Set<UInt64> = []
        var last = [UInt64](repeating: 0, count: 2)
        var breaches = 0
        for step in 0..<300 {
            let which = Int(generator.next() % 2)
            let moment = now(wall, at: step)
            var wanted = 1
            switch generator.next() % 16 {
            case 0:
                // Another process begins on the store: its blocks are small at first.
                let stored = store.stateNow(signer: try TestKeys.publicKey(1), completions: 0)
                counters[which] = RunCounter()
                counters[which].raiseFloor(to: stored.nextRunNumber)
                last[which] = 0
            case 1: wall -= generator.next() % 10_000_000
            case 2: wall += generator.next() % 10_000_000
            case 3: counters[which].raiseFloor(to: last[which] + generator.next() % 200_000)
            case 4:
                if counters[which].claim(at: moment) != nil { counters[which].claimFailed(retryAt: moment.monotonic) }
            case 5: wanted = 3_000
            default: break
            }
            for _ in 0..<wanted {
                guard let number = counters[which].next() else { break }
                if !seen.insert(number).inserted || number <= last[which] { breaches += 1 }
                last[which] = number
                // A process in use claims as it goes.
                if wanted > 1 { try claim(&counters[which], in: store, at: moment) }
            }
            try claim(&counters[which], in: store, at: moment)
        }
        #expect(breaches == 0, "seed \(seed)")
        #expect(seen.count > 5_000, "seed \(seed)")
    }

    /// One counter a store: a block is taken for every signer, and where two would overlap the later one is not written.
    @Test func blocksDoNotOverlap() throws {
        let store = InMemorySessionStore()
        let (one, other) = (try TestKeys.publicKey(1), try TestKeys.publicKey(2))
        #expect(store.commitNow([.runBlock(start: 100, count: 50)], signer: one) == [.written])
        for start in [0, 99, 100, 149] as [UInt64] {
            #expect(store.commitNow([.runBlock(start: start, count: 50)], signer: other) == [.taken(below: 150)])
        }
        #expect(store.commitNow([.runBlock(start: 150, count: 50)], signer: other) == [.written])
        #expect(store.stateNow(signer: one, completions: 0).nextRunNumber == 200)
        let later = store.commitNow([.sweep(before: .max), .runBlock(start: 0, count: 1)], signer: one)
        #expect(later.last == .taken(below: 200))
    }

    @Test func noTrapAtTheEndOfTheNumbers() {
        var counter = RunCounter()
        for next in [RunNumber.limit - 1, RunNumber.limit, .max] {
            counter.raiseFloor(to: next)
            #expect(counter.claim(at: now(1)) == nil)
            #expect(counter.next() == nil)
        }
        var early = RunCounter()
        #expect(early.claim(at: now(.max))?.lowerBound == RunNumber.limit / 2)
        #expect(RunNumber.run(.max, random: .max) < 1 << 63)
        #expect(RunNumber.number(of: RunNumber.run(77, random: .max)) == 77)
    }

    /// K6: with a generator that repeats itself the lives of a machine still have runs of their own.
    @Test func k6RunsWithARepeatingGenerator() throws {
        struct Repeating: RandomNumberGenerator, Sendable {
            mutating func next() -> UInt64 { 7 }
        }
        var machine = CoordinatorMachine(
            configuration: MuSig2Coordinator.Configuration(), signerKey: try TestKeys.publicKey(1),
            messageKey: try TestKeys.publicKey(1),
            localPeer: try TestKeys.peer(1), addresses: [], generator: Repeating())
        machine.runs.claimed(1_000..<1_010)
        let runs = (0..<10).compactMap { _ in machine.runs.nextNumber().map { machine.newRun($0) } }
        #expect(Set(runs).count == 10)
        #expect(machine.runs.nextNumber() == nil)
    }
}

/// What waits while a store fails.
@Suite("Writes that wait for the store") struct WriteBatchTests {
    /// R4: the same is in the store as if every write had been carried out.
    @Test(arguments: 0..<40 as Range<UInt64>) func r4OneWriteAKeyIsEnough(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let ids = try (1...2 as ClosedRange<UInt8>).map { try #require(SessionID(Array(repeating: $0, count: 32))) }
        let signer = try TestKeys.publicKey(1)
        var all: [StoreWrite] = []
        var batch = WriteBatch()
        var isThere: Set<SessionID> = []
        for _ in 0..<600 {
            let id = ids[Int(generator.next() % 2)]
            let number = generator.next() % 100
            let bytes = [UInt8(number)]
            let write: StoreWrite
            if isThere.insert(id).inserted {
                write = .session(id, announcement: bytes, createdHere: false, expiresAt: 50)
            } else {
                switch generator.next() % 14 {
                case 0: write = .session(id, announcement: bytes, createdHere: false, expiresAt: 50)
                case 1, 2: write = .approval(id, isApproved: number % 2 == 0, at: number)
                case 3...8: write = .join(id, signer: Int(number % 3), run: generator.next() % 50, message: bytes)
                case 9: write = .partials(id, attempt: UInt32(number % 4), message: bytes)
                case 10: write = .ended(id, StoredEnd(.left, isAfterPartial: number % 2 == 0))
                case 11: write = .resumed(id)
                case 12:
                    write = .forget(id)
                    isThere.remove(id)
                default: write = .sweep(before: number % 40)
                }
            }
            all.append(write)
            batch.add(write)
        }
        let (whole, short) = (InMemorySessionStore(), InMemorySessionStore())
        _ = whole.commitNow(all, signer: signer)
        _ = short.commitNow(batch.writes, signer: signer)
        for id in ids {
            var (one, other) = (whole.sessionNow(id, signer: signer), short.sessionNow(id, signer: signer))
            one?.partials.sort { $0.lexicographicallyPrecedes($1) }
            other?.partials.sort { $0.lexicographicallyPrecedes($1) }
            #expect(one == other, "seed \(seed)")
        }
        #expect(batch.writes.count <= 30, "seed \(seed): \(batch.writes.count) writes")
    }
}
