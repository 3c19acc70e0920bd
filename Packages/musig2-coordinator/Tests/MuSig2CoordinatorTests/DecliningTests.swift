import MuSig2CoordinatorTestKit
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordinator

/// Saying no, and telling the others.
@Suite struct DecliningTests {
    private func network() -> InMemoryNetwork {
        InMemoryNetwork(clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
    }

    /// Three signers of whom two have joined.
    private func open(_ network: InMemoryNetwork) async throws -> (all: [Party], created: CreatedSession) {
        let creator = try await Parties.party(0, on: network)
        let joiner = try await Parties.party(1, on: network)
        let third = try TestKeys.publicKey(2)
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey, third], messages: [[1]]))
        let events = await creator.coordinator.events
        try await joiner.coordinator.joinSession(created.invitation)
        for await event in events where event.name == "participantJoined" { break }
        return ([creator, joiner], created)
    }

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

    /// The policy declines: all others hear of it, the session goes on, and may be ended by whoever likes.
    @Test func theOthersAreTold() async throws {
        let network = network()
        let (all, created) = try await open(network)
        let events = [await all[0].coordinator.events, await all[1].coordinator.events]
        let third = try await Parties.party(
            2, on: network, consent: AskConsent { _ in .decline(reason: "not on a Sunday") })
        await #expect(throws: CoordinatorError(.notApproved, "")) {
            try await third.coordinator.joinSession(created.invitation)
        }
        for (party, events) in zip(all, events) {
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
            try await third.coordinator.signatures(of: created.id)
        }
        try await all[0].coordinator.abortSession(created.id, reason: "signer 3 declined")
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await all[1].coordinator.signatures(of: created.id)
        }
    }

    /// A session that was looked at is declined without the policy's being asked.
    @Test func declinesWithoutJoining() async throws {
        let network = network()
        let (all, created) = try await open(network)
        let events = await all[0].coordinator.events
        let third = try await Parties.party(2, on: network, consent: RefuseEverything())
        await #expect(throws: CoordinatorError(.unknownSession, "")) {
            try await third.coordinator.decline(created.id)
        }
        let preview = try await third.coordinator.previewSession(created.invitation)
        try await third.coordinator.decline(preview.session, reason: "no")
        let heard = try #require(await declined(events))
        #expect(heard == (2, "no"))
        await #expect(throws: CoordinatorError(.ended, "")) { try await third.coordinator.decline(created.id) }
        // Whoever is in a session, or has left it, says so in another way.
        await #expect(throws: CoordinatorError(.alreadyJoined, "")) {
            try await all[1].coordinator.decline(created.id)
        }
        try await all[1].coordinator.leaveSession(created.id)
        _ = try await all[1].coordinator.previewSession(created.invitation)
        await #expect(throws: CoordinatorError(.wrongPhase, "")) { try await all[1].coordinator.decline(created.id) }
    }

    /// While the policy thinks, the application may decline in its place.
    @Test func declinesWhileThePolicyIsAsked() async throws {
        let network = network()
        let (all, created) = try await open(network)
        let events = await all[0].coordinator.events
        let answer = Reply<ConsentDecision>()
        let third = try await Parties.party(
            2, on: network, consent: AskConsent { _ in await answer.wait() ?? .refuse(reason: "cancelled") })
        async let joined: Void = {
            await #expect(throws: CoordinatorError(.notApproved, "")) {
                try await third.coordinator.joinSession(created.invitation)
            }
        }()
        while await third.coordinator.status(of: created.id)?.phase != .awaitingApproval { await Task.yield() }
        try await third.coordinator.decline(created.id, reason: "too late")
        await joined
        #expect(try #require(await declined(events)) == (2, "too late"))
        answer.set(.approve)
    }

    /// It is for good, in this process and the next one.
    @Test func joinsAreRefusedAfterwards() async throws {
        let network = network()
        let (_, created) = try await open(network)
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
        let network = network()
        let (all, created) = try await open(network)
        let third = try await Parties.party(2, on: network, consent: RefuseEverything())
        _ = try await third.coordinator.previewSession(created.invitation)
        // The creator's machine is off meanwhile.
        await all[0].coordinator.shutdown()
        try await third.coordinator.decline(created.id, reason: "no")
        #expect(await third.coordinator.status(of: created.id)?.phase == .declined(reason: "no", isTold: false))
        let parties = Parties(network: network, all: [third])
        await parties.shutdown()
        let stored = try #require(await third.store.session(created.id, signer: third.publicKey)?.end?.abort)
        let creator = try await Parties.party(0, on: network, store: all[0].store)
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
        let network = network()
        let (all, created) = try await open(network)
        let events = await all[0].coordinator.events
        let store = FaultyStore()
        let third = try await Parties.party(2, on: network, consent: RefuseEverything(), sharedStore: store)
        _ = try await third.coordinator.previewSession(created.invitation)
        store.setRule { _, writes in
            writes.contains { if case .ended = $0 { true } else { false } } ? .fails : nil
        }
        try await third.coordinator.decline(created.id)
        #expect(await third.coordinator.status(of: created.id)?.phase == .declined(reason: "", isTold: false))
        #expect(await all[0].coordinator.status(of: created.id)?.signers[2].declined == nil)
        store.setRule(nil)
        let running = Parties(network: network, all: [all[0], third])
        #expect(try #require(try await running.advancing { await declined(events) }) == (2, ""))
    }
}
