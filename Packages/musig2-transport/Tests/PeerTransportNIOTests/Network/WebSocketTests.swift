import Multiformats
import NIOCore
import NIOEmbedded
import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("WebSocket", .serialized, .timeLimit(.minutes(1)))
struct WebSocketTests {
    private static let address = "/ip4/127.0.0.1/tcp/0/ws"

    // MARK: Addresses

    @Test("IPv4, IPv6 and names, beside TCP in one transport; a port of 0 becomes the real one")
    func addresses() async throws {
        let transport = try TCPTransport(identity: .generateEd25519())
        let dialer = try TCPTransport(identity: .generateEd25519())
        for (listen, dial) in [
            ("/ip4/127.0.0.1/tcp/0/ws", nil), ("/ip6/::1/tcp/0/ws", nil), ("/ip4/127.0.0.1/tcp/0", nil),
            ("/ip4/127.0.0.1/tcp/0/ws", "/dns4/localhost/tcp/PORT/ws"),
            ("/ip4/127.0.0.1/tcp/0/ws", "/ip4/127.0.0.1/tcp/PORT/ws/http-path/some%2Fpath"),
        ] as [(String, String?)] {
            let listener = try await transport.listen(on: Multiaddr(listen)) { _ in true }
            let real = try #require(listener.addresses.first)
            guard case .tcp(let port) = real.components[1] else { throw Missing("a port") }
            #expect(port > 0)
            #expect(real.components.contains(.ws) == listen.hasSuffix("/ws"))
            let target = try dial.map { try Multiaddr($0.replacing("PORT", with: "\(port)")) } ?? real
            let dialed = try await dialer.dial(target, expecting: transport.localPeer) { _ in false }
            let accepted = try #require(try await listener.accept())
            #expect(accepted.remoteAddress.components.contains(.ws) == listen.hasSuffix("/ws"))
            #expect(dialed.remoteAddress.components.contains(.ws) == listen.hasSuffix("/ws"))
            let (opened, other) = try await Loopback.stream(from: dialed, to: accepted)
            let pattern = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
            async let writing: Void = opened.write(pattern)
            #expect(try await other.read(exactly: pattern.count) == pattern)
            try await writing
            await dialed.close()
            #expect(await accepted.closed() == nil)
            await listener.close()
        }
        await transport.connectionsEnded()
    }

    @Test("what cannot be dialled or listened at: TLS, which is said in so many words, and paths that break lines")
    func unsupported() async throws {
        let transport = try TCPTransport(identity: .generateEd25519())
        for text in ["/ip4/127.0.0.1/tcp/1/wss", "/dns4/example.org/tcp/443/tls/ws"] {
            let address = try Multiaddr(text)
            #expect(!transport.canDial(address))
            let error = try await transportError {
                _ = try await transport.dial(address, expecting: nil) { _ in false }
            }
            #expect(error?.code == .unsupportedAddress)
            #expect(error?.message.contains("TLS is not spoken here") == true)
        }
        for text in [
            "/ip4/127.0.0.1/tcp/1/ws/http-path/a%0d%0aX: y", "/ip4/127.0.0.1/tcp/1/ws/ws",
            "/ip4/127.0.0.1/tcp/1/http-path/a",
        ] {
            #expect(!transport.canDial(try Multiaddr(text)))
        }
        #expect(transport.canDial(try Multiaddr("/ip4/127.0.0.1/tcp/1/ws/http-path/a%2Fb/p2p/\(transport.localPeer)")))
    }

    @Test("a TCP peer at a WebSocket's port, and the other way round: both are told at once")
    func wrongKind() async throws {
        let webSocket = try await Loopback.listen(on: Self.address)
        let plain = try await Loopback.listen()
        let dialer = try TCPTransport(identity: .generateEd25519())
        for (loopback, suffix) in [(webSocket, ""), (plain, "/ws")] {
            guard case .tcp(let port) = loopback.address.components[1] else { throw Missing("a port") }
            let address = try Multiaddr("/ip4/127.0.0.1/tcp/\(port)\(suffix)")
            let error = try await transportError { _ = try await dialer.dial(address, expecting: nil) { _ in false } }
            #expect(error?.code == .notAPeer || error?.code == .connectionClosed)
            await loopback.transport.connectionsEnded()
            await loopback.listener.close()
        }
    }

    // MARK: The wire

    @Test("the first frame comes with the 101; a client may split, ping and send many messages in one segment")
    func wire() async throws {
        let loopback = try await Loopback.listen(on: Self.address)
        let (peer, connection) = try await loopback.hostile()
        let body = MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode("/test/1.0.0") + [5]
        // One Noise message in three frames of one WebSocket message, with a ping between them.
        let noise = try peer.seal(PeerTransportNIOTests.wire(.data, .syn, 1, UInt32(body.count)) + body)
        try await peer.sendPlain(
            RawPeer.message(Array(noise.prefix(3)), isFinal: false)
                + RawPeer.message([7, 8], kind: .ping)
                + RawPeer.message(Array(noise[3..<10]), kind: .continuation, isFinal: false)
                + RawPeer.message([], kind: .continuation, isFinal: false)
                + RawPeer.message([], kind: .pong)
                + RawPeer.message(Array(noise[10...]), kind: .continuation))
        let stream = try await Loopback.acceptStream(connection)
        #expect(try await stream.read(upTo: 10) == [5])
        while try await peer.frame().header.kind != .data {}
        // A close in good order is the end, and answered in kind.
        try await peer.sendPlain(RawPeer.message([0x03, 0xe8], kind: .close))
        #expect(await connection.closed()?.code == .connectionClosed)
        #expect(try await peer.readToEnd() == [])
        #expect(peer.controls.last == .close(1000))
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    @Test("closing says so: go-away inside, then a close frame")
    func closing() async throws {
        let loopback = try await Loopback.listen(on: Self.address)
        let (peer, connection) = try await loopback.hostile()
        async let closing: Void = connection.close()
        #expect(try await peer.frame().header == YamuxHeader(kind: .goAway, streamID: 0, length: 0))
        #expect(try await peer.readToEnd() == [])
        #expect(peer.controls == [.close(1000)])
        try await peer.close()
        await closing
        await loopback.listener.close()
    }

    @Test("a close with another code than 1000 is told with its code")
    func abnormal() async throws {
        let loopback = try await Loopback.listen(on: Self.address) { $0.timeouts.close = .milliseconds(50) }
        let (peer, connection) = try await loopback.hostile()
        try await peer.sendPlain(RawPeer.message([0x03, 0xf3], kind: .close))
        let error = await connection.closed()
        #expect(error?.message == "the other side closed the WebSocket with code 1011")
        try await peer.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    // MARK: Hostile peers

    @Test("a client that is slow with its request is cut off", arguments: [0, 5, 100])
    func slowLoris(_ count: Int) async throws {
        let loopback = try await Loopback.listen(on: Self.address) { $0.timeouts.webSocket = .milliseconds(150) }
        let peer = try await RawPeer.connect(to: loopback.address)
        let request = WebSocketHandshake(WebSocketKeys.request(host: "a", path: "/"), maximumHead: 8192).start()
        try await peer.sendIfOpen(Array(request.prefix(count)))
        #expect(try await peer.readToEnd() == [])
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    @Test("a request that is no HTTP, and a head without end, are refused; others go on")
    func badRequests() async throws {
        let loopback = try await Loopback.listen(on: Self.address) { $0.limits.webSocketHead = 600 }
        for (bytes, status) in [
            ([UInt8](repeating: 0x16, count: 300), "400"), (Array("GET / HTTP/1.1\r\n\r\n".utf8), "400"),
            (Array("GET / HTTP/1.1\r\nX: ".utf8) + [UInt8](repeating: 0x41, count: 600), "431"),
        ] {
            let peer = try await RawPeer.connect(to: loopback.address)
            try await peer.sendPlain(bytes)
            let answer = String(decoding: try await peer.readToEnd(), as: UTF8.self)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 \(status) "))
        }
        await loopback.transport.connectionsEnded()
        let (dialed, _) = try await loopback.connect()
        await dialed.close()
        await loopback.listener.close()
    }

    @Test(
        "frames that break a rule close that connection with the reason, inside and out",
        arguments: [
            (RawPeer.message([1], mask: nil), "WebSocket frame: expected a masked one", 1002),
            (
                RawPeer.message([1], kind: WebSocketFrame.Kind(rawValue: 1)),
                "WebSocket frame type: expected 0, 2, 8, 9 or 10, found 1", 1003
            ),
            (bytes("82ff7fffffffffffffff00000000"), "WebSocket frame: expected at most 16777216 bytes", 1009),
        ] as [([UInt8], String, UInt16)])
    func violations(_ frame: [UInt8], _ message: String, _ code: UInt16) async throws {
        let loopback = try await Loopback.listen(on: Self.address) { $0.timeouts.close = .milliseconds(50) }
        let (peer, connection) = try await loopback.hostile()
        let (other, _) = try await loopback.hostile()
        try await peer.sendPlain(frame)
        let error = await connection.closed()
        #expect(error?.code == .protocolViolation)
        #expect(error?.message == message)
        _ = try await peer.readToEnd()
        #expect(peer.controls == [.close(code)])
        // Another connection does not notice.
        try await other.sendFrames(PeerTransportNIOTests.wire(.ping, .syn, 0, 9))
        #expect(try await other.frame().header == YamuxHeader(kind: .ping, flags: .ack, streamID: 0, length: 9))
        try await other.close()
        await loopback.transport.connectionsEnded()
        await loopback.listener.close()
    }

    @Test("a flood of pings from one who does not read is cut off")
    func pingFlood() throws {
        let channel = EmbeddedChannel()
        let errors = ErrorCollector()
        try channel.pipeline.syncOperations.addHandlers(WebSocketHandler(.server, configuration: .init()), errors)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let request = WebSocketHandshake(WebSocketKeys.request(host: "a", path: "/"), maximumHead: 8192).start()
        try channel.writeInbound(ByteBuffer(bytes: request))
        channel.isWritable = false
        let ping = RawPeer.message([UInt8](repeating: 1, count: 125), kind: .ping)
        // Of several that come together one is answered; 139 bytes each may wait.
        for _ in 0..<(65_536 / 139) { try channel.writeInbound(ByteBuffer(bytes: ping + ping)) }
        #expect(errors.errors == [])
        try channel.writeInbound(ByteBuffer(bytes: ping))
        #expect(errors.errors == [TransportError(.limitExceeded, "")])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("bytes that come inside a write keep their order, and a socket that dies inside a write ends once")
    func reentrancy() throws {
        let channel = EmbeddedChannel()
        let errors = ErrorCollector()
        let inner = EchoesInWrite()
        try channel.pipeline.syncOperations.addHandlers(
            inner, WebSocketHandler(.server, configuration: .init()), errors)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let request = WebSocketHandshake(WebSocketKeys.request(host: "a", path: "/"), maximumHead: 8192).start()
        try channel.writeInbound(ByteBuffer(bytes: request))
        inner.pending = [RawPeer.message([3, 4]), RawPeer.message([0x03, 0xe8], kind: .close)]
        try channel.writeInbound(ByteBuffer(bytes: RawPeer.message([1]) + RawPeer.message([], kind: .ping)))
        // The pong's write brought the next message, and the answer to that nothing more.
        #expect(errors.received == [1, 3, 4])
        try channel.writeInbound(ByteBuffer(bytes: RawPeer.message([5]) + RawPeer.message([], kind: .ping)))
        #expect(errors.received == [1, 3, 4, 5])
        #expect(!channel.isActive)
        #expect(errors.errors == [])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}

/// Notes what reaches the end of the pipeline.
private final class ErrorCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var errors: [TransportError] = []
    private(set) var received: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += Array(unwrapInboundIn(data).readableBytesView)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TransportError { errors.append(error) }
    }
}

/// Hands on what is pending inside the next write.
private final class EchoesInWrite: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    var pending: [[UInt8]] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        guard !pending.isEmpty else { return }
        context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: pending.removeFirst())))
    }
}
