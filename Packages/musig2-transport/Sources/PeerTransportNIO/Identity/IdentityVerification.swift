import Crypto
import CryptoExtras
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
    /// secp256k1 signatures are taken with high S too, since some implementations make them. RSA keys have 2,048 to 8,192 bits;
    /// of ECDSA only P-256 is known.
    ///
    /// - Parameters:
    ///   - signature: Ed25519: 64 bytes. secp256k1 and ECDSA: DER, over SHA-256. RSA: PKCS #1 v1.5 with SHA-256, as long as the
    ///     modulus.
    ///   - message: The bytes that were signed, domain included.
    ///   - key: The public key of the peer.
    /// - Returns: Whether it is valid.
    /// - Throws: ``NodeIdentityError`` when the key itself cannot be used: not a point, no PKIX form, an RSA key of another size,
    ///   another curve.
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
        case .rsa:
            return try rsaKey(key.data).isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: message),
                padding: .insecurePKCS1v1_5)
        case .ecdsa:
            return try isValidECDSA(signature, for: message, by: key.data)
        }
    }

    /// RSA keys of others that are used: 2,048 bits are what a stock IPFS node has, and above 8,192 checking takes too long.
    private static let rsaBits = 2048...8192

    private static func rsaKey(_ data: [UInt8]) throws(NodeIdentityError) -> _RSA.Signing.PublicKey {
        guard let bits = PKIX.rsaModulusBits(data) else { throw .invalidKey(.rsa, reason: "not in PKIX form") }
        guard rsaBits.contains(bits) else {
            throw .wrongRSASize(minimum: rsaBits.lowerBound, maximum: rsaBits.upperBound, found: bits)
        }
        let key: _RSA.Signing.PublicKey
        do {
            key = try _RSA.Signing.PublicKey(derRepresentation: data)
        } catch {
            throw .invalidKey(.rsa, reason: "\(error)")
        }
        // What is read has one form only.
        guard key.derRepresentation.elementsEqual(data) else { throw .invalidKey(.rsa, reason: "not in PKIX form") }
        return key
    }

    private static func isValidECDSA(
        _ signature: [UInt8], for message: [UInt8], by data: [UInt8]
    ) throws(NodeIdentityError) -> Bool {
        let key: P256.Signing.PublicKey
        do {
            key = try P256.Signing.PublicKey(derRepresentation: data)
        } catch {
            throw .invalidKey(.ecdsa, reason: "\(error)")
        }
        do {
            let parsed = try P256.Signing.ECDSASignature(derRepresentation: signature)
            return key.isValidSignature(parsed, for: message)
        } catch {
            return false
        }
    }
}
