import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import Synchronization
import Testing
import WireCodec

@testable import MuSig2Coordination

/// A machine that slept, and one with a session that ends before all has left.
@Suite("Machines that slept") struct WakingTests {
    private let wire = Wire()

    private func moment(_ monotonic: Duration, wall milliseconds: UInt64) -> Now {
        Now(monotonic: wire.now.monotonic + monotonic, wallMilliseconds: wire.now.wallMilliseconds + milliseconds)
    }

    /// A node that is in a session with a peer which it has dialled in vain, so that the next dial is a minute away.
    private func waiting() throws -> (node: SimulatedNode, peer: PeerID, spent: Duration) {
        let (node, session) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        let body = MessageBody(
            sessionID: session.bytes, attempt: 0, index: 1, run: 1,
            payload: .join(Join(peerID: peer.bytes, addresses: [try Multiaddr("/memory/1").bytes])))
        let secret = try TestKeys.secret(1)
        let join = try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation }
        _ = wire.give([.signedMessage(join)], to: node, from: peer)
        node.take(.network(.disconnected(peer)), at: wire.now)
        var time = Duration.zero
        var hasFailed = false
        // In steps that are no sleep, until a dial has failed after the back-off has grown.
        while time < .seconds(600) || !hasFailed {
            try #require(time < .seconds(900))
            time += .seconds(5)
            let now = moment(time, wall: milliseconds(time))
            node.take(.tick, at: now)
            hasFailed = dials(node.takeOutgoing(), peer)
            if hasFailed { node.take(.network(.connectFailed(peer, reason: "no route")), at: now) }
            _ = node.takeOutgoing()
        }
        return (node, peer, time)
    }

    private func dials(_ effects: [CoordinatorEffect], _ peer: PeerID) -> Bool {
        effects.contains { if case .connect(peer, _) = $0 { true } else { false } }
    }

    private func milliseconds(_ time: Duration) -> UInt64 { UInt64(time.components.seconds) * 1_000 }

    /// The wall clock went on for ten minutes while the process's own went on for a second: everyone is dialled at once.
    @Test func whoSleptDialsAtOnce() throws {
        let (node, peer, spent) = try waiting()
        // A second after the last dial failed nobody is dialled.
        node.take(.tick, at: moment(spent + .seconds(1), wall: milliseconds(spent) + 1_000))
        #expect(!dials(node.takeOutgoing(), peer))
        // The dial that failed is recent, and is not repeated within seconds even so.
        node.take(.tick, at: moment(spent + .seconds(11), wall: milliseconds(spent) + 611_000))
        #expect(dials(node.takeOutgoing(), peer))
    }

    /// Half a minute of a busy machine is no sleep, and a wall clock that is set back neither.
    @Test func shortPausesAreNoSleep() throws {
        let (node, peer, spent) = try waiting()
        node.take(.tick, at: moment(spent + .seconds(1), wall: milliseconds(spent) + 1_000))
        _ = node.takeOutgoing()
        node.take(.tick, at: moment(spent + .seconds(11), wall: milliseconds(spent) + 11_000 + 29_000))
        #expect(!dials(node.takeOutgoing(), peer))
        node.take(.tick, at: moment(spent + .seconds(12), wall: 100_000))
        #expect(!dials(node.takeOutgoing(), peer))
    }

    /// K17: a partial signature is recorded and waits for the end of its turn when the session expires: nothing of the session leaves any more
    /// but an ABORT, neither at once nor with what is sent lazily.
    @Test func k17NothingWaitsBeyondTheExpiry() throws {
        let (node, session) = try wire.creator([0, 1])
        let peer = try TestKeys.peer(1)
        _ = wire.connect(peer, to: node)
        let secret = try TestKeys.secret(0)
        func say(_ payload: Payload, attempt: UInt32) throws -> FrameItem {
            let body = MessageBody(sessionID: session.bytes, attempt: attempt, index: 0, run: 1, payload: payload)
            return .signedMessage(
                try SignedMessage(body) { try MuSig2Session.Tag.message.sign($0, with: secret).rawRepresentation })
        }
        let partial = try say(
            .partialSigShare(
                PartialSigShare(
                    context: [UInt8](repeating: 1, count: 32), partials: [[UInt8](repeating: 1, count: 32)])),
            attempt: 1)
        let abort = try say(.abort(Abort(reason: .requested, stage: .afterPartial)), attempt: 0)
        let sync = FrameItem.sync(Sync(sessionID: session.bytes, attempt: 1, index: 0, run: 1))
        let stranger = FrameItem.error(ErrorReply(sessionID: [UInt8](repeating: 9, count: 32), code: 1))
        for item in [partial, abort, sync, stranger] { node.machine.outbox.append(item, to: peer) }
        node.machine.outbox.appendLazily(partial, to: peer, at: wire.now.monotonic)
        node.machine.outbox.append(partial, to: try TestKeys.peer(2))
        node.take(.tick, at: moment(.seconds(7_201), wall: 7_201_000))
        #expect(node.machine.sessions[session]?.machine.isOver != false)
        let sent = node.takeOutgoing()
        #expect(try Wire.items(sent, to: peer) == [abort, stranger])
        #expect(try Wire.items(sent, to: try TestKeys.peer(2)).isEmpty)
    }

    /// A machine that sleeps while its process ends: what is to be told has all its time again afterwards.
    @Test func aSleepWhileTheProcessEnds() async throws {
        let network = Parties.network()
        let clock = network.clock
        let slept = Mutex(UInt64(0))
        let creator = try await Parties.party(0, on: network)
        let third = try MuSig2Coordinator(
            network: network.endpoint(for: TestKeys.peer(2)), signer: TestKeys.secret(2), consent: RefuseEverything(),
            timeSource: TimeSource(
                now: {
                    var reading = clock.timeSource.now()
                    reading.wallMilliseconds += slept.withLock { $0 }
                    return reading
                }, sleep: { try await clock.timeSource.sleep($0) }))
        try await third.start()
        let created = try await creator.coordinator.createSession(
            SessionRequest(signers: [creator.publicKey, third.signerKey], messages: [[1]]))
        _ = try await third.previewSession(created.invitation)
        await creator.coordinator.shutdown()
        try await third.decline(created.id)
        let start = clock.uptime
        async let end: Void = third.shutdown()
        while await !third.isStopped {
            // Ten minutes of the wall in nine seconds of the process.
            if clock.uptime - start >= .seconds(9) { slept.withLock { $0 = 600_000 } }
            clock.advance(by: .milliseconds(50))
            for _ in 0..<20 { await Task.yield() }
        }
        await end
        #expect(clock.uptime - start >= .seconds(18))
    }
}
