import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// What a life of a machine knows of itself, and what it hands on at its end.
@Suite("The life of a session")
struct LifeTests {
    private func isTold(_ event: SessionEvent, in party: Party, at index: Int) -> Bool {
        party.events[index].contains(event)
    }

    private func aggregate(_ party: Party, by coordinator: Int, _ number: UInt64, own: Int) throws -> SignedMessage {
        let share = try #require(party.nodes[own].store.nonces.values.first)
        let nonces = try NonceShare(decoding: share.body.payload).nonces
        let leaf = Transcript.leaf(
            session: party.descriptor.id, attempt: 1, signer: own, run: share.body.run, nonces: nonces,
            using: party.crypto)
        var leaves = party.descriptor.signerKeys.indices.map { [UInt8](repeating: UInt8($0), count: 32) }
        leaves[own] = leaf.bytes
        let sum = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } + [UInt8](repeating: 0, count: 58)
        return party.forged(
            by: coordinator, .noncesComplete(NoncesComplete(leaves: leaves, aggregateNonces: [sum])))
    }

    /// S28: a coordinator that says two things shows its victim the evidence that the victim made itself.
    @Test
    func s28OnesOwnEvidenceComesBack() throws {
        var party = try Party.star(3)
        try party.begin(1)
        try party.begin(2)
        let join = party.forged(by: 0, .join(Join(peerID: try Fixture.peer(0).bytes)), attempt: 0)
        for index in 1...2 { try party.take(index, .received(join, from: Fixture.peer(0))) }
        try party.run { $0.to != 0 }
        for number in [7, 8] as [UInt64] {
            try party.take(1, .received(aggregate(party, by: 0, number, own: 1), from: Fixture.peer(0)))
        }
        #expect(party.evidence(at: 1).map(\.culprit) == [0])
        let own = party.flights.flatMap(\.items).compactMap { item -> SignedMessage? in
            if case .signed(let message) = item, message.body.type == .evidence { message } else { nil }
        }
        let evidence = try #require(own.first)
        let before = party.statuses[1]
        try party.take(1, .received(evidence, from: Fixture.peer(0)))
        #expect(!isTold(.superseded, in: party, at: 1))
        #expect(party.statuses[1].phase == before.phase)
    }

    /// S28: everything that a signer ever signed comes back to it, from anybody, at any later time.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func s28EverythingComesBack(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var party = try [Party.mesh, Party.star, Party.committed][Int(seed % 3)](3)
        try party.beginAll()
        var said: [SignedMessage] = []
        var steps = 0
        while steps < 400, !party.flights.isEmpty {
            steps += 1
            let flight = party.flights.remove(at: Int.random(in: 0..<party.flights.count, using: &random))
            for case .signed(let message) in flight.items where !said.contains(message) { said.append(message) }
            try party.deliver(flight)
            if Int.random(in: 0..<8, using: &random) == 0, party.statuses[0].attempt < 6 {
                try party.take(Int.random(in: 0..<3, using: &random), .restart)
            }
            guard let echo = said.randomElement(using: &random) else { continue }
            let author = Int(echo.body.index)
            let other = (author + 1 + Int.random(in: 0..<2, using: &random)) % 3
            try party.take(author, .received(echo, from: Fixture.peer(other)))
        }
        for index in 0..<3 {
            #expect(!isTold(.superseded, in: party, at: index), "seed \(seed)")
            #expect(!isTold(.ownHistoryLost, in: party, at: index), "seed \(seed)")
        }
    }

    /// S21: what this run did not sign is another process, whatever it is, and also when the attempt is long over.
    @Test
    func s21BytesOfThisRunThatItDidNotSign() throws {
        let payloads: [(Payload, UInt32)] = [
            (.nonceShare(NonceShare(nonces: [[UInt8](repeating: 0, count: 66)])), 1),
            (.restart(Restart(reason: .requested)), 2),
            (.broadcastDone(BroadcastDone(transactionID: [UInt8](repeating: 1, count: 32))), 0),
        ]
        for (payload, attempt) in payloads {
            var party = try Party.mesh(2)
            try party.beginAll()
            try party.runUntilPartials()
            party.flights = []
            for _ in 0..<2 { try party.take(0, .restart) }
            let foreign = party.forged(by: 0, payload, attempt: attempt)
            try party.take(0, .received(foreign, from: Fixture.peer(1)))
            #expect(isTold(.superseded, in: party, at: 0), "\(payload.type)")
        }
    }

    private func partialPair(_ party: Party, by signer: Int) -> [SignedMessage] {
        [UInt8(3), 4].map { byte in
            party.forged(
                by: signer,
                .partialSigShare(
                    PartialSigShare(
                        context: [UInt8](repeating: byte, count: 32),
                        partials: [[0] + [UInt8](repeating: byte, count: 31)])))
        }
    }

    private func abort(_ party: Party, by signer: Int, _ evidence: Evidence) -> SignedMessage {
        party.forged(
            by: signer,
            .abort(Abort(reason: .invalidContribution, stage: .beforePartial, evidence: evidence)), attempt: 0)
    }

    /// Everything that a signer which has ended sends to one that asks.
    private func answers(_ party: inout Party, at index: Int, to other: Int) throws -> [SessionItem] {
        party.advance(.seconds(1))
        let sync = Sync(
            sessionID: party.descriptor.id.bytes, attempt: 1, index: UInt32(other), run: 10, isFinal: false, wanted: [])
        return try party.take(index, .receivedSync(sync, from: Fixture.peer(other))).frames.flatMap(\.items)
    }

    /// K12: an ABORT with two partials under one nonce is obeyed, and neither kept nor passed on; the pair is told by hash.
    @Test
    func k12APairInAnAbort() throws {
        for kind in [EvidenceKind.contradiction, .invalidPartial, .unopenedCommitment, .wrongAggregate] {
            var party = try Party.mesh(3)
            try party.beginAll()
            try party.runUntilPartials()
            let pair = partialPair(party, by: 1)
            let message = abort(party, by: 2, Evidence(kind: kind, culprit: 1, signedMessages: pair))
            try party.take(0, .received(message, from: Fixture.peer(2)))
            guard case .aborted(let report) = party.statuses[0].phase else {
                Issue.record("\(kind): \(party.statuses[0].phase)")
                continue
            }
            #expect(report.by == 2 && report.evidence == nil)
            let items = try answers(&party, at: 0, to: 1)
            for case .signed(let item) in items { #expect(item != message, "\(kind): passed on") }
            let hashes = pair.map { party.crypto.hash(.message, $0.bodyBytes) }
            #expect(isTold(.signerCompromised(index: 1, hashes[0], hashes[1]), in: party, at: 0), "\(kind)")
            #expect(party.evidence(at: 0).isEmpty)
        }
    }

    /// R11: evidence that convinces nobody is not kept, however long it is.
    @Test
    func r11AnAbortThatConvincesNobody() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let own = try #require(party.nodes[1].store.nonces.values.first)
        let message = abort(
            party, by: 2,
            Evidence(kind: .contradiction, culprit: 1, signedMessages: Array(repeating: own, count: 2_000)))
        try party.take(0, .received(message, from: Fixture.peer(2)))
        guard case .aborted = party.statuses[0].phase else {
            Issue.record("\(party.statuses[0].phase)")
            return
        }
        for case .signed(let item) in try answers(&party, at: 0, to: 1) { #expect(item != message) }
        #expect(party.nodes[0].machine.approximateByteCount < 100_000)
    }

    /// After the end nothing but ABORT leaves, also to a signer that comes late.
    @Test
    func k15NothingButAbortAfterTheEnd() throws {
        for input in [SessionInput.approvalWithdrawn, .abort(text: "no")] {
            var party = try Party.mesh(3)
            try party.begin(0)
            try party.begin(1)
            try party.run()
            try party.take(0, input)
            let join = party.forged(by: 2, .join(Join(peerID: try Fixture.peer(2).bytes)), attempt: 0)
            party.advance(.seconds(1))
            let frames = try party.take(0, .received(join, from: Fixture.peer(2))).frames
            #expect(frames.flatMap(\.items).map(Party.type) == [.abort], "\(input)")
        }
    }

    /// K17 and S28: a store that lost the end of a session: the others return this signer's own ABORT, of an older run. It is no other
    /// process, and it is the end.
    @Test
    func k17OnesOwnAbortComesBack() throws {
        for run in [3, 10, 99] as [UInt64] {
            var party = try Party.mesh(3)
            try party.beginAll()
            try party.runUntilPartials()
            let own = party.forged(
                by: 0, .abort(Abort(reason: .requested, stage: .afterPartial, text: "no")), attempt: 0, run: run)
            let result = try party.take(0, .received(own, from: Fixture.peer(2)))
            #expect(!result.events.contains(.superseded), "run \(run)")
            guard case .aborted(let report) = party.statuses[0].phase else {
                Issue.record("run \(run): \(party.statuses[0].phase)")
                continue
            }
            #expect(report.by == 0 && report.isAfterPartial && report.text == "no")
            #expect(party.nodes[0].store.end?.message == own)
            // The next process answers with it, and signs nothing.
            party.nodes[0] = try party.fresh(0, run: 200, store: party.nodes[0].store)
            #expect(try party.take(0, .approved).frames.isEmpty)
            let join = party.forged(by: 1, .join(Join(peerID: try Fixture.peer(1).bytes)), attempt: 0, run: 11)
            let answer = try party.take(0, .received(join, from: Fixture.peer(1)))
            #expect(answer.frames.flatMap(\.items) == [.signed(own)], "run \(run)")
        }
    }

    /// S21: the session is over before the two devices of one key met: the one that hears of the other says so, and no longer that
    /// nothing is signed.
    @Test
    func s21TheOtherDeviceIsToldOfAfterTheEnd() throws {
        var party = try Party.mesh(3)
        party.nodes[0].confirms = false
        try party.beginAll()
        try party.runUntilPartials()
        try party.take(0, .abort(text: "no"))
        #expect(!party.statuses[0].isAfterPartial)
        let join = party.forged(by: 0, .join(Join(peerID: try Fixture.peer(42).bytes)), attempt: 0, run: 11)
        for told in [[SessionEvent.superseded], []] {
            #expect(try party.take(0, .received(join, from: Fixture.peer(1))).events == told)
        }
        guard case .aborted(let report) = party.statuses[0].phase else {
            Issue.record("\(party.statuses[0].phase)")
            return
        }
        #expect(report.isAfterPartial && party.statuses[0].isAfterPartial)
    }

    /// S21: a run that takes one above another's keeps nothing of the attempt that rests on the nonces it gives up.
    @Test
    func s21ARaisedRunStartsTheAttemptAnew() throws {
        var party = try Party.star(2)
        party.nodes[1].confirms = false
        try party.beginAll()
        try party.run()
        #expect(party.events[1].contains(.noncesComplete(attempt: 1)))
        let join = party.forged(by: 1, .join(Join(peerID: try Fixture.peer(42).bytes)), attempt: 0, run: 50)
        let result = try party.take(1, .received(join, from: Fixture.peer(0)))
        #expect(result.events.contains(.ownHistoryLost))
        #expect(party.nodes[1].machine.currentRun > 50)
        #expect(party.statuses[1].isAfterPartial)
        // The policy's late answer is of the run that is given up.
        let late = try party.take(1, .signingConfirmed(attempt: 1))
        #expect(!late.frames.flatMap(\.items).contains { Party.type($0) == .partialSigShare })
        #expect(party.nodes[1].store.partials.isEmpty)
        party.nodes[1].confirms = true
        for _ in 0..<20 where !party.areComplete {
            try party.run()
            party.advance(.seconds(1))
            for index in 0..<2 { try party.take(index, .tick) }
        }
        #expect(party.areComplete)
    }
}
