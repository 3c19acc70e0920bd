/// The header of a yamux frame: 12 bytes, big endian (yamux specification, "Framing",
/// <https://github.com/hashicorp/yamux/blob/master/spec.md>).
struct YamuxHeader: Equatable {
    /// What a frame is for. A struct, as a peer may send any number.
    struct Kind: RawRepresentable, Equatable {
        var rawValue: UInt8

        static let data = Kind(rawValue: 0)
        static let windowUpdate = Kind(rawValue: 1)
        static let ping = Kind(rawValue: 2)
        static let goAway = Kind(rawValue: 3)
    }

    /// The flags of a frame.
    struct Flags: OptionSet, Equatable {
        var rawValue: UInt16

        /// Opens a stream, or asks for the answer to a ping.
        static let syn = Flags(rawValue: 1)
        /// Accepts a stream, or answers a ping.
        static let ack = Flags(rawValue: 2)
        /// Closes the sender's half.
        static let fin = Flags(rawValue: 4)
        /// Ends both halves at once.
        static let rst = Flags(rawValue: 8)
    }

    /// Why a session ends, in the length field of a go-away frame.
    struct GoAwayCode: RawRepresentable, Equatable {
        var rawValue: UInt32

        static let normal = GoAwayCode(rawValue: 0)
        static let protocolError = GoAwayCode(rawValue: 1)
        static let internalError = GoAwayCode(rawValue: 2)
    }

    static let byteCount = 12

    var version: UInt8 = 0
    var kind: Kind
    var flags: Flags = []
    /// 0 is the session itself.
    var streamID: UInt32
    /// Bytes that follow (data), increment (window update), opaque value (ping), or code (go-away).
    var length: UInt32

    /// Reads the header at `offset`; nil when fewer than 12 bytes are there.
    static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> YamuxHeader? {
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
    var words: (UInt64, UInt32) {
        let first =
            UInt64(self.version) << 56 | UInt64(self.kind.rawValue) << 48
            | UInt64(self.flags.rawValue) << 32 | UInt64(self.streamID)
        return (first, self.length)
    }
}
