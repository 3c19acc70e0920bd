import Secp256k1

/// The 66 bytes that nonces of both kinds have: two points of 33 bytes.
enum NonceHalves {
    static let byteCount = 2 * PublicKey.byteCount

    /// Reads both halves.
    ///
    /// - Parameters:
    ///   - bytes: What should be 66 bytes.
    ///   - parse: What a half is: a point, or a point or infinity.
    /// - Returns: The halves.
    /// - Throws: ``ContributionError/wrongLength(expected:found:)``, or ``ContributionError/invalidPoint(offset:_:)`` of the
    ///   first half that is none.
    static func read<Half>(
        _ bytes: [UInt8], as parse: (UnsafeRawBufferPointer) throws(PublicKeyError) -> Half
    ) throws(ContributionError) -> (first: Half, second: Half) {
        guard bytes.count == byteCount else {
            throw .wrongLength(expected: byteCount, found: bytes.count)
        }
        let first = try half(bytes.span.bytes, at: 0, as: parse)
        let second = try half(bytes.span.bytes, at: PublicKey.byteCount, as: parse)
        return (first, second)
    }

    private static func half<Half>(
        _ bytes: RawSpan, at offset: Int, as parse: (UnsafeRawBufferPointer) throws(PublicKeyError) -> Half
    ) throws(ContributionError) -> Half {
        do throws(PublicKeyError) {
            return try bytes.extracting(offset..<offset + PublicKey.byteCount).withUnsafeBytes(parse)
        } catch {
            throw .invalidPoint(offset: offset, error)
        }
    }

    /// The 66 bytes of two halves, infinity as 33 zeros.
    static func bytes(_ first: Point, _ second: Point) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            var writer = ByteWriter(UnsafeMutableRawBufferPointer(buffer))
            writer.append(first)
            writer.append(second)
            count = writer.count
        }
    }
}
