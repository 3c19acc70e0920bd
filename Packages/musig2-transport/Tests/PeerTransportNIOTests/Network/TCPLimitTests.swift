import Multiformats
import PeerTransport
import Synchronization
import Testing

@testable import PeerNoise
@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("What hostile peers cannot do", .serialized, .timeLimit(.minutes(1)))
struct TCPLimitTests {
    private static let protocolID = Loopback.protocolID.name

    /// Waits until the other side has closed and the transport counts no connection any more.
    private static func expectGone(_ peer: RawPeer, _ loopback: Loopback) async throws {
        _ = try await peer.readToEnd()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    // MARK: Slow and wrong handshakes

    @Test("a client that is slow at some stage is cut off", arguments: 0..<4)
    func slowLoris(_ stage: Int) async throws {
        let loopback = try await Loopback.listen {
            $0.timeouts.security = .milliseconds(150)
            $0.timeouts.handshake = .milliseconds(150)
            $0.timeouts.close = .milliseconds(50)
        }
        let peer = try await RawPeer.connect(to: loopback.address)
        let greeting = bytes(MultistreamFigures.header + MultistreamFigures.noise)
        let sent = [[], Array(greeting.prefix(5)), greeting, greeting + [0x00, 0x20, 0x01]][stage]
        try await peer.sendIfOpen(sent)
        try await Self.expectGone(peer, loopback)
    }

    @Test("a client that never agrees on a multiplexer is cut off")
    func slowMuxer() async throws {
        let loopback = try await Loopback.listen {
            $0.timeouts.multiplexer = .milliseconds(150)
            $0.timeouts.close = .milliseconds(50)
        }
        let peer = try await RawPeer.connect(to: loopback.address)
        let credentials = try NoiseCredentials(identity: .generateEd25519(), muxers: [])
        var noise = NoiseHandshake(role: .initiator, staticKey: credentials.staticKey, payload: credentials.payload)
        guard case .send(let message1) = noise.start() else { throw Missing("message 1") }
        try await peer.send(
            bytes(MultistreamFigures.header + MultistreamFigures.noise) + NoiseMessageReader.frame(message1))
        var received: [UInt8] = []
        var message2: [UInt8]?
        while message2 == nil {
            guard let more = try await peer.read() else { throw RawPeer.Closed() }
            received += more
            var reader = NoiseMessageReader()
            var offset = 28
            message2 = received.withUnsafeBytes { reader.next($0, at: &offset) }
        }
        guard case .check = noise.receive(message: message2 ?? []) else { throw Missing("message 2") }
        try await peer.send(NoiseMessageReader.frame(try noise.finish().message))
        try await Self.expectGone(peer, loopback)
    }

    @Test("garbage at each stage closes the connection, and the listener goes on", arguments: 0..<3)
    func garbage(_ stage: Int) async throws {
        let loopback = try await Loopback.listen { $0.timeouts.close = .milliseconds(50) }
        let peer = try await RawPeer.connect(to: loopback.address)
        // As a Noise message it has 256 bytes.
        let garbage = [0x01, 0x00] + (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        let greeting = bytes(MultistreamFigures.header + MultistreamFigures.noise)
        switch stage {
        case 0: try await peer.send(garbage)
        case 1: try await peer.send(greeting + garbage)
        default:
            try await peer.secure(.generateEd25519())
            try await peer.send(garbage)
        }
        _ = try await peer.readToEnd()
        if stage == 2 {
            let connection = try await loopback.accept()
            #expect(await connection.closed()?.code == .securityFailed)
        }
        let (dialed, _) = try await loopback.connect()
        await dialed.close()
        await loopback.listener.close()
    }

    // MARK: Numbers of connections

    @Test("of too many half-open connections the oldest makes room, so that nobody is shut out")
    func halfOpen() async throws {
        let loopback = try await Loopback.listen { $0.limits.halfOpenConnections = 1 }
        let first = try await RawPeer.connect(to: loopback.address)
        // Its header shows that it was let in.
        #expect(try await first.read() == bytes(MultistreamFigures.header))
        let (dialed, _) = try await loopback.connect()
        #expect(try await first.readToEnd() == [])
        await dialed.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    @Test("a stream that is over but for what its peer does not read ends after a while")
    func unreadAnswer() async throws {
        let loopback = try await Loopback.listen { $0.timeouts.linger = .milliseconds(100) }
        let (peer, connection) = try await loopback.hostile()
        try await peer.open(1, Self.protocolID)
        try await peer.sendFrames(wire(.windowUpdate, .fin, 1, 0))
        do {
            let stream = try await Loopback.acceptStream(connection)
            #expect(try await stream.read(upTo: 1) == nil)
            // More than the window, and less than what waits with the stream: the writer goes on.
            try await stream.write([UInt8](repeating: 1, count: 350_000))
            try await stream.closeWrite()
        }
        var last: YamuxHeader?
        while last?.flags.contains(.rst) != true { last = try await peer.frame().header }
        #expect(last?.streamID == 1)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("a peer that takes in what is sent is not taken for dead, even if its pong is late")
    func latePong() async throws {
        let loopback = try await Loopback.listen {
            $0.timeouts.keepAliveInterval = .milliseconds(20)
            $0.timeouts.keepAlive = .seconds(1)
        }
        let (peer, connection) = try await loopback.hostile()
        // No ping is answered, but something comes behind each.
        for number in 1...2 as ClosedRange<UInt32> {
            #expect(try await peer.frame().header == YamuxHeader(kind: .ping, flags: .syn, streamID: 0, length: number))
            try await peer.sendFrames(wire(.ping, .ack, 0, 99))
        }
        await connection.close()
        await loopback.listener.close()
    }

    @Test("a connection that broke while the process slept is noticed at waking")
    func slept() async throws {
        let marks = Mutex(SleepMark(monotonic: .zero, wall: .zero))
        let loopback = try await Loopback.listen {
            $0.sleepCheck = .milliseconds(20)
            $0.timeouts.keepAliveInterval = .seconds(3_600)
            $0.timeouts.keepAlive = .seconds(3_600)
            $0.timeouts.waking = .milliseconds(50)
            $0.sleepMark = { marks.withLock { $0 } }
        }
        let (peer, connection) = try await loopback.hostile()
        // The lid was closed for a minute: the machine's own clock stood still.
        marks.withLock { $0 = SleepMark(monotonic: .milliseconds(20), wall: .seconds(60)) }
        #expect(try await peer.frame().header == YamuxHeader(kind: .ping, flags: .syn, streamID: 0, length: 1))
        #expect(await connection.closed()?.code == .timedOut)
        await loopback.listener.close()
    }

    @Test("a timer that comes much too late on either clock tells of a sleep")
    func sleepMarks() {
        let begin = SleepMark(monotonic: .seconds(5), wall: .seconds(1_000))
        func hasSlept(_ monotonic: Duration, _ wall: Duration) -> Bool {
            let later = SleepMark(monotonic: begin.monotonic + monotonic, wall: begin.wall + wall)
            return begin.hasSlept(until: later, expecting: .seconds(3))
        }
        #expect(!hasSlept(.seconds(3), .seconds(3)))
        #expect(!hasSlept(.seconds(12), .seconds(12)))
        // Stopped, suspended, and a wall clock that was set back.
        #expect(hasSlept(.seconds(13), .seconds(13)))
        #expect(hasSlept(.seconds(3), .seconds(13)))
        #expect(hasSlept(.seconds(13), .seconds(-500)))
        #expect(!hasSlept(.seconds(3), .seconds(-500)))
    }

    @Test("what was read does not count as held: most of it not once there is credit for it, the rest not after a ping")
    func heldBytes() async throws {
        let loopback = try await Loopback.listen {
            $0.timeouts.keepAliveInterval = .milliseconds(200)
            $0.timeouts.keepAlive = .seconds(5)
        }
        let (peer, connection) = try await loopback.hostile()
        func next() async throws -> YamuxHeader {
            let header = try await peer.frame().header
            if header.kind == .ping, header.flags.contains(.syn) {
                try await peer.sendFrames(wire(.ping, .ack, 0, header.length))
            }
            return header
        }
        let proposal =
            MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode(Self.protocolID)
        try await peer.sendFrames(wire(.data, .syn, 1, UInt32(proposal.count)) + proposal)
        let sent = 250_000
        try await peer.sendFrames(wire(.data, [], 1, UInt32(sent)) + [UInt8](repeating: 1, count: sent))
        // When the ping behind it is answered, all of it is there.
        try await peer.sendFrames(wire(.ping, .syn, 0, 99_999))
        while try await next() != YamuxHeader(kind: .ping, flags: .ack, streamID: 0, length: 99_999) {}
        #expect(loopback.transport.heldBytes == sent)
        let stream = try await Loopback.acceptStream(connection)
        #expect(try await stream.read(exactly: sent).count == sent)
        // It is due when half a window was read.
        var header = try await next()
        while header.kind != .windowUpdate || header.length == 0 { header = try await next() }
        #expect(loopback.transport.heldBytes <= sent - 131_072)
        while loopback.transport.heldBytes > 0 { _ = try await next() }
        await connection.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    @Test("connections in total, and per peer")
    func connections() async throws {
        let loopback = try await Loopback.listen { $0.limits.connectionsPerPeer = 1 }
        let dialer = try TCPTransport(identity: .generateEd25519())
        let first = try await dialer.dial(loopback.address, expecting: nil) { _ in false }
        let accepted = try await loopback.accept()
        let second = try await dialer.dial(loopback.address, expecting: nil) { _ in false }
        // The listener closes it as soon as it knows whose it is.
        #expect(await second.closed()?.code == .connectionClosed)
        #expect(loopback.transport.connectionCount == 1)
        await first.close()
        _ = await accepted.closed()
        await loopback.listener.close()

        let small = try TCPTransport(
            identity: .generateEd25519(),
            configuration: {
                var configuration = TCPTransport.Configuration()
                configuration.limits.connections = 1
                return configuration
            }())
        let other = try await Loopback.listen()
        let only = try await small.dial(other.address, expecting: nil) { _ in false }
        let error = try await transportError { _ = try await small.dial(other.address, expecting: nil) { _ in false } }
        #expect(error?.code == .limitExceeded)
        #expect(error?.message == "connections: expected at most 1")
        await only.close()
        await other.listener.close()
    }

    @Test("connections that nobody accepts are closed above the limit")
    func waiting() async throws {
        let loopback = try await Loopback.listen { $0.limits.waitingConnections = 1 }
        let dialer = try TCPTransport(identity: .generateEd25519())
        let first = try await dialer.dial(loopback.address, expecting: nil) { _ in false }
        let second = try await dialer.dial(loopback.address, expecting: nil) { _ in false }
        #expect(await second.closed() == nil)
        _ = try await loopback.accept()
        await first.close()
        await loopback.listener.close()
    }

    // MARK: Streams

    @Test("streams above the limit are reset; ones that never say a protocol too, after a while")
    func streams() async throws {
        let loopback = try await Loopback.listen {
            $0.limits.inboundStreams = 3
            $0.timeouts.stream = .milliseconds(200)
        }
        let (peer, connection) = try await loopback.hostile()
        try await peer.sendFrames(([1, 3, 5, 7, 9] as [UInt32]).flatMap { wire(.windowUpdate, .syn, $0, 0) })
        var acknowledged: Set<UInt32> = []
        var reset: Set<UInt32> = []
        while reset.count < 5 {
            let (header, _) = try await peer.frame()
            if header.flags.contains(.ack) { acknowledged.insert(header.streamID) }
            if header.flags.contains(.rst) { reset.insert(header.streamID) }
            if acknowledged.count == 3, reset == [7, 9] { continue }
        }
        #expect(acknowledged == [1, 3, 5])
        #expect(reset == [1, 3, 5, 7, 9])
        // There is room again.
        try await peer.open(11, Self.protocolID)
        _ = try await Loopback.acceptStream(connection)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("more data than the window closes the connection, with the reason")
    func windowExceeded() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        try await peer.open(1, Self.protocolID)
        let stream = try await Loopback.acceptStream(connection)
        let left = 262_144 - 20 - MultistreamMessage.encode(Self.protocolID).count
        try await peer.sendFrames(
            wire(.data, [], 1, UInt32(left)) + [UInt8](repeating: 1, count: left) + wire(.data, [], 1, 1) + [1])
        var last: YamuxHeader?
        while let (header, _) = try? await peer.frame() { last = header }
        #expect(last == YamuxHeader(kind: .goAway, streamID: 0, length: 1))
        let error = await connection.closed()
        #expect(error?.code == .protocolViolation)
        #expect(error?.message == "yamux stream 1: expected at most 0 bytes within the window, found 1")
        // What was within the window is still read.
        #expect(try await stream.read(exactly: left).count == left)
        await loopback.listener.close()
    }

    @Test("a peer that never reads: the writer waits, and what is held is bounded")
    func neverReads() async throws {
        let loopback = try await Loopback.listen { $0.limits.streamSendBuffer = 100_000 }
        let (peer, connection) = try await loopback.hostile()
        try await peer.open(1, Self.protocolID)
        let stream = try await Loopback.acceptStream(connection)
        let taken = Mutex(0)
        let writing = Task {
            for _ in 0..<100 {
                try await stream.write([UInt8](repeating: 1, count: 10_000))
                taken.withLock { $0 += 10_000 }
            }
            try await stream.closeWrite()
        }
        // The negotiation took part of the window; all the rest comes, and then nothing.
        let negotiated = 20 + MultistreamMessage.encode(Self.protocolID).count
        var received = negotiated
        while received < 262_144 { received += try await peer.frame().body.count }
        #expect(received == 262_144)
        try await peer.sendFrames(wire(.ping, .syn, 0, 5))
        #expect(try await peer.frame().header == YamuxHeader(kind: .ping, flags: .ack, streamID: 0, length: 5))
        let held = taken.withLock { $0 } + negotiated - 262_144
        #expect(held <= 100_000)
        #expect(try stream.writeImmediately([1]) == false)
        // With credit it goes on to the end.
        try await peer.sendFrames(wire(.windowUpdate, [], 1, 1_000_000))
        var isClosed = false
        while !isClosed {
            let (header, body) = try await peer.frame()
            received += body.count
            isClosed = header.flags.contains(.fin)
        }
        #expect(received == negotiated + 1_000_000)
        try await writing.value
        await connection.close()
        await loopback.listener.close()
    }

    @Test("received bytes of all streams together are bounded")
    func receiveBuffer() async throws {
        let loopback = try await Loopback.listen { $0.limits.connectionReceiveBuffer = 262_144 }
        let (peer, connection) = try await loopback.hostile()
        var streams: [any ByteStream] = []
        for id in [1, 3, 5] as [UInt32] {
            try await peer.open(id, Self.protocolID)
            streams.append(try await Loopback.acceptStream(connection))
        }
        // The one that holds most gives way, whichever comes last.
        for (id, count) in [(1, 60_000), (3, 150_000), (5, 60_000)] as [(UInt32, Int)] {
            try await peer.sendFrames(
                wire(.data, [], id, UInt32(count)) + [UInt8](repeating: UInt8(id), count: count))
        }
        #expect(
            try await peer.frame().header
                == YamuxHeader(kind: .windowUpdate, flags: .rst, streamID: 3, length: 0))
        #expect(try await streams[0].read(exactly: 60_000) == [UInt8](repeating: 1, count: 60_000))
        #expect(try await streams[2].read(exactly: 60_000) == [UInt8](repeating: 5, count: 60_000))
        let error = try await transportError { _ = try await streams[1].read(upTo: 1) }
        #expect(error?.code == .limitExceeded)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("received bytes of all connections together are bounded, at the cost of those who hold most")
    func receiveBufferInTotal() async throws {
        let loopback = try await Loopback.listen {
            $0.limits.connections = 4
            $0.limits.connectionReceiveBuffer = 1_048_576
            $0.limits.receiveBuffer = 1_048_576
        }
        let body = [UInt8](repeating: 1, count: 50_000)
        let (greedy, first) = try await loopback.hostile()
        var greedyStreams: [any ByteStream] = []
        for id in [1, 3, 5] as [UInt32] {
            try await greedy.open(id, Self.protocolID)
            greedyStreams.append(try await Loopback.acceptStream(first))
        }
        // Half of what there is.
        for (id, pieces) in [(1, 4), (3, 3), (5, 3)] as [(UInt32, Int)] {
            for _ in 0..<pieces { try await greedy.sendFrames(wire(.data, [], id, 50_000) + body) }
        }
        // The answer to a ping shows that all before it was taken in.
        try await greedy.sendFrames(wire(.ping, .syn, 0, 5))
        #expect(try await greedy.frame().header.kind == .ping)
        let (modest, second) = try await loopback.hostile()
        try await modest.open(1, Self.protocolID)
        let modestStream = try await Loopback.acceptStream(second)
        // 65,536 are its share, and nobody takes that from it.
        try await modest.sendFrames(
            wire(.data, [], 1, 50_000) + body + wire(.data, [], 1, 13_000) + body.prefix(13_000))
        try await modest.sendFrames(wire(.ping, .syn, 0, 5))
        #expect(try await modest.frame().header.kind == .ping)
        try await greedy.sendFrames(wire(.data, [], 1, 10_000) + body.prefix(10_000))
        #expect(
            try await greedy.frame().header
                == YamuxHeader(kind: .windowUpdate, flags: .rst, streamID: 1, length: 0))
        let error = try await transportError { _ = try await greedyStreams[0].read(upTo: 1) }
        #expect(error?.code == .limitExceeded)
        #expect(try await modestStream.read(exactly: 63_000).count == 63_000)
        await first.close()
        await second.close()
        await loopback.listener.close()
    }

    @Test("a peer that does not answer pings is taken for dead")
    func keepAlive() async throws {
        let loopback = try await Loopback.listen {
            $0.timeouts.keepAliveInterval = .milliseconds(50)
            $0.timeouts.keepAlive = .seconds(1)
            $0.timeouts.close = .milliseconds(50)
        }
        let (peer, connection) = try await loopback.hostile()
        let first = try await peer.frame().header
        #expect(first == YamuxHeader(kind: .ping, flags: .syn, streamID: 0, length: 1))
        try await peer.sendFrames(wire(.ping, .ack, 0, 1))
        let second = try await peer.frame().header
        #expect(second == YamuxHeader(kind: .ping, flags: .syn, streamID: 0, length: 2))
        let error = await connection.closed()
        #expect(error?.code == .timedOut)
        #expect(error?.message == "the other side did not answer a ping within 1.0 seconds")
        await loopback.listener.close()
    }
}
