import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("yamux session")
struct YamuxSessionTests {
    typealias Action = YamuxSession.ReceiveAction

    private static func server(_ limits: YamuxLimits = YamuxLimits()) -> YamuxSession {
        YamuxSession(role: .server, limits: limits)
    }

    private static func client(_ limits: YamuxLimits = YamuxLimits()) -> YamuxSession {
        YamuxSession(role: .client, limits: limits)
    }

    private static func opened(_ session: inout YamuxSession) throws -> UInt32 {
        guard case .opened(let id, _) = session.open() else {
            throw Refused()
        }
        return id
    }

    private struct Refused: Error {}

    // MARK: Headers

    @Test("headers have the bytes of the specification")
    func headerBytes() {
        let header = YamuxHeader(kind: .windowUpdate, flags: [.syn, .fin], streamID: 0x0102_0304, length: 262_144)
        #expect(hex(wire(header)) == "000100050102030400040000")
        #expect(wire(header).withUnsafeBytes { YamuxHeader.read($0, at: 0) } == header)
        #expect(Array(wire(header).dropLast()).withUnsafeBytes { YamuxHeader.read($0, at: 0) } == nil)
        #expect(hex(wire(YamuxSession.goAwayFrame(.protocolError))) == "000300000000000000000001")
    }

    // MARK: Opening

    @Test("ids: the dialler odd, the listener even, increasing; opened by a window update")
    func ids() {
        var client = Self.client()
        var server = Self.server()
        for id: UInt32 in [1, 3, 5] {
            #expect(
                client.open()
                    == .opened(id, YamuxHeader(kind: .windowUpdate, flags: .syn, streamID: id, length: 0)))
        }
        for id: UInt32 in [2, 4] {
            #expect(
                server.open()
                    == .opened(id, YamuxHeader(kind: .windowUpdate, flags: .syn, streamID: id, length: 0)))
        }
    }

    @Test("opened by a window update: accepted at once; the increment is on top of the window")
    func openedByWindowUpdate() {
        var server = Self.server()
        let actions = feed(&server, wire(.windowUpdate, .syn, 1, 100))
        #expect(actions == [.opened(1, reply: acknowledgement(1)), .windowGrew(1)])
        #expect(sendAll(&server, 1) == 262_144 + 100)
    }

    @Test("opened by a data frame that carries body and FIN: in this order")
    func openedByData() {
        var server = Self.server()
        let actions = feed(&server, wire(.data, [.syn, .fin], 1, 3) + [7, 8, 9])
        #expect(actions == [.opened(1, reply: acknowledgement(1)), .data(1, 12..<15), .remoteClosed(1)])
    }

    @Test("opened and reset in one frame")
    func openedAndReset() {
        var server = Self.server()
        let actions = feed(&server, wire(.data, [.syn, .rst], 1, 2) + [7, 8])
        #expect(actions == [.opened(1, reply: acknowledgement(1)), .data(1, 12..<14), .reset(1, code: 0)])
        #expect(server.streamCount == 0)
    }

    @Test("ids out of order are taken, as peers number streams before they queue the frames")
    func outOfOrderIDs() {
        var server = Self.server()
        let actions = feed(&server, wire(.windowUpdate, .syn, 3, 0) + wire(.windowUpdate, .syn, 1, 0))
        #expect(actions == [.opened(3, reply: acknowledgement(3)), .opened(1, reply: acknowledgement(1))])
    }

    @Test("inbound streams above the limit are reset, body skipped; there is room again when one ends")
    func inboundLimit() {
        var limits = YamuxLimits()
        limits.maximumInboundStreams = 1
        var server = Self.server(limits)
        let actions = feed(
            &server,
            wire(.windowUpdate, .syn, 1, 0) + wire(.data, .syn, 3, 2) + [1, 2] + wire(.ping, .syn, 0, 9))
        #expect(
            actions == [
                .opened(1, reply: acknowledgement(1)), .refused(3, reply: resetFrame(3)), .ping(reply: pong(9)),
            ])
        #expect(server.reset(1) == .send(resetFrame(1)))
        #expect(feed(&server, wire(.windowUpdate, .syn, 5, 0)) == [.opened(5, reply: acknowledgement(5))])
    }

    @Test("outbound limits: in total, and unanswered")
    func outboundLimits() throws {
        var limits = YamuxLimits()
        limits.maximumOutboundStreams = 2
        var client = Self.client(limits)
        _ = try Self.opened(&client)
        _ = try Self.opened(&client)
        #expect(client.open() == .refused(.tooManyStreams(limit: 2)))

        limits.maximumOutboundStreams = 10
        limits.maximumUnacknowledged = 1
        client = Self.client(limits)
        let id = try Self.opened(&client)
        #expect(client.open() == .refused(.tooManyUnanswered(limit: 1)))
        #expect(feed(&client, wire(.windowUpdate, .ack, id, 0)) == [.acknowledged(id)])
        let second = try Self.opened(&client)
        #expect(client.open() == .refused(.tooManyUnanswered(limit: 1)))
        // A stream that is reset before it was answered makes room too.
        #expect(feed(&client, wire(.windowUpdate, .rst, second, 0)) == [.reset(second, code: 0)])
        _ = try Self.opened(&client)
    }

    @Test("an acknowledgement may come on a data frame, and its increment is on top")
    func acknowledgedByData() throws {
        var client = Self.client()
        let id = try Self.opened(&client)
        #expect(feed(&client, wire(.data, .ack, id, 1) + [5]) == [.acknowledged(id), .data(id, 12..<13)])
        let other = try Self.opened(&client)
        #expect(
            feed(&client, wire(.windowUpdate, .ack, other, 262_144)) == [.acknowledged(other), .windowGrew(other)])
        #expect(sendAll(&client, other) == 524_288)
    }

    // MARK: Violations

    @Test(
        "rules whose breach ends the session",
        arguments: [
            (wire(.data, .syn, 2, 0), YamuxError.wrongParity(streamID: 2)),
            (wire(.data, .syn, 0, 0), .frameForSession),
            (wire(.windowUpdate, [], 0, 1), .frameForSession),
            (wire(YamuxHeader(version: 1, kind: .data, streamID: 1, length: 0)), .unsupportedVersion(found: 1)),
            (wire(YamuxHeader.Kind(rawValue: 4), [], 1, 0), .unknownFrameKind(found: 4)),
            (wire(.data, .syn, 1, 0) + wire(.data, .syn, 1, 0), .duplicateStream(streamID: 1)),
            (
                wire(.data, .syn, 1, 262_145),
                .windowExceeded(streamID: 1, window: 262_144, found: 262_145)
            ),
        ])
    func violations(_ input: [UInt8], _ error: YamuxError) {
        var server = Self.server()
        let goAway = YamuxHeader(kind: .goAway, streamID: 0, length: 1)
        #expect(feed(&server, input).last == .violation(error, goAway: goAway))
        // Nothing that comes later is looked at.
        #expect(feed(&server, wire(.ping, .syn, 0, 1)) == [])
    }

    @Test("a full window is taken, one byte more is not")
    func windowEdge() {
        var server = Self.server()
        let body = [UInt8](repeating: 1, count: 262_144)
        let actions = feed(&server, wire(.data, .syn, 1, 262_144) + body)
        #expect(actions == [.opened(1, reply: acknowledgement(1)), .data(1, 12..<(12 + 262_144))])
        #expect(
            feed(&server, wire(.data, [], 1, 1))
                == [
                    .violation(
                        .windowExceeded(streamID: 1, window: 0, found: 1),
                        goAway: YamuxHeader(kind: .goAway, streamID: 0, length: 1))
                ])
    }

    // MARK: Windows

    @Test("sending stops at the window and goes on with credit")
    func sendWindow() throws {
        var client = Self.client()
        let id = try Self.opened(&client)
        #expect(sendAll(&client, id) == 262_144)
        #expect(client.send(id, upTo: 1) == .blocked)
        #expect(feed(&client, wire(.windowUpdate, [], id, 10)) == [.windowGrew(id)])
        #expect(client.send(id, upTo: 100) == .frame(YamuxHeader(kind: .data, streamID: id, length: 10)))
        #expect(client.send(id, upTo: 1) == .blocked)
        #expect(client.sendable(id) == 0)
    }

    @Test("a frame and its header fill one Noise message")
    func frameSize() throws {
        var client = Self.client()
        let id = try Self.opened(&client)
        #expect(client.send(id, upTo: 100_000) == .frame(YamuxHeader(kind: .data, streamID: id, length: 65_507)))
    }

    @Test("increments of 16 MiB and of 4 GiB add up")
    func hugeWindows() throws {
        var client = Self.client()
        let id = try Self.opened(&client)
        for increment in [UInt32.max, UInt32.max, 16_777_216, 4_194_336] {
            #expect(feed(&client, wire(.windowUpdate, [], id, increment)) == [.windowGrew(id)])
        }
        #expect(client.sendable(id) == 65_507)
    }

    @Test("credit comes when half the window was read")
    func credit() {
        var server = Self.server()
        _ = feed(&server, wire(.data, .syn, 1, 262_144) + [UInt8](repeating: 1, count: 262_144))
        server.consumed(1, count: 131_071)
        #expect(server.owesCredit(1) == false)
        #expect(server.credit(1, isFast: true) == .none)
        server.consumed(1, count: 1)
        #expect(server.owesCredit(1))
        #expect(
            server.credit(1, isFast: false)
                == .send(YamuxHeader(kind: .windowUpdate, streamID: 1, length: 131_072)))
        #expect(server.owesCredit(1) == false)
        let more = feed(&server, wire(.data, [], 1, 131_072) + [UInt8](repeating: 1, count: 131_072))
        #expect(more == [.data(1, 12..<(12 + 131_072))])
    }

    @Test("no credit for a stream that the other side closed, or that is over")
    func noCredit() {
        var server = Self.server()
        _ = feed(&server, wire(.data, [.syn, .fin], 1, 200_000) + [UInt8](repeating: 1, count: 200_000))
        server.consumed(1, count: 200_000)
        #expect(server.credit(1, isFast: true) == .none)
        server.consumed(99, count: 1)
        #expect(server.credit(99, isFast: true) == .none)
    }

    @Test("the window doubles while the other side uses it up fast, up to its limit and that of all together")
    func windowGrowth() {
        var limits = YamuxLimits()
        limits.maximumWindow = 1_000_000
        limits.growth = 900_000
        var server = Self.server(limits)
        _ = feed(&server, wire(.windowUpdate, .syn, 1, 0) + wire(.windowUpdate, .syn, 3, 0))
        /// Uses up the window and reads it all; what is granted then.
        func turn(_ id: UInt32, _ count: Int, isFast: Bool = true) -> YamuxSession.FrameAction {
            let body = [UInt8](repeating: 1, count: count)
            #expect(feed(&server, wire(.data, [], id, UInt32(count)) + body) == [.data(id, 12..<(12 + count))])
            server.consumed(id, count: count)
            return server.credit(id, isFast: isFast)
        }
        func grant(_ id: UInt32, _ count: UInt32) -> YamuxSession.FrameAction {
            .send(YamuxHeader(kind: .windowUpdate, streamID: id, length: count))
        }
        #expect(turn(1, 262_144, isFast: false) == grant(1, 262_144))
        #expect(turn(1, 262_144) == grant(1, 524_288))
        #expect(turn(1, 524_288) == grant(1, 1_000_000))
        #expect(turn(1, 1_000_000) == grant(1, 1_000_000))
        // 737,856 of the growth are used; the other stream gets the rest.
        #expect(turn(3, 262_144) == grant(3, 262_144 + 162_144))
        #expect(turn(3, 424_288) == grant(3, 424_288))
        // What a stream had grown is free again when it ends.
        #expect(server.reset(1) == .send(resetFrame(1)))
        #expect(turn(3, 424_288) == grant(3, 848_576))
        // A window is kept to, however it came about.
        let tooMuch = feed(&server, wire(.data, [], 3, 848_577))
        #expect(
            tooMuch.first
                == .violation(
                    .windowExceeded(streamID: 3, window: 848_576, found: 848_577),
                    goAway: YamuxHeader(kind: .goAway, streamID: 0, length: 1)))
    }

    @Test("the length of a reset is an error code, not credit")
    func resetCode() throws {
        var client = Self.client()
        let id = try Self.opened(&client)
        #expect(feed(&client, wire(.windowUpdate, .rst, id, 0x1003)) == [.reset(id, code: 0x1003)])
        #expect(client.send(id, upTo: 1) == .closed)
    }

    // MARK: Closing

    @Test("half close, this side first")
    func closeLocalFirst() throws {
        var client = Self.client()
        let id = try Self.opened(&client)
        #expect(
            client.closeWrite(id)
                == .send(YamuxHeader(kind: .windowUpdate, flags: .fin, streamID: id, length: 0)))
        #expect(client.closeWrite(id) == .none)
        #expect(client.send(id, upTo: 1) == .closed)
        #expect(
            feed(&client, wire(.data, .ack, id, 2) + [1, 2]) == [.acknowledged(id), .data(id, 12..<14)])
        #expect(feed(&client, wire(.windowUpdate, .fin, id, 0)) == [.finished(id)])
        #expect(client.streamCount == 0)
    }

    @Test("half close, the other side first, on its last data frame")
    func closeRemoteFirst() {
        var server = Self.server()
        _ = feed(&server, wire(.windowUpdate, .syn, 1, 0))
        #expect(feed(&server, wire(.data, .fin, 1, 1) + [9]) == [.data(1, 12..<13), .remoteClosed(1)])
        #expect(server.send(1, upTo: 5) == .frame(YamuxHeader(kind: .data, streamID: 1, length: 5)))
        #expect(
            server.closeWrite(1)
                == .send(YamuxHeader(kind: .windowUpdate, flags: .fin, streamID: 1, length: 0)))
        #expect(server.isOpen(1) == false)
    }

    @Test("window updates after FIN are taken, data after FIN resets the stream alone")
    func afterFin() {
        var server = Self.server()
        _ = feed(&server, wire(.windowUpdate, [.syn, .fin], 1, 0))
        #expect(feed(&server, wire(.windowUpdate, [], 1, 5)) == [.windowGrew(1)])
        #expect(
            feed(&server, wire(.data, [], 1, 2) + [1, 2] + wire(.ping, .syn, 0, 3))
                == [.streamViolation(1, reply: resetFrame(1)), .ping(reply: pong(3))])
    }

    @Test("late frames of unknown streams are skipped, bodies too, and the session goes on")
    func unknownStreams() {
        var server = Self.server()
        let input =
            wire(.data, [], 77, 5) + [1, 2, 3, 4, 5] + wire(.windowUpdate, [], 78, 100)
            + wire(.windowUpdate, .rst, 79, 0) + wire(.data, .fin, 80, 0) + wire(.ping, .syn, 0, 0)
        #expect(feed(&server, input) == [.ping(reply: pong(0))])
    }

    @Test("bytes that come after this side reset a stream are skipped")
    func resetWhileReceiving() {
        var server = Self.server()
        _ = feed(&server, wire(.data, .syn, 1, 10) + [1, 2, 3])
        #expect(server.reset(1) == .send(resetFrame(1)))
        #expect(feed(&server, [4, 5, 6, 7, 8, 9, 10] + wire(.ping, .syn, 0, 1)) == [.ping(reply: pong(1))])
    }

    // MARK: Session

    @Test("pings are answered with the same value, 0 included; answers are told, once each")
    func pings() {
        var client = Self.client()
        #expect(feed(&client, wire(.ping, .syn, 0, 0)) == [.ping(reply: pong(0))])
        #expect(!client.awaitsPong)
        #expect(hex(wire(client.pingFrame(5))) == "000200010000000000000005")
        #expect(client.awaitsPong)
        #expect(feed(&client, wire(.ping, .ack, 0, 4)) == [])
        #expect(client.awaitsPong)
        #expect(feed(&client, wire(.ping, .ack, 0, 5) + wire(.ping, .ack, 0, 5)) == [.pong])
        #expect(!client.awaitsPong)
    }

    @Test(
        "answers to pings that were never sent are passed over, but not for ever; a ping of ours begins the count anew")
    func unsolicitedPongs() {
        var limits = YamuxLimits()
        limits.maximumUnsolicitedPongs = 3
        var server = Self.server(limits)
        let pongs = (1...3).flatMap { wire(.ping, .ack, 0, UInt32($0)) }
        for _ in 0..<3 {
            #expect(feed(&server, pongs) == [])
            _ = server.pingFrame(7)
        }
        #expect(feed(&server, pongs) == [])
        let violation = YamuxSession.ReceiveAction.violation(
            .unsolicitedPongs(maximum: 3), goAway: YamuxSession.goAwayFrame(.protocolError))
        #expect(feed(&server, wire(.ping, .ack, 0, 0)) == [violation])
    }

    @Test("frames that carry nothing are taken, but not without end; a ping of ours begins the count anew")
    func emptyFrames() {
        var limits = YamuxLimits()
        limits.maximumEmptyFrames = 4
        let empty = [
            wire(.ping, .syn, 0, 1), wire(.windowUpdate, .rst, 9, 0), wire(.data, .rst, 9, 0), wire(.data, [], 1, 0),
            wire(.windowUpdate, [], 1, 0),
        ]
        for frame in empty {
            var server = Self.server(limits)
            _ = feed(&server, wire(.windowUpdate, .syn, 1, 0))
            for _ in 0..<2 {
                for _ in 0..<4 { _ = feed(&server, frame) }
                _ = server.pingFrame(1)
            }
            for _ in 0..<4 { _ = feed(&server, frame) }
            // What carries something does not count.
            #expect(feed(&server, wire(.windowUpdate, [], 1, 1)) == [.windowGrew(1)])
            #expect(
                feed(&server, frame) == [
                    .violation(.emptyFrames(maximum: 4), goAway: YamuxSession.goAwayFrame(.protocolError))
                ])
        }
    }

    @Test(
        "streams that end as they begin count as frames that carry nothing",
        arguments: [YamuxHeader.Kind.windowUpdate, .data])
    func streamsOfNothing(_ kind: YamuxHeader.Kind) {
        var limits = YamuxLimits()
        limits.maximumEmptyFrames = 4
        var server = Self.server(limits)
        for number in 0..<4 as Range<UInt32> {
            let id = 2 * number + 1
            #expect(feed(&server, wire(kind, [.syn, .fin], id, 0)).count == 2)
            _ = server.reset(id)
        }
        #expect(
            feed(&server, wire(kind, [.syn, .fin], 9, 0)) == [
                .violation(.emptyFrames(maximum: 4), goAway: YamuxSession.goAwayFrame(.protocolError))
            ])
    }

    @Test("resets of streams that were used, or that this side opened, do not count; those of others do")
    func resetsOfUsedStreams() throws {
        var limits = YamuxLimits()
        limits.maximumEmptyFrames = 4
        var server = Self.server(limits)
        for number in 0..<20 as Range<UInt32> {
            let id = 2 * number + 1
            _ = feed(&server, wire(.windowUpdate, .syn, id, 0) + wire(.data, [], id, 1) + [7])
            #expect(feed(&server, wire(.windowUpdate, .rst, id, 0)) == [.reset(id, code: 0)])
        }
        for _ in 0..<20 {
            let id = try Self.opened(&server)
            #expect(feed(&server, wire(.windowUpdate, .rst, id, 0)) == [.reset(id, code: 0)])
        }
        for number in 50..<54 as Range<UInt32> {
            let id = 2 * number + 1
            _ = feed(&server, wire(.windowUpdate, .syn, id, 0))
            #expect(feed(&server, wire(.windowUpdate, .rst, id, 0)) == [.reset(id, code: 0)])
        }
        #expect(
            feed(&server, wire(.data, [.syn, .rst], 201, 1) + [7]).contains(
                .violation(.emptyFrames(maximum: 4), goAway: YamuxSession.goAwayFrame(.protocolError))))
    }

    @Test("whoever waits for the answer to each ping may go on for ever")
    func patientPings() {
        var limits = YamuxLimits()
        limits.maximumEmptyFrames = 2
        var server = Self.server(limits)
        for value in 0..<100 as Range<UInt32> {
            server.beginRead()
            #expect(feed(&server, wire(.ping, .syn, 0, value)) == [.ping(reply: pong(value))])
        }
    }

    @Test("by default a window grows to 16 MiB, and all of a connection together by as much")
    func defaultGrowth() {
        var server = Self.server(YamuxLimits())
        _ = feed(&server, wire(.windowUpdate, .syn, 1, 0) + wire(.windowUpdate, .syn, 3, 0))
        var windows: [UInt32: Int] = [1: 262_144, 3: 262_144]
        for id in [1, 1, 1, 1, 1, 1, 1, 3, 3, 3] as [UInt32] {
            guard let window = windows[id] else { continue }
            let body = [UInt8](repeating: 1, count: window)
            _ = feed(&server, wire(.data, [], id, UInt32(window)) + body)
            server.consumed(id, count: window)
            guard case .send(let header) = server.credit(id, isFast: true) else { continue }
            windows[id] = Int(header.length)
        }
        #expect(windows == [1: 16_777_216, 3: 524_288])
    }

    @Test("after a go-away no stream is opened, and open ones go on")
    func goAway() throws {
        var client = Self.client()
        let id = try Self.opened(&client)
        #expect(feed(&client, wire(.goAway, [], 0, 0)) == [.goAway(.normal)])
        #expect(client.open() == .refused(.goingAway))
        #expect(client.send(id, upTo: 1) == .frame(YamuxHeader(kind: .data, streamID: id, length: 1)))
        #expect(feed(&client, wire(.goAway, [], 0, 2)) == [.goAway(.internalError)])
    }

    // MARK: Delivery

    @Test("one byte at a time is the same as all at once")
    func drip() {
        let input =
            wire(.windowUpdate, .syn, 1, 7) + wire(.data, [], 1, 4) + [1, 2, 3, 4] + wire(.ping, .syn, 0, 6)
            + wire(.data, .syn, 3, 0) + wire(.data, .fin, 1, 1) + [5] + wire(.goAway, [], 0, 0)
        var whole = Self.server()
        let expected = feed(&whole, input).filter { if case .data = $0 { false } else { true } }
        var dripped = Self.server()
        var actions: [Action] = []
        var received: [UInt8] = []
        for byte in input {
            for action in feed(&dripped, [byte]) {
                if case .data(1, let range) = action {
                    #expect(range == 0..<1)
                    received.append(byte)
                } else {
                    actions.append(action)
                }
            }
        }
        #expect(actions == expected)
        #expect(received == [1, 2, 3, 4, 5])
    }

    @Test("random bytes and random frames never trap, and leave a session within its limits")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        var limits = YamuxLimits()
        limits.maximumInboundStreams = 8
        for _ in 0..<3000 {
            var server = Self.server(limits)
            for _ in 0..<Int.random(in: 1...30, using: &generator) {
                let header = YamuxHeader(
                    version: UInt8.random(in: 0...20, using: &generator) == 0 ? 1 : 0,
                    kind: YamuxHeader.Kind(rawValue: UInt8.random(in: 0...3, using: &generator)),
                    flags: YamuxHeader.Flags(rawValue: UInt16.random(in: 0...15, using: &generator)),
                    streamID: UInt32.random(in: 0...9, using: &generator),
                    length: Bool.random(using: &generator)
                        ? UInt32.random(in: 0...40, using: &generator)
                        : UInt32.random(in: 0...UInt32.max, using: &generator))
                let body = [UInt8](repeating: 0, count: Int.random(in: 0...50, using: &generator))
                _ = feed(&server, wire(header) + body)
                server.consumed(header.streamID, count: body.count)
                _ = server.credit(header.streamID, isFast: Bool.random(using: &generator))
            }
            #expect(server.streamCount <= 8, "seed \(seed)")
        }
    }
}

// MARK: Helpers

/// A header on the wire.
func wire(_ header: YamuxHeader) -> [UInt8] {
    let (first, second) = header.words
    return withUnsafeBytes(of: first.bigEndian) { Array($0) } + withUnsafeBytes(of: second.bigEndian) { Array($0) }
}

func wire(
    _ kind: YamuxHeader.Kind, _ flags: YamuxHeader.Flags, _ streamID: UInt32, _ length: UInt32
) -> [UInt8] {
    wire(YamuxHeader(kind: kind, flags: flags, streamID: streamID, length: length))
}

private func acknowledgement(_ id: UInt32) -> YamuxHeader {
    YamuxHeader(kind: .windowUpdate, flags: .ack, streamID: id, length: 0)
}

private func resetFrame(_ id: UInt32) -> YamuxHeader {
    YamuxHeader(kind: .windowUpdate, flags: .rst, streamID: id, length: 0)
}

private func pong(_ value: UInt32) -> YamuxHeader {
    YamuxHeader(kind: .ping, flags: .ack, streamID: 0, length: value)
}

/// Everything a session says to some bytes.
private func feed(_ session: inout YamuxSession, _ input: [UInt8]) -> [YamuxSession.ReceiveAction] {
    var actions: [YamuxSession.ReceiveAction] = []
    var offset = 0
    while true {
        let action = input.withUnsafeBytes { session.receive($0, at: &offset) }
        if action == .needMore { return actions }
        actions.append(action)
    }
}

/// Sends until the window is empty.
private func sendAll(_ session: inout YamuxSession, _ id: UInt32) -> Int {
    var total = 0
    while case .frame(let header) = session.send(id, upTo: Int.max) {
        total += Int(header.length)
    }
    return total
}
