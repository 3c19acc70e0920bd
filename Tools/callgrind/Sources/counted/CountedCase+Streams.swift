import PeerProtocols

extension CountedCase {
    /// One data frame of yamux either way, and agreeing on the protocol of a stream.
    static var streams: [CountedCase] {
        [
            CountedCase("yamux: send a data frame") {
                var (client, _, id) = try Self.sessions()
                let credit = Self.bytes(
                    YamuxHeader(kind: .windowUpdate, streamID: id, length: UInt32(Self.payload.count)))
                // The window is given back in the same run, so that no run finds it empty.
                return {
                    guard case .frame(let header) = client.send(id, upTo: Self.payload.count) else {
                        throw Failure("yamux sends nothing")
                    }
                    use(header.words)
                    guard case .windowGrew(id) = try Self.receive(credit, by: &client) else {
                        throw Failure("yamux takes no credit")
                    }
                }
            },
            CountedCase("yamux: receive a data frame") {
                var (_, server, id) = try Self.sessions()
                let header = YamuxHeader(kind: .data, streamID: id, length: UInt32(Self.payload.count))
                let frame = Self.bytes(header) + Self.payload
                return {
                    guard case .data(id, let range) = try Self.receive(frame, by: &server) else {
                        throw Failure("yamux receives nothing")
                    }
                    server.consumed(id, count: range.count)
                    use(server.credit(id, isFast: false))
                }
            },
            CountedCase("multistream: agree on a protocol") { { try Self.negotiate() } },
        ]
    }

    private static let payload = [UInt8](repeating: 7, count: 1_024)

    /// Two sessions with a stream between them.
    private static func sessions() throws -> (client: YamuxSession, server: YamuxSession, id: UInt32) {
        var client = YamuxSession(role: .client, limits: YamuxLimits())
        var server = YamuxSession(role: .server, limits: YamuxLimits())
        guard case .opened(let id, let opening) = client.open(),
            case .opened(id, let accepting) = try Self.receive(Self.bytes(opening), by: &server),
            case .acknowledged(id) = try Self.receive(Self.bytes(accepting), by: &client)
        else { throw Failure("yamux opens no stream") }
        return (client, server, id)
    }

    private static func receive(
        _ bytes: [UInt8], by session: inout YamuxSession
    ) throws -> YamuxSession.ReceiveAction {
        try bytes.withUnsafeBytes { bytes in
            var offset = 0
            let action = session.receive(bytes, at: &offset)
            // What is left of the frame: its end.
            guard case .needMore = session.receive(bytes, at: &offset) else {
                throw Failure("yamux: more than a frame")
            }
            return action
        }
    }

    private static func bytes(_ header: YamuxHeader) -> [UInt8] {
        let (first, second) = header.words
        return withUnsafeBytes(of: first.bigEndian) { Array($0) } + withUnsafeBytes(of: second.bigEndian) { Array($0) }
    }

    /// Both sides of the negotiation of a stream, of which the dialler speaks first.
    private static func negotiate() throws {
        var initiator = MultistreamInitiator(proposals: ["/musig2-p2p/1.0.0"], maximumLength: 1_024)
        var listener = MultistreamListener(maximumLength: 1_024, maximumProposals: 64)
        let question = initiator.start()
        var answer = listener.start()
        let agreed = question.withUnsafeBytes { bytes in
            var offset = 0
            return listener.receive(bytes, at: &offset) { $0 == "/musig2-p2p/1.0.0" }
        }
        guard case .agreed(_, let reply) = agreed else { throw Failure("multistream: the listener does not agree") }
        answer += reply
        let action = answer.withUnsafeBytes { bytes in
            var offset = 0
            return initiator.receive(bytes, at: &offset)
        }
        guard case .agreed = action else { throw Failure("multistream: the initiator does not agree") }
    }
}
