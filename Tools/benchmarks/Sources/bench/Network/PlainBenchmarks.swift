import Foundation
import PeerTransport
import PlainClient

/// One and the same plain client against our node and, if it is there, against py-libp2p's, in turn: the ratio is what the
/// nodes differ by.
struct PlainBenchmarks {
    let isQuick: Bool
    /// The interpreter that has py-libp2p, and the program that runs its node; nil to measure ours alone.
    let python: (interpreter: URL, program: String)?

    /// Measures set-up, ping, new stream and bulk transfer.
    func measure() throws -> [Measurement] {
        let ours = try NodeProcess.ours()
        let theirs = try self.startPython()
        var measurements = try self.setUps(ours, theirs)
        measurements += try self.roundTrips(ours, theirs)
        for isWebSocket in [false, true] { measurements.append(try self.bulk(ours, theirs, isWebSocket: isWebSocket)) }
        for isWebSocket in [false, true] { measurements.append(try self.pour(ours, theirs, isWebSocket: isWebSocket)) }
        try ours.stop()
        try theirs?.stop()
        return measurements
    }

    private func startPython() throws -> NodeProcess? {
        try self.python.map { try NodeProcess($0.interpreter, [$0.program]) }
    }

    private func setUps(_ ours: NodeProcess, _ theirs: NodeProcess?) throws -> [Measurement] {
        // py-libp2p's node takes no more than a few hundred connections before it refuses new ones.
        let rounds = self.isQuick ? 10 : 80
        func setUp(_ endpoint: PlainEndpoint, _ muxer: PlainIdentity.Muxer) throws -> Double {
            // Somebody new each time: nodes have rules for a second connection of the same peer.
            let identity = try PlainIdentity(muxer: muxer)
            return try self.time { _ = try PlainConnection(to: endpoint, as: identity) }
        }
        return [
            try self.compare(
                "Plain client: set-up", "multistream", rounds: rounds, target: .ratio(0.5), try ours.endpoint(),
                try theirs?.endpoint()
            ) { try setUp($0, .multistream) },
            // py-libp2p offers no muxer early, so that there is nothing to compare.
            try self.compare(
                "Plain client: set-up", "early muxer", rounds: rounds, target: nil, try ours.endpoint(), nil
            ) { try setUp($0, .early) },
        ]
    }

    private func roundTrips(_ ours: NodeProcess, _ theirs: NodeProcess?) throws -> [Measurement] {
        let identity = try PlainIdentity(muxer: .multistream)
        let rounds = self.isQuick ? 5 : 41
        let message = [UInt8](repeating: 7, count: 32)
        let clients = try [ours, theirs].map { try $0.map { try PlainConnection(to: try $0.endpoint(), as: identity) } }
        let pingID = TransportPair.pingID.name
        let streams = try clients.map { try $0?.open(pingID, first: message) }
        func ping(_ index: Int) throws -> Double {
            guard let client = clients[index], let stream = streams[index] else { return 0 }
            return try self.time(runs: 50) { try client.echo(message, on: stream) }
        }
        let pings = try self.compare(
            "Plain client: ping", "open stream", rounds: rounds, target: .ratio(0.25), 0, theirs.map { _ in 1 },
            ping)
        for (client, stream) in zip(clients, streams) {
            if let client, let stream { try client.finish(stream, isWaiting: true) }
        }
        let newStreams = try self.compare(
            "Plain client: ping", "new stream", rounds: rounds, target: .ratio(0.25), 0, theirs.map { _ in 1 }
        ) { index in
            guard let client = clients[index] else { return 0 }
            return try self.time(runs: 20) {
                try client.finish(try client.open(pingID, first: message), isWaiting: false)
            }
        }
        return [pings, newStreams]
    }

    private func bulk(_ ours: NodeProcess, _ theirs: NodeProcess?, isWebSocket: Bool) throws -> Measurement {
        let identity = try PlainIdentity(muxer: .multistream)
        let clients = try [ours, theirs].map { node in
            try node.map { try PlainConnection(to: try $0.endpoint(isWebSocket: isWebSocket), as: identity) }
        }
        return try self.compare(
            "Plain client: bulk transfer", isWebSocket ? "WebSocket" : "TCP", rounds: self.isQuick ? 3 : 7,
            unit: .megabytesPerSecond, target: nil, 0, theirs.map { _ in 1 }
        ) { index in
            guard let client = clients[index] else { return 0 }
            let stream = try client.open(TransportPair.sinkID.name)
            return Double(self.bulkBytes) / (try self.time { try client.pour(self.bulkBytes, into: stream) })
        }
    }

    /// From a new node to one of the same kind.
    private func pour(_ ours: NodeProcess, _ theirs: NodeProcess?, isWebSocket: Bool) throws -> Measurement {
        let ourSource = try NodeProcess.ours()
        let theirSource = try self.startPython()
        let pairs = [(ourSource, ours), theirs.flatMap { target in theirSource.map { ($0, target) } }]
        let measurement = try self.compare(
            "Bulk transfer, node to node", isWebSocket ? "WebSocket" : "TCP", rounds: self.isQuick ? 3 : 7,
            unit: .megabytesPerSecond, target: .ratioAtLeast(4), 0, theirs.map { _ in 1 }
        ) { index in
            guard let (source, target) = pairs[index] else { return 0 }
            return try source.pour(self.bulkBytes, into: target, isWebSocket: isWebSocket)
        }
        try ourSource.stop()
        try theirSource?.stop()
        return measurement
    }

    private var bulkBytes: Int { self.isQuick ? 8 << 20 : 64 << 20 }

    /// Runs some rounds of ours and the peer's, who goes first changing; the medians, and that of the rounds' ratios.
    private func compare<Subject>(
        _ step: String, _ parameter: String, rounds: Int, unit: Measurement.Unit = .microseconds,
        target: Measurement.Target?, _ ours: Subject, _ theirs: Subject?, _ run: (Subject) throws -> Double
    ) throws -> Measurement {
        _ = try run(ours)
        if let theirs { _ = try run(theirs) }
        var own: [Double] = []
        var other: [Double] = []
        for round in 0..<rounds {
            if round % 2 == 1, let theirs { other.append(try run(theirs)) }
            own.append(try run(ours))
            if round % 2 == 0, let theirs { other.append(try run(theirs)) }
        }
        return Measurement(
            step: step, parameter: parameter, value: median(own), unit: unit,
            peerValue: theirs.map { _ in median(other) },
            ratio: theirs.map { _ in median(zip(own, other).map { $0 / $1 }) },
            target: theirs == nil ? nil : target)
    }

    /// Microseconds on the clock for one run.
    private func time(runs: Int = 1, _ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        for _ in 0..<runs { try body() }
        return (clock.now - start) / .microseconds(1) / Double(runs)
    }
}
