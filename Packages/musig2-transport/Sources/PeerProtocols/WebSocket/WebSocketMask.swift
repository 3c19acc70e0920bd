/// The four bytes with which a client hides its payload from what stands between (RFC 6455, section 5.3).
public struct WebSocketMask: Equatable, Sendable {
    /// The four bytes as they lie in memory, in whatever order the machine has.
    public let key: UInt32

    /// The mask with these four bytes, as they lie in memory.
    public init(key: UInt32) {
        self.key = key
    }

    /// The mask for what follows after `count` bytes.
    public func advanced(by count: Int) -> WebSocketMask {
        let shift = UInt32(truncatingIfNeeded: count & 3) * 8
        guard shift > 0 else { return self }
        let little = self.key.littleEndian
        return WebSocketMask(key: UInt32(littleEndian: little >> shift | little << (32 - shift)))
    }

    /// Copies `source` to `target` with the mask on or off; both have the same length.
    ///
    /// Eight bytes at a time: a byte at a time it would cost more than the encryption.
    public func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        let count = min(source.count, target.count)
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        let wide = UInt64(key) << 32 | UInt64(key)
        var offset = 0
        while offset &+ 8 <= count {
            let word = (from + offset).loadUnaligned(as: UInt64.self) ^ wide
            (to + offset).storeBytes(of: word, as: UInt64.self)
            offset &+= 8
        }
        var rest = wide.littleEndian
        while offset < count {
            (to + offset).storeBytes(
                of: (from + offset).load(as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest), as: UInt8.self)
            rest >>= 8
            offset &+= 1
        }
    }
}
