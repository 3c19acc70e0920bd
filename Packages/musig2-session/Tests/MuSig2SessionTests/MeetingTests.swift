import MuSig2Session
import Multiformats
import SessionSimulation
import Testing
import WireCodec

/// What a signer says to a peer before they know of each other, and to one that carries several signers.
@Suite("Two processes of one signer")
struct MeetingTests {
    /// A peer that showed the announcement stands for the creator until the creator's JOIN is here: it is sent what signers are sent; one
    /// that was only introduced gets the JOIN alone.
    @Test(arguments: [false, true])
    func anAnnouncerStandsForTheCreator(isAnnouncer: Bool) throws {
        var party = try Party.mesh(2)
        let creator = try Fixture.peer(0)
        var sent: [SessionItem] = []
        for input in [
            .introduced(creator, addresses: [], isAnnouncer: isAnnouncer), .approved,
        ] as [SessionInput] {
            sent += try party.take(1, input).frames.filter { $0.to == creator }.flatMap(\.items)
        }
        #expect(sent.compactMap { Party.type($0) } == (isAnnouncer ? [.join, .nonceShare] : [.join]))
        // There is one announcer: another peer that shows a newer announcement takes its place.
        let other = try Fixture.peer(9)
        try party.take(1, .introduced(other, addresses: [], isAnnouncer: true))
        #expect(party.nodes[1].machine.boundPeers == [other])
        // And its JOIN takes the place of either.
        let join = Join(peerID: creator.bytes, addresses: [])
        try party.take(1, .received(party.forged(by: 0, .join(join), attempt: 0), from: creator))
        #expect(party.nodes[1].machine.boundPeers == [creator])
    }

    /// A JOIN that is shown again and again before the approval sets no timer: nothing is asked for before.
    @Test
    func nothingIsAskedForBeforeTheApproval() throws {
        var party = try Party.mesh(2)
        let creator = try Fixture.peer(0)
        let join = party.forged(by: 0, .join(Join(peerID: creator.bytes, addresses: [])), attempt: 0)
        let expiry = party.nodes[1].machine.nextDeadline
        for _ in 0..<3 { try party.take(1, .received(join, from: creator)) }
        #expect(party.nodes[1].machine.nextDeadline == expiry)
    }

    /// A peer carries the signers that its process says it carries: their JOINs name it and count; anybody else's that names it is a lie.
    @Test
    func otherSignersAtTheOwnPeer() throws {
        var party = try Party.mesh(4)
        let own = try Fixture.peer(0)
        let store = SimulatedStore()
        let machine = SessionMachine(
            descriptor: party.descriptor, crypto: party.crypto, index: 0, run: 10,
            local: LocalPeer(peer: own, addresses: [], otherSigners: [1]), configuration: party.configuration,
            ledger: store.ledger, at: party.now)
        party.nodes[0] = SimulatedNode(
            machine: machine, hands: StubHands(crypto: party.crypto, signer: 0), store: store)
        try party.begin(0)
        try party.begin(3)
        try party.run { $0.to == 0 || $0.to == 3 }
        let carrier = try Fixture.peer(3)
        let join = Payload.join(Join(peerID: own.bytes, addresses: []))
        for _ in 0..<2 {
            for signer in [1, 2] {
                try party.take(0, .received(party.forged(by: signer, join, attempt: 0), from: carrier))
            }
        }
        #expect(party.nodes[0].machine.hasJoined(1))
        #expect(!party.nodes[0].machine.hasJoined(2))
        // It is named once, and the relay is not to blame.
        #expect(party.events[0].filter { $0 == .misbehaved(index: 2, .peer) }.count == 1)
        #expect(!party.events[0].contains(.misbehaved(index: 1, .peer)))
        #expect(party.penalties[0].isEmpty)
    }

    /// A JOIN goes again with each SYNC until the peer has sent one, and again to a peer that has become silent. A peer that returns it
    /// says that it did not get the newest, and is shown it again.
    @Test
    func aJoinIsShownUntilItIsHeard() throws {
        var party = try Party.star(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        // The third is away, so that both wait and ask.
        let sync = Sync(
            sessionID: party.descriptor.id.bytes, attempt: 1, index: 0, run: 10, isFinal: false,
            wanted: [Sync.Wanted(.nonceShare, indices: [2])])
        func joinsSent(in steps: Int, whileItSpeaks: Bool) throws -> Int {
            var count = 0
            for _ in 0..<steps {
                party.advance(.seconds(400))
                if whileItSpeaks { try party.take(1, .receivedSync(sync, from: try Fixture.peer(0))) }
                let result = try party.take(1, .tick)
                for frame in result.frames where frame.to == (try Fixture.peer(0)) {
                    count += frame.items.count { Party.type($0) == .join }
                }
                party.flights.removeAll()
            }
            return count
        }
        #expect(try joinsSent(in: 6, whileItSpeaks: true) == 0)
        let own = try #require(party.nodes[0].store.joins[1])
        try party.take(1, .received(own, from: try Fixture.peer(0)))
        #expect(try joinsSent(in: 1, whileItSpeaks: false) == 1)
        #expect(try joinsSent(in: 6, whileItSpeaks: true) == 0)
        // Its steps are five minutes long: three of them without a word.
        #expect(try joinsSent(in: 2, whileItSpeaks: false) == 0)
        #expect(try joinsSent(in: 1, whileItSpeaks: false) == 1)
    }

    /// A peer that becomes silent is shown the JOIN after a few of the first steps, and then at most once in ten seconds.
    @Test
    func aSilentPeerIsShownTheJoinSoonAndSeldom() throws {
        var party = try Party.star(3)
        try party.begin(0)
        try party.begin(1)
        try party.run()
        var shown: [Duration] = []
        for _ in 0..<1_000 {
            party.advance(.milliseconds(100))
            let result = try party.take(1, .tick)
            for frame in result.frames where frame.items.contains(where: { Party.type($0) == .join }) {
                shown.append(party.now.monotonic)
            }
            party.flights.removeAll()
        }
        let first = try #require(shown.first)
        // Two of the first steps, which take 0.75 s, are too few.
        #expect(first > .milliseconds(1_200) && first < .seconds(5))
        #expect(shown.count > 1 && zip(shown, shown.dropFirst()).allSatisfy { $1 - $0 >= .seconds(10) })
    }

    /// A SYNC in a run of which no JOIN is here says nothing, but is answered with the JOIN that is here: once a step, and to the peer
    /// alone that it names.
    @Test
    func aRunThatIsNotKnownIsToldTheOneThatIs() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.runUntilPartials()
        let held = try #require(party.nodes[0].store.joins[1])
        let peer = try Fixture.peer(1)
        func answers(_ run: UInt64, from peer: PeerID) throws -> [SessionItem] {
            let sync = Sync(
                sessionID: party.descriptor.id.bytes, attempt: 1, index: 1, run: run, isFinal: false,
                wanted: [Sync.Wanted(.nonceShare, indices: [0])])
            return try party.take(0, .receivedSync(sync, from: peer)).frames.flatMap(\.items)
        }
        party.advance(.seconds(1))
        #expect(try answers(11, from: peer) == [.signed(held)])
        #expect(try answers(12, from: peer).isEmpty)
        #expect(try answers(11, from: try Fixture.peer(2)).isEmpty)
        party.advance(.seconds(1))
        #expect(try answers(9, from: peer) == [.signed(held)])
    }
}
