import CSecp256k1

/// An ECDSA signature: the numbers r and s, each below n.
///
/// Here for the identities of libp2p, which sign with ECDSA and write DER. Source: SEC 1, section 4.1; BIP-66 (strict
/// DER); BIP-62, rule 5 (low s).
public struct ECDSASignature: Sendable, Hashable, CustomStringConvertible {
    /// The most bytes that a DER signature of this curve has.
    public static let maximumDERByteCount = 72
    /// The number of bytes of the compact form: 64.
    public static let compactByteCount = 64

    /// The number r: 32 bytes, big-endian.
    public let r: Hash32
    /// The number s: 32 bytes, big-endian.
    public let s: Hash32

    init(_ storage: secp256k1_ecdsa_signature) {
        var storage = storage
        var compact = (Hash32.zero, Hash32.zero)
        withUnsafeMutablePointer(to: &compact) { pointer in
            pointer.withMemoryRebound(to: UInt8.self, capacity: ECDSASignature.compactByteCount) {
                // Returns 1 always.
                _ = secp256k1_ecdsa_signature_serialize_compact(Context.shared.pointer, $0, &storage)
            }
        }
        r = compact.0
        s = compact.1
    }

    /// Parses DER, strictly: minimal lengths, minimal numbers below n, nothing after them.
    /// - Throws: ``SignatureError/tooLong(maximum:found:)`` or ``SignatureError/malformedDER``.
    public init(derRepresentation bytes: [UInt8]) throws(SignatureError) {
        guard bytes.count <= ECDSASignature.maximumDERByteCount else {
            throw .tooLong(maximum: ECDSASignature.maximumDERByteCount, found: bytes.count)
        }
        var storage = secp256k1_ecdsa_signature()
        let parsed = bytes.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer {
                secp256k1_ecdsa_signature_parse_der(Context.shared.pointer, &storage, $0, bytes.count)
            }
        }
        guard parsed == 1 else { throw .malformedDER }
        self.init(storage)
        // The library reads numbers that are out of range as 0: writing the signature again tells them apart.
        guard derRepresentation == bytes else { throw .malformedDER }
    }

    /// Takes r and s, 32 bytes each.
    /// - Throws: ``SignatureError/wrongByteCount(expected:found:)`` or ``SignatureError/scalarNotBelowOrder``.
    public init(compactRepresentation bytes: [UInt8]) throws(SignatureError) {
        guard bytes.count == ECDSASignature.compactByteCount,
            let r = Hash32(bytes[..<32]),
            let s = Hash32(bytes[32...])
        else {
            throw .wrongByteCount(expected: ECDSASignature.compactByteCount, found: bytes.count)
        }
        guard Scalar(canonical: r) != nil, Scalar(canonical: s) != nil else { throw .scalarNotBelowOrder }
        self.r = r
        self.s = s
    }

    /// The DER form: at most 72 bytes.
    public var derRepresentation: [UInt8] {
        var storage = self.storage
        return [UInt8](unsafeUninitializedCapacity: ECDSASignature.maximumDERByteCount) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            var length = buffer.count
            // Returns 0 only for a buffer that is too short.
            let written = secp256k1_ecdsa_signature_serialize_der(
                Context.shared.pointer,
                base,
                &length,
                &storage
            )
            count = written == 1 ? length : 0
        }
    }

    /// r and s, 32 bytes each.
    public var compactRepresentation: [UInt8] {
        r.bytes + s.bytes
    }

    /// Whether s is at most n / 2, as every signature made here has it.
    public var hasLowS: Bool {
        var storage = self.storage
        return secp256k1_ecdsa_signature_normalize(Context.shared.pointer, nil, &storage) == 0
    }

    /// The signature with the lower of s and n - s: valid for the same key and digest.
    public var normalized: ECDSASignature {
        var storage = self.storage
        var normal = secp256k1_ecdsa_signature()
        _ = secp256k1_ecdsa_signature_normalize(Context.shared.pointer, &normal, &storage)
        return ECDSASignature(normal)
    }

    /// The library's form.
    var storage: secp256k1_ecdsa_signature {
        var storage = secp256k1_ecdsa_signature()
        withUnsafeBytes(of: (self.r, s)) { bytes in
            // Returns 1: both numbers are below n.
            bytes.withUInt8Pointer {
                _ = secp256k1_ecdsa_signature_parse_compact(Context.shared.pointer, &storage, $0)
            }
        }
        return storage
    }

    /// The DER form in lowercase hexadecimal.
    public var description: String {
        hexadecimal(derRepresentation)
    }
}

extension PublicKey {
    /// Whether an ECDSA signature is valid for a digest.
    /// - Parameters:
    ///   - signature: A signature with a low s; one with a high s is not valid here (see ``ECDSASignature/normalized``).
    ///   - digest: The 32 bytes that were signed, as a rule the SHA-256 of a message.
    /// - Returns: Whether it is.
    public func isValidSignature(_ signature: ECDSASignature, forDigest digest: Hash32) -> Bool {
        var signature = signature.storage
        var key = storage
        return digest.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer {
                secp256k1_ecdsa_verify(Context.shared.pointer, &signature, $0, &key) == 1
            }
        }
    }
}
