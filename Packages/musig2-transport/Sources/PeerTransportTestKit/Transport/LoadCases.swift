import PeerTransport
import Synchronization

/// What a transport promises when much happens at once.
enum LoadCases {
    static let all: [NamedCase<TransportPair>] = [
        NamedCase("largeTransfers", largeTransfers),
        NamedCase("backPressure", backPressure),
        NamedCase("manyStreamsAtOnce", manyStreamsAtOnce),
        NamedCase("manyStreamsInTurn", manyStreamsInTurn),
        NamedCase("stuckStreamHoldsNobodyUp", stuckStreamHoldsNobodyUp),
    ]

    /// How many bytes a transport may take from a writer with a reader that does not read.
    private static let mostInFlight = 16 << 20

    private static func largeTransfers(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (opened, taken) = try await link.streams()
        let expected = pattern(count: 8 << 20, seed: 21)
        let echo = Task { try await taken.echo() }
        let writer = Task {
            try await opened.write(expected)
            try await opened.closeWrite()
        }
        let found = try await opened.readToEnd()
        try await writer.value
        try await echo.value
        try require(found == expected, StreamCases.difference(expected, found))
        await link.close()
    }

    private static func backPressure(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (opened, taken) = try await link.streams()
        let written = Counter()
        let chunk = pattern(count: 64 << 10, seed: 22)
        let total = 48 << 20
        let writer = Task {
            var sent = 0
            while sent < total {
                try await opened.write(chunk)
                sent += chunk.count
                written.set(sent)
            }
            try await opened.closeWrite()
        }
        // Let the writer run until it stands still. Should it only be slow, the check below is weaker, never wrong.
        var last = -1
        while written.value != last, written.value < total {
            last = written.value
            try await Task.sleep(for: .milliseconds(100))
        }
        var received = 0
        repeat {
            let ahead = written.value - received
            try require(
                ahead <= mostInFlight,
                "\(ahead) bytes were taken from a writer whose reader does not read, expected at most \(mostInFlight)"
            )
            guard let bytes = try await taken.read(upTo: 64 << 10) else { break }
            received += bytes.count
        } while true
        try await writer.value
        try require(received == total, "expected \(total) bytes, found \(received)")
        await link.close()
    }

    private static func manyStreamsAtOnce(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let accepted = link.accepted
        let dialed = link.dialed
        let server = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    let stream = try await ConnectedPair.take(from: accepted)
                    group.addTask { try await stream.echo() }
                }
                try await group.waitForAll()
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    let stream = try await dialed.openStream(protocols: [ConnectedPair.protocolID]).stream
                    let expected = pattern(count: 20_000 + number, seed: UInt64(number))
                    let writer = Task {
                        try await stream.write(expected)
                        try await stream.closeWrite()
                    }
                    let found = try await stream.readToEnd()
                    try await writer.value
                    try require(found == expected, "stream \(number): \(StreamCases.difference(expected, found))")
                }
            }
            try await group.waitForAll()
        }
        try await server.value
        await link.close()
    }

    private static func manyStreamsInTurn(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        for number in 0..<1_500 {
            let (opened, taken) = try await link.streams()
            if number % 3 == 0 {
                opened.reset()
                continue
            }
            try await opened.closeWrite()
            try await taken.echo()
            let rest = try await opened.readToEnd()
            try require(rest.isEmpty, "stream \(number): expected its end, found \(rest.count) bytes")
        }
        await link.close()
    }

    private static func stuckStreamHoldsNobodyUp(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let stuck = try await link.streams()
        let chunk = pattern(count: 64 << 10, seed: 23)
        let writer = Task { while true { try await stuck.opened.write(chunk) } }
        let (opened, taken) = try await link.streams()
        let echo = Task { try await taken.echo() }
        for number in 0..<100 {
            let question = pattern(count: 1_000, seed: UInt64(number))
            try await opened.write(question)
            let answer = try await opened.readExactly(question.count)
            try require(answer == question, "echo \(number): \(StreamCases.difference(question, answer))")
        }
        try await opened.closeWrite()
        try await echo.value
        stuck.opened.reset()
        let outcome = await writer.result
        guard case .failure(let error as TransportError) = outcome, error.code == .streamReset else {
            throw ConformanceFailure(
                caseName: "",
                message: "a write that waits at a reset: expected streamReset, found \(outcome)"
            )
        }
        await link.close()
    }
}

/// A number that one task moves and another looks at.
final class Counter: Sendable {
    private let number = Mutex(0)

    var value: Int { number.withLock { $0 } }

    func set(_ value: Int) {
        number.withLock { $0 = value }
    }
}
