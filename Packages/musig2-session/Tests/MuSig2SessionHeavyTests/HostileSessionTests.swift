import Foundation
import SessionSimulation
import Testing

/// Sessions in which some signers do whatever they like, by seed.
///
/// `HOSTILE_SESSIONS` is how many (1,000 of 500 steps without it), `HOSTILE_SEED` where the seeds begin.
@Suite("Sessions with hostile signers", .serialized)
struct HostileSessionTests {
    private func number(_ name: String, _ standard: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
    }

    /// S1 to S3, S6, S10, S16, S20, S25, S26, S28 to S32, K2, K3, K12, K15 and K16 at once: no honest signer is framed, called
    /// compromised, penalized by another, or signs twice with one nonce, and nothing traps.
    @Test
    func hostileSessions() throws {
        let first = number("HOSTILE_SEED", 1)
        let count = number("HOSTILE_SESSIONS", 1_000)
        let steps = Int(number("HOSTILE_STEPS", 500))
        var completed = 0
        var judged = 0
        for seed in first..<first + count {
            // If the process dies, the last line says where.
            if (seed - first) % 50 == 0 { print("hostile sessions from seed \(seed)") }
            let world = try HostileWorld(HostileSetting(seed: seed))
            do {
                for _ in 0..<steps { try world.step() }
                try world.judge.judgeAggregates()
            } catch {
                Issue.record("seed \(seed), \(world.setting.shape): \(error)\n\(world.log.joined(separator: "\n"))")
            }
            if !world.completed.isEmpty { completed += 1 }
            judged += world.judge.evidenceCount
        }
        print(
            "\(count) hostile sessions of \(steps) steps: \(completed) completed, \(judged) pieces of evidence judged")
    }
}
