/// Base58 with Bitcoin's alphabet (`base58btc` of multibase, without its prefix character).
public enum Base58 {
    private static let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }()

    /// The base58 text of `bytes`: one `1` for each leading zero byte, then the number.
    ///
    /// The cost grows with the square of the length: meant for identifiers, not for data.
    public static func encode(_ bytes: [UInt8]) -> String {
        let zeros = bytes.prefix { $0 == 0 }.count
        // Digits of base 58, least significant first.
        var digits: [UInt8] = []
        digits.reserveCapacity(bytes.count * 138 / 100 + 1)
        for byte in bytes.dropFirst(zeros) {
            var carry = UInt32(byte)
            for index in digits.indices {
                carry += UInt32(digits[index]) << 8
                digits[index] = UInt8(carry % 58)
                carry /= 58
            }
            while carry > 0 {
                digits.append(UInt8(carry % 58))
                carry /= 58
            }
        }
        var characters = [UInt8](repeating: alphabet[0], count: zeros)
        for digit in digits.reversed() { characters.append(alphabet[Int(digit)]) }
        return String(decoding: characters, as: UTF8.self)
    }

    /// The bytes of the base58 `text`, or nil if it holds a character outside the alphabet or is longer than
    /// `maximumCharacters`.
    public static func decode(
        _ text: String, maximumCharacters: Int = FormatLimits.peerIDCharacters
    ) -> [UInt8]? {
        let characters = text.utf8
        guard characters.count <= maximumCharacters else { return nil }
        let zeros = characters.prefix { $0 == alphabet[0] }.count
        // The number in base 256, least significant first.
        var number: [UInt8] = []
        for character in characters.dropFirst(zeros) {
            let value = values[Int(character)]
            guard value != 0xff else { return nil }
            var carry = UInt32(value)
            for index in number.indices {
                carry += UInt32(number[index]) * 58
                number[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { number.append(UInt8(truncatingIfNeeded: carry)) }
        }
        return [UInt8](repeating: 0, count: zeros) + number.reversed()
    }
}
