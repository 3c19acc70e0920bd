import PeerTransport
import WireCodec

/// Reads what a peer answers on a stream, one message after another.
struct KademliaAnswers {
    private let stream: any ByteStream
    private static let limits = WireLimits.kademliaAnswers
    private var decoder = FrameDecoder(maximumLength: limits.kademliaMessageBytes)
    private var frames = Fifo<[UInt8]>()
    private let share: AnswerRoom.Share

    init(on stream: any ByteStream, within room: AnswerRoom) {
        self.stream = stream
        share = AnswerRoom.Share(of: room)
    }

    /// The next message; nil when the stream has ended.
    mutating func next() async throws(TransportError) -> KademliaMessage? {
        while frames.isEmpty {
            guard let bytes = try await stream.read(upTo: 16_384) else { return nil }
            do throws(FrameError) {
                for frame in try decoder.feed(bytes) { frames.append(frame) }
            } catch {
                throw TransportError(.protocolViolation, "\(error)")
            }
            guard share.hold(decoder.allocatedBytes) else {
                throw TransportError(
                    .limitExceeded, "long answers of other nodes take all the room that there is for them")
            }
        }
        guard let frame = frames.popFirst() else { return nil }
        do throws(WireError) {
            return try KademliaMessage(decoding: frame, limits: Self.limits)
        } catch {
            throw TransportError(.protocolViolation, "\(error)")
        }
    }

    /// Checks that nothing came behind the last message, so that the stream can be used again.
    func end() throws(TransportError) {
        guard frames.isEmpty, decoder.pendingBytes == 0 else {
            throw TransportError(.protocolViolation, "expected one answer, found more bytes after it")
        }
    }
}
