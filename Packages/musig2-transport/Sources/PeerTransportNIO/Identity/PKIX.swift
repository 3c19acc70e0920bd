/// Just enough of DER to tell how large an RSA key is before it is computed with.
enum PKIX {
    /// The bits of the modulus in a `SubjectPublicKeyInfo` (RFC 5280, section 4.1) that holds an `RSAPublicKey` (RFC 8017,
    /// appendix A.1.1); nil when the bytes are not that. Which algorithm the key is for is not looked at.
    static func rsaModulusBits(_ bytes: [UInt8]) -> Int? {
        var rest = bytes[...]
        guard var info = Self.element(0x30, &rest), rest.isEmpty, Self.element(0x30, &info) != nil,
            var string = Self.element(0x03, &info), info.isEmpty, string.popFirst() == 0,
            var key = Self.element(0x30, &string), string.isEmpty, let modulus = Self.element(0x02, &key)
        else { return nil }
        let digits = modulus.drop { $0 == 0 }
        guard let first = digits.first else { return nil }
        return digits.count * 8 - first.leadingZeroBitCount
    }

    /// Takes an element with this tag from the front.
    ///
    /// - Returns: what is in it; nil when there is no such element.
    private static func element(_ tag: UInt8, _ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard bytes.popFirst() == tag, let first = bytes.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            let count = Int(first & 0x7f)
            guard (1...3).contains(count), bytes.count >= count else { return nil }
            length = bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            bytes.removeFirst(count)
        }
        guard bytes.count >= length else { return nil }
        defer { bytes.removeFirst(length) }
        return bytes.prefix(length)
    }
}
