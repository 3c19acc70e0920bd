extension UnsafeRawBufferPointer {
    /// The start as the `unsigned char *` that C functions take. Never nil, so that an empty message is a valid argument.
    @inline(__always)
    func withUInt8Pointer<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
        if let base = baseAddress {
            return body(base.assumingMemoryBound(to: UInt8.self))
        }
        var placeholder: UInt8 = 0
        return withUnsafePointer(to: &placeholder, body)
    }
}

/// Lowercase hexadecimal, for descriptions.
func hexadecimal(_ bytes: [UInt8]) -> String {
    String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
        func digit(_ value: UInt8) -> UInt8 {
            value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10
        }
        var length = 0
        for byte in bytes {
            text[length] = digit(byte &>> 4)
            text[length + 1] = digit(byte & 15)
            length += 2
        }
        return length
    }
}
