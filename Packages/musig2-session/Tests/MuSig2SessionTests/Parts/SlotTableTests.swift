import Secp256k1
import SessionSimulation
import Testing
import WireCodec

@testable import MuSig2Session

@Suite("The slots of an attempt")
struct SlotTableTests {
    private func table(
        signers: Int = 3, _ change: (inout SessionPlan) -> Void = { _ in }
    ) throws -> (SlotTable<StubGroup>, Party) {
        var plan = try Fixture.plan(signers: signers)
        change(&plan)
        let party = try Party(plan)
        let constants = SessionConstants(
            descriptor: party.descriptor, crypto: party.crypto, me: 0,
            local: LocalPeer(peer: try Fixture.peer(0), addresses: []), configuration: party.configuration)
        return (SlotTable(constants), party)
    }

    private func enter(
        _ payload: Payload, by signer: Int, run: UInt64 = 10, of party: Party, into table: inout SlotTable<StubGroup>
    ) throws -> SlotVerdict {
        let message = party.forged(by: signer, payload, run: run)
        let settled = table.settle(payload, message, signer)
        guard case .undecided = settled else { return settled }
        return table.enter(try #require(Contribution(payload, message, to: table)), message, signer)
    }

    private func commit(_ byte: UInt8) -> Payload {
        .nonceCommit(NonceCommit(leaf: [UInt8](repeating: byte, count: 32)))
    }

    @Test("The columns that a signer needs depend on topology and rounds")
    func columns() throws {
        let (mesh, _) = try table()
        #expect(mesh.neededColumns == [.joins, .nonces, .partials])
        #expect(mesh.phase == .joins)
        let (committed, _) = try table { $0.hasCommitmentRound = true }
        #expect(committed.neededColumns == [.joins, .commitments, .commitmentsComplete, .nonces, .partials])
        let (star, _) = try table {
            $0.topology = .star
            $0.election = .last
        }
        #expect(star.coordinator == 2)
        #expect(star.neededColumns == [.joins, .noncesComplete, .signature])
        #expect(star.awaited(in: .noncesComplete) == [2])
    }

    @Test("Nonces enter once; others of the same run convict")
    func nonces() throws {
        var (table, party) = try table()
        guard case .entered(isFirst: true, _) = try enter(party.nonceShare(5), by: 1, of: party, into: &table) else {
            Issue.record("expected nonces in their slot")
            return
        }
        #expect(table.isFilled(Slot(.nonces, 1)))
        guard case .nothing = try enter(party.nonceShare(5), by: 1, of: party, into: &table) else {
            Issue.record("expected that nothing follows from a copy")
            return
        }
        guard case .convicts(let evidence) = try enter(party.nonceShare(6), by: 1, of: party, into: &table) else {
            Issue.record("expected evidence")
            return
        }
        #expect(evidence.kind == .contradiction)
        #expect(evidence.culprit == 1)
        #expect(table.constants.evidenceChecker.isConvincing(evidence))
    }

    @Test("A newer run takes the place of nonces that are not used")
    func newerNonces() throws {
        var (table, party) = try table()
        _ = try enter(party.nonceShare(5), by: 1, run: 10, of: party, into: &table)
        guard
            case .entered(isFirst: false, replaces: true) = try enter(
                party.nonceShare(6), by: 1, run: 11, of: party, into: &table)
        else {
            Issue.record("expected newer nonces in their slot")
            return
        }
        let old = party.forged(by: 1, party.nonceShare(5), run: 10)
        #expect(!table.isOfUse(old.body, 1))
    }

    @Test("A commitment that is not opened convicts")
    func unopened() throws {
        var (table, party) = try table { $0.hasCommitmentRound = true }
        guard case .entered(isFirst: true, replaces: false) = try enter(commit(1), by: 1, of: party, into: &table)
        else {
            Issue.record("expected a commitment in its slot")
            return
        }
        guard case .convicts(let evidence) = try enter(party.nonceShare(5), by: 1, of: party, into: &table) else {
            Issue.record("expected evidence")
            return
        }
        #expect(evidence.kind == .unopenedCommitment)
        #expect(table.constants.evidenceChecker.isConvincing(evidence))
    }

    @Test("A commitment that was counted on is not exchanged")
    func counted() throws {
        var (table, party) = try table { $0.hasCommitmentRound = true }
        _ = try enter(commit(1), by: 1, run: 10, of: party, into: &table)
        table.attempt.agreement.committedTranscript = .zero
        guard case .newRun = try enter(commit(2), by: 1, run: 11, of: party, into: &table) else {
            Issue.record("expected that another attempt is needed")
            return
        }
    }

    @Test("Two partials of one run are no evidence")
    func compromised() throws {
        var (table, party) = try table()
        func partial(_ byte: UInt8) -> Payload {
            .partialSigShare(
                PartialSigShare(
                    context: [UInt8](repeating: 1, count: 32),
                    partials: [[UInt8](repeating: 0, count: 31) + [byte]]))
        }
        _ = try enter(partial(1), by: 1, of: party, into: &table)
        guard case .compromised = try enter(partial(2), by: 1, of: party, into: &table) else {
            Issue.record("expected a compromised signer")
            return
        }
    }

    @Test("An attempt that begins anew keeps what others said of their own")
    func renew() throws {
        var (table, party) = try table()
        _ = try enter(party.nonceShare(5), by: 1, of: party, into: &table)
        _ = table.enterOwn(party.nonceShare(7), party.forged(by: 0, party.nonceShare(7)))
        #expect(table.isFilled(Slot(.nonces, 0)))
        table.attempt.ownNonces = .spent
        table.renewAttempt()
        #expect(!table.isFilled(Slot(.nonces, 0)))
        #expect(table.isFilled(Slot(.nonces, 1)))
        #expect(table.attempt.ownNonces == .none)
        table.beginAttempt(2, cause: AttemptCause())
        #expect(!table.isFilled(Slot(.nonces, 1)))
        #expect(table.isWanting)
    }
}
