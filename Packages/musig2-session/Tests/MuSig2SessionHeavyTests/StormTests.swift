import MuSig2Session
import Secp256k1
import SessionSimulation
import Testing

/// Many random sessions, by seed: the seed of a failure is printed.
@Suite("Sessions in bad weather", .serialized)
struct StormTests {
    enum Shape: CaseIterable {
        case mesh
        case star
        case committed
    }

    private func plan(_ shape: Shape, signers: Int) throws -> SessionPlan {
        var plan = try Fixture.plan(signers: signers, messages: signers % 3 + 1)
        plan.topology = shape == .star ? .star : .mesh
        plan.hasCommitmentRound = shape == .committed
        return plan
    }

    private var storm: Weather {
        var weather = Weather()
        weather.loss = 0.3
        weather.duplication = 0.15
        weather.delay = 1...500
        return weather
    }

    private func run(_ shape: Shape, _ seeds: Range<UInt64>, change: (inout Weather, UInt64) -> Void) throws {
        for seed in seeds {
            let signers = 2 + Int(seed % 7)
            var weather = storm
            change(&weather, seed)
            let descriptor = try Fixture.descriptor(plan(shape, signers: signers))
            let crypto = StubGroup(descriptor)
            let simulation = Simulation(descriptor: descriptor, crypto: crypto, seed: seed, weather: weather) {
                StubHands(crypto: crypto, signer: $0)
            }
            let isComplete = try simulation.run(until: .seconds(7_000))
            #expect(isComplete, "\(shape), seed \(seed)\n\(simulation.summary)")
            if isComplete {
                do { try simulation.checkHonestEnd() } catch { Issue.record("\(shape), seed \(seed): \(error)") }
            }
        }
    }

    @Test(arguments: Shape.allCases)
    func s4LossReorderDuplication(shape: Shape) throws {
        try run(shape, 1_000..<1_150) { _, _ in }
    }

    @Test(arguments: Shape.allCases)
    func k1Crashes(shape: Shape) throws {
        try run(shape, 2_000..<2_150) { weather, seed in weather.crashes = 1 + Int(seed % 5) }
    }

    @Test(arguments: Shape.allCases)
    func k2OldStores(shape: Shape) throws {
        try run(shape, 3_000..<3_150) { weather, seed in
            weather.crashes = 1 + Int(seed % 4)
            weather.rollsBack = true
        }
    }

    @Test(arguments: [Shape.mesh, .committed])
    func s5CutLinks(shape: Shape) throws {
        try run(shape, 4_000..<4_100) { weather, seed in
            // Everyone reaches the creator, and some do not reach each other.
            let signers = 2 + Int(seed % 7)
            if signers > 2 { weather.cut = [[1, 2]] }
            if signers > 4 { weather.cut.insert([3, 4]) }
        }
    }

    @Test
    func costOfAQuietSession() throws {
        let descriptor = try Fixture.descriptor(Fixture.plan(signers: 3))
        let crypto = try BIP327(descriptor)
        let clock = ContinuousClock()
        let rounds = 300
        var items = 0
        let start = clock.now
        for _ in 0..<rounds {
            let simulation = Simulation(descriptor: descriptor, crypto: crypto, seed: 1) {
                RealHands(crypto: crypto, key: try Fixture.secretKey($0))
            }
            #expect(try simulation.run(until: .seconds(60)))
            items = simulation.sentItems
        }
        print("3-of-3, all three signers on one thread: \((clock.now - start) / rounds) a session, \(items) items sent")
    }
}
