/// A public integer modulo the group order n: a challenge, a tweak, a coefficient, a partial signature.
///
/// Held as four 64-bit limbs, always below n. The arithmetic has no branch and no table index that depends on the
/// value, but a `Scalar` is copied freely and never wiped: secrets live in ``SecretScalar``.
/// Source: SEC 2, section 2.4.1 (n); BIP-340, "Notation".
public struct Scalar: Sendable, Hashable, BitwiseCopyable, CustomStringConvertible {
    /// The number of bytes of a serialized scalar: 32, big-endian.
    public static let byteCount = 32

    /// The number 0.
    public static let zero = Scalar(limb0: 0, 0, 0, 0)

    /// The number 1.
    public static let one = Scalar(limb0: 1, 0, 0, 0)

    // Least significant first.
    var limb0: UInt64
    var limb1: UInt64
    var limb2: UInt64
    var limb3: UInt64

    /// The caller knows the number is below n.
    @inline(__always)
    init(limb0: UInt64, _ limb1: UInt64, _ limb2: UInt64, _ limb3: UInt64) {
        self.limb0 = limb0
        self.limb1 = limb1
        self.limb2 = limb2
        self.limb3 = limb3
    }

    /// A small number.
    public init(_ value: UInt64) {
        self.init(limb0: value, 0, 0, 0)
    }

    /// A number below n from its 32 big-endian bytes.
    /// - Returns: nil for any other length, and for n and above.
    public init?(canonical bytes: [UInt8]) {
        guard let value = bytes.withUnsafeBytes({ Scalar(canonical: $0) }) else { return nil }
        self = value
    }

    /// A number below n from its 32 big-endian bytes.
    /// - Returns: nil for any other length, and for n and above.
    public init?(canonical bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Scalar.byteCount else { return nil }
        self.init(canonical: Hash32(unchecked: bytes))
    }

    /// A number below n from its 32 big-endian bytes.
    /// - Returns: nil for n and above.
    public init?(canonical bytes: Hash32) {
        let (value, overflowed) = Scalar.reduceOnce(
            bytes.word3.bigEndian,
            bytes.word2.bigEndian,
            bytes.word1.bigEndian,
            bytes.word0.bigEndian
        )
        guard overflowed == 0 else { return nil }
        self = value
    }

    /// 32 big-endian bytes, reduced modulo n: how BIP-340 and BIP-327 make a number of a hash.
    public init(reducing bytes: Hash32) {
        self =
            Scalar.reduceOnce(
                bytes.word3.bigEndian,
                bytes.word2.bigEndian,
                bytes.word1.bigEndian,
                bytes.word0.bigEndian
            ).value
    }

    /// The 32 big-endian bytes.
    public var hash32: Hash32 {
        Hash32(bigEndianWords: limb3, limb2, limb1, limb0)
    }

    /// The 32 big-endian bytes.
    public var bytes: [UInt8] {
        hash32.bytes
    }

    /// Lends the 32 big-endian bytes for the length of the call.
    @inline(__always)
    public func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try hash32.withUnsafeBytes(body)
    }

    /// Whether this is 0.
    public var isZero: Bool {
        (limb0 | limb1 | limb2 | limb3) == 0
    }

    /// 64 lowercase hexadecimal digits, most significant first.
    public var description: String {
        hash32.description
    }
}
