import CSecp256k1

/// A public key as BIP-340 writes it: the x coordinate alone, standing for the point with that x and an even y.
///
/// Equal and ordered by its 32 bytes. Source: BIP-340, "Public Key Conversion" and lift_x.
public struct XOnlyPublicKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number of bytes: 32.
    public static let byteCount = 32

    /// The point with this x coordinate and an even y coordinate.
    public let evenPublicKey: PublicKey

    /// The caller knows that the y coordinate is even.
    @inline(__always)
    init(evenPoint: PublicKey) {
        evenPublicKey = evenPoint
    }

    /// Parses an x-only key.
    /// - Parameter bytes: 32 bytes: an x coordinate, big-endian, below p and on the curve.
    /// - Throws: ``PublicKeyError`` for anything else.
    public init(rawRepresentation bytes: [UInt8]) throws(PublicKeyError) {
        guard let x = Hash32(bytes) else {
            throw .wrongByteCount(expected: XOnlyPublicKey.byteCount, found: bytes.count)
        }
        try self.init(x)
    }

    /// Parses an x-only key.
    /// - Parameter bytes: 32 bytes: an x coordinate, big-endian, below p and on the curve.
    /// - Throws: ``PublicKeyError`` for anything else.
    public init(rawRepresentation bytes: UnsafeRawBufferPointer) throws(PublicKeyError) {
        guard let x = Hash32(bytes) else {
            throw .wrongByteCount(expected: XOnlyPublicKey.byteCount, found: bytes.count)
        }
        try self.init(x)
    }

    /// Lifts an x coordinate to the point with an even y coordinate.
    /// - Throws: ``PublicKeyError`` when it is not below p or not on the curve.
    public init(_ x: Hash32) throws(PublicKeyError) {
        let parsed = withUnsafeTemporaryAllocation(byteCount: PublicKey.byteCount, alignment: 8) {
            (buffer) -> Result<PublicKey, PublicKeyError> in
            buffer[0] = 2
            x.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[1...]).copyMemory(from: $0) }
            do throws(PublicKeyError) {
                return .success(try PublicKey(compressedRepresentation: UnsafeRawBufferPointer(buffer)))
            } catch {
                return .failure(error)
            }
        }
        evenPublicKey = try parsed.get()
    }

    /// The x coordinate: 32 bytes, big-endian.
    public var x: Hash32 {
        evenPublicKey.xCoordinate
    }

    /// The 32 bytes.
    public var rawRepresentation: [UInt8] {
        x.bytes
    }

    /// Byte order.
    public static func < (left: XOnlyPublicKey, right: XOnlyPublicKey) -> Bool {
        left.x < right.x
    }

    /// 64 lowercase hexadecimal digits.
    public var description: String {
        x.description
    }

    /// Whether a signature is valid for a message of any length. Source: BIP-340, "Verification".
    public func isValidSignature(_ signature: SchnorrSignature, for message: UnsafeRawBufferPointer) -> Bool {
        let context = Context.shared.pointer
        var storage = evenPublicKey.storage
        var key = secp256k1_xonly_pubkey()
        guard secp256k1_xonly_pubkey_from_pubkey(context, &key, nil, &storage) == 1 else { return false }
        return signature.withUnsafeBytes { signature in
            signature.withUInt8Pointer { signature in
                message.withUInt8Pointer {
                    secp256k1_schnorrsig_verify(context, signature, $0, message.count, &key) == 1
                }
            }
        }
    }

    /// Whether a signature is valid for a message of any length. Source: BIP-340, "Verification".
    public func isValidSignature(_ signature: SchnorrSignature, for message: [UInt8]) -> Bool {
        message.withUnsafeBytes { self.isValidSignature(signature, for: $0) }
    }

    /// Whether a signature is valid for a 32-byte message. Source: BIP-340, "Verification".
    public func isValidSignature(_ signature: SchnorrSignature, for message: Hash32) -> Bool {
        message.withUnsafeBytes { self.isValidSignature(signature, for: $0) }
    }
}
