import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Testing
import WireCodec

@testable import MuSig2Coordination

/// R8, S32: a co-signer cannot make a node dial the world, nor keep it from those that it knows.
@Suite("Threats: dials") struct DialThreats {
    private let wire = Wire()

    /// What a node did: the dials by peer, and the rows it wrote.
    private struct Deeds {
        var dials: [PeerID: Int] = [:]
        var count: Int { dials.values.reduce(0, +) }

        mutating func note(_ effects: [CoordinatorEffect]) {
            for case .connect(let peer, _) in effects { dials[peer, default: 0] += 1 }
        }
    }

    private func moment(_ time: Duration) -> Now {
        Now(
            monotonic: wire.now.monotonic + time,
            wallMilliseconds: wire.now.wallMilliseconds + UInt64(time.components.seconds) * 1_000)
    }

    private func message(
        _ payload: Payload, of session: SessionID, by signer: UInt64, index: UInt32, run: UInt64
    ) throws -> SignedMessage {
        let secret = try TestKeys.secret(signer)
        let body = MessageBody(sessionID: session.bytes, attempt: 0, index: index, run: run, payload: payload)
        return try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation }
    }

    private func join(at peer: PeerID, port: UInt64) throws -> Payload {
        let address = try Multiaddr("/ip4/203.0.113.7/tcp/\(1_024 + port % 60_000)")
        return .join(Join(peerID: peer.bytes, addresses: [address.bytes]))
    }

    /// Lets time pass: every dial fails.
    private func pass(_ time: Duration, from start: Duration, at node: SimulatedNode, _ deeds: inout Deeds) {
        let end = moment(start + time)
        while let due = node.machine.nextDeadline, due <= end.monotonic {
            let now = moment(max(due, wire.now.monotonic + start) - wire.now.monotonic)
            node.take(.tick, at: now)
            fail(node.takeOutgoing(), at: node, now, &deeds)
        }
    }

    private func fail(_ effects: [CoordinatorEffect], at node: SimulatedNode, _ now: Now, _ deeds: inout Deeds) {
        var effects = effects
        while !effects.isEmpty {
            deeds.note(effects)
            let dialled = effects.compactMap { if case .connect(let peer, _) = $0 { peer } else { nil } }
            for peer in dialled { node.take(.network(.connectFailed(peer, reason: "nobody answers")), at: now) }
            effects = node.takeOutgoing()
        }
    }

    /// 3,000 pairs of JOINs: run k at a peer that nobody has, run k + 1 back.
    @Test func r8PairsOfJoins() throws {
        let (node, session) = try wire.creator([0, 1, 2])
        let hostile = try TestKeys.peer(1)
        _ = wire.connect(hostile, to: node)
        var deeds = Deeds()
        var run: UInt64 = 1_000
        func bring(_ payload: Payload) throws {
            run += 1
            let message = try message(payload, of: session, by: 1, index: 1, run: run)
            fail(wire.give([.signedMessage(message)], to: node, from: hostile), at: node, wire.now, &deeds)
        }
        try bring(join(at: hostile, port: 0))
        let commits = node.commits
        var isBanned = false
        for number in 0..<3_000 as Range<UInt64> where !isBanned {
            try bring(join(at: TestKeys.peer(10_000 + number), port: number))
            try bring(join(at: hostile, port: number))
            isBanned = node.machine.peers[hostile]?.budget.reputation.isBanned(at: wire.now.monotonic) == true
        }
        #expect(isBanned)
        #expect(deeds.count <= 32)
        #expect(node.machine.peers.count <= 16)
        #expect(node.commits - commits <= 80)
        pass(.seconds(600), from: .zero, at: node, &deeds)
        #expect(deeds.count <= 64)
        #expect(deeds.dials.count <= 8)
    }

    /// The same through an honest relay, which is not scored: the slot changes a few times a minute, and nobody but the newest is dialled.
    @Test func r8JoinsThroughARelay() throws {
        let (node, session) = try wire.creator([0, 1, 2])
        let relay = try TestKeys.peer(2)
        _ = wire.connect(relay, to: node)
        var deeds = Deeds()
        func bring(_ message: SignedMessage, at time: Duration) {
            let now = moment(time)
            fail(wire.give([.signedMessage(message)], to: node, from: relay, at: now), at: node, now, &deeds)
        }
        bring(try message(join(at: relay, port: 0), of: session, by: 2, index: 2, run: 5), at: .zero)
        let commits = node.commits
        // Two a second, for ten minutes.
        for number in 0..<1_200 as Range<UInt64> {
            let payload = try join(at: TestKeys.peer(20_000 + number), port: number)
            let time = Duration.milliseconds(500 * Int64(number))
            pass(.milliseconds(500), from: time - .milliseconds(500), at: node, &deeds)
            bring(try message(payload, of: session, by: 1, index: 1, run: 1_000 + number), at: time)
        }
        #expect(
            node.machine.peers[relay]?.budget.reputation.value(limits: .init(), at: moment(.seconds(600)).monotonic)
                == 0)
        #expect(node.machine.peers.count <= 16)
        #expect(node.commits - commits <= 80)
        #expect(deeds.dials.count <= 70)
        // Six new ones a minute, each dialled at most three times before the next.
        #expect(deeds.count <= 320)
        // The last one stands in the end: it waited.
        pass(.seconds(20), from: .seconds(600), at: node, &deeds)
        #expect(node.machine.sessions.status(of: session)?.signers[1].peer == (try TestKeys.peer(21_199)))
    }

    /// Announcements with rising sequence, each at another peer, from the creator itself.
    @Test func r8Announcements() throws {
        let (creator, session) = try wire.creator([1, 0])
        let announced = try #require(creator.machine.sessions[session]?.announced)
        let node = try SimulatedNode(
            0, peer: TestKeys.peer(0), store: InMemorySessionStore(), configuration: MuSig2Coordinator.Configuration(),
            seed: 5,
            now: wire.now)
        node.take(.read(session, announcement: announced.signed.encoded()), at: wire.now)
        node.take(.join(session), at: wire.now)
        let hostile = try TestKeys.peer(1)
        var deeds = Deeds()
        node.take(.network(.connected(hostile)), at: wire.now)
        let hello = try message(join(at: hostile, port: 1), of: session, by: 1, index: 0, run: 7)
        _ = wire.give([.signedMessage(hello)], to: node, from: hostile)
        let commits = node.commits
        let secret = try TestKeys.secret(1)
        var isBanned = false
        for number in 0..<3_000 as Range<UInt64> where !isBanned {
            let signed = try VerifiedAnnouncement(
                announcing: announced.descriptor,
                at: LocalPeer(
                    peer: TestKeys.peer(30_000 + number),
                    addresses: [try Multiaddr("/ip4/203.0.113.7/tcp/\(1_024 + number)").bytes]),
                sequence: announced.sequence + 1 + number,
                with: secret
            ).signed
            fail(wire.give([.announcement(signed)], to: node, from: hostile), at: node, wire.now, &deeds)
            isBanned = node.machine.peers[hostile]?.budget.reputation.isBanned(at: wire.now.monotonic) == true
        }
        #expect(isBanned)
        #expect(deeds.count <= 32)
        #expect(node.machine.peers.count <= 16)
        #expect(node.commits - commits <= 16)
        pass(.seconds(600), from: .zero, at: node, &deeds)
        #expect(deeds.count <= 64)
    }

    /// A JOIN names an honest peer, at other addresses: the honest one is dialled at its own all the same, in this session and in others.
    @Test func s32FalseAddresses() throws {
        let (node, session) = try wire.creator([0, 1, 2])
        let hostile = try TestKeys.peer(1)
        let honest = try TestKeys.peer(2)
        for peer in [hostile, honest] { _ = wire.connect(peer, to: node) }
        let own = try join(at: honest, port: 5)
        guard case .join(let ownJoin) = own else { return }
        let claim = try join(at: honest, port: 6)
        for (payload, by, run, from) in [
            (own, 2, 100, honest), (try join(at: hostile, port: 7), 1, 100, hostile),
            (claim, 1, (1 << 63) - 1, hostile),
        ] as [(Payload, UInt32, UInt64, PeerID)] {
            let message = try message(payload, of: session, by: UInt64(by), index: by, run: run)
            _ = wire.give([.signedMessage(message)], to: node, from: from)
        }
        node.take(.network(.disconnected(honest)), at: wire.now)
        var tried: [[UInt8]] = []
        for second in 1...120 as ClosedRange<Int64> {
            node.take(.tick, at: moment(.seconds(second)))
            for case .connect(honest, let addresses) in node.takeOutgoing() {
                tried += addresses.map(\.bytes)
                node.take(.network(.connectFailed(honest, reason: "")), at: moment(.seconds(second)))
            }
        }
        #expect(tried.contains(ownJoin.addresses[0]))
    }
}
