import MuSig2Session

/// Whole sessions between signers in one process over TCP on the loopback interface: announced, found by invitation,
/// joined, approved by policy, signed, and the signatures verified by everyone.
struct SessionBenchmarks: Sendable {
    let isQuick: Bool

    /// Measures the latency and the rate of sessions of three, what messages cost, and a large star.
    func measure() async throws -> [Measurement] {
        let cluster = try await SigningCluster.start(signers: 3)
        var measurements = try await cluster.within(.seconds(60)) { try await self.latency($0) }
        measurements.append(try await cluster.within(.seconds(120)) { try await self.rate($0) })
        measurements.append(try await cluster.within(.seconds(60)) { try await self.manyMessages($0) })
        await cluster.shutdown()
        measurements += try await self.star()
        return measurements
    }

    /// One session after the other.
    private func latency(_ cluster: SigningCluster) async throws -> [Measurement] {
        for session in 0..<(self.isQuick ? 20 : 200) { try await cluster.sign(creator: session % 3) }
        var times: [Double] = []
        let before = processorTime()
        for session in 0..<(self.isQuick ? 100 : 1_000) {
            times.append(try await cluster.sign(creator: session % 3) / .milliseconds(1))
        }
        let spent = (processorTime() - before) / .milliseconds(1) / Double(times.count)
        return [
            Measurement(
                step: "Session over TCP, p50", parameter: "3", value: percentile(0.5, of: times), unit: .milliseconds,
                target: .atMost(4)),
            Measurement(
                step: "Session over TCP, p99", parameter: "3", value: percentile(0.99, of: times), unit: .milliseconds,
                target: .atMost(12)),
            Measurement(step: "Session, processor time", parameter: "3", value: spent, unit: .milliseconds),
        ]
    }

    /// Many sessions at the same time.
    private func rate(_ cluster: SigningCluster) async throws -> Measurement {
        let count = self.isQuick ? 300 : 1_500
        try await cluster.sign(sessions: 100, inFlight: 32)
        var rates: [Double] = []
        for _ in 0..<(self.isQuick ? 1 : 5) {
            let time = try await cluster.sign(sessions: count, inFlight: 32)
            rates.append(Double(count) / (time / .seconds(1)))
        }
        return Measurement(
            step: "Sessions, 32 in flight", parameter: "3", value: median(rates), unit: .perSecond,
            target: .atLeast(350))
    }

    /// What 99 messages more cost a session, each in turn with a session of one message.
    private func manyMessages(_ cluster: SigningCluster) async throws -> Measurement {
        var differences: [Double] = []
        for round in 0..<(self.isQuick ? 5 : 41) {
            let many = try await cluster.sign(creator: round % 3, messages: 100)
            let one = try await cluster.sign(creator: round % 3, messages: 1)
            differences.append((many - one) / .milliseconds(1))
        }
        return Measurement(
            step: "100 messages, more than one", parameter: "3", value: median(differences), unit: .milliseconds,
            target: .atMost(45))
    }

    /// Signers that first have to connect, and then are connected.
    private func star() async throws -> [Measurement] {
        let signers = self.isQuick ? 16 : 64
        let cluster = try await SigningCluster.start(signers: signers)
        let times = try await cluster.within(.seconds(60)) { cluster in
            var times: [Double] = []
            for _ in 0..<(self.isQuick ? 4 : 8) {
                times.append(try await cluster.sign(creator: 0, topology: .star) / .milliseconds(1))
            }
            return times
        }
        await cluster.shutdown()
        return [
            Measurement(
                step: "Star, connecting first", parameter: String(signers), value: times[0], unit: .milliseconds),
            Measurement(
                step: "Star, connected", parameter: String(signers), value: median(times.dropFirst()),
                unit: .milliseconds),
        ]
    }
}
