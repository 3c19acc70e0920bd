import Synchronization

/// Whether two byte strings are equal, in time that depends on their lengths alone.
///
/// The lengths themselves are not secret: strings of different length are unequal at once.
@inline(never)
public func constantTimeEquals(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in 0..<left.count {
        difference |= left[index] ^ right[index]
    }
    return ConstantTime.declassified(difference) == 0
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { right in constantTimeEquals(left, right) } }
}

/// The points at which a secret comes to be, and at which a value computed from secrets stops being one.
///
/// A constant-time test runs this module under valgrind with every secret marked undefined, and any branch or memory
/// index that depends on one is reported. The random bytes that the module draws itself pass through here, so that the
/// test can mark them too. A public key, the fact that a key is valid, the verdict of a comparison are computed from
/// secrets and yet public: each passes through here as well, so that the test can mark it defined. In production no hook
/// is installed and the cost is one load.
@_spi(ConstantTimeTest)
public enum ConstantTime {
    /// Told of bytes: their address and their number.
    public typealias Hook = @convention(c) (UnsafeMutableRawPointer, Int) -> Void

    private static let declassifier = Atomic<UInt>(0)
    private static let classifier = Atomic<UInt>(0)

    /// Installs the hook that is told which bytes are public from now on. For the constant-time test alone.
    public static func installDeclassifier(_ hook: Hook) {
        declassifier.store(unsafeBitCast(hook, to: UInt.self), ordering: .releasing)
    }

    /// Installs the hook that is told which bytes were drawn and are secret. For the constant-time test alone.
    public static func installClassifier(_ hook: Hook) {
        classifier.store(unsafeBitCast(hook, to: UInt.self), ordering: .releasing)
    }

    /// Says that these bytes are secret from now on.
    @inline(__always)
    static func classify(_ bytes: UnsafeMutableRawBufferPointer) {
        let installed = classifier.load(ordering: .acquiring)
        if installed != 0, let base = bytes.baseAddress {
            unsafeBitCast(installed, to: Hook.self)(base, bytes.count)
        }
    }

    /// Says that these bytes are public from now on.
    @inline(__always)
    static func declassify(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
        let installed = declassifier.load(ordering: .acquiring)
        if installed != 0 {
            unsafeBitCast(installed, to: Hook.self)(pointer, byteCount)
        }
    }

    /// The same value, public from now on.
    @inline(__always)
    static func declassified<T: BitwiseCopyable>(_ value: T) -> T {
        var value = value
        declassify(&value, byteCount: MemoryLayout<T>.size)
        return value
    }
}
