import Secp256k1

/// Hexadecimal digits of secrets: from and into memory that is wiped.
enum SecretHex {
    /// Two lower-case digits for each byte.
    static func encode(_ bytes: UnsafeRawBufferPointer) -> SecretBytes {
        var text = SecretBytes(byteCount: 2 * bytes.count)
        text.withUnsafeMutableBytes { text in
            for (index, byte) in bytes.enumerated() {
                text[2 * index] = digit(byte >> 4)
                text[2 * index + 1] = digit(byte & 15)
            }
        }
        return text
    }

    /// The bytes of digits of either case; nil for anything else.
    static func decode(_ text: UnsafeRawBufferPointer) -> SecretBytes? {
        guard text.count % 2 == 0 else { return nil }
        var bytes = SecretBytes(byteCount: text.count / 2)
        let isHex = bytes.withUnsafeMutableBytes { bytes in
            for index in bytes.indices {
                guard let high = value(text[2 * index]), let low = value(text[2 * index + 1]) else { return false }
                bytes[index] = high << 4 | low
            }
            return true
        }
        guard isHex else { return nil }
        return bytes
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
