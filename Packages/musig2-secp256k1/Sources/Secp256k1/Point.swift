import CSecp256k1

/// Any element of the group: a point of the curve, or the point at infinity, the group's zero.
///
/// All arithmetic runs in variable time: for public values only.
/// Source: BIP-327, "Notation" (infinite points, cbytes_ext, cpoint_ext).
public enum Point: Sendable, Hashable, CustomStringConvertible {
    /// The group's zero.
    case infinity
    /// A point with coordinates.
    case point(PublicKey)

    /// The point at infinity or a compressed point. Source: BIP-327, cpoint_ext.
    /// - Parameter bytes: 33 bytes: all zero for infinity, else as for ``PublicKey``.
    /// - Throws: ``PublicKeyError`` for anything else.
    public init(extendedRepresentation bytes: [UInt8]) throws(PublicKeyError) {
        self = try bytes.withUnsafeBytes { Point.parse($0) }.get()
    }

    /// The point at infinity or a compressed point. Source: BIP-327, cpoint_ext.
    /// - Parameter bytes: 33 bytes: all zero for infinity, else as for ``PublicKey``.
    /// - Throws: ``PublicKeyError`` for anything else.
    public init(extendedRepresentation bytes: UnsafeRawBufferPointer) throws(PublicKeyError) {
        self = try Point.parse(bytes).get()
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> Result<Point, PublicKeyError> {
        if bytes.count == PublicKey.byteCount, bytes.allSatisfy({ $0 == 0 }) {
            return .success(.infinity)
        }
        do throws(PublicKeyError) {
            return .success(.point(try PublicKey(compressedRepresentation: bytes)))
        } catch {
            return .failure(error)
        }
    }

    /// 33 bytes: all zero for infinity, else the compressed point. Source: BIP-327, cbytes_ext.
    public var extendedRepresentation: [UInt8] {
        switch self {
        case .infinity: [UInt8](repeating: 0, count: PublicKey.byteCount)
        case .point(let key): key.compressedRepresentation
        }
    }

    /// Writes the 33 bytes of the extended form to the start of a buffer, without an allocation.
    /// - Parameter buffer: At least 33 bytes; with fewer the program stops, as for an index out of range.
    @inline(__always)
    public func writeExtended(to buffer: UnsafeMutableRawBufferPointer) {
        switch self {
        case .infinity:
            precondition(buffer.count >= PublicKey.byteCount, "a point takes 33 bytes")
            for index in 0..<PublicKey.byteCount { buffer[index] = 0 }
        case .point(let key):
            key.writeCompressed(to: buffer)
        }
    }

    /// The point, or nil for infinity.
    public var publicKey: PublicKey? {
        switch self {
        case .infinity: nil
        case .point(let key): key
        }
    }

    /// Whether this is the point at infinity.
    public var isInfinity: Bool {
        publicKey == nil
    }

    /// `infinity`, or 66 lowercase hexadecimal digits.
    public var description: String {
        switch self {
        case .infinity: "infinity"
        case .point(let key): key.description
        }
    }
}
