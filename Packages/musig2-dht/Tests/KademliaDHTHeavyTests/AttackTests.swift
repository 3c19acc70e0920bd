import KademliaDHT
import KademliaSimulation
import Testing

/// A network of 1,000 nodes and one party with 2,000 identities in 20 networks, on virtual time.
@Suite("One party with 2,000 identities in a network of 1,000 nodes")
struct AttackTests {
    private static let second: Int64 = 1_000_000
    private static let honest = 1_000
    private static let attackers = 2_000

    private func run(_ attacks: Set<Attack>, _ name: String) throws {
        let population = try Population(
            Self.honest + Self.attackers, seed: 6, attackers: Self.attackers, networks: 20)
        let simulation = Simulation(population, seed: 6, configuration: Kademlia.Configuration())
        for number in 0..<Self.honest { simulation.join(number, trusting: [0, 1, 2]) }
        simulation.settle()
        simulation.attack(Self.attackers, by: attacks)
        for second in 0..<240 { simulation.at(Int64(second) * Self.second) { $0.assault(50) } }
        let restarted = Array(stride(from: 10, to: 400, by: 20))
        for number in restarted { simulation.at(60 * Self.second) { $0.restart(number, trusting: [0, 1, 2]) } }
        let workload = Workload(simulation)
        workload.publish(60, from: 125 * Self.second, to: 140 * Self.second)
        workload.lookUp(300, from: 190 * Self.second, to: 260 * Self.second)
        simulation.run(until: 60 * Self.second + 120 * Self.second)
        let shares = restarted.map { simulation.servers(of: $0) }
        let ready = restarted.count { simulation.nodes[$0]?.machine.status.isReady == true }
        simulation.run(until: 320 * Self.second)

        let worst = shares.map { 100 * $0.honest / max(1, $0.all) }.min() ?? 0
        print("\(name)\n\(workload.summary)\n  after a restart \(worst) % honest servers at least, \(ready) ready")
        print("  dials: the victim \(simulation.dials.victim), inside \(simulation.dials.inside)")
        for kind in Workload.Kind.allCases {
            let figures = try #require(workload.figures[kind])
            #expect(figures.tried > 0 && figures.share >= 0.95, "\(name), \(kind): \(workload.failures)")
        }
        // Half of the servers at least that a node has after a restart are honest, and it knows a network.
        #expect(worst >= 50, "\(name)")
        #expect(shares.allSatisfy { $0.honest >= 20 } && ready == restarted.count, "\(name)")
        // A co-signer is found by its key; a connection takes four ways more, of 90 ms at most.
        let found = Workload.Figures.median(workload.figures[.providers]?.milliseconds ?? [])
        #expect(found + 4 * 90 <= 2_000, "\(name)")
        // Nobody is made to dial inside.
        #expect(simulation.dials.inside == 0, "\(name)")
        for node in simulation.nodes { #expect(node?.machine._checkInvariants() ?? [] == [], "\(name)") }
    }

    @Test(arguments: Attack.allCases)
    func eachAttackAlone(attack: Attack) throws { try run([attack], "\(attack)") }

    @Test func allAttacksAtOnce() throws { try run(Set(Attack.allCases), "all attacks") }
}
