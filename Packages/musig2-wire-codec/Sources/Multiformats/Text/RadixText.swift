/// Bytes as a number in a base that is no power of two: one zero digit for each leading zero byte, then the number.
///
/// The cost grows with the square of the length: meant for identifiers, not for data.
struct RadixText: Sendable {
    private let alphabet: [UInt8]
    private let values: [UInt8]
    private let radix: UInt32

    /// Takes the digits from zero up, at most 64 characters of ASCII.
    init(_ digits: String) {
        alphabet = Array(digits.utf8)
        radix = UInt32(alphabet.count)
        var table = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        values = table
    }

    func encode(_ bytes: [UInt8]) -> String {
        let zeros = bytes.prefix { $0 == 0 }.count
        // Least significant first.
        var digits: [UInt8] = []
        digits.reserveCapacity(bytes.count * 2)
        for byte in bytes.dropFirst(zeros) {
            var carry = UInt32(byte)
            for index in digits.indices {
                carry += UInt32(digits[index]) << 8
                digits[index] = UInt8(carry % radix)
                carry /= radix
            }
            while carry > 0 {
                digits.append(UInt8(carry % radix))
                carry /= radix
            }
        }
        var characters = [UInt8](repeating: alphabet[0], count: zeros)
        for digit in digits.reversed() { characters.append(alphabet[Int(digit)]) }
        return String(decoding: characters, as: UTF8.self)
    }

    /// The bytes, or nil if the text holds a character that is no digit, or is longer than `maximumCharacters`.
    func decode(_ text: some Collection<UInt8>, maximumCharacters: Int) -> [UInt8]? {
        guard text.count <= maximumCharacters else { return nil }
        let zeros = text.prefix { $0 == alphabet[0] }.count
        // The number in base 256, least significant first.
        var number: [UInt8] = []
        for character in text.dropFirst(zeros) {
            let value = values[Int(character)]
            guard value != 0xff else { return nil }
            var carry = UInt32(value)
            for index in number.indices {
                carry += UInt32(number[index]) * radix
                number[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { number.append(UInt8(truncatingIfNeeded: carry)) }
        }
        return [UInt8](repeating: 0, count: zeros) + number.reversed()
    }
}
