import Crypto
public import Multiformats
import Secp256k1

/// SHA-256 in the shape the curve code wants.
enum IdentityDigest {
    static func sha256(_ message: [UInt8]) -> Hash32 {
        // A SHA-256 digest has 32 bytes, so the second operand is never used.
        SHA256.hash(data: message).withUnsafeBytes { Hash32($0) } ?? .zero
    }
}

/// Checks signatures made by the identity keys of others.
public enum IdentityVerification {
    /// Whether `signature` was made by `key` over `message`.
    ///
    /// secp256k1 signatures are taken with high S too, since some implementations make them.
    ///
    /// - Parameters:
    ///   - signature: Ed25519: 64 bytes. secp256k1: DER.
    ///   - message: The bytes that were signed, domain included.
    ///   - key: The public key of the peer.
    /// - Returns: Whether it is valid.
    /// - Throws: ``NodeIdentityError`` when the key itself cannot be used: RSA, ECDSA, or not a point.
    public static func isValidSignature(
        _ signature: [UInt8], for message: [UInt8], by key: PublicKeyProtobuf
    ) throws(NodeIdentityError) -> Bool {
        switch key.type {
        case .ed25519:
            let publicKey: Curve25519.Signing.PublicKey
            do {
                publicKey = try Curve25519.Signing.PublicKey(rawRepresentation: key.data)
            } catch {
                throw .invalidKey(.ed25519, reason: "\(error)")
            }
            return publicKey.isValidSignature(signature, for: message)
        case .secp256k1:
            let publicKey: PublicKey
            do throws(PublicKeyError) {
                publicKey = try PublicKey(compressedRepresentation: key.data)
            } catch {
                throw .invalidKey(.secp256k1, reason: "\(error)")
            }
            let parsed: ECDSASignature
            do throws(SignatureError) {
                parsed = try ECDSASignature(derRepresentation: signature)
            } catch {
                return false
            }
            return publicKey.isValidSignature(parsed.normalized, forDigest: IdentityDigest.sha256(message))
        case .rsa, .ecdsa:
            throw .unsupportedKeyType(key.type)
        }
    }
}
