/// Base32 as multibase's `b` has it (RFC 4648, lower case, no padding), without the prefix character.
public enum Base32 {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// The base32 text of `bytes`.
    public static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: FiveBitGroups.split(bytes).map { alphabet[Int($0)] }, as: UTF8.self)
    }

    /// The bytes of the base32 `text`; nil for a character outside the alphabet, and for left-over bits that are not zero
    /// or that a shorter text would not have: each byte string has one text only.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var groups: [UInt8] = []
        groups.reserveCapacity(text.utf8.count)
        for character in text.utf8 {
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): groups.append(character - UInt8(ascii: "a"))
            case UInt8(ascii: "2")...UInt8(ascii: "7"): groups.append(character - UInt8(ascii: "2") + 26)
            default: return nil
            }
        }
        return FiveBitGroups.join(groups)
    }
}
