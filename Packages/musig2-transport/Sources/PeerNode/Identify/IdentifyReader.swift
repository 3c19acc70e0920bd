import WireCodec

/// Puts an identify message together from the bytes of a stream: a sender may split it over several (libp2p identify
/// specification), each behind its length.
struct IdentifyReader {
    /// The most bytes of all messages, lengths included.
    static let maximumBytes = 8 << 10
    /// The most messages.
    static let maximumMessages = 10

    private var frames = FrameDecoder(maximumLength: maximumBytes)
    private var message: Identify?
    private var messages = 0
    private var bytes = 0

    /// Takes the next bytes of the stream.
    mutating func feed(_ chunk: [UInt8]) throws(IdentifyError) {
        bytes += chunk.count
        guard bytes <= Self.maximumBytes else { throw .tooLong(limit: Self.maximumBytes) }
        let complete: [[UInt8]]
        do throws(FrameError) {
            complete = try frames.feed(chunk)
        } catch {
            if case .tooLong = error { throw .tooLong(limit: Self.maximumBytes) }
            throw .framing(error)
        }
        for frame in complete {
            messages += 1
            guard messages <= Self.maximumMessages else { throw .tooManyMessages(limit: Self.maximumMessages) }
            do throws(WireError) {
                let part = try Identify(decoding: frame)
                if message == nil { message = part } else { message?.merge(part) }
            } catch {
                throw .malformed(error)
            }
        }
    }

    /// The stream has ended.
    ///
    /// - Returns: All that the messages say together.
    mutating func finish() throws(IdentifyError) -> Identify {
        do throws(FrameError) {
            try frames.finish()
        } catch {
            throw .framing(error)
        }
        guard let message else { throw .nothing }
        return message
    }
}
