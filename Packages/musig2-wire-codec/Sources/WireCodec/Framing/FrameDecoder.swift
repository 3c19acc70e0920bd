public import Multiformats

/// Why a stream of frames cannot be read any further.
public enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The length is not a proper varint.
    case invalidLength(VarintError)
    /// A frame longer than the limit.
    case tooLong(limit: Int, found: UInt64)
    /// A frame without content where none is allowed.
    case empty
    /// The stream ended inside a frame.
    case truncated

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .invalidLength(let error): "frame: length is not a \(error)"
        case .tooLong(let limit, let found): "frame: expected at most \(limit) bytes, found \(found)"
        case .empty: "frame: empty"
        case .truncated: "frame: the stream ended inside a frame"
        }
    }
}

/// Cuts a stream of bytes into frames: varint length, then that many bytes.
///
/// However the bytes are cut into chunks, the frames are the same. Between two calls the decoder holds at most one
/// incomplete frame of what has *arrived*: a length alone reserves nothing. After an error the stream is lost, and
/// every later call throws the same error.
public struct FrameDecoder: Sendable {
    /// The longest frame, in bytes, without its length.
    public let maximumLength: Int
    /// Whether a frame of no bytes is passed on instead of refused.
    public let allowsEmptyFrames: Bool

    /// What has arrived and was not returned, lengths included, behind what was.
    private var pending: [UInt8] = []
    private var offset = 0
    private var failure: FrameError?

    /// Makes a decoder.
    /// - Parameters:
    ///   - maximumLength: the longest frame, in bytes.
    ///   - allowsEmptyFrames: whether frames of no bytes are legal; they cost their receiver more than their sender.
    public init(maximumLength: Int, allowsEmptyFrames: Bool = false) {
        self.maximumLength = maximumLength
        self.allowsEmptyFrames = allowsEmptyFrames
    }

    /// The number of bytes held of frames that were not returned: after ``feed(_:)`` of one that is not complete.
    public var pendingBytes: Int { pending.count - offset }

    /// The number of bytes of memory that is taken for them: more, since room is made for more than has come.
    public var allocatedBytes: Int { pending.capacity }

    /// Takes the next chunk of the stream, of any length.
    /// - Returns: the frames that are complete now, in order, without their lengths.
    /// - Throws: ``FrameError``; frames that were complete before the fault in the same chunk are lost with it.
    public mutating func feed(_ chunk: [UInt8]) throws(FrameError) -> [[UInt8]] {
        append(chunk)
        var frames: [[UInt8]] = []
        while let frame = try next() { frames.append(frame) }
        return frames
    }

    /// Takes the next chunk of the stream, of any length; ``next()`` returns its frames one by one: for those that may have to
    /// wait with some of them.
    public mutating func append(_ chunk: [UInt8]) {
        guard failure == nil else { return }
        if pending.isEmpty {
            pending = chunk
        } else {
            dropReturned()
            pending.append(contentsOf: chunk)
        }
    }

    /// The next frame.
    /// - Returns: its content without its length; nil when no frame is complete.
    /// - Throws: ``FrameError``.
    public mutating func next() throws(FrameError) -> [UInt8]? {
        if let failure { throw failure }
        var position = offset
        do throws(FrameError) {
            guard let frame = try nextFrame(in: pending, at: &position) else {
                dropReturned()
                return nil
            }
            offset = position
            if offset == pending.count { dropReturned() }
            return frame
        } catch {
            failure = error
            (pending, offset) = ([], 0)
            throw error
        }
    }

    private mutating func dropReturned() {
        guard offset > 0 else { return }
        pending = offset == pending.count ? [] : Array(pending[offset...])
        offset = 0
    }

    /// Says that the stream has ended.
    /// - Throws: ``FrameError/truncated`` if it ended inside a frame, or before one was returned, or the error of before.
    public mutating func finish() throws(FrameError) {
        if let failure { throw failure }
        guard pending.isEmpty else {
            failure = .truncated
            throw .truncated
        }
    }

    private func nextFrame(in bytes: [UInt8], at offset: inout Int) throws(FrameError) -> [UInt8]? {
        guard offset < bytes.count else { return nil }
        var start = offset
        let length: UInt64
        do throws(VarintError) {
            length = try UVarint.decode(bytes, at: &start)
        } catch {
            // Ten bytes are a whole number or a wrong one, so this waits for at most nine.
            if error == .truncated { return nil }
            throw .invalidLength(error)
        }
        guard length <= UInt64(max(maximumLength, 0)) else { throw .tooLong(limit: maximumLength, found: length) }
        guard length > 0 || allowsEmptyFrames else { throw .empty }
        let end = start + Int(length)
        guard end <= bytes.count else { return nil }
        offset = end
        return Array(bytes[start..<end])
    }
}

/// Writes frames.
public enum FrameEncoder {
    /// The frame of `content`: its length as a varint, then `content`.
    public static func encode(_ content: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(content.count + UVarint.encodedLength(UInt64(content.count)))
        append(content, to: &output)
        return output
    }

    /// Appends the frame of `content` to `output`.
    public static func append(_ content: [UInt8], to output: inout [UInt8]) {
        UVarint.append(UInt64(content.count), to: &output)
        output.append(contentsOf: content)
    }
}
