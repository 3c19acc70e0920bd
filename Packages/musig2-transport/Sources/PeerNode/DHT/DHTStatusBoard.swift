import Synchronization

/// The present status of a node's distributed hash table, for any number of readers that want to know of each change.
final class DHTStatusBoard: Sendable {
    private struct State {
        var status = DHTStatus.off
        var nextReader: UInt64 = 0
        var readers: [UInt64: AsyncStream<DHTStatus>.Continuation] = [:]
    }

    private let state = Mutex(State())

    var status: DHTStatus { state.withLock { $0.status } }

    /// Tells a status; one that is the same as before is not told again. For one caller at a time.
    ///
    /// Readers are told outside the lock: to wake one that is being cancelled waits for what the cancellation calls, and that is the end
    /// of the reader below, which needs the lock.
    func set(_ status: DHTStatus) {
        let readers = state.withLock { state -> [AsyncStream<DHTStatus>.Continuation] in
            guard status != state.status else { return [] }
            state.status = status
            return Array(state.readers.values)
        }
        for reader in readers { reader.yield(status) }
    }

    /// The status now, and then each that is new. A reader that is slow misses those in between, never the last.
    func updates() -> AsyncStream<DHTStatus> {
        let (stream, continuation) = AsyncStream.makeStream(of: DHTStatus.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextReader &+= 1
            state.readers[state.nextReader] = continuation
            continuation.yield(state.status)
            return state.nextReader
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.readers[number] = nil }
        }
        return stream
    }
}
