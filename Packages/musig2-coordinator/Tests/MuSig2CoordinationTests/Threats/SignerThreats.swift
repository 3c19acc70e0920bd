import MuSig2
import MuSig2CoordinationTestKit
import MuSig2Session
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// What a signer must not let out: without approval, without a recorded row, to a second device, to another session.
@Suite("Threats: what a signer must not let out", .timeLimit(.minutes(1))) struct SignerThreats {
    /// S1: a co-signer speaks in another signer's name. Nothing changes, and after a few times it is shut out, for a while.
    @Test func s1InAnothersName() async throws {
        let scene = try await Scene.joined()
        let hostile = scene.hostile
        let honest = scene.honest[0]
        _ = try await scene.shares()
        let before = try #require(await honest.coordinator.status(of: scene.id))
        let forged = try hostile.message(.restart(Restart(reason: .requested)), attempt: 2, index: 1)
        for _ in 0..<5 { hostile.say(forged, to: honest.peer) }
        try await hostile.untilDisconnected(from: honest.peer)
        _ = try await scene.error(.peerBanned, at: 0)
        var after = try #require(await honest.coordinator.status(of: scene.id))
        #expect(after.signers[2].isConnected == false)
        after.signers[2].isConnected = true
        #expect(after == before)
        // It comes back too early.
        let heard = hostile.heard.count { $0.from == honest.peer }
        try await hostile.connect(to: honest.peer)
        try await hostile.untilDisconnected(from: honest.peer)
        #expect(hostile.heard.count { $0.from == honest.peer } == heard)
        // Its time is over: it is let in, does its part, and the session completes.
        scene.network.clock.advance(by: honest.coordinator.configuration.abuse.firstBan + .seconds(1))
        try await hostile.connect(to: honest.peer)
        hostile.say(try hostile.join(), to: honest.peer)
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: honest.peer, scene.honest[1].peer)
        let agreement = try hostile.agreement(try await scene.shares() + [own])
        hostile.say(try hostile.partials(hostile.sign(agreement), agreement), to: honest.peer, scene.honest[1].peer)
        for party in 0..<2 { try await scene.expectComplete(at: party) }
        #expect(scene.convicted.isEmpty)
    }

    /// S3 and K4: what was said in one session is nothing in another one with the same keys and the same message.
    @Test func s3AnotherSessionsMessages() async throws {
        let parties = try await Parties.start(1)
        let honest = parties[0]
        let hostile = try HostileSigner(666, on: parties.network)
        let request = SessionRequest(signers: [honest.publicKey, hostile.publicKey], messages: [[1]])
        var old: [SignedMessage] = []
        var nonces: Set<[UInt8]> = []
        var signatures: Set<[SchnorrSignature]> = []
        for _ in 0..<2 {
            let created = try await honest.coordinator.createSession(request)
            try await hostile.lookUp(created.id, at: honest.peer)
            for message in old { hostile.say(message, to: honest.peer) }
            hostile.say(try hostile.join(), to: honest.peer)
            for message in old { hostile.say(message, to: honest.peer) }
            hostile.forget()
            let share = try await hostile.hear(.nonceShare, by: 0)
            nonces.insert(share.body.payload)
            let own = try hostile.nonces(hostile.draw())
            hostile.say(own, to: honest.peer)
            let agreement = try hostile.agreement([share, own])
            let partial = try await hostile.hear(.partialSigShare, by: 0)
            let mine = try hostile.partials(hostile.sign(agreement), agreement)
            hostile.say(mine, to: honest.peer)
            old = [own, mine, share, partial]
            signatures.insert(try await honest.coordinator.waitForSignatures(of: created.id))
        }
        #expect(nonces.count == 2)
        #expect(signatures.count == 2)
    }

    /// K15: nothing but a HELLO leaves before the policy approved; no partial after it refused.
    @Test func k15NothingLeavesUnapproved() async throws {
        let parties = try await Parties.start(1)
        let network = parties.network
        let hostile = try HostileSigner(666, on: network)
        let refusing = try await Parties.party(1, on: network, consent: .askForOthers { _ in .refuse(reason: "no") })
        let creator = parties[0]
        let created = try await creator.coordinator.createSession(
            SessionRequest(
                signers: [creator.publicKey, refusing.publicKey, hostile.publicKey], messages: [[1]]))
        await #expect(throws: CoordinatorError(.notApproved, "")) {
            try await refusing.coordinator.joinSession(created.invitation)
        }
        #expect(await refusing.coordinator.activeSessions.isEmpty)
        try await hostile.lookUp(created.id, at: creator.peer)
        hostile.say(try hostile.join(), to: creator.peer)
        try await hostile.settle(with: creator.peer)
        #expect(hostile.messages(.join, from: creator.peer).allSatisfy { $0.body.index != 1 })
        let status = try #require(await creator.coordinator.status(of: created.id))
        #expect(status.signers[1].peer == nil)
    }

    /// K15: the policy says yes to the session and no to the signature, or the approval is withdrawn: no partial leaves.
    @Test(arguments: [false, true]) func k15NoPartialAfterANo(isWithdrawn: Bool) async throws {
        var character = Scene.Character()
        if isWithdrawn {
            character.configuration.startsRoundsAutomatically = false
        } else {
            character.consent = AskConsent { $0.stage == .join ? .approve : .refuse(reason: "on second thought") }
        }
        let scene = try await Scene.set([character])
        try await scene.join()
        let hostile = scene.hostile
        let honest = scene.honest[0]
        if isWithdrawn { try await honest.coordinator.startRound1(of: scene.id) }
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: honest.peer)
        let agreement = try hostile.agreement(try await scene.shares() + [own])
        hostile.say(try hostile.partials(hostile.sign(agreement), agreement), to: honest.peer)
        if isWithdrawn {
            try await hostile.settle(with: honest.peer)
            try await honest.coordinator.withdrawApproval(of: scene.id)
            try await honest.coordinator.startRound2(of: scene.id)
        }
        let abort = try await scene.abort(at: 0)
        #expect(abort.by == 0 && abort.reason == .notApproved && !abort.isAfterPartial)
        hostile.forget()
        hostile.send(
            [
                .sync(
                    Sync(
                        sessionID: scene.id.bytes, attempt: 1, index: UInt32(try hostile.seat.index),
                        run: try hostile.seat.run,
                        wanted: [Sync.Wanted(.partialSigShare, indices: [0])]))
            ],
            to: honest.peer)
        try await hostile.settle(with: honest.peer)
        #expect(hostile.messages(.partialSigShare, from: honest.peer).isEmpty)
        let kept = honest.store.stateNow(signer: honest.publicKey, completions: 10).sessions.flatMap(\.partials)
        #expect(kept.isEmpty)
    }

    enum Row: CaseIterable {
        case nonces
        case partials

        func isIn(_ writes: [StoreWrite]) -> Bool {
            writes.contains { write in
                switch (self, write) {
                case (.nonces, .nonces), (.partials, .partials): true
                default: false
                }
            }
        }
    }

    /// R4: the store fails, with or without having written. What was not recorded does not leave; when it is mended, the session goes on.
    @Test(arguments: Row.allCases, [FaultyStore.Fault.fails, .writesAndFails])
    func r4NothingLeavesUnrecorded(_ row: Row, _ fault: FaultyStore.Fault) async throws {
        let store = FaultyStore()
        store.setRule { _, writes in row.isIn(writes) ? fault : nil }
        let scene = try await Scene.set([Scene.Character(store: store)])
        try await scene.join()
        let hostile = scene.hostile
        let honest = scene.honest[0]
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: honest.peer)
        _ = try await scene.error(.storeFailed, at: 0)
        try await hostile.settle(with: honest.peer)
        let type: MessageType = row == .nonces ? .nonceShare : .partialSigShare
        #expect(hostile.messages(type, from: honest.peer).isEmpty)
        store.setRule(nil)
        let clock = scene.clockRuns()
        defer { clock.cancel() }
        let share = try await hostile.hear(.nonceShare, by: 0)
        let agreement = try hostile.agreement([share, own])
        let partial = try await hostile.hear(.partialSigShare, by: 0)
        #expect(try PartialSigShare(decoding: partial.body.payload).context == agreement.contextHash.bytes)
        // Each of both was durable, and there is one.
        #expect(store.written.count { if case .nonces = $0 { true } else { false } } == 1)
        #expect(store.written.count { if case .partials = $0 { true } else { false } } == 1)
        hostile.say(try hostile.partials(hostile.sign(agreement), agreement), to: honest.peer)
        try await scene.expectComplete(at: 0)
    }

    /// S10: a signer says what is not so: that all is broadcast, that it is over, that it begins anew. A statement is shown, a finished
    /// signature stays, and a peer that asks after the end gets it.
    @Test func s10LiesAboutTheEnd() async throws {
        let scene = try await Scene.joined(honest: 1)
        let hostile = scene.hostile
        let honest = scene.honest[0]
        let transaction = [UInt8](repeating: 7, count: 32)
        let done = try hostile.message(.broadcastDone(BroadcastDone(transactionID: transaction)), attempt: 0)
        hostile.say(done, done, to: honest.peer)
        let stated = try await scene.event(at: 0) { event in
            if case .broadcastStated(_, let id, let author) = event { (id, author) } else { nil }
        }
        #expect(stated.0 == transaction && stated.1 == 1)
        #expect(await honest.coordinator.status(of: scene.id)?.phase == .gathering(.nonces))
        let own = try hostile.nonces(hostile.draw())
        hostile.say(own, to: honest.peer)
        let agreement = try hostile.agreement(try await scene.shares() + [own])
        hostile.say(try hostile.partials(hostile.sign(agreement), agreement), to: honest.peer)
        try await scene.expectComplete(at: 0)
        try await hostile.settle(with: honest.peer)
        let before = try #require(await honest.coordinator.status(of: scene.id))
        hostile.say(
            try hostile.message(.abort(Abort(reason: .requested, stage: .beforePartial)), attempt: 0), done,
            try hostile.message(.restart(Restart(reason: .requested)), attempt: 2), to: honest.peer)
        let answer = try await hostile.hear { heard in
            if case .signatureFinalized(let answer) = heard.item { answer } else { nil }
        }
        #expect(answer.signatures == before.signatures?.map(\.rawRepresentation))
        #expect(try #require(await honest.coordinator.status(of: scene.id)) == before)
        try await scene.event(at: 0) { $0.name == "complete" ? true : nil }
        #expect(scene.told[0].count { $0.name == "broadcastStated" } == 1)
        #expect(!scene.told[0].contains { $0.name == "aborted" })
    }

    /// S9: a signer is silent in the middle. The others name those that they have not heard, convict nobody, and complete when it is back.
    @Test(arguments: [false, true]) func s9SilentInTheMiddle(showsNonces: Bool) async throws {
        let scene = try await Scene.joined { request in
            request.nonceTimeout = .seconds(2)
            request.partialTimeout = .seconds(2)
        }
        let hostile = scene.hostile
        let honest = scene.honest.map(\.peer)
        if showsNonces { hostile.say(try hostile.nonces(hostile.draw()), to: honest[0], honest[1]) }
        let clock = scene.clockRuns()
        for party in 0..<2 {
            let stated = try await scene.event(at: party) { event in
                if case .notHeard(_, _, let signers, _) = event { signers } else { nil }
            }
            #expect(stated == [2])
        }
        clock.cancel()
        var attempt: UInt32 = 0
        for party in scene.honest {
            attempt = max(attempt, try #require(await party.coordinator.status(of: scene.id)).attempt)
        }
        #expect(attempt >= 2)
        let own = try hostile.nonces(hostile.draw(attempt: attempt), attempt: attempt)
        hostile.say(own, to: honest[0], honest[1])
        let agreement = try hostile.agreement(try await scene.shares(attempt: attempt) + [own], attempt: attempt)
        let partials = try hostile.sign(agreement, attempt: attempt)
        hostile.say(try hostile.partials(partials, agreement, attempt: attempt), to: honest[0], honest[1])
        for party in 0..<2 { try await scene.expectComplete(at: party) }
        #expect(scene.convicted.isEmpty)
    }

    /// S21: one key on two devices. The older one stops, the newer one signs, and neither wakes the other again.
    @Test func s21OneKeyOnTwoDevices() async throws {
        let parties = try await Parties.start(3)
        let network = parties.network
        let created = try await parties[0].coordinator.createSession(
            SessionRequest(signers: parties.keys, messages: [[1]]))
        let older = parties[1].coordinator
        try await older.joinSession(created.invitation)
        let events = await older.events(for: created.id)
        network.clock.advance(by: .seconds(1))
        let newer = try await Parties.party(1, peer: TestKeys.peer(91), on: network)
        try await newer.coordinator.joinSession(created.invitation)
        // It asks again in a while, and hears of the newer one.
        try await parties.advancing {
            for await event in events {
                if case .error(let error) = event, error.code == .superseded { break }
            }
        }
        #expect(await older.status(of: created.id)?.phase == .superseded)
        let before = network.counts.sent
        try await parties[2].coordinator.joinSession(created.invitation)
        for party in [parties[0], newer, parties[2]] {
            let signatures = try await party.coordinator.waitForSignatures(of: created.id)
            #expect(try verify(signatures, [[1]], keys: parties.keys))
        }
        #expect(await older.status(of: created.id)?.phase == .superseded)
        #expect(network.counts.sent - before < 100)
    }
}
