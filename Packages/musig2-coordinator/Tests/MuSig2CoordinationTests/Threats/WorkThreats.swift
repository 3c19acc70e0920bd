import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// Peers that make a node work: what it does for them is counted in tokens, so that no clock decides. One token is one signature check; the
/// benchmarks' group `abuse` says what it takes in time.
@Suite("Threats: work") struct WorkThreats {
    private let wire = Wire()
    private let session: SessionID
    private let node: SimulatedNode
    private let stranger: PeerID
    private let signers: [PublicKey]

    init() throws {
        (node, session) = try wire.creator([0, 1])
        stranger = try TestKeys.peer(66)
        signers = try [TestKeys.publicKey(0), TestKeys.publicKey(1)]
        _ = wire.connect(stranger, to: node)
    }

    private var limits: MuSig2Coordinator.Configuration.AbuseLimits { MuSig2Coordinator.Configuration().abuse }

    private func bytes(_ number: Int) -> [UInt8] {
        (0..<32).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0 &* 7 &+ (number >> 8)) }
    }

    /// 1,000 signer keys and 1,000 message keys with small x: 66 kB that deflate to less than a tenth, and are dear to parse.
    private func dear() throws -> SignedAnnouncement {
        var keys: [[UInt8]] = []
        var x = 1
        while keys.count < 2_000 {
            let bytes = [2] + [UInt8](repeating: 0, count: 30) + [UInt8(x >> 8), UInt8(x & 0xFF)]
            x += 1
            if (try? PublicKey(compressedRepresentation: bytes)) != nil { keys.append(bytes) }
        }
        var fields = Descriptor(
            signerKeys: Array(keys[..<1_000]), messages: [[1]], createdMilliseconds: wire.now.wallMilliseconds,
            expiresMilliseconds: wire.now.wallMilliseconds + 600_000, random: bytes(1))
        fields.messageKeys = Array(keys[1_000...])
        fields.topology = .star
        fields.nonceTimeoutMilliseconds = 1_000
        fields.partialTimeoutMilliseconds = 1_000
        let announcement = Announcement(descriptor: fields, peerID: stranger.bytes, addresses: [], sequence: 1)
        return SignedAnnouncement(announcement) { _ in [UInt8](repeating: 1, count: 64) }
    }

    /// Gives frames from a peer until it is shut out, and returns how many that took and what they were charged.
    private func untilShutOut(
        _ peer: PeerID, most: Int = 20_000, _ frame: (Int) throws -> [UInt8]
    ) rethrows -> (frames: Int, work: Double, hangUps: Int) {
        let before = node.machine.peers.workCharged
        var hangUps = 0
        for number in 0..<most {
            if node.machine.peers[peer]?.budget.reputation.isBanned(at: wire.now.monotonic) == true {
                return (number, node.machine.peers.workCharged - before, hangUps)
            }
            node.take(.network(.frame(try frame(number), from: peer)), at: wire.now)
            guard Wire.isDisconnected(node.takeOutgoing(), from: peer) else { continue }
            hangUps += 1
            node.take(.network(.disconnected(peer)), at: wire.now)
            _ = wire.connect(peer, to: node)
        }
        return (most, node.machine.peers.workCharged - before, hangUps)
    }

    // MARK: Strangers

    /// R9: an announcement that nobody asked for, deflated or plain, alone or as an answer: it is not inflated, none of its keys is
    /// parsed, the connection is closed at once, and the tenth is the last.
    @Test func r9UnaskedAnnouncements() throws {
        let announcement = try dear()
        let answer = HelloAnnouncements(a: bytes(1), announcements: [announcement])
        var plain = ProtobufWriter()
        plain.message(1) { $0.message(9, announcement) }
        let bomb = try Zlib.deflate([UInt8](repeating: 0, count: 10 << 20), level: 9)
        var deflated = ProtobufWriter()
        deflated.message(1) { $0.requiredBytes(10, bomb) }
        for (name, frame) in [
            ("announcement", Frame([.announcement(announcement)]).encoded()), ("plain", plain.bytes),
            ("answer", Frame([.helloAnnouncements(answer)]).encoded()), ("bomb", deflated.bytes),
            ("a hundred", Frame([FrameItem](repeating: .announcement(announcement), count: 100)).encoded()),
        ] {
            let peer = try TestKeys.peer(UInt64(1_000 + frame.count))
            _ = wire.connect(peer, to: node)
            let result = untilShutOut(peer) { _ in frame }
            #expect(result.frames == 10, "\(name)")
            #expect(result.hangUps == 10, "\(name)")
            #expect(result.work < 10 * Work.frame(frame.count) + 0.001, "\(name)")
        }
        #expect(node.machine.sessions.count == 1)
    }

    /// R9: whatever a stranger says, what it may cost is used up before long, and then it is shut out.
    @Test func r9WhateverAStrangerSays() throws {
        let id = session.bytes
        let forged = [UInt8](repeating: 1, count: 64)
        func message(_ payload: Payload, _ attempt: UInt32, _ number: Int) -> FrameItem {
            let body = MessageBody(
                sessionID: id, attempt: attempt, index: 1, run: UInt64(number + 1), payload: payload)
            return .signedMessage(SignedMessage(body: body, bodyBytes: body.encoded(), signature: forged))
        }
        let kinds: [(String, (Int, PeerID) -> FrameItem)] = [
            ("SYNC", { _, _ in .sync(Sync(sessionID: id, attempt: 1, index: 1, run: 1)) }),
            (
                "large SYNC",
                { _, _ in
                    .sync(
                        Sync(
                            sessionID: id, attempt: 1, index: 1, run: 1,
                            wanted: [.init(.join, indices: Array(0..<1_000))]))
                }
            ),
            (
                "SYNC of another session",
                { number, _ in .sync(Sync(sessionID: bytes(number), attempt: 1, index: 1, run: 1)) }
            ),
            ("ERROR", { _, _ in .error(ErrorReply(sessionID: id, code: 1)) }),
            ("HELLO", { number, _ in .hello(Hello(dhtKey: wire.key(session), a: bytes(number))) }),
            ("HELLO, unknown", { number, _ in .hello(Hello(dhtKey: [0x12, 0x20] + bytes(number), a: bytes(number))) }),
            ("proof", { number, _ in .helloProof(HelloProof(a: bytes(number), b: bytes(1), proof: bytes(2))) }),
            (
                "joiner",
                { number, _ in
                    .helloJoiner(HelloJoiner(a: bytes(number), messageKey: [2] + bytes(1), signature: forged))
                }
            ),
            ("signatures", { _, _ in .signatureFinalized(SignatureFinalized(sessionID: id, signatures: [forged])) }),
            ("JOIN", { number, peer in message(.join(Join(peerID: peer.bytes)), 0, number) }),
            ("JOIN of another peer", { number, _ in message(.join(Join(peerID: node.peer.bytes)), 0, number) }),
            ("NONCE_SHARE", { number, _ in message(.nonceShare(NonceShare(nonces: [forged + [1, 2]])), 1, number) }),
            ("ABORT", { number, _ in message(.abort(Abort(reason: .requested, stage: .beforePartial)), 0, number) }),
            ("RESTART", { number, _ in message(.restart(Restart(reason: .timeout)), 2, number) }),
        ]
        for (place, (name, item)) in kinds.enumerated() {
            for count in [1, 100] {
                let peer = try TestKeys.peer(UInt64(2_000 + 2 * place + (count == 1 ? 0 : 1)))
                _ = wire.connect(peer, to: node)
                let result = untilShutOut(peer) { number in
                    Frame((0..<count).map { item(number * count + $0, peer) }).encoded()
                }
                // What it may cost at once, and half of that again where it may owe.
                #expect(result.work <= 1.5 * limits.strangerWork.burst, "\(name), \(count) in a frame")
                #expect(result.frames < 20_000, "\(name), \(count) in a frame")
            }
        }
    }

    /// R9: thousands of final signatures are as many checks, charged before the first.
    @Test func r9FinalSignaturesOfAStranger() throws {
        let (node, session) = try wire.creator(
            [0, 1], messages: (0..<4_096).map { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
        _ = wire.connect(stranger, to: node)
        let wrong = SignatureFinalized(
            sessionID: session.bytes, signatures: [[UInt8]](repeating: [UInt8](repeating: 1, count: 64), count: 4_096))
        _ = wire.give([.signatureFinalized(wrong)], to: node, from: stranger)
        #expect(node.machine.peers.workCharged > 4_096)
        // It owes so much now that nothing of it is looked at for minutes.
        let before = node.machine.peers.workCharged
        let effects = wire.give([.signatureFinalized(wrong)], to: node, from: stranger)
        #expect(Wire.isDisconnected(effects, from: stranger))
        #expect(node.machine.peers.workCharged == before)
    }

    /// R9: JOINs that nobody signed, for a session that is finished.
    @Test func r9ForgedJoinsForAFinishedSession() throws {
        let stone = StoredCompletion(
            id: SessionID(try #require(Hash32(bytes(9)))), messageKeys: signers.map(\.xOnly),
            expiresAt: wire.now.wallMilliseconds + 1_000_000, signatures: [])
        node.take(.restoreCompletion(stone), at: wire.now)
        let result = untilShutOut(stranger) { number in
            let body = MessageBody(
                sessionID: stone.id.bytes, attempt: 0, index: 1, run: UInt64(number + 1),
                payload: .join(Join(peerID: stranger.bytes)))
            return Frame([
                .signedMessage(
                    SignedMessage(body: body, bodyBytes: body.encoded(), signature: [UInt8](repeating: 1, count: 64)))
            ]).encoded()
        }
        #expect(result.frames == 5)
    }

    // MARK: Answers

    /// A node that looks for a session at a provider, and has the provider's proof.
    private func asking(
        _ configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(), _ count: Int = 1
    ) throws -> (node: SimulatedNode, exchanges: [[UInt8]]) {
        let asking = try SimulatedNode(
            1, peer: TestKeys.peer(1), store: InMemorySessionStore(), configuration: configuration, seed: 1,
            now: wire.now)
        _ = wire.connect(stranger, to: asking)
        var exchanges: [[UInt8]] = []
        for number in 0..<count {
            let wanted = SessionID(try #require(Hash32(bytes(number))))
            asking.take(
                .lookUp(.session(wanted), providers: [Provider(peer: stranger, addresses: [])]), at: wire.now)
            guard case .hello(let hello)? = try Wire.items(asking.takeOutgoing(), to: stranger).first else {
                Issue.record("expected a HELLO")
                return (asking, [])
            }
            let transcript = HelloTranscript(
                secret: wanted.hash, provider: stranger, joiner: asking.peer, a: try #require(Hash32(hello.a)),
                b: .zero)
            _ = wire.give(
                [.helloProof(HelloProof(a: hello.a, b: transcript.b.bytes, proof: transcript.providerProof.bytes))],
                to: asking, from: stranger)
            exchanges.append(hello.a)
        }
        return (asking, exchanges)
    }

    /// R9: an answer that is awaited is inflated, once, and what it inflates to is charged as bytes that came.
    @Test func r9AnAwaitedAnswerIsCharged() throws {
        var configuration = MuSig2Coordinator.Configuration()
        configuration.abuse.bytes = .init(perSecond: 1, burst: 1_048_576)
        let (node, exchanges) = try asking(configuration, 16)
        let answers = try exchanges.map { a in
            Frame([.helloAnnouncements(HelloAnnouncements(a: a, announcements: [try dear()]))]).encoded()
        }
        var inflated = 0
        for answer in answers {
            let before = node.machine.peers.workCharged
            node.take(.network(.frame(answer, from: stranger)), at: wire.now)
            // The head of an announcement of another session: it is inflated, and refused by its hash, before any key is parsed.
            if node.machine.peers.workCharged - before > Work.frame(answer.count) + 1 { inflated += 1 }
            if Wire.isDisconnected(node.takeOutgoing(), from: stranger) { break }
        }
        // 70 kB each: of a mebibyte at most fourteen; and after five that were refused the peer is shut out.
        #expect(inflated == 5)
        #expect(node.machine.peers[stranger]?.budget.reputation.isBanned(at: wire.now.monotonic) == true)
        var left = try #require(node.machine.peers[stranger]?.budget.bytes)
        let charged = 1_048_576 - left.left(size: configuration.abuse.bytes, at: wire.now.monotonic)
        #expect(charged > 5 * 66_000)
    }

    /// R9: an answer that comes after its question was given up is passed over, neither inflated nor scored; a second one scores.
    @Test func r9ALateAnswerIsForgivenOnce() throws {
        let (node, exchanges) = try asking()
        var later = wire.now
        later.monotonic += MuSig2Coordinator.Configuration().timeouts.hello + .seconds(1)
        node.take(.tick, at: later)
        _ = node.takeOutgoing()
        let answer = FrameItem.helloAnnouncements(HelloAnnouncements(a: exchanges[0], announcements: [try dear()]))
        let before = node.machine.peers.workCharged
        let effects = wire.give([answer], to: node, from: stranger, at: later)
        #expect(!Wire.isDisconnected(effects, from: stranger))
        #expect(node.machine.peers.workCharged - before < 1)
        #expect(node.machine.peers[stranger]?.budget.reputation.value(limits: limits, at: later.monotonic) == 0)
        #expect(Wire.isDisconnected(wire.give([answer], to: node, from: stranger, at: later), from: stranger))
        #expect(node.machine.peers[stranger]?.budget.reputation.value(limits: limits, at: later.monotonic) == 10)
    }

    // MARK: Co-signers

    /// R10: a co-signer says what changes nothing, or ever anew, for ten seconds: its work is bounded by its rate.
    @Test func r10ACoSignersWorkIsBounded() throws {
        let (node, session) = try wire.creator(
            [0, 1, 2], messages: (0..<500).map { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
        let peer = try TestKeys.peer(1)
        let secret = try TestKeys.secret(1)
        _ = wire.connect(peer, to: node)
        func say(_ payload: Payload, _ attempt: UInt32, _ run: UInt64) throws -> FrameItem {
            let body = MessageBody(sessionID: session.bytes, attempt: attempt, index: 1, run: run, payload: payload)
            return .signedMessage(
                try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation })
        }
        _ = wire.give([try say(.join(Join(peerID: peer.bytes)), 0, 1)], to: node, from: peer)
        #expect(node.machine.peers[peer]?.isKnown == true)
        let credit = Work.ofSession(signers: 3, messages: 500)
        let before = node.machine.peers.workCharged
        let nonce = try TestKeys.publicKey(5).compressedRepresentation + TestKeys.publicKey(6).compressedRepresentation
        let share = try say(.nonceShare(NonceShare(nonces: [[UInt8]](repeating: nonce, count: 500))), 1, 1)
        var time = wire.now
        for _ in 0..<10 {
            for _ in 0..<2_000 { _ = wire.give([share], to: node, from: peer, at: time) }
            time.monotonic += .seconds(1)
            time.wallMilliseconds += 1_000
        }
        let most = limits.signatureChecks.burst + 10 * limits.signatureChecks.perSecond + credit
        #expect(node.machine.peers.workCharged - before <= most)
        #expect(node.machine.peers.workCharged - before >= 9 * limits.signatureChecks.perSecond)
    }

    /// R10: what a point, a byte and a SYNC cost is charged at what they take beside a signature check, so that the same tokens are nearly
    /// the same time, whatever they are spent on.
    @Test func r10EachKindIsChargedWhatItTakes() throws {
        let (node, session) = try wire.creator(
            [0, 1, 2], messages: (0..<500).map { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
        let peer = try TestKeys.peer(1)
        let secret = try TestKeys.secret(1)
        _ = wire.connect(peer, to: node)
        func charge(_ items: [FrameItem]) -> Double {
            let before = node.machine.peers.workCharged
            _ = wire.give(items, to: node, from: peer)
            return node.machine.peers.workCharged - before
        }
        func say(_ payload: Payload, _ attempt: UInt32) throws -> FrameItem {
            let body = MessageBody(sessionID: session.bytes, attempt: attempt, index: 1, run: 1, payload: payload)
            return .signedMessage(
                try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation })
        }
        _ = charge([try say(.join(Join(peerID: peer.bytes)), 0)])
        let nonce = try TestKeys.publicKey(5).compressedRepresentation + TestKeys.publicKey(6).compressedRepresentation
        let share = try say(.nonceShare(NonceShare(nonces: [[UInt8]](repeating: nonce, count: 500))), 1)
        // Four points are a signature check, and so are 8 KiB to decode.
        let points = charge([share])
        #expect(points >= 1_000 / 4)
        #expect(points <= 1_000 / 4 + 12)
        // As a frame and as a payload.
        #expect(points >= 1_000 / 4 + 2 * 33_000 / 8_192)
        // Half a signature check each.
        let syncs = charge(
            [FrameItem](
                repeating: .sync(Sync(sessionID: session.bytes, attempt: 1, index: 1, run: 1)), count: 4_096))
        #expect(syncs >= 4_096 / 2)
    }

    /// R10: a message that costs more than half of what may be spent at once is taken in, and its sender owes: nothing of it is looked at
    /// until time has paid that.
    @Test func r10ACoSignerOwesWhatIsDear() throws {
        let (node, session) = try wire.creator(
            [0, 1], messages: (0..<4_096).map { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
        let peer = try TestKeys.peer(1)
        let secret = try TestKeys.secret(1)
        _ = wire.connect(peer, to: node)
        func say(_ payload: Payload, _ attempt: UInt32, _ run: UInt64) throws -> FrameItem {
            let body = MessageBody(sessionID: session.bytes, attempt: attempt, index: 1, run: run, payload: payload)
            return .signedMessage(
                try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation })
        }
        _ = wire.give([try say(.join(Join(peerID: peer.bytes)), 0, 1)], to: node, from: peer)
        let nonce = try TestKeys.publicKey(5).compressedRepresentation + TestKeys.publicKey(6).compressedRepresentation
        let shares = try (1...8).map { run in
            try say(.nonceShare(NonceShare(nonces: [[UInt8]](repeating: nonce, count: 4_096))), 1, run)
        }
        let before = node.machine.peers.workCharged
        for share in shares { _ = wire.give([share], to: node, from: peer) }
        // The first leaves less than half, so that only what the others' frames and payloads take to decode is charged.
        #expect(node.machine.peers.workCharged - before >= 2_048)
        #expect(node.machine.peers.workCharged - before < 2 * 2_048)
        #expect(node.machine.sessions[session]?.machine.status.attempt == 1)
        var later = wire.now
        later.monotonic += .seconds(21)
        let then = node.machine.peers.workCharged
        _ = wire.give(
            [try say(.nonceShare(NonceShare(nonces: [[UInt8]](repeating: nonce, count: 4_096))), 1, 9)],
            to: node, from: peer, at: later)
        #expect(node.machine.peers.workCharged - then >= 2_048)
    }

    /// What a signer's honest part of the largest sessions costs is there at once: the JOINs of all others that it may pass on, and its own
    /// part of a round. Evidence against a coordinator may follow at once: the signer may owe it.
    @Test(arguments: [(2, 4_096), (1_000, 100), (1_000, 8), (32, 256), (3, 1), (1_000, 1)] as [(Int, Int)])
    func honestSessionsFit(_ shape: (Int, Int)) {
        let (signers, messages) = shape
        func message(_ bytes: Int, _ work: Double = 1) -> Double {
            Work.frame(bytes + 150) + Work.decoding(bytes) + work
        }
        let joins = Double(signers) * message(1_200)
        // A signer of a star sends its nonces, and the coordinator their sums.
        let nonces = message(66 * messages + 32 * signers, 1 + Work.points(2 * messages))
        let round = nonces + message(32 * messages + 32)
        #expect(joins + round <= limits.signatureChecks.burst)
        let evidence = message(
            min(signers * (66 * messages + 150), 1 << 20), Double(signers + 2) + Work.points(2 * signers * messages))
        #expect(
            joins + min(evidence, limits.signatureChecks.burst / 2) <= limits.signatureChecks.burst)
    }
}
