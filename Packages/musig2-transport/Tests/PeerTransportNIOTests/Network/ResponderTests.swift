import Multiformats
import PeerTransport
import Synchronization
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("Responders on the event loop", .serialized, .timeLimit(.minutes(1)))
struct ResponderTests {
    private static let echo: ProtocolID = "/echo/1.0.0"

    /// Answers as it is told to, and notes what it was given.
    private final class Scripted: StreamResponder, Sendable {
        struct Given: Sendable, Equatable {
            var bytes: [UInt8] = []
            var ends = 0
        }

        let given: Mutex<Given>
        private let beginning: ResponderAction
        private let answer: @Sendable ([UInt8]) -> ResponderAction
        private let end: ResponderAction

        init(
            begin: ResponderAction = .send([]), end: ResponderAction = .send([]),
            _ answer: @escaping @Sendable ([UInt8]) -> ResponderAction
        ) {
            given = Mutex(Given())
            beginning = begin
            self.answer = answer
            self.end = end
        }

        func begin() -> ResponderAction { beginning }

        func receive(_ bytes: [UInt8]) -> ResponderAction {
            given.withLock { $0.bytes += bytes }
            return answer(bytes)
        }

        func receiveEnd() -> ResponderAction {
            given.withLock { $0.ends += 1 }
            return end
        }
    }

    private static func registry(
        _ protocolID: ProtocolID = echo, _ factory: @escaping ResponderFactory
    ) throws -> ResponderRegistry {
        let registry = ResponderRegistry()
        try registry.register(protocolID, factory)
        return registry
    }

    @Test("a stream is answered without being accepted; its responder knows who asks")
    func answers() async throws {
        let contexts = Mutex<[ResponderContext]>([])
        let responder = Scripted(begin: .send([8]), end: .send([9])) { .send($0) }
        let loopback = try await Loopback.listen(
            responders: Self.registry { context in
                contexts.withLock { $0.append(context) }
                return responder
            })
        let (dialed, accepted) = try await loopback.connect()
        let stream = try await dialed.openStream(protocols: [Self.echo]).stream
        #expect(try await stream.read(exactly: 1) == [8])
        for size in [1, 32, 65_519, 300_000] {
            let pattern = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await stream.write(pattern)
            #expect(try await stream.read(exactly: size) == pattern)
        }
        try await stream.closeWrite()
        #expect(try await stream.readToEnd() == [9])
        #expect(responder.given.withLock { $0.ends } == 1)
        let context = try #require(contexts.withLock { $0.first })
        #expect(context.remotePeer == dialed.localPeer)
        #expect(context.remoteAddress == accepted.remoteAddress)
        #expect(context.protocolID == Self.echo)
        // Only the other protocol is for whoever accepts.
        let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
        try await opened.write([1])
        #expect(try await other.read(upTo: 1) == [1])
        await dialed.close()
        await loopback.listener.close()
    }

    @Test("a responder also serves streams on connections that this side dialled, and finishes or resets them")
    func dialled() async throws {
        let loopback = try await Loopback.listen()
        let registry = ResponderRegistry()
        try registry.register("/finish") { _ in Scripted { .finish($0 + $0) } }
        try registry.register("/reset") { _ in Scripted { _ in .reset } }
        try registry.register("/nobody") { _ in nil }
        let dialer = try TCPTransport(identity: .generateEd25519(), responders: registry)
        let dialed = try await dialer.dial(loopback.address, expecting: nil) { _ in false }
        let accepted = try await loopback.accept()
        let finished = try await accepted.openStream(protocols: ["/finish"]).stream
        try await finished.write([1, 2])
        #expect(try await finished.readToEnd() == [1, 2, 1, 2])
        // What comes afterwards is nobody's business.
        try await finished.write([3])
        try await finished.closeWrite()
        let reset = try await accepted.openStream(protocols: ["/reset"]).stream
        try await reset.write([1])
        #expect(try await transportError { _ = try await reset.read(upTo: 1) }?.code == .streamReset)
        let nobody = try await transportError { _ = try await accepted.openStream(protocols: ["/nobody"]) }
        #expect(nobody?.code == .streamReset)
        registry.unregister("/finish")
        let gone = try await transportError { _ = try await accepted.openStream(protocols: ["/finish"]) }
        #expect(gone?.code == .protocolNotSupported)
        await dialed.close()
        await loopback.listener.close()
    }

    @Test("the answers of one who does not read wait, and then its requests too; with credit all goes on")
    func backPressure() async throws {
        let responder = Scripted(end: .finish([7])) { .send([UInt8](repeating: 1, count: 4 * $0.count)) }
        let loopback = try await Loopback.listen(responders: Self.registry { _ in responder }) {
            $0.limits.streamAnswers = 100_000
        }
        let (peer, _) = try await loopback.hostile()
        try await peer.open(1, Self.echo.name)
        // 20 requests of 10,000 bytes ask for 800,000.
        let negotiated = 20 + MultistreamMessage.encode(Self.echo.name).count
        for _ in 0..<20 {
            try await peer.sendFrames(wire(.data, [], 1, 10_000) + [UInt8](repeating: 5, count: 10_000))
        }
        try await peer.sendFrames(wire(.ping, .syn, 0, 5))
        var received = 0
        while true {
            let (header, body) = try await peer.frame()
            received += body.count
            if header.kind == .ping { break }
        }
        // The first window, and what may wait, and one answer above that.
        #expect(received <= 262_144 - negotiated)
        let given = responder.given.withLock { $0.bytes.count }
        #expect(given <= (262_144 + 100_000) / 4 + 16_384)
        let held = 200_000 + 100_000 + 4 * 16_384
        #expect(loopback.transport.heldBytes <= held)
        try await peer.sendFrames(wire(.windowUpdate, .fin, 1, 1_000_000))
        var isClosed = false
        while !isClosed {
            let (header, body) = try await peer.frame()
            received += body.count
            #expect(!header.flags.contains(.rst))
            isClosed = header.flags.contains(.fin)
        }
        #expect(received == 800_000 + 1)
        #expect(responder.given.withLock { $0.ends } == 1)
        try await peer.close()
        await loopback.transport.connectionsEnded()
        #expect(loopback.transport.heldBytes == 0)
        await loopback.listener.close()
    }

    @Test("answers of all streams of a connection together are bounded, and streams that waited go on")
    func backPressureInTotal() async throws {
        let loopback = try await Loopback.listen(
            responders: Self.registry { _ in Scripted { .send([UInt8](repeating: 1, count: 1000 * $0.count)) } }
        ) {
            $0.limits.connectionAnswers = 400_000
        }
        let (peer, _) = try await loopback.hostile()
        let ids = (0..<8).map { UInt32(2 * $0 + 1) }
        for id in ids { try await peer.open(id, Self.echo.name) }
        // Each stream asks for 500,000 in five steps.
        for _ in 0..<5 {
            for id in ids { try await peer.sendFrames(wire(.data, [], id, 100) + [UInt8](repeating: 5, count: 100)) }
        }
        try await peer.sendFrames(wire(.ping, .syn, 0, 5))
        var received = 0
        while true {
            let (header, body) = try await peer.frame()
            received += body.count
            if header.kind == .ping { break }
        }
        // What waits, with all that one stream may have asked for above it, and the requests themselves.
        #expect(loopback.transport.heldBytes <= 400_000 + 400_000 + 4000)
        for id in ids { try await peer.sendFrames(wire(.windowUpdate, [], id, 1_000_000)) }
        while received < 8 * 500_000 { received += try await peer.frame().body.count }
        #expect(received == 8 * 500_000)
        try await peer.close()
        await loopback.transport.connectionsEnded()
        #expect(loopback.transport.heldBytes == 0)
        await loopback.listener.close()
    }

    @Test("a served stream on which nothing moves is reset after a while; one that is never closed too")
    func idle() async throws {
        let loopback = try await Loopback.listen(
            responders: Self.registry { _ in Scripted { $0 == [0] ? .finish([]) : .send($0) } }
        ) {
            $0.timeouts.idleResponder = .milliseconds(100)
            $0.timeouts.linger = .milliseconds(100)
        }
        let (peer, _) = try await loopback.hostile()
        let proposal =
            MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode(Self.echo.name)
        let count = UInt32(proposal.count)
        try await peer.sendFrames(
            wire(.data, .syn, 1, count) + proposal + wire(.data, .syn, 3, count + 1) + proposal + [0])
        var reset: Set<UInt32> = []
        while reset != [1, 3] {
            let header = try await peer.frame().header
            if header.flags.contains(.rst) { reset.insert(header.streamID) }
        }
        try await peer.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }
}

@Suite("Streams opened on the assumption that the other side agrees", .serialized, .timeLimit(.minutes(1)))
struct AssumedStreamTests {
    @Test("proposal and data go out in one frame; the answer may come with data")
    func together() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        let opened = try await connection.openStream(assuming: "/x")
        #expect(opened.protocolID == "/x")
        try await opened.stream.write([1, 2, 3])
        try await opened.stream.closeWrite()
        let negotiation = MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode("/x")
        #expect(try await peer.frame().header == YamuxHeader(kind: .windowUpdate, flags: .syn, streamID: 2, length: 0))
        #expect(try await peer.frame().body == negotiation + [1, 2, 3])
        // The half is closed before the other side has agreed.
        #expect(try await peer.frame().header == YamuxHeader(kind: .windowUpdate, flags: .fin, streamID: 2, length: 0))
        let answer = negotiation + [4, 5]
        try await peer.sendFrames(wire(.data, [.ack, .fin], 2, UInt32(answer.count)) + answer)
        #expect(try await opened.stream.readToEnd() == [4, 5])
        await connection.close()
        await loopback.listener.close()
    }

    @Test("a refusal shows on the first read, and on the stream alone")
    func refused() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect()
        let refused = try await dialed.openStream(assuming: "/nobody/speaks/this").stream
        try await refused.write([1, 2, 3])
        let error = try await transportError { _ = try await refused.read(upTo: 1) }
        #expect(error?.code == .protocolNotSupported)
        #expect(error?.message == "the other side speaks none of: /nobody/speaks/this")
        let taken = try await dialed.openStream(assuming: Loopback.protocolID).stream
        try await taken.write([1])
        let other = try await Loopback.acceptStream(accepted)
        #expect(try await other.read(upTo: 1) == [1])
        // The other side may speak first as well.
        let listening = try await dialed.openStream(assuming: Loopback.protocolID).stream
        async let greeting = listening.read(upTo: 5)
        let speaking = try await Loopback.acceptStream(accepted)
        try await speaking.write([7])
        #expect(try await greeting == [7])
        try await speaking.closeWrite()
        await dialed.close()
        await loopback.listener.close()
    }

    @Test("a stream that is never used is never opened; ones that are let go of end")
    func unused() async throws {
        let loopback = try await Loopback.listen { $0.limits.outboundStreams = 1 }
        let (peer, connection) = try await loopback.hostile()
        for _ in 0..<3 { _ = try await connection.openStream(assuming: "/x") }
        let reset = try await connection.openStream(assuming: "/x").stream
        reset.reset()
        let opened = try await connection.openStream(assuming: "/y").stream
        try await opened.write([1])
        #expect(try await peer.frame().header == YamuxHeader(kind: .windowUpdate, flags: .syn, streamID: 2, length: 0))
        // The one place is taken.
        let second = try await connection.openStream(assuming: "/y").stream
        let full = try await transportError { _ = try await second.read(upTo: 1) }
        #expect(full?.code == .limitExceeded)
        let invalid = try await transportError { _ = try await connection.openStream(assuming: "a\nb") }
        #expect(invalid?.code == .invalidArgument)
        let late = try await connection.openStream(assuming: "/y").stream
        await connection.close()
        let closed = try await transportError {
            try await late.write([1])
            _ = try await late.read(upTo: 1)
        }
        #expect(closed?.code == .connectionClosed)
        let closedBefore = try await transportError { _ = try await connection.openStream(assuming: "/y") }
        #expect(closedBefore?.code == .connectionClosed)
        await loopback.listener.close()
    }

    @Test("written, closed and let go of before the other side has agreed: it is delivered, and swept up after a while")
    func letGo() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect { $0.timeouts.linger = .milliseconds(100) }
        do {
            let stream = try await dialed.openStream(assuming: Loopback.protocolID).stream
            try await stream.write([1, 2])
            try await stream.closeWrite()
        }
        let other = try await Loopback.acceptStream(accepted)
        #expect(try await other.readToEnd() == [1, 2])
        let error = try await transportError { while true { try await other.write([1]) } }
        #expect(error?.code == .streamReset)
        await dialed.close()
        await loopback.listener.close()
    }
}
