import MuSig2Coordination
import Multiformats
import PeerTransport

/// What a node's coordinator spends on those who want it to: the dearest message of each kind, by a stranger and by a co-signer.
struct AbuseBenchmarks {
    let isQuick: Bool
    let tokens: TokenMeter

    /// How much an attacker sends: so many frames or bytes in each second of virtual time.
    private var framesPerSecond: Int { self.isQuick ? 200 : 2_000 }
    private let bytesPerSecond = 4 << 20
    /// What a frame takes on the wire beyond itself: the headers of yamux and of a Noise message, and its length.
    private let frameOverhead = 12 + 18 + 1
    private var seconds: Int { self.isQuick ? 2 : 10 }

    /// Measures each attack.
    func measure() async throws -> [Measurement] {
        var measurements: [Measurement] = []
        for attack in try Attack.all() {
            for sender in attack.senders { measurements += try await self.measure(attack, by: sender) }
        }
        return measurements
    }

    private func measure(_ attack: Attack, by sender: Attack.Sender) async throws -> [Measurement] {
        let scene = try await AttackScene.start(attack.shape, asSigner: sender == .signer)
        let frames = try self.frames(of: attack, in: scene)
        self.tokens.reset()
        var received = 0
        var untilGone: Duration?
        var spent = Duration.zero
        var next = 0
        for _ in 0..<self.seconds {
            var room = self.bytesPerSecond
            for _ in 0..<max(1, self.framesPerSecond / 16) where room > 0 {
                let batch = self.batch(of: frames, from: &next)
                let bytes = batch.reduce(0) { $0 + $1.count }
                room -= bytes
                if !scene.network.isConnected(scene.peer) {
                    untilGone = untilGone ?? spent
                    // An attacker comes again at once.
                    let before = processorTime()
                    await scene.network.give([.connected(scene.peer)])
                    spent += processorTime() - before
                    guard scene.network.isConnected(scene.peer) else { break }
                }
                let before = processorTime()
                await scene.network.give(batch.map { .frame($0, from: scene.peer) })
                spent += processorTime() - before
                received += bytes + batch.count * self.frameOverhead
                _ = scene.network.takeAnswers()
            }
            scene.clock.advance(by: .seconds(1))
        }
        await scene.coordinator.shutdown()
        return self.report(attack, sender, received: received, spent: spent, untilGone: untilGone)
    }

    private func frames(of attack: Attack, in scene: AttackScene) throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var bytes = 0
        while frames.count < self.framesPerSecond, bytes < self.bytesPerSecond {
            let frame = try attack.frame(scene, frames.count)
            bytes += frame.count
            frames.append(frame)
        }
        return frames
    }

    /// Up to 16 frames or 64 KiB.
    private func batch(of frames: [[UInt8]], from next: inout Int) -> [[UInt8]] {
        var batch: [[UInt8]] = []
        var bytes = 0
        while batch.count < 16, bytes < 64 << 10 {
            let frame = frames[next % frames.count]
            next += 1
            bytes += frame.count
            batch.append(frame)
        }
        return batch
    }

    private func report(
        _ attack: Attack, _ sender: Attack.Sender, received: Int, spent: Duration, untilGone: Duration?
    ) -> [Measurement] {
        let perKilobyte = spent / .milliseconds(1) / (Double(max(received, 1)) / 1_000)
        let share = 100 * (spent / .seconds(1)) / Double(self.seconds)
        let isStranger = sender == .stranger
        return [
            Measurement(
                step: attack.name, parameter: "\(sender.rawValue), charged a kB",
                value: self.tokens.take() / (Double(max(received, 1)) / 1_000), unit: .tokens),
            Measurement(
                step: attack.name, parameter: "\(sender.rawValue), a kB", value: perKilobyte, unit: .milliseconds,
                target: .atMost(isStranger ? 1 : 5)),
            isStranger
                ? Measurement(
                    step: attack.name,
                    parameter: "\(sender.rawValue), \(untilGone == nil ? "never gone" : "until gone")",
                    value: (untilGone ?? spent) / .milliseconds(1), unit: .milliseconds, target: .atMost(50))
                : Measurement(
                    step: attack.name, parameter: "\(sender.rawValue), \(untilGone == nil ? "never gone" : "gone")",
                    value: share, unit: .percent, target: .atMost(10)),
        ]
    }
}
