/// What finished sessions leave behind: the bytes in use after many of them, above those after some of them.
struct MemoryBenchmarks {
    let isQuick: Bool

    /// Measures live heap bytes and resident memory; nothing where the C library does not tell them.
    func measure() async throws -> [Measurement] {
        #if canImport(Glibc)
            let few = self.isQuick ? 100 : 1_000
            let many = self.isQuick ? 500 : 10_000
            let cluster = try await SigningCluster.start(signers: 3)
            try await cluster.within(.seconds(120)) { _ = try await $0.sign(sessions: few, inFlight: 8) }
            let before = try await Memory.settled()
            try await cluster.within(.seconds(300)) {
                _ = try await $0.sign(sessions: many - few, inFlight: 8)
            }
            let after = try await Memory.settled()
            await cluster.shutdown()
            let parameter = "\(many) over \(few)"
            return [
                Measurement(
                    step: "Live heap, 3 signers", parameter: parameter,
                    value: Double(after.heap - before.heap) / 1_000_000, unit: .megabytes, target: .atMost(2)),
                Measurement(
                    step: "Resident memory", parameter: parameter,
                    value: Double(after.resident - before.resident) / 1_000_000, unit: .megabytes,
                    target: .atMost(10)),
            ]
        #else
            return []
        #endif
    }
}
