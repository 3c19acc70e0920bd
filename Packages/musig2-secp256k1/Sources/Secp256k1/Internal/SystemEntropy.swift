#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Random bytes of the system, by as few calls as can be: a call costs more than the bytes.
enum SystemEntropy {
    /// Fills memory.
    ///
    /// - Returns: False if the system has no such call; the bytes are random in part then.
    static func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        #if canImport(Darwin)
            guard let base = buffer.baseAddress else { return true }
            arc4random_buf(base, buffer.count)
        #else
            // One call gives at most 256 bytes.
            var offset = 0
            while offset < buffer.count {
                let part = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[offset..<Swift.min(offset + 256, buffer.count)]
                )
                guard let base = part.baseAddress, getentropy(base, part.count) == 0 else { return false }
                offset += part.count
            }
        #endif
        return true
    }
}
