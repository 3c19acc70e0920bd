/// A rule of yamux that the other side broke. The session is over.
public enum YamuxError: Error, Equatable, CustomStringConvertible {
    case unsupportedVersion(found: UInt8)
    case unknownFrameKind(found: UInt8)
    /// Data or a window update for stream 0, which is the session itself.
    case frameForSession
    /// The other side opened a stream with an id of this side's parity, or 0.
    case wrongParity(streamID: UInt32)
    /// The other side opened a stream that is open.
    case duplicateStream(streamID: UInt32)
    /// More data than the window that was granted.
    case windowExceeded(streamID: UInt32, window: Int, found: Int)
    /// Answers to pings that were never sent.
    case unsolicitedPongs(maximum: Int)
    /// Frames that carry nothing, without end.
    case emptyFrames(maximum: Int)
    /// Window increments that add up to more than can be counted.
    case windowOverflow(streamID: UInt32)

    /// The rule, what was expected and what was found.
    public var description: String {
        switch self {
        case .unsupportedVersion(let found):
            return "yamux version: expected 0, found \(found)"
        case .unknownFrameKind(let found):
            return "yamux frame type: expected 0 to 3, found \(found)"
        case .frameForSession:
            return "yamux: data or window update for stream 0"
        case .wrongParity(let id):
            return "yamux: the peer opened stream \(id), which is not one of its ids"
        case .duplicateStream(let id):
            return "yamux: the peer opened stream \(id) twice"
        case .windowExceeded(let id, let window, let found):
            return "yamux stream \(id): expected at most \(window) bytes within the window, found \(found)"
        case .unsolicitedPongs(let maximum):
            return "yamux: more than \(maximum) answers to pings that were never sent"
        case .emptyFrames(let maximum):
            return "yamux: more than \(maximum) pings, resets and other frames that carry nothing in a short time"
        case .windowOverflow(let id):
            return "yamux stream \(id): the window increments overflow"
        }
    }
}
