import PeerProtocols

extension FuzzTarget {
    /// What a peer's bytes meet first: the negotiation of protocols, and the streams of a connection. The first byte
    /// of an input says how large the pieces are in which the rest arrives.
    static let transport: [FuzzTarget] = [
        FuzzTarget("multistream-listener", seeds: [[255] + spoken("/multistream/1.0.0") + spoken("/noise")]) { bytes in
            let whole = listen(bytes, piece: .max)
            check(whole == listen(bytes, piece: bytes.first.map(Int.init) ?? 1), "the answer depends on the pieces")
        },
        FuzzTarget(
            "multistream-initiator",
            seeds: [
                [255] + spoken("/multistream/1.0.0") + spoken("na") + spoken("/noise"),
                [1] + spoken("/multistream/1.0.0") + spoken("/tls/1.0.0"),
            ]
        ) { bytes in
            let whole = propose(bytes, piece: .max)
            check(whole == propose(bytes, piece: bytes.first.map(Int.init) ?? 1), "the answer depends on the pieces")
        },
        FuzzTarget("noise-frames", seeds: [[1, 0, 3, 1, 2, 3], [255, 0, 0, 0, 1, 9]]) { bytes in
            let whole = readNoise(bytes, piece: .max)
            check(whole == readNoise(bytes, piece: bytes.first.map(Int.init) ?? 1), "the frames depend on the pieces")
        },
        // Open a stream with 3 bytes, grant it credit, close it; ping; go away.
        FuzzTarget(
            "yamux",
            seeds: [
                [255, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]
                    + [0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0] + [0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0],
                [2, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5] + [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ]
        ) { bytes in
            runYamux(bytes, role: .server)
            runYamux(bytes, role: .client)
        },
    ]

    private static func spoken(_ text: String) -> [UInt8] { MultistreamMessage.encode(text) }

    /// Hands a stream over in pieces, the first byte left out, until `take` returns false.
    static func feed(
        _ bytes: [UInt8], piece: Int, _ take: (UnsafeRawBufferPointer, inout Int) -> Bool
    ) {
        let stream = Array(bytes.dropFirst())
        var start = 0
        while start < stream.count {
            let end = min(stream.count, start + max(1, min(piece, stream.count)))
            let goesOn = stream[start..<end].withUnsafeBytes { piece in
                var offset = 0
                let goesOn = take(piece, &offset)
                check((0...piece.count).contains(offset), "an offset outside of the bytes")
                return goesOn
            }
            guard goesOn else { return }
            start = end
        }
    }

    /// What is said and how it ends. The reason of a failure is left out: it quotes what had arrived by then.
    private struct Talk: Equatable {
        var sent: [[UInt8]] = []
        var agreed: String?
        var failed = false
    }

    private static func listen(_ bytes: [UInt8], piece: Int) -> Talk {
        var listener = MultistreamListener(maximumLength: 1_024, maximumProposals: 8)
        var talk = Talk()
        feed(bytes, piece: piece) { piece, offset in
            while true {
                switch listener.receive(piece, at: &offset, isSpoken: { $0 == "/noise" }) {
                case .waitForMore:
                    return true
                case .send(let bytes):
                    talk.sent.append(bytes)
                case .agreed(let name, let reply):
                    talk.sent.append(reply)
                    talk.agreed = name
                    return false
                case .failed:
                    talk.failed = true
                    return false
                }
                check(talk.sent.count <= 8, "more answers than proposals are allowed")
            }
        }
        return talk
    }

    private static func propose(_ bytes: [UInt8], piece: Int) -> Talk {
        var initiator = MultistreamInitiator(proposals: ["/tls/1.0.0", "/noise"], maximumLength: 1_024)
        var talk = Talk()
        feed(bytes, piece: piece) { piece, offset in
            while true {
                switch initiator.receive(piece, at: &offset) {
                case .waitForMore:
                    return true
                case .send(let bytes):
                    talk.sent.append(bytes)
                case .agreed(let name):
                    talk.agreed = name
                    return false
                case .failed:
                    talk.failed = true
                    return false
                }
                check(talk.sent.count <= 1, "more proposals than there are")
            }
        }
        return talk
    }

    private static func readNoise(_ bytes: [UInt8], piece: Int) -> [[UInt8]] {
        var reader = NoiseMessageReader()
        var messages: [[UInt8]] = []
        feed(bytes, piece: piece) { piece, offset in
            while let message = reader.next(piece, at: &offset) {
                messages.append(message)
            }
            check(offset == piece.count, "bytes were left")
            return true
        }
        return messages
    }

    /// Runs one side of a connection that opens a stream itself and takes all that comes.
    private static func runYamux(_ bytes: [UInt8], role: YamuxSession.Role) {
        var limits = YamuxLimits()
        limits.maximumInboundStreams = 4
        limits.maximumOutboundStreams = 4
        var session = YamuxSession(role: role, limits: limits)
        _ = session.open()
        feed(bytes, piece: bytes.first.map(Int.init) ?? 1) { piece, offset in
            // No frame is shorter than a header, and no frame asks for more than a handful of actions.
            var steps = 0
            while true {
                steps += 1
                check(steps <= 8 * piece.count + 8, "no end of actions")
                let action = session.receive(piece, at: &offset)
                check(session.streamCount <= 8, "more streams than the limits allow")
                switch action {
                case .needMore:
                    check(offset == piece.count, "bytes were left")
                    return true
                case .violation:
                    return false
                case .data(let stream, let range):
                    check(range.lowerBound >= 0 && range.upperBound <= piece.count, "data outside of the bytes")
                    session.consumed(stream, count: range.count)
                    _ = session.credit(stream, isFast: true)
                case .opened(let stream, _):
                    _ = session.send(stream, upTo: 1_000)
                case .remoteClosed(let stream):
                    _ = session.closeWrite(stream)
                default:
                    break
                }
            }
        }
    }
}
