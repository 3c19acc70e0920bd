import KademliaDHT
import KademliaSimulation
import Testing

/// Small networks on virtual time, with tables checked again and again. Large ones are in the heavy tests.
@Suite("Small networks on virtual time")
struct SimulationTests {
    static let second: Int64 = 1_000_000

    /// k is 8, so that a small network is larger than a bucket.
    private func network(_ servers: Int, clients: Int, seed: UInt64) throws -> Simulation {
        var configuration = Kademlia.Configuration()
        configuration.bucketSize = 8
        configuration.concurrency = 4
        let simulation = Simulation(
            try Population(servers + clients, seed: seed), seed: seed, configuration: configuration)
        var steps = 0
        simulation.afterStep = { machine in
            steps += 1
            if steps % 25 == 0 { #expect(machine._checkInvariants() == [], "seed \(seed)") }
        }
        for number in 0..<(servers + clients) {
            simulation.at(Int64(number) * Self.second) {
                $0.join(number, trusting: [0, 1], mode: number < servers ? .server : .client)
            }
        }
        simulation.run(until: 240 * Self.second)
        return simulation
    }

    @Test(arguments: [1, 2] as [UInt64])
    func serversAndClients(seed: UInt64) throws {
        let simulation = try network(24, clients: 6, seed: seed)
        for node in simulation.nodes { #expect(node?.machine.status.isReady == true, "seed \(seed)") }
        // No client is told of.
        var found: [Kademlia.Contact] = []
        simulation.start(.closestPeers([1, 2, 3]), at: 25) { _, ending in
            if case .closestPeers(let contacts) = ending.outcome { found = contacts }
        }
        simulation.run(until: 250 * Self.second)
        #expect(found.count == 8)
        #expect(found.allSatisfy { (simulation.population.number($0.peer) ?? 99) < 24 }, "seed \(seed)")

        let workload = Workload(simulation)
        workload.publish(10, from: 260 * Self.second, to: 270 * Self.second)
        workload.lookUp(30, from: 300 * Self.second, to: 330 * Self.second)
        simulation.run(until: 360 * Self.second)
        for kind in [Workload.Kind.providers, .value] {
            #expect(
                workload.figures[kind]?.tried == workload.figures[kind]?.succeeded, "seed \(seed): \(workload.failures)"
            )
        }
    }

    @Test func theSameSeedGivesTheSameRun() throws {
        let (one, other) = (try network(20, clients: 4, seed: 9), try network(20, clients: 4, seed: 9))
        #expect(one.messages == other.messages && one.messages > 1_000)
        #expect(one.background == other.background)
    }

    /// S12: seven of the eight nodes closest to a key turn hostile after a record was stored. Nothing wrong is returned as right.
    @Test(arguments: Hostility.allCases)
    func s12NinetyPercentOfTheNearestAreHostile(hostility: Hostility) throws {
        let simulation = try network(24, clients: 2, seed: 5)
        let key = Array("/counter/s12".utf8)
        let value = CounterRules.value(2, "value")
        var outcomes: [Kademlia.Outcome] = []
        simulation.start(.putValue(key, value: value, for: .seconds(3_600)), at: 24) { outcomes.append($1.outcome) }
        simulation.run(until: 250 * Self.second)
        #expect(outcomes == [.stored(servers: 8)])
        let target = KademliaKey(digest: SHA256.hash(key))
        let keys = simulation.population.keys
        let nearest = (0..<24).sorted { keys[$0] ^ target < keys[$1] ^ target }
        simulation.turnHostile(Array(nearest.prefix(7)), hostility)
        simulation.start(.getValue(key, quorum: 0), at: 25) { outcomes.append($1.outcome) }
        simulation.run(until: 340 * Self.second)
        #expect(outcomes.count == 2)
        guard case .value(let found)? = outcomes.last else {
            Issue.record("\(outcomes)")
            return
        }
        // The honest one of the holders, if it is reached, says the right thing; a liar can only withhold, or be old.
        if let found { #expect([value, CounterRules.value(1, "old")].contains(found.bytes)) }
    }
}
