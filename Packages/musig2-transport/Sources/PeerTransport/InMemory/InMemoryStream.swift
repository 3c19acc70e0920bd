/// One side of a stream between two in-memory connections.
final class InMemoryStream: ByteStream {
    private let inbound: InMemoryPipe
    private let outbound: InMemoryPipe

    private init(inbound: InMemoryPipe, outbound: InMemoryPipe) {
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Makes the two sides of a stream.
    static func makePair(window: Int) -> (InMemoryStream, InMemoryStream) {
        let forth = InMemoryPipe(capacity: window)
        let back = InMemoryPipe(capacity: window)
        return (InMemoryStream(inbound: back, outbound: forth), InMemoryStream(inbound: forth, outbound: back))
    }

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
        try await inbound.read(upTo: maximum)
    }

    func write(_ bytes: [UInt8]) async throws(TransportError) {
        try await outbound.write(bytes)
    }

    func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool {
        try outbound.writeImmediately(bytes)
    }

    func closeWrite() async throws(TransportError) {
        try outbound.finish()
    }

    func reset() {
        fail(TransportError(.streamReset, "the stream was reset"))
    }

    func fail(_ error: TransportError) {
        inbound.fail(error)
        outbound.fail(error)
    }

    /// Whether both directions are over, so that a connection may forget the stream.
    var isOver: Bool { inbound.isOver && outbound.isOver }
}
