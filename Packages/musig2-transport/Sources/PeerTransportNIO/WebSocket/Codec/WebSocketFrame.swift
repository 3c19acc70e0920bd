/// The header of a WebSocket frame (RFC 6455, section 5.2), as this side writes it: always a whole message.
struct WebSocketFrame {
    /// What a frame is for.
    struct Kind: RawRepresentable, Equatable {
        var rawValue: UInt8

        static let continuation = Kind(rawValue: 0)
        static let binary = Kind(rawValue: 2)
        static let close = Kind(rawValue: 8)
        static let ping = Kind(rawValue: 9)
        static let pong = Kind(rawValue: 10)

        /// Whether it is one of the frames that may stand between the pieces of a message.
        var isControl: Bool { self.rawValue >= 8 }
    }

    /// The most bytes a header takes.
    static let maximumHeader = 14
    /// The longest payload of a control frame.
    static let maximumControl = 125

    var kind: Kind
    /// Bytes of payload that follow.
    var length: Int
    /// Only clients have one.
    var mask: WebSocketMask?

    /// Writes the header.
    ///
    /// - Parameter target: room for at least ``maximumHeader`` bytes.
    /// - Returns: how many bytes were written.
    func write(to target: UnsafeMutableRawBufferPointer) -> Int {
        let masked: UInt8 = self.mask == nil ? 0 : 0x80
        target[0] = 0x80 | self.kind.rawValue
        var count: Int
        switch self.length {
        case ..<126:
            target[1] = masked | UInt8(truncatingIfNeeded: self.length)
            count = 2
        case ..<65_536:
            target[1] = masked | 126
            target.storeBytes(of: UInt16(truncatingIfNeeded: self.length).bigEndian, toByteOffset: 2, as: UInt16.self)
            count = 4
        default:
            target[1] = masked | 127
            target.storeBytes(of: UInt64(self.length).bigEndian, toByteOffset: 2, as: UInt64.self)
            count = 10
        }
        if let mask = self.mask {
            target.storeBytes(of: mask.key, toByteOffset: count, as: UInt32.self)
            count += 4
        }
        return count
    }
}
