import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization

/// The outbound ping stream to one peer, which callers use one after the other.
final class PingLink: Sendable {
    /// The most callers that wait for the permit.
    static let maximumWaiting = 64

    private struct State {
        var isBusy = false
        var waiting: [OneShot<Void>] = []
        var stream: (any ByteStream)?
        var connection: ConnectionTable.ID = 0
    }

    private let state = Mutex(State())

    /// Sends one round and waits for it to come back.
    ///
    /// - Parameters:
    ///   - entry: The connection to use.
    ///   - time: What the round is measured by.
    /// - Returns: How long the round took; opening a stream does not count.
    /// - Throws: As ``PeerNode/ping(_:timeout:)``.
    func ping(over entry: ConnectionTable.Entry, by time: TimeSource) async throws(TransportError) -> Duration {
        try await takePermit()
        defer { returnPermit() }
        if let kept = keptStream(on: entry.id) {
            do throws(TransportError) {
                return try await round(on: kept, over: entry.connection, by: time)
            } catch {
                // Many close a ping stream that was idle for a while, and that says nothing about the peer.
                guard [.streamReset, .streamClosed].contains(error.code) else { throw error }
            }
        }
        let opened = try await entry.connection.openStream(protocols: [PeerNode.pingProtocol])
        state.withLock { state in
            state.stream = opened.stream
            state.connection = entry.id
        }
        return try await round(on: opened.stream, over: entry.connection, by: time)
    }

    private func keptStream(on id: ConnectionTable.ID) -> (any ByteStream)? {
        let (kept, old) = state.withLock { state -> ((any ByteStream)?, (any ByteStream)?) in
            if state.connection == id { return (state.stream, nil) }
            defer { state.stream = nil }
            return (nil, state.stream)
        }
        old?.reset()
        return kept
    }

    private func round(
        on stream: any ByteStream,
        over connection: any Connection,
        by time: TimeSource
    ) async throws(TransportError) -> Duration {
        var generator = SystemRandomNumberGenerator()
        let sent = (0..<PingResponder.round / 8).flatMap { _ in
            withUnsafeBytes(of: UInt64.random(in: .min ... .max, using: &generator)) { Array($0) }
        }
        do throws(TransportError) {
            // Where the bytes are read, so that what is measured is the network, and not how long a thread takes to wake.
            return try await withTaskExecutorPreference(connection.taskExecutor) { () throws(TransportError) in
                let start = time.now().uptime
                try await stream.write(sent)
                var answer: [UInt8] = []
                while answer.count < sent.count {
                    guard let bytes = try await stream.read(upTo: sent.count - answer.count) else {
                        throw TransportError(.streamReset, "the peer closed the ping stream")
                    }
                    answer += bytes
                }
                guard answer == sent else {
                    throw TransportError(
                        .protocolViolation, "ping: expected the 32 bytes that were sent, found others")
                }
                return time.now().uptime - start
            }
        } catch {
            stream.reset()
            state.withLock { $0.stream = nil }
            throw error
        }
    }

    // MARK: Permits

    private func takePermit() async throws(TransportError) {
        enum PingPermit {
            case now
            case later(OneShot<Void>)
            case never
        }
        let permit = state.withLock { state -> PingPermit in
            guard state.isBusy else {
                state.isBusy = true
                return .now
            }
            guard state.waiting.count < Self.maximumWaiting else { return .never }
            let latch = OneShot<Void>()
            state.waiting.append(latch)
            return .later(latch)
        }
        switch permit {
        case .now: return
        case .never:
            throw TransportError(.limitExceeded, "\(Self.maximumWaiting) pings to the peer wait already")
        case .later(let latch):
            guard await latch.wait() == nil else { return }
            let hasPermit = state.withLock { state in
                state.waiting.removeAll { $0 === latch }
                return latch.value != nil
            }
            if hasPermit { returnPermit() }
            throw TransportError(.cancelled, "the task that waited to ping was cancelled")
        }
    }

    private func returnPermit() {
        state.withLock { state in
            // Set here, so that a waiter that is cancelled now sees that it has the permit.
            if state.waiting.isEmpty { state.isBusy = false } else { state.waiting.removeFirst().set(()) }
        }
    }
}
