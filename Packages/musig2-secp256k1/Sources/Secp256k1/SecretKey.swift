import CSecp256k1

/// A secret key: a number from 1 to n - 1, with its public key computed once.
///
/// Noncopyable, in heap memory of its own that is wiped at the end of its life on every path. It has no description,
/// no conversion to an array and no equality but the constant-time one, and it goes into no collection.
public struct SecretKey: ~Copyable, Sendable {
    /// The number of bytes of a serialized key: 32, big-endian.
    public static let byteCount = 32
    private static let keypairByteCount = MemoryLayout<secp256k1_keypair>.size
    private static let generationAttempts = 16

    /// The number (32 bytes), then the library's key pair (96 bytes), which makes BIP-340 signing twice as fast.
    private let storage: SecretBytes

    /// The public key.
    public let publicKey: PublicKey

    /// A copy of 32 secret bytes, big-endian.
    /// - Throws: ``SecretKeyError/wrongByteCount(expected:found:)``, ``SecretKeyError/outOfRange`` for 0 and for n and
    ///   above. Wiping the original is the caller's business.
    public init(copying bytes: UnsafeRawBufferPointer) throws(SecretKeyError) {
        try self.init(bytes, storage: SecretBytes(byteCount: SecretKey.byteCount + SecretKey.keypairByteCount))
    }

    #if compiler(>=6.2)
        /// A copy of 32 secret bytes, big-endian, of an array for example: `array.span.bytes`.
        /// - Throws: ``SecretKeyError/wrongByteCount(expected:found:)``, ``SecretKeyError/outOfRange`` for 0 and for n and
        ///   above. Wiping the original is the caller's business.
        public init(copying bytes: RawSpan) throws(SecretKeyError) {
            self = try bytes.withUnsafeBytes { (bytes) throws(SecretKeyError) in try SecretKey(copying: bytes) }
        }
    #endif

    /// Takes over 32 secret bytes, big-endian. They are wiped.
    /// - Throws: ``SecretKeyError/wrongByteCount(expected:found:)``, ``SecretKeyError/outOfRange`` for 0 and for n and
    ///   above.
    public init(_ bytes: consuming SecretBytes) throws(SecretKeyError) {
        self = try bytes.withUnsafeBytes { (bytes) throws(SecretKeyError) in try SecretKey(copying: bytes) }
    }

    /// A key from the system's random generator.
    public static func generate() -> SecretKey {
        while true {
            // Another turn has a chance of 2^-128.
            if let key = SecretKey(ifInRange: SecretBytes.random(byteCount: SecretKey.byteCount)) { return key }
        }
    }

    /// A key from a generator of the caller's: for tests, and for nothing else.
    /// - Throws: ``SecretKeyError/unsuitableGenerator`` after 16 outputs in a row that are no key.
    public init(generatingUsing generator: inout some RandomNumberGenerator) throws(SecretKeyError) {
        for _ in 0..<SecretKey.generationAttempts {
            var bytes = SecretBytes(byteCount: SecretKey.byteCount)
            bytes.fill(from: &generator)
            if let key = SecretKey(ifInRange: bytes) {
                self = key
                return
            }
        }
        throw .unsuitableGenerator
    }

    private init?(ifInRange bytes: consuming SecretBytes) {
        do throws(SecretKeyError) {
            try self.init(bytes)
        } catch {
            return nil
        }
    }

    /// Checks the number and makes the key pair in `storage`, which has room for both. Tests bring memory of their own.
    init(
        _ bytes: UnsafeRawBufferPointer,
        storage: consuming SecretBytes
    ) throws(SecretKeyError) {
        guard bytes.count == SecretKey.byteCount else {
            throw .wrongByteCount(expected: SecretKey.byteCount, found: bytes.count)
        }
        defer { DeadStack.wipe() }
        var point = secp256k1_pubkey()
        let created = storage.withUnsafeMutableBytes { storage -> CInt in
            storage.copyMemory(from: bytes)
            guard let base = storage.baseAddress else { return 0 }
            let number = base.assumingMemoryBound(to: UInt8.self)
            let keypair = (base + SecretKey.byteCount).assumingMemoryBound(to: secp256k1_keypair.self)
            let created = secp256k1_keypair_create(Context.shared.pointer, keypair, number)
            // Returns 1 always; only copies.
            _ = secp256k1_keypair_pub(Context.shared.pointer, &point, keypair)
            return created
        }
        guard ConstantTime.declassified(created) == 1 else { throw .outOfRange }
        self.storage = storage
        publicKey = PublicKey(ConstantTime.declassified(point))
    }

    /// The public key without its sign, under which BIP-340 signatures of this key verify.
    public var xOnlyPublicKey: XOnlyPublicKey {
        publicKey.xOnly
    }

    /// Lends the 32 bytes, big-endian. They must not be kept or copied beyond the call.
    @inline(__always)
    public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try storage.withUnsafeBytes { (bytes) throws(E) -> R in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<SecretKey.byteCount]))
        }
    }

    /// The number as a scalar to calculate with. It is wiped on its own.
    public borrowing func secretScalar() -> SecretScalar {
        SecretScalar(unchecked: withUnsafeBytes { SecretBytes(copying: $0) })
    }

    /// A second key of the same value. Each is wiped on its own.
    public borrowing func copy() -> SecretKey {
        SecretKey(storage: self.storage.withUnsafeBytes { SecretBytes(copying: $0) }, publicKey: self.publicKey)
    }

    private init(storage: consuming SecretBytes, publicKey: PublicKey) {
        self.storage = storage
        self.publicKey = publicKey
    }

    /// Whether both are the same key, in constant time.
    public borrowing func isEqual(to other: borrowing SecretKey) -> Bool {
        storage.isEqual(to: other.storage)
    }

    /// Lends the library's key pair.
    borrowing func withKeypair<R>(_ body: (UnsafePointer<secp256k1_keypair>) -> R) -> R {
        storage.withUnsafeBytes { bytes in
            UnsafeRawBufferPointer(rebasing: bytes[SecretKey.byteCount...]).withUInt8Pointer { keypair in
                keypair.withMemoryRebound(to: secp256k1_keypair.self, capacity: 1, body)
            }
        }
    }
}
