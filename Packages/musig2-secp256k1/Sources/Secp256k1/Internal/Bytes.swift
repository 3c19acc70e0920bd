extension UnsafeRawBufferPointer {
    /// The start as the `unsigned char *` that C functions take. Never nil, so that an empty message is a valid argument.
    @inline(__always)
    internal func withUInt8Pointer<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
        if let base = self.baseAddress {
            return body(base.assumingMemoryBound(to: UInt8.self))
        }
        var placeholder: UInt8 = 0
        return withUnsafePointer(to: &placeholder, body)
    }
}

/// Lowercase hexadecimal, for descriptions.
internal func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits: [Character] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"]
    var text = ""
    for byte in bytes {
        text.append(digits[Int(byte &>> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return text
}
