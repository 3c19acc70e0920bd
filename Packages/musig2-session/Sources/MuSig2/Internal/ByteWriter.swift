import Secp256k1

/// Writes what is to be hashed into a buffer, one piece after the other, with no allocation.
///
/// The caller sizes the buffer by the same pieces, so there is always room, which a debug build asserts: a nonce hashed
/// of less than all its inputs would be a nonce used twice. Writing past the end is impossible all the same: a piece for
/// which there is no room is cut or left out.
struct ByteWriter {
    private let buffer: UnsafeMutableRawBufferPointer

    /// How many bytes were written.
    private(set) var count = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let length = Swift.min(bytes.count, buffer.count - count)
        assert(length == bytes.count, "no room for what is to be hashed")
        guard length > 0 else { return }
        UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + length])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[0..<length]))
        count += length
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.append($0) }
    }

    mutating func append(_ hash: Hash32) {
        hash.withUnsafeBytes { self.append($0) }
    }

    mutating func append(byte: UInt8) {
        withUnsafeBytes(of: byte) { self.append($0) }
    }

    /// An integer, most significant byte first.
    mutating func append(bigEndian integer: some FixedWidthInteger & BitwiseCopyable) {
        withUnsafeBytes(of: integer.bigEndian) { self.append($0) }
    }

    /// The 33 bytes of a key's compressed form.
    mutating func append(_ key: PublicKey) {
        guard buffer.count - count >= PublicKey.byteCount else {
            return assertionFailure("no room for what is to be hashed")
        }
        key.writeCompressed(to: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
        count += PublicKey.byteCount
    }

    /// The 33 bytes of a point: 33 zero bytes for infinity.
    mutating func append(_ point: Point) {
        guard buffer.count - count >= PublicKey.byteCount else {
            return assertionFailure("no room for what is to be hashed")
        }
        point.writeExtended(to: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
        count += PublicKey.byteCount
    }
}
