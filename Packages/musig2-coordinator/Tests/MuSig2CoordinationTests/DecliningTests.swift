import MuSig2CoordinationTestKit
import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// Saying no, and telling the others.
@Suite("Declining") struct DecliningTests {
    private func declined(_ events: CoordinatorEvents) async -> (signer: Int, reason: String)? {
        for await event in events {
            if case .declined(_, let signer, let reason) = event { return (signer, reason) }
        }
        return nil
    }

    private func refusedToJoin(_ party: Party, _ created: CreatedSession) async {
        do throws(CoordinatorError) {
            try await party.coordinator.joinSession(created.invitation)
            Issue.record("expected an error")
        } catch {
            #expect(error.code == .ended)
            #expect(error.message.contains("this node declined it"))
        }
    }

    /// The policy declines: all others hear of it, the session goes on, and may be ended by any signer.
    @Test func theOthersAreTold() async throws {
        let network = Parties.network()
        let (parties, created) = try await Parties.openSession(on: network)
        let events = [await parties[0].coordinator.events, await parties[1].coordinator.events]
        let third = try await Parties.party(
            2, on: network, consent: AskConsent { _ in .decline(reason: "not on a Sunday") })
        await #expect(throws: CoordinatorError(.notApproved, "")) {
            try await third.coordinator.joinSession(created.invitation)
        }
        for (party, events) in zip(parties.all, events) {
            let heard = try #require(await declined(events))
            #expect(heard == (2, "not on a Sunday"))
            let status = try #require(await party.coordinator.status(of: created.id))
            #expect(status.signers[2].declined == "not on a Sunday" && status.phase == .gathering(.joins))
            #expect(await party.coordinator.health(of: created.id)?.declined == [2])
        }
        #expect(
            await third.coordinator.status(of: created.id)?.phase == .declined(reason: "not on a Sunday", isTold: true))
        #expect(await third.coordinator.activeSessions.isEmpty)
        await #expect(throws: CoordinatorError(.notApproved, "")) {
            try await third.coordinator.waitForSignatures(of: created.id)
        }
        try await parties[0].coordinator.abortSession(created.id, reason: "signer 3 declined")
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await parties[1].coordinator.waitForSignatures(of: created.id)
        }
    }

    /// A session that was looked at is declined without the policy's being asked.
    @Test func declinesWithoutJoining() async throws {
        let network = Parties.network()
        let (parties, created) = try await Parties.openSession(on: network)
        let events = await parties[0].coordinator.events
        let third = try await Parties.party(2, on: network, consent: RefuseEverything())
        await #expect(throws: CoordinatorError(.unknownSession, "")) {
            try await third.coordinator.decline(created.id)
        }
        let preview = try await third.coordinator.previewSession(created.invitation)
        try await third.coordinator.decline(preview.session, reason: "no")
        let heard = try #require(await declined(events))
        #expect(heard == (2, "no"))
        await #expect(throws: CoordinatorError(.ended, "")) { try await third.coordinator.decline(created.id) }
        // A signer that is in a session, or has left it, says so in another way.
        await #expect(throws: CoordinatorError(.alreadyJoined, "")) {
            try await parties[1].coordinator.decline(created.id)
        }
        try await parties[1].coordinator.leaveSession(created.id)
        _ = try await parties[1].coordinator.previewSession(created.invitation)
        await #expect(throws: CoordinatorError(.wrongPhase, "")) {
            try await parties[1].coordinator.decline(created.id)
        }
    }

    /// While the policy thinks, the application may decline in its place.
    @Test func declinesWhileThePolicyIsAsked() async throws {
        let network = Parties.network()
        let (parties, created) = try await Parties.openSession(on: network)
        let events = await parties[0].coordinator.events
        let person = AskedPerson()
        let third = try await Parties.party(2, on: network, consent: person)
        async let joined: Void = {
            await #expect(throws: CoordinatorError(.notApproved, "")) {
                try await third.coordinator.joinSession(created.invitation)
            }
        }()
        await person.asked.waitThroughCancellation()
        try await third.coordinator.decline(created.id, reason: "too late")
        await joined
        #expect(try #require(await declined(events)) == (2, "too late"))
        person.answer.set(.approve)
    }

    /// It is for good, in this process and the next one.
    @Test func joinsAreRefusedAfterwards() async throws {
        let network = Parties.network()
        let (_, created) = try await Parties.openSession(on: network)
        let third = try await Parties.party(2, on: network, consent: AskConsent { _ in .decline(reason: "") })
        await #expect(throws: CoordinatorError(.notApproved, "")) {
            try await third.coordinator.joinSession(created.invitation)
        }
        await refusedToJoin(third, created)
        let stored = try #require(await third.store.session(created.id, signer: third.publicKey))
        #expect(stored.end?.kind == .declined && stored.end?.by == 2 && stored.joins.isEmpty && stored.nonces.isEmpty)
        await third.coordinator.shutdown()
        let again = try await Parties.party(2, on: network, store: third.store)
        await refusedToJoin(again, created)
    }

    /// Nobody was there to hear it: the next process dials, and says the same bytes.
    @Test func aNewProcessTells() async throws {
        let network = Parties.network()
        let (parties, created) = try await Parties.openSession(on: network)
        let third = try await Parties.party(2, on: network, consent: RefuseEverything())
        _ = try await third.coordinator.previewSession(created.invitation)
        // The creator's machine is off meanwhile.
        await parties[0].coordinator.shutdown()
        try await third.coordinator.decline(created.id, reason: "no")
        #expect(await third.coordinator.status(of: created.id)?.phase == .declined(reason: "no", isTold: false))
        await Parties(network: network, all: [third]).shutdown()
        let stored = try #require(await third.store.session(created.id, signer: third.publicKey)?.end?.abort)
        let creator = try await Parties.party(0, on: network, store: parties[0].store)
        let events = await creator.coordinator.events
        let again = try await Parties.party(2, on: network, consent: RefuseEverything(), store: third.store)
        let running = Parties(network: network, all: [creator, again])
        let heard = try await running.advancing { await declined(events) }
        #expect(try #require(heard) == (2, "no"))
        #expect(await again.store.session(created.id, signer: again.publicKey)?.end?.abort == stored)
        #expect(SessionID(try SignedMessage(decoding: stored).body.sessionID) == created.id)
    }

    /// A store that fails: nothing leaves before it works.
    @Test func itIsDurableFirst() async throws {
        let network = Parties.network()
        let (parties, created) = try await Parties.openSession(on: network)
        let events = await parties[0].coordinator.events
        let store = FaultyStore()
        let third = try await Parties.party(2, on: network, consent: RefuseEverything(), sharedStore: store)
        _ = try await third.coordinator.previewSession(created.invitation)
        store.setRule { _, writes in
            writes.contains { if case .ended = $0 { true } else { false } } ? .fails : nil
        }
        // The caller hears that it is not recorded yet.
        await #expect(throws: CoordinatorError(.storeFailed, "")) { try await third.coordinator.decline(created.id) }
        #expect(await third.coordinator.status(of: created.id)?.phase == .declined(reason: "", isTold: false))
        #expect(await parties[0].coordinator.status(of: created.id)?.signers[2].declined == nil)
        store.setRule(nil)
        let running = Parties(network: network, all: [parties[0], third])
        #expect(try #require(try await running.advancing { await declined(events) }) == (2, ""))
    }

    /// Sessions that a signer declined while nobody was there to hear it: what its store has.
    private func declinedUnheard(_ count: Int) async throws -> (store: InMemorySessionStore, sessions: [SessionID]) {
        let network = Parties.network()
        let creator = try await Parties.party(0, on: network)
        let third = try await Parties.party(2, on: network, consent: RefuseEverything())
        var sessions: [SessionID] = []
        for _ in 0..<count {
            let created = try await creator.coordinator.createSession(
                SessionRequest(signers: [creator.publicKey, third.publicKey], messages: [[1]]))
            _ = try await third.coordinator.previewSession(created.invitation)
            sessions.append(created.id)
        }
        await creator.coordinator.shutdown()
        for session in sessions { try await third.coordinator.decline(session) }
        await Parties(network: network, all: [third]).shutdown()
        return (third.store, sessions)
    }

    private func node(_ store: InMemorySessionStore, sessions: Int = 1_000) throws -> SimulatedNode {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.sessions = sessions
        return try SimulatedNode(
            2, peer: TestKeys.peer(2), store: store, configuration: configuration, seed: 1, now: Wire().now)
    }

    /// What an earlier process declined and nobody heard delays no end of a later one, and is dialled for an hour, not until the expiry.
    @Test func laterProcessesDoNotTryForEver() async throws {
        let (store, sessions) = try await declinedUnheard(1)
        let node = try node(store)
        #expect(node.machine.sessions[sessions[0]]?.machine.isDeclineUntold == true)
        #expect(node.machine.sessions.lingering == 0)
        var dialled: [Duration] = []
        var time = Wire().now
        let creator = try TestKeys.peer(0)
        while time.monotonic < .seconds(7_000) {
            for case .connect(creator, _) in node.takeOutgoing() {
                dialled.append(time.monotonic)
                node.take(.network(.connectFailed(creator, reason: "no route")), at: time)
            }
            time.monotonic += .seconds(10)
            time.wallMilliseconds += 10_000
            node.take(.tick, at: time)
        }
        let last = try #require(dialled.last)
        #expect(dialled.count > 3 && last < .seconds(3_700))
    }

    /// A store may have any number of sessions that were declined: so many are taken in as a node has sessions.
    @Test func whatIsRestoredIsBounded() async throws {
        let (store, _) = try await declinedUnheard(3)
        #expect(try node(store).machine.sessions.count == 3)
        #expect(try node(store, sessions: 2).machine.sessions.count == 2)
    }

    /// A node that takes no further session can still say no.
    @Test func noLimitStandsAgainstANo() async throws {
        let network = Parties.network()
        let (parties, created) = try await Parties.openSession(on: network)
        let events = await parties[0].coordinator.events
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.sessions = 1
        configuration.limits.sessionStateBytes = 64 << 10
        let third = try await Parties.party(2, on: network, configuration: configuration)
        _ = try await third.coordinator.createSession(
            SessionRequest(signers: [parties[0].publicKey, third.publicKey], messages: [[2]]))
        await #expect(throws: CoordinatorError(.limitReached, "")) {
            try await third.coordinator.joinSession(created.invitation)
        }
        _ = try await third.coordinator.previewSession(created.invitation)
        try await third.coordinator.decline(created.id, reason: "busy")
        #expect(try #require(await declined(events)) == (2, "busy"))
    }

    /// A session that is declined while its run is awaited can be neither joined nor asked about meanwhile; the one that declines hears of
    /// the end of its own wish alone.
    @Test func declinesWhileItsRunIsAwaited() throws {
        let wire = Wire()
        let (creator, session) = try wire.creator([0, 2])
        let announcement = try #require(creator.machine.sessions[session]?.announced.signed.encoded())
        var machine = CoordinatorMachine(
            configuration: MuSig2Coordinator.Configuration(), signerKey: try TestKeys.publicKey(2),
            messageKey: try TestKeys.publicKey(2),
            localPeer: try TestKeys.peer(2), addresses: [], generator: SeededGenerator(seed: 1))
        let claimed = machine.handle(.started(nextRunNumber: 0), at: wire.now).compactMap { effect in
            if case .claimRuns(let block) = effect { block } else { nil }
        }
        _ = machine.handle(.read(session, announcement: announcement), at: wire.now)
        _ = machine.handle(.decline(session, reason: "no"), at: wire.now)
        _ = machine.handle(.loaded(session, .success(nil)), at: wire.now)
        let refused = machine.handle(.join(session), at: wire.now)
        #expect(joinErrors(refused) == [.alreadyJoined] && declineErrors(refused).isEmpty)
        let entered = machine.handle(.runsClaimed(try #require(claimed.first)), at: wire.now)
        #expect(!entered.contains { if case .askConsent = $0 { true } else { false } })
        let issued = entered.compactMap { effect in
            if case .issue(_, let message, _) = effect { message } else { nil }
        }
        let message = try #require(issued.first)
        #expect(issued.count == 1 && message.body.type == .decline)
        // It is over when it is recorded.
        #expect(declineErrors(entered).isEmpty)
        let secret = try TestKeys.secret(2)
        let signed = try SignedMessage(message.body) {
            try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation
        }
        #expect(declineErrors(machine.handle(.session(session, .issued(signed)), at: wire.now)) == [nil])
    }

    private func joinErrors(_ effects: [CoordinatorEffect]) -> [CoordinatorError.Code?] {
        effects.flatMap { effect -> [CoordinatorError.Code?] in
            if case .joined(_, let error) = effect { [error?.code] } else { [] }
        }
    }

    private func declineErrors(_ effects: [CoordinatorEffect]) -> [CoordinatorError.Code?] {
        effects.flatMap { effect -> [CoordinatorError.Code?] in
            if case .declined(_, let error) = effect { [error?.code] } else { [] }
        }
    }
}
