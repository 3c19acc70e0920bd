import CSecp256k1

/// A BIP-340 tagged hash: `SHA256(SHA256(tag) ‖ SHA256(tag) ‖ message)`.
///
/// Two tags never give the same hash for the same bytes, so what was hashed for one purpose cannot stand for another.
/// Source: BIP-340, "Design", tagged hashes. Keep one value per tag (`static let`): making it copies the tag.
public struct TaggedHash: Sendable, Hashable {
    /// The tag's bytes.
    public let tag: [UInt8]

    /// A hash under this tag (its UTF-8 bytes).
    public init(_ tag: String) {
        self.tag = Array(tag.utf8)
    }

    /// A hash under this tag.
    public init(tag: [UInt8]) {
        self.tag = tag
    }

    /// The hash of a message of any length.
    public func hash(_ message: UnsafeRawBufferPointer) -> Hash32 {
        var digest = Hash32.zero
        digest.withUnsafeMutableBytes { write(message, to: $0) }
        return digest
    }

    /// The hash of a message of any length.
    public func hash(_ message: [UInt8]) -> Hash32 {
        message.withUnsafeBytes { self.hash($0) }
    }

    /// The hash of several byte strings, one after the other with nothing between them.
    public func hash(_ parts: [UInt8]...) -> Hash32 {
        self.hash(Array(parts.joined()))
    }

    /// The hash of a message that is put together in scratch memory on the stack.
    /// - Parameters:
    ///   - capacity: The most bytes that `build` writes.
    ///   - build: Writes the message to the start of the buffer and returns how many bytes it wrote.
    /// - Returns: The hash of the bytes written.
    public func hash(capacity: Int, _ build: (UnsafeMutableRawBufferPointer) -> Int) -> Hash32 {
        withUnsafeTemporaryAllocation(byteCount: Swift.max(capacity, 0), alignment: 8) { buffer in
            let length = Swift.min(Swift.max(build(buffer), 0), buffer.count)
            return self.hash(UnsafeRawBufferPointer(rebasing: buffer[0..<length]))
        }
    }

    /// The hash of a message that holds a secret, as a secret of 32 bytes.
    public func secretHash(_ message: UnsafeRawBufferPointer) -> SecretBytes {
        defer { DeadStack.wipe() }
        var digest = SecretBytes(byteCount: Hash32.byteCount)
        digest.withUnsafeMutableBytes { digest in
            if let base = digest.baseAddress {
                write(message, to: base.assumingMemoryBound(to: UInt8.self))
            }
        }
        return digest
    }

    /// The hash of a secret message, as a secret of 32 bytes.
    public func secretHash(_ message: borrowing SecretBytes) -> SecretBytes {
        message.withUnsafeBytes { self.secretHash($0) }
    }

    /// The hash of the parts under a tag, for a call made once. Where a tag is used often, keep a ``TaggedHash``.
    public static func hash(tag: String, _ parts: [UInt8]...) -> Hash32 {
        TaggedHash(tag).hash(Array(parts.joined()))
    }

    /// Writes 32 bytes. The library returns 0 for nil arguments alone, and none is nil here.
    @inline(__always)
    private func write(_ message: UnsafeRawBufferPointer, to digest: UnsafeMutablePointer<UInt8>) {
        self.tag.withUnsafeBytes { tag in
            tag.withUInt8Pointer { tagPointer in
                message.withUInt8Pointer { messagePointer in
                    _ = secp256k1_tagged_sha256(
                        Context.shared.pointer,
                        digest,
                        tagPointer,
                        tag.count,
                        messagePointer,
                        message.count
                    )
                }
            }
        }
    }
}
