/// A place in the key space: the SHA-256 of a peer id or of a record's key, as a number of 256 bits, most significant first.
///
/// The distance of two places is their exclusive or, as a number.
public struct KademliaKey: Hashable, Sendable, Comparable {
    /// The four words, most significant first.
    let words: (UInt64, UInt64, UInt64, UInt64)

    init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
        words = (first, second, third, fourth)
    }

    /// Takes a digest.
    ///
    /// - Parameter digest: 32 bytes; missing ones count as zeros, further ones are ignored.
    public init(digest: [UInt8]) {
        let padded = digest.count >= 32 ? digest : digest + [UInt8](repeating: 0, count: 32 - digest.count)
        words = padded.withUnsafeBytes { bytes in
            func word(_ offset: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            return (word(0), word(8), word(16), word(24))
        }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }

    /// The distance of two places.
    public static func ^ (left: KademliaKey, right: KademliaKey) -> KademliaKey {
        KademliaKey(
            left.words.0 ^ right.words.0, left.words.1 ^ right.words.1, left.words.2 ^ right.words.2,
            left.words.3 ^ right.words.3)
    }

    /// Orders places, and distances, as numbers.
    public static func < (left: KademliaKey, right: KademliaKey) -> Bool {
        if left.words.0 != right.words.0 { return left.words.0 < right.words.0 }
        if left.words.1 != right.words.1 { return left.words.1 < right.words.1 }
        if left.words.2 != right.words.2 { return left.words.2 < right.words.2 }
        return left.words.3 < right.words.3
    }

    /// Whether two places are the same.
    public static func == (left: KademliaKey, right: KademliaKey) -> Bool {
        left.words == right.words
    }

    /// Feeds the words to a hasher.
    public func hash(into hasher: inout Hasher) {
        // The places of peers are hashes already: two words tell them apart as well as four.
        hasher.combine(words.0)
        hasher.combine(words.3)
    }

    /// How many leading bits are zero, 0 to 256: of a distance, the length of the common prefix.
    public var leadingZeroBitCount: Int {
        if words.0 != 0 { return words.0.leadingZeroBitCount }
        if words.1 != 0 { return 64 + words.1.leadingZeroBitCount }
        if words.2 != 0 { return 128 + words.2.leadingZeroBitCount }
        return 192 + words.3.leadingZeroBitCount
    }

    /// Whether the bit at an index, 0 for the most significant one, is set.
    func bit(_ index: Int) -> Bool {
        let word =
            switch index >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word >> (63 - UInt64(index & 63)) & 1 == 1
    }
}
