import Secp256k1

/// The 32 secret bytes that a nonce is derived from, and the derivation (BIP-327, NonceGen).
struct NonceSeed: ~Copyable {
    private static let auxiliaryHash = TaggedHash("MuSig/aux")
    private static let nonceHash = TaggedHash("MuSig/nonce")

    private var bytes: SecretBytes

    init(_ bytes: consuming SecretBytes) {
        self.bytes = bytes
    }

    /// 32 fresh bytes of the system's generator, which is the only one that production code draws nonces from.
    static func random() -> NonceSeed {
        NonceSeed(SecretBytes.random(byteCount: Hash32.byteCount))
    }

    /// Replaces the seed by its hash XOR the secret key, so that neither alone gives the nonce away.
    mutating func mask(with secretKey: borrowing SecretKey) {
        self.bytes = Self.auxiliaryHash.secretHash(self.bytes)
        secretKey.withUnsafeBytes { key in
            self.bytes.withUnsafeMutableBytes { bytes in
                for index in 0..<Swift.min(key.count, bytes.count) {
                    bytes[index] ^= key[index]
                }
            }
        }
    }

    /// The nonce that this seed gives with these inputs; nil in the case, of a chance of 2⁻²⁵⁵, that a half is zero.
    consuming func nonce(
        publicKey: PublicKey, aggregateKey: Hash32?, message: [UInt8]?, extraInput: [UInt8]
    ) throws(NonceGenError) -> SecretNonce? {
        guard extraInput.count <= MuSig2Limits.maximumExtraInputBytes else {
            throw .extraInputTooLong(limit: MuSig2Limits.maximumExtraInputBytes, found: extraInput.count)
        }
        let messageBytes = message.map { 1 + 8 + $0.count } ?? 1
        let aggregateKeyBytes = aggregateKey == nil ? 1 : 1 + Hash32.byteCount
        let count =
            bytes.count + 1 + PublicKey.byteCount + aggregateKeyBytes + messageBytes + 4 + extraInput.count + 1
        var input = SecretBytes(byteCount: count)
        bytes.withUnsafeBytes { seed in
            input.withUnsafeMutableBytes { input in
                var writer = ByteWriter(input)
                writer.append(seed)
                writer.append(byte: UInt8(PublicKey.byteCount))
                writer.append(publicKey)
                if let aggregateKey {
                    writer.append(byte: UInt8(Hash32.byteCount))
                    writer.append(aggregateKey)
                } else {
                    writer.append(byte: 0)
                }
                if let message {
                    writer.append(byte: 1)
                    writer.append(bigEndian: UInt64(message.count))
                    writer.append(message)
                } else {
                    writer.append(byte: 0)
                }
                writer.append(bigEndian: UInt32(extraInput.count))
                writer.append(extraInput)
            }
        }
        return Self.nonceHash.nonce(of: &input, publicKey: publicKey)
    }
}

extension TaggedHash {
    /// The nonce of which the halves are the hashes of an input that ends in the byte 0 and then 1; nil if a half is zero.
    func nonce(of input: inout SecretBytes, publicKey: PublicKey) -> SecretNonce? {
        do throws(SecretKeyError) {
            let first = try SecretScalar(reducing: secretHash(input))
            input.withUnsafeMutableBytes { $0[$0.count - 1] = 1 }
            let second = try SecretScalar(reducing: secretHash(input))
            return try SecretNonce(first: first, second: second, publicKey: publicKey)
        } catch {
            return nil
        }
    }
}
