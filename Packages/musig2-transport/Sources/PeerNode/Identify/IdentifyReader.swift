import WireCodec

/// Puts an identify message together from the bytes of a stream: a sender may split it over several (libp2p identify
/// specification), each behind its length.
struct IdentifyReader {
    /// The most bytes of one message.
    static let maximumBytes = WireLimits.standard.identifyBytes
    /// The most messages.
    static let maximumMessages = 10

    private var frames = FrameDecoder(maximumLength: maximumBytes)
    private var message: Identify?
    private var messages = 0

    /// Takes the next bytes of the stream.
    mutating func feed(_ chunk: [UInt8]) throws(IdentifyError) {
        frames.append(chunk)
        while let frame = try nextFrame() {
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

    private mutating func nextFrame() throws(IdentifyError) -> [UInt8]? {
        do throws(FrameError) {
            return try frames.next()
        } catch {
            if case .tooLong = error { throw .tooLong(limit: Self.maximumBytes) }
            throw .framing(error)
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
