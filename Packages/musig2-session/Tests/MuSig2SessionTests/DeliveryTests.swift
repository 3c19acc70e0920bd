import MuSig2Session
import Multiformats
import SessionSimulation
import Testing
import WireCodec

/// A signer that has the signatures sees to it that those get them that rely on it.
@Suite("Delivery of the signatures")
struct DeliveryTests {
    private func isPartial(_ flight: Party.Flight) -> Bool {
        flight.items.contains { Party.type($0) == .partialSigShare }
    }

    /// The last partial went into a connection that was dead: its signer dials the others until they have the signatures.
    @Test
    func inAMeshASignerThatCompletedAloneDials() throws {
        var party = try Party.mesh(3)
        try party.beginAll()
        try party.run { !(isPartial($0) && $0.from == 2) }
        let signatures = try #require(party.nodes[2].machine.signatures)
        #expect(party.nodes[0].machine.signatures == nil && party.nodes[1].machine.signatures == nil)
        #expect(party.statuses[2].undelivered == [0, 1])
        for other in 0...1 {
            let result = try party.nodes[2].turn(.disconnected(Fixture.peer(other)), at: party.now) { _ in false }
            // Nobody else: each has its own back-off.
            #expect(try result.dials == [Fixture.peer(other)])
            try party.take(other, .disconnected(Fixture.peer(2)))
        }
        party.flights = []
        for other in 0...1 {
            try party.take(2, .connected(Fixture.peer(other)))
            try party.take(other, .connected(Fixture.peer(2)))
        }
        try party.run()
        #expect(party.nodes[0].machine.signatures == signatures && party.nodes[1].machine.signatures == signatures)
        #expect(party.statuses.map(\.undelivered) == [[], [], []])
        #expect(party.nodes.allSatisfy { $0.machine.allAreFinal })
        // A signer that has them is dialed for them no more.
        let result = try party.nodes[2].turn(.disconnected(Fixture.peer(0)), at: party.now) { _ in false }
        #expect(result.dials.isEmpty)
    }

    /// A peer that was only heard of, and connects when the session is complete here, is told which signer says so: it would wait for that signer's word
    /// otherwise, and could not be told itself.
    @Test
    func aPeerThatWasOnlyNamedHearsTheJoinFirst() throws {
        var party = try Party.mesh(3)
        let others = try [0, 1].map { try Fixture.peer($0) }
        try party.begin(0)
        try party.begin(2)
        try party.run()
        // Signer 1 is not in touch with signer 2: each hears of the other through signer 0.
        try party.begin(1)
        try party.run { flight in
            !(flight.from + flight.to == 3 || isPartial(flight) && flight.from == 2)
        }
        for _ in 0..<12 where party.nodes[2].machine.signatures == nil {
            party.advance(.seconds(1))
            for index in 0..<3 { try party.take(index, .tick) }
            try party.run { !($0.from + $0.to == 3 || isPartial($0) && $0.from == 2) }
        }
        #expect(party.nodes[2].machine.signatures != nil && party.nodes[1].machine.signatures == nil)
        #expect(party.nodes[2].machine.signers(at: others[1]).isEmpty)
        for (one, other) in [(1, 2), (2, 1)] {
            _ = try party.nodes[one].turn(.disconnected(Fixture.peer(other)), at: party.now) { _ in false }
        }
        party.flights = []
        let first = try party.take(2, .connected(others[1]))
        #expect(first.frames.flatMap(\.items).map { Party.type($0) } == [.join, nil])
        try party.take(1, .connected(Fixture.peer(2)))
        try party.run()
        #expect(party.nodes[1].machine.signatures != nil)
        #expect(!party.statuses[1].undelivered.contains(2) && !party.statuses[2].undelivered.contains(1))
    }

    /// In a star the coordinator delivers to all, and the others know from its signatures that it has them.
    @Test
    func inAStarTheCoordinatorDials() throws {
        var party = try Party.star(3)
        try party.beginAll()
        try party.run { flight in
            !flight.items.contains { if case .finalized = $0 { flight.to == 2 } else { false } }
        }
        #expect(party.nodes[0].machine.signatures != nil && party.nodes[1].machine.signatures != nil)
        #expect(party.nodes[2].machine.signatures == nil)
        #expect(party.statuses[0].undelivered == [2])
        #expect(party.statuses[1].undelivered == [])
        let result = try party.nodes[0].turn(.disconnected(Fixture.peer(2)), at: party.now) { _ in false }
        #expect(try result.dials == [Fixture.peer(2)])
    }

    /// A signer of a star that has the signatures from elsewhere tells the coordinator.
    @Test
    func inAStarTheOthersTellTheCoordinator() throws {
        var donor = try Party.star(3)
        try donor.beginAll()
        try donor.run()
        let signatures = try #require(donor.nodes[0].machine.signatures)
        var party = try Party.star(3)
        try party.beginAll()
        try party.run { !isPartial($0) }
        try party.take(1, .offered(signatures))
        #expect(party.statuses[1].undelivered == [0])
        let result = try party.nodes[1].turn(.disconnected(Fixture.peer(0)), at: party.now) { _ in false }
        #expect(try result.dials == [Fixture.peer(0)])
    }
}
