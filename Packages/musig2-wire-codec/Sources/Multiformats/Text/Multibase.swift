/// Bytes as texts that say in their first character how they are written: the bases in which tools print CIDs.
///
/// Source: the multibase table, entries `base16`, `base32`, `base36` and `base58btc`, in lower and upper case where there are both.
enum Multibase {
    private static let base36 = RadixText("0123456789abcdefghijklmnopqrstuvwxyz")

    /// Whether a text may be one: whether its first character is a prefix of these bases.
    static func isPrefixed(_ text: String) -> Bool {
        text.utf8.first.map { "fFbBkKz".utf8.contains($0) } ?? false
    }

    /// The bytes; nil for another prefix, and for a text that its base does not have. Of a base with upper and lower case, the text
    /// must be in that which its prefix names.
    static func decode(_ text: String, maximumCharacters: Int = FormatLimits.peerIDCharacters) -> [UInt8]? {
        guard text.utf8.count <= maximumCharacters, let prefix = text.utf8.first else { return nil }
        let rest = text.utf8.dropFirst()
        switch prefix {
        case UInt8(ascii: "f"): return hexadecimal(Array(rest))
        case UInt8(ascii: "F"): return lowered(rest).flatMap(hexadecimal)
        case UInt8(ascii: "b"): return Base32.decode(Substring(rest))
        case UInt8(ascii: "B"): return lowered(rest).flatMap { Base32.decode(String(decoding: $0, as: UTF8.self)) }
        case UInt8(ascii: "k"): return base36.decode(rest, maximumCharacters: maximumCharacters)
        case UInt8(ascii: "K"):
            return lowered(rest).flatMap { base36.decode($0, maximumCharacters: maximumCharacters) }
        case UInt8(ascii: "z"): return Base58.decode(String(Substring(rest)), maximumCharacters: maximumCharacters)
        default: return nil
        }
    }

    /// Upper case as lower case; nil for lower case.
    private static func lowered(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard !text.contains(where: { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) else { return nil }
        return text.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
    }

    /// Hexadecimal digits in lower case.
    private static func hexadecimal(_ digits: [UInt8]) -> [UInt8]? {
        guard !digits.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else { return nil }
        return Hex.decode(String(decoding: digits, as: UTF8.self))
    }
}
