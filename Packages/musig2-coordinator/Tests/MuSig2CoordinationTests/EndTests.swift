import MuSig2CoordinationTestKit
import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// Leaving, aborting, closing; stores that fail meanwhile; and what is left in the store.
@Suite("Ends of sessions") struct EndTests {
    /// K17: an aborted session cannot be joined again, in this process and in the next one, and the error says how it ended.
    @Test func k17JoiningWhatHasEnded() async throws {
        let (parties, created) = try await Parties.openSession()
        try await parties[1].coordinator.abortSession(created.id, reason: "no")
        await #expect(throws: CoordinatorError(.ended, "")) {
            try await parties[1].coordinator.joinSession(created.invitation)
        }
        await parties[1].coordinator.shutdown()
        let again = try await Parties.party(1, on: parties.network, store: parties[1].store)
        do throws(CoordinatorError) {
            try await again.coordinator.joinSession(created.invitation)
            Issue.record("expected an error")
        } catch {
            #expect(error.code == .ended && error.signer == 1)
            #expect(error.message.contains("aborted by signer 1 (requested)"))
        }
        #expect(await again.coordinator.activeSessions.isEmpty)
    }

    /// K17: what was left stays left through a restart, and goes on when it is joined again.
    @Test func k17LeftUntilJoinedAgain() async throws {
        let (parties, created) = try await Parties.openSession()
        let joiner = parties[1].coordinator
        let events = await joiner.events
        async let waiting: Void = {
            await #expect(throws: CoordinatorError(.left, "")) { try await joiner.waitForSignatures(of: created.id) }
        }()
        while await joiner.waiters.count == 0 { await Task.yield() }
        try await joiner.leaveSession(created.id)
        await waiting
        for await event in events where event == .left(created.id) { break }
        #expect(await joiner.status(of: created.id) == nil)
        await #expect(throws: CoordinatorError(.unknownSession, "")) { try await joiner.leaveSession(created.id) }
        // Nobody was told.
        #expect(await parties[0].coordinator.activeSessions == [created.id])
        await joiner.shutdown()
        let again = try await Parties.party(1, on: parties.network, store: parties[1].store)
        #expect(await again.coordinator.activeSessions.isEmpty)
        #expect(await again.store.load(signer: again.publicKey, completions: 1).sessions.isEmpty)
        let last = try await Parties.party(2, on: parties.network)
        let all = Parties(network: parties.network, all: [parties[0], again, last])
        let signatures = try await all.advancing {
            try await again.coordinator.joinSession(created.invitation)
            try await last.coordinator.joinSession(created.invitation)
            return try await again.coordinator.waitForSignatures(of: created.id)
        }
        #expect(try verify(signatures, [[1]], keys: all.keys))
    }

    /// An ABORT that comes while the policy still thinks answers the application, which waits to be in the session.
    @Test func abortedBeforeThePolicyAnswers() async throws {
        let network = Parties.network()
        let creator = try await Parties.party(0, on: network)
        let answer = OneShot<ConsentDecision>()
        let joiner = try await Parties.party(
            1, on: network, consent: AskConsent { _ in await answer.wait() ?? .refuse(reason: "cancelled") })
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey], messages: [[1]]))
        async let joined: Void = {
            await #expect(throws: CoordinatorError(.aborted, "")) {
                try await joiner.coordinator.joinSession(created.invitation)
            }
        }()
        while await joiner.coordinator.status(of: created.id)?.phase != .awaitingApproval { await Task.yield() }
        try await joiner.coordinator.abortSession(created.id, reason: "no")
        await joined
        answer.set(.approve)
    }

    /// R4: while the store fails an ABORT does not leave; it does once the store works, and the end is recorded with it.
    @Test func r4AnAbortWaitsForTheStore() async throws {
        let store = FaultyStore()
        let (parties, created) = try await Parties.openSession(creatorStore: store)
        store.setRule { _, _ in .fails }
        try await parties[0].coordinator.abortSession(created.id, reason: "no")
        #expect(await parties[0].coordinator.activeSessions.isEmpty)
        #expect(await parties[1].coordinator.activeSessions == [created.id])
        store.setRule(nil)
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await parties.advancing { try await parties[1].coordinator.waitForSignatures(of: created.id) }
        }
        #expect(store.base.sessionNow(created.id, signer: parties[0].publicKey)?.end?.abort != nil)
    }

    /// R4: a store that fails from the very start: the application is told, and all goes on once it works.
    @Test func r4StoreFailsAtTheStart() async throws {
        let network = Parties.network()
        let store = FaultyStore()
        store.setRule { _, _ in .fails }
        let creator = try await Parties.party(0, on: network, sharedStore: store)
        let joiner = try await Parties.party(1, on: network)
        let keys = [creator.publicKey, joiner.publicKey]
        await #expect(throws: CoordinatorError(.storeFailed, "")) {
            try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        }
        store.setRule(nil)
        let parties = Parties(network: network, all: [creator, joiner])
        let signatures = try await parties.advancing {
            while await creator.coordinator.machine.runs.isClaiming || !store.written.contains(where: isRunBlock) {
                await Task.yield()
            }
            let created = try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
            try await joiner.coordinator.joinSession(created.invitation)
            return try await creator.coordinator.waitForSignatures(of: created.id)
        }
        #expect(try verify(signatures, [[1]], keys: keys))
    }

    /// R4: while a store fails, what waits for it does not grow with the JOINs that others make up.
    @Test func r4TheQueueOfAFailingStore() async throws {
        let store = FaultyStore()
        let scene = try await Scene.set([Scene.Character(store: store), Scene.Character()])
        try await scene.join()
        _ = try await scene.shares()
        store.setRule { _, _ in .fails }
        let hostile = scene.hostile
        let run = try hostile.seat.run
        for higher in 1...300 as ClosedRange<UInt64> {
            hostile.say(
                try hostile.message(.join(Join(peerID: hostile.peer.bytes)), attempt: 0, run: run + higher),
                to: scene.honest[0].peer)
        }
        try await hostile.settle(with: scene.honest[0].peer)
        #expect(await scene.honest[0].coordinator.inputs.batch.writes.count < 10)
    }

    /// A row that cannot be read stands for one that may have left. It is not asked for again and again: the next attempt has none.
    @Test func aRowThatCannotBeRead() async throws {
        let network = Parties.network()
        let store = FaultyStore()
        let creator = try await Parties.party(0, on: network, sharedStore: store)
        let joiner = try await Parties.party(1, on: network)
        let keys = [creator.publicKey, joiner.publicKey]
        let created = try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        _ = store.base.commitNow(
            [.partials(created.id, attempt: 1, message: [1, 2, 3])], signer: creator.publicKey)
        let parties = Parties(network: network, all: [creator, joiner])
        let signatures = try await parties.advancing {
            try await joiner.coordinator.joinSession(created.invitation)
            return try await creator.coordinator.waitForSignatures(of: created.id)
        }
        #expect(try verify(signatures, [[1]], keys: keys))
        #expect(await creator.coordinator.status(of: created.id)?.isAfterPartial == true)
        #expect(store.commits < 30)
    }

    /// Nonce and partial rows stay until the session expires, whatever ended it; then they go.
    @Test func rowsStayUntilTheSessionExpires() throws {
        for command in [SessionCommand.leave, .abort(reason: "no")] {
            let world = SimulatedWorld(seed: 4)
            let creator = try world.start(0)
            let node = try world.start(1)
            let keys = try (0..<3 as Range<UInt64>).map { try TestKeys.publicKey($0) }
            let id = try world.create(SessionPlan(signerKeys: keys, messages: [[1]], creator: 0), at: creator)
            world.join(id, at: node, provider: creator.peer)
            _ = try world.run(for: .seconds(2)) { false }
            world.give(.command(id, command), to: node)
            let signer = node.secret.publicKey
            let row = try #require(node.store.sessionNow(id, signer: signer)?.nonces.first)
            let run = try SignedMessage(decoding: row).body.run
            let probe = StoreWrite.nonces(id, attempt: 1, run: run, message: [])
            _ = try world.run(for: .seconds(7_000)) { false }
            #expect(node.store.copy().commitNow([probe], signer: signer) == [.exists(message: row)], "\(command)")
            _ = try world.run(for: .seconds(8_000)) { false }
            #expect(node.store.sessionNow(id, signer: signer) == nil, "\(command)")
            #expect(node.store.copy().commitNow([probe], signer: signer) == [.written], "\(command)")
        }
    }

    /// A session that expired after the partial left is not revived at every start; signatures that turn up complete it all the same.
    @Test func expiredAfterThePartial() async throws {
        let network = Parties.network()
        let creator = try await Parties.party(0, on: network)
        let hostile = try HostileSigner(666, on: network)
        let keys = [creator.publicKey, hostile.publicKey]
        let created = try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        try await hostile.lookUp(created.id, at: creator.peer)
        hostile.say(try hostile.join(), try hostile.nonces(hostile.draw()), to: creator.peer)
        let share = try await hostile.hear(.nonceShare, by: 0)
        let partial = try await hostile.hear(.partialSigShare, by: 0)
        let own = try hostile.message(.nonceShare(NonceShare(nonces: hostile.publicNonces)))
        let agreement = try hostile.agreement([share, own])
        let made = try hostile.seat.crypto.signatures(
            partials: [PartialSigShare(decoding: partial.body.payload).partials, hostile.sign(agreement)],
            context: agreement.context)
        let signatures = try #require(made)
        await creator.coordinator.shutdown()
        network.clock.advance(by: .seconds(10_000))
        var told = 0
        for _ in 0..<3 {
            let again = try await Parties.party(0, on: network, store: creator.store)
            told += await again.coordinator.machine.sessions.count
            #expect(await again.coordinator.activeSessions.isEmpty)
            await again.coordinator.shutdown()
            #expect(await creator.store.load(signer: creator.publicKey, completions: 1).sessions.isEmpty)
        }
        #expect(told == 0)
        let last = try await Parties.party(0, on: network, store: creator.store)
        await #expect(throws: CoordinatorError(.invalidSignature, "")) {
            try await last.coordinator.offer([SchnorrSignature(r: .zero, s: .zero)], to: created.id)
        }
        try await last.coordinator.offer(signatures, to: created.id)
        #expect(try await last.coordinator.signatures(of: created.id) == signatures)
    }

    /// A session that was aborted after the partial of this signer left: another signer refused to sign.
    private func abortedAfterAPartial() async throws -> (network: InMemoryNetwork, joiner: Party, session: SessionID) {
        let network = Parties.network()
        let creator = try await Parties.party(
            0, on: network,
            consent: AskConsent { $0.stage == .join ? .approve : .refuse(reason: "no") })
        let joiner = try await Parties.party(1, on: network)
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey], messages: [[1]]))
        try await joiner.coordinator.joinSession(created.invitation)
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await joiner.coordinator.waitForSignatures(of: created.id)
        }
        return (network, joiner, created.id)
    }

    /// What ended after a partial is kept for ever, unless the application drops it: once it has expired, in this process or a later one.
    @Test(arguments: [false, true]) func whatEndedAfterAPartialIsDropped(inALaterProcess: Bool) async throws {
        let (network, first, session) = try await abortedAfterAPartial()
        let stored = try #require(await first.store.session(session, signer: first.publicKey))
        #expect(stored.end?.isAfterPartial == true)
        await #expect(throws: CoordinatorError(.wrongPhase, "")) { try await first.coordinator.dropSession(session) }
        if inALaterProcess { await first.coordinator.shutdown() }
        network.clock.advance(by: .seconds(10_000))
        let joiner =
            inALaterProcess ? try await Parties.party(1, on: Parties.network(), store: first.store) : first
        if inALaterProcess {
            // The other network's clock has not gone on: to this process the session has not expired.
            await #expect(throws: CoordinatorError(.wrongPhase, "")) {
                try await joiner.coordinator.dropSession(session)
            }
            await joiner.coordinator.shutdown()
            let last = try await Parties.party(1, on: network, store: first.store)
            #expect(await last.coordinator.status(of: session) == nil)
            try await last.coordinator.dropSession(session)
            await #expect(throws: CoordinatorError(.unknownSession, "")) {
                try await last.coordinator.dropSession(session)
            }
        } else {
            try await joiner.coordinator.dropSession(session)
            #expect(await joiner.coordinator.status(of: session) == nil)
            await #expect(throws: CoordinatorError(.unknownSession, "")) {
                try await joiner.coordinator.offer([SchnorrSignature(r: .zero, s: .zero)], to: session)
            }
        }
        #expect(await first.store.session(session, signer: first.publicKey) == nil)
    }

    @Test func whatIsNotOverIsNotDropped() async throws {
        let (parties, created) = try await Parties.openSession()
        await #expect(throws: CoordinatorError(.wrongPhase, "")) {
            try await parties[0].coordinator.dropSession(created.id)
        }
        #expect(await parties[0].coordinator.activeSessions == [created.id])
    }

    /// A signer that could not be told comes back when only a tombstone is left of the session: it is not among the undelivered any more
    /// once it says that it has the signatures.
    @Test func theStatusOfAFinishedSessionFollows() throws {
        let wire = Wire()
        let (node, session) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        let secret = try TestKeys.secret(1)
        var status = try #require(node.machine.sessions.status(of: session))
        status.undelivered = [1]
        let stone = StoredCompletion(
            id: session, messageKeys: try [0, 1].map { try TestKeys.publicKey($0).xOnly },
            expiresAt: wire.now.wallMilliseconds + 7_200_000, signatures: [SchnorrSignature(r: .zero, s: .zero)])
        node.machine.remove(session, at: wire.now)
        node.machine.archive(FinishedSession(stone, status: status), at: wire.now)
        _ = wire.connect(peer, to: node)
        let final = FrameItem.sync(Sync(sessionID: session.bytes, attempt: 1, index: 1, run: 2, isFinal: true))
        _ = wire.give([final], to: node, from: peer)
        #expect(node.machine.sessions.status(of: session)?.undelivered == [1])
        let body = MessageBody(
            sessionID: session.bytes, attempt: 0, index: 1, run: 2, payload: .join(Join(peerID: peer.bytes)))
        let join = try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation }
        let answer = try Wire.items(wire.give([.signedMessage(join)], to: node, from: peer), to: peer)
        #expect(answer.count == 1)
        #expect(node.machine.sessions.status(of: session)?.undelivered == [1])
        _ = wire.give([final], to: node, from: peer)
        #expect(node.machine.sessions.status(of: session)?.undelivered == [])
    }
}

private func isRunBlock(_ write: StoreWrite) -> Bool {
    if case .runBlock = write { true } else { false }
}
