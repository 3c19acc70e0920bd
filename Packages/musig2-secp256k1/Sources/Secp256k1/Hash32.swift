/// Exactly 32 bytes, held inline: a hash, a digest, an x coordinate, a seed that need not be secret.
///
/// No heap allocation; equality, hashing and order (byte order, as `memcmp`) take a few instructions.
/// Not for secrets: it is copied freely and never wiped. Secrets live in ``SecretBytes``.
public struct Hash32: Sendable, Hashable, Comparable, BitwiseCopyable, CustomStringConvertible {
    /// The number of bytes: 32.
    public static let byteCount = 32

    // In memory order: word0 holds bytes 0 to 7 as they lie in memory, whatever the machine's endianness.
    var word0: UInt64
    var word1: UInt64
    var word2: UInt64
    var word3: UInt64

    /// 32 zero bytes.
    public static let zero = Hash32(bigEndianWords: 0, 0, 0, 0)

    /// Takes 32 bytes.
    /// - Returns: nil unless `bytes` holds exactly 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard let value = bytes.withUnsafeBytes({ Hash32($0) }) else { return nil }
        self = value
    }

    /// Takes 32 bytes.
    /// - Returns: nil unless `bytes` holds exactly 32 bytes.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Hash32.byteCount else { return nil }
        self.init(unchecked: bytes)
    }

    /// Takes 32 bytes.
    /// - Returns: nil unless `bytes` holds exactly 32 bytes.
    public init?(_ bytes: ArraySlice<UInt8>) {
        guard let value = bytes.withUnsafeBytes({ Hash32($0) }) else { return nil }
        self = value
    }

    /// The caller has checked that there are 32 bytes.
    init(unchecked bytes: UnsafeRawBufferPointer) {
        word0 = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        word1 = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        word2 = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        word3 = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    }

    init(bigEndianWords word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
        self.word0 = word0.bigEndian
        self.word1 = word1.bigEndian
        self.word2 = word2.bigEndian
        self.word3 = word3.bigEndian
    }

    /// 32 bytes from the system's random generator: for auxiliary randomness and identifiers, not for keys.
    public static func random() -> Hash32 {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        if Swift.withUnsafeMutableBytes(of: &words, { SystemEntropy.fill($0) }) {
            return Hash32(bigEndianWords: words.0, words.1, words.2, words.3)
        }
        var generator = SystemRandomNumberGenerator()
        return Hash32(
            bigEndianWords: generator.next(),
            generator.next(),
            generator.next(),
            generator.next()
        )
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    /// Lends the 32 bytes for the length of the call.
    @inline(__always)
    public func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try Swift.withUnsafeBytes(of: (word0, word1, word2, word3), body)
    }

    /// Lends the 32 bytes for writing.
    @inline(__always)
    mutating func withUnsafeMutableBytes<R>(_ body: (UnsafeMutablePointer<UInt8>) -> R) -> R {
        withUnsafeMutablePointer(to: &self) { pointer in
            pointer.withMemoryRebound(to: UInt8.self, capacity: Hash32.byteCount, body)
        }
    }

    /// Byte order, as `memcmp`.
    public static func < (left: Hash32, right: Hash32) -> Bool {
        if left.word0 != right.word0 { return left.word0.bigEndian < right.word0.bigEndian }
        if left.word1 != right.word1 { return left.word1.bigEndian < right.word1.bigEndian }
        if left.word2 != right.word2 { return left.word2.bigEndian < right.word2.bigEndian }
        return left.word3.bigEndian < right.word3.bigEndian
    }

    /// 64 lowercase hexadecimal digits.
    public var description: String {
        hexadecimal(bytes)
    }
}
