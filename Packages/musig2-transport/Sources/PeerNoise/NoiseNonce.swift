import Crypto

/// Nonces of the Noise ChaChaPoly cipher: four zero bytes, then the 64-bit counter, little endian
/// (The Noise Protocol Framework, revision 34, section 12.3).
enum NoiseNonce {
    static let byteCount = 12

    /// The nonce for a message; made from the stack, since an array costs ten times as much.
    static func make(_ counter: UInt64) throws -> ChaChaPoly.Nonce {
        let words: (UInt32, UInt32, UInt32) = (
            0, UInt32(truncatingIfNeeded: counter).littleEndian, UInt32(truncatingIfNeeded: counter >> 32).littleEndian
        )
        return try withUnsafeBytes(of: words) { try ChaChaPoly.Nonce(data: $0) }
    }

    /// The 12 bytes of the nonce.
    static func bytes(_ counter: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        for index in 0..<8 {
            bytes[4 + index] = UInt8(truncatingIfNeeded: counter >> (8 * UInt64(index)))
        }
        return bytes
    }
}
