import PeerTransport
import Synchronization

/// A stream that a node handed out: while somebody holds it, its connection counts as in use.
final class LeasedStream: ByteStream {
    private let base: any ByteStream
    private let metrics: PeerNodeMetrics
    private let release: @Sendable () -> Void
    private let isWriteClosed = Atomic<Bool>(false)

    init(_ base: any ByteStream, metrics: PeerNodeMetrics, release: @escaping @Sendable () -> Void) {
        self.base = base
        self.metrics = metrics
        self.release = release
    }

    deinit {
        // A caller that lets a stream go without having closed it does not want it any more, and neither side should wait for
        // it.
        if !isWriteClosed.load(ordering: .relaxed) { base.reset() }
        release()
    }

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
        let bytes = try await base.read(upTo: maximum)
        if let bytes { metrics.received(bytes.count) }
        return bytes
    }

    func write(_ bytes: [UInt8]) async throws(TransportError) {
        try await base.write(bytes)
        metrics.sent(bytes.count)
    }

    func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool {
        let isTaken = try base.writeImmediately(bytes)
        if isTaken { metrics.sent(bytes.count) }
        return isTaken
    }

    func closeWrite() async throws(TransportError) {
        isWriteClosed.store(true, ordering: .relaxed)
        try await base.closeWrite()
    }

    func reset() {
        base.reset()
    }
}
