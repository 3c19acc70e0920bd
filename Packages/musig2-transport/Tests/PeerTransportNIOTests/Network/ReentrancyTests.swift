import Multiformats
import NIOCore
import NIOEmbedded
import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("The handler is called back while it writes")
struct ReentrancyTests {
    @Test("a socket that dies inside the n-th write: everything ends once, nothing traps", arguments: 1...6)
    func diesInWrite(_ write: Int) throws {
        let side = try EmbeddedSide(before: ClosesInWrite(write))
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
        let side = try EmbeddedSide(before: handler)
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
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let side = try EmbeddedSide(before: ReadsInWrite())
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
    private static func body(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
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
        left = write
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        left -= 1
        guard left != 0 else {
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
        release(context)
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        release(context)
    }

    private func release(_ context: ChannelHandlerContext) {
        guard !pending.isEmpty else { return }
        let bytes = pending.removeFirst()
        context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: bytes)))
    }
}
