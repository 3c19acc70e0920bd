import MuSig2Session
import SessionSimulation
import Testing

/// Whole sessions on virtual time, by seed.
@Suite("Simulated sessions")
struct SimulationTests {
    private func simulate(
        _ plan: SessionPlan,
        seed: UInt64,
        weather: Weather = Weather(),
        limit: Duration = .seconds(7_000),
        configuration: SessionConfiguration = SessionConfiguration()
    ) throws -> Simulation<StubHands> {
        let descriptor = try Fixture.descriptor(plan)
        let crypto = StubGroup(descriptor)
        let simulation = Simulation(
            descriptor: descriptor, crypto: crypto, seed: seed, weather: weather, configuration: configuration
        ) { StubHands(crypto: crypto, signer: $0) }
        let isComplete = try simulation.run(until: limit)
        #expect(isComplete, "seed \(seed)\n\(simulation.summary)")
        if isComplete { try simulation.checkHonestEnd() }
        return simulation
    }

    @Test(arguments: [2, 3, 5, 8])
    func quietMesh(signers: Int) throws {
        let simulation = try simulate(Fixture.plan(signers: signers), seed: 1)
        #expect(simulation.penalties.isEmpty)
        #expect(simulation.now < .milliseconds(100))
    }

    @Test(arguments: [2, 3, 9, 20])
    func quietStar(signers: Int) throws {
        var plan = try Fixture.plan(signers: signers)
        plan.topology = .star
        let simulation = try simulate(plan, seed: 1)
        #expect(simulation.penalties.isEmpty)
        #expect(simulation.now < .milliseconds(100))
    }

    @Test(arguments: [2, 3, 6])
    func quietCommitmentRound(signers: Int) throws {
        var plan = try Fixture.plan(signers: signers)
        plan.hasCommitmentRound = true
        let simulation = try simulate(plan, seed: 1)
        #expect(simulation.penalties.isEmpty)
        #expect(simulation.now < .milliseconds(100))
    }

    private static var storm: Weather {
        var weather = Weather()
        weather.loss = 0.3
        weather.duplication = 0.1
        weather.delay = 1...400
        return weather
    }

    enum Shape: CaseIterable {
        case mesh, star, committed
    }

    private func plan(_ shape: Shape, signers: Int) throws -> SessionPlan {
        var plan = try Fixture.plan(signers: signers, messages: signers % 3 + 1)
        plan.topology = shape == .star ? .star : .mesh
        plan.hasCommitmentRound = shape == .committed
        return plan
    }

    @Test(arguments: Shape.allCases, [2, 3, 5, 8])
    func s4LossReorderDuplication(shape: Shape, signers: Int) throws {
        for seed in 0..<2 as Range<UInt64> {
            _ = try simulate(plan(shape, signers: signers), seed: seed, weather: Self.storm)
        }
    }

    @Test(arguments: Shape.allCases, 2...4)
    func k1s18CrashesInAStorm(shape: Shape, signers: Int) throws {
        for seed in 100..<103 as Range<UInt64> {
            var weather = Self.storm
            weather.crashes = 3
            _ = try simulate(plan(shape, signers: signers), seed: seed, weather: weather)
        }
    }

    @Test(arguments: Shape.allCases, 2...4)
    func k2StoresRolledBack(shape: Shape, signers: Int) throws {
        for seed in 200..<203 as Range<UInt64> {
            var weather = Self.storm
            weather.crashes = 3
            weather.rollsBack = true
            _ = try simulate(plan(shape, signers: signers), seed: seed, weather: weather)
        }
    }

    @Test(arguments: [Shape.mesh, .committed])
    func s5TwoThatCannotConnect(shape: Shape) throws {
        for seed in 300..<302 as Range<UInt64> {
            var weather = Self.storm
            weather.cut = [[1, 2]]
            _ = try simulate(plan(shape, signers: 3), seed: seed, weather: weather)
        }
    }
}
