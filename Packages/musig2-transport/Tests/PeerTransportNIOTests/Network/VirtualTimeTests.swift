import NIOCore
import NIOEmbedded
import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("What happens to a connection by time alone, on a clock that the test moves")
struct VirtualTimeTests {
    private static func upgraded() throws -> EmbeddedSide {
        let side = try EmbeddedSide()
        try side.upgrade()
        #expect(side.sealer != nil)
        _ = try side.sentFrames()
        return side
    }

    private static func advance(_ side: EmbeddedSide, _ seconds: Int64) {
        side.channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
    }

    @Test("a ping each 30 seconds, begun when the last was settled; without an answer for 10 the connection ends")
    func keepAlive() throws {
        let side = try Self.upgraded()
        Self.advance(side, 29)
        #expect(try side.sentFrames() == [])
        Self.advance(side, 1)
        #expect(try side.sentFrames() == wire(.ping, .syn, 0, 1))
        try side.deliver(side.sealed(wire(.ping, .ack, 0, 1)))
        Self.advance(side, 39)
        #expect(try side.sentFrames() == [])
        Self.advance(side, 1)
        #expect(try side.sentFrames() == wire(.ping, .syn, 0, 2))
        // Whoever sends anything is alive, even if the pong is late.
        Self.advance(side, 9)
        try side.deliver(side.sealed(wire(.windowUpdate, [], 7, 1)))
        Self.advance(side, 31)
        #expect(try side.sentFrames() == wire(.ping, .syn, 0, 3))
        Self.advance(side, 9)
        #expect(side.closed.all.isEmpty)
        Self.advance(side, 2)
        #expect(side.closed.all == [TransportError(.timedOut, "")])
        #expect(
            side.closed.all.first??.message
                == "the other side did not answer a ping within 10.0 seconds")
        #expect(side.count.total == 0)
    }

    @Test("a served stream and a stream without a protocol end by time", arguments: [9, 10] as [Int64])
    func negotiation(_ seconds: Int64) throws {
        let side = try Self.upgraded()
        try side.deliver(side.sealed(wire(.windowUpdate, .syn, 1, 0)))
        _ = try side.sentFrames()
        Self.advance(side, seconds)
        let reset = wire(.windowUpdate, .rst, 1, 0)
        #expect(try side.sentFrames() == (seconds < 10 ? [] : reset))
        try side.channel.close().wait()
    }

    @Test("answers to one who does not read are bounded")
    func unsentAnswers() throws {
        let side = try Self.upgraded()
        side.channel.isWritable = false
        // Streams that end at once: each is accepted and reset, in 24 bytes.
        for id in 0..<2730 { try side.deliver(side.sealed(wire(.windowUpdate, [.syn, .fin], UInt32(2 * id + 1), 0))) }
        Self.advance(side, 2)
        #expect(side.closed.all.isEmpty)
        try side.deliver(side.sealed(wire(.windowUpdate, [.syn, .fin], 9999, 0)))
        Self.advance(side, 2)
        #expect(side.closed.all == [TransportError(.limitExceeded, "")])
        #expect(side.count.total == 0)
        #expect(side.count.heldBytes == 0)
    }
}
