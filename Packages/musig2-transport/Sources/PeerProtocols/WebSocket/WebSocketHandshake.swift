/// The HTTP exchange that begins a WebSocket (RFC 6455, section 4), either side, as bytes in and bytes out.
///
/// Feed received bytes to ``receive(_:at:)`` until it says anything but ``Action/needMore``. Bytes after the offset are
/// frames.
public struct WebSocketHandshake: Sendable {
    /// What to do after ``receive(_:at:)``.
    public enum Action: Equatable, Sendable {
        /// All bytes were taken.
        case needMore
        /// Server: send the ``response(accept:)`` to this key; frames may follow at once.
        case answer(key: [UInt8])
        /// Client: the server has agreed.
        case agreed
        /// Close the connection, after sending these bytes if there are any.
        case fail(WebSocketError, reply: [UInt8])
    }

    /// What a client asks for.
    public struct Request: Equatable, Sendable {
        /// `host:port`, IPv6 in brackets.
        public var host: String
        /// Begins with a slash.
        public var path: String
        /// 16 random bytes in base64.
        public var key: String
        /// What the server must make of the key.
        public var accept: String

        /// A request for a path of a host, with a key and the answer to it.
        public init(host: String, path: String, key: String, accept: String) {
            self.host = host
            self.path = path
            self.key = key
            self.accept = accept
        }
    }

    /// Appended to the key before it is hashed.
    public static let keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    private let request: Request?
    private var reader: HTTPHeadReader

    /// A client's side.
    public init(_ request: Request, maximumHead: Int) {
        self.request = request
        reader = HTTPHeadReader(prefix: "HTTP/1.1 ", maximum: maximumHead)
    }

    /// A server's side. Any path is served, as proxies may put what they like in front of ours.
    public init(maximumHead: Int) {
        request = nil
        reader = HTTPHeadReader(prefix: "GET ", maximum: maximumHead)
    }

    /// The bytes to send at once: the client's request.
    public func start() -> [UInt8] {
        guard let request = self.request else { return [] }
        return Array(
            """
            GET \(request.path) HTTP/1.1\r
            Host: \(request.host)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: \(request.key)\r
            Sec-WebSocket-Version: 13\r
            \r\n
            """.utf8)
    }

    /// A server's agreement; `accept` is the SHA-1 hash of the client's key and ``keySuffix``, in base64.
    public static func response(accept: String) -> [UInt8] {
        Array(
            """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: \(accept)\r
            \r\n
            """.utf8)
    }

    /// Reads on from `offset`, which moves past the bytes taken.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Action {
        do throws(WebSocketError) {
            guard let head = try reader.next(bytes, at: &offset) else { return .needMore }
            if let request = self.request {
                try Self.check(head, request)
                return .agreed
            }
            return .answer(key: try Self.key(head))
        } catch {
            return .fail(error, reply: self.request == nil ? Self.refusal(error) : [])
        }
    }

    // MARK: The server's checks

    private static func key(_ head: HTTPHead) throws(WebSocketError) -> [UInt8] {
        guard head.partCount == 3, head.part(2).elementsEqual("HTTP/1.1".utf8), !head.part(1).isEmpty else {
            throw .malformedHead(line: WebSocketError.printable(head.firstLine()))
        }
        _ = try head.value("host", expected: "one host")
        try head.require("websocket", in: "upgrade")
        try head.require("upgrade", in: "connection")
        let version = try head.value("sec-websocket-version", expected: "13")
        guard version.elementsEqual("13".utf8) else { throw head.wrong("sec-websocket-version", "13") }
        let key = try head.value("sec-websocket-key", expected: "16 bytes in base64")
        guard key.count == 24, key.suffix(2).elementsEqual("==".utf8), key.prefix(22).allSatisfy(Self.isBase64) else {
            throw head.wrong("sec-websocket-key", "16 bytes in base64")
        }
        // A body would be taken for frames.
        for name in ["transfer-encoding", "content-length"] as [StaticString] {
            for value in head.values(name) where !value.elementsEqual("0".utf8) { throw head.wrong(name, "no body") }
        }
        return Array(key)
    }

    private static func refusal(_ error: WebSocketError) -> [UInt8] {
        let status: String
        switch error {
        case .headTooLarge: status = "431 Request Header Fields Too Large"
        case .wrongField("sec-websocket-version", _, _), .wrongField("upgrade", _, _):
            status = "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
        default: status = "400 Bad Request"
        }
        return Array("HTTP/1.1 \(status)\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".utf8)
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            return true
        default:
            return false
        }
    }

    // MARK: The client's checks

    private static func check(_ head: HTTPHead, _ request: Request) throws(WebSocketError) {
        guard head.part(1).elementsEqual("101".utf8) else {
            throw .refused(status: WebSocketError.printable(head.firstLine(from: 1)))
        }
        try head.require("websocket", in: "upgrade")
        try head.require("upgrade", in: "connection")
        let accept = try head.value("sec-websocket-accept", expected: request.accept)
        guard accept.elementsEqual(request.accept.utf8) else {
            throw head.wrong("sec-websocket-accept", request.accept)
        }
        // Neither was asked for.
        for name in ["sec-websocket-extensions", "sec-websocket-protocol"] as [StaticString] {
            for value in head.values(name) where !value.isEmpty { throw head.wrong(name, "none") }
        }
    }
}
