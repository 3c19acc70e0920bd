import CMemcheck
@_spi(ConstantTimeTest) import Secp256k1

/// Makes values that memcheck takes for uninitialised, so that it reports every branch and index that depends on them.
enum Secrets {
    /// The library says through these hooks what it computed from secrets and yet is public, and what it drew itself and
    /// is secret.
    static func install() {
        ConstantTime.installDeclassifier { address, count in memcheck_mark_public(address, count) }
        ConstantTime.installClassifier { address, count in
            memcheck_mark_secret(address, count)
            Secrets.drawnByteCount += count
            Secrets.lookAtDrawnBytes?(UnsafeRawBufferPointer(start: address, count: count))
        }
    }

    /// How many secret bytes the library has drawn so far.
    nonisolated(unsafe) static var drawnByteCount = 0

    /// What a planted leak does with secret bytes right where the library has drawn them.
    nonisolated(unsafe) static var lookAtDrawnBytes: ((UnsafeRawBufferPointer) -> Void)?

    /// Runs an operation, and fails unless the library drew so many secret bytes in it: what is not marked is not seen.
    static func drawing<Value: ~Copyable>(_ byteCount: Int, _ body: () throws -> Value) throws -> Value {
        let before = self.drawnByteCount
        let value = try body()
        guard self.drawnByteCount - before == byteCount else {
            throw Failure("expected \(byteCount) secret bytes drawn, found \(self.drawnByteCount - before)")
        }
        return value
    }

    /// Secret bytes with fixed values: the verdict must not change from run to run.
    static func bytes(_ seed: UInt8, count: Int = 32) -> SecretBytes {
        var secret = SecretBytes(byteCount: count)
        secret.withUnsafeMutableBytes { buffer in
            for index in 0..<buffer.count {
                buffer[index] = seed &+ UInt8(truncatingIfNeeded: index &* 37)
            }
            if let base = buffer.baseAddress { memcheck_mark_secret(base, buffer.count) }
        }
        return secret
    }

    /// n + 2^64, a number that reduction changes.
    static func bytesAboveOrder() -> SecretBytes {
        var secret = SecretBytes(byteCount: Scalar.byteCount)
        secret.withUnsafeMutableBytes { buffer in
            (-Scalar.one).withUnsafeBytes { buffer.copyMemory(from: $0) }
            buffer[23] &+= 1
            if let base = buffer.baseAddress { memcheck_mark_secret(base, buffer.count) }
        }
        return secret
    }

    static func key(_ seed: UInt8) throws(SecretKeyError) -> SecretKey {
        try SecretKey(self.bytes(seed))
    }

    static func scalar(_ seed: UInt8) throws(SecretKeyError) -> SecretScalar {
        try SecretScalar(self.bytes(seed))
    }

    /// A number for the module's own arithmetic, whose public interface takes public numbers only.
    static func publicLooking(_ seed: UInt8) -> Scalar {
        Scalar(reducing: self.bytes(seed).withUnsafeBytes { Hash32($0) } ?? .zero)
    }

    /// Uses a result, so that the optimiser must compute it.
    @inline(never)
    static func consume(_ bytes: UnsafeRawBufferPointer) {
        var folded: UInt8 = 0
        for byte in bytes { folded ^= byte }
        withUnsafeMutableBytes(of: &folded) { memcheck_mark_public($0.baseAddress, 1) }
        self.sink &+= UInt(folded)
    }

    static func consume(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.consume($0) }
    }

    nonisolated(unsafe) private static var sink: UInt = 0
}
