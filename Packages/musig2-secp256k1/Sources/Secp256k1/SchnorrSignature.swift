/// A BIP-340 signature: 64 bytes, the x coordinate of R and then s, both big-endian.
///
/// A value of this type is 64 bytes and no more: whether they are a valid signature is what
/// ``XOnlyPublicKey/isValidSignature(_:for:)-(_,[UInt8])`` answers.
public struct SchnorrSignature: Sendable, Hashable, CustomStringConvertible {
    /// The number of bytes: 64.
    public static let byteCount = 64

    /// The x coordinate of R: 32 bytes, big-endian.
    public let r: Hash32
    /// The scalar s: 32 bytes, big-endian.
    public let s: Hash32

    /// Puts a signature together from its halves.
    public init(r: Hash32, s: Hash32) {
        self.r = r
        self.s = s
    }

    /// Takes 64 bytes.
    /// - Throws: ``SignatureError/wrongByteCount(expected:found:)``.
    public init(rawRepresentation bytes: [UInt8]) throws(SignatureError) {
        guard let value = bytes.withUnsafeBytes({ SchnorrSignature($0) }) else {
            throw .wrongByteCount(expected: SchnorrSignature.byteCount, found: bytes.count)
        }
        self = value
    }

    /// Takes 64 bytes.
    /// - Throws: ``SignatureError/wrongByteCount(expected:found:)``.
    public init(rawRepresentation bytes: UnsafeRawBufferPointer) throws(SignatureError) {
        guard let value = SchnorrSignature(bytes) else {
            throw .wrongByteCount(expected: SchnorrSignature.byteCount, found: bytes.count)
        }
        self = value
    }

    private init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == SchnorrSignature.byteCount else { return nil }
        r = Hash32(unchecked: UnsafeRawBufferPointer(rebasing: bytes[..<32]))
        s = Hash32(unchecked: UnsafeRawBufferPointer(rebasing: bytes[32...]))
    }

    /// The 64 bytes.
    public var rawRepresentation: [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    /// Lends the 64 bytes for the length of the call.
    @inline(__always)
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        Swift.withUnsafeBytes(of: (r, s), body)
    }

    /// 128 lowercase hexadecimal digits.
    public var description: String {
        hexadecimal(rawRepresentation)
    }
}
