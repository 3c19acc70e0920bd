import MuSig2Session
import Secp256k1
import Testing

@testable import MuSig2Coordination

/// The parts of the machine that keep sessions, and what waits to become one.
@Suite("Sessions of the machine") struct SessionPartsTests {
    private let now = Fixtures.now

    private func entry(_ announced: VerifiedAnnouncement, createdHere: Bool = false) throws -> SessionEntry {
        let crypto = try BIP327(announced.descriptor)
        let machine = SessionMachine(
            descriptor: announced.descriptor, crypto: crypto, index: 1, run: 1,
            local: LocalPeer(peer: try TestKeys.peer(1), addresses: []), configuration: SessionConfiguration(),
            ledger: SessionLedger(), at: now)
        return SessionEntry(
            machine: machine, announced: announced, crypto: crypto, createdHere: createdHere, isRestored: false)
    }

    @Test("A copy of an entry is its own") func copies() throws {
        var box = CopyOnWriteBox([1, 2, 3])
        let copy = box
        box.value[1] = 7
        #expect(box.value == [1, 7, 3])
        #expect(copy.value == [1, 2, 3])
    }

    @Test("The stages of a session") func stages() throws {
        var entry = try entry(try Fixtures.announced())
        #expect(entry.stage == .open)
        entry.askForConsent()
        #expect(entry.awaitsConsent && !entry.isOver)
        entry.end(at: .seconds(3))
        #expect(entry.awaitsConsent && entry.overAt == .seconds(3))
        entry.endConsent()
        entry.close()
        #expect(entry.stage == .over(since: .seconds(3), SessionEntry.End(isClosed: true, awaitsConsent: false)))
        entry.end(at: .seconds(5))
        #expect(entry.overAt == .seconds(5) && entry.isClosed)
    }

    @Test("What is over does not count any more, and is let go of first") func budget() throws {
        var limits = MuSig2Coordinator.Configuration.Limits()
        limits.sessions = 3
        limits.sessionsPerCreator = 2
        var table = SessionTable(limits: limits)
        let announced = try (1...3 as ClosedRange<UInt8>).map { try Fixtures.announced(message: $0) }
        table.insert(try entry(announced[0]))
        table.insert(try entry(announced[1]))
        #expect(table.openCount == 2)
        #expect(
            table.stateBytes == announced.prefix(2).map { SessionTable.expectedBytes(of: $0.descriptor) }.reduce(0, +))
        #expect(table.limitReached(by: announced[2], createdHere: false)?.code == .limitReached)
        #expect(table.limitReached(by: announced[2], createdHere: true) == nil)
        let isEnded = table.end(announced[1].descriptor.id, at: .seconds(7))
        let isEndedAgain = table.end(announced[1].descriptor.id, at: .seconds(8))
        #expect(isEnded && !isEndedAgain)
        _ = table.end(announced[0].descriptor.id, at: .seconds(9))
        #expect(table.openCount == 0)
        #expect(table.overOldestFirst == [announced[1].descriptor.id, announced[0].descriptor.id])
        for one in announced { _ = table.remove(one.descriptor.id) }
        #expect(table.stateBytes == 0 && table.isEmpty)
    }

    @Test("Requests get their runs in order; a session that is entered fails with the store") func runs() throws {
        var queue = RunQueue()
        let stored = StoredSession(id: try Fixtures.session(1), announcement: [], createdHere: false)
        let announced = try Fixtures.announced()
        queue.add(.restore(stored))
        queue.add(.enter(announced, providers: [], createdHere: true, stored: nil))
        queue.decline(announced.descriptor.id, reason: "no")
        #expect(queue.awaits(stored.id) && queue.awaits(announced.descriptor.id))
        var recalled = stored
        recalled.id = try Fixtures.session(2)
        queue.add(.recall(recalled))
        #expect(queue.awaits(recalled.id) && !queue.awaitsEntry(recalled.id) && queue.awaitsEntry(stored.id))
        let early = queue.takeNext()
        #expect(early?.number == nil)
        let entries = queue.takeEntries()
        #expect(entries == [announced.descriptor.id] && queue.count == 2 && !queue.awaitsEntry(entries[0]))
        queue.claimed(10..<20)
        let next = queue.takeNext()
        #expect(next?.number == 10 && next?.request.session == stored.id)
        let last = queue.takeNext()
        #expect(last?.number == 11 && last?.request.session == recalled.id)
        #expect(queue.isDeclining(announced.descriptor.id))
        let reason = queue.takeReason(for: announced.descriptor.id)
        #expect(reason == "no" && !queue.isDeclining(announced.descriptor.id))
        queue.add(.raise(stored.id, above: RunNumber.run(14, random: 0)))
        let raised = queue.takeNext()
        #expect(raised?.number == 15)
    }

    @Test("A signer key has one budget, whatever peers it uses") func signerBudgets() throws {
        var limits = MuSig2Coordinator.Configuration.AbuseLimits()
        limits.signatureChecks = MuSig2Coordinator.Configuration.BucketSize(perSecond: 1, burst: 10)
        var budgets = SignerBudgets(limits: limits)
        let (one, two) = (try TestKeys.publicKey(1), try TestKeys.publicKey(2))
        func takes(_ work: Double, of key: PublicKey, mayOwe: Bool = false, at seconds: Int = 0) -> Bool {
            budgets.take(work, of: key, mayOwe: mayOwe, at: .seconds(seconds))
        }
        #expect(takes(8, of: one))
        #expect(!takes(8, of: one))
        #expect(takes(8, of: two))
        #expect(takes(20, of: one, mayOwe: true, at: 4))
        #expect(!takes(1, of: one, at: 10))
        budgets.give(20, to: one, at: .seconds(10))
        #expect(takes(5, of: one, at: 10))
    }
}
