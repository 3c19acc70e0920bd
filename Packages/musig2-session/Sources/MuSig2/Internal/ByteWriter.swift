internal import Secp256k1

/// Writes what is to be hashed into a buffer, one piece after the other, with no allocation.
///
/// A piece for which there is no room is cut or left out: the caller sizes the buffer by the same pieces, so that never happens with
/// the sizes of this module; it makes writing past the end impossible all the same.
internal struct ByteWriter {
    private let buffer: UnsafeMutableRawBufferPointer

    /// How many bytes were written.
    private(set) internal var count = 0

    internal init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    internal mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let length = Swift.min(bytes.count, self.buffer.count - self.count)
        guard length > 0 else { return }
        UnsafeMutableRawBufferPointer(rebasing: self.buffer[self.count..<self.count + length])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[0..<length]))
        self.count += length
    }

    internal mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.append($0) }
    }

    internal mutating func append(_ hash: Hash32) {
        hash.withUnsafeBytes { self.append($0) }
    }

    internal mutating func append(byte: UInt8) {
        withUnsafeBytes(of: byte) { self.append($0) }
    }

    /// An integer, most significant byte first.
    internal mutating func append(bigEndian integer: some FixedWidthInteger & BitwiseCopyable) {
        withUnsafeBytes(of: integer.bigEndian) { self.append($0) }
    }

    /// The 33 bytes of a key's compressed form.
    internal mutating func append(_ key: PublicKey) {
        guard self.buffer.count - self.count >= PublicKey.byteCount else { return }
        key.writeCompressed(to: UnsafeMutableRawBufferPointer(rebasing: self.buffer[self.count...]))
        self.count += PublicKey.byteCount
    }

    /// The 33 bytes of a point: 33 zero bytes for infinity.
    internal mutating func append(_ point: Point) {
        guard self.buffer.count - self.count >= PublicKey.byteCount else { return }
        point.writeExtended(to: UnsafeMutableRawBufferPointer(rebasing: self.buffer[self.count...]))
        self.count += PublicKey.byteCount
    }
}
