import CSecp256k1

extension SecretKey {
    /// A BIP-340 signature of a message of any length.
    /// - Parameters:
    ///   - message: What is signed. BIP-340 advises to sign a tagged hash where one key serves several purposes.
    ///   - auxiliaryRandomness: 32 fresh random bytes. The signature is safe with any value, zeros included; randomness
    ///     protects against fault and side-channel attacks.
    /// - Returns: The signature, which verifies under ``xOnlyPublicKey``.
    /// - Throws: ``SigningError/refusedByLibrary``.
    public borrowing func schnorrSignature(
        for message: UnsafeRawBufferPointer,
        auxiliaryRandomness: Hash32
    ) throws(SigningError) -> SchnorrSignature {
        defer { DeadStack.wipe() }
        var randomness = auxiliaryRandomness
        var signature = (Hash32.zero, Hash32.zero)
        let signed = withUnsafeMutablePointer(to: &signature) { pointer in
            pointer.withMemoryRebound(to: UInt8.self, capacity: SchnorrSignature.byteCount) { signature in
                randomness.withUnsafeMutableBytes { randomness in
                    // No nonce function means BIP-340's own, to which the pointer gives the auxiliary randomness. The
                    // four bytes mark the structure as initialised.
                    var parameters = secp256k1_schnorrsig_extraparams(
                        magic: (0xDA, 0x6F, 0xB3, 0x8C),
                        noncefp: nil,
                        ndata: UnsafeMutableRawPointer(randomness)
                    )
                    return message.withUInt8Pointer { messagePointer in
                        withKeypair { keypair in
                            secp256k1_schnorrsig_sign_custom(
                                Context.shared.pointer,
                                signature,
                                messagePointer,
                                message.count,
                                keypair,
                                &parameters
                            )
                        }
                    }
                }
            }
        }
        guard ConstantTime.declassified(signed) == 1 else { throw .refusedByLibrary }
        signature = ConstantTime.declassified(signature)
        return SchnorrSignature(r: signature.0, s: signature.1)
    }

    /// A BIP-340 signature of a message of any length.
    /// - Parameters:
    ///   - message: What is signed.
    ///   - auxiliaryRandomness: 32 fresh random bytes.
    /// - Returns: The signature, which verifies under ``xOnlyPublicKey``.
    /// - Throws: ``SigningError/refusedByLibrary``.
    public borrowing func schnorrSignature(
        for message: [UInt8],
        auxiliaryRandomness: Hash32
    ) throws(SigningError) -> SchnorrSignature {
        let result = message.withUnsafeBytes { message -> Result<SchnorrSignature, SigningError> in
            do throws(SigningError) {
                return .success(try self.schnorrSignature(for: message, auxiliaryRandomness: auxiliaryRandomness))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// A BIP-340 signature of a message of any length, with auxiliary randomness from the system's generator.
    /// - Throws: ``SigningError/refusedByLibrary``.
    public borrowing func schnorrSignature(for message: [UInt8]) throws(SigningError) -> SchnorrSignature {
        try self.schnorrSignature(for: message, auxiliaryRandomness: Hash32.random())
    }

    /// A BIP-340 signature of a 32-byte message, with auxiliary randomness from the system's generator.
    /// - Throws: ``SigningError/refusedByLibrary``.
    public borrowing func schnorrSignature(for message: Hash32) throws(SigningError) -> SchnorrSignature {
        try message.withUnsafeBytes { (message) throws(SigningError) in
            try self.schnorrSignature(for: message, auxiliaryRandomness: Hash32.random())
        }
    }

    /// An ECDSA signature of a digest, with a low s and the deterministic nonce of RFC 6979.
    /// - Parameter digest: 32 bytes, as a rule the SHA-256 of a message.
    /// - Returns: The signature, which verifies under ``publicKey``.
    /// - Throws: ``SigningError/refusedByLibrary``.
    public borrowing func ecdsaSignature(forDigest digest: Hash32) throws(SigningError) -> ECDSASignature {
        defer { DeadStack.wipe() }
        var signature = secp256k1_ecdsa_signature()
        let signed = digest.withUnsafeBytes { digest in
            digest.withUInt8Pointer { digest in
                withUnsafeBytes { key in
                    key.withUInt8Pointer {
                        secp256k1_ecdsa_sign(Context.shared.pointer, &signature, digest, $0, nil, nil)
                    }
                }
            }
        }
        guard ConstantTime.declassified(signed) == 1 else { throw .refusedByLibrary }
        return ECDSASignature(ConstantTime.declassified(signature))
    }
}
