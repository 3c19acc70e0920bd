import Secp256k1

extension FuzzTarget {
    /// The generator, compressed.
    static let generator: [UInt8] = [
        0x02, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
        0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
    ]

    /// Keys, points and signatures.
    static let keys: [FuzzTarget] = [
        FuzzTarget("key", seeds: [generator]) { bytes in
            if let key = try? Secp256k1.PublicKey(compressedRepresentation: bytes) {
                check(key.compressedRepresentation == bytes, "a key has two encodings")
            }
            if let key = try? XOnlyPublicKey(rawRepresentation: bytes) {
                check(key.rawRepresentation == bytes, "an x-only key has two encodings")
            }
        },
        FuzzTarget("point", seeds: [generator, [UInt8](repeating: 0, count: 33)]) { bytes in
            if let point = try? Point(extendedRepresentation: bytes) {
                check(point.extendedRepresentation == bytes, "a point has two encodings")
            }
        },
        FuzzTarget("ecdsa", seeds: [[0x30, 6, 2, 1, 1, 2, 1, 1]]) { bytes in
            if let signature = try? ECDSASignature(derRepresentation: bytes) {
                let again = try? ECDSASignature(derRepresentation: signature.derRepresentation)
                check(again == signature, "an ECDSA signature does not survive its encoding")
            }
        },
        FuzzTarget("scalar", seeds: [[UInt8](repeating: 1, count: 32)]) { bytes in
            if let scalar = Scalar(canonical: bytes) {
                check(scalar.bytes == bytes, "a scalar has two encodings")
            }
        },
    ]
}
