import MuSig2
import MuSig2CoordinationTestKit
import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import Secp256k1
import Synchronization
import Testing

@testable import MuSig2Coordination

@Suite("Consent and stores") struct ConsentAndStoreTests {
    /// K15: without the approval nothing leaves, and the error says why.
    @Test func k15RefusedBeforeJoining() async throws {
        let network = Parties.network()
        let creator = try await Parties.party(0, on: network)
        let joiner = try await Parties.party(1, on: network, consent: RefuseEverything(reason: "not today"))
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey], messages: [[1]]))
        let preview = try await joiner.coordinator.previewSession(created.invitation)
        #expect(preview.session == created.id)
        #expect(preview.descriptor.messages == [[1]])
        #expect(preview.ownIndex == 1)
        await #expect(throws: CoordinatorError(.notApproved, "")) {
            try await joiner.coordinator.joinSession(created.invitation)
        }
        #expect(await joiner.coordinator.status(of: created.id) == nil)
        #expect(await creator.coordinator.status(of: created.id)?.signers[1].peer == nil)
        // Its store remembers nothing of it.
        #expect(await joiner.store.load(signer: joiner.publicKey, completions: 1).sessions.isEmpty)
    }

    /// K15: the policy is asked once more right before the partial.
    @Test func k15RefusedBeforeSigning() async throws {
        let network = Parties.network()
        let stages = Mutex<[ConsentRequest.Stage]>([])
        let creator = try await Parties.party(0, on: network)
        let joiner = try await Parties.party(
            1, on: network,
            consent: AskConsent { request in
                stages.withLock { $0.append(request.stage) }
                return request.stage == .join ? .approve : .refuse(reason: "the amount is wrong")
            })
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey], messages: [[1]]))
        try await joiner.coordinator.joinSession(created.invitation)
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await creator.coordinator.waitForSignatures(of: created.id)
        }
        #expect(stages.withLock { $0 } == [.join, .sign])
        let status = try #require(await joiner.coordinator.status(of: created.id))
        #expect(!status.isAfterPartial)
        #expect(
            await joiner.store.load(signer: joiner.publicKey, completions: 1).sessions.allSatisfy(\.partials.isEmpty))
    }

    /// K15: an approval that is withdrawn before the partial: nothing but ABORT leaves.
    @Test func k15Withdrawn() async throws {
        let network = Parties.network()
        let (joined, created) = try await Parties.openSession(on: network)
        let (creator, joiner) = (joined[0], joined[1])
        try await joiner.coordinator.withdrawApproval(of: created.id)
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await joiner.coordinator.waitForSignatures(of: created.id)
        }
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await creator.coordinator.waitForSignatures(of: created.id)
        }
    }

    @Test func aPersonMayTakeTime() async throws {
        let network = Parties.network()
        let person = AskedPerson()
        let creator = try await Parties.party(0, on: network)
        let joiner = try await Parties.party(1, on: network, consent: person)
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey], messages: [[1]]))
        async let joined = joiner.coordinator.joinSession(created.invitation)
        await person.asked.waitThroughCancellation()
        #expect(await joiner.coordinator.activeSessions.isEmpty)
        person.answer.set(.approve)
        #expect(try await joined == created.id)
        let signatures = try await creator.coordinator.waitForSignatures(of: created.id)
        #expect(try verify(signatures, [[1]], keys: [creator.publicKey, joiner.publicKey]))
    }

    /// R4: a store that fails: nothing leaves, the error is clear, and it goes on once mended.
    @Test func r4StoreFails() async throws {
        let network = Parties.network()
        let store = FaultyStore()
        let creator = try await Parties.party(0, on: network, sharedStore: store)
        let joiner = try await Parties.party(1, on: network)
        let events = await creator.coordinator.events
        let joinerEvents = await joiner.coordinator.events
        store.setRule { _, writes in
            writes.contains { if case .partials = $0 { true } else { false } } ? .fails : nil
        }
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey], messages: [[1]]))
        try await joiner.coordinator.joinSession(created.invitation)
        for await event in events where event == .error(CoordinatorError(.storeFailed, "")) { break }
        for await event in joinerEvents where event.name == "noncesComplete" { break }
        #expect(await joiner.coordinator.status(of: created.id)?.signers[0].hasPartials == false)
        #expect(await joiner.coordinator.status(of: created.id)?.signers[0].hasNonces == true)
        #expect(!store.written.contains { if case .partials = $0 { true } else { false } })
        store.setRule(nil)
        let parties = Parties(network: network, all: [creator, joiner])
        let signatures = try await parties.advancing { try await joiner.coordinator.waitForSignatures(of: created.id) }
        #expect(try verify(signatures, [[1]], keys: parties.keys))
        #expect(store.written.count { if case .partials = $0 { true } else { false } } == 1)
    }

    @Test func r4StoreFailsFromTheStart() async throws {
        let network = Parties.network()
        let store = FaultyStore()
        let creator = try await Parties.party(0, on: network, sharedStore: store)
        let joiner = try await Parties.party(1, on: network)
        store.setRule { _, _ in .fails }
        let keys = [creator.publicKey, joiner.publicKey]
        await #expect(throws: CoordinatorError(.storeFailed, "")) {
            try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        }
        let id = try #require(await creator.coordinator.activeSessions.first)
        store.setRule(nil)
        let parties = Parties(network: network, all: [creator, joiner])
        let invitation = creator.coordinator.invitation(to: id)
        let signatures = try await parties.advancing {
            try await joiner.coordinator.joinSession(invitation)
            return try await creator.coordinator.waitForSignatures(of: id)
        }
        #expect(try verify(signatures, [[1]], keys: keys))
    }

    /// A coordinator that starts again on its store goes on as a new run.
    @Test func restoresUnfinishedSessions() async throws {
        let network = Parties.network()
        let (joined, created) = try await Parties.openSession(on: network)
        let (creator, joiner) = (joined[0], joined[1])
        let keys = [creator.publicKey, joiner.publicKey, try TestKeys.publicKey(2)]
        await joiner.coordinator.shutdown()
        #expect(await joiner.coordinator.isStopped)
        let again = try await Parties.party(1, on: network, store: joiner.store)
        #expect(await again.coordinator.activeSessions == [created.id])
        let last = try await Parties.party(2, on: network)
        let parties = Parties(network: network, all: [creator, again, last])
        let signatures = try await parties.advancing {
            try await last.coordinator.joinSession(created.invitation)
            return try await again.coordinator.waitForSignatures(of: created.id)
        }
        #expect(try verify(signatures, [[1]], keys: keys))
        // Finished sessions are known to the next process as well.
        try await parties.advancing {
            for party in parties.all { _ = try await party.coordinator.waitForSignatures(of: created.id) }
        }
        await parties.shutdown()
        let third2 = try await Parties.party(2, on: Parties.network(), store: last.store)
        #expect(try await third2.coordinator.signatures(of: created.id) == signatures)
        #expect(await third2.coordinator.activeSessions.isEmpty)
    }

    @Test func mistakesAreClear() async throws {
        let network = Parties.network()
        let creator = try await Parties.party(0, on: network)
        let joiner = try await Parties.party(1, on: network)
        let coordinator = creator.coordinator
        let keys = [creator.publicKey, joiner.publicKey]
        let unknown = try #require(SessionID(Array(repeating: 3, count: 32)))
        #expect(await coordinator.status(of: unknown) == nil)
        #expect(await coordinator.health(of: unknown) == nil)
        await #expect(throws: CoordinatorError(.unknownSession, "")) {
            try await coordinator.waitForSignatures(of: unknown)
        }
        await #expect(throws: CoordinatorError(.unknownSession, "")) {
            try await coordinator.signatures(of: unknown)
        }
        await #expect(throws: CoordinatorError(.unknownSession, "")) { try await coordinator.closeSession(unknown) }
        await #expect(throws: CoordinatorError(.unknownSession, "")) {
            try await coordinator.abortSession(unknown, reason: "")
        }
        await #expect(throws: CoordinatorError(.unknownSession, "")) { try await coordinator.startRound1(of: unknown) }
        await #expect(throws: CoordinatorError(.unknownSession, "")) { try await coordinator.offer([], to: unknown) }
        await #expect(throws: CoordinatorError(.invalidRequest, "")) {
            try await coordinator.createSession(SessionRequest(signers: [joiner.publicKey], messages: [[1]]))
        }
        await #expect(throws: CoordinatorError(.invalidRequest, "")) {
            try await coordinator.createSession(SessionRequest(signers: keys, messages: []))
        }
        await #expect(throws: CoordinatorError(.invalidRequest, "")) {
            try await coordinator.createSession(SessionRequest(signers: keys + [keys[1]], messages: [[1]]))
        }
        await #expect(throws: CoordinatorError(.unreachable, "")) {
            try await coordinator.joinSession(SessionInvitation(session: unknown, addresses: []))
        }
        let nobody = try TestKeys.peer(30)
        let address = try Multiaddr("/memory/1/p2p/\(nobody)")
        await #expect(throws: CoordinatorError(.unreachable, "")) {
            try await coordinator.joinSession(SessionInvitation(session: unknown, addresses: [address]))
        }
        // A peer that does not know the session.
        await #expect(throws: CoordinatorError(.notShown, "")) {
            try await coordinator.joinSession(joiner.coordinator.invitation(to: unknown))
        }
        // A session that this key is no signer of.
        let created = try await coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        let stranger = try await Parties.party(9, on: network)
        await #expect(throws: CoordinatorError(.notShown, "")) {
            try await stranger.coordinator.joinSession(created.invitation)
        }
        await #expect(throws: CoordinatorError(.alreadyJoined, "")) {
            try await coordinator.joinSession(joiner.coordinator.invitation(to: created.id))
        }
        await #expect(throws: CoordinatorError(.invalidSignature, "")) {
            try await coordinator.offer(
                [SchnorrSignature(r: .zero, s: .zero)], to: created.id)
        }
    }

    @Test func abortTellsEverybody() async throws {
        let network = Parties.network()
        let (joined, created) = try await Parties.openSession(on: network)
        let (creator, joiner) = (joined[0], joined[1])
        try await creator.coordinator.abortSession(created.id, reason: "changed my mind")
        do throws(CoordinatorError) {
            _ = try await joiner.coordinator.waitForSignatures(of: created.id)
            Issue.record("expected an abort")
        } catch {
            #expect(error.code == .aborted)
            #expect(error.signer == 0)
            #expect(error.message.contains("changed my mind"))
        }
        await #expect(throws: CoordinatorError(.aborted, "")) {
            try await creator.coordinator.waitForSignatures(of: created.id)
        }
    }

    /// Signatures from elsewhere complete an aborted session.
    @Test func offerCompletes() async throws {
        let network = Parties.network()
        let creator = try await Parties.party(0, on: network)
        let joiner = try await Parties.party(1, on: network)
        let keys = [creator.publicKey, joiner.publicKey]
        let created = try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[1]]))
        try await joiner.coordinator.joinSession(created.invitation)
        let signatures = try await joiner.coordinator.waitForSignatures(of: created.id)
        // The same session at a node that aborted it: a second life of the creator on an older copy.
        let descriptor = try #require(await joiner.coordinator.machine.sessions[created.id]?.announced)
        _ = descriptor
        let other = try await creator.coordinator.createSession(SessionRequest(signers: keys, messages: [[2]]))
        try await creator.coordinator.abortSession(other.id, reason: "test")
        await #expect(throws: CoordinatorError(.invalidSignature, "")) {
            try await creator.coordinator.offer(signatures, to: other.id)
        }
        let made = try sign([2], keys: [0, 1])
        try await creator.coordinator.offer([made], to: other.id)
        #expect(try await creator.coordinator.waitForSignatures(of: other.id) == [made])
        #expect(await creator.coordinator.status(of: other.id)?.phase == .completed)
    }

    /// Signs as the holders of all keys could without any session.
    private func sign(_ message: [UInt8], keys numbers: [UInt64]) throws -> SchnorrSignature {
        let context = try KeyAggContext(keys: numbers.map { try TestKeys.publicKey($0) })
        var publicNonces: [PublicNonce] = []
        let vault = NonceShelf()
        for number in numbers {
            let secret = try TestKeys.secret(number)
            let nonce = try SecretNonce.generate(
                secretKey: secret, aggregateKey: context.xOnlyKey, message: message)
            publicNonces.append(nonce.publicNonce)
            vault.put(nonce)
        }
        let session = try SigningSession(
            context: context, aggregateNonce: AggregateNonce(aggregating: publicNonces), message: message)
        var partials: [PartialSignature] = []
        for number in numbers {
            let secret = try TestKeys.secret(number)
            guard let nonce = vault.take() else { continue }
            partials.append(try session.sign(nonce, with: secret))
        }
        return try session.aggregate(partials)
    }
}

/// Nonces in a row, for signing without a session.
private final class NonceShelf {
    private final class Box {
        var nonce: SecretNonce?
        init(_ nonce: consuming SecretNonce) { self.nonce = consume nonce }
    }

    private var boxes: [Box] = []

    func put(_ nonce: consuming SecretNonce) { boxes.append(Box(nonce)) }

    func take() -> SecretNonce? { boxes.isEmpty ? nil : boxes.removeFirst().nonce.take() }
}

@Suite("The life of a coordinator") struct LifecycleTests {
    /// A store that answers when the test lets it.
    private final class SlowStore: SessionStore {
        struct Unreadable: Error {}

        let asked = OneShot<Void>()
        let answer = OneShot<Bool>()
        private let base = InMemorySessionStore()

        func commit(_ writes: [StoreWrite], signer: PublicKey) async throws -> [StoreOutcome] {
            await base.commit(writes, signer: signer)
        }

        func load(signer: PublicKey, completions: Int) async throws -> StoredState {
            asked.set(())
            guard await answer.wait() == true else { throw Unreadable() }
            return await base.load(signer: signer, completions: completions)
        }

        func session(_ session: SessionID, signer: PublicKey) async throws -> StoredSession? { nil }

        func completion(of session: SessionID, signer: PublicKey) async throws -> StoredCompletion? { nil }
    }

    private func coordinator(_ store: SlowStore) throws -> MuSig2Coordinator {
        try MuSig2Coordinator(
            network: InMemoryNetwork().endpoint(for: TestKeys.peer(0)),
            signer: TestKeys.secret(0),
            store: store
        )
    }

    @Test func shutdownWhileStarting() async throws {
        let store = SlowStore()
        let coordinator = try coordinator(store)
        async let start: Void = coordinator.start()
        await store.asked.waitThroughCancellation()
        async let end: Void = coordinator.shutdown()
        store.answer.set(true)
        try await start
        await end
        #expect(await coordinator.isStopped)
    }

    @Test func anUnreadableStoreIsSaid() async throws {
        let store = SlowStore()
        let coordinator = try coordinator(store)
        store.answer.set(false)
        await #expect(throws: CoordinatorError(.storeUnreadable, "")) { try await coordinator.start() }
        #expect(await coordinator.isStopped)
        await coordinator.shutdown()
        await #expect(throws: CoordinatorError(.notRunning, "")) { try await coordinator.start() }
    }

    @Test func runEndsWhenItsTaskIsCancelled() async throws {
        let store = SlowStore()
        let coordinator = try coordinator(store)
        let running = Task { try await coordinator.run() }
        await store.asked.waitThroughCancellation()
        store.answer.set(true)
        running.cancel()
        try await running.value
        #expect(await coordinator.isStopped)
    }
}
