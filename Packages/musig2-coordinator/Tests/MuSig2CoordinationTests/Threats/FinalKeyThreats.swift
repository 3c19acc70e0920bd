import MuSig2
import MuSig2Session
import PeerTransport
import Secp256k1
import Synchronization
import Testing

@testable import MuSig2Coordination

/// What a signer approves is the final key: signers and messages alone do not say what is signed.
@Suite("Threats: the final key") struct FinalKeyThreats {
    /// M with the keys y and y', in the session [Y, X], and X, that shares the wallet [Y', X] with it.
    struct Stage {
        let network = InMemoryNetwork(clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
        let hostile: Party
        let wallet: KeyAggContext
        /// The session [Y, X], with the final key of the wallet.
        let request: SessionRequest

        init() async throws {
            let victim = try TestKeys.publicKey(1)
            hostile = try await Parties.party(0, on: network, consent: .approveEverything.allowingRawTweaks())
            wallet = try KeyAggContext(keys: [try TestKeys.publicKey(2), victim])
            var request = SessionRequest(signers: [hostile.publicKey, victim], messages: [Array("a trifle".utf8)])
            let untweaked = try KeyAggContext(keys: request.signerKeys)
            // t = a'·y' − a·y: the second key has the coefficient 1 in both lists.
            let tweak = try Self.share(of: 2, in: wallet) - Self.share(of: 0, in: untweaked)
            request.tweaks = [Tweak(tweak, kind: .plain)]
            #expect(try untweaked.applyingTweaks(request.tweaks).aggregateKey == wallet.aggregateKey)
            self.request = request
        }

        /// The first key's coefficient (BIP-327, KeyAggCoeff) times its secret key.
        private static func share(of number: UInt64, in context: KeyAggContext) throws -> Scalar {
            let list = TaggedHash("KeyAgg list").hash(context.keys.flatMap(\.compressedRepresentation))
            let coefficient = TaggedHash("KeyAgg coefficient").hash(
                list.bytes + context.keys[0].compressedRepresentation)
            let secret = try TestKeys.secret(number).withUnsafeBytes { Array($0) }
            return Scalar(reducing: coefficient) * (try #require(Scalar(canonical: secret)))
        }

        func victim(
            _ consent: any ConsentPolicy, store: InMemorySessionStore = InMemorySessionStore()
        ) async throws -> Party {
            try await Parties.party(1, on: network, consent: consent, store: store)
        }
    }

    /// K19: a session with raw tweaks is refused before JOIN leaves, by every policy that does not allow them.
    @Test(arguments: [0, 1, 2]) func k19HostileTweakIsRefused(policy: Int) async throws {
        let stage = try await Stage()
        let created = try await stage.hostile.coordinator.createSession(stage.request)
        let policies: [any ConsentPolicy] = [
            .approveEverything, .askForOthers { _ in .approve }, ApproveOwnSessions(others: ApproveEverything()),
        ]
        let victim = try await stage.victim(policies[policy])
        do throws(CoordinatorError) {
            try await victim.coordinator.joinSession(created.invitation)
            Issue.record("the session was joined")
        } catch {
            #expect(error.code == .notApproved)
            #expect(error.message.contains("raw tweaks") && error.message.contains("\(stage.wallet.xOnlyKey)"))
        }
        #expect(await stage.hostile.coordinator.status(of: created.id)?.signers[1].peer == nil)
        #expect(await victim.coordinator.status(of: created.id) == nil)
        #expect(await victim.store.load(signer: victim.publicKey, completions: 1).sessions.isEmpty)
    }

    /// K19: nor does a signer make one itself without saying so; a tweak may have come from somebody else.
    @Test(arguments: [false, true]) func k19OwnSessionNeedsPermission(isAllowed: Bool) async throws {
        let stage = try await Stage()
        let victim = try await (isAllowed ? stage.victim(.ownSessions.allowingRawTweaks()) : stage.victim(.ownSessions))
        guard !isAllowed else {
            let created = try await victim.coordinator.createSession(stage.request)
            #expect(created.finalKey == stage.wallet.xOnlyKey)
            return
        }
        await #expect(throws: CoordinatorError(.notApproved, "")) {
            try await victim.coordinator.createSession(stage.request)
        }
        #expect(await victim.coordinator.activeSessions.isEmpty)
    }

    /// A Taproot tweak follows from the internal key and the root, which every signer computes: it needs no permission.
    @Test func taprootNeedsNoPermission() async throws {
        let stage = try await Stage()
        var request = stage.request
        request.tweaks = []
        request.taproot = SessionPlan.Taproot(merkleRoot: Hash32([UInt8](repeating: 7, count: 32)))
        let created = try await stage.hostile.coordinator.createSession(request)
        let victim = try await stage.victim(.approveEverything)
        try await victim.coordinator.joinSession(created.invitation)
        let signature = try await victim.coordinator.waitForSignatures(of: created.id)[0]
        #expect(created.finalKey.isValidSignature(signature, for: request.messages[0]))
        #expect(try created.finalKey != KeyAggContext(keys: request.signerKeys).xOnlyKey)
    }

    /// Wherever a session is shown, and whenever it is asked about, the final key is the one that the signature verifies under.
    @Test func finalKeyIsTheSameEverywhere() async throws {
        let stage = try await Stage()
        let key = stage.wallet.xOnlyKey
        let creatorEvents = await stage.hostile.coordinator.events
        let created = try await stage.hostile.coordinator.createSession(stage.request)
        #expect(created.finalKey == key)
        let asked = Mutex<[ConsentRequest]>([])
        let consent = AskConsent { request in
            asked.withLock { $0.append(request) }
            return .approve
        }
        let victim = try await stage.victim(consent.allowingRawTweaks())
        let events = await victim.coordinator.events
        #expect(try await victim.coordinator.previewSession(created.invitation).finalKey() == key)
        try await victim.coordinator.joinSession(created.invitation)
        let signature = try await victim.coordinator.waitForSignatures(of: created.id)[0]
        #expect(key.isValidSignature(signature, for: stage.request.messages[0]))
        #expect(await victim.coordinator.status(of: created.id)?.finalKey == key)
        #expect(asked.withLock { $0.map(\.stage) } == [.join, .sign])
        #expect(asked.withLock { $0.allSatisfy { $0.finalKey == key && $0.hasRawTweaks } })
        for await event in creatorEvents {
            guard case .created(created.id, let told) = event else { continue }
            #expect(told == key)
            break
        }
        for await event in events {
            guard case .joined(created.id, let told) = event else { continue }
            #expect(told == key)
            break
        }
    }

    /// A policy that knows the keys it signs for: the right signers with the wrong final key are refused.
    @Test func policiesMatchTheFinalKey() async throws {
        let stage = try await Stage()
        let expected = try KeyAggContext(keys: stage.request.signerKeys).xOnlyKey
        let created = try await stage.hostile.coordinator.createSession(stage.request)
        var plain = stage.request
        plain.tweaks = []
        let honest = try await stage.hostile.coordinator.createSession(plain)
        let policy = ApproveEverything().allowingRawTweaks().requiringFinalKey(in: [expected])
        #expect(policy.allowsRawTweaks)
        let victim = try await stage.victim(policy)
        do throws(CoordinatorError) {
            try await victim.coordinator.joinSession(created.invitation)
            Issue.record("a session for another key was joined")
        } catch {
            #expect(error.code == .notApproved && error.message.contains("not among those expected"))
        }
        try await victim.coordinator.joinSession(honest.invitation)
        let signature = try await victim.coordinator.waitForSignatures(of: honest.id)[0]
        #expect(expected.isValidSignature(signature, for: plain.messages[0]))
        // The same by a policy that takes its time; and a list of keys does not allow tweaks by itself.
        let slow = AskConsent { _ in .approve }.requiringFinalKey(in: [stage.wallet.xOnlyKey])
        #expect(!slow.allowsRawTweaks)
        let request = ConsentRequest(
            session: created.id, descriptor: try await stage.descriptor(of: created.id), finalKey: expected,
            createdHere: false, stage: .sign)
        #expect(slow.immediateDecision(on: request) != nil, "another key needs no wait")
        #expect(await slow.decide(on: request) != .approve)
    }

    /// What the store has as approved stays approved, whatever the policy of the next process says of raw tweaks.
    @Test func whatWasApprovedStaysApproved() async throws {
        let network = InMemoryNetwork(clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
        let allowing = ApproveEverything().allowingRawTweaks()
        let creator = try await Parties.party(0, on: network, consent: allowing)
        let joiner = try await Parties.party(1, on: network, consent: allowing)
        var request = SessionRequest(
            signers: [creator.publicKey, joiner.publicKey, try TestKeys.publicKey(2)], messages: [[1]])
        request.tweaks = [Tweak(Scalar(7), kind: .xOnly)]
        let created = try await creator.coordinator.createSession(request)
        try await joiner.coordinator.joinSession(created.invitation)
        await joiner.coordinator.shutdown()
        let again = try await Parties.party(1, on: network, consent: .approveEverything, store: joiner.store)
        let last = try await Parties.party(2, on: network, consent: allowing)
        let parties = Parties(network: network, all: [creator, again, last])
        let signatures = try await parties.advancing {
            try await last.coordinator.joinSession(created.invitation)
            return try await again.coordinator.waitForSignatures(of: created.id)
        }
        #expect(try verify(signatures, [[1]], keys: request.signerKeys, tweaks: request.tweaks))
        #expect(created.finalKey.isValidSignature(signatures[0], for: [1]))
    }
}

extension FinalKeyThreats.Stage {
    func descriptor(of session: SessionID) async throws -> SessionDescriptor {
        try #require(await hostile.coordinator.machine.sessions[session]).announced.descriptor
    }
}
