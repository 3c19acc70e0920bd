/// Why bytes are not a public key.
public enum PublicKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not the one length that is accepted: 33 bytes for a compressed key, 32 for an x-only key.
    case wrongByteCount(expected: Int, found: Int)
    /// The first byte of a compressed key is neither 02 nor 03. Uncompressed (04) and hybrid (06, 07) forms are
    /// refused, and so is 00, which would be the point at infinity.
    case wrongPrefix(found: UInt8)
    /// The x coordinate is the field size p or above.
    case coordinateNotBelowFieldSize
    /// No point of the curve has this x coordinate.
    case notOnCurve

    /// What was expected and what was found.
    public var description: String {
        switch self {
        case .wrongByteCount(let expected, let found):
            "public key: expected \(expected) bytes, found \(found)"
        case .wrongPrefix(let found):
            "public key: expected a first byte of 02 or 03, found \(hexadecimal([found]))"
        case .coordinateNotBelowFieldSize:
            "public key: expected an x coordinate below the field size, found one that is not"
        case .notOnCurve:
            "public key: expected the x coordinate of a point on secp256k1, found one that no point has"
        }
    }
}
