import Foundation
import KademliaDHT
import KademliaSimulation
import Testing

/// Whole networks on virtual time, by seed.
@Suite("Whole networks on virtual time")
struct NetworkTests {
    static let second: Int64 = 1_000_000

    static func network(_ count: Int, spare: Int = 0, seed: UInt64, joinSeconds: Int64) throws -> Simulation {
        let simulation = Simulation(
            try Population(count + spare, seed: seed), seed: seed, configuration: Kademlia.Configuration())
        for number in 0..<count {
            simulation.at(Int64(number) * joinSeconds * second / Int64(count)) { $0.join(number, trusting: [0, 1, 2]) }
        }
        return simulation
    }

    private func check(_ workload: Workload, _ simulation: Simulation, atLeast share: Double, _ name: String) {
        print("\(name), seed \(simulation.seed)\n\(workload.summary)")
        for (kind, figures) in workload.figures {
            #expect(figures.tried > 0)
            #expect(figures.share >= share, "\(name), seed \(simulation.seed), \(kind): \(workload.failures)")
        }
        #expect(workload.figures.count == Workload.Kind.allCases.count)
        for node in simulation.nodes { #expect(node?.machine._checkInvariants() ?? [] == []) }
    }

    private func checkHops(_ workload: Workload, _ count: Int) {
        let limit = Int(log2(Double(count)) / 2 + 2)
        for (kind, figures) in workload.figures {
            #expect(Workload.Figures.median(figures.hops) <= limit, "\(kind)")
        }
    }

    @Test(arguments: [10, 100, 1_000])
    func withoutChurn(count: Int) throws {
        let simulation = try Self.network(count, seed: 1, joinSeconds: 300)
        let workload = Workload(simulation)
        workload.publish(100, from: 600 * Self.second, to: 660 * Self.second)
        workload.lookUp(1_000, from: 720 * Self.second, to: 1_020 * Self.second)
        simulation.run(until: 1_100 * Self.second)
        #expect(simulation.nodes.allSatisfy { $0?.machine.status.isReady == true })
        check(workload, simulation, atLeast: 0.999, "\(count) nodes")
        checkHops(workload, count)
    }

    /// One virtual hour in which a tenth of the nodes leave without a word and as many come.
    @Test func withChurn() throws {
        let (count, changes) = (1_000, 100)
        let simulation = try Self.network(count, spare: changes, seed: 2, joinSeconds: 300)
        let start = 600 * Self.second
        for change in 0..<changes {
            let time = start + 3_600 * Self.second * Int64(change) / Int64(changes)
            simulation.at(time) { simulation in
                // The first three are the ones that everybody trusts.
                var leaver = simulation.random(3..<count)
                while !simulation.isAlive(leaver) { leaver = simulation.random(3..<count) }
                simulation.leave(leaver)
                simulation.join(count + change, trusting: [0, 1, 2])
            }
        }
        let workload = Workload(simulation)
        workload.publish(200, from: start, to: start + 600 * Self.second)
        workload.lookUp(2_000, from: start + 700 * Self.second, to: start + 3_500 * Self.second)
        simulation.run(until: start + 3_600 * Self.second)
        check(workload, simulation, atLeast: 0.99, "\(count) nodes, a tenth leaves in the hour")
    }

    /// 30 % of the nodes turn hostile when they are in everybody's tables; publishing and looking up come after that.
    @Test(arguments: Hostility.allCases)
    func withHostileNodes(hostility: Hostility) throws {
        let count = 1_000
        let simulation = try Self.network(count, seed: 3, joinSeconds: 300)
        let start = 400 * Self.second
        simulation.at(start) { simulation in
            simulation.turnHostile((3..<count).filter { _ in simulation.random(0..<100) < 30 }, hostility)
        }
        let workload = Workload(simulation)
        workload.publish(100, from: start + 30 * Self.second, to: start + 90 * Self.second)
        workload.lookUp(600, from: start + 150 * Self.second, to: start + 450 * Self.second)
        simulation.run(until: start + 500 * Self.second)
        check(workload, simulation, atLeast: 0.95, "\(count) nodes, 30 % hostile: \(hostility)")
    }

    /// 2,000 nodes with filled tables, or as many as `NETWORK_NODES` says, 2,000 lookups in ten virtual minutes, in which all
    /// tables are refreshed.
    @Test func withFilledTables() throws {
        let (count, joining) = (ProcessInfo.processInfo.environment["NETWORK_NODES"].flatMap { Int($0) } ?? 2_000, 20)
        let simulation = Simulation(
            try Population(count + joining, seed: 4), seed: 4, configuration: Kademlia.Configuration())
        for number in 0..<count { simulation.join(number, trusting: [0, 1, 2]) }
        simulation.settle()
        for number in 0..<joining {
            simulation.at(Int64(number) * Self.second) { $0.join(count + number, trusting: [0, 1, 2]) }
        }
        let workload = Workload(simulation)
        workload.publish(200, from: 130 * Self.second, to: 150 * Self.second)
        workload.lookUp(2_000, from: 180 * Self.second, to: 780 * Self.second)
        let clock = ContinuousClock()
        let start = clock.now
        simulation.run(until: 800 * Self.second)
        print("\(count) nodes took \(clock.now - start), and \(Memory.peak >> 20) MiB at most")
        #expect(simulation.nodes.allSatisfy { $0?.machine.status.isReady == true })
        check(workload, simulation, atLeast: 0.999, "\(count) nodes")
        checkHops(workload, count)
        #expect(Memory.peak <= 4 << 30)
    }
}

/// The most memory that the process had, in bytes; 0 where the system does not tell.
enum Memory {
    static var peak: Int {
        guard let status = FileManager.default.contents(atPath: "/proc/self/status") else { return 0 }
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let number = line?.split(whereSeparator: { !$0.isNumber }).first
        return (number.flatMap { Int($0) } ?? 0) << 10
    }
}
