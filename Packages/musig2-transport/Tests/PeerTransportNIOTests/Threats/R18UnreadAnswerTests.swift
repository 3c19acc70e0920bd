import NIOCore
import NIOEmbedded
import PeerTransport
import Synchronization
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

/// R18: requests whose answers nobody reads.
@Suite("Answers that nobody reads") struct R18UnreadAnswerTests {
    private static let protocolID: ProtocolID = "/dear/1.0.0"
    private static let request = 40
    private static let answer = 60_000

    /// Answers each 40 bytes with 60,000.
    private final class Dear: StreamResponder {
        private var waiting = 0
        private let made: Made

        init(_ made: Made) { self.made = made }

        func maximumAnswer(to count: Int) -> Int { R18UnreadAnswerTests.answer }

        func receive(_ bytes: [UInt8]) -> ResponderAction {
            waiting += bytes.count
            return resume()
        }

        func resume() -> ResponderAction {
            guard waiting >= R18UnreadAnswerTests.request else { return .send([]) }
            waiting -= R18UnreadAnswerTests.request
            made.add(R18UnreadAnswerTests.answer)
            let answer = [UInt8](repeating: 1, count: R18UnreadAnswerTests.answer)
            return waiting < R18UnreadAnswerTests.request ? .send(answer) : .sendAndResume(answer)
        }

        func receiveEnd() -> ResponderAction { .finish([]) }
    }

    /// How many bytes of answers were made.
    private final class Made: Sendable {
        private let bytes = Mutex(0)
        var count: Int { bytes.withLock { $0 } }
        func add(_ count: Int) { bytes.withLock { $0 += count } }
    }

    private static func configuration(
        _ change: (inout TCPTransport.Limits) -> Void = { _ in }
    ) -> TCPTransport.Configuration {
        var configuration = TCPTransport.Configuration()
        configuration.limits.connections = 32
        configuration.limits.connectionReceiveBuffer = 1 << 20
        configuration.limits.receiveBuffer = 8 << 20
        change(&configuration.limits)
        return configuration
    }

    private static func registry(_ made: Made) throws -> ResponderRegistry {
        let registry = ResponderRegistry()
        try registry.register(Self.protocolID) { _ in Dear(made) }
        return registry
    }

    private static func upgraded(
        _ configuration: TCPTransport.Configuration, _ count: ConnectionCount, _ made: Made,
        from address: String = "/ip4/127.0.0.1/tcp/1"
    ) throws -> EmbeddedSide {
        let side = try EmbeddedSide(
            from: address, countedBy: count, responders: try Self.registry(made), configuration: configuration)
        try side.upgrade()
        _ = try side.sent()
        return side
    }

    /// Opens a stream and asks for 16 answers in one piece.
    private static func ask(_ side: EmbeddedSide, on stream: UInt32) throws {
        let proposal =
            MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode(Self.protocolID.name)
        let requests = [UInt8](repeating: 7, count: 16 * Self.request)
        try side.deliver(
            side.sealed(
                wire(.data, .syn, stream, UInt32(proposal.count)) + proposal
                    + wire(.data, [], stream, UInt32(requests.count)) + requests))
    }

    @Test("32 connections ask for 245 MB and read nothing: what is made for them stays within 8 MiB")
    func r18UnreadAnswersStayWithinTheBound() throws {
        let configuration = Self.configuration()
        let count = ConnectionCount(limits: configuration.limits)
        let made = Made()
        var sides: [EmbeddedSide] = []
        for _ in 0..<32 {
            let side = try Self.upgraded(configuration, count, made)
            side.channel.isWritable = false
            for stream in 0..<8 { try Self.ask(side, on: UInt32(2 * stream + 1)) }
            sides.append(side)
        }
        #expect(made.count <= configuration.limits.receiveBuffer, "\(made.count) bytes were made")
        #expect(count.heldBytes <= configuration.limits.receiveBuffer, "\(count.heldBytes) bytes are held")
        for side in sides { try side.channel.close().wait() }
        #expect(count.heldBytes == 0)
    }

    @Test("the connections of one network have their bound, at the cost of no other network")
    func r18ANetworkHasItsBound() throws {
        let configuration = Self.configuration { $0.networkReceiveBuffer = 1 << 20 }
        let count = ConnectionCount(limits: configuration.limits)
        let made = Made()
        var sides: [EmbeddedSide] = []
        for number in 0..<8 {
            let side = try Self.upgraded(configuration, count, made, from: "/ip4/66.6.6.\(number)/tcp/1")
            side.channel.isWritable = false
            for stream in 0..<8 { try Self.ask(side, on: UInt32(2 * stream + 1)) }
            sides.append(side)
        }
        #expect(made.count <= 1 << 20, "\(made.count) bytes were made")
        #expect(count.heldBytes <= 1 << 20, "\(count.heldBytes) bytes are held")
        let other = Made()
        let side = try Self.upgraded(configuration, count, other, from: "/ip4/66.6.7.1/tcp/1")
        side.channel.isWritable = false
        for stream in 0..<8 { try Self.ask(side, on: UInt32(2 * stream + 1)) }
        #expect(other.count >= 400_000)
        for side in sides + [side] { try side.channel.close().wait() }
        #expect(count.heldBytes == 0)
    }

    @Test("what answers take is charged: an array is as large as its room, however little is in it")
    func r18RoomIsChargedAndNotBytes() throws {
        let configuration = Self.configuration()
        let registry = ResponderRegistry()
        try registry.register(Self.protocolID) { _ in Roomy() }
        let count = ConnectionCount(limits: configuration.limits)
        let side = try EmbeddedSide(countedBy: count, responders: registry, configuration: configuration)
        try side.upgrade()
        side.channel.isWritable = false
        try Self.ask(side, on: 1)
        #expect(count.heldBytes >= 60_000)
        try side.channel.close().wait()
        #expect(count.heldBytes == 0)
    }

    /// Answers with 1,000 bytes in an array that has room for 60,000.
    private final class Roomy: StreamResponder {
        func receive(_ bytes: [UInt8]) -> ResponderAction {
            var answer: [UInt8] = []
            answer.reserveCapacity(60_000)
            answer += [UInt8](repeating: 1, count: 1000)
            return .send(answer)
        }

        func receiveEnd() -> ResponderAction { .finish([]) }
    }

    @Test("answers without a window end the connection after 10 seconds, not while a little window comes")
    func r18AnswersThatDoNotMove() throws {
        let side = try Self.upgraded(Self.configuration(), ConnectionCount(limits: .init()), Made())
        // Five of the sixteen answers are more than the window.
        try Self.ask(side, on: 1)
        for _ in 0..<10 {
            side.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
            try side.deliver(side.sealed(wire(.windowUpdate, [], 1, 1) + wire(.ping, .ack, 0, 1)))
        }
        #expect(side.closed.all.isEmpty)
        side.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(side.closed.all.isEmpty)
        side.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(side.closed.all.first??.message == "the other side does not read: no answer moved for 10.0 seconds")
        #expect(side.count.heldBytes == 0)
    }

    /// Holds what is written, as a socket does whose other end reads nothing.
    private final class FullSocket: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var isFull = false
        private var waiting: [EventLoopPromise<Void>] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard isFull else { return context.write(data, promise: promise) }
            if let promise { waiting.append(promise) }
        }

        func takeAll() {
            isFull = false
            let waiting = self.waiting
            self.waiting = []
            for promise in waiting { promise.succeed() }
        }
    }

    @Test("answers count until the socket has taken them; a socket that takes nothing ends the connection")
    func r18AnswersAtTheSocket() throws {
        for takes in [true, false] {
            let socket = FullSocket()
            let made = Made()
            let configuration = Self.configuration()
            let side = try EmbeddedSide(
                before: socket, responders: try Self.registry(made), configuration: configuration)
            try side.upgrade()
            socket.isFull = true
            try Self.ask(side, on: 1)
            #expect(made.count >= 240_000)
            #expect(side.count.heldBytes >= made.count)
            #expect(side.count.heldBytes <= configuration.limits.connectionAnswers + 2 * Self.answer)
            side.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
            if takes {
                socket.takeAll()
                try side.deliver(side.sealed(wire(.windowUpdate, [], 1, 1_000_000)))
            }
            side.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
            #expect(side.closed.all.isEmpty == takes)
            socket.takeAll()
            if side.channel.isActive { try side.channel.close().wait() }
            #expect(side.count.heldBytes == 0)
        }
    }
}
