import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// How attempts rise, which signer is named for it, and what it costs.
@Suite("Attempts")
struct AttemptTests {
    /// The last signer is only its messages; the others are honest and have its JOIN.
    static func withAPuppet(_ party: Party) throws -> Party {
        var party = party
        let puppet = party.nodes.count - 1
        for index in 0..<puppet { try party.begin(index) }
        let join = party.forged(by: puppet, .join(Join(peerID: try Fixture.peer(puppet).bytes)), attempt: 0)
        for index in 0..<puppet { try party.take(index, .received(join, from: Fixture.peer(puppet))) }
        try party.run { $0.to != puppet }
        return party
    }

    /// S30: no attempt beyond what time allows: 16, and one more for each 10 s since the session was made, with 5 min
    /// of tolerance.
    @Test
    func s30NoAttemptBeyondWhatTimeAllows() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        func restart(_ attempt: UInt32) -> SignedMessage {
            party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: attempt)
        }
        for beyond in [47, 48, 127, 128] as [UInt32] {
            let before = party.nodes[0].machine
            let result = try party.take(0, .received(restart(beyond), from: Fixture.peer(2)))
            #expect(result.penalties.isEmpty && result.events.isEmpty && result.frames.isEmpty)
            #expect(party.nodes[0].machine == before, "attempt \(beyond)")
        }
        try party.take(0, .received(restart(46), from: Fixture.peer(2)))
        #expect(party.statuses[0].attempt == 46)
        party.advance(.seconds(9))
        try party.take(0, .received(restart(47), from: Fixture.peer(2)))
        #expect(party.statuses[0].attempt == 46)
        party.advance(.seconds(1))
        try party.take(0, .received(restart(47), from: Fixture.peer(2)))
        #expect(party.statuses[0].attempt == 47)
    }

    /// Twelve RESTARTs that merely arrive leave the deadline what it was.
    @Test
    func restartsOfOthersDoubleNothing() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        for attempt in 2...13 as ClosedRange<UInt32> {
            let restart = party.forged(by: 2, .restart(Restart(reason: .timeout)), attempt: attempt)
            try party.take(0, .received(restart, from: Fixture.peer(2)))
        }
        #expect(party.statuses[0].attempt == 13)
        #expect(party.statuses[0].deadline == party.now.monotonic + .seconds(300))
    }

    /// An attempt that lasted at least half its deadline doubles the next one, whichever signer ended it.
    @Test
    func longAttemptsDoubleWhicheverSignerEndedThem() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        party.advance(.seconds(150))
        let second = party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 2)
        try party.take(0, .received(second, from: Fixture.peer(2)))
        #expect(party.statuses[0].deadline == party.now.monotonic + .seconds(600))
        party.advance(.seconds(299))
        let third = party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 3)
        try party.take(0, .received(third, from: Fixture.peer(2)))
        #expect(party.statuses[0].deadline == party.now.monotonic + .seconds(600))
    }

    /// The follower of a raised attempt is not named for it: what brought it there goes before its own messages.
    @Test
    func aFollowerIsNotNamed() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        for attempt in 2...10 as ClosedRange<UInt32> {
            // Signer 2 speaks to signer 0 alone.
            let share = party.forged(by: 2, party.nonceShare(UInt64(attempt)), attempt: attempt)
            try party.take(0, .received(share, from: Fixture.peer(2)))
            try party.run { $0.to != 2 }
            #expect(party.statuses[1].attempt == attempt)
        }
        for index in 0..<2 {
            let named = party.events[index].compactMap { event -> Int? in
                if case .attemptStarted(_, _, let by) = event { by } else { nil }
            }
            #expect(named == Array(repeating: 2, count: 9), "signer \(index)")
            #expect(party.statuses[index].signers.map(\.restarts) == [0, 0, 9])
        }
    }

    /// Nor when its message overtakes, by another way, the RESTART that it follows.
    @Test
    func aFollowerIsNotNamedForLong() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        let restart = party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 2)
        try party.take(1, .received(restart, from: Fixture.peer(2)))
        let flights = party.flights
        party.flights = []
        let share = try #require(party.nodes[1].store.nonces.values.first { $0.body.attempt == 2 })
        try party.take(0, .received(share, from: Fixture.peer(2)))
        #expect(party.statuses[0].attempt == 2)
        #expect(party.statuses[0].signers.map(\.restarts) == [0, 1, 0])
        party.flights += flights
        try party.run { $0.to != 2 }
        #expect(party.statuses[0].signers.map(\.restarts) == [0, 0, 1])
        #expect(party.statuses[0].earlyEnds.map(\.by) == [2])
    }

    /// What a message may cost is known before the work: a signature, a token for each 4 points and each inner signature, and one for each
    /// pair of nonces that it makes its receiver draw.
    @Test
    func r10WhatAMessageMayCost() throws {
        var party = try Self.withAPuppet(Party(Fixture.plan(signers: 3, messages: 100)))
        func cost(_ message: SignedMessage) -> Int { party.nodes[0].machine.cost(of: message) }
        // 200 points.
        #expect(cost(party.forged(by: 2, party.nonceShare(5))) == 51)
        #expect(cost(party.forged(by: 2, party.nonceShare(5), attempt: 2)) == 151)
        #expect(cost(party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 2)) == 101)
        #expect(cost(party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 1)) == 1)
        try party.take(0, .received(party.forged(by: 2, party.nonceShare(5), run: 20), from: Fixture.peer(2)))
        #expect(cost(party.forged(by: 2, party.nonceShare(6), run: 19)) == 1)
        let pair = [5, 6].map { party.forged(by: 2, party.nonceShare($0), run: 20) }
        func evidence(_ messages: [SignedMessage]) -> SignedMessage {
            party.forged(
                by: 1, .evidence(Evidence(kind: .contradiction, culprit: 2, signedMessages: messages)), attempt: 0)
        }
        #expect(cost(evidence(pair)) == 1 + 2 + 100)
        #expect(cost(evidence(pair + pair)) == 1)
    }

    /// A signer that says again and again that it is in a later attempt makes this one hurry, and keeps it from asking nobody in turn.
    @Test
    func aSignerThatMakesAnotherHurryKeepsNobodyFromBeingAsked() throws {
        var party = try Self.withAPuppet(Party.mesh(4))
        let puppet = try Fixture.peer(3)
        let sync = Sync(
            sessionID: party.descriptor.id.bytes, attempt: 2, index: 3, run: 10, isFinal: false,
            wanted: [Sync.Wanted(.nonceShare, indices: [0])])
        var asked: Set<PeerID> = []
        for _ in 0..<20 {
            party.advance(.milliseconds(300))
            try party.take(0, .receivedSync(sync, from: puppet))
            for (peer, items) in try party.take(0, .tick).frames where peer != puppet {
                for case .sync(let sent) in items
                where sent.wanted.contains(Sync.Wanted(.nonceShare, indices: [3])) {
                    asked.insert(peer)
                }
            }
            party.flights = []
        }
        #expect(try asked == [Fixture.peer(1), Fixture.peer(2)])
    }

    /// Of the commitments and nonces of one run the nonces may come first.
    @Test
    func noncesBeforeTheirCommitment() throws {
        var party = try Self.withAPuppet(Party.committed(3))
        let share = party.forged(by: 2, party.nonceShare(1_111))
        let leaf = try Transcript.leaf(
            session: party.descriptor.id, attempt: 1, signer: 2, run: 10,
            nonces: NonceShare(decoding: share.body.payload).nonces, using: party.crypto)
        let commit = party.forged(by: 2, .nonceCommit(NonceCommit(leaf: leaf.bytes)))
        try party.take(0, .received(share, from: Fixture.peer(2)))
        try party.take(0, .received(commit, from: Fixture.peer(2)))
        #expect(party.statuses[0].signers[2].hasCommitment)
        #expect(party.statuses[0].phase == .gathering(.commitmentsComplete))
    }

    /// In either order nonces that do not open their commitment convict.
    @Test
    func s23NoncesBeforeTheCommitmentTheyDoNotOpen() throws {
        var party = try Self.withAPuppet(Party.committed(3))
        let share = party.forged(by: 2, party.nonceShare(1_111))
        let commit = party.forged(by: 2, .nonceCommit(NonceCommit(leaf: [UInt8](repeating: 1, count: 32))))
        try party.take(0, .received(share, from: Fixture.peer(2)))
        try party.take(0, .received(commit, from: Fixture.peer(2)))
        let evidence = try #require(party.evidence(at: 0).first)
        #expect(evidence.kind == .unopenedCommitment)
        #expect(try party.checker().check(evidence) == 2)
    }

    /// S30: a signer that needs an attempt beyond what time allows waits for it.
    @Test
    func s30ASignerThatNeedsALaterAttemptWaits() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        let highest = party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 46)
        try party.take(0, .received(highest, from: Fixture.peer(2)))
        party.flights = []
        #expect(try party.take(0, .restart).events.isEmpty)
        #expect(party.statuses[0].attempt == 46)
        #expect(try #require(party.nodes[0].machine.nextDeadline) <= .seconds(10))
        party.advance(.seconds(9))
        try party.take(0, .tick)
        #expect(party.statuses[0].attempt == 46)
        party.advance(.seconds(1))
        let result = try party.take(0, .tick)
        #expect(result.events.contains(.attemptStarted(attempt: 47, reason: .requested, by: 0)))
        #expect(result.frames.flatMap(\.items).contains { Party.type($0) == .restart })
    }

    /// S30: a signer that was away follows in one step, and is then as far as the others.
    @Test
    func s30ASignerThatWasAwayFollowsInOneStep() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        try party.take(0, .disconnected(Fixture.peer(1)))
        try party.take(1, .disconnected(Fixture.peer(0)))
        // An hour of attempts that took their time.
        for _ in 0..<4 {
            party.advance(try #require(party.statuses[0].deadline) - party.now.monotonic)
            try party.take(0, .tick)
            try party.run { $0.to == 0 }
        }
        #expect(party.statuses.prefix(2).map(\.attempt) == [5, 1])
        try party.take(0, .connected(Fixture.peer(1)))
        try party.take(1, .connected(Fixture.peer(0)))
        try party.run { $0.to != 2 }
        #expect(party.statuses.prefix(2).map(\.attempt) == [5, 5])
        let began = party.events[1].compactMap { event -> UInt32? in
            if case .attemptStarted(let attempt, _, _) = event { attempt } else { nil }
        }
        #expect(began == [5])
        #expect(party.statuses[1].signers[1].hasNonces && party.statuses[0].signers[1].hasNonces)
    }

    /// Attempts that took their time are no lack of progress, whatever their number.
    @Test
    func timeoutsAreNoLackOfProgress() throws {
        var configuration = SessionConfiguration()
        configuration.attemptsWithoutProgress = 4
        var plan = try Fixture.plan(signers: 3)
        plan.lifetime = .seconds(30 * 86_400)
        var party = try Self.withAPuppet(Party(plan, configuration: configuration))
        for _ in 0..<8 {
            party.advance(try #require(party.statuses[0].deadline) - party.now.monotonic)
            try party.take(0, .tick)
            // A signer that began its doublings anew asks at half the descriptor's time.
            party.advance(.seconds(150))
            let attempt = party.statuses[0].attempt + 1
            let restart = party.forged(by: 2, .restart(Restart(reason: .timeout)), attempt: attempt)
            try party.take(0, .received(restart, from: Fixture.peer(2)))
        }
        #expect(party.statuses[0].attempt == 17)
        #expect(party.statuses[0].earlyEnds.isEmpty)
        for number in 18...21 as ClosedRange<UInt32> {
            let restart = party.forged(by: 2, .restart(Restart(reason: .timeout)), attempt: number)
            try party.take(0, .received(restart, from: Fixture.peer(2)))
        }
        guard case .aborted(let report) = party.statuses[0].phase else {
            Issue.record("\(party.statuses[0].phase)")
            return
        }
        #expect(report.reason == .noProgress && report.earlyEnds.map(\.by) == [2, 2, 2, 2])
    }

    // MARK: Contexts that differ

    private func partial(_ party: Party, attempt: UInt32) -> SignedMessage {
        let share = PartialSigShare(
            context: [UInt8](repeating: 0xCC, count: 32), partials: [[UInt8](repeating: 0, count: 32)])
        return party.forged(by: party.nodes.count - 1, .partialSigShare(share), attempt: attempt)
    }

    /// S31: a signer that signs an invented context in each attempt is named at once, and when the session is given up.
    @Test
    func s31AnInventedContext() throws {
        var party = try Self.withAPuppet(Party.mesh(3))
        for attempt in 1...32 as ClosedRange<UInt32> {
            let share = party.forged(by: 2, party.nonceShare(UInt64(attempt)), attempt: attempt)
            for index in 0..<2 { try party.take(index, .received(share, from: Fixture.peer(2))) }
            try party.run { $0.to != 2 }
            for index in 0..<2 {
                try party.take(index, .received(partial(party, attempt: attempt), from: Fixture.peer(2)))
            }
            try party.run { $0.to != 2 }
            party.advance(.seconds(2))
            for index in 0..<2 { try party.take(index, .tick) }
            try party.run { $0.to != 2 }
            guard attempt == 1 else { continue }
            #expect(party.events[0].contains(.contextDiffers(indices: [2], by: 0, attempt: 2, orBy: false)))
            #expect(party.events[1].contains(.contextDiffers(indices: [2], by: 0, attempt: 2, orBy: false)))
            #expect(party.statuses.prefix(2).map(\.attempt) == [2, 2])
        }
        for index in 0..<2 {
            guard case .aborted(let report) = party.statuses[index].phase else {
                Issue.record("signer \(index): \(party.statuses[index].phase)")
                continue
            }
            #expect(report.reason == .noProgress)
            if report.by == index {
                #expect(report.earlyEnds.map(\.contextDiffers) == Array(repeating: [2], count: 32))
            }
            #expect(report.text.hasSuffix("; context differed of signer 2 (32)"))
            // Nobody else was named, and nobody convicted.
            for case .contextDiffers(let indices, _, _, _) in party.events[index] { #expect(indices == [2]) }
            #expect(party.evidence(at: index).isEmpty)
        }
    }

    /// S31: in a star it is the coordinator's word: one of both.
    @Test
    func s31InAStarItIsOneOfBoth() throws {
        var party = try Self.withAPuppet(Party.star(3))
        let share = party.forged(by: 2, party.nonceShare(5))
        try party.take(0, .received(share, from: Fixture.peer(2)))
        try party.run { $0.to != 2 }
        try party.take(0, .received(partial(party, attempt: 1), from: Fixture.peer(2)))
        party.advance(.seconds(2))
        try party.take(0, .tick)
        try party.run { $0.to != 2 }
        #expect(party.events[0].contains(.contextDiffers(indices: [2], by: 0, attempt: 2, orBy: false)))
        #expect(party.events[1].contains(.contextDiffers(indices: [2], by: 0, attempt: 2, orBy: true)))
    }

    /// S31: with a commitment round, an invented transcript of the commitments is the same.
    @Test
    func s31AnInventedTranscript() throws {
        var party = try Self.withAPuppet(Party.committed(3))
        let commit = party.forged(by: 2, .nonceCommit(NonceCommit(leaf: [UInt8](repeating: 1, count: 32))))
        let complete = party.forged(
            by: 2, .nonceCommitsComplete(NonceCommitsComplete(transcript: [UInt8](repeating: 2, count: 32))))
        for message in [commit, complete] {
            for index in 0..<2 { try party.take(index, .received(message, from: Fixture.peer(2))) }
            try party.run { $0.to != 2 }
        }
        party.advance(.seconds(2))
        try party.take(0, .tick)
        #expect(party.events[0].contains(.contextDiffers(indices: [2], by: 0, attempt: 2, orBy: false)))
    }

    /// The own rows of long past attempts are not remembered one by one.
    @Test
    func ownRowsAreBounded() throws {
        var configuration = SessionConfiguration()
        configuration.attemptsWithoutProgress = .max
        var party = try Self.withAPuppet(Party(Fixture.plan(signers: 3), configuration: configuration))
        let first = try #require(party.nodes[0].store.nonces.values.first)
        for attempt in 2...700 as ClosedRange<UInt32> {
            party.advance(.seconds(10))
            let restart = party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: attempt)
            try party.take(0, .received(restart, from: Fixture.peer(2)))
            party.flights = []
        }
        #expect(party.statuses[0].attempt == 700)
        #expect(party.nodes[0].store.nonces.count > 600)
        var text = ""
        dump(party.nodes[0].machine, to: &text)
        #expect(text.split(separator: "\n").count { $0.contains("OwnLedger.Key") } <= 258)
        // What comes back of them says nothing.
        #expect(try party.take(0, .received(first, from: Fixture.peer(2))).events.isEmpty)
    }
}
