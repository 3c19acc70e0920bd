import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// Signers that break the rules: which are named, with what proof, and which are not.
@Suite("Evidence")
struct EvidenceTests {
    private func join(_ party: Party, _ index: Int, run: UInt64 = 10) throws -> SignedMessage {
        party.forged(by: index, .join(Join(peerID: try Fixture.peer(index).bytes)), attempt: 0, run: run)
    }

    /// Two honest signers and one that is only its messages.
    private func threeWithAPuppet(_ party: Party) throws -> Party {
        var party = party
        try party.begin(0)
        try party.begin(1)
        for index in 0..<2 { try party.take(index, .received(join(party, 2), from: Fixture.peer(2))) }
        try party.run { $0.to != 2 }
        return party
    }

    @Test
    func s6TwoNoncesToTwoPeers() throws {
        var party = try threeWithAPuppet(Party.mesh(3))
        let first = party.forged(by: 2, party.nonceShare(1_111))
        let second = party.forged(by: 2, party.nonceShare(2_222))
        try party.take(0, .received(first, from: Fixture.peer(2)))
        try party.take(1, .received(second, from: Fixture.peer(2)))
        try party.run { $0.to != 2 }
        for index in 0..<2 {
            let evidence = try #require(party.evidence(at: index).first)
            #expect(party.evidence(at: index).count == 1)
            #expect(evidence.culprit == 2 && evidence.kind == .contradiction)
            #expect(Set(evidence.signedMessages) == [first, second])
            #expect(try party.checker().check(evidence) == 2)
            guard case .aborted(let report) = party.statuses[index].phase else {
                Issue.record("signer \(index): \(party.statuses[index].phase)")
                continue
            }
            #expect(report.evidence?.culprit == 2)
            #expect(report.isAfterPartial)
        }
    }

    @Test
    func s6TwoNoncesToOnePeer() throws {
        var party = try threeWithAPuppet(Party.mesh(3))
        try party.take(0, .received(party.forged(by: 2, party.nonceShare(1_111)), from: Fixture.peer(2)))
        let result = try party.take(0, .received(party.forged(by: 2, party.nonceShare(2_222)), from: Fixture.peer(2)))
        let evidence = try #require(party.evidence(at: 0).first)
        #expect(evidence.culprit == 2)
        guard case .aborted(let report)? = result.events.last else {
            Issue.record("\(result.events)")
            return
        }
        #expect(report.reason == .invalidContribution && report.by == 0)
    }

    @Test
    func s7AnInvalidPartial() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let context = try Self.context(of: party, partialOf: 0)
        let wrong = Payload.partialSigShare(
            PartialSigShare(context: context, partials: [[UInt8](repeating: 0, count: 32)]))
        party.flights = []
        try party.take(0, .received(Self.partial(of: party, 1), from: Fixture.peer(1)))
        try party.take(0, .received(party.forged(by: 2, wrong), from: Fixture.peer(2)))
        let evidence = try #require(party.evidence(at: 0).first)
        #expect(evidence.kind == .invalidPartial && evidence.culprit == 2)
        // A third party knows the descriptor alone.
        #expect(try party.checker().check(Evidence(decoding: evidence.encoded())) == 2)
        // Nobody else can be put in the culprit's place.
        for other in [0, 1] as [UInt32] {
            var framed = evidence
            framed.culprit = other
            #expect(throws: EvidenceError.wrongMessages) { try party.checker().check(framed) }
        }
    }

    @Test
    func s7FoundOnArrivalWhenAsked() throws {
        var configuration = SessionConfiguration()
        configuration.verifiesEveryPartial = true
        var party = try Party(Fixture.plan(signers: 3), configuration: configuration)
        try party.beginAll()
        try party.runUntilPartials()
        let context = try Self.context(of: party, partialOf: 0)
        let wrong = Payload.partialSigShare(
            PartialSigShare(context: context, partials: [[UInt8](repeating: 0, count: 32)]))
        try party.take(0, .received(party.forged(by: 2, wrong), from: Fixture.peer(2)))
        #expect(party.evidence(at: 0).map(\.culprit) == [2])
    }

    static func partial(of party: Party, _ index: Int) throws -> SignedMessage {
        try #require(party.nodes[index].store.partials[1])
    }

    static func context(of party: Party, partialOf index: Int) throws -> [UInt8] {
        try PartialSigShare(decoding: partial(of: party, index).body.payload).context
    }

    @Test
    func k12TwoPartialsUnderOneNonce() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        party.flights = []
        let honest = try Self.partial(of: party, 2)
        let context = try Self.context(of: party, partialOf: 0)
        let second = party.forged(
            by: 2, .partialSigShare(PartialSigShare(context: context, partials: [[UInt8](repeating: 1, count: 32)])))
        try party.take(0, .received(honest, from: Fixture.peer(2)))
        let result = try party.take(0, .received(second, from: Fixture.peer(2)))
        let hashes = [honest, second].map { party.crypto.hash(.message, $0.bodyBytes) }
        #expect(result.events.first == .signerCompromised(index: 2, hashes[0], hashes[1]))
        // Neither stands in what leaves, in what is told, or in what is kept.
        #expect(party.evidence(at: 0).isEmpty)
        for item in result.frames.flatMap(\.items) { #expect(Party.type(item) == .abort) }
        #expect(!party.nodes[0].store.partials.values.contains(second))
        let pair = Evidence(kind: .contradiction, culprit: 2, signedMessages: [honest, second])
        #expect(throws: EvidenceError.twoPartials) { try party.checker().check(pair) }
    }

    @Test
    func s25DifferentRunsAreNoContradiction() throws {
        var party = try threeWithAPuppet(Party.mesh(3))
        let old = party.forged(by: 2, party.nonceShare(1_111), run: 10)
        let new = party.forged(by: 2, party.nonceShare(2_222), run: 11)
        try party.take(0, .received(old, from: Fixture.peer(2)))
        try party.take(0, .received(new, from: Fixture.peer(2)))
        // Signer 0 has used the old ones: on to the next attempt, and nobody is blamed.
        #expect(party.evidence(at: 0).isEmpty)
        #expect(party.statuses[0].attempt == 2)
        let pair = Evidence(kind: .contradiction, culprit: 2, signedMessages: [old, new])
        #expect(throws: EvidenceError.differentRuns) { try party.checker().check(pair) }
        // Two JOINs or RESTARTs of one run say nothing.
        let addressed = party.forged(
            by: 2, .join(Join(peerID: try Fixture.peer(2).bytes, addresses: [[4, 127, 0, 0, 1]])), attempt: 0)
        #expect(try party.take(0, .received(addressed, from: Fixture.peer(2))).events.isEmpty)
        for reason in [RestartReason.timeout, .requested] {
            let message = party.forged(by: 2, .restart(Restart(reason: reason)), attempt: 2, run: 11)
            try party.take(0, .received(message, from: Fixture.peer(2)))
        }
        #expect(party.evidence(at: 0).isEmpty)
        // The honest one has raised the attempt, and names the signer of the new run.
        #expect(party.statuses[0].signers.map(\.restarts) == [1, 0, 0])
        #expect(party.events[0].contains(.newRuns(indices: [2], by: 0, attempt: 2)))
    }

    @Test
    func s23DifferentCommitments() throws {
        var party = try threeWithAPuppet(Party.committed(3))
        let first = party.forged(by: 2, .nonceCommit(NonceCommit(leaf: [UInt8](repeating: 1, count: 32))))
        let second = party.forged(by: 2, .nonceCommit(NonceCommit(leaf: [UInt8](repeating: 2, count: 32))))
        try party.take(0, .received(first, from: Fixture.peer(2)))
        try party.take(1, .received(second, from: Fixture.peer(2)))
        try party.run { $0.to != 2 }
        for index in 0..<2 {
            #expect(party.evidence(at: index).map(\.culprit) == [2])
            #expect(try party.checker().check(#require(party.evidence(at: index).first)) == 2)
            // Before any nonce was shown.
            #expect(party.nodes[index].store.nonces.isEmpty)
        }
    }

    @Test
    func s23ANonceThatDoesNotOpenItsCommitment() throws {
        var party = try threeWithAPuppet(Party.committed(3))
        let commit = party.forged(by: 2, .nonceCommit(NonceCommit(leaf: [UInt8](repeating: 1, count: 32))))
        let share = party.forged(by: 2, party.nonceShare(1_111))
        try party.take(0, .received(commit, from: Fixture.peer(2)))
        try party.take(0, .received(share, from: Fixture.peer(2)))
        let evidence = try #require(party.evidence(at: 0).first)
        #expect(evidence.kind == .unopenedCommitment && evidence.culprit == 2)
        #expect(try party.checker().check(evidence) == 2)
        // A commitment of an earlier run is another one.
        let fresh = party.forged(by: 2, party.nonceShare(1_111), run: 11)
        let other = Evidence(kind: .unopenedCommitment, culprit: 2, signedMessages: [commit, fresh])
        #expect(throws: EvidenceError.differentRuns) { try party.checker().check(other) }
    }

    // MARK: Star

    /// Signer 0 coordinates; its aggregate is made up by the test, from the real nonces or others.
    private func starWithACoordinator(_ aggregate: UInt64) throws -> (Party, [SignedMessage], SignedMessage) {
        var party = try Party.star(3)
        try party.begin(1)
        try party.begin(2)
        for index in 1..<3 {
            try party.take(index, .connected(Fixture.peer(0)))
            try party.take(index, .received(join(party, 0), from: Fixture.peer(0)))
            for other in 1..<3 where other != index {
                try party.take(index, .received(join(party, other), from: Fixture.peer(0)))
            }
        }
        let own = party.forged(by: 0, party.nonceShare(4_444))
        let shares = [own] + (1..<3).compactMap { party.nodes[$0].store.nonces.values.first }
        let leaves = try shares.enumerated().map { index, message in
            try Transcript.leaf(
                session: party.descriptor.id, attempt: 1, signer: index, run: 10,
                nonces: NonceShare(decoding: message.body.payload).nonces, using: party.crypto
            ).bytes
        }
        guard case .nonceShare(let sum) = party.nonceShare(aggregate) else { return (party, shares, own) }
        let complete = party.forged(
            by: 0, .noncesComplete(NoncesComplete(leaves: leaves, aggregateNonces: sum.nonces)))
        party.flights = []
        return (party, shares, complete)
    }

    @Test
    func k10AWrongAggregateForOneSigner() throws {
        var (party, shares, complete) = try starWithACoordinator(99)
        try party.take(1, .received(complete, from: Fixture.peer(0)))
        let partial = try Self.partial(of: party, 1)
        let told = try NoncesComplete(decoding: complete.body.payload)
        // The coordinator presents the partial as invalid, for the aggregate that it gave to the others.
        guard case .nonceShare(let right) = party.nonceShare(100) else { return }
        let frame = Evidence(
            kind: .invalidPartial, culprit: 1, signedMessages: [shares[1], partial], leaves: told.leaves,
            aggregateNonces: right.nonces)
        #expect(throws: EvidenceError.wrongContext) { try party.checker().check(frame) }
        let honest = Evidence(
            kind: .invalidPartial, culprit: 1, signedMessages: [shares[1], partial], leaves: told.leaves,
            aggregateNonces: told.aggregateNonces)
        #expect(throws: EvidenceError.noContradiction) { try party.checker().check(honest) }
        // The coordinator's own word convicts it.
        let guilt = Evidence(kind: .wrongAggregate, culprit: 0, signedMessages: [complete] + shares)
        #expect(try party.checker().check(guilt) == 0)
    }

    @Test
    func k11AWrongAggregateForAll() throws {
        let (party, shares, complete) = try starWithACoordinator(0)
        let guilt = Evidence(kind: .wrongAggregate, culprit: 0, signedMessages: [complete] + shares)
        #expect(try party.checker().check(guilt) == 0)
        for other in [1, 2] as [UInt32] {
            var framed = guilt
            framed.culprit = other
            #expect(throws: EvidenceError.wrongMessages) { try party.checker().check(framed) }
        }
        // With the sum that the nonces have, nobody is convicted.
        let numbers = try shares.map { try #require(party.crypto.nonces(NonceShare(decoding: $0.body.payload).nonces)) }
        let (sum, _) = try #require(party.crypto.aggregate(numbers))
        let leaves = try NoncesComplete(decoding: complete.body.payload).leaves
        let right = party.forged(by: 0, .noncesComplete(NoncesComplete(leaves: leaves, aggregateNonces: sum)))
        let nothing = Evidence(kind: .wrongAggregate, culprit: 0, signedMessages: [right] + shares)
        #expect(throws: EvidenceError.noContradiction) { try party.checker().check(nothing) }
    }

    @Test
    func k14NoncesCompleteTwiceAndMalformed() throws {
        var (party, _, complete) = try starWithACoordinator(99)
        var broken = try NoncesComplete(decoding: complete.body.payload)
        broken.aggregateNonces[0] = [UInt8](repeating: 0xFF, count: 66)
        let result = try party.take(1, .received(party.forged(by: 0, .noncesComplete(broken)), from: Fixture.peer(0)))
        #expect(result.events == [.misbehaved(index: 0, .contribution)])
        #expect(party.statuses[1].attempt == 1)
        // No nonce was used: the well-formed one is signed for.
        try party.take(1, .received(complete, from: Fixture.peer(0)))
        #expect(party.nodes[1].store.partials.count == 1)
        // A second one convicts its author, costs an attempt, and gets no second partial.
        var other = try NoncesComplete(decoding: complete.body.payload)
        other.aggregateNonces[0][7] ^= 1
        let second = try party.take(1, .received(party.forged(by: 0, .noncesComplete(other)), from: Fixture.peer(0)))
        #expect(party.evidence(at: 1).map(\.culprit) == [0])
        #expect(party.nodes[1].store.partials.count == 1)
        #expect(party.statuses[1].attempt == 2)
        #expect(second.events.contains(.attemptStarted(attempt: 2, reason: .failedAttempt, by: 1)))
    }

    @Test
    func s8AnotherCoordinatorFinishes() throws {
        var party = try Party.star(3)
        try party.beginAll()
        // The coordinator withholds the aggregate.
        try party.run { flight in
            !flight.items.contains { Party.type($0) == .noncesComplete }
        }
        #expect(!party.areComplete)
        // It dies, and is not heard again.
        let dead = 0
        for index in 1..<3 { try party.take(index, .disconnected(Fixture.peer(dead))) }
        for _ in 0..<40 where party.nodes[1].machine.signatures == nil {
            party.advance(.seconds(60))
            for index in 1..<3 { try party.take(index, .tick) }
            try party.run { $0.to != dead && $0.from != dead }
        }
        // Without signer 0 there is no signature; but it is not its silence that convicts it.
        #expect(party.statuses[1].attempt > 1)
        #expect(
            party.events[1].contains { if case .notHeard([0], 2, _) = $0 { true } else { false } }
                || party.events[2].contains { if case .notHeard([0], 1, _) = $0 { true } else { false } })
        #expect(party.evidence(at: 1).isEmpty && party.evidence(at: 2).isEmpty)
        // It comes back, and signs under another coordinator.
        for _ in 0..<60 where !party.areComplete {
            party.advance(.seconds(30))
            for index in 0..<3 { try party.take(index, .tick) }
            try party.run()
        }
        #expect(party.areComplete)
    }
}
