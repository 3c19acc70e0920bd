import Foundation
import MuSig2Session
import SessionSimulation
import Testing
import WireCodec

/// Honest sessions complete, whatever happens to links and processes.
///
/// `LIVENESS_SESSIONS` is how many of the random ones (500 without it; with more, the long ones are more too),
/// `LIVENESS_SEED` where the seeds begin.
@Suite("Honest sessions complete", .serialized)
struct LivenessTests {
    enum Shape: CaseIterable {
        case mesh
        case star
        case committed
    }

    private static func number(_ name: String, _ standard: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
    }

    /// Whether there is time for more of what takes long.
    private static let isCampaign = number("LIVENESS_SESSIONS", 500) > 500
    private static let lids = isCampaign ? Weather.Absence.Kind.allCases : [.asleep]

    private func plan(_ shape: Shape, signers: Int, timeout: Duration, lifetime: Duration) throws -> SessionPlan {
        var plan = try Fixture.plan(signers: signers)
        plan.topology = shape == .star ? .star : .mesh
        plan.hasCommitmentRound = shape == .committed
        plan.commitmentTimeout = timeout
        plan.nonceTimeout = timeout
        plan.partialTimeout = timeout
        plan.lifetime = lifetime
        return plan
    }

    /// Runs a session; all must complete before the limit, and nobody be blamed.
    private func run(_ plan: SessionPlan, seed: UInt64, _ weather: Weather, until limit: Duration) throws {
        let descriptor = try Fixture.descriptor(plan)
        let crypto = StubGroup(descriptor)
        let simulation = Simulation(descriptor: descriptor, crypto: crypto, seed: seed, weather: weather) {
            StubHands(crypto: crypto, signer: $0)
        }
        do {
            let isComplete = try simulation.run(until: limit)
            #expect(isComplete, "seed \(seed), \(plan.topology) of \(plan.signerKeys.count)\n\(simulation.summary)")
            if isComplete { try simulation.checkHonestEnd() }
        } catch {
            Issue.record("seed \(seed), \(plan.topology): \(error)\n\(simulation.summary)")
        }
    }

    @Test
    func honestSessions() throws {
        let first = Self.number("LIVENESS_SEED", 1)
        let count = Self.number("LIVENESS_SESSIONS", 500)
        for seed in first..<first + count {
            if (seed - first) % 100 == 0 { print("honest sessions from seed \(seed)") }
            var random = SplitMix64(seed: seed)
            let signers = 2 + Int.random(in: 0...6, using: &random)
            var weather = Weather()
            weather.loss = Double.random(in: 0...0.3, using: &random)
            weather.duplication = Double.random(in: 0...0.2, using: &random)
            weather.delay = 1...Double.random(in: 1...1_000, using: &random)
            weather.unrest = .seconds(Int.random(in: 2...300, using: &random))
            weather.crashes = Int.random(in: 0...8, using: &random)
            weather.rollsBack = Int.random(in: 0..<4, using: &random) == 0
            weather.breaks = Int.random(in: 0...20, using: &random)
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                let from = Double.random(in: 0...120, using: &random)
                weather.absences.append(
                    Weather.Absence(
                        Int.random(in: 0..<signers, using: &random), from: .seconds(1) * from,
                        to: .seconds(1) * (from + Double.random(in: 1...1_000, using: &random)),
                        Weather.Absence.Kind.allCases.randomElement(using: &random) ?? .gone))
            }
            let timeout: Duration = Bool.random(using: &random) ? .seconds(10) : .seconds(120)
            try run(
                plan(Shape.allCases[Int(seed % 3)], signers: signers, timeout: timeout, lifetime: .seconds(86_400)),
                seed: seed, weather, until: .seconds(80_000))
        }
        print("\(count) honest sessions from seed \(first)")
    }

    /// S30: a signer is away for an hour while the others raise the attempt, each after 10 s and more.
    @Test(arguments: [Shape.mesh, .star], Weather.Absence.Kind.allCases)
    func s30AwayForAnHour(shape: Shape, kind: Weather.Absence.Kind) throws {
        let signers = Self.isCampaign ? [1, 0, 7] : [1]
        for (seed, signer) in signers.enumerated() {
            for from in Self.isCampaign ? [Duration.milliseconds(100), .seconds(3)] : [.seconds(3)] {
                var weather = Weather()
                weather.loss = 0.05
                weather.delay = 20...400
                weather.absences = [Weather.Absence(signer, from: from, to: from + .seconds(3_600), kind)]
                let plan = try plan(shape, signers: 16, timeout: .seconds(10), lifetime: .seconds(7_200))
                try run(plan, seed: UInt64(seed), weather, until: .seconds(7_100))
            }
        }
    }

    /// S5: no two signers of a star ever connect but those of which one is the first coordinator.
    @Test
    func s5AStarThatMeetsOnlyInItsMiddle() throws {
        for seed in UInt64(0)..<40 {
            let signers = 3 + Int(seed % 6)
            var weather = Weather()
            weather.loss = 0.2
            weather.delay = 1...300
            weather.crashes = Int(seed % 4)
            weather.breaks = Int(seed % 5)
            for one in 1..<signers {
                for other in 1..<one { weather.cut.insert([one, other]) }
            }
            var plan = try plan(.star, signers: signers, timeout: .seconds(10), lifetime: .seconds(86_400))
            plan.election = .first
            try run(plan, seed: seed, weather, until: .seconds(80_000))
        }
    }

    /// S27: one lid of eight is closed for three hours; in a campaign one of a hundred for a day, which takes minutes each.
    @Test(arguments: lids)
    func s27ALidIsClosedForLong(kind: Weather.Absence.Kind) throws {
        let signers = Self.isCampaign ? [1, 50] : [1]
        let back: Duration = .seconds(Self.isCampaign ? 86_400 : 3 * 3_600)
        for (seed, signer) in signers.enumerated() {
            var weather = Weather()
            weather.delay = 20...200
            weather.absences = [Weather.Absence(signer, from: .milliseconds(700), to: back, kind)]
            let plan = try plan(
                .star, signers: Self.isCampaign ? 100 : 8, timeout: .seconds(300), lifetime: .seconds(3 * 86_400))
            try run(plan, seed: UInt64(seed), weather, until: back * 2)
        }
    }

    /// K1: a signer starts again and again, and so does another after it.
    @Test(arguments: Shape.allCases)
    func k1RestartsInALoop(shape: Shape) throws {
        for seed in UInt64(0)..<20 {
            var weather = Weather()
            weather.loss = 0.1
            weather.delay = 20...500
            for turn in 0..<120 {
                let from = Duration.seconds(2 * turn) + .milliseconds(100)
                weather.absences.append(
                    Weather.Absence(turn % 3 == 0 ? 1 : 2, from: from, to: from + .milliseconds(300), .gone))
            }
            let plan = try plan(shape, signers: 4, timeout: .seconds(10), lifetime: .seconds(7_200))
            try run(plan, seed: seed, weather, until: .seconds(7_000))
        }
    }
}
