import PeerTransport

/// What a single stream promises.
enum StreamCases {
    static let all: [NamedCase<TransportPair>] = [
        NamedCase("bothSidesOpen", bothSidesOpen),
        NamedCase("protocolIsChosen", protocolIsChosen),
        NamedCase("unknownProtocolIsRefused", unknownProtocolIsRefused),
        NamedCase("assumedProtocol", assumedProtocol),
        NamedCase("order", order),
        NamedCase("smallReads", smallReads),
        NamedCase("immediateWritesKeepOrder", immediateWritesKeepOrder),
        NamedCase("halfClose", halfClose),
        NamedCase("reset", reset),
        NamedCase("cancelledReadLosesNothing", cancelledReadLosesNothing),
    ]

    private static func bothSidesOpen(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let forth = try await ConnectedPair.streams(from: link.dialed, to: link.accepted)
        let back = try await ConnectedPair.streams(from: link.accepted, to: link.dialed)
        try await forth.opened.write([1])
        try await back.opened.write([2])
        let (one, two) = (try await forth.taken.readExactly(1), try await back.taken.readExactly(1))
        try require(one == [1] && two == [2], "expected [1] and [2], found \(one) and \(two)")
        await link.close()
    }

    private static func protocolIsChosen(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let opened = try await link.dialed.openStream(protocols: ["/unknown/1.0.0", ConnectedPair.protocolID])
        try require(
            opened.protocolID == ConnectedPair.protocolID,
            "expected \(ConnectedPair.protocolID), found \(opened.protocolID)"
        )
        try await opened.stream.write([5])
        let bytes = try await ConnectedPair.take(from: link.accepted).readExactly(1)
        try require(bytes == [5], "expected [5], found \(bytes)")
        await link.close()
    }

    private static func unknownProtocolIsRefused(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let dialed = link.dialed
        for protocols: [ProtocolID] in [["/unknown/1.0.0"], ["/unknown/1.0.0", "/unknown/2.0.0"]] {
            try await requireError(.protocolNotSupported, from: "openStream") { () throws(TransportError) in
                try await dialed.openStream(protocols: protocols)
            }
        }
        try await requireError(.invalidArgument, from: "openStream without protocols") { () throws(TransportError) in
            try await dialed.openStream(protocols: [])
        }
        let (opened, taken) = try await link.streams()
        try await opened.write([9])
        let bytes = try await taken.readExactly(1)
        try require(bytes == [9], "the connection must outlive a refused stream: expected [9], found \(bytes)")
        await link.close()
    }

    /// Opened at once or not, a stream for a protocol that is taken for granted works, and one that is refused says so before
    /// anything is read.
    private static func assumedProtocol(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let opened = try await link.dialed.openStream(assuming: ConnectedPair.protocolID)
        try await opened.stream.write([1, 2])
        let taken = try await ConnectedPair.take(from: link.accepted)
        let bytes = try await taken.readExactly(2)
        try require(bytes == [1, 2], "expected [1, 2], found \(bytes)")
        try await taken.write([3])
        let answer = try await opened.stream.readExactly(1)
        try require(answer == [3], "expected [3], found \(answer)")
        let dialed = link.dialed
        try await requireError(.protocolNotSupported, from: "a stream that was assumed") { () throws(TransportError) in
            let refused = try await dialed.openStream(assuming: "/unknown/1.0.0")
            try await refused.stream.write([4])
            return try await refused.stream.read(upTo: 1)
        }
        await link.close()
    }

    private static func order(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (opened, taken) = try await link.streams()
        let expected = pattern(count: 400_000, seed: 11)
        let writer = Task {
            var generator = SeededGenerator(seed: 12)
            var offset = 0
            while offset < expected.count {
                let count = min(Int.random(in: 0...2_000, using: &generator), expected.count - offset)
                try await opened.write(Array(expected[offset..<offset + count]))
                offset += count
            }
            try await opened.closeWrite()
        }
        let found = try await taken.readToEnd(chunk: 1_777)
        try await writer.value
        try require(found == expected, difference(expected, found))
        await link.close()
    }

    private static func smallReads(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (opened, taken) = try await link.streams()
        let expected = pattern(count: 300, seed: 13)
        try await opened.write(expected)
        try await opened.write([])
        try await opened.closeWrite()
        let found = try await taken.readToEnd(chunk: 1)
        try require(found == expected, difference(expected, found))
        try await requireError(.invalidArgument, from: "read(upTo: 0)") { () throws(TransportError) in
            try await taken.read(upTo: 0)
        }
        await link.close()
    }

    private static func immediateWritesKeepOrder(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (opened, taken) = try await link.streams()
        let expected = pattern(count: 600_000, seed: 14)
        let reader = Task { try await taken.readToEnd() }
        var offset = 0
        while offset < expected.count {
            let chunk = Array(expected[offset..<min(offset + 999, expected.count)])
            if !(try opened.writeImmediately(chunk)) { try await opened.write(chunk) }
            offset += chunk.count
        }
        try await opened.closeWrite()
        let found = try await reader.value
        try require(found == expected, difference(expected, found))
        try await requireError(.streamClosed, from: "write after closeWrite") { () throws(TransportError) in
            try await opened.write([1])
        }
        await link.close()
    }

    private static func halfClose(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (opened, taken) = try await link.streams()
        try await opened.write([1, 2, 3])
        try await opened.closeWrite()
        try await opened.closeWrite()
        let question = try await taken.readToEnd()
        try require(question == [1, 2, 3], "expected [1, 2, 3], found \(question)")
        let again = try await taken.read(upTo: 1)
        try require(again == nil, "a read after the end: expected nil, found \(String(describing: again))")
        let expected = pattern(count: 500_000, seed: 15)
        let writer = Task {
            try await taken.write(expected)
            try await taken.closeWrite()
        }
        let answer = try await opened.readToEnd()
        try await writer.value
        try require(answer == expected, difference(expected, answer))
        try await requireError(.streamClosed, from: "write after closeWrite") { () throws(TransportError) in
            try await opened.write([1])
        }
        await link.close()
    }

    private static func reset(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let other = try await link.streams()
        let (opened, taken) = try await link.streams()
        let reader = Task { () throws(TransportError) -> [UInt8]? in try await taken.read(upTo: 1) }
        opened.reset()
        opened.reset()
        try await requireError(.streamReset, from: "a read that waits while the other side resets") {
            () throws(TransportError) in try await value(of: reader)
        }
        try await requireError(.streamReset, from: "read after one's own reset") { () throws(TransportError) in
            try await opened.read(upTo: 1)
        }
        for stream in [opened, taken] {
            try await requireError(.streamReset, from: "write after a reset") { () throws(TransportError) in
                try await stream.write([1])
            }
        }
        try await other.opened.write([8])
        let bytes = try await other.taken.readExactly(1)
        try require(bytes == [8], "another stream must not notice: expected [8], found \(bytes)")
        await link.close()
    }

    private static func cancelledReadLosesNothing(_ pair: TransportPair) async throws {
        let link = try await ConnectedPair.make(pair)
        let (opened, taken) = try await link.streams()
        let reader = Task { () throws(TransportError) -> [UInt8]? in try await taken.read(upTo: 10) }
        reader.cancel()
        try await requireError(.cancelled, from: "a cancelled read") { () throws(TransportError) in
            try await value(of: reader)
        }
        try await opened.write([1, 2, 3])
        let bytes = try await taken.readExactly(3)
        try require(bytes == [1, 2, 3], "expected [1, 2, 3], found \(bytes)")
        await link.close()
    }

    /// The value of a task with an error that is known to be a transport's.
    private static func value<Success: Sendable>(
        of task: Task<Success, any Error>
    ) async throws(TransportError) -> Success {
        switch await task.result {
        case .success(let value): return value
        case .failure(let error as TransportError): throw error
        case .failure(let error): throw TransportError(.systemFailure, "not a TransportError", underlying: "\(error)")
        }
    }

    static func difference(_ expected: [UInt8], _ found: [UInt8]) -> String {
        let position = zip(expected, found).enumerated().first { $1.0 != $1.1 }?.offset
        return "expected \(expected.count) bytes, found \(found.count); first difference at "
            + (position.map(String.init) ?? "the end of the shorter")
    }
}
