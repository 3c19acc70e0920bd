import PeerTransport

/// What users hold of a yamux stream. When the last user lets go of it, the stream ends: in good order if this half was
/// closed, by a reset otherwise.
final class YamuxByteStream: ByteStream {
    private let core: StreamCore

    init(_ core: StreamCore) {
        self.core = core
    }

    deinit {
        core.abandon()
    }

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
        try await core.read(upTo: maximum)
    }

    func write(_ bytes: [UInt8]) async throws(TransportError) {
        try await core.write(bytes)
    }

    func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool {
        try core.writeImmediately(bytes)
    }

    func closeWrite() async throws(TransportError) {
        try core.closeWrite()
    }

    func reset() {
        core.reset()
    }
}
