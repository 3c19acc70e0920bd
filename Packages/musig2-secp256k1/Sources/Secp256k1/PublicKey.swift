import CSecp256k1

/// A point of secp256k1 that is not the point at infinity: a public key, a public nonce, any intermediate point.
///
/// Parsed and checked once. It also keeps its 33 compressed bytes, so that serializing, equality, hashing and order
/// cost next to nothing. Equal and ordered by those bytes, which is the order of BIP-327's KeySort.
/// Source: SEC 1, section 2.3; BIP-327, "Public Key Aggregation" (cbytes, cpoint, KeySort).
public struct PublicKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number of bytes of the compressed form: 33.
    public static let byteCount = 33

    /// The library's form. Opaque, and never anything but the outcome of a successful library call.
    let storage: secp256k1_pubkey
    /// The x coordinate, big-endian.
    let xCoordinate: Hash32
    /// 2 for an even y coordinate, 3 for an odd one.
    let prefix: UInt8

    /// The generator G of the group. Source: SEC 2, section 2.4.1.
    public static let generator: PublicKey = {
        do throws(PublicKeyError) {
            return try PublicKey(compressedRepresentation: [
                0x02, 0x79, 0xBE, 0x66, 0x7E, 0xF9, 0xDC, 0xBB, 0xAC, 0x55, 0xA0, 0x62, 0x95, 0xCE, 0x87, 0x0B, 0x07,
                0x02, 0x9B, 0xFC, 0xDB, 0x2D, 0xCE, 0x28, 0xD9, 0x59, 0xF2, 0x81, 0x5B, 0x16, 0xF8, 0x17, 0x98,
            ])
        } catch {
            preconditionFailure("the generator of secp256k1 is a point of secp256k1")
        }
    }()

    /// Parses a compressed key, strictly.
    /// - Parameter bytes: 33 bytes: 02 or 03, then the x coordinate, big-endian, below p and on the curve.
    /// - Throws: ``PublicKeyError`` for anything else, uncompressed and hybrid forms included.
    public init(compressedRepresentation bytes: [UInt8]) throws(PublicKeyError) {
        self = try bytes.withUnsafeBytes { PublicKey.parse($0) }.get()
    }

    /// Parses a compressed key, strictly.
    /// - Parameter bytes: 33 bytes: 02 or 03, then the x coordinate, big-endian, below p and on the curve.
    /// - Throws: ``PublicKeyError`` for anything else, uncompressed and hybrid forms included.
    public init(compressedRepresentation bytes: ArraySlice<UInt8>) throws(PublicKeyError) {
        self = try bytes.withUnsafeBytes { PublicKey.parse($0) }.get()
    }

    /// Parses a compressed key, strictly.
    /// - Parameter bytes: 33 bytes: 02 or 03, then the x coordinate, big-endian, below p and on the curve.
    /// - Throws: ``PublicKeyError`` for anything else, uncompressed and hybrid forms included.
    public init(compressedRepresentation bytes: UnsafeRawBufferPointer) throws(PublicKeyError) {
        self = try PublicKey.parse(bytes).get()
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> Result<PublicKey, PublicKeyError> {
        guard bytes.count == byteCount else {
            return .failure(.wrongByteCount(expected: byteCount, found: bytes.count))
        }
        let prefix = bytes[0]
        guard prefix == 2 || prefix == 3 else {
            return .failure(.wrongPrefix(found: prefix))
        }
        let xCoordinate = Hash32(unchecked: UnsafeRawBufferPointer(rebasing: bytes[1...]))
        guard xCoordinate < fieldSize else {
            return .failure(.coordinateNotBelowFieldSize)
        }
        var storage = secp256k1_pubkey()
        let parsed = bytes.withUInt8Pointer {
            secp256k1_ec_pubkey_parse(Context.shared.pointer, &storage, $0, byteCount)
        }
        guard parsed == 1 else {
            return .failure(.notOnCurve)
        }
        return .success(PublicKey(storage: storage, xCoordinate: xCoordinate, prefix: prefix))
    }

    /// p, big-endian. Source: SEC 2, section 2.4.1.
    static let fieldSize = Hash32(
        bigEndianWords: 0xFFFF_FFFF_FFFF_FFFF,
        0xFFFF_FFFF_FFFF_FFFF,
        0xFFFF_FFFF_FFFF_FFFF,
        0xFFFF_FFFE_FFFF_FC2F
    )

    @inline(__always)
    init(storage: secp256k1_pubkey, xCoordinate: Hash32, prefix: UInt8) {
        self.storage = storage
        self.xCoordinate = xCoordinate
        self.prefix = prefix
    }

    /// Takes the outcome of a successful library call, and serializes it once.
    init(_ storage: secp256k1_pubkey) {
        var storage = storage
        var length = PublicKey.byteCount
        self = withUnsafeTemporaryAllocation(byteCount: PublicKey.byteCount, alignment: 1) { bytes in
            if let base = bytes.baseAddress {
                // Returns 1 always: the buffer has 33 bytes and the point came from the library.
                _ = secp256k1_ec_pubkey_serialize(
                    Context.shared.pointer,
                    base.assumingMemoryBound(to: UInt8.self),
                    &length,
                    &storage,
                    UInt32(SECP256K1_EC_COMPRESSED)
                )
            }
            return PublicKey(
                storage: storage,
                xCoordinate: Hash32(unchecked: UnsafeRawBufferPointer(rebasing: bytes[1...])),
                prefix: bytes[0]
            )
        }
    }

    /// The 33 compressed bytes: 02 or 03 for an even or odd y coordinate, then the x coordinate, big-endian.
    public var compressedRepresentation: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: PublicKey.byteCount) { buffer, count in
            writeCompressed(to: UnsafeMutableRawBufferPointer(buffer))
            count = PublicKey.byteCount
        }
    }

    /// Writes the 33 compressed bytes to the start of a buffer, without an allocation.
    /// - Parameter buffer: At least 33 bytes; with fewer the program stops, as for an index out of range.
    @inline(__always)
    public func writeCompressed(to buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= PublicKey.byteCount, "a compressed key takes 33 bytes")
        buffer[0] = prefix
        buffer.storeBytes(of: xCoordinate.word0, toByteOffset: 1, as: UInt64.self)
        buffer.storeBytes(of: xCoordinate.word1, toByteOffset: 9, as: UInt64.self)
        buffer.storeBytes(of: xCoordinate.word2, toByteOffset: 17, as: UInt64.self)
        buffer.storeBytes(of: xCoordinate.word3, toByteOffset: 25, as: UInt64.self)
    }

    /// Lends the 33 compressed bytes for the length of the call, without a heap allocation.
    public func withCompressedBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeTemporaryAllocation(byteCount: PublicKey.byteCount, alignment: 8) { buffer in
            writeCompressed(to: buffer)
            return body(UnsafeRawBufferPointer(buffer))
        }
    }

    /// The x coordinate: 32 bytes, big-endian.
    public var x: Hash32 {
        xCoordinate
    }

    /// Whether the y coordinate is even.
    public var hasEvenY: Bool {
        prefix == 2
    }

    /// The point without its sign, as BIP-340 writes keys.
    public var xOnly: XOnlyPublicKey {
        XOnlyPublicKey(evenPoint: hasEvenY ? self : negated)
    }

    /// Equal when the 33 bytes are.
    public static func == (left: PublicKey, right: PublicKey) -> Bool {
        left.prefix == right.prefix && left.xCoordinate == right.xCoordinate
    }

    /// Hashes the 33 bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(prefix)
        hasher.combine(xCoordinate)
    }

    /// The byte order of the compressed forms. Source: BIP-327, KeySort.
    public static func < (left: PublicKey, right: PublicKey) -> Bool {
        if left.prefix != right.prefix { return left.prefix < right.prefix }
        return left.xCoordinate < right.xCoordinate
    }

    /// 66 lowercase hexadecimal digits.
    public var description: String {
        hexadecimal(compressedRepresentation)
    }
}
