import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// Consent, time, stores that fail, and the ways a session ends.
@Suite("Ways to end")
struct EndingTests {
    @Test
    func k15NothingLeavesWithoutApproval() throws {
        var party = try Party.mesh(2)
        try party.begin(0)
        let join = party.forged(by: 0, .join(Join(peerID: try Fixture.peer(0).bytes)), attempt: 0)
        try party.take(1, .introduced(Fixture.peer(0), addresses: []))
        try party.take(1, .connected(Fixture.peer(0)))
        try party.take(1, .received(join, from: Fixture.peer(0)))
        try party.take(1, .tick)
        #expect(party.flights.filter { $0.from == 1 }.isEmpty)
        #expect(party.nodes[1].store.nonces.isEmpty)
        #expect(party.statuses[1].phase == .awaitingApproval)
        let refused = try party.take(1, .refused)
        #expect(refused.events == [.closed] && refused.frames.isEmpty)
        #expect(try party.take(1, .approved).frames.isEmpty)
    }

    @Test
    func k15ApprovalWithdrawn() throws {
        var party = try Party.mesh(2)
        for index in 0..<2 { party.nodes[index].confirms = false }
        try party.beginAll()
        try party.run()
        #expect(party.nodes[0].store.partials.isEmpty)
        let result = try party.take(0, .approvalWithdrawn)
        #expect(result.frames.flatMap(\.items).map(Party.type) == [.abort])
        #expect(!party.nodes[0].store.isApproved)
        #expect(party.nodes[0].machine.isBeforePartial)
        // The late answer of the policy makes no partial.
        #expect(try party.take(0, .signingConfirmed(attempt: 1)).frames.isEmpty)
        #expect(party.nodes[0].store.partials.isEmpty)
        try party.run()
        guard case .aborted(let report) = party.statuses[1].phase else {
            Issue.record("\(party.statuses[1].phase)")
            return
        }
        #expect(report.by == 0 && report.reason == .notApproved && !report.isAfterPartial)
    }

    @Test
    func r4AStoreThatFails() throws {
        var party = try Party.mesh(2)
        try party.begin(0)
        party.nodes[1].storeFails = true
        try party.take(1, .introduced(Fixture.peer(0), addresses: []))
        party.nodes[1].store.isApproved = true
        try party.take(1, .approved)
        #expect(party.events[1] == [.storeFailed])
        #expect(party.flights.filter { $0.from == 1 }.isEmpty)
        party.nodes[1].storeFails = false
        party.advance(.seconds(1))
        try party.take(1, .tick)
        party.nodes[1].storeFails = false
        try party.run()
        #expect(party.areComplete)
    }

    @Test
    func r4AStoreThatFailsAtThePartial() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.run { flight in
            // Signer 1's store breaks when it is about to sign.
            if flight.to == 1, flight.items.contains(where: { Party.type($0) == .nonceShare }) { return false }
            return true
        }
        party.nodes[1].storeFails = true
        for step in 0..<30 where !party.areComplete {
            party.advance(.milliseconds(400))
            if step == 5 {
                #expect(party.events[1].contains(.storeFailed))
                #expect(party.nodes[1].store.partials.isEmpty)
                party.nodes[1].storeFails = false
            }
            for index in 0..<2 { try party.take(index, .tick) }
            try party.run()
        }
        #expect(party.areComplete)
    }

    @Test
    func k2bTwoProcessesOnOneStore() throws {
        var party = try Party.mesh(2)
        party.nodes[1].confirms = false
        try party.beginAll()
        try party.run()
        // The other process recorded its partial before this one was asked.
        let other = party.forged(
            by: 1,
            .partialSigShare(
                PartialSigShare(context: [UInt8](repeating: 3, count: 32), partials: [[UInt8](repeating: 3, count: 32)])
            ),
            run: 9)
        party.nodes[1].store.partials[1] = other
        let result = try party.take(1, .signingConfirmed(attempt: 1))
        #expect(!result.frames.flatMap(\.items).contains { Party.type($0) == .partialSigShare })
        #expect(party.nodes[1].store.partials[1] == other)
        #expect(party.statuses[1].attempt == 2)
        #expect(!party.nodes[1].machine.isBeforePartial)
    }

    @Test
    func aPartialRecordedTooLateStays() throws {
        var party = try Party.mesh(2)
        party.nodes[1].confirms = false
        try party.beginAll()
        try party.run()
        // The store takes its time, and the attempt is left meanwhile.
        var machine = party.nodes[1].machine
        let asked = machine.handle(.signingConfirmed(attempt: 1), at: party.now)
        guard case .signPartials(let handle, let context)? = asked.first else {
            Issue.record("\(asked)")
            return
        }
        let partials = try party.nodes[1].hands.sign(handle, context)
        let issues = machine.handle(.partialsSigned(handle, partials), at: party.now)
        guard case .issue(let message, .partials)? = issues.first else {
            Issue.record("\(issues)")
            return
        }
        _ = machine.handle(.restart, at: party.now)
        #expect(machine.isBeforePartial)
        let signed = SignedMessage(message.body) { StubGroup.signature(ofBody: $0, signer: 1) }
        let effects = machine.handle(.issued(signed), at: party.now)
        #expect(!machine.isBeforePartial)
        #expect(
            !effects.contains { effect in
                if case .send(let items, _) = effect {
                    items.contains { Party.type($0) == .partialSigShare }
                } else {
                    false
                }
            })
    }

    @Test
    func s9SilenceIsAStatement() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(1)
        let join = party.forged(by: 2, .join(Join(peerID: try Fixture.peer(2).bytes)), attempt: 0)
        for index in 0..<2 { try party.take(index, .received(join, from: Fixture.peer(2))) }
        try party.run { $0.to != 2 }
        let deadline = try #require(party.statuses[0].deadline)
        #expect(deadline == .seconds(300))
        party.advance(.seconds(300))
        try party.take(0, .tick)
        #expect(party.statuses[0].attempt == 2)
        // Doubled.
        #expect(party.statuses[0].deadline == .seconds(300 + 600))
        try party.run { $0.to != 2 }
        #expect(party.events[1].contains(.notHeard(indices: [2], by: 0, attempt: 2)))
        #expect(party.statuses.prefix(2).map(\.attempt) == [2, 2])
        #expect(party.evidence(at: 0).isEmpty && party.evidence(at: 1).isEmpty)
    }

    @Test
    func s10AbortsThatDoNotCount() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.run()
        let signatures = try #require(party.nodes[0].machine.signatures)
        let abort = party.forged(
            by: 1, .abort(Abort(reason: .requested, stage: .beforePartial)), attempt: 0)
        #expect(try party.take(0, .received(abort, from: Fixture.peer(1))).events.isEmpty)
        let restart = party.forged(by: 1, .restart(Restart(reason: .requested)), attempt: 2)
        let result = try party.take(0, .received(restart, from: Fixture.peer(1)))
        #expect(party.nodes[0].machine.signatures == signatures)
        #expect(result.events.isEmpty)

        var open = try Party.mesh(2)
        try open.beginAll()
        try open.runUntilPartials()
        let before = open.nodes[0].machine
        let stranger = try Fixture.peer(42)
        let foreign = open.forged(
            by: 1, .abort(Abort(reason: .requested, stage: .beforePartial)), attempt: 0, signedBy: 0)
        #expect(try open.take(0, .received(foreign, from: stranger)).penalties.map(\.1) == [.badSignature])
        let forged = open.forged(
            by: 1, .abort(Abort(reason: .requested, stage: .beforePartial)), attempt: 0, signedBy: 0)
        #expect(try open.take(0, .received(forged, from: Fixture.peer(1))).penalties.map(\.1) == [.badSignature])
        #expect(open.nodes[0].machine == before)
        // From any peer, if it is signed, before its author is known and in whatever run.
        var early = try Party.mesh(2)
        try early.begin(0)
        let old = early.forged(
            by: 1, .abort(Abort(reason: .requested, stage: .beforePartial)), attempt: 0, run: 1)
        try early.take(0, .received(old, from: stranger))
        guard case .aborted(let report) = early.statuses[0].phase else {
            Issue.record("\(early.statuses[0].phase)")
            return
        }
        #expect(report.by == 1)
    }

    @Test
    func aLateSignerHearsOfTheAbort() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        try party.take(0, .abort(text: "no"))
        party.flights = []
        try party.begin(2)
        try party.run()
        guard case .aborted(let report) = party.statuses[2].phase else {
            Issue.record("\(party.statuses[2].phase)")
            return
        }
        #expect(report.by == 0)
    }

    @Test
    func s10ASignatureUndoesAnAbort() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.run { $0.to != 0 || !$0.items.contains { Party.type($0) == .partialSigShare } }
        let signatures = try #require(party.nodes[1].machine.signatures)
        try party.take(0, .abort(text: "no"))
        guard case .aborted(let report) = party.statuses[0].phase else {
            Issue.record("\(party.statuses[0].phase)")
            return
        }
        #expect(report.isAfterPartial)
        let wrong = [SchnorrSignature(r: signatures[0].s, s: signatures[0].r)]
        let refused = try party.take(0, .receivedSignatures(wrong, from: Fixture.peer(1)))
        #expect(refused.penalties.map(\.1) == [.badFinalSignature])
        #expect(try party.take(0, .offered(signatures)).events == [.completed(signatures)])
        #expect(party.areComplete)
    }

    @Test
    func s19TheLastReceiverKeepsTheResult() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        // Only signer 2 gets all partials, and is closed at once.
        try party.run { flight in
            !(flight.to != 2 && flight.items.contains { Party.type($0) == .partialSigShare })
        }
        let signatures = try #require(party.nodes[2].machine.signatures)
        #expect(try party.take(2, .close).frames.isEmpty)
        #expect(party.statuses[0].isAfterPartial && party.statuses[1].isAfterPartial)
        // From its tombstone: it answers as it did before it was closed.
        for _ in 0..<8 where party.nodes[0].machine.signatures == nil {
            party.advance(.seconds(1))
            try party.take(0, .tick)
            try party.run { $0.to != 1 && $0.from != 1 }
        }
        #expect(party.nodes[0].machine.signatures == signatures)
        // Or from where it was published.
        #expect(try party.take(1, .offered(signatures)).events == [.completed(signatures)])
    }

    @Test
    func s20AllAskAtOnce() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        party.flights = []
        for index in 0..<3 { try party.take(index, .restart) }
        try party.run()
        #expect(party.areComplete)
        #expect(Set(party.statuses.map(\.attempt)) == [2])
    }

    @Test
    func s20AStormHasAnAuthorAndAnEnd() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.runUntilPartials()
        party.flights = []
        for attempt in 2...33 as ClosedRange<UInt32> {
            #expect(party.statuses[0].attempt == attempt - 1)
            let message = party.forged(by: 1, .restart(Restart(reason: .requested)), attempt: attempt)
            try party.take(0, .received(message, from: Fixture.peer(1)))
        }
        #expect(party.statuses[0].signers[1].restarts == 32)
        guard case .aborted(let report) = party.statuses[0].phase else {
            Issue.record("\(party.statuses[0].phase)")
            return
        }
        #expect(report.reason == .noProgress && report.by == 0 && report.isAfterPartial)
        #expect(report.text == "attempts raised by signer 1 (32)")
        #expect(report.earlyEnds.map(\.attempt) == Array(1...32))
        #expect(report.earlyEnds.allSatisfy { $0.by == 1 && $0.reason == .requested && $0.contextDiffers.isEmpty })
        #expect(party.statuses[0].earlyEnds == report.earlyEnds)
        // Fresh nonces in each of them.
        let nonces = try party.nodes[0].store.nonces.values.map { try NonceShare(decoding: $0.body.payload).nonces }
        #expect(Set(nonces).count == nonces.count)
        #expect(nonces.count == 32)
    }

    @Test
    func s27ALidClosedForADay() throws {
        var plan = try Fixture.plan(signers: 2)
        plan.lifetime = .seconds(30 * 86_400)
        var party = try Party(plan)
        try party.beginAll()
        try party.runUntilPartials()
        party.flights = []
        try party.take(0, .disconnected(Fixture.peer(1)))
        for _ in 0..<400 {
            party.advance(.seconds(300))
            try party.take(0, .tick)
            party.flights = []
        }
        #expect(!party.areComplete)
        for _ in 0..<30 where !party.areComplete {
            party.advance(.seconds(10))
            for index in 0..<2 { try party.take(index, .tick) }
            try party.run()
        }
        #expect(party.areComplete)
    }

    @Test
    func expiryEndsTheSession() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        party.advance(.seconds(7_200))
        #expect(try party.take(0, .tick).events == [.expired])
        #expect(party.statuses[0].phase == .expired)
        #expect(party.nodes[0].machine.nextDeadline == nil)
        // No partial is made any more.
        try party.run { $0.to == 0 }
        #expect(party.nodes[0].store.partials.isEmpty)
    }

    @Test
    func roundsByHand() throws {
        var configuration = SessionConfiguration()
        configuration.startsRoundsAutomatically = false
        var party = try Party(Fixture.plan(signers: 2), configuration: configuration)
        try party.beginAll()
        try party.run()
        #expect(party.nodes.allSatisfy { $0.store.nonces.isEmpty })
        #expect(party.statuses[0].deadline == nil)
        for index in 0..<2 { try party.take(index, .start(.nonces)) }
        try party.run()
        #expect(party.nodes.allSatisfy { $0.store.nonces.count == 1 && $0.store.partials.isEmpty })
        for index in 0..<2 { try party.take(index, .start(.partials)) }
        try party.run()
        #expect(party.areComplete)
    }

    @Test
    func eventsOfAQuietSession() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.run()
        let signatures = try #require(party.nodes[0].machine.signatures)
        #expect(
            party.events[0] == [
                .joined, .participantJoined(index: 1, peer: try Fixture.peer(1), joined: 2),
                .ready, .nonceReceived(attempt: 1, index: 0, received: 1),
                .nonceReceived(attempt: 1, index: 1, received: 2), .noncesComplete(attempt: 1),
                .partialReceived(attempt: 1, index: 0, received: 1),
                .partialReceived(attempt: 1, index: 1, received: 2), .completed(signatures),
            ])
        #expect(party.nodes.allSatisfy { $0.machine.allAreFinal })
    }

    @Test
    func everyoneHearsThatTheOthersAreDone() throws {
        for make in [Party.mesh, Party.star, Party.committed] as [(Int) throws -> Party] {
            var party = try make(3)
            try party.beginAll()
            try party.run()
            #expect(party.areComplete)
            #expect(party.nodes.allSatisfy { $0.machine.allAreFinal })
        }
        // Also one that connects only after the end.
        var late = try Party.mesh(2)
        try late.beginAll()
        try late.run()
        try late.take(0, .disconnected(Fixture.peer(1)))
        let result = try late.take(0, .connected(Fixture.peer(1)))
        guard case .sync(let sync)? = result.frames.first?.items.last else {
            Issue.record("\(result.frames)")
            return
        }
        #expect(sync.isFinal)
    }
}
