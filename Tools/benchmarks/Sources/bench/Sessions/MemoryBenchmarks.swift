import Foundation

#if canImport(Glibc)
    import CMalloc
    import Glibc
#endif

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

#if canImport(Glibc)
    /// What this process has of the machine's memory.
    struct Memory {
        /// Bytes in use on the heap.
        var heap: Int
        /// Bytes in physical memory.
        var resident: Int

        /// The memory once what the last sessions wait for has come, and free pages are given back.
        static func settled() async throws -> Memory {
            // Signers tell each other that they are done within a fraction of a second.
            try await Task.sleep(for: .seconds(1))
            malloc_trim(0)
            let heap = mallinfo2()
            let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            guard fields.count > 1, let pages = Int(fields[1]) else {
                throw SigningCluster.Failure(description: "/proc/self/statm: expected numbers, found \(fields)")
            }
            return Memory(heap: Int(heap.uordblks + heap.hblkhd), resident: pages * Int(getpagesize()))
        }
    }
#endif
