#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A fixed number of secret bytes in pages that hold nothing but secrets, zeroed when the value goes away.
///
/// Noncopyable, so there is one place that holds the secret and one moment at which it is gone: at the end of the
/// value's life, on every path, thrown errors included. The bytes stay where they are when the value moves (only the
/// pointer does). There is no description, no conversion to an array and no equality but the constant-time one.
public struct SecretBytes: ~Copyable, @unchecked Sendable {
    private let buffer: UnsafeMutableRawBufferPointer
    private let home: Home

    /// Where the memory goes when it has been wiped.
    private enum Home {
        case pages(SecretPages.Run)
        /// The system had no pages.
        case heap
        /// Nowhere: it is a test's, or there is none.
        case elsewhere
    }

    /// As many zero bytes as asked for.
    /// - Parameter byteCount: How many. A negative number counts as none.
    public init(byteCount: Int) {
        let count = Swift.max(byteCount, 0)
        if count == 0 {
            buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            home = .elsewhere
        } else if let slot = SecretPages.shared.allocate(byteCount: count) {
            buffer = UnsafeMutableRawBufferPointer(start: slot.address, count: count)
            home = .pages(slot.run)
        } else {
            buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            home = .heap
            SecretPages.shared.noteStray(byteCount: count)
        }
    }

    /// A copy of the caller's bytes. Wiping the original is the caller's business.
    public init(copying bytes: UnsafeRawBufferPointer) {
        self.init(byteCount: bytes.count)
        buffer.copyMemory(from: bytes)
        DeadStack.wipeCopyRegisters()
    }

    #if compiler(>=6.2)
        /// A copy of the caller's bytes, of an array for example: `array.span.bytes`. Wiping the original is the caller's
        /// business.
        public init(copying bytes: RawSpan) {
            self = bytes.withUnsafeBytes { SecretBytes(copying: $0) }
        }
    #endif

    /// Takes over memory that outlives this value: it is wiped at the end, not freed. Tests look at it afterwards.
    init(wipingButNotFreeing buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
        home = .elsewhere
    }

    deinit {
        SecretBytes.wipe(self.buffer)
        switch self.home {
        case .pages(let run):
            guard let address = self.buffer.baseAddress else { return }
            SecretPages.shared.release(SecretPages.Slot(address: address, run: run))
        case .heap: self.buffer.deallocate()
        case .elsewhere: break
        }
    }

    /// How many bytes there are.
    public var count: Int {
        buffer.count
    }

    /// Lends the bytes for reading. They must not be kept or copied beyond the call.
    @inline(__always)
    public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(buffer))
    }

    /// Lends the bytes for writing in place.
    @inline(__always)
    public mutating func withUnsafeMutableBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(buffer)
    }

    /// Random bytes of the system, written straight into this memory and nowhere else.
    /// - Parameter byteCount: How many. A negative number counts as none.
    /// - Returns: The bytes.
    public static func random(byteCount: Int) -> SecretBytes {
        var bytes = SecretBytes(byteCount: byteCount)
        if !SystemEntropy.fill(bytes.buffer) {
            bytes.fill(using: SystemRandomNumberGenerator())
        }
        ConstantTime.classify(bytes.buffer)
        return bytes
    }

    /// Fills every byte from a generator, eight at a time.
    public mutating func fill(using generator: consuming some RandomNumberGenerator) {
        self.fill(from: &generator)
    }

    /// Fills every byte from a generator, eight at a time.
    public mutating func fill(from generator: inout some RandomNumberGenerator) {
        var offset = 0
        while buffer.count - offset >= 8 {
            buffer.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        if offset < buffer.count {
            var word = generator.next().littleEndian
            while offset < buffer.count {
                buffer[offset] = UInt8(truncatingIfNeeded: word)
                word &>>= 8
                offset += 1
            }
        }
    }

    /// Whether both hold the same bytes, in time that depends on their lengths alone.
    public borrowing func isEqual(to other: borrowing SecretBytes) -> Bool {
        constantTimeEquals(UnsafeRawBufferPointer(buffer), UnsafeRawBufferPointer(other.buffer))
    }

    /// Writes zeros that no optimizer may leave out: for copies of secrets that a program makes itself.
    public static func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let base = buffer.baseAddress else { return }
        #if canImport(Darwin)
            _ = memset_s(base, buffer.count, 0, buffer.count)
        #else
            explicit_bzero(base, buffer.count)
        #endif
    }
}
