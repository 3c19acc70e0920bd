/// A rule of WebSocket (RFC 6455), or of the HTTP request that begins it, that the other side broke.
public enum WebSocketError: Error, Equatable, CustomStringConvertible {
    /// The first bytes are not those of the expected HTTP message; `found` is as much of them as came together.
    case notHTTP(expected: String, found: String)
    /// The head of the HTTP message is longer than the limit.
    case headTooLarge(maximum: Int)
    /// A line of the head that HTTP/1.1 does not know.
    case malformedHead(line: String)
    /// A field of the head that is missing, or does not say what it must.
    case wrongField(name: String, expected: String, found: String)
    /// The server answered with another status than 101.
    case refused(status: String)
    /// Reserved bits that no extension was agreed on for.
    case reservedBits
    /// A frame type that does not exist, or text, which is not spoken here.
    case unexpectedKind(found: UInt8)
    /// A client must mask its frames and a server must not.
    case wrongMasking(expected: Bool)
    /// A ping, pong or close that is split, or longer than 125 bytes.
    case oversizedControl
    /// A length written with more bytes than it needs, or above 2^63.
    case malformedLength
    /// A frame above the limit.
    case frameTooLarge(maximum: Int)
    /// A continuation of no message.
    case nothingToContinue
    /// A new message in the middle of one.
    case unfinishedMessage
    /// A close frame with one byte, or with a code that cannot be sent.
    case malformedClose

    /// The rule, what was expected and what was found.
    public var description: String {
        switch self {
        case .notHTTP(let expected, let found):
            return "WebSocket handshake: expected \"\(expected)\", found \"\(found)\""
        case .headTooLarge(let maximum):
            return "WebSocket handshake: the head is longer than \(maximum) bytes"
        case .malformedHead(let line):
            return "WebSocket handshake: not a line of HTTP/1.1: \"\(line)\""
        case .wrongField(let name, let expected, let found):
            return "WebSocket handshake: \(name): expected \(expected), found \"\(found)\""
        case .refused(let status):
            return "WebSocket handshake: expected status 101, found \(status)"
        case .reservedBits:
            return "WebSocket frame: reserved bits are set"
        case .unexpectedKind(let found):
            return "WebSocket frame type: expected 0, 2, 8, 9 or 10, found \(found)"
        case .wrongMasking(let expected):
            return "WebSocket frame: expected \(expected ? "a masked" : "an unmasked") one"
        case .oversizedControl:
            return "WebSocket control frame: expected at most 125 bytes in one piece"
        case .malformedLength:
            return "WebSocket frame: the length is not the shortest encoding of a length below 2^63"
        case .frameTooLarge(let maximum):
            return "WebSocket frame: expected at most \(maximum) bytes"
        case .nothingToContinue:
            return "WebSocket frame: a continuation of no message"
        case .unfinishedMessage:
            return "WebSocket frame: a new message before the end of the last"
        case .malformedClose:
            return "WebSocket close frame: malformed"
        }
    }

    /// The code with which the connection is closed for it (RFC 6455, section 7.4.1).
    public var closeCode: UInt16 {
        switch self {
        case .unexpectedKind(1): return 1003
        case .frameTooLarge: return 1009
        default: return 1002
        }
    }

    /// How much of what was received an error shows.
    public static let shownBytes = 48

    /// A received text shortened and stripped of control characters, fit to stand in an error.
    public static func printable(_ text: some Sequence<UInt8>) -> String {
        String(
            decoding: text.prefix(Self.shownBytes).map { $0 >= 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }
}
