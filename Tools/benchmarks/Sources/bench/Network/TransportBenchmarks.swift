import PeerTransport

/// Connections and streams over TCP on the loopback interface, encrypted and multiplexed: each end on an event loop of its
/// own, and both on one.
struct TransportBenchmarks {
    let isQuick: Bool

    /// What the figures shall be, with one and with two event loops.
    private struct Targets {
        var setUp: Measurement.Target?
        var earlySetUp: Measurement.Target?
        var webSocketSetUp: Measurement.Target?
        var ping: Measurement.Target?
        var newStream: Measurement.Target?
        var echo: Measurement.Target?
        var bulk: Measurement.Target
        var webSocketBulk: Measurement.Target?
    }

    private static let twoLoops = Targets(
        setUp: .atMost(1_500), earlySetUp: .atMost(1_200), webSocketSetUp: .atMost(1_800), ping: .atMost(90),
        newStream: .atMost(170), echo: .atMost(180), bulk: .atLeast(600),
        webSocketBulk: .atLeast(280))
    private static let oneLoop = Targets(bulk: .atLeast(400))

    /// Measures setting up connections, small round trips, bulk transfers, and connections that do nothing.
    func measure() async throws -> [Measurement] {
        var measurements = try await self.measure(loops: 2, Self.twoLoops)
        measurements += try await self.measure(loops: 1, Self.oneLoop)
        measurements += try await IdleBenchmarks(isQuick: self.isQuick).measure()
        return measurements
    }

    private func measure(loops: Int, _ targets: Targets) async throws -> [Measurement] {
        let late = try await TransportPair.start(loops: loops, offersMuxerEarly: false)
        let setUp = try await self.setUp(late)
        try await late.stop()
        let pair = try await TransportPair.start(loops: loops)
        let parameter = loops == 1 ? "1 loop" : "2 loops"
        let earlySetUp = try await self.setUp(pair)
        let ping = try await self.rounds(pair, TransportPair.pingID, isOnLoop: true)
        let pingOfTask = try await self.rounds(pair, TransportPair.pingID)
        let newStream = try await self.newStream(pair)
        let echo = try await self.rounds(pair, TransportPair.echoID)
        let bulk = try await self.bulk(pair)
        try await pair.stop()
        let lateWebSocket = try await TransportPair.start(loops: loops, offersMuxerEarly: false, isWebSocket: true)
        let webSocketSetUp = try await self.setUp(lateWebSocket)
        try await lateWebSocket.stop()
        let webSocket = try await TransportPair.start(loops: loops, isWebSocket: true)
        let webSocketPing = try await self.rounds(webSocket, TransportPair.pingID, isOnLoop: true)
        let webSocketBulk = try await self.bulk(webSocket)
        try await webSocket.stop()
        return [
            Measurement(
                step: "Connection set-up", parameter: parameter, value: median(setUp), target: targets.setUp),
            Measurement(
                step: "Connection set-up, early muxer", parameter: parameter, value: median(earlySetUp),
                target: targets.earlySetUp),
            Measurement(
                step: "Connection set-up over WebSocket", parameter: parameter, value: median(webSocketSetUp),
                target: targets.webSocketSetUp),
            Measurement(
                step: "Ping, asked and answered in the loop, p50", parameter: parameter, value: median(ping),
                target: targets.ping),
            Measurement(
                step: "Ping over WebSocket, asked and answered in the loop, p50", parameter: parameter,
                value: median(webSocketPing), target: targets.ping),
            Measurement(
                step: "Ping, answered in the loop, p50", parameter: parameter, value: median(pingOfTask),
                target: targets.ping),
            Measurement(
                step: "New stream and ping, p50", parameter: parameter, value: median(newStream),
                target: targets.newStream),
            Measurement(
                step: "Echo, async both ends, p50", parameter: parameter, value: median(echo), target: targets.echo),
            Measurement(step: "Echo, async both ends, p99", parameter: parameter, value: percentile(0.99, of: echo)),
            Measurement(
                step: "Bulk transfer", parameter: parameter, value: bulk, unit: .megabytesPerSecond,
                target: targets.bulk),
            Measurement(
                step: "Bulk transfer over WebSocket", parameter: parameter, value: webSocketBulk,
                unit: .megabytesPerSecond, target: targets.webSocketBulk),
        ]
    }

    /// From the dial to a connection on which streams can be opened, in microseconds.
    private func setUp(_ pair: TransportPair) async throws -> [Double] {
        let clock = ContinuousClock()
        var times: [Double] = []
        for _ in 0..<(self.isQuick ? 20 : 300) {
            let start = clock.now
            let connection = try await pair.dial()
            times.append((clock.now - start) / .microseconds(1))
            await connection.close()
        }
        return times
    }

    /// A task writes 32 bytes on an open stream and reads them back; in microseconds.
    private func rounds(
        _ pair: TransportPair, _ protocolID: ProtocolID, isOnLoop: Bool = false
    ) async throws -> [Double] {
        let connection = try await pair.dial()
        let stream = try await connection.openStream(protocols: [protocolID]).stream
        let times = try await withTaskExecutorPreference(isOnLoop ? connection.taskExecutor : nil) {
            let clock = ContinuousClock()
            var times: [Double] = []
            for round in 0..<(self.isQuick ? 600 : 6_000) {
                let start = clock.now
                try await self.exchange(on: stream)
                if round >= 100 { times.append((clock.now - start) / .microseconds(1)) }
            }
            return times
        }
        await connection.close()
        return times
    }

    /// Opens a stream, proposal and ping in one, reads the answer, and closes; in microseconds until the answer is there.
    private func newStream(_ pair: TransportPair) async throws -> [Double] {
        let connection = try await pair.dial()
        let clock = ContinuousClock()
        var times: [Double] = []
        for round in 0..<(self.isQuick ? 300 : 3_000) {
            let start = clock.now
            let stream = try await connection.openStream(assuming: TransportPair.pingID).stream
            try await self.exchange(on: stream)
            if round >= 50 { times.append((clock.now - start) / .microseconds(1)) }
            try await stream.closeWrite()
            guard try await stream.read(upTo: 1) == nil else { throw Failure(description: "more than was sent") }
        }
        await connection.close()
        return times
    }

    private func exchange(on stream: any ByteStream) async throws {
        var left = Self.message.count
        try await stream.write(Self.message)
        while left > 0 {
            guard let bytes = try await stream.read(upTo: left) else {
                throw Failure(description: "less than was sent")
            }
            left -= bytes.count
        }
    }

    private static let message = [UInt8](repeating: 7, count: 32)

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

    private struct Failure: Error, CustomStringConvertible {
        var description: String
    }
}
