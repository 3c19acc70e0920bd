import Multiformats
import PeerTransport
import Testing

@Suite("Responders")
struct ResponderTests {
    private final class Counting: StreamResponder {
        private var total = 0

        func receive(_ bytes: [UInt8]) -> ResponderAction {
            total += bytes.count
            switch bytes.first {
            case 0: return .reset
            case 255: return .finish([9])
            default: return .send(bytes)
            }
        }

        func receiveEnd() -> ResponderAction { .send([UInt8(truncatingIfNeeded: total)]) }
    }

    @Test("the registry is bounded, and takes one responder for each protocol")
    func registry() throws {
        let registry = ResponderRegistry(capacity: 2)
        try registry.register("/a") { _ in Counting() }
        #expect(throws: TransportError(.invalidArgument, "")) { try registry.register("/a") { _ in nil } }
        #expect(throws: TransportError(.invalidArgument, "")) { try registry.register("a\n") { _ in nil } }
        try registry.register("/b") { _ in nil }
        #expect(throws: TransportError(.limitExceeded, "")) { try registry.register("/c") { _ in nil } }
        #expect(Set(registry.protocolIDs) == ["/a", "/b"])
        registry.unregister("/a")
        #expect(registry.factory(for: "/a") == nil)
        #expect(registry.factory(for: "/b") != nil)
        try registry.register("/c") { _ in nil }
    }

    @Test("a task serves a stream by a responder: answers, end, finish and reset")
    func served() async throws {
        let hub = InMemoryHub()
        let listening = InMemoryTransport(peer: try testPeer(1), hub: hub)
        let listener = try await listening.listen(on: Multiaddr("/memory/1")) { $0 == "/count" }
        let dialing = InMemoryTransport(peer: try testPeer(2), hub: hub)
        let connection = try await dialing.dial(listener.addresses[0], expecting: nil) { _ in false }
        let accepted = try #require(try await listener.accept())
        let serving = Task {
            for _ in 0..<3 {
                guard let inbound = try await accepted.acceptStream() else { return }
                await serve(Counting(), on: inbound.stream)
            }
        }
        let ended = try await connection.openStream(assuming: "/count")
        #expect(ended.protocolID == "/count")
        try await ended.stream.write([1, 2, 3])
        #expect(try await ended.stream.read(upTo: 10) == [1, 2, 3])
        try await ended.stream.closeWrite()
        #expect(try await ended.stream.read(upTo: 10) == [3])
        #expect(try await ended.stream.read(upTo: 10) == nil)
        let finished = try await connection.openStream(protocols: ["/count"]).stream
        try await finished.write([255])
        #expect(try await finished.read(upTo: 10) == [9])
        #expect(try await finished.read(upTo: 10) == nil)
        let reset = try await connection.openStream(protocols: ["/count"]).stream
        try await reset.write([0])
        await #expect(throws: TransportError(.streamReset, "")) { _ = try await reset.read(upTo: 1) }
        try await serving.value
        await connection.close()
        await listener.close()
    }
}
