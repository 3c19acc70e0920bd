import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// What a validly signed message says is its author's fault alone; work is done once, and only where it is of use.
@Suite("Blame of authors")
struct AuthorBlameTests {
    private func invalidShare(_ party: Party, attempt: UInt32) -> SignedMessage {
        party.forged(by: party.nodes.count - 1, party.nonceShare(.max), attempt: attempt)
    }

    /// S29: the old coordinator of a star passes on what raised its attempt; no invalid point of that counts against it.
    @Test
    func s29InvalidPointsThroughTheOldCoordinator() throws {
        var party = try AttemptTests.withAPuppet(Party.star(3))
        for attempt in 2...12 as ClosedRange<UInt32> {
            try party.take(0, .received(invalidShare(party, attempt: attempt), from: Fixture.peer(2)))
            try party.run { $0.to != 2 }
        }
        #expect(party.blamed[1].isEmpty)
        #expect(party.blamed[0] == [try Fixture.peer(2)])
        #expect(party.events[0].contains(.misbehaved(index: 2, .contribution)))
        #expect(party.statuses.prefix(2).map(\.attempt) == [1, 1])
    }

    /// S29: whatever is wrong with it, its carrier is not scored; its author is, when it brings it itself.
    @Test
    func s29EveryKindOfFaultIsItsAuthors() throws {
        var party = try AttemptTests.withAPuppet(Party.mesh(3))
        let few = Payload.nonceShare(NonceShare(nonces: []))
        let unconvincing = Evidence(
            kind: .contradiction, culprit: 1,
            signedMessages: [
                party.forged(by: 2, few), party.forged(by: 2, few),
            ])
        let partial = Payload.partialSigShare(
            PartialSigShare(context: [UInt8](repeating: 1, count: 32), partials: [[UInt8](repeating: 255, count: 32)]))
        let commit = Payload.nonceCommit(NonceCommit(leaf: [UInt8](repeating: 1, count: 32)))
        let faults = [
            party.forged(by: 2, party.nonceShare(.max)), party.forged(by: 2, partial), party.forged(by: 2, commit),
            party.forged(by: 2, .evidence(unconvincing), attempt: 0),
            party.forged(
                by: 2, .nonceShare(NonceShare(nonces: Array(repeating: [UInt8](repeating: 2, count: 66), count: 3)))),
            party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 1),
        ]
        for (number, fault) in faults.enumerated() {
            let relayed = try party.take(0, .received(fault, from: Fixture.peer(1)))
            #expect(relayed.penalties.isEmpty, "fault \(number)")
            let direct = try party.take(0, .received(fault, from: Fixture.peer(2)))
            #expect(try direct.penalties.map(\.0) == [Fixture.peer(2)], "fault \(number)")
        }
        // What nobody signed is its carrier's fault.
        let unsigned = party.forged(by: 2, commit, signedBy: 1)
        #expect(try party.take(0, .received(unsigned, from: Fixture.peer(1))).penalties.map(\.1) == [.badSignature])
    }

    /// R10: what is of a lower run, or of a slot that is taken, is dropped before its points are parsed.
    @Test
    func r10NothingIsParsedForASlotThatIsTaken() throws {
        var star = try AttemptTests.withAPuppet(Party.star(3))
        try star.take(0, .received(star.forged(by: 2, star.nonceShare(5), run: 20), from: Fixture.peer(2)))
        try star.run { $0.to != 2 }
        #expect(star.nodes[1].store.partials.count == 1)
        _ = star.meter.take()
        for run in 11...19 as ClosedRange<UInt64> {
            try star.take(0, .received(star.forged(by: 2, star.nonceShare(run), run: run), from: Fixture.peer(2)))
            let leaves = Array(repeating: [UInt8](repeating: 0, count: 32), count: 3)
            let complete = NoncesComplete(leaves: leaves, aggregateNonces: [[UInt8](repeating: 0, count: 66)])
            try star.take(1, .received(star.forged(by: 0, .noncesComplete(complete), run: run), from: Fixture.peer(0)))
        }
        let work = star.meter.take()
        #expect(work.signatures == 18)
        #expect(work.nonces == 0 && work.aggregates == 0)
    }

    /// R10: EVIDENCE with more messages than its kind needs is refused before any of their signatures is checked.
    @Test
    func r10CountsBeforeSignatures() throws {
        var party = try AttemptTests.withAPuppet(Party.mesh(3))
        let inner = party.forged(by: 2, party.nonceShare(5))
        for kind in [EvidenceKind.contradiction, .invalidPartial, .wrongAggregate, .unopenedCommitment] {
            let evidence = Evidence(kind: kind, culprit: 2, signedMessages: Array(repeating: inner, count: 3_002))
            _ = party.meter.take()
            try party.take(0, .received(party.forged(by: 2, .evidence(evidence), attempt: 0), from: Fixture.peer(2)))
            #expect(party.meter.take().signatures == 1, "\(kind)")
        }
        #expect(party.evidence(at: 0).isEmpty)
    }

    /// Each partial signature is verified once, and not all again when the next one comes.
    @Test
    func eachPartialIsVerifiedOnce() throws {
        var configuration = SessionConfiguration()
        configuration.verifiesEveryPartial = true
        let signers = 9
        var plan = try Fixture.plan(signers: signers)
        plan.topology = .star
        plan.election = .first
        var party = try Party(plan, configuration: configuration)
        try party.beginAll()
        try party.run()
        #expect(party.areComplete)
        #expect(party.meter.take().partials == signers)
    }

    /// EVIDENCE reaches the others of a star: each that verified it passes it on, once to each bound peer.
    @Test
    func evidenceIsPassedOn() throws {
        var party = try AttemptTests.withAPuppet(Party.mesh(4))
        // Signer 3 contradicts itself, and signer 0 hears of it from signer 1's hand alone.
        let pair = [5, 6].map { party.forged(by: 3, party.nonceShare($0)) }
        let evidence = Evidence(kind: .contradiction, culprit: 3, signedMessages: pair)
        let message = party.forged(by: 3, .evidence(evidence), attempt: 0)
        try party.take(0, .received(message, from: Fixture.peer(3)))
        try party.run { $0.to != 3 }
        for index in 0..<3 { #expect(party.evidence(at: index) == [evidence], "signer \(index)") }
        // Once: a signer that has it is not told again, also by one that tells it in other words.
        let again = party.forged(by: 2, .evidence(evidence), attempt: 0)
        #expect(try party.take(0, .received(again, from: Fixture.peer(2))).frames.isEmpty)
    }
}
