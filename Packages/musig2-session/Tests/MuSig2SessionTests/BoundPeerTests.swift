import MuSig2Session
import Multiformats
import SessionSimulation
import Testing
import WireCodec

/// Which peers count: a JOIN binds a peer when that peer has shown it itself.
@Suite("Bound peers")
struct BoundPeerTests {
    private func join(_ party: Party, by signer: Int, run: UInt64, at peer: Int, _ addresses: [[UInt8]] = []) throws
        -> SignedMessage
    {
        let join = Join(peerID: try Fixture.peer(peer).bytes, addresses: addresses)
        return party.forged(by: signer, .join(join), attempt: 0, run: run)
    }

    private func sync(
        _ party: Party, by signer: UInt32, run: UInt64, isFinal: Bool = false, wanting indices: [UInt32] = [0]
    ) -> Sync {
        Sync(
            sessionID: party.descriptor.id.bytes, attempt: 1, index: signer, run: run, isFinal: isFinal,
            wanted: [Sync.Wanted(.join, indices: indices), Sync.Wanted(.nonceShare, indices: indices)])
    }

    private func types(_ result: TurnResult, to peer: Int) throws -> [MessageType?] {
        let peer = try Fixture.peer(peer)
        return result.frames.filter { $0.to == peer }.flatMap(\.items).map { Party.type($0) }
    }

    @Test
    func s32ThePeerOfAnotherIsClaimed() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let claim = try join(party, by: 2, run: (1 << 63) - 1, at: 1)
        try party.take(0, .received(claim, from: Fixture.peer(2)))
        party.advance(.seconds(1))
        let answer = try party.take(0, .receivedSync(sync(party, by: 1, run: 10), from: Fixture.peer(1)))
        #expect(try types(answer, to: 1) == [.join, .nonceShare])
        // It says nothing in the name of the signer that claims it.
        party.advance(.seconds(1))
        let other = try party.take(
            0, .receivedSync(sync(party, by: 2, run: (1 << 63) - 1), from: Fixture.peer(1)))
        #expect(other.frames.isEmpty)
    }

    @Test
    func twoSignersOnOnePeerAreBothAnswered() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        for (signer, run) in [(1, 10), (2, 20)] as [(Int, UInt64)] {
            try party.take(0, .received(join(party, by: signer, run: run, at: 1), from: Fixture.peer(1)))
        }
        for (signer, run) in [(1, 10), (2, 20)] as [(UInt32, UInt64)] {
            // What crossed the first one answers it.
            try party.take(0, .receivedSync(sync(party, by: signer, run: run), from: Fixture.peer(1)))
            party.advance(.seconds(1))
            let answer = try party.take(0, .receivedSync(sync(party, by: signer, run: run), from: Fixture.peer(1)))
            #expect(try types(answer, to: 1).contains(.join), "signer \(signer)")
        }
        // One that says that it has the signatures does not say so for the other.
        let final = sync(party, by: 2, run: 20, isFinal: true, wanting: [1])
        try party.take(0, .receivedSync(final, from: Fixture.peer(1)))
        party.advance(.seconds(1))
        let answer = try party.take(0, .receivedSync(sync(party, by: 1, run: 10), from: Fixture.peer(1)))
        #expect(try types(answer, to: 1).contains(.join))
    }

    @Test
    func p3AnIntroducedPeerIsSentTheJoinAlone() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let stranger = try Fixture.peer(42)
        var sent: [SessionItem] = []
        func note(_ result: TurnResult) { sent += result.frames.filter { $0.to == stranger }.flatMap(\.items) }
        note(try party.take(0, .introduced(stranger, addresses: [])))
        for _ in 0..<8 {
            party.advance(.seconds(20))
            note(try party.take(0, .tick))
        }
        note(try party.take(0, .restart))
        let others = sent.filter { Party.type($0) != .join }
        #expect(!sent.isEmpty && others.isEmpty)
        #expect(sent.allSatisfy { if case .signed(let message) = $0 { message.body.index == 0 } else { false } })
    }

    @Test
    func whatComesFromAPeerThatOnlyARelayNamedDoesNotCount() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        let claim = try join(party, by: 2, run: 10, at: 2)
        try party.take(0, .received(claim, from: Fixture.peer(1)))
        #expect(party.nodes[0].machine.hasJoined(2))
        let before = party.nodes[0].machine
        party.advance(.seconds(1))
        for input in [
            .receivedSync(sync(party, by: 2, run: 10), from: try Fixture.peer(2)),
            .received(party.forged(by: 2, party.nonceShare(5)), from: try Fixture.peer(2)),
            .received(
                party.forged(by: 1, .restart(Restart(reason: .requested)), attempt: 7), from: try Fixture.peer(2)),
        ] as [SessionInput] {
            let result = try party.take(0, input)
            #expect(result.frames.isEmpty && result.events.isEmpty && result.penalties.isEmpty)
        }
        #expect(party.nodes[0].machine.status.signers[2].hasNonces == false)
        #expect(party.nodes[0].machine.status.attempt == before.status.attempt)
        // The JOIN is in its slot already; shown by the peer itself, it counts all the same.
        try party.take(0, .received(claim, from: Fixture.peer(2)))
        try party.take(0, .received(party.forged(by: 2, party.nonceShare(5)), from: Fixture.peer(2)))
        #expect(party.nodes[0].machine.status.signers[2].hasNonces)
        try party.take(0, .receivedSync(sync(party, by: 2, run: 10), from: Fixture.peer(2)))
        party.advance(.seconds(1))
        let answer = try party.take(0, .receivedSync(sync(party, by: 2, run: 10), from: Fixture.peer(2)))
        #expect(try types(answer, to: 2).contains(.nonceShare))
    }

    @Test
    func aPeerIsAskedForTheJoinThatItHasNotShown() throws {
        var party = try Party.mesh(4)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        let claim = try join(party, by: 3, run: 10, at: 3)
        try party.take(0, .received(claim, from: Fixture.peer(1)))
        var asked: [[UInt32]] = []
        for _ in 0..<6 {
            party.advance(.seconds(20))
            for (peer, items) in try party.take(0, .tick).frames where try peer == Fixture.peer(3) {
                for case .sync(let sync) in items {
                    // What the others take is in order.
                    #expect(try Sync(decoding: sync.encoded()) == sync)
                    asked += sync.wanted.filter { $0.type == .join }.map(\.indices)
                }
            }
        }
        #expect(asked.contains { $0.contains(3) } && asked.contains([2, 3]))
    }

    @Test
    func onlyTheNetworkSaysWhichPeersAreConnected() throws {
        var party = try Party.mesh(2)
        try party.begin(0)
        let peer = try Fixture.peer(1)
        func give(_ input: SessionInput) throws -> TurnResult {
            try party.nodes[0].turn(input, at: party.now) { _ in false }
        }
        _ = try give(.received(join(party, by: 1, run: 10, at: 1), from: peer))
        _ = try give(.receivedSync(sync(party, by: 1, run: 10), from: peer))
        #expect(!party.nodes[0].machine.status.signers[1].isConnected)
        _ = try give(.connected(peer))
        #expect(party.nodes[0].machine.status.signers[1].isConnected)
    }

    @Test
    func anAbortCountsFromAnyPeer() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let stranger = try Fixture.peer(42)
        let abort = Payload.abort(Abort(reason: .requested, stage: .beforePartial))
        let forged = try party.take(
            0, .received(party.forged(by: 1, abort, attempt: 0, signedBy: 2), from: stranger))
        #expect(forged.penalties.map(\.1) == [.badSignature])
        #expect(!party.nodes[0].machine.isOver)
        try party.take(0, .received(party.forged(by: 1, abort, attempt: 0), from: stranger))
        #expect(party.nodes[0].machine.isOver)
    }

    @Test
    func aJoinThatNamesTheOwnPeerIsNotKept() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        let result = try party.take(0, .received(join(party, by: 2, run: 10, at: 0), from: Fixture.peer(1)))
        #expect(!party.nodes[0].machine.hasJoined(2))
        #expect(result.frames.isEmpty && result.penalties.isEmpty)
        #expect(party.nodes[0].store.joins[2] == nil)
    }
}

/// How many peers a session has, and how many it wants dialed.
@Suite("How many peers a session has")
struct PeerBoundTests {
    private func stranger(_ number: Int) throws -> PeerID { try Fixture.peer(300 + number) }

    @Test
    func introducedPeersAreBounded() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        func introduce(_ numbers: Range<Int>) throws -> (asked: Int, released: Int) {
            var asked: Set<PeerID> = []
            var released = 0
            for number in numbers {
                let result = try party.nodes[0].turn(
                    .introduced(stranger(number), addresses: [[UInt8(number % 256)]]), at: party.now
                ) { _ in false }
                asked.formUnion(result.requests.map(\.peer))
                released += result.released.count
            }
            return (asked.count, released)
        }
        #expect(try introduce(0..<1_000) == (11, 0))
        // One that shows no JOIN in its time makes room.
        party.advance(.seconds(31))
        #expect(try introduce(1_000..<2_000) == (11, 11))
    }

    @Test
    func thousandsOfJoinsKeepOnePeer() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        let relay = try Fixture.peer(1)
        let own = party.forged(by: 1, .join(Join(peerID: relay.bytes)), attempt: 0, run: 5)
        try party.take(0, .received(own, from: relay))
        var asked: Set<PeerID> = []
        var released = 0
        var rows = 0
        for number in 0..<3_000 {
            let join = Join(peerID: try stranger(number).bytes, addresses: [[UInt8(number % 256)]])
            let message = party.forged(by: 2, .join(join), attempt: 0, run: UInt64(1_000 + number))
            let before = party.nodes[0].store.writes
            let result = try party.nodes[0].turn(.received(message, from: relay), at: party.now) { _ in false }
            #expect(result.penalties.isEmpty)
            asked.formUnion(result.requests.map(\.peer))
            released += result.released.count
            rows += party.nodes[0].store.writes - before
        }
        // The first one, and six that took its place.
        #expect(asked.count == 7 && released == 6 && rows == 7)
        // The last one waited.
        party.advance(.seconds(60))
        _ = try party.nodes[0].turn(.tick, at: party.now) { _ in false }
        #expect(party.nodes[0].machine.status.signers[2].peer == (try stranger(2_999)))
    }

    @Test
    func theAuthorOfAFloodIsNamed() throws {
        var party = try Party.mesh(3)
        try party.begin(0)
        let author = try Fixture.peer(2)
        var rows = 0
        var penalties: [SessionOffense] = []
        for number in 0..<1_000 {
            // At another peer and back.
            for (peer, run) in [(try stranger(number), 1_001), (author, 1_002)] as [(PeerID, UInt64)] {
                let message = party.forged(
                    by: 2, .join(Join(peerID: peer.bytes)), attempt: 0, run: run + 2 * UInt64(number))
                let before = party.nodes[0].store.writes
                let result = try party.take(0, .received(message, from: author))
                rows += party.nodes[0].store.writes - before
                penalties += result.penalties.map(\.1)
            }
        }
        #expect(penalties.count > 1_300 && penalties.allSatisfy { $0 == .outOfPlace || $0 == .notBound })
        // Six elsewhere, six hundred back, the first one, and the nonces that are drawn when it comes.
        #expect(rows == 608)
    }

    @Test
    func aSignerThatRestartsEachSecondIsHeard() throws {
        var party = try Party.mesh(2)
        try party.begin(0)
        for number in 0..<100 {
            let join = Join(peerID: try Fixture.peer(1).bytes)
            let message = party.forged(by: 1, .join(join), attempt: 0, run: UInt64(100 + number))
            let result = try party.take(0, .received(message, from: Fixture.peer(1)))
            #expect(result.penalties.isEmpty)
            #expect(!result.frames.isEmpty)
            party.advance(.seconds(1))
        }
    }

    @Test
    func inAStarTheCoordinatorsAreDialledAlone() throws {
        var party = try Party.star(5)
        try party.begin(1)
        var asked: Set<PeerID> = []
        let creator = try Fixture.peer(0)
        for signer in [0, 2, 3, 4] {
            let join = Join(peerID: try Fixture.peer(signer).bytes, addresses: [[1]])
            let message = party.forged(by: signer, .join(join), attempt: 0)
            let result = try party.nodes[1].turn(.received(message, from: creator), at: party.now) { $0 == creator }
            asked.formUnion(result.requests.map(\.peer))
        }
        #expect(asked == [creator])
        // It coordinates attempt 2 itself, and the one after it attempt 3.
        let own = try party.nodes[1].turn(.restart, at: party.now) { $0 == creator }
        #expect(Set(own.requests.map(\.peer)) == Set(try (2...4).map { try Fixture.peer($0) }))
        let next = try party.nodes[1].turn(.restart, at: party.now) { $0 == creator }
        #expect(next.requests.map(\.peer).contains(try Fixture.peer(2)))
        #expect(!next.requests.map(\.peer).contains(try Fixture.peer(4)))
    }
}
