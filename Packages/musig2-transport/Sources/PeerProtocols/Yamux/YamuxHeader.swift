/// The header of a yamux frame: 12 bytes, big endian (yamux specification, "Framing",
/// <https://github.com/hashicorp/yamux/blob/master/spec.md>).
public struct YamuxHeader: Equatable, Sendable {
    /// What a frame is for. A struct, as a peer may send any number.
    public struct Kind: RawRepresentable, Equatable, Sendable {
        /// The number on the wire.
        public var rawValue: UInt8

        /// The kind with this number.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Bytes of a stream.
        public static let data = Kind(rawValue: 0)
        /// Credit for a stream.
        public static let windowUpdate = Kind(rawValue: 1)
        /// A question whether the other side is there, or the answer.
        public static let ping = Kind(rawValue: 2)
        /// The end of the session.
        public static let goAway = Kind(rawValue: 3)
    }

    /// The flags of a frame.
    public struct Flags: OptionSet, Equatable, Sendable {
        /// The bits on the wire.
        public var rawValue: UInt16

        /// The flags with these bits.
        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        /// Opens a stream, or asks for the answer to a ping.
        public static let syn = Flags(rawValue: 1)
        /// Accepts a stream, or answers a ping.
        public static let ack = Flags(rawValue: 2)
        /// Closes the sender's half.
        public static let fin = Flags(rawValue: 4)
        /// Ends both halves at once.
        public static let rst = Flags(rawValue: 8)
    }

    /// Why a session ends, in the length field of a go-away frame.
    public struct GoAwayCode: RawRepresentable, Equatable, Sendable {
        /// The number on the wire.
        public var rawValue: UInt32

        /// The code with this number.
        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Nothing is wrong.
        public static let normal = GoAwayCode(rawValue: 0)
        /// The other side broke a rule.
        public static let protocolError = GoAwayCode(rawValue: 1)
        /// This side failed.
        public static let internalError = GoAwayCode(rawValue: 2)
    }

    /// The length of a header.
    public static let byteCount = 12

    /// The version of the protocol: 0.
    public var version: UInt8
    /// What the frame is for.
    public var kind: Kind
    /// Its flags.
    public var flags: Flags
    /// 0 is the session itself.
    public var streamID: UInt32
    /// Bytes that follow (data), increment (window update), opaque value (ping), or code (go-away).
    public var length: UInt32

    /// A header with these fields.
    public init(version: UInt8 = 0, kind: Kind, flags: Flags = [], streamID: UInt32, length: UInt32) {
        self.version = version
        self.kind = kind
        self.flags = flags
        self.streamID = streamID
        self.length = length
    }

    /// Reads the header at `offset`; nil when fewer than 12 bytes are there.
    public static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> YamuxHeader? {
        guard offset >= 0, bytes.count - offset >= Self.byteCount else { return nil }
        return YamuxHeader(
            version: bytes[offset],
            kind: Kind(rawValue: bytes[offset + 1]),
            flags: Flags(
                rawValue: UInt16(
                    bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self))),
            streamID: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)),
            length: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self)))
    }

    /// The 12 bytes on the wire as two integers, so that they are written without an array.
    public var words: (UInt64, UInt32) {
        let first =
            UInt64(version) << 56 | UInt64(kind.rawValue) << 48
            | UInt64(flags.rawValue) << 32 | UInt64(streamID)
        return (first, length)
    }
}
