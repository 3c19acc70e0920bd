@_spi(Waiting) import PeerTransport

/// Runs one case with a limit on its time, so that what hangs is a failure with a name.
///
/// A case that ignores its cancellation is left behind: the suite goes on without it.
func runCase(
    _ name: String,
    within limit: Duration,
    _ body: @escaping @Sendable () async throws -> Void
) async throws(ConformanceFailure) {
    let outcome = OneShot<Result<Void, ConformanceFailure>>()
    let work = Task {
        do {
            try await body()
            outcome.set(.success(()))
        } catch let failure as ConformanceFailure {
            outcome.set(.failure(ConformanceFailure(caseName: name, message: failure.message)))
        } catch {
            outcome.set(.failure(ConformanceFailure(caseName: name, message: "unexpected error: \(error)")))
        }
    }
    let watch = Task {
        try await Task.sleep(for: limit)
        outcome.set(.failure(ConformanceFailure(caseName: name, message: "not done within \(limit)")))
    }
    let result = await outcome.wait()
    watch.cancel()
    guard let result else {
        work.cancel()
        throw ConformanceFailure(caseName: name, message: "cancelled")
    }
    if case .failure = result { work.cancel() }
    try result.get()
}

/// Fails the case when a condition does not hold.
func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ConformanceFailure) {
    guard condition else { throw ConformanceFailure(caseName: "", message: message()) }
}

/// Fails the case unless an operation throws one of the expected codes.
func requireError<Success>(
    _ codes: TransportError.Code...,
    from operation: String,
    _ body: () async throws(TransportError) -> Success
) async throws(ConformanceFailure) {
    let expected = codes.map(\.name).joined(separator: " or ")
    do {
        _ = try await body()
    } catch {
        try require(codes.contains(error.code), "\(operation): expected \(expected), found \(error)")
        return
    }
    throw ConformanceFailure(caseName: "", message: "\(operation): expected \(expected), but it succeeded")
}

/// Bytes that tell each position of a long transfer from its neighbours: a block of prime length, over and over.
func pattern(count: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    let block = (0..<4093).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count + block.count <= count { bytes.append(contentsOf: block) }
    bytes.append(contentsOf: block.prefix(count - bytes.count))
    return bytes
}

extension ByteStream {
    /// Reads exactly so many bytes.
    func readExactly(_ count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let more = try await read(upTo: count - bytes.count) else {
                throw ConformanceFailure(
                    caseName: "",
                    message: "expected \(count) bytes, the stream ended after \(bytes.count)"
                )
            }
            try require(!more.isEmpty, "read(upTo:) returned no bytes, expected at least 1")
            try require(
                more.count <= count - bytes.count,
                "read(upTo: \(count - bytes.count)) returned \(more.count) bytes"
            )
            bytes += more
        }
        return bytes
    }

    /// Reads until the other side closes its half.
    func readToEnd(chunk: Int = 64 << 10) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let more = try await read(upTo: chunk) {
            try require(!more.isEmpty, "read(upTo:) returned no bytes, expected at least 1")
            bytes += more
        }
        return bytes
    }

    /// Reads and writes back until the other side closes its half, then closes this one.
    func echo() async throws(TransportError) {
        while let bytes = try await read(upTo: 64 << 10) { try await write(bytes) }
        try await closeWrite()
    }
}
