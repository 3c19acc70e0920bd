/// The header of a WebSocket frame (RFC 6455, section 5.2), as this side writes it: always a whole message.
public struct WebSocketFrame: Sendable {
    /// What a frame is for.
    public struct Kind: RawRepresentable, Equatable, Sendable {
        /// The number on the wire.
        public var rawValue: UInt8

        /// The kind with this number.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// More of a message.
        public static let continuation = Kind(rawValue: 0)
        /// A message of bytes, or its beginning.
        public static let binary = Kind(rawValue: 2)
        /// The end of the connection.
        public static let close = Kind(rawValue: 8)
        /// A question whether the other side is there.
        public static let ping = Kind(rawValue: 9)
        /// The answer to a ping.
        public static let pong = Kind(rawValue: 10)

        /// Whether it is one of the frames that may stand between the pieces of a message.
        public var isControl: Bool { rawValue >= 8 }
    }

    /// The most bytes a header takes.
    public static let maximumHeader = 14
    /// The longest payload of a control frame.
    public static let maximumControl = 125

    /// What the frame is for.
    public var kind: Kind
    /// Bytes of payload that follow.
    public var length: Int
    /// Only clients have one.
    public var mask: WebSocketMask?

    /// The header of a frame.
    public init(kind: Kind, length: Int, mask: WebSocketMask? = nil) {
        self.kind = kind
        self.length = length
        self.mask = mask
    }

    /// Writes the header.
    ///
    /// - Parameter target: room for at least ``maximumHeader`` bytes.
    /// - Returns: how many bytes were written.
    public func write(to target: UnsafeMutableRawBufferPointer) -> Int {
        let masked: UInt8 = self.mask == nil ? 0 : 0x80
        target[0] = 0x80 | kind.rawValue
        var count: Int
        switch length {
        case ..<126:
            target[1] = masked | UInt8(truncatingIfNeeded: length)
            count = 2
        case ..<65_536:
            target[1] = masked | 126
            target.storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
            count = 4
        default:
            target[1] = masked | 127
            target.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            count = 10
        }
        if let mask = self.mask {
            target.storeBytes(of: mask.key, toByteOffset: count, as: UInt32.self)
            count += 4
        }
        return count
    }
}
