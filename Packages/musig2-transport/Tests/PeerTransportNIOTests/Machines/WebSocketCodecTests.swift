import PeerTransport
import Testing

@testable import PeerProtocols
@testable import PeerTransportNIO

@Suite("WebSocket frames")
struct WebSocketFrameTests {
    private struct Read: Equatable {
        var payload: [UInt8] = []
        var others: [WebSocketFrameReader.Action] = []
    }

    private static func read(
        _ bytes: [UInt8], expectsMask: Bool = false, maximumFrame: Int = 1000, piece: Int = 1_000_000
    ) -> Read {
        var reader = WebSocketFrameReader(expectsMask: expectsMask, maximumFrame: maximumFrame)
        var read = Read()
        var start = 0
        while start < bytes.count {
            let part = Array(bytes[start..<min(bytes.count, start + piece)])
            start += part.count
            var offset = 0
            while true {
                let action = part.withUnsafeBytes { reader.receive($0, at: &offset) }
                guard action != .needMore else { break }
                guard case .payload(let range, let mask) = action else {
                    read.others.append(action)
                    continue
                }
                var plain = Array(part[range])
                if let mask {
                    part[range].withUnsafeBytes { source in plain.withUnsafeMutableBytes { mask.copy(source, to: $0) } }
                }
                read.payload += plain
            }
        }
        return read
    }

    @Test("the examples of RFC 6455, section 5.7")
    func examples() {
        let hello = Array("Hello".utf8)
        // Its examples are text; the frame type is ours.
        #expect(Self.read(bytes("820548656c6c6f")) == Read(payload: hello))
        #expect(Self.read(bytes("828537fa213d7f9f4d5158"), expectsMask: true) == Read(payload: hello))
        #expect(Self.read(bytes("020348656c80026c6f")) == Read(payload: hello))
        #expect(Self.read(bytes("890548656c6c6f")) == Read(others: [.ping(hello)]))
        #expect(Self.read(bytes("8a8537fa213d7f9f4d5158"), expectsMask: true) == Read())
        let long = (0..<256).map { UInt8($0) }
        #expect(Self.read(bytes("827e0100") + long) == Read(payload: long))
        let longer = [UInt8](repeating: 7, count: 65_536)
        #expect(Self.read(bytes("827f0000000000010000") + longer, maximumFrame: 65_536) == Read(payload: longer))
    }

    @Test("what is written is read, of every length at the borders, with a mask and without, in any pieces")
    func roundTrip() {
        for count in [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 70_001] {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
            for mask in [nil, 0, 0x0102_0304, UInt32.max] as [UInt32?] {
                let frame = RawPeer.message(payload, mask: mask)
                let header = count < 126 ? 2 : count < 65_536 ? 4 : 10
                #expect(frame.count == header + (mask == nil ? 0 : 4) + count)
                for piece in [1, 3, 1000, 100_000] {
                    let read = Self.read(frame, expectsMask: mask != nil, maximumFrame: 100_000, piece: piece)
                    #expect(read == Read(payload: payload), "\(count) bytes in pieces of \(piece)")
                }
            }
        }
    }

    @Test("a mask goes on where it was, at whatever place the bytes are cut")
    func mask() {
        let mask = WebSocketMask(key: 0x1234_5678)
        let zeros = [UInt8](repeating: 0, count: 40)
        func masked(_ mask: WebSocketMask, _ count: Int) -> [UInt8] {
            var target = [UInt8](repeating: 0, count: count)
            zeros.prefix(count).withUnsafeBytes { source in
                target.withUnsafeMutableBytes { mask.copy(source, to: $0) }
            }
            return target
        }
        let whole = masked(mask, 40)
        for cut in 0...40 {
            #expect(masked(mask, cut) + masked(mask.advanced(by: cut), 40 - cut) == whole)
        }
    }

    @Test("no mask comes twice, however many are drawn")
    func masks() {
        var (one, two) = (WebSocketMasks(), WebSocketMasks())
        let drawn = (0..<100).flatMap { _ in [one.next().key, two.next().key] }
        // Of 200 among 2^32 two are alike once in 200,000 times.
        #expect(Set(drawn).count >= 199)
    }

    @Test("pings and closes may stand between the pieces of a message; nothing is read behind a close")
    func controls() {
        let stream = bytes("020141" + "89024142" + "000142" + "8800" + "820143")
        #expect(Self.read(stream) == Read(payload: [0x41, 0x42], others: [.ping([0x41, 0x42]), .close(nil)]))
        for (frame, code) in [("880203e8", 1000), ("880403e96f6b", 1001), ("88020bb8", 3000)] as [(String, UInt16)] {
            #expect(Self.read(bytes(frame)) == Read(others: [.close(code)]))
        }
    }

    @Test(
        "frames that break a rule end the connection, with the code that the rule asks for",
        arguments: [
            ("c20141", .reservedBits, 1002), ("920141", .reservedBits, 1002),
            ("810141", .unexpectedKind(found: 1), 1003), ("830141", .unexpectedKind(found: 3), 1002),
            ("8b0141", .unexpectedKind(found: 11), 1002), ("828137fa213d76", .wrongMasking(expected: false), 1002),
            ("090141", .oversizedControl, 1002), ("897e0080", .oversizedControl, 1002),
            ("827e0005", .malformedLength, 1002), ("827f000000000000ffff", .malformedLength, 1002),
            ("827f8000000000000000", .malformedLength, 1002), ("827fffffffffffffffff", .malformedLength, 1002),
            ("827e03e9", .frameTooLarge(maximum: 1000), 1009),
            ("827f7fffffffffffffff", .frameTooLarge(maximum: 1000), 1009), ("800141", .nothingToContinue, 1002),
            ("020141820142", .unfinishedMessage, 1002), ("880141", .malformedClose, 1002),
            ("880203ed", .malformedClose, 1002), ("88020000", .malformedClose, 1002),
        ] as [(String, WebSocketError, UInt16)])
    func violations(_ frame: String, _ error: WebSocketError, _ code: UInt16) {
        for piece in [1, 100] {
            // What follows is not looked at.
            let read = Self.read(bytes(frame + "8200"), piece: piece)
            #expect(read.others == [.violation(error)])
        }
        #expect(error.closeCode == code)
        #expect(!error.description.isEmpty)
    }

    @Test("a client that does not mask is refused")
    func unmasked() {
        #expect(
            Self.read(bytes("820141"), expectsMask: true)
                == Read(others: [.violation(.wrongMasking(expected: true))]))
    }

    @Test("random bytes: a reader says what it holds, or that a rule was broken, however they come")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                stream += [
                    [0x82, 0x02, 0x89, 0x80, 0x88, UInt8.random(in: 0...255, using: &generator)]
                        .randomElement(using: &generator) ?? 0
                ]
                stream += (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                    UInt8.random(in: 0...12, using: &generator)
                }
            }
            let whole = Self.read(stream)
            #expect(Self.read(stream, piece: 1) == whole, "seed \(seed)")
        }
    }
}

@Suite("WebSocket handshakes")
struct WebSocketHandshakeTests {
    private static let request = WebSocketHandshake.Request(
        host: "server.example.com:80", path: "/chat", key: "dGhlIHNhbXBsZSBub25jZQ==",
        accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    private static func lines(_ lines: [String]) -> [UInt8] {
        Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static let fields = [
        "Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    ]

    private static func serve(_ bytes: [UInt8], maximumHead: Int = 8192) -> (WebSocketHandshake.Action, left: Int) {
        var handshake = WebSocketHandshake(maximumHead: maximumHead)
        var offset = 0
        let action = bytes.withUnsafeBytes { handshake.receive($0, at: &offset) }
        return (action, bytes.count - offset)
    }

    private static func ask(_ bytes: [UInt8]) -> (WebSocketHandshake.Action, left: Int) {
        var handshake = WebSocketHandshake(Self.request, maximumHead: 8192)
        var offset = 0
        let action = bytes.withUnsafeBytes { handshake.receive($0, at: &offset) }
        return (action, bytes.count - offset)
    }

    @Test("the key of RFC 6455, section 1.3")
    func key() {
        #expect(WebSocketKeys.accept(key: Array("dGhlIHNhbXBsZSBub25jZQ==".utf8)) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        let one = WebSocketKeys.request(host: "a", path: "/")
        #expect(one.key.utf8.count == 24)
        #expect(one.key != WebSocketKeys.request(host: "a", path: "/").key)
    }

    @Test("both sides agree, byte by byte or with frames right behind")
    func agree() {
        var client = WebSocketHandshake(Self.request, maximumHead: 8192)
        let (action, left) = Self.serve(client.start() + [1, 2, 3])
        #expect(action == .answer(key: Array(Self.request.key.utf8)))
        #expect(left == 3)
        let response = WebSocketHandshake.response(accept: Self.request.accept)
        #expect(Self.ask(response + [0x82, 0x14]) == (.agreed, 2))
        for (index, byte) in response.enumerated() {
            var offset = 0
            let action = [byte].withUnsafeBytes { client.receive($0, at: &offset) }
            #expect(action == (index == response.count - 1 ? .agreed : .needMore))
        }
    }

    @Test("a browser's request, and one that a proxy has passed on")
    func tolerated() {
        let browser = Self.lines(
            ["GET /any/path?query HTTP/1.1", "Origin: https://example.org", "Cookie: a=b", "User-Agent: x\ty"]
                + ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: a, b", "Content-Length: 0"]
                + ["hOsT:server", "UPGRADE: WebSocket", "connection:  keep-alive ,  UPGRADE "] + Self.fields[3...])
        #expect(Self.serve(browser).0 == .answer(key: Array(Self.request.key.utf8)))
    }

    @Test(
        "requests that are refused, and with which status",
        arguments: [
            (0, "POST / HTTP/1.1", "400"), (0, "GET / HTTP/1.0", "400"), (0, "GET /", "400"),
            (0, "GET  HTTP/1.1", "400"), (1, "", "400"), (1, "Host: a\r\nHost: b", "400"),
            (2, "Upgrade: h2c", "426"), (3, "Connection: close", "400"),
            (4, "Sec-WebSocket-Key: short", "400"), (4, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ!=", "400"),
            (4, "", "400"), (5, "Sec-WebSocket-Version: 8", "426"), (5, "No colon", "400"), (5, ": no name", "400"),
            (5, "Bad name: x", "400"), (5, "Sec-WebSocket-Version: 13\r\nTransfer-Encoding: chunked", "400"),
            (5, "Sec-WebSocket-Version: 13\r\nContent-Length: 5", "400"),
            (5, "Sec-WebSocket-Version: 13\nX: y", "400"), (5, "X: \u{1}", "400"),
        ] as [(Int, String, String)])
    func refused(_ line: Int, _ text: String, _ status: String) {
        var lines = ["GET / HTTP/1.1"] + Self.fields
        lines[line] = text
        guard case .fail(let error, let reply) = Self.serve(Self.lines(lines.filter { !$0.isEmpty })).0 else {
            Issue.record("expected a refusal")
            return
        }
        #expect(!error.description.isEmpty)
        // What is no HTTP at all is answered like any other bad request.
        #expect(String(decoding: reply, as: UTF8.self).hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test("a peer of another kind is refused at its first byte, and a head without end at the limit")
    func others() {
        let multistream = MultistreamMessage.encode(MultistreamMessage.header)
        guard case .fail(.notHTTP("GET ", _), _) = Self.serve(multistream).0 else {
            Issue.record("expected notHTTP")
            return
        }
        guard case .fail(.notHTTP("HTTP/1.1 ", _), let reply) = Self.ask(multistream).0 else {
            Issue.record("expected notHTTP")
            return
        }
        #expect(reply == [])
        let endless = Array("GET / HTTP/1.1\r\n".utf8) + [UInt8](repeating: 0x41, count: 1000)
        #expect(Self.serve(endless, maximumHead: 1016).0 == .needMore)
        guard case .fail(.headTooLarge(1015), let reply) = Self.serve(endless, maximumHead: 1015).0 else {
            Issue.record("expected headTooLarge")
            return
        }
        #expect(String(decoding: reply, as: UTF8.self).hasPrefix("HTTP/1.1 431 "))
    }

    @Test(
        "answers that a client does not take",
        arguments: [
            (["HTTP/1.1 404 Not Found"], .refused(status: "404 Not Found")),
            (
                ["HTTP/1.1 101 x", "Connection: Upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
                .wrongField(name: "upgrade", expected: "websocket", found: "")
            ),
            (
                ["HTTP/1.1 101 x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: other"],
                .wrongField(
                    name: "sec-websocket-accept", expected: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", found: "other")
            ),
            (
                [
                    "HTTP/1.1 101 x", "Upgrade: websocket", "Connection: Upgrade",
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                    "Sec-WebSocket-Extensions: permessage-deflate",
                ], .wrongField(name: "sec-websocket-extensions", expected: "none", found: "permessage-deflate")
            ),
        ] as [([String], WebSocketError)])
    func answers(_ lines: [String], _ error: WebSocketError) {
        #expect(Self.ask(Self.lines(lines)).0 == .fail(error, reply: []))
    }
}
