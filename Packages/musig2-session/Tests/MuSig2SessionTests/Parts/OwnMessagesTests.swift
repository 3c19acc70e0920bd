import Secp256k1
import SessionSimulation
import Testing
import WireCodec

@testable import MuSig2Session

@Suite("The run of a life")
struct RunClaimTests {
    private let settling = Duration.seconds(2)

    @Test("A new run takes one above a higher one, once")
    func raise() {
        var claim = RunClaim(run: 10)
        #expect(claim.meet(20, within: settling, at: .zero) == .raise)
        #expect(claim.isAwaited)
        #expect(claim.meet(20, within: settling, at: .zero) == .nothing)
        #expect(claim.raise(to: 20) == false)
        #expect(claim.raise(to: 21) == true)
        #expect(claim.run == 21)
        #expect(!claim.isAwaited)
        #expect(claim.meet(30, within: settling, at: .zero) == .supersede)
    }

    @Test("A run that others have used, or that is old, gives way")
    func supersede() {
        var used = RunClaim(run: 10)
        used.settle()
        #expect(used.meet(20, within: settling, at: .zero) == .supersede)
        var old = RunClaim(run: 10)
        #expect(old.join(at: .zero) == true)
        #expect(old.join(at: .seconds(1)) == false)
        #expect(old.meet(20, within: settling, at: .seconds(2)) == .supersede)
    }

    @Test("Near the last number no run is asked for")
    func last() {
        var claim = RunClaim(run: 10)
        let higher = RunNumber.run(RunNumber.limit - 1, random: 0)
        #expect(claim.meet(higher, within: settling, at: .zero) == .supersede)
    }

    @Test("A session that is over waits for no run")
    func end() {
        var claim = RunClaim(run: 10)
        _ = claim.meet(20, within: settling, at: .zero)
        claim.stopWaiting()
        #expect(!claim.isAwaited)
        #expect(claim.raise(to: 21) == false)
    }
}

@Suite("Messages on their way to be signed")
struct IssueQueueTests {
    private func message(_ payload: Payload, attempt: UInt32 = 0) -> UnsignedMessage {
        UnsignedMessage(
            MessageBody(
                sessionID: [UInt8](repeating: 1, count: 32), attempt: attempt, index: 0, run: 10, payload: payload))
    }

    private func hash(_ byte: UInt8) throws -> Hash32 { try #require(Hash32([UInt8](repeating: byte, count: 32))) }

    @Test("A message is taken out once")
    func remove() throws {
        var queue = IssueQueue()
        let message = message(.decline(Decline(reason: "no")))
        queue.add(message, hash: try hash(1), record: .none)
        #expect(queue.contains(.decline, attempt: 0))
        #expect(!queue.contains(.decline, attempt: 1))
        let entry = queue.remove(message.bytes)
        #expect(entry?.message == message)
        let again = queue.remove(message.bytes)
        #expect(again == nil)
    }

    @Test("What the store refused is asked for again at its time")
    func postpone() throws {
        var queue = IssueQueue()
        let message = message(.decline(Decline(reason: "no")))
        queue.add(message, hash: try hash(1), record: .none)
        queue.postpone(message, until: .seconds(1))
        #expect(queue.nextRetry == .seconds(1))
        #expect(queue.takeDue(at: .milliseconds(900)).count == 0)
        #expect(queue.takeDue(at: .seconds(1)).map(\.message) == [message])
        #expect(queue.nextRetry == nil)
        #expect(queue.contains(message))
    }

    @Test("A body is foreign that this run did not sign")
    func foreign() throws {
        var queue = IssueQueue()
        queue.add(message(.nonceShare(NonceShare(nonces: [])), attempt: 2), hash: try hash(1), record: .nonces)
        queue.removeAll { $0.type.belongsToAttempt }
        #expect(queue.messages.isEmpty)
        #expect(!queue.isForeign(try hash(1), attempt: 2))
        #expect(queue.isForeign(try hash(2), attempt: 2))
        #expect(queue.isForeign(try hash(1), attempt: 3))
        queue.beginRun()
        #expect(queue.isForeign(try hash(1), attempt: 2))
    }
}

@Suite("What a signer has recorded")
struct OwnLedgerTests {
    private func body(_ payload: Payload, attempt: UInt32 = 1, run: UInt64 = 10) -> MessageBody {
        MessageBody(
            sessionID: [UInt8](repeating: 1, count: 32), attempt: attempt, index: 0, run: run, payload: payload)
    }

    private let share = Payload.nonceShare(NonceShare(nonces: []))
    private let partial = Payload.partialSigShare(PartialSigShare(context: [], partials: []))

    @Test("What others return and no row has was lost")
    func lacks() {
        var ledger = OwnLedger()
        #expect(ledger.lacks(body(share)))
        ledger.noteNonces(body(share))
        #expect(!ledger.lacks(body(share)))
        #expect(ledger.lacks(body(share, run: 11)))
        #expect(ledger.hasNonces(attempt: 1, besides: 11))
        #expect(!ledger.hasNonces(attempt: 1, besides: 10))
    }

    @Test("A partial may have left as soon as it is recorded")
    func partials() {
        var ledger = OwnLedger()
        #expect(!ledger.mayHaveSigned)
        ledger.notePartial(body(partial))
        #expect(ledger.mayHaveSigned)
        #expect(ledger.holdsPartial(body(partial)))
        var recovered = OwnLedger()
        recovered.recoverPartial(body(partial))
        #expect(!recovered.lacks(body(partial)))
    }

    @Test("Rows of attempts long over are forgotten, and nothing follows from what comes back")
    func forgets() {
        var ledger = OwnLedger()
        ledger.reach(300)
        #expect(!ledger.remembers(43))
        #expect(ledger.remembers(44))
        #expect(!ledger.lacks(body(partial, attempt: 43)))
        #expect(ledger.lacks(body(partial, attempt: 44)))
    }

    @Test("A loss and another process are told once")
    func once() {
        var ledger = OwnLedger()
        #expect(ledger.noteIncomplete() == true)
        #expect(ledger.noteIncomplete() == false)
        #expect(ledger.noteOther() == true)
        #expect(ledger.noteOther() == false)
    }

    @Test("A store with a row of this signer says that it has joined")
    func restored() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.run()
        let ledger = OwnLedger(party.nodes[0].store.ledger, signer: 0)
        #expect(ledger.hasJoined)
        #expect(ledger.mayHaveSigned)
        #expect(!OwnLedger(SessionLedger(), signer: 0).hasJoined)
    }
}
