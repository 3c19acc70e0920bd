import Multiformats
import NIOCore
import NIOEmbedded
import PeerTransport
import Testing

@testable import PeerTransportNIO

@Suite("The handler is called back while it writes")
struct ReentrancyTests {
    /// One side in an embedded channel, the other a machine in the hands of the test.
    private final class Side {
        let channel = EmbeddedChannel()
        let count = ConnectionCount(limits: .init())
        let identity = NodeIdentity.generateEd25519()
        var result: Result<TCPConnection, TransportError>?
        private var peer: ConnectionUpgrade
        private(set) var sealer: NoiseSealer?
        private var opener: NoiseOpener?

        init(before handler: any ChannelHandler) throws {
            self.peer = ConnectionUpgrade(
                ConnectionUpgrade.Parameters(
                    isInitiator: true,
                    credentials: try NoiseCredentials(identity: .generateEd25519(), muxers: ["/yamux/1.0.0"]),
                    expectedPeer: nil, maximumMessage: 1024, maximumProposals: 64))
            let role = ConnectionHandler.Role(
                isInbound: true, expectedPeer: nil, remoteAddress: try Multiaddr("/ip4/127.0.0.1/tcp/1"),
                accepting: { _ in true }, slot: try self.count.open(isInbound: true))
            let local = TransportIdentity(
                peerID: self.identity.peerID,
                credentials: try NoiseCredentials(identity: self.identity, muxers: ["/yamux/1.0.0"]))
            try self.channel.pipeline.syncOperations.addHandlers(
                handler,
                ConnectionHandler(role: role, local: local, configuration: .init()) { [weak self] in
                    self?.result = $0
                })
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        /// Goes through the upgrade, as far as the channel lets it.
        func upgrade() throws {
            try self.deliver(self.peer.start())
            for _ in 0..<4 where self.sealer == nil {
                for bytes in try self.sent() {
                    var offset = 0
                    reading: while true {
                        switch bytes.withUnsafeBytes({ self.peer.receive($0, at: &offset) }) {
                        case .needMore: break reading
                        case .send(let reply): try self.deliver(reply)
                        case .done(let result):
                            self.sealer = result.sealer
                            self.opener = result.opener
                            break reading
                        case .fail(let error): throw error
                        }
                    }
                }
            }
        }

        func deliver(_ bytes: [UInt8]) throws {
            guard self.channel.isActive else { return }
            try self.channel.writeInbound(ByteBuffer(bytes: bytes))
        }

        func sealed(_ frames: [UInt8]) throws -> [UInt8] {
            guard var sealer = self.sealer else { return [] }
            var output = ByteBuffer()
            try frames.withUnsafeBytes { try sealer.seal($0, into: &output) }
            self.sealer = sealer
            return Array(output.readableBytesView)
        }

        func sent() throws -> [[UInt8]] {
            var all: [[UInt8]] = []
            while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) {
                all.append(Array(buffer.readableBytesView))
            }
            return all
        }

        /// The plaintext of everything sent.
        func sentFrames() throws -> [UInt8] {
            let wire = try self.sent().flatMap { $0 }
            var frames: [UInt8] = []
            var offset = 0
            while let message = try wire.withUnsafeBytes({ try self.opener?.next($0, at: &offset) }) {
                frames += message
            }
            return frames
        }
    }

    @Test("a socket that dies inside the n-th write: everything ends once, nothing traps", arguments: 1...6)
    func diesInWrite(_ write: Int) throws {
        let side = try Side(before: ClosesInWrite(write))
        try side.upgrade()
        if side.sealer != nil {
            for _ in 0..<6 { try side.deliver(side.sealed(wire(.ping, .syn, 0, 7) + wire(.data, .syn, 1, 0))) }
        }
        #expect(!side.channel.isActive)
        side.channel.embeddedEventLoop.run()
        #expect(side.count.total == 0)
        // Before the last message of the handshake came, it never was a connection.
        let isEstablished: Bool
        switch try #require(side.result) {
        case .success: isEstablished = true
        case .failure(let error):
            isEstablished = false
            #expect(error.code == .connectionClosed)
        }
        #expect(isEstablished == (side.sealer != nil))
    }

    @Test("bytes that arrive inside a write are answered, in order")
    func readsInWrite() throws {
        let handler = ReadsInWrite()
        let side = try Side(before: handler)
        try side.upgrade()
        _ = try side.sent()
        let second = try side.sealed(wire(.ping, .syn, 0, 2))
        let third = try side.sealed(wire(.ping, .syn, 0, 3) + wire(.ping, .syn, 0, 4))
        // Sealed first, delivered last: the order on the wire is the order of sealing.
        handler.pending = [second, third]
        try side.deliver([])
        try side.deliver(side.sealed(wire(.ping, .syn, 0, 5)))
        let expected = [2, 3, 4, 5].flatMap { wire(.ping, .ack, 0, UInt32($0)) }
        #expect(try side.sentFrames() == expected)
        #expect(handler.pending.isEmpty)
        try side.channel.close().wait()
        side.channel.embeddedEventLoop.run()
        #expect(side.count.total == 0)
    }

    @Test("random frames through the whole handler: it lives or closes, and never traps")
    func randomFrames() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix64(seed: seed)
        for _ in 0..<60 {
            let side = try Side(before: ReadsInWrite())
            try side.upgrade()
            for _ in 0..<40 where side.channel.isActive {
                var frames: [UInt8] = []
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let kinds: [UInt8] = [0, 0, 0, 1, 1, 2, 3, 7]
                    let length = UInt32.random(in: 0...60, using: &generator)
                    let header = YamuxHeader(
                        kind: YamuxHeader.Kind(rawValue: kinds.randomElement(using: &generator) ?? 0),
                        flags: YamuxHeader.Flags(rawValue: UInt16.random(in: 0...15, using: &generator)),
                        streamID: UInt32.random(in: 0...7, using: &generator), length: length)
                    frames += wire(header)
                    if header.kind == .data { frames += Self.body(Int(length), &generator) }
                }
                try side.deliver(side.sealed(frames))
            }
            side.channel.embeddedEventLoop.advanceTime(by: .seconds(20))
            if side.channel.isActive { try side.channel.close().wait() }
            side.channel.embeddedEventLoop.run()
            #expect(side.count.total == 0, "seed \(seed)")
        }
    }

    /// The beginning of a negotiation, or anything.
    private static func body(_ count: Int, _ generator: inout SplitMix64) -> [UInt8] {
        let negotiation = MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode("/x")
        let random = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return Bool.random(using: &generator) ? Array((negotiation + random).prefix(count)) : random
    }
}

/// Closes the channel inside its n-th write.
private final class ClosesInWrite: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var left: Int

    init(_ write: Int) {
        self.left = write
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.left -= 1
        guard self.left != 0 else {
            context.close(promise: nil)
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(data, promise: promise)
    }
}

/// Hands on what is pending inside the next write.
private final class ReadsInWrite: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    var pending: [[UInt8]] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.release(context)
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        self.release(context)
    }

    private func release(_ context: ChannelHandlerContext) {
        guard !self.pending.isEmpty else { return }
        let bytes = self.pending.removeFirst()
        context.fireChannelRead(self.wrapInboundOut(ByteBuffer(bytes: bytes)))
    }
}
