import Multiformats
import NIOCore
import NIOPosix
import PeerTransport
import PeerTransportNIO

/// Connections and streams over TCP on the loopback interface, encrypted and multiplexed: both ends on one event loop, and
/// each on its own.
struct TransportBenchmarks {
    let isQuick: Bool

    static let protocolID: ProtocolID = "/bench/1.0.0"

    /// Measures setting up connections, small round trips, and bulk transfers.
    func measure() async throws -> [Measurement] {
        var measurements: [Measurement] = []
        for loops in [1, 2] {
            let pair = try await TransportPair.start(loops: loops)
            let parameter = loops == 1 ? "1 loop" : "2 loops"
            measurements.append(
                Measurement(step: "Connection set-up", parameter: parameter, value: try await self.setUp(pair)))
            let echo = try await self.echo(pair)
            measurements.append(
                Measurement(step: "Echo of 32 bytes, p50", parameter: parameter, value: percentile(0.5, of: echo)))
            measurements.append(
                Measurement(step: "Echo of 32 bytes, p99", parameter: parameter, value: percentile(0.99, of: echo)))
            measurements.append(
                Measurement(
                    step: "Bulk transfer", parameter: parameter, value: try await self.bulk(pair),
                    unit: .megabytesPerSecond))
            try await pair.stop()
        }
        return measurements
    }

    /// From the dial to a connection on which streams can be opened, in microseconds.
    private func setUp(_ pair: TransportPair) async throws -> Double {
        let clock = ContinuousClock()
        var times: [Double] = []
        for _ in 0..<(self.isQuick ? 20 : 200) {
            let start = clock.now
            let connection = try await pair.dial()
            times.append((clock.now - start) / .microseconds(1))
            await connection.close()
        }
        return median(times)
    }

    /// A task writes 32 bytes, the other side's task writes them back; in microseconds.
    private func echo(_ pair: TransportPair) async throws -> [Double] {
        let connection = try await pair.dial()
        let stream = try await connection.openStream(protocols: [Self.protocolID]).stream
        let message = [UInt8](repeating: 7, count: 32)
        let clock = ContinuousClock()
        var times: [Double] = []
        for round in 0..<(self.isQuick ? 600 : 6_000) {
            let start = clock.now
            try await stream.write(message)
            var left = message.count
            while left > 0, let bytes = try await stream.read(upTo: left) { left -= bytes.count }
            if round >= 100 { times.append((clock.now - start) / .microseconds(1)) }
        }
        await connection.close()
        return times
    }

    /// One stream, as much as the other side takes and throws away; in 10^6 bytes a second, median of some transfers.
    private func bulk(_ pair: TransportPair) async throws -> Double {
        let connection = try await pair.dial()
        let chunk = [UInt8](repeating: 7, count: 256 << 10)
        let chunks = self.isQuick ? 40 : 400
        let clock = ContinuousClock()
        var rates: [Double] = []
        for _ in 0..<(self.isQuick ? 3 : 7) {
            let stream = try await connection.openStream(protocols: [TransportPair.sinkID]).stream
            let start = clock.now
            for _ in 0..<chunks { try await stream.write(chunk) }
            try await stream.closeWrite()
            // The other side closes its half when it has read everything.
            while try await stream.read(upTo: 1) != nil {}
            rates.append(Double(chunks * chunk.count) / ((clock.now - start) / .microseconds(1)))
        }
        await connection.close()
        return median(rates)
    }
}

/// A transport that listens, with an echo and a sink, and one that dials it.
struct TransportPair {
    static let sinkID: ProtocolID = "/sink/1.0.0"

    private let groups: [MultiThreadedEventLoopGroup]
    private let dialler: TCPTransport
    private let listener: any Listener
    private let server: Task<Void, any Error>

    static func start(loops: Int) async throws -> Self {
        let groups = (0..<loops).map { _ in MultiThreadedEventLoopGroup(numberOfThreads: 1) }
        let listening = try TCPTransport(identity: .generateEd25519(), group: groups[0])
        let dialler = try TCPTransport(identity: .generateEd25519(), group: groups[loops - 1])
        let listener = try await listening.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0")) {
            $0 == TransportBenchmarks.protocolID || $0 == Self.sinkID
        }
        let server = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                while let connection = try await listener.accept() {
                    group.addTask {
                        while let opened = try await connection.acceptStream() { try await Self.serve(opened) }
                    }
                }
                try await group.waitForAll()
            }
        }
        return Self(groups: groups, dialler: dialler, listener: listener, server: server)
    }

    func dial() async throws -> any Connection {
        try await self.dialler.dial(self.listener.addresses[0], expecting: nil) { _ in false }
    }

    func stop() async throws {
        await self.listener.close()
        try await self.server.value
        for group in self.groups { try await group.shutdownGracefully() }
    }

    /// Writes back what comes, or throws it away, until the other side has said everything or is gone.
    private static func serve(_ opened: NegotiatedStream) async throws {
        let isEcho = opened.protocolID == TransportBenchmarks.protocolID
        do throws(TransportError) {
            while let bytes = try await opened.stream.read(upTo: isEcho ? 4_096 : 256 << 10) {
                if isEcho { try await opened.stream.write(bytes) }
            }
            try await opened.stream.closeWrite()
        } catch {
            guard error.code == .connectionClosed else { throw error }
        }
    }
}
