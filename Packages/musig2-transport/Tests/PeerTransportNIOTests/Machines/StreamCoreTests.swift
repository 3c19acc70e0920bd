@_spi(Waiting) import PeerTransport
import Testing

@testable import PeerTransportNIO

@Suite("What tasks and the event loop share of a stream", .timeLimit(.minutes(1)))
struct StreamCoreTests {
    private static func write(_ byte: UInt8, to core: StreamCore) async -> TransportError? {
        do throws(TransportError) {
            try await core.write([UInt8](repeating: byte, count: 20))
            return nil
        } catch {
            return error
        }
    }

    /// The first writer is told to wait, and before it does another one comes: it is refused, and neither is forgotten.
    @Test("a second writer that comes before the first one waits")
    func twoWriters() async throws {
        // What became of the second writer: an error or nil.
        let second = OneShot<TransportError?>()
        let core = StreamCore(id: 1, sendBuffer: 10) { core in
            // Between the bytes of the first writer and its wait.
            Task { second.set(await Self.write(2, to: core)) }
            while second.value == nil, core.takePending().output < 40 {}
        }
        async let first = Self.write(1, to: core)
        // What was taken is sent: whoever waits goes on.
        while second.value == nil || core.takePending().output > 0 {
            if core.takePending().output >= 40 || second.value != nil { _ = core.drainOutput(100) { _ in } }
            await Task.yield()
        }
        let failure = await first
        #expect(failure == nil)
        #expect(second.value??.message == "another task writes to this stream")
    }
}
