import Foundation
import PeerTransport

#if canImport(Glibc)
    import Glibc
#endif

/// What connections cost that do nothing: memory, and processor time.
struct IdleBenchmarks {
    let isQuick: Bool

    /// Measures connections of which both ends are in this process; nothing where the C library does not tell its memory.
    func measure() async throws -> [Measurement] {
        #if canImport(Glibc)
            let count = self.isQuick ? 200 : 1_000
            // Longer than the time between two pings that keep a connection alive.
            let watched: Duration = self.isQuick ? .seconds(3) : .seconds(35)
            try Self.allowFiles(2 * count + 100)
            let pair = try await TransportPair.start(loops: 2, connections: count)
            let before = try await Memory.settled()
            var connections: [any Connection] = []
            for _ in 0..<count { connections.append(try await pair.dial()) }
            let after = try await Memory.settled()
            let start = processorTime()
            try await Task.sleep(for: watched)
            let busy = (processorTime() - start) / watched
            for connection in connections { await connection.close() }
            try await pair.stop()
            // The targets are for a thousand.
            let share = Double(count) / 1_000
            return [
                Measurement(
                    step: "Idle connections, both ends, live heap", parameter: "\(count)",
                    value: Double(after.heap - before.heap) / 1_000_000, unit: .megabytes, target: .atMost(40 * share)),
                Measurement(
                    step: "Idle connections, both ends, resident", parameter: "\(count)",
                    value: Double(after.resident - before.resident) / 1_000_000, unit: .megabytes,
                    target: .atMost(40 * share)),
                Measurement(
                    step: "Idle connections, processor time", parameter: "\(count)", value: busy * 100, unit: .percent,
                    target: .atMost(1)),
            ]
        #else
            return []
        #endif
    }

    /// Raises the number of files that this process may have open.
    private static func allowFiles(_ count: Int) throws {
        #if canImport(Glibc)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard limit.rlim_cur < rlim_t(count) else { return }
            guard limit.rlim_max >= rlim_t(count) else {
                throw Failure(description: "open files: expected \(count) to be allowed, found \(limit.rlim_max)")
            }
            limit.rlim_cur = rlim_t(count)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #endif
    }

    private struct Failure: Error, CustomStringConvertible {
        var description: String
    }
}
