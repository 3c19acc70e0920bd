import MuSig2Session
import Multiformats
import Secp256k1
import SessionSimulation
import Testing
import WireCodec

/// What a message may do, by its sender and its time.
@Suite("Rules of messages")
struct MessageRuleTests {
    @Test
    func s1AMessageInAnothersName() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let before = party.nodes[0].machine
        let forged = party.forged(by: 2, .restart(Restart(reason: .requested)), attempt: 2, signedBy: 1)
        let result = try party.take(0, .received(forged, from: Fixture.peer(1)))
        #expect(party.nodes[0].machine == before)
        #expect(result.penalties.map(\.1) == [.badSignature])
        #expect(try result.penalties.map(\.0) == [Fixture.peer(1)])
        #expect(result.frames.isEmpty && result.events.isEmpty)
    }

    @Test
    func s2IndexRunOrAttemptRaised() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let honest = party.forged(by: 2, party.nonceShare(77))
        let before = party.nodes[0].machine
        for (attempt, index, run) in [(2, 2, 10), (1, 2, 11), (1, 1, 10), (46, 2, 10)] as [(UInt32, UInt32, UInt64)] {
            var body = honest.body
            body.attempt = attempt
            body.index = index
            body.run = run
            let raised = SignedMessage(body) { _ in honest.signature }
            let result = try party.take(0, .received(raised, from: Fixture.peer(1)))
            #expect(result.penalties.map(\.1) == [.badSignature])
            #expect(party.nodes[0].machine == before)
        }
    }

    @Test
    func s3AnOldJoinIsAnsweredWithTheNewerOne() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.runUntilPartials()
        let old = party.forged(by: 1, .join(Join(peerID: try Fixture.peer(1).bytes)), attempt: 0, run: 9)
        let held = party.nodes[0].store.joins[1]
        let result = try party.take(0, .received(old, from: Fixture.peer(1)))
        #expect(result.frames.map(\.items) == [[.signed(try #require(held))]])
        #expect(party.nodes[0].store.joins[1] == held)
        // Once per step.
        #expect(try party.take(0, .received(old, from: Fixture.peer(1))).frames.isEmpty)
    }

    @Test
    func s3AnOldAttemptIsAnsweredWithWhatLedToTheNewerOne() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.runUntilPartials()
        try party.take(0, .restart)
        party.flights = []
        let late = party.forged(by: 1, party.nonceShare(5))
        let result = try party.take(0, .received(late, from: Fixture.peer(1)))
        let items = result.frames.flatMap(\.items)
        #expect(items.map(Party.type) == [.restart])
        #expect(try party.take(0, .received(late, from: Fixture.peer(1))).frames.isEmpty)
        #expect(party.statuses[0].attempt == 2)
    }

    @Test
    func s3AnotherSessionsMessage() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.runUntilPartials()
        let body = MessageBody(
            sessionID: [UInt8](repeating: 7, count: 32), attempt: 1, index: 1, run: 10, payload: party.nonceShare(5))
        let foreign = SignedMessage(body) { StubGroup.signature(ofBody: $0, signer: 1) }
        let before = party.nodes[0].machine
        #expect(try party.take(0, .received(foreign, from: Fixture.peer(1))).penalties.map(\.1) == [.outOfPlace])
        #expect(party.nodes[0].machine == before)
    }

    @Test
    func s5APartialBeforeItsNonces() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        // Everything that signer 0 sends comes in the opposite order.
        try party.run { flight in flight.to == 0 }
        party.flights = []
        try party.take(1, .disconnected(Fixture.peer(0)))
        try party.take(0, .disconnected(Fixture.peer(1)))
        try party.take(1, .connected(Fixture.peer(0)))
        try party.take(0, .connected(Fixture.peer(1)))
        party.flights = party.flights.map { Party.Flight(from: $0.from, to: $0.to, items: $0.items.reversed()) }
        try party.run()
        for _ in 0..<20 where !party.areComplete {
            party.advance(.milliseconds(300))
            for index in 0..<2 { try party.take(index, .tick) }
            try party.run()
        }
        #expect(party.areComplete)
        #expect(party.evidence(at: 0).isEmpty && party.evidence(at: 1).isEmpty)
    }

    @Test
    func s5BlameStaysWithSigners() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        // Signer 2 signs a nonce that is no point; signer 1 carries it.
        try party.begin(2)
        party.flights = party.flights.filter { flight in flight.from == 2 }
        party.flights = party.flights.map { flight in
            Party.Flight(
                from: flight.from, to: flight.to, items: flight.items.filter { Party.type($0) == .join })
        }
        try party.run { $0.from == 2 }
        let result = try party.take(0, .received(party.forged(by: 2, party.nonceShare(.max)), from: Fixture.peer(1)))
        #expect(result.events == [.misbehaved(index: 2, .contribution)])
        #expect(party.statuses[0].signers[2].hasNonces == false)
    }

    @Test
    func s15ANewProcessTakesTheBinding() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.runUntilPartials()
        let moved = try Fixture.peer(9)
        let join = party.forged(by: 1, .join(Join(peerID: moved.bytes)), attempt: 0, run: 11)
        try party.take(0, .received(join, from: moved))
        #expect(party.nodes[0].machine.boundPeers == [moved])
        #expect(try party.nodes[0].machine.signers(at: Fixture.peer(1)).isEmpty)
        #expect(party.nodes[0].machine.signers(at: moved) == [1])
        // What the old peer sends is a stranger's.
        let result = try party.take(0, .received(party.forged(by: 1, party.nonceShare(5)), from: Fixture.peer(1)))
        #expect(result.penalties.map(\.1) == [.notBound])
    }

    @Test
    func s21TheOlderDeviceStops() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.run()
        #expect(party.areComplete)
        var again = try Party.mesh(2)
        try again.beginAll()
        try again.runUntilPartials()
        again.advance(.seconds(3))
        let other = again.forged(by: 0, .join(Join(peerID: try Fixture.peer(0).bytes)), attempt: 0, run: 11)
        let result = try again.take(0, .received(other, from: Fixture.peer(1)))
        #expect(result.events == [.superseded])
        #expect(result.frames.isEmpty)
        #expect(again.statuses[0].phase == .superseded)
        #expect(try again.take(0, .received(other, from: Fixture.peer(1))).frames.isEmpty)
    }

    @Test
    func s21ARunWithAClockBehindTakesAHigherOneOnce() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        let higher = party.forged(by: 1, .join(Join(peerID: try Fixture.peer(1).bytes)), attempt: 0, run: 50)
        party.flights = []
        // Signer 0 is known, and returns what it holds.
        let hello = party.forged(by: 0, .join(Join(peerID: try Fixture.peer(0).bytes)), attempt: 0)
        try party.take(1, .received(hello, from: Fixture.peer(0)))
        try party.take(1, .received(higher, from: Fixture.peer(0)))
        #expect(party.nodes[1].machine.currentRun == 51)
        #expect(party.events[1].filter { $0 == .joined } == [.joined])
        let next = party.forged(by: 1, .join(Join(peerID: try Fixture.peer(1).bytes)), attempt: 0, run: 52)
        #expect(try party.take(1, .received(next, from: Fixture.peer(0))).events == [.superseded])
    }

    @Test
    func s24Strangers() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.runUntilPartials()
        let stranger = try Fixture.peer(42)
        let before = party.nodes[0].machine
        let sync = Sync(sessionID: party.descriptor.id.bytes, attempt: 1, index: 1, run: 10)
        for input in [
            .receivedSync(sync, from: stranger),
            .received(party.forged(by: 1, party.nonceShare(5)), from: stranger),
            .received(party.forged(by: 1, .restart(Restart(reason: .requested)), attempt: 7), from: stranger),
            .received(
                party.forged(by: 1, .join(Join(peerID: try Fixture.peer(1).bytes)), attempt: 0, run: 11), from: stranger
            ),
        ] as [SessionInput] {
            let result = try party.take(0, input)
            #expect(result.frames.isEmpty && result.events.isEmpty)
            #expect(party.nodes[0].machine == before)
        }
    }

    @Test
    func s26NoEndlessAnswers() throws {
        // Two that are complete, two that are aborted, and two in different attempts: `run` fails after too many
        // frames.
        var complete = try Party.mesh(2)
        try complete.beginAll()
        try complete.run()
        let echo = complete.forged(by: 1, complete.nonceShare(5))
        try complete.take(0, .received(echo, from: Fixture.peer(1)))
        try complete.run()
        #expect(complete.areComplete)

        var aborted = try Party.mesh(2)
        try aborted.beginAll()
        try aborted.runUntilPartials()
        try aborted.take(0, .abort(text: ""))
        try aborted.take(1, .abort(text: ""))
        try aborted.run()
        #expect(try aborted.take(0, .received(echo, from: Fixture.peer(1))).frames.count <= 1)
        try aborted.run()

        var apart = try Party.mesh(2)
        try apart.beginAll()
        try apart.runUntilPartials()
        for _ in 0..<5 { try apart.take(0, .restart) }
        apart.flights = []
        for index in 0..<2 {
            apart.advance(.seconds(1))
            try apart.take(index, .tick)
        }
        try apart.run()
        #expect(apart.areComplete)
    }

    @Test
    func r7AFloodOfSyncs() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let everything = [MessageType.join, .nonceShare, .partialSigShare].map { Sync.Wanted($0, indices: [0, 1, 2]) }
        let sync = Sync(
            sessionID: party.descriptor.id.bytes, attempt: 1, index: 1, run: 10, wanted: everything)
        party.advance(.seconds(1))
        var items = 0
        for _ in 0..<1_000 {
            items += try party.take(0, .receivedSync(sync, from: Fixture.peer(1))).frames.flatMap(\.items).count
        }
        // Three JOINs, three nonces and the own partial, each once.
        #expect(items == 7)
        party.advance(.milliseconds(250))
        let again = try party.take(0, .receivedSync(sync, from: Fixture.peer(1))).frames.flatMap(\.items)
        #expect(again.count == 7)
    }

    @Test
    func duplicatesAndResignedMessagesChangeNothing() throws {
        var party = try Party.mesh(2)
        try party.beginAll()
        try party.runUntilPartials()
        let join = try #require(party.nodes[0].store.joins[1])
        let before = party.nodes[0].machine
        let result = try party.take(0, .received(join, from: Fixture.peer(1)))
        #expect(party.nodes[0].machine == before)
        #expect(result.frames.isEmpty && result.events.isEmpty && result.penalties.isEmpty)
    }

    @Test
    func kindsThatDoNotBelong() throws {
        var mesh = try Party.mesh(2)
        try mesh.beginAll()
        try mesh.runUntilPartials()
        var star = try Party.star(2)
        try star.beginAll()
        try star.run { _ in true }
        let leaves = Array(repeating: [UInt8](repeating: 0, count: 32), count: 2)
        let complete = Payload.noncesComplete(
            NoncesComplete(leaves: leaves, aggregateNonces: [[UInt8](repeating: 0, count: 66)]))
        let commit = Payload.nonceCommit(NonceCommit(leaf: [UInt8](repeating: 1, count: 32)))
        for payload in [complete, commit, .restart(Restart(reason: .requested))] {
            let result = try mesh.take(0, .received(mesh.forged(by: 1, payload), from: Fixture.peer(1)))
            #expect(result.penalties.map(\.1) == [.outOfPlace], "\(payload.type)")
        }
        let farIndex = MessageBody(
            sessionID: mesh.descriptor.id.bytes, attempt: 1, index: 2, run: 10, payload: mesh.nonceShare(5))
        let far = SignedMessage(farIndex) { StubGroup.signature(ofBody: $0, signer: 2) }
        #expect(try mesh.take(0, .received(far, from: Fixture.peer(1))).penalties.map(\.1) == [.outOfPlace])
    }
}
