import CSecp256k1

/// A secret number from 1 to n - 1: a secret nonce, an intermediate value of a partial signature.
///
/// Noncopyable, in heap memory of its own, changed in place and wiped at the end. Every operation runs in constant
/// time; what it makes public is named: ``publicPoint()``, ``declassify()``, and whether a value was 0 or out of
/// range, which ends in an error and happens by a chance of 2^-128.
public struct SecretScalar: ~Copyable, Sendable {
    private var storage: SecretBytes

    /// Takes over 32 bytes that the caller has checked.
    init(unchecked storage: consuming SecretBytes) {
        self.storage = storage
    }

    /// A copy of 32 secret bytes, big-endian.
    /// - Throws: ``SecretKeyError/wrongByteCount(expected:found:)``, ``SecretKeyError/outOfRange`` for 0 and for n and
    ///   above. Wiping the original is the caller's business.
    public init(copying bytes: UnsafeRawBufferPointer) throws(SecretKeyError) {
        try self.init(SecretBytes(copying: bytes))
    }

    #if compiler(>=6.2)
        /// A copy of 32 secret bytes, big-endian, of an array for example: `array.span.bytes`.
        /// - Throws: ``SecretKeyError/wrongByteCount(expected:found:)``, ``SecretKeyError/outOfRange`` for 0 and for n and
        ///   above. Wiping the original is the caller's business.
        public init(copying bytes: RawSpan) throws(SecretKeyError) {
            try self.init(SecretBytes(copying: bytes))
        }
    #endif

    /// Takes over 32 secret bytes, big-endian.
    /// - Throws: ``SecretKeyError/wrongByteCount(expected:found:)``, ``SecretKeyError/outOfRange`` for 0 and for n and
    ///   above. The bytes are wiped then.
    public init(_ bytes: consuming SecretBytes) throws(SecretKeyError) {
        guard bytes.count == Scalar.byteCount else {
            throw .wrongByteCount(expected: Scalar.byteCount, found: bytes.count)
        }
        guard SecretScalar.isInRange(bytes) else { throw .outOfRange }
        storage = bytes
    }

    /// Takes over 32 secret bytes, big-endian, and reduces them modulo n in place: how BIP-327 makes a nonce of a hash.
    /// - Throws: ``SecretKeyError/wrongByteCount(expected:found:)``, ``SecretKeyError/outOfRange`` when the number is 0
    ///   modulo n.
    public init(reducing bytes: consuming SecretBytes) throws(SecretKeyError) {
        guard bytes.count == Scalar.byteCount else {
            throw .wrongByteCount(expected: Scalar.byteCount, found: bytes.count)
        }
        SecretScalar.reduce(&bytes)
        guard SecretScalar.isInRange(bytes) else { throw .outOfRange }
        storage = bytes
    }

    /// Loads, reduces and stores word by word. Not inlined, so that its frame is wiped with those of its callees: see
    /// ``isInRange(_:)``, which follows.
    @inline(never)
    private static func reduce(_ bytes: inout SecretBytes) {
        bytes.withUnsafeMutableBytes { bytes in
            let reduced = Scalar(reducing: Hash32(unchecked: UnsafeRawBufferPointer(bytes)))
            bytes.storeBytes(of: reduced.limb3.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: reduced.limb2.bigEndian, toByteOffset: 8, as: UInt64.self)
            bytes.storeBytes(of: reduced.limb1.bigEndian, toByteOffset: 16, as: UInt64.self)
            bytes.storeBytes(of: reduced.limb0.bigEndian, toByteOffset: 24, as: UInt64.self)
        }
    }

    private static func isInRange(_ bytes: borrowing SecretBytes) -> Bool {
        defer { DeadStack.wipe() }
        return bytes.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer {
                ConstantTime.declassified(secp256k1_ec_seckey_verify(Context.shared.pointer, $0)) == 1
            }
        }
    }

    /// A second scalar of the same value. Each is wiped on its own.
    public borrowing func copy() -> SecretScalar {
        SecretScalar(unchecked: storage.withUnsafeBytes { SecretBytes(copying: $0) })
    }

    /// Lends the 32 bytes, big-endian. They must not be kept or copied beyond the call.
    @inline(__always)
    public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try storage.withUnsafeBytes(body)
    }

    /// Multiplies by a public scalar, in place and in constant time.
    /// - Throws: ``SecretKeyError/resultIsZero`` for the scalar 0.
    public mutating func multiply(by factor: Scalar) throws(SecretKeyError) {
        try factor.withUnsafeBytes { (factor) throws(SecretKeyError) in
            try apply(factor, secp256k1_ec_seckey_tweak_mul)
        }
    }

    /// Multiplies by a secret scalar, in place and in constant time.
    /// - Throws: ``SecretKeyError/resultIsZero``, only after an earlier failure.
    public mutating func multiply(by factor: borrowing SecretScalar) throws(SecretKeyError) {
        try factor.storage.withUnsafeBytes { (factor) throws(SecretKeyError) in
            try apply(factor, secp256k1_ec_seckey_tweak_mul)
        }
    }

    /// Adds a public scalar, in place and in constant time.
    /// - Throws: ``SecretKeyError/resultIsZero``.
    public mutating func add(_ term: Scalar) throws(SecretKeyError) {
        try term.withUnsafeBytes { (term) throws(SecretKeyError) in
            try apply(term, secp256k1_ec_seckey_tweak_add)
        }
    }

    /// Adds a secret scalar, in place and in constant time.
    /// - Throws: ``SecretKeyError/resultIsZero``.
    public mutating func add(_ term: borrowing SecretScalar) throws(SecretKeyError) {
        try term.storage.withUnsafeBytes { (term) throws(SecretKeyError) in
            try apply(term, secp256k1_ec_seckey_tweak_add)
        }
    }

    /// Replaces the number by n minus it, in place and in constant time.
    public mutating func negate() {
        defer { DeadStack.wipe() }
        storage.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            // Fails only for 0, which stays 0.
            _ = secp256k1_ec_seckey_negate(Context.shared.pointer, base.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// This number times the generator, in constant time. The point is public from here on.
    /// - Throws: ``SecretKeyError/resultIsZero``, only after an earlier failure.
    public borrowing func publicPoint() throws(SecretKeyError) -> PublicKey {
        defer { DeadStack.wipe() }
        var point = secp256k1_pubkey()
        let created = storage.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer {
                ConstantTime.declassified(secp256k1_ec_pubkey_create(Context.shared.pointer, &point, $0))
            }
        }
        guard created == 1 else { throw .resultIsZero }
        return PublicKey(ConstantTime.declassified(point))
    }

    /// Ends the secret and gives out its value: for a number that is meant to be public, such as a partial signature.
    public consuming func declassify() -> Scalar {
        Scalar(reducing: storage.withUnsafeBytes { ConstantTime.declassified(Hash32(unchecked: $0)) })
    }

    private mutating func apply(
        _ operand: UnsafeRawBufferPointer,
        _ operation: (OpaquePointer, UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>) -> CInt
    ) throws(SecretKeyError) {
        defer { DeadStack.wipe() }
        let done = storage.withUnsafeMutableBytes { bytes -> CInt in
            guard let base = bytes.baseAddress else { return 0 }
            return operand.withUInt8Pointer {
                operation(Context.shared.pointer, base.assumingMemoryBound(to: UInt8.self), $0)
            }
        }
        guard ConstantTime.declassified(done) == 1 else { throw .resultIsZero }
    }
}
