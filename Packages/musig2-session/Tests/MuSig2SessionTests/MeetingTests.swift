import MuSig2Session
import Multiformats
import SessionSimulation
import Testing
import WireCodec

/// What a signer says to a peer before they know of each other, and to one that carries several signers.
@Suite
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
}
