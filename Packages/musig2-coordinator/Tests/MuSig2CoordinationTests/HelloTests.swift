import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

@Suite("HELLO") struct HelloTests {
    private let wire = Wire()
    private let a = Array(repeating: UInt8(7), count: 32)

    private func hash(_ bytes: [UInt8]) throws -> Hash32 { try #require(Hash32(bytes)) }

    private func proof(_ effects: [CoordinatorEffect], to peer: PeerID) throws -> HelloProof {
        let items = try Wire.items(effects, to: peer)
        guard items.count == 1, case .helloProof(let proof) = items[0] else {
            Issue.record("expected one proof, found \(items)")
            throw WireError("HelloProof", .missing)
        }
        return proof
    }

    private func joiner(
        _ proof: HelloProof,
        _ session: SessionID,
        key number: UInt64,
        provider: PeerID,
        joiner: PeerID,
        tag: MuSig2Session.Tag = .helloJoiner
    ) throws -> HelloJoiner {
        let transcript = HelloTranscript(
            secret: session.hash,
            provider: provider,
            joiner: joiner,
            a: try hash(proof.a),
            b: try hash(proof.b)
        )
        let secret = try TestKeys.secret(number)
        return HelloJoiner(
            a: proof.a,
            messageKey: secret.publicKey.compressedRepresentation,
            signature: try tag.sign(transcript.bytes, with: secret).rawRepresentation
        )
    }

    @Test func aSignerSeesTheAnnouncement() throws {
        let (node, session) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        let proof = try proof(
            wire.give([.hello(Hello(dhtKey: wire.key(session), a: a))], to: node, from: peer), to: peer)
        let transcript = HelloTranscript(
            secret: session.hash, provider: node.peer, joiner: peer, a: try hash(a), b: try hash(proof.b))
        #expect(proof.proof == transcript.providerProof.bytes)
        #expect(proof.a == a)
        let third = try joiner(proof, session, key: 1, provider: node.peer, joiner: peer)
        let answer = try Wire.items(wire.give([.helloJoiner(third)], to: node, from: peer), to: peer)
        guard case .helloAnnouncements(let shown)? = answer.first else {
            Issue.record("expected announcements, found \(answer)")
            return
        }
        #expect(answer.count == 1)
        #expect(!shown.isOver)
        let verified = try VerifiedAnnouncement(verifying: #require(shown.announcements.first), expecting: session)
        #expect(verified.peer == node.peer)
    }

    @Test func yesterdayAndTomorrowAreAnswered() throws {
        let (node, session) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        let today = DiscoveryDay.of(wire.now)
        for day in [today - 1, today, today + 1] {
            let key = ProviderKey(.session(session), day: day).bytes
            let effects = wire.give(
                [.hello(Hello(dhtKey: key, a: a.map { $0 &+ UInt8(day % 3) }))], to: node, from: peer)
            #expect(try Wire.items(effects, to: peer).count == 1)
        }
        for day in [today - 2, today + 2] {
            let key = ProviderKey(.session(session), day: day).bytes
            let effects = wire.give([.hello(Hello(dhtKey: key, a: a))], to: node, from: peer)
            #expect(Wire.frames(effects, to: peer).isEmpty)
            #expect(Wire.isDisconnected(effects, from: peer))
        }
    }

    /// P1: the keys of two days have nothing in common, and none is the session id.
    @Test func p1DaysCannotBeLinked() throws {
        let session = SessionID(try hash(a))
        let keys = (0..<4 as Range<UInt32>).map { ProviderKey(.session(session), day: 20_000 + $0).bytes }
        #expect(Set(keys).count == 4)
        #expect(
            keys.allSatisfy {
                $0.count == 34 && $0.prefix(2) == [0x12, 0x20] && Array($0.dropFirst(2)) != session.bytes
            })
    }

    @Test func aStrangersKeySeesNothing() throws {
        let (node, session) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(5)
        _ = wire.connect(peer, to: node)
        let proof = try proof(
            wire.give([.hello(Hello(dhtKey: wire.key(session), a: a))], to: node, from: peer), to: peer)
        let third = try joiner(proof, session, key: 5, provider: node.peer, joiner: peer)
        let effects = wire.give([.helloJoiner(third)], to: node, from: peer)
        #expect(Wire.frames(effects, to: peer).isEmpty)
        #expect(Wire.isDisconnected(effects, from: peer))
    }

    @Test func anUnknownKeyIsClosedSilently() throws {
        let (node, _) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        let effects = wire.give(
            [.hello(Hello(dhtKey: [0x12, 0x20] + a, a: a))], to: node, from: peer)
        #expect(Wire.frames(effects, to: peer).isEmpty)
        #expect(Wire.isDisconnected(effects, from: peer))
    }

    /// S17: a fake provider between a joiner and the creator learns nothing, and the joiner tells it nothing.
    @Test func s17RelayedHello() throws {
        let (creator, session) = try wire.creator([0, 1])
        let fake = try TestKeys.peer(50)
        let victim = try SimulatedNode(
            1, peer: TestKeys.peer(1), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 9,
            now: wire.now)
        victim.take(
            .lookUp(.session(session), providers: [Provider(peer: fake, addresses: SimulatedWorld.addresses)]),
            at: wire.now)
        _ = victim.takeOutgoing()
        let first = try Wire.items(wire.connect(fake, to: victim), to: fake)
        guard case .hello(let hello)? = first.first else {
            Issue.record("expected hello, found \(first)")
            return
        }
        // The fake passes the victim's first step to the creator, and the creator's proof back.
        _ = wire.connect(fake, to: creator)
        let relayed = try proof(wire.give([.hello(hello)], to: creator, from: fake), to: fake)
        let effects = wire.give([.helloProof(relayed)], to: victim, from: fake)
        #expect(Wire.frames(effects, to: fake).isEmpty)
        #expect(Wire.isDisconnected(effects, from: fake))
        guard case .failure(let error)? = victim.previews.last else {
            Issue.record("expected a failure")
            return
        }
        #expect(error.code == .notShown)
        // Nor can the fake show the creator a third step that was signed for another connection.
        let third = try joiner(relayed, session, key: 1, provider: fake, joiner: victim.peer)
        let refused = wire.give([.helloJoiner(third)], to: creator, from: fake)
        #expect(Wire.frames(refused, to: fake).isEmpty)
        #expect(Wire.isDisconnected(refused, from: fake))
    }

    /// K13: what is signed under another tag is no third step.
    @Test(arguments: MuSig2Session.Tag.all.filter { $0 != .helloJoiner })
    func k13OtherTags(_ tag: MuSig2Session.Tag) throws {
        let (node, session) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        let proof = try proof(
            wire.give([.hello(Hello(dhtKey: wire.key(session), a: a))], to: node, from: peer), to: peer)
        let third = try joiner(proof, session, key: 1, provider: node.peer, joiner: peer, tag: tag)
        #expect(try Wire.items(wire.give([.helloJoiner(third)], to: node, from: peer), to: peer).isEmpty)
    }

    /// S11: an announcement with any byte changed is refused.
    @Test func s11ChangedAnnouncement() throws {
        let (node, session) = try wire.creator([0, 1])
        let bytes = try #require(node.machine.sessions[session]?.announced.signed.encoded())
        let other = try SimulatedNode(
            1, peer: TestKeys.peer(1), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 9,
            now: wire.now)
        let good = try SignedAnnouncement(decoding: bytes)
        #expect(try other.machine.verify(good, as: session, at: wire.now).descriptor.id == session)
        var refused = 0
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            guard let announcement = try? SignedAnnouncement(decoding: changed) else {
                refused += 1
                continue
            }
            #expect(throws: CoordinatorError(.announcementRefused, "")) {
                try other.machine.verify(announcement, as: session, at: wire.now)
            }
            refused += 1
        }
        #expect(refused == bytes.count)
        // For another session id, and for a node that is no signer.
        #expect(throws: CoordinatorError(.announcementRefused, "")) {
            try other.machine.verify(good, as: SessionID(try hash(a)), at: wire.now)
        }
        let stranger = try SimulatedNode(
            8, peer: TestKeys.peer(8), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 9,
            now: wire.now)
        #expect(throws: CoordinatorError(.notASigner, "")) {
            try stranger.machine.verify(good, as: session, at: wire.now)
        }
    }

    /// S14: clocks that are an hour apart are a clear error.
    @Test func s14ClockSkew() throws {
        let (node, session) = try wire.creator([0, 1])
        let announcement = try #require(node.machine.sessions[session]?.announced.signed)
        let other = try SimulatedNode(
            1, peer: TestKeys.peer(1), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 9,
            now: wire.now)
        var early = wire.now
        early.wallMilliseconds -= 3_600_000
        #expect(throws: CoordinatorError(.clockSkew, "")) {
            try other.machine.verify(announcement, as: session, at: early)
        }
        var late = wire.now
        late.wallMilliseconds += 3 * 3_600_000
        #expect(throws: CoordinatorError(.expired, "")) {
            try other.machine.verify(announcement, as: session, at: late)
        }
    }

    @Test func tooManyOpenExchangesAreRefused() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.limits.hellosPerPeer = 3
        let (node, session) = try wire.creator([0, 1], configuration: configuration)
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        for number in 0..<3 as Range<UInt8> {
            let hello = Hello(dhtKey: wire.key(session), a: Array(repeating: number, count: 32))
            #expect(Wire.frames(wire.give([.hello(hello)], to: node, from: peer), to: peer).count == 1)
        }
        let effects = wire.give([.hello(Hello(dhtKey: wire.key(session), a: a))], to: node, from: peer)
        #expect(Wire.frames(effects, to: peer).isEmpty)
        #expect(Wire.isDisconnected(effects, from: peer))
        // They run out, and then there is room again.
        var later = wire.now
        later.monotonic += configuration.timeouts.hello
        node.take(.tick, at: later)
        _ = node.takeOutgoing()
        let again = wire.give([.hello(Hello(dhtKey: wire.key(session), a: a))], to: node, from: peer, at: later)
        #expect(Wire.frames(again, to: peer).count == 1)
    }
}
