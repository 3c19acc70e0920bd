import MuSig2Session
import Multiformats
import SessionSimulation
import Testing
import WireCodec

/// A signer that says that it will not join.
@Suite("DECLINE")
struct DeclineTests {
    private func decline(
        _ party: Party, by signer: Int, _ reason: String = "no time", run: UInt64 = 10, signedBy: Int? = nil
    )
        -> SignedMessage
    {
        party.forged(by: signer, .decline(Decline(reason: reason)), attempt: 0, run: run, signedBy: signedBy)
    }

    private func join(_ party: Party, by signer: Int, run: UInt64 = 10) throws -> SignedMessage {
        party.forged(by: signer, .join(Join(peerID: try Fixture.peer(signer).bytes)), attempt: 0, run: run)
    }

    private func types(_ result: TurnResult, to peer: Int) throws -> [MessageType?] {
        let peer = try Fixture.peer(peer)
        return result.frames.filter { $0.to == peer }.flatMap(\.items).map { Party.type($0) }
    }

    @Test
    func theOthersAreTold() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        try party.take(2, .introduced(Fixture.peer(0), addresses: [], isAnnouncer: true))
        let result = try party.take(2, .declined(reason: "no time"))
        #expect(try types(result, to: 0) == [.decline])
        #expect(result.events == [.declined(index: 2, reason: "no time")])
        #expect(party.statuses[2].phase == .declined(reason: "no time", isTold: true))
        #expect(party.nodes[2].store.end?.kind == .declined)
        try party.run()
        // The creator was told, and tells the signer that waits for the JOIN.
        for index in 0..<2 {
            #expect(party.events[index].last == .declined(index: 2, reason: "no time"), "signer \(index)")
            #expect(party.statuses[index].signers[2].declined == "no time")
            #expect(party.statuses[index].phase == .gathering(.joins))
            #expect(party.penalties[index].isEmpty && party.evidence(at: index).isEmpty)
        }
        // It is for good.
        #expect(try party.take(2, .approved).frames.isEmpty)
        #expect(party.nodes[2].store.joins[2] == nil)
    }

    @Test
    func aPeerThatComesLaterIsTold() throws {
        var party = try Party.mesh(3)
        try party.take(2, .introduced(Fixture.peer(0), addresses: [], isAnnouncer: true))
        var result = try party.nodes[2].turn(.declined(reason: ""), at: party.now) { _ in false }
        // Nobody is there yet: the creator is dialed.
        #expect(try result.dials == [Fixture.peer(0)])
        #expect(party.statuses[2].phase == .declined(reason: "", isTold: false))
        #expect(party.nodes[2].machine.isDeclineUntold)
        result = try party.take(2, .connected(Fixture.peer(0)))
        #expect(try types(result, to: 0) == [.decline])
        #expect(!party.nodes[2].machine.isDeclineUntold)
        // On each connection, and to each peer that shows that it is a signer.
        try party.take(2, .disconnected(Fixture.peer(0)))
        #expect(try types(party.take(2, .connected(Fixture.peer(0))), to: 0) == [.decline])
        let joined = try party.take(2, .received(join(party, by: 1), from: Fixture.peer(1)))
        #expect(try types(joined, to: 1) == [.decline])
        // A DECLINE is no question, and neither is an ABORT.
        party.advance(.seconds(1))
        let abort = party.forged(by: 1, .abort(Abort(reason: .requested, stage: .beforePartial)), attempt: 0)
        #expect(try party.take(2, .received(abort, from: Fixture.peer(1))).frames.isEmpty)
        #expect(try party.take(2, .received(decline(party, by: 1), from: Fixture.peer(1))).frames.isEmpty)
        // A new process answers with the same bytes, and does not join.
        let told = try #require(party.nodes[2].store.end?.message)
        party.nodes[2] = try party.fresh(2, run: 11, store: party.nodes[2].store)
        let again = try party.take(2, .introduced(Fixture.peer(0), addresses: []))
        #expect(again.frames.flatMap(\.items) == [.signed(told)])
        #expect(try party.take(2, .approved).frames.isEmpty)
    }

    @Test
    func itIsDurableBeforeItLeaves() throws {
        var party = try Party.mesh(2)
        try party.take(1, .introduced(Fixture.peer(0), addresses: []))
        party.nodes[1].storeFails = true
        let result = try party.take(1, .declined(reason: "no"))
        #expect(result.frames.isEmpty && result.events.contains(.storeFailed))
        party.nodes[1].storeFails = false
        party.advance(.seconds(1))
        #expect(try types(party.take(1, .tick), to: 0) == [.decline])
    }

    @Test
    func aSignerThatHasJoinedDeclinesNoMore() throws {
        var party = try Party.mesh(2)
        try party.begin(1)
        let before = party.nodes[1].machine
        #expect(try party.take(1, .declined(reason: "no")).frames.isEmpty)
        #expect(party.nodes[1].machine == before)
        // Nor does a new process of a signer that had joined: it aborts.
        party.nodes[1] = try party.fresh(1, run: 11, store: party.nodes[1].store)
        #expect(try party.take(1, .declined(reason: "no")).frames.isEmpty)
        #expect(!party.nodes[1].machine.isOver)
        party.nodes[1].storeFails = true
        try party.take(1, .introduced(Fixture.peer(0), addresses: []))
        try party.take(1, .approved)
        party.nodes[1].storeFails = false
        try party.take(1, .approvalWithdrawn)
        guard case .aborted(let report) = party.statuses[1].phase else {
            Issue.record("\(party.statuses[1].phase)")
            return
        }
        #expect(report.reason == .notApproved)
        #expect(party.nodes[1].store.end?.message?.body.type == .abort)
    }

    @Test
    func anApprovalWithdrawnBeforeTheJoinDeclines() throws {
        var party = try Party.mesh(2)
        try party.take(1, .introduced(Fixture.peer(0), addresses: [], isAnnouncer: true))
        party.nodes[1].storeFails = true
        try party.take(1, .approved)
        party.nodes[1].storeFails = false
        #expect(try types(party.take(1, .approvalWithdrawn), to: 0) == [.decline])
        #expect(party.statuses[1].phase == .declined(reason: "", isTold: true))
    }

    @Test
    func s33ByASignerAndByAStranger() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        let stranger = try Fixture.peer(42)
        let before = party.nodes[0].machine
        // In the name of a signer that did not sign it.
        let forged = try party.take(0, .received(decline(party, by: 2, signedBy: 1), from: stranger))
        #expect(forged.penalties.map(\.1) == [.badSignature] && forged.events.isEmpty)
        #expect(party.nodes[0].machine == before)
        #expect(party.nodes[0].machine.cost(of: decline(party, by: 2)) == 1)
        // From any peer, if it is signed, in whatever run; the first is kept.
        let told = try party.take(0, .received(decline(party, by: 2, "first", run: 1), from: stranger))
        #expect(told.events == [.declined(index: 2, reason: "first")] && told.penalties.isEmpty)
        #expect(try party.take(0, .received(decline(party, by: 2, "second", run: 99), from: stranger)).events.isEmpty)
        #expect(party.statuses[0].signers[2].declined == "first")
        #expect(party.evidence(at: 0).isEmpty && !party.nodes[0].machine.isOver)
        // A payload that is none is its author's fault.
        var body = decline(party, by: 1).body
        body.payload = [0xff]
        let malformed = SignedMessage(body) { StubGroup.signature(ofBody: $0, signer: 1) }
        let blamed = try party.take(0, .received(malformed, from: stranger))
        #expect(blamed.events == [.misbehaved(index: 1, .payload)] && blamed.penalties.isEmpty)
    }

    @Test
    func s33AJoinMakesItVoid() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        for index in 0..<2 { try party.take(index, .received(decline(party, by: 2), from: Fixture.peer(42))) }
        try party.run()
        // Its JOIN, of a lower run, goes to those that were told otherwise.
        try party.take(0, .received(join(party, by: 2, run: 5), from: Fixture.peer(2)))
        try party.run { $0.to != 2 }
        for index in 0..<2 {
            #expect(party.nodes[index].machine.hasJoined(2), "signer \(index)")
            #expect(party.statuses[index].signers[2].declined == nil)
        }
        // Replayed after the JOIN it says nothing, in whatever run; from a newer one than the JOIN's it is answered with the JOIN.
        let held = try #require(party.nodes[0].store.joins[2])
        for run in [1, 5, 1 << 40] as [UInt64] {
            let before = party.nodes[0].machine
            let result = try party.take(0, .received(decline(party, by: 2, run: run), from: Fixture.peer(42)))
            #expect(result.events.isEmpty && result.penalties.isEmpty)
            #expect(result.frames.flatMap(\.items) == (run > 5 ? [.signed(held)] : []))
            #expect(party.nodes[0].machine == before)
        }
        // Nobody gets the JOIN for a DECLINE that its author did not sign.
        let forged = decline(party, by: 2, run: 1 << 40, signedBy: 1)
        #expect(try party.take(0, .received(forged, from: Fixture.peer(42))).frames.isEmpty)
    }

    @Test
    func s33AfterAPartial() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.run { !$0.items.contains { Party.type($0) == .partialSigShare } }
        #expect(party.statuses.allSatisfy { $0.isAfterPartial })
        // Signed by a signer with a partial that is out, and brought back to itself too.
        for index in 0..<3 { try party.take(index, .received(decline(party, by: 2, run: 11), from: Fixture.peer(1))) }
        #expect(party.nodes.allSatisfy { !$0.machine.isOver })
        for _ in 0..<8 where !party.areComplete {
            party.advance(.seconds(1))
            for index in 0..<3 { try party.take(index, .tick) }
            try party.run()
        }
        #expect(party.areComplete)
        #expect((0..<3).allSatisfy { party.evidence(at: $0).isEmpty })
        #expect(!party.events.joined().contains { if case .declined = $0 { true } else { false } })
    }

    @Test
    func aSignatureThatExistsStillCompletes() throws {
        var donor = try Party.mesh(2)
        try donor.beginAll()
        try donor.run()
        let signatures = try #require(donor.nodes[0].machine.signatures)
        var party = try Party.mesh(2)
        try party.take(1, .declined(reason: "no"))
        #expect(try party.take(1, .offered(signatures)).events == [.completed(signatures)])
    }

    @Test
    func ownDeclineThatOthersReturn() throws {
        var party = try Party.mesh(2)
        let former = decline(party, by: 1, "not this one", run: 3)
        let result = try party.take(1, .received(former, from: Fixture.peer(0)))
        #expect(result.events == [.ownHistoryLost, .declined(index: 1, reason: "not this one")])
        #expect(party.nodes[1].store.end?.message == former)
        // The store is an older copy: what else the former process did is not known.
        #expect(party.statuses[1].isAfterPartial && party.nodes[1].store.end?.isAfterPartial == true)
        #expect(party.statuses[1].phase == .declined(reason: "not this one", isTold: false))
        #expect(try party.take(1, .approved).frames.isEmpty)
    }

    /// A signer joined, its store was lost with its process, and the next process declines: the others return its JOIN, and it aborts.
    @Test(arguments: [true, false])
    func aDeclineOfASignerThatHadJoinedAborts(isAnnouncer: Bool) throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(2)
        try party.run()
        party.nodes[2] = try party.fresh(2, run: 11, store: SimulatedStore())
        try party.take(2, .introduced(Fixture.peer(0), addresses: [], isAnnouncer: isAnnouncer))
        try party.take(2, .declined(reason: "no time"))
        try party.run()
        for index in [0, 2] {
            guard case .aborted(let report) = party.statuses[index].phase else {
                Issue.record("signer \(index): \(party.statuses[index].phase)")
                continue
            }
            #expect(report.by == 2 && report.reason == .notApproved && report.text == "no time")
            // It does not know what its former process did.
            #expect(report.isAfterPartial == (index == 2))
            #expect(party.penalties[index].isEmpty)
        }
        let end = try #require(party.nodes[2].store.end)
        #expect(end.kind == .aborted && end.isAfterPartial && end.message?.body.type == .abort)
        #expect(party.events[2].contains(.ownHistoryLost))
    }

    /// A JOIN of this signer that is as new as its DECLINE, or newer, is of another process.
    @Test
    func aJoinOfAnotherProcessIsToldAfterADecline() throws {
        var party = try Party.mesh(2)
        try party.take(1, .introduced(Fixture.peer(0), addresses: []))
        try party.take(1, .declined(reason: "no"))
        let result = try party.take(1, .received(join(party, by: 1, run: 11), from: Fixture.peer(0)))
        #expect(result.events == [.superseded])
        #expect(party.nodes[1].store.end?.kind == .declined)
    }

    /// Anybody can say that it knows the session: what a stranger took is not told.
    @Test
    func whatAStrangerTookIsNotTold() throws {
        var party = try Party.mesh(2)
        let stranger = try Fixture.peer(42)
        try party.take(1, .introduced(stranger, addresses: []))
        let result = try party.take(1, .declined(reason: "no"))
        #expect(result.frames.map(\.to) == [stranger])
        #expect(party.statuses[1].phase == .declined(reason: "no", isTold: false))
        // The creator was dialed like the stranger, and shows that it is the creator.
        try party.take(1, .introduced(Fixture.peer(0), addresses: []))
        #expect(party.nodes[1].machine.isDeclineUntold)
        try party.take(1, .received(join(party, by: 0), from: Fixture.peer(0)))
        #expect(party.statuses[1].phase == .declined(reason: "no", isTold: true))
    }

    /// A creator that ends the session when it hears of the no may be heard through its ABORT alone: there is nobody left to tell.
    @Test
    func anAbortOfAnotherEndsTheTelling() throws {
        var party = try Party.mesh(3)
        try party.take(2, .introduced(Fixture.peer(0), addresses: []))
        try party.take(2, .declined(reason: "no"))
        let payload = Payload.abort(Abort(reason: .requested, stage: .beforePartial))
        try party.take(2, .received(party.forged(by: 0, payload, attempt: 0, signedBy: 1), from: Fixture.peer(0)))
        try party.take(2, .received(party.forged(by: 2, payload, attempt: 0), from: Fixture.peer(0)))
        #expect(party.nodes[2].machine.isDeclineUntold, "neither a forged ABORT nor one's own is another's")
        try party.take(2, .received(party.forged(by: 0, payload, attempt: 0), from: Fixture.peer(0)))
        #expect(party.statuses[2].phase == .declined(reason: "no", isTold: true))
    }

    /// The author may know nobody but a signer that has not shown its JOIN: it is answered with it, also when the first answer was lost.
    @Test
    func aDeclineIsAnsweredWithTheJoin() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        let decline = Payload.decline(Decline(reason: "no"))
        let author = try Fixture.peer(2)
        try party.take(0, .introduced(author, addresses: []))
        let heard = try party.take(0, .received(party.forged(by: 2, decline, attempt: 0), from: author))
        #expect(try types(heard, to: 2) == [.join])
        let stranger = try Fixture.peer(42)
        let repeated = try party.take(0, .received(party.forged(by: 2, decline, attempt: 0), from: stranger))
        #expect(repeated.frames.isEmpty, "it is known, and the peer knows nothing of the session")
        party.advance(.seconds(60))
        let again = try party.take(0, .received(party.forged(by: 2, decline, attempt: 0), from: author))
        #expect(try types(again, to: 2).contains(.join))
        try party.take(0, .abort(text: "enough"))
        let late = try party.take(0, .received(party.forged(by: 1, decline, attempt: 0), from: author))
        #expect(try types(late, to: 2).allSatisfy { $0 == .abort })
    }

    @Test
    func inAStarTheCoordinatorPassesItOn() throws {
        var party = try Party.star(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        try party.take(2, .introduced(Fixture.peer(0), addresses: []))
        try party.take(2, .declined(reason: "no"))
        try party.run()
        #expect(party.statuses[1].signers[2].declined == "no")
    }

    @Test
    func aLongReasonIsCutBetweenCharacters() throws {
        var party = try Party.mesh(2)
        try party.take(1, .introduced(Fixture.peer(0), addresses: []))
        let result = try party.take(1, .declined(reason: String(repeating: "ä", count: 300)))
        guard case .signed(let message)? = result.frames.first?.items.first else {
            Issue.record("\(result.frames)")
            return
        }
        let sent = try Decline(decoding: message.body.payload).reason
        #expect(sent == String(repeating: "ä", count: SessionLimits.ownTextBytes / 2))
    }
}
