import Multiformats
import SessionSimulation
import Testing
import WireCodec

@testable import MuSig2Session

@Suite("The roster")
struct RosterTests {
    private let configuration: SessionConfiguration = {
        var configuration = SessionConfiguration()
        configuration.relayedJoinsPerMinute = 1
        return configuration
    }()

    private func join(_ signer: Int, run: UInt64) throws -> JoinSlot {
        let peer = try Fixture.peer(signer)
        let payload = Payload.join(Join(peerID: peer.bytes, addresses: []))
        let message = try Party.mesh(2).forged(by: signer, payload, attempt: 0, run: run)
        return JoinSlot(message: message, peer: peer, addresses: [])
    }

    @Test("A JOIN makes a DECLINE void")
    func decline() throws {
        var roster = Roster(signers: 2)
        let message = try Party.mesh(2).forged(by: 1, .decline(Decline(reason: "no")), attempt: 0)
        roster.enter(DeclineSlot(message: message, reason: "no"), 1)
        #expect(roster.isDecided(1, run: 99))
        #expect(!roster.hasJoined(1))
        let wasDeclined = roster.enter(try join(1, run: 10), 1)
        #expect(wasDeclined)
        #expect(roster.declines.isEmpty)
        #expect(roster.hasJoined(1))
        #expect(roster.isDecided(1, run: 10))
        #expect(!roster.isDecided(1, run: 11))
        #expect(!roster.hasJoined(2))
    }

    @Test("JOINs that come too often wait, the newest of a signer, and enter in time")
    func pace() throws {
        var roster = Roster(signers: 2)
        func weigh(_ run: UInt64, at time: Duration) throws -> Roster.OnNewerJoin {
            roster.weigh(try join(1, run: run), 1, isShown: false, configuration, at: time)
        }
        #expect(try weigh(10, at: .zero) == .enters)
        roster.enter(try join(1, run: 10), 1)
        #expect(try weigh(11, at: .zero) == .enters)
        roster.enter(try join(1, run: 11), 1)
        #expect(try weigh(13, at: .seconds(1)) == .waits)
        #expect(try weigh(12, at: .seconds(2)) == .isDropped)
        let isWaiting = roster.isWaiting(try join(1, run: 13).message, 1, from: try Fixture.peer(0))
        #expect(isWaiting)
        #expect(roster.nextDue == .seconds(60))
        #expect(roster.takeDue(configuration, at: .seconds(59)).count == 0)
        let due = roster.takeDue(configuration, at: .seconds(60))
        #expect(due.map(\.slot.run) == [13])
        #expect(roster.nextDue == nil)
    }

    @Test("What its own peer shows has a pace of its own")
    func shown() throws {
        var roster = Roster(signers: 2)
        roster.enter(try join(1, run: 10), 1)
        for run in UInt64(11)..<31 {
            let next = try join(1, run: run)
            #expect(roster.weigh(next, 1, isShown: true, configuration, at: .zero) == .enters)
        }
    }

    @Test("Claims, convictions and broadcasts count once")
    func once() {
        var roster = Roster(signers: 2)
        #expect(roster.noteClaim(1) == true)
        #expect(roster.noteClaim(1) == false)
        #expect(roster.convict(1) == true)
        #expect(roster.convict(1) == false)
        #expect(roster.isConvicted(1))
        #expect(roster.noteBroadcast(0) == true)
        #expect(roster.hasBroadcast(0))
    }
}

@Suite("The table of peers")
struct PeerTableTests {
    private let configuration: SessionConfiguration = {
        var configuration = SessionConfiguration()
        configuration.spareIntroductions = 0
        return configuration
    }()

    private func introduce(
        _ number: Int, to table: inout PeerTable, at time: Duration
    ) throws -> PeerTable.OnIntroduction {
        table.introduce(try Fixture.peer(number), [], signers: 2, configuration, at: time)
    }

    @Test("Peers are in byte order, whatever the order in which they come")
    func order() throws {
        var table = PeerTable()
        for number in [5, 1, 3] {
            table.bind(number, at: try Fixture.peer(number), isPresented: true, signers: 8)
        }
        let sorted = try [1, 3, 5].map { try Fixture.peer($0) }
        #expect(table.entries.map(\.peer) == sorted)
        #expect(try table.presents(3, at: Fixture.peer(3)))
        #expect(try !table.presents(3, at: Fixture.peer(1)))
    }

    @Test("A stranger makes room for another after its time")
    func strangers() throws {
        var table = PeerTable()
        _ = try introduce(1, to: &table, at: .zero)
        _ = try introduce(2, to: &table, at: .seconds(1))
        let early = try introduce(3, to: &table, at: .seconds(29))
        #expect(early.entry == nil)
        let late = try introduce(3, to: &table, at: .seconds(30))
        let first = try Fixture.peer(1)
        #expect(late.removed == first)
        #expect(late.entry != nil)
        // A peer that a JOIN names is no stranger.
        table.bind(0, at: try Fixture.peer(2), isPresented: false, signers: 2)
        let next = try introduce(4, to: &table, at: .seconds(30))
        #expect(next.entry != nil)
        #expect(next.removed == nil)
    }

    @Test("A peer that names nobody any more goes, unless it was introduced")
    func unbind() throws {
        var table = PeerTable()
        let peer = try Fixture.peer(1)
        table.bind(1, at: peer, isPresented: true, signers: 2)
        #expect(table.isBound(peer))
        #expect(table.unbind(1, at: peer) == true)
        #expect(table.index(of: peer) == nil)
        _ = try introduce(1, to: &table, at: .zero)
        table.bind(1, at: peer, isPresented: true, signers: 2)
        #expect(table.unbind(1, at: peer) == false)
        #expect(table.index(of: peer) != nil)
    }

    @Test("One peer at most is the announcer")
    func announcer() throws {
        var table = PeerTable()
        let first = try introduce(1, to: &table, at: .zero)
        table.setAnnouncer(first.entry)
        let second = try introduce(2, to: &table, at: .zero)
        table.setAnnouncer(second.entry)
        let announcer = try Fixture.peer(2)
        #expect(table.entries.filter { $0.state.isAnnouncer }.map { $0.peer } == [announcer])
        table.setAnnouncer(nil)
        #expect(!table.entries.contains { $0.state.isAnnouncer })
    }

    @Test("A peer is shown each piece of evidence once")
    func evidence() throws {
        var table = PeerTable()
        table.bind(1, at: try Fixture.peer(1), isPresented: true, signers: 2)
        let message = try Party.mesh(2).forged(by: 0, .broadcastDone(BroadcastDone(transactionID: [])), attempt: 0)
        #expect(table.keep(message, from: nil, atMost: 1) == true)
        #expect(table.keep(message, from: nil, atMost: 1) == false)
        #expect(table.takeEvidence(for: 0) == [message])
        #expect(table.takeEvidence(for: 0).count == 0)
    }

    @Test("The sender of evidence is not shown it")
    func evidenceOfSender() throws {
        var table = PeerTable()
        let peer = try Fixture.peer(1)
        table.bind(1, at: peer, isPresented: true, signers: 2)
        let message = try Party.mesh(2).forged(by: 0, .broadcastDone(BroadcastDone(transactionID: [])), attempt: 0)
        #expect(table.keep(message, from: peer, atMost: 4) == true)
        #expect(table.takeEvidence(for: 0).count == 0)
    }
}

@Suite("What a session knows of a peer")
struct PeerStateTests {
    @Test("A step that follows too soon is none")
    func steps() {
        var state = PeerState(signers: 2)
        #expect(state.beginStep(1, pause: .milliseconds(125), at: .zero) == false)
        state.bind(1, isPresented: true, signers: 2)
        #expect(state.beginStep(1, pause: .milliseconds(125), at: .zero) == true)
        #expect(state.exchange.answer(.attempt) == true)
        #expect(state.beginStep(1, pause: .milliseconds(125), at: .milliseconds(100)) == false)
        #expect(state.exchange.answer(.attempt) == false)
        #expect(state.beginStep(1, pause: .milliseconds(125), at: .milliseconds(125)) == true)
        #expect(state.exchange.answer(.attempt) == true)
    }

    @Test("A peer that has not been heard, or is silent for long, is shown the JOIN")
    func silence() {
        var state = PeerState(signers: 2)
        state.bind(1, isPresented: true, signers: 2)
        #expect(state.needsJoin(after: .seconds(3), .seconds(10), at: .zero) == true)
        state.change(1) { $0.quietSince = .zero }
        #expect(state.needsJoin(after: .seconds(3), .seconds(10), at: .seconds(2)) == false)
        #expect(state.needsJoin(after: .seconds(3), .seconds(10), at: .seconds(3)) == true)
        // After that there is a pause.
        #expect(state.needsJoin(after: .seconds(3), .seconds(10), at: .seconds(15)) == false)
        #expect(state.needsJoin(after: .seconds(3), .seconds(10), at: .seconds(16)) == true)
        state.doubtSyncs()
        #expect(state.needsJoin(after: .seconds(3), .seconds(10), at: .seconds(16)) == true)
    }

    @Test("A new run keeps the binding, and no word of having the signatures")
    func rebind() {
        var state = PeerState(signers: 4)
        state.bind(2, isPresented: true, signers: 4)
        state.bind(1, isPresented: false, signers: 4)
        #expect(state.bindings.map(\.signer) == [1, 2])
        state.change(2) { $0.isFinal = true }
        #expect(state.isFinal)
        #expect(!state.isOnly(2))
        state.bind(2, isPresented: true, signers: 4)
        #expect(!state.isFinal)
    }

    @Test("Another connection has been sent nothing")
    func reset() {
        var state = PeerState(signers: 2)
        state.bind(1, isPresented: true, signers: 2)
        state.change(1) { $0.wants.insert(Slot(.nonces, 0)) }
        #expect(state.wants(Slot(.nonces, 0)))
        state.noteSent(Slot(.nonces, 0))
        #expect(!state.wants(Slot(.nonces, 0)))
        #expect(state.exchange.sent.contains(Slot(.nonces, 0)))
        state.reset(isConnected: true)
        #expect(state.isReachable)
        #expect(state.exchange.sent.isEmpty)
    }
}
