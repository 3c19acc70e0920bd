import PeerProtocols

extension FuzzTarget {
    /// What a peer's bytes meet before anything else at a WebSocket: the HTTP message that begins it, and frames. The
    /// first byte of an input says how large the pieces are in which the rest arrives.
    static let webSocket: [FuzzTarget] = [
        FuzzTarget("websocket-request", seeds: [[255] + WebSocketHandshake(request, maximumHead: 1_024).start()]) {
            bytes in
            let piece = bytes.first.map(Int.init) ?? 1
            let server = { WebSocketHandshake(maximumHead: 1_024) }
            check(
                shakeHands(bytes, server, .max) == shakeHands(bytes, server, piece), "the answer depends on the pieces")
        },
        FuzzTarget(
            "websocket-response",
            seeds: [
                [255] + WebSocketHandshake.response(accept: request.accept) + [0x82, 1, 7],
                [9] + Array("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n".utf8),
            ]
        ) { bytes in
            let piece = bytes.first.map(Int.init) ?? 1
            let client = { WebSocketHandshake(request, maximumHead: 1_024) }
            check(
                shakeHands(bytes, client, .max) == shakeHands(bytes, client, piece), "the answer depends on the pieces")
        },
        // A message in two frames with a ping between them, a masked message, a close.
        FuzzTarget(
            "websocket-frames",
            seeds: [
                [255, 0x02, 1, 7, 0x89, 1, 8, 0x80, 0, 0x88, 2, 0x03, 0xe8],
                [3, 0x82, 0x83, 1, 2, 3, 4, 5, 6, 7, 0x82, 0xfe, 0, 126, 1, 2, 3, 4],
            ]
        ) { bytes in
            let piece = bytes.first.map(Int.init) ?? 1
            for expectsMask in [false, true] {
                let whole = readFrames(bytes, expectsMask, .max)
                check(whole == readFrames(bytes, expectsMask, piece), "the frames depend on the pieces")
            }
        },
    ]

    private static let request = WebSocketHandshake.Request(
        host: "127.0.0.1:4001", path: "/", key: "dGhlIHNhbXBsZSBub25jZQ==", accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    /// How a handshake ends. The reason of a failure is left out: it quotes what had arrived by then.
    private enum End: Equatable {
        case none
        case agreed
        case answered([UInt8])
        case failed
    }

    private static func shakeHands(_ bytes: [UInt8], _ make: () -> WebSocketHandshake, _ piece: Int) -> End {
        var handshake = make()
        var end = End.none
        feed(bytes, piece: piece) { piece, offset in
            switch handshake.receive(piece, at: &offset) {
            case .needMore:
                check(offset == piece.count, "bytes were left")
                return true
            case .agreed: end = .agreed
            case .answer(let key):
                check(key.count == 24, "a key of another length")
                end = .answered(key)
            case .fail(let error, _):
                check(!error.description.isEmpty, "an error without words")
                end = .failed
            }
            return false
        }
        return end
    }

    /// What came out of the frames: payloads joined, since they come in the pieces of the input.
    private struct Frames: Equatable {
        var payload: [UInt8] = []
        var others: [WebSocketFrameReader.Action] = []
    }

    private static func readFrames(_ bytes: [UInt8], _ expectsMask: Bool, _ piece: Int) -> Frames {
        var reader = WebSocketFrameReader(expectsMask: expectsMask, maximumFrame: 100_000)
        var frames = Frames()
        feed(bytes, piece: piece) { piece, offset in
            while true {
                let before = offset
                let action = reader.receive(piece, at: &offset)
                switch action {
                case .needMore:
                    check(offset == piece.count, "bytes were left")
                    return true
                case .payload(let range, let mask):
                    check(range.lowerBound >= before && range.upperBound == offset && !range.isEmpty, "bytes outside")
                    frames.payload += unmask(UnsafeRawBufferPointer(rebasing: piece[range]), mask)
                default:
                    check(offset > before, "an action from no byte")
                    frames.others.append(action)
                }
            }
        }
        return frames
    }

    private static func unmask(_ bytes: UnsafeRawBufferPointer, _ mask: WebSocketMask?) -> [UInt8] {
        guard let mask else { return Array(bytes) }
        var plain = [UInt8](repeating: 0, count: bytes.count)
        plain.withUnsafeMutableBytes { mask.copy(bytes, to: $0) }
        return plain
    }
}
