import Crypto
import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Seals plaintext into Noise transport messages.
struct NoiseSealer {
    private let key: SymmetricKey
    private var counter: UInt64
    private let maximumPlaintext: Int

    /// - Parameters:
    ///   - key: the 32-byte key of this direction.
    ///   - counter: the nonce to begin with; only tests give one.
    ///   - maximumPlaintext: the most bytes of plaintext in one message; only tests give another.
    init(key: SymmetricKey, counter: UInt64 = 0, maximumPlaintext: Int = NoiseFraming.sealedPlaintext) {
        self.key = key
        self.counter = counter
        self.maximumPlaintext = maximumPlaintext
    }

    /// Seals the plaintext and appends it to `output` as framed messages of up to 32,760 bytes of plaintext each. An empty
    /// plaintext appends nothing: some implementations close a connection on which an empty message comes.
    mutating func seal(_ plaintext: UnsafeRawBufferPointer, into output: inout ByteBuffer) throws(NoiseError) {
        var start = 0
        while start < plaintext.count {
            let end = min(start + self.maximumPlaintext, plaintext.count)
            try self.sealMessage(UnsafeRawBufferPointer(rebasing: plaintext[start..<end]), into: &output)
            start = end
        }
    }

    /// Seals one message of at most 65,519 bytes of plaintext, perhaps of none.
    mutating func sealMessage(
        _ plaintext: UnsafeRawBufferPointer, into output: inout ByteBuffer
    ) throws(NoiseError) {
        // Revision 34, section 5.1: the last counter value is reserved and must never be used.
        guard self.counter < UInt64.max else { throw .nonceExhausted }
        do {
            let box = try ChaChaPoly.seal(plaintext, using: self.key, nonce: NoiseNonce.make(self.counter))
            self.counter += 1
            output.writeInteger(UInt16(truncatingIfNeeded: plaintext.count + NoiseFraming.tagLength))
            box.combined.withUnsafeBytes { bytes in
                _ = output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[NoiseNonce.byteCount...]))
            }
        } catch {
            throw .authenticationFailed(message: "transport encryption")
        }
    }
}

/// Collects Noise transport messages from a byte stream and opens them.
///
/// Each byte is copied once, into a buffer with room for the nonce in front, because the cipher wants nonce, ciphertext
/// and tag in one piece. The buffer holds at most one message and grows with the messages that come.
final class NoiseOpener {
    private let key: SymmetricKey
    private var counter: UInt64
    private var buffer: UnsafeMutableRawBufferPointer
    private var length = 0
    private var lengthBytes = 0
    private var filled = 0

    private static let initialCapacity = 512

    /// - Parameters:
    ///   - key: the 32-byte key of this direction.
    ///   - counter: the nonce to begin with; only tests give one.
    init(key: SymmetricKey, counter: UInt64 = 0) {
        self.key = key
        self.counter = counter
        self.buffer = .allocate(byteCount: Self.initialCapacity, alignment: 16)
    }

    deinit {
        self.buffer.deallocate()
    }

    /// Reads on from `offset`, which moves past the bytes taken.
    ///
    /// - Returns: the plaintext of one message, or nil when no message is complete.
    func next(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) throws(NoiseError) -> Data? {
        while self.lengthBytes < NoiseFraming.lengthBytes {
            guard offset < bytes.count else { return nil }
            self.length = self.length << 8 | Int(bytes[offset])
            self.lengthBytes += 1
            offset += 1
        }
        guard self.length >= NoiseFraming.tagLength else {
            throw .authenticationFailed(message: "transport message of \(self.length) bytes")
        }
        let take = min(self.length - self.filled, bytes.count - offset)
        if take > 0 {
            self.makeRoom(for: self.filled + take)
            UnsafeMutableRawBufferPointer(rebasing: self.buffer[(NoiseNonce.byteCount + self.filled)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + take)]))
            self.filled += take
            offset += take
        }
        guard self.filled == self.length else { return nil }
        let plaintext = try self.open()
        self.length = 0
        self.lengthBytes = 0
        self.filled = 0
        return plaintext
    }

    private func open() throws(NoiseError) -> Data {
        guard self.counter < UInt64.max, let start = self.buffer.baseAddress else { throw .nonceExhausted }
        self.buffer.storeBytes(of: 0, toByteOffset: 0, as: UInt32.self)
        self.buffer.storeBytes(of: self.counter.littleEndian, toByteOffset: 4, as: UInt64.self)
        do {
            // The data is only borrowed for this call: nothing keeps it after the box is opened.
            let combined = Data(
                bytesNoCopy: start, count: NoiseNonce.byteCount + self.length, deallocator: .none)
            let plaintext = try ChaChaPoly.open(ChaChaPoly.SealedBox(combined: combined), using: self.key)
            self.counter += 1
            return plaintext
        } catch {
            throw .authenticationFailed(message: "transport message \(self.counter)")
        }
    }

    /// Lets go of room that only a large message needed.
    func shrink() {
        guard self.filled == 0, self.buffer.count > Self.initialCapacity else { return }
        self.buffer.deallocate()
        self.buffer = .allocate(byteCount: Self.initialCapacity, alignment: 16)
    }

    /// Grows by need, not by the length announced, so that a peer has to send what it makes us hold.
    private func makeRoom(for count: Int) {
        let needed = NoiseNonce.byteCount + count
        guard needed > self.buffer.count else { return }
        let limit = NoiseNonce.byteCount + NoiseFraming.maximumMessage
        var capacity = self.buffer.count
        while capacity < needed {
            capacity *= 2
        }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: min(capacity, limit), alignment: 16)
        larger.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: self.buffer[..<(NoiseNonce.byteCount + self.filled)]))
        self.buffer.deallocate()
        self.buffer = larger
    }
}
