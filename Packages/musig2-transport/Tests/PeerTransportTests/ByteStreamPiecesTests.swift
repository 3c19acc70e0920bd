import Multiformats
import PeerTransport
import Testing

@Suite("The pieces of a stream") struct ByteStreamPiecesTests {
    /// Gives what it has, then ends or fails.
    private actor Script: ByteStream {
        private var bytes: [UInt8]
        private let failure: TransportError?

        init(_ bytes: [UInt8], failure: TransportError? = nil) {
            self.bytes = bytes
            self.failure = failure
        }

        func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
            guard !bytes.isEmpty else {
                if let failure { throw failure }
                return nil
            }
            let piece = Array(bytes.prefix(maximum))
            bytes.removeFirst(piece.count)
            return piece
        }

        func write(_ bytes: [UInt8]) async throws(TransportError) {
            throw TransportError(.streamClosed, "it is read only")
        }
        func closeWrite() async throws(TransportError) {}
        nonisolated func reset() {}
    }

    @Test func theyComeInOrderToTheEnd() async throws {
        var pieces: [[UInt8]] = []
        for try await piece in Script(Array(0..<10)).pieces(upTo: 4) { pieces.append(piece) }
        #expect(pieces == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
    }

    @Test func whatALoopLeavesStaysInTheStream() async throws {
        let stream = Script(Array(0..<10))
        for try await piece in stream.pieces(upTo: 3) where piece.contains(4) { break }
        #expect(try await stream.read(upTo: 100) == [6, 7, 8, 9])
    }

    @Test func anErrorEndsThemAsItEndsAReader() async throws {
        let stream = Script([1, 2], failure: TransportError(.streamReset, "the stream was reset by the other side"))
        var read: [UInt8] = []
        do throws(TransportError) {
            for try await piece in stream.pieces() { read += piece }
            Issue.record("the sequence ended as if the other side had closed its half")
        } catch {
            #expect(error.code == .streamReset)
        }
        #expect(read == [1, 2])
    }

    @Test func ofARealStreamToo() async throws {
        let hub = InMemoryHub()
        let (one, two) = (try testPeer(1), try testPeer(2))
        let server = InMemoryTransport(peer: one, hub: hub)
        let listener = try await server.listen(on: try Multiaddr("/memory/0"), accepting: { $0 == "/pieces/1" })
        let address = try #require(listener.addresses.first)
        let connection = try await InMemoryTransport(peer: two, hub: hub)
            .dial(address, expecting: one, accepting: { _ in false })
        let accepted = try #require(try await listener.accept())
        let out = try await connection.openStream(protocols: ["/pieces/1"]).stream
        let received = try #require(try await accepted.acceptStream()).stream
        async let written: Void = {
            try await out.write([UInt8](repeating: 7, count: 1_000_000))
            try await out.closeWrite()
        }()
        var count = 0
        for try await piece in received.pieces(upTo: 1_000) {
            #expect(piece.count <= 1_000 && piece.allSatisfy { $0 == 7 })
            count += piece.count
        }
        try await written
        #expect(count == 1_000_000)
    }
}
