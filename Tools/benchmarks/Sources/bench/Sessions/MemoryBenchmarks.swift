import MuSig2Coordination

/// What finished sessions leave behind: the bytes in use after many of them, above those after some of them; before their
/// expiry, until which a signer keeps what it contributed, and after it.
struct MemoryBenchmarks {
    let isQuick: Bool

    /// Longer than the sessions take together.
    private static let lifetime = Duration.seconds(60)

    /// Measures live heap bytes and resident memory; nothing where the C library does not tell them.
    func measure() async throws -> [Measurement] {
        #if canImport(Glibc)
            let few = self.isQuick ? 100 : 1_000
            let many = self.isQuick ? 500 : 10_000
            var configuration = MuSig2Coordinator.Configuration()
            configuration.timeouts.sweep = .seconds(1)
            let cluster = try await SigningCluster.start(
                signers: 3, configuration: configuration, lifetime: Self.lifetime)
            try await cluster.within(.seconds(120)) { _ = try await $0.sign(sessions: few, inFlight: 8) }
            let before = try await self.afterExpiry()
            try await cluster.within(Self.lifetime) { _ = try await $0.sign(sessions: many - few, inFlight: 8) }
            let live = try await Memory.settled()
            let after = try await self.afterExpiry()
            await cluster.shutdown()
            let parameter = "\(many) over \(few)"
            func measurement(_ step: String, _ bytes: Int, atMost most: Double) -> Measurement {
                Measurement(
                    step: step, parameter: parameter, value: Double(bytes) / 1_000_000, unit: .megabytes,
                    target: .atMost(most))
            }
            let kept = Double(3 * (many - few)) * 1_200 / 1_000_000
            return [
                measurement("Live heap, 3 signers, before the sessions expire", live.heap - before.heap, atMost: kept),
                measurement("Live heap, 3 signers, after it", after.heap - before.heap, atMost: 2),
                measurement("Resident memory, after it", after.resident - before.resident, atMost: 10),
            ]
        #else
            return []
        #endif
    }

    #if canImport(Glibc)
        /// The memory once the last session has expired and a sweep has come by.
        private func afterExpiry() async throws -> Memory {
            try await Task.sleep(for: Self.lifetime + .seconds(2))
            return try await Memory.settled()
        }
    #endif
}
