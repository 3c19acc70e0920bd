import Foundation
import Testing

/// Sessions of whole nodes in which one signer does whatever it likes, by seed.
///
/// `HOSTILE_SESSIONS` is how many (1,000 of 500 steps without it), `HOSTILE_SEED` where the seeds begin.
struct HostileNodeTests {
    private func number(_ name: String, _ standard: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
    }

    /// No honest signer is framed, called compromised, banned by another or signs twice with one nonce, nothing but an end
    /// leaves after an end, and nothing traps.
    ///
    /// Odd and even seeds, side by side.
    @Test(arguments: UInt64(0)..<2)
    func hostileNodes(parity: UInt64) throws {
        let first = number("HOSTILE_SEED", 1)
        let count = number("HOSTILE_SESSIONS", 1_000)
        let steps = Int(number("HOSTILE_STEPS", 500))
        var completed = 0
        var judged = 0
        for seed in first..<first + count where seed % 2 == parity {
            // If the process dies, the last lines say where.
            if (seed - first) % 20 < 2 { print("hostile nodes from seed \(seed)") }
            let scene = try HostileNodes(seed: seed)
            do {
                for _ in 0..<steps { try scene.step() }
                if try scene.finish() { completed += 1 }
            } catch {
                Issue.record("seed \(seed), \(scene.shape): \(error)\n\(scene.log.joined(separator: "\n"))")
            }
            judged += scene.judge.evidenceCount
        }
        print(
            "\(count) hostile sessions of whole nodes, \(steps) steps each, of which every other: \(completed) completed, "
                + "\(judged) pieces of evidence judged")
    }
}
