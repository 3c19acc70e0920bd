import MuSig2
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// An attacker that stands between a session and its signers, or looks for what is not for it.
@Suite("Threats: discovery", .timeLimit(.minutes(1))) struct DiscoveryThreats {
    /// An honest creator with a session of two, and the network it is on.
    private func creator(
        with other: PublicKey, on network: InMemoryNetwork
    ) async throws -> (party: Party, created: CreatedSession) {
        let party = try await Parties.party(0, on: network)
        let created = try await party.coordinator.createSession(
            SessionRequest(signers: [party.publicKey, other], messages: [[1]]))
        return (party, created)
    }

    private func network() -> InMemoryNetwork {
        InMemoryNetwork(seed: 1, clock: VirtualClock(wallMilliseconds: 1_800_000_000_000))
    }

    /// S17: a fake provider carries a joiner's HELLO to the creator and the creator's proof back. The proof is bound to the two ends of
    /// a connection, so the joiner hangs up before it has said which signer it is, and no announcement leaks.
    @Test func s17RelayedHello() async throws {
        let network = network()
        let (creator, created) = try await creator(with: TestKeys.publicKey(1), on: network)
        let joiner = try await Parties.party(1, on: network)
        let relay = try HostileSigner(666, on: network)
        try await relay.connect(to: creator.peer)
        let fake = SessionInvitation(session: created.id, addresses: [try Multiaddr("/memory/7").appending(relay.peer)])
        let joined = Task { try await joiner.coordinator.joinSession(fake) }
        let hello = try await relay.hear { heard in
            if case .hello(let hello) = heard.item, heard.from == joiner.peer { hello } else { nil }
        }
        relay.send([.hello(hello)], to: creator.peer)
        let proof = try await relay.hear { heard in
            if case .helloProof(let proof) = heard.item, heard.from == creator.peer { proof } else { nil }
        }
        relay.send([.helloProof(proof)], to: joiner.peer)
        await #expect(throws: CoordinatorError(.notShown, "")) { try await joined.value }
        try await relay.untilDisconnected(from: joiner.peer)
        for heard in relay.heard {
            switch heard.item {
            case .hello, .helloProof: break
            default: Issue.record("leaked: \(heard.item)")
            }
        }
        // The way that is no relay still works.
        try await joiner.coordinator.joinSession(created.invitation)
        _ = try await creator.coordinator.waitForSignatures(of: created.id)
    }

    /// S17 and P1: a peer that knows the session id, and is none of its signers, is shown nothing: the connection closes without a word.
    @Test func s17StrangersAreShownNothing() async throws {
        let network = network()
        let (creator, created) = try await creator(with: TestKeys.publicKey(1), on: network)
        let stranger = try HostileSigner(666, on: network)
        for trick in 0..<4 {
            try await stranger.connect(to: creator.peer)
            stranger.forget()
            let transcript = try await stranger.prove(created.id, at: creator.peer)
            var joiner = try stranger.joiner(transcript)
            switch trick {
            case 0: break
            // A signer's key with a signature that is not its own.
            case 1: joiner.messageKey = try TestKeys.publicKey(1).compressedRepresentation
            // A proof of another conversation.
            case 2: joiner = try stranger.joiner(try await stranger.prove(created.id, at: creator.peer))
            default: joiner.a = stranger.randomHash().bytes
            }
            if trick == 2 { joiner.a = transcript.a.bytes }
            stranger.send([.helloJoiner(joiner)], to: creator.peer)
            try await stranger.untilDisconnected(from: creator.peer)
            for heard in stranger.heard {
                guard case .helloProof = heard.item else {
                    Issue.record("trick \(trick): \(heard.item)")
                    continue
                }
            }
        }
        // A key that is nobody's: not even a proof.
        try await stranger.connect(to: creator.peer)
        stranger.forget()
        stranger.send(
            [.hello(Hello(dhtKey: [0x12, 0x20] + stranger.randomHash().bytes, a: stranger.randomHash().bytes))],
            to: creator.peer)
        try await stranger.untilDisconnected(from: creator.peer)
        #expect(stranger.heard.isEmpty)
    }

    /// K13: what a joiner signs at a provider's wish is a HELLO under its own tag, and nothing else.
    @Test func k13AHandshakeIsNothingElse() async throws {
        let network = network()
        let signer = try HostileSigner(666, on: network)
        let (creator, created) = try await creator(with: signer.publicKey, on: network)
        try await signer.connect(to: creator.peer)
        let transcript = try await signer.prove(created.id, at: creator.peer)
        let signature = try SchnorrSignature(rawRepresentation: signer.joiner(transcript).signature)
        let key = signer.publicKey.xOnly
        for tag in Tag.all {
            #expect(tag.isValid(signature, for: transcript.bytes, by: key) == (tag == .helloJoiner))
            #expect(!key.isValidSignature(signature, for: tag.hash(transcript.bytes).bytes) || tag == .helloJoiner)
        }
        #expect(!key.isValidSignature(signature, for: transcript.bytes))
        #expect(!key.isValidSignature(signature, for: [1]))
    }

    /// S11 and S14: a provider that knows the session shows something else for it, or one of another time. Each is a clear error, and
    /// the joiner goes on with other sessions.
    @Test func s11s14WhatIsShownIsNotTheSession() async throws {
        let network = network()
        let provider = try HostileSigner(666, on: network)
        let joiner = try await Parties.party(1, on: network)
        let wall: UInt64 = 1_800_000_000_000
        var plan = SessionPlan(signerKeys: [provider.publicKey, joiner.publicKey], messages: [[1]], creator: 0)
        func descriptor(at wall: UInt64) throws -> SessionDescriptor {
            try SessionDescriptor(
                plan, at: Now(monotonic: .zero, wallMilliseconds: wall), random: provider.randomHash())
        }
        let right = try descriptor(at: wall)
        let ahead = try descriptor(at: wall + 3_600_000)
        plan.lifetime = .seconds(60)
        let over = try descriptor(at: wall - 3_600_000)
        plan.signerKeys[1] = try TestKeys.publicKey(9)
        let ofOthers = try descriptor(at: wall)
        var forged = try provider.announcement(right)
        forged = SignedAnnouncement(forged.announcement) { _ in [UInt8](repeating: 1, count: 64) }
        let cases: [(asked: SessionDescriptor, shown: SignedAnnouncement, CoordinatorError.Code)] = [
            (right, try provider.announcement(ahead), .announcementRefused),
            (right, forged, .announcementRefused),
            (ahead, try provider.announcement(ahead), .clockSkew),
            (over, try provider.announcement(over), .expired),
            (ofOthers, try provider.announcement(ofOthers), .notASigner),
        ]
        for (asked, shown, code) in cases {
            provider.forget()
            let invitation = SessionInvitation(
                session: asked.id, addresses: [try Multiaddr("/memory/7").appending(provider.peer)])
            let joined = Task { try await joiner.coordinator.joinSession(invitation) }
            try await self.show(shown, of: asked.id, by: provider, to: joiner.peer)
            await #expect(throws: CoordinatorError(code, ""), "\(code)") { try await joined.value }
            #expect(await joiner.coordinator.activeSessions.isEmpty)
        }
        let creator = try await Parties.party(0, on: network)
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, joiner.publicKey], messages: [[1]]))
        try await joiner.coordinator.joinSession(created.invitation)
        _ = try await joiner.coordinator.waitForSignatures(of: created.id)
    }

    /// The provider's side of a HELLO, with whatever is to be shown.
    private func show(
        _ announcement: SignedAnnouncement, of session: SessionID, by provider: HostileSigner, to joiner: PeerID
    ) async throws {
        let hello = try await provider.hear { heard in
            if case .hello(let hello) = heard.item { hello } else { nil }
        }
        let transcript = HelloTranscript(
            secret: session.hash,
            provider: provider.peer,
            joiner: joiner,
            a: try #require(Hash32(hello.a)),
            b: provider.randomHash()
        )
        let proof = HelloProof(a: hello.a, b: transcript.b.bytes, proof: transcript.providerProof.bytes)
        provider.send([.helloProof(proof)], to: joiner)
        _ = try await provider.hear { heard in
            if case .helloJoiner(let joiner) = heard.item, joiner.a == hello.a { joiner } else { nil }
        }
        provider.send([.helloAnnouncements(HelloAnnouncements(a: hello.a, announcements: [announcement]))], to: joiner)
    }

    /// S24: a stranger that knows the session id. Nothing is answered, and nothing moves.
    @Test func s24AStrangerThatKnowsTheID() async throws {
        let scene = try await Scene.set([Scene.Character(), Scene.Character()])
        let honest = scene.honest[0]
        let key = try scene.hostile.nonces(scene.hostile.draw())
        let stranger = try HostileSigner(667, on: scene.network)
        try await stranger.connect(to: honest.peer)
        let seat = try scene.hostile.seat
        let body = MessageBody(
            sessionID: scene.id.bytes, attempt: 0, index: 2, run: seat.run,
            payload: .join(Join(peerID: stranger.peer.bytes)))
        let ownJoin = SignedMessage(body) { _ in [UInt8](repeating: 1, count: 64) }
        let before = try #require(await honest.coordinator.status(of: scene.id))
        stranger.send(
            [
                .sync(
                    Sync(
                        sessionID: scene.id.bytes, attempt: 1, index: 0, run: 1,
                        wanted: [Sync.Wanted(.join, indices: [0, 1])])),
                .sync(Sync(sessionID: scene.id.bytes, attempt: 9, index: 1, run: 1)),
                .signedMessage(key),
                .signedMessage(try scene.hostile.message(.restart(Restart(reason: .requested)), attempt: 7)),
                .signedMessage(try scene.hostile.join()),
                .signedMessage(ownJoin),
                .signatureFinalized(
                    SignatureFinalized(sessionID: scene.id.bytes, signatures: [[UInt8](repeating: 1, count: 64)])),
            ], to: honest.peer)
        try await stranger.settle(with: honest.peer, session: scene.id)
        #expect(try #require(await honest.coordinator.status(of: scene.id)) == before)
        for heard in stranger.heard {
            guard case .helloProof = heard.item else {
                Issue.record("answered: \(heard.item)")
                continue
            }
        }
        // A session that is not here: the connection closes.
        stranger.say(
            try scene.hostile.message(.restart(Restart(reason: .requested)), session: SessionID(stranger.randomHash())),
            to: honest.peer)
        try await stranger.untilDisconnected(from: honest.peer)
    }
}
