import Multiformats

/// Bech32m (BIP-350) without its limit of 90 characters: a human-readable prefix, `1`, data, a checksum of six characters.
enum Bech32m {
    /// What the text turned out to be.
    enum Failure: Error, Hashable {
        case mixedCase
        case noSeparator
        case invalidCharacter(Character, position: Int)
        case tooShort
        case badChecksum
        case olderChecksum
        case badPadding
    }

    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let checksumLength = 6
    private static let target: UInt32 = 0x2bc8_30a3
    /// The constant of the older bech32 (BIP-173).
    private static let olderTarget: UInt32 = 1

    static func encode(prefix: String, _ bytes: [UInt8]) -> String {
        let data = FiveBitGroups.split(bytes)
        var state = start(prefix)
        for value in data { step(&state, value) }
        for _ in 0..<checksumLength { step(&state, 0) }
        state ^= target
        let checksum = (0..<checksumLength).map { UInt8(truncatingIfNeeded: state >> (25 - 5 * UInt32($0)) & 31) }
        let characters = (data + checksum).map { alphabet[Int($0)] }
        return prefix + "1" + String(decoding: characters, as: UTF8.self)
    }

    /// The prefix, lower case, and the bytes. `position` in errors counts characters from 1.
    static func decode(_ text: String) throws(Failure) -> (prefix: String, bytes: [UInt8]) {
        let hasLower = text.utf8.contains { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        let hasUpper = text.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        if hasLower, hasUpper { throw .mixedCase }
        let lower = hasUpper ? text.lowercased() : text
        guard let separator = lower.lastIndex(of: "1") else { throw .noSeparator }
        let prefix = String(lower[..<separator])
        var position = prefix.count + 1
        var data: [UInt8] = []
        for character in lower[lower.index(after: separator)...] {
            position += 1
            guard let ascii = character.asciiValue, let value = alphabet.firstIndex(of: ascii) else {
                throw .invalidCharacter(character, position: position)
            }
            data.append(UInt8(value))
        }
        guard data.count >= checksumLength, !prefix.isEmpty else { throw .tooShort }
        var state = start(prefix)
        for value in data { step(&state, value) }
        guard state == target else { throw state == olderTarget ? .olderChecksum : .badChecksum }
        guard let bytes = FiveBitGroups.join(data.dropLast(checksumLength)) else { throw .badPadding }
        return (prefix, bytes)
    }

    /// The checksum's state after the prefix.
    private static func start(_ prefix: String) -> UInt32 {
        var state: UInt32 = 1
        for character in prefix.utf8 { step(&state, character >> 5) }
        step(&state, 0)
        for character in prefix.utf8 { step(&state, character & 31) }
        return state
    }

    /// One step of the checksum's polynomial division.
    private static func step(_ state: inout UInt32, _ value: UInt8) {
        let top = state >> 25
        state = (state & 0x1ff_ffff) << 5 ^ UInt32(value)
        for (bit, generator) in generators.enumerated() where top >> UInt32(bit) & 1 == 1 { state ^= generator }
    }

    private static let generators: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
}
