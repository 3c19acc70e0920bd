import Multiformats
import NIOCore
import NIOPosix
import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("Streams over TCP", .serialized, .timeLimit(.minutes(1)))
struct TCPStreamTests {
    private static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8)) }
    }

    @Test("protocols are chosen in the order of the opener; a refusal of all says so")
    func protocols() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect()
        let opened = try await dialed.openStream(protocols: ["/a", "/b", Loopback.protocolID, "/c"])
        #expect(opened.protocolID == Loopback.protocolID)
        #expect(try await accepted.acceptStream()?.protocolID == Loopback.protocolID)
        let error = try await transportError { _ = try await dialed.openStream(protocols: ["/a", "/b"]) }
        #expect(error?.code == .protocolNotSupported)
        #expect(error?.message == "the other side speaks none of: /a, /b")
        for invalid in [[], [""], ["/with\nbreak"]] as [[ProtocolID]] {
            let error = try await transportError { _ = try await dialed.openStream(protocols: invalid) }
            #expect(error?.code == .invalidArgument)
        }
        await dialed.close()
        await loopback.listener.close()
    }

    @Test(
        "without early muxers on one side or both",
        arguments: [(false, true), (true, false), (false, false)])
    func lateMuxer(_ dialerOffers: Bool, _ listenerOffers: Bool) async throws {
        func transport(offering: Bool) throws -> TCPTransport {
            var configuration = TCPTransport.Configuration()
            configuration.offersMuxerEarly = offering
            return try TCPTransport(identity: .generateEd25519(), configuration: configuration)
        }
        let listening = try transport(offering: listenerOffers)
        let dialing = try transport(offering: dialerOffers)
        let socket = try await listening.listen(on: try Multiaddr("/ip4/127.0.0.1/tcp/0")) { _ in true }
        let dialed = try await dialing.dial(socket.addresses[0], expecting: nil) { _ in true }
        guard let accepted = try await socket.accept() else { throw Missing("a connection") }
        let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
        try await opened.write([1, 2, 3])
        #expect(try await other.read(exactly: 3) == [1, 2, 3])
        await dialed.close()
        await socket.close()
    }

    @Test("a whole conversation, one byte at a time, both ways")
    func drip() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let one = NodeIdentity.generateEd25519()
        let two = NodeIdentity.generateSecp256k1()
        let accepted = BoundedInbox<TCPConnection>(capacity: 1)
        let dialed = BoundedInbox<TCPConnection>(capacity: 1)
        let count = ConnectionCount(limits: .init())
        @Sendable func add(
            _ channel: any Channel, _ identity: NodeIdentity, isInbound: Bool, _ inbox: BoundedInbox<TCPConnection>
        ) -> EventLoopFuture<Void> {
            channel.eventLoop.makeCompletedFuture {
                let role = ConnectionHandler.Role(
                    isInbound: isInbound, expectedPeer: nil, remoteAddress: try Multiaddr("/ip4/127.0.0.1/tcp/1"),
                    accepting: { _ in true }, slot: try count.open(isInbound: isInbound))
                let local = TransportIdentity(
                    peerID: identity.peerID, credentials: try NoiseCredentials(identity: identity, muxers: []))
                try channel.pipeline.syncOperations.addHandlers(
                    DripHandler(),
                    ConnectionHandler(
                        role: role, local: local, configuration: .init(), sleepWatches: SleepWatches(.init())
                    ) { result in
                        if case .success(let connection) = result { _ = inbox.push(connection) }
                    })
            }
        }
        let socket = try await ServerBootstrap(group: group)
            .childChannelInitializer { add($0, two, isInbound: true, accepted) }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(socket.localAddress?.port)
        _ = try await ClientBootstrap(group: group)
            .channelInitializer { add($0, one, isInbound: false, dialed) }
            .connect(host: "127.0.0.1", port: port).get()
        let near = try #require(try await dialed.next())
        let far = try #require(try await accepted.next())
        #expect(near.remotePeer == two.peerID)
        #expect(far.remotePeer == one.peerID)
        let (opened, other) = try await Loopback.stream(from: near, to: far)
        let pattern = Self.pattern(20_000)
        try await opened.write(pattern)
        try await opened.closeWrite()
        #expect(try await other.readToEnd() == pattern)
        try await other.write(pattern)
        try await other.closeWrite()
        #expect(try await opened.readToEnd() == pattern)
        await near.close()
        try await socket.close().get()
    }

    @Test("a megabyte each way at once, on fifty streams")
    func fiftyStreams() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect()
        let pattern = Self.pattern(20_000)
        let echoing = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    let stream = try await Loopback.acceptStream(accepted)
                    group.addTask {
                        while let bytes = try await stream.read(upTo: 4096) { try await stream.write(bytes) }
                        try await stream.closeWrite()
                    }
                }
                try await group.waitForAll()
            }
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                let stream = try await dialed.openStream(protocols: [Loopback.protocolID]).stream
                group.addTask {
                    try await stream.write(pattern)
                    try await stream.closeWrite()
                    return try await stream.readToEnd() == pattern
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        try await echoing.value
        await dialed.close()
        await loopback.listener.close()
    }

    // MARK: Ends of streams

    @Test("a stream that its user lets go of is reset")
    func letGo() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect()
        let other: any ByteStream
        do {
            let (opened, accepted) = try await Loopback.stream(from: dialed, to: accepted)
            try await opened.write([1])
            #expect(try await accepted.read(upTo: 10) == [1])
            other = accepted
        }
        let error = try await transportError { _ = try await other.read(upTo: 1) }
        #expect(error?.code == .streamReset)
        #expect(error?.message == "the stream was reset by the other side")
        await dialed.close()
        await loopback.listener.close()
    }

    @Test("a stream that was closed and let go of is still delivered, and swept up after a while")
    func closedAndLetGo() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect { $0.timeouts.linger = .milliseconds(100) }
        let pattern = Self.pattern(100_000)
        let other: any ByteStream
        do {
            let (opened, accepted) = try await Loopback.stream(from: dialed, to: accepted)
            try await opened.write(pattern)
            try await opened.closeWrite()
            other = accepted
        }
        #expect(try await other.readToEnd() == pattern)
        // What comes back is dropped, until the stream is reset because this half was never closed.
        let error = try await transportError {
            while true { try await other.write([UInt8](repeating: 1, count: 10_000)) }
        }
        #expect(error?.code == .streamReset)
        await dialed.close()
        await loopback.listener.close()
    }

    @Test("what can be done with a stream after its end")
    func afterTheEnd() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect()
        let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
        try await opened.closeWrite()
        try await opened.closeWrite()
        let closed = try await transportError { try await opened.write([1]) }
        #expect(closed?.code == .streamClosed)
        #expect(throws: TransportError(.streamClosed, "")) { _ = try opened.writeImmediately([1]) }
        let nothing = try await transportError { _ = try await opened.read(upTo: 0) }
        #expect(nothing?.code == .invalidArgument)
        other.reset()
        other.reset()
        let reset = try await transportError { try await other.write([1]) }
        #expect(reset?.code == .streamReset)
        #expect(reset?.message == "the stream was reset by this side")
        let remote = try await transportError { _ = try await opened.read(upTo: 1) }
        #expect(remote?.code == .streamReset)
        await dialed.close()
        await loopback.listener.close()
    }

    @Test("one reader and one writer at a time")
    func oneUser() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        try await peer.open(1, Loopback.protocolID.name)
        let stream = try await Loopback.acceptStream(connection)
        let reading = Task { try await stream.read(upTo: 10) }
        let writing = Task { try await stream.write([UInt8](repeating: 1, count: 1_000_000)) }
        // The whole window is out: the writer waits for good. The reader was started before it.
        var received = 0
        while received < 200_000 { received += try await peer.frame().body.count }
        let writer = try await transportError { try await stream.write([1]) }
        #expect(writer?.code == .invalidArgument)
        var reader: TransportError?
        while reader == nil {
            // Until the first reader waits, this one waits in its place and is cancelled.
            let second = Task { try await stream.read(upTo: 1) }
            second.cancel()
            let error = try await transportError { _ = try await second.value }
            reader = error?.code == .invalidArgument ? error : nil
        }
        #expect(reader?.message == "another task reads from this stream")
        reading.cancel()
        writing.cancel()
        #expect(try await transportError { _ = try await reading.value }?.code == .cancelled)
        #expect(try await transportError { try await writing.value }?.code == .cancelled)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("waiting for a stream, or for the answer to one, can be cancelled")
    func cancelled() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        let accepting = Task { try await connection.acceptStream() }
        accepting.cancel()
        #expect(try await transportError { _ = try await accepting.value }?.code == .cancelled)
        let opening = Task { try await connection.openStream(protocols: ["/never"]) }
        // The peer sees the stream and never answers.
        while try await peer.frame().header.kind != .data {}
        opening.cancel()
        #expect(try await transportError { _ = try await opening.value }?.code == .cancelled)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("a stream that is opened and never answered")
    func unanswered() async throws {
        let loopback = try await Loopback.listen { $0.timeouts.stream = .milliseconds(150) }
        let (peer, connection) = try await loopback.hostile()
        let error = try await transportError { _ = try await connection.openStream(protocols: ["/never"]) }
        #expect(error?.code == .timedOut)
        #expect(error?.message == "negotiating the protocol of a stream took longer than 0.15 seconds")
        var header = try await peer.frame().header
        while !header.flags.contains(.rst) { header = try await peer.frame().header }
        #expect(header.streamID == 2)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("garbage in the negotiation of a stream ends that stream alone")
    func garbageNegotiation() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        try await peer.sendFrames(wire(.data, .syn, 1, 4) + [0x02, 0x41, 0x41, 0x41])
        var header = try await peer.frame().header
        while !header.flags.contains(.rst) { header = try await peer.frame().header }
        #expect(header.streamID == 1)
        try await peer.open(3, Loopback.protocolID.name)
        _ = try await Loopback.acceptStream(connection)
        await connection.close()
        await loopback.listener.close()
    }

    @Test("SYN, header, proposal, data and FIN in one Noise message: nothing is lost")
    func allInOne() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        let body =
            MultistreamMessage.encode(MultistreamMessage.header)
            + MultistreamMessage.encode(Loopback.protocolID.name) + [9, 8, 7]
        try await peer.sendFrames(wire(.data, [.syn, .fin], 1, UInt32(body.count)) + body)
        let stream = try await Loopback.acceptStream(connection)
        #expect(try await stream.readToEnd() == [9, 8, 7])
        try await stream.write([1])
        try await stream.closeWrite()
        var received: [UInt8] = []
        var isClosed = false
        while !isClosed {
            let (header, body) = try await peer.frame()
            received += body
            isClosed = header.flags.contains(.fin)
        }
        #expect(received.last == 1)
        await connection.close()
        await loopback.listener.close()
    }

    // MARK: Ends of connections

    @Test("how a connection's end is told: go-away is good order, silence is not")
    func ends() async throws {
        let loopback = try await Loopback.listen()
        for (frames, code) in [
            (wire(.goAway, [], 0, 0), nil), ([], TransportError.Code.connectionClosed),
            (wire(.goAway, [], 0, 2), .connectionClosed), (wire(.data, [], 0, 1), .protocolViolation),
        ] as [([UInt8], TransportError.Code?)] {
            let (peer, connection) = try await loopback.hostile()
            try await peer.sendFrames(frames)
            if code != .protocolViolation { try await peer.close() }
            #expect(await connection.closed()?.code == code)
            #expect(try await connection.acceptStream() == nil)
            let error = try await transportError { _ = try await connection.openStream(protocols: ["/x"]) }
            #expect(error?.code == .connectionClosed)
        }
        await loopback.listener.close()
    }

    @Test("a peer that goes away and keeps the connection open is known to take no new streams")
    func goesAway() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        #expect(!connection.isGoingAway)
        try await peer.sendFrames(wire(.goAway, [], 0, 0))
        // What it opens itself, and what is open, goes on.
        try await peer.open(1, Loopback.protocolID.name)
        let stream = try await Loopback.acceptStream(connection)
        #expect(connection.isGoingAway)
        try await peer.sendFrames(wire(.data, [], 1, 1) + [7])
        #expect(try await stream.read(exactly: 1) == [7])
        await connection.close()
        await loopback.listener.close()
    }

    @Test("what came before the connection broke is still read")
    func dataBeforeTheEnd() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        for id in [1, 3] as [UInt32] { try await peer.open(id, Loopback.protocolID.name) }
        let open = try await Loopback.acceptStream(connection)
        let closed = try await Loopback.acceptStream(connection)
        try await peer.sendFrames(wire(.data, [], 1, 2) + [1, 2] + wire(.data, .fin, 3, 1) + [3])
        try await peer.close()
        _ = await connection.closed()
        #expect(try await open.read(exactly: 2) == [1, 2])
        #expect(try await transportError { _ = try await open.read(upTo: 1) }?.code == .connectionClosed)
        #expect(try await closed.readToEnd() == [3])
        #expect(try await transportError { try await closed.write([1]) }?.code == .connectionClosed)
        await loopback.listener.close()
    }

    @Test(
        "a half that ended before the other side broke a rule has ended in good order; a reset takes what was not read")
    func goodOrderBeforeTheEnd() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        for id in [1, 3] as [UInt32] { try await peer.open(id, Loopback.protocolID.name) }
        let closed = try await Loopback.acceptStream(connection)
        let reset = try await Loopback.acceptStream(connection)
        try await peer.sendFrames(
            wire(.data, .fin, 1, 1) + [3] + wire(.data, [], 3, 1) + [4] + wire(.windowUpdate, .rst, 3, 0)
                + wire(YamuxHeader.Kind(rawValue: 9), [], 0, 0))
        #expect(await connection.closed()?.code == .protocolViolation)
        #expect(try await closed.readToEnd() == [3])
        #expect(try await transportError { _ = try await reset.read(upTo: 1) }?.code == .streamReset)
        await loopback.listener.close()
    }

    @Test("closing says go-away, and sends first what writers were told is taken")
    func closing() async throws {
        let loopback = try await Loopback.listen()
        let (peer, connection) = try await loopback.hostile()
        try await peer.open(1, Loopback.protocolID.name)
        let stream = try await Loopback.acceptStream(connection)
        try await stream.write(Self.pattern(100_000))
        async let closing: Void = connection.close()
        var received: [UInt8] = []
        var last: YamuxHeader?
        while last?.kind != .goAway {
            let (header, body) = try await peer.frame()
            received += body
            last = header
        }
        #expect(received == Self.pattern(100_000))
        #expect(last == YamuxHeader(kind: .goAway, streamID: 0, length: 0))
        await closing
        #expect(await connection.closed() == nil)
        #expect(loopback.transport.connectionCount == 0)
        await loopback.listener.close()
    }

    @Test("a listener that closes drops what nobody accepted and keeps what was handed out")
    func listenerCloses() async throws {
        let loopback = try await Loopback.listen()
        let (dialed, accepted) = try await loopback.connect()
        let dialer = try TCPTransport(identity: .generateEd25519())
        let waiting = try await dialer.dial(loopback.address, expecting: nil) { _ in false }
        await loopback.listener.close()
        // Nobody accepted it: it was closed in good order, however far it had come.
        _ = await waiting.closed()
        #expect(try await loopback.listener.accept() == nil)
        let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
        try await opened.write([5])
        #expect(try await other.read(upTo: 1) == [5])
        await dialed.close()
    }
}

/// Hands on every byte in a read of its own.
private final class DripHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        while let byte = buffer.readSlice(length: 1) { context.fireChannelRead(wrapInboundOut(byte)) }
    }
}
