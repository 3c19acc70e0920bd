public import Crypto
public import PeerProtocols

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Seals plaintext into Noise transport messages.
public struct NoiseSealer: Sendable {
    private let key: SymmetricKey
    private var counter: UInt64
    private let maximumPlaintext: Int

    /// A cipher that gives its first message the nonce `counter`.
    ///
    /// - Parameters:
    ///   - key: the 32-byte key of this direction.
    ///   - counter: the nonce to begin with; only tests give one.
    ///   - maximumPlaintext: the most bytes of plaintext in one message; only tests give another.
    public init(key: SymmetricKey, counter: UInt64 = 0, maximumPlaintext: Int = NoiseFraming.sealedPlaintext) {
        self.key = key
        self.counter = counter
        self.maximumPlaintext = maximumPlaintext
    }

    /// Seals the plaintext as framed messages of up to 32,760 bytes of plaintext each, and hands their bytes on in order. An
    /// empty plaintext makes no message: some implementations close a connection on which an empty message comes.
    ///
    /// - Parameters:
    ///   - plaintext: The bytes to seal.
    ///   - write: Takes the next bytes of the output, which are valid during the call.
    /// - Throws: `NoiseError.nonceExhausted` when the key was used too often.
    public mutating func seal(
        _ plaintext: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) -> Void
    ) throws(NoiseError) {
        var start = 0
        while start < plaintext.count {
            let end = min(start + maximumPlaintext, plaintext.count)
            try sealMessage(UnsafeRawBufferPointer(rebasing: plaintext[start..<end]), write)
            start = end
        }
    }

    /// Seals one message of at most 65,519 bytes of plaintext, perhaps of none.
    ///
    /// - Parameters:
    ///   - plaintext: The bytes to seal.
    ///   - write: Takes the next bytes of the output, which are valid during the call.
    /// - Throws: `NoiseError.nonceExhausted` when the key was used too often.
    public mutating func sealMessage(
        _ plaintext: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) -> Void
    ) throws(NoiseError) {
        // Revision 34, section 5.1: the last counter value is reserved and must never be used.
        guard counter < UInt64.max else { throw .nonceExhausted }
        let box: ChaChaPoly.SealedBox
        do {
            box = try ChaChaPoly.seal(plaintext, using: key, nonce: NoiseNonce.make(counter))
        } catch {
            throw .authenticationFailed(message: "transport encryption")
        }
        counter += 1
        let length = UInt16(truncatingIfNeeded: plaintext.count + NoiseFraming.tagLength).bigEndian
        withUnsafeBytes(of: length, write)
        box.combined.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[NoiseNonce.byteCount...])) }
    }
}

/// Collects Noise transport messages from a byte stream and opens them.
///
/// Each byte is copied once, into a buffer with room for the nonce in front, because the cipher wants nonce, ciphertext
/// and tag in one piece. The buffer holds at most one message and grows with the messages that come.
public final class NoiseOpener {
    private let key: SymmetricKey
    private var counter: UInt64
    private var buffer: UnsafeMutableRawBufferPointer
    private var length = 0
    private var lengthBytes = 0
    private var filled = 0

    private static let initialCapacity = 512

    /// A cipher that gives its first message the nonce `counter`.
    ///
    /// - Parameters:
    ///   - key: the 32-byte key of this direction.
    ///   - counter: the nonce to begin with; only tests give one.
    public init(key: SymmetricKey, counter: UInt64 = 0) {
        self.key = key
        self.counter = counter
        buffer = .allocate(byteCount: Self.initialCapacity, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    /// Reads on from `offset`, which moves past the bytes taken.
    ///
    /// - Returns: the plaintext of one message, or nil when no message is complete.
    public func next(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) throws(NoiseError) -> Data? {
        while lengthBytes < NoiseFraming.lengthBytes {
            guard offset < bytes.count else { return nil }
            length = length << 8 | Int(bytes[offset])
            lengthBytes += 1
            offset += 1
        }
        guard length >= NoiseFraming.tagLength else {
            throw .authenticationFailed(message: "transport message of \(length) bytes")
        }
        let take = min(length - filled, bytes.count - offset)
        if take > 0 {
            makeRoom(for: filled + take)
            UnsafeMutableRawBufferPointer(rebasing: buffer[(NoiseNonce.byteCount + filled)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + take)]))
            filled += take
            offset += take
        }
        guard filled == length else { return nil }
        let plaintext = try open()
        length = 0
        lengthBytes = 0
        filled = 0
        return plaintext
    }

    private func open() throws(NoiseError) -> Data {
        guard counter < UInt64.max, let start = buffer.baseAddress else { throw .nonceExhausted }
        buffer.storeBytes(of: 0, toByteOffset: 0, as: UInt32.self)
        buffer.storeBytes(of: counter.littleEndian, toByteOffset: 4, as: UInt64.self)
        do {
            // The data is only borrowed for this call: nothing keeps it after the box is opened.
            let combined = Data(
                bytesNoCopy: start, count: NoiseNonce.byteCount + length, deallocator: .none)
            let plaintext = try ChaChaPoly.open(ChaChaPoly.SealedBox(combined: combined), using: key)
            counter += 1
            return plaintext
        } catch {
            throw .authenticationFailed(message: "transport message \(counter)")
        }
    }

    /// Lets go of room that only a large message needed.
    public func shrink() {
        guard filled == 0, buffer.count > Self.initialCapacity else { return }
        buffer.deallocate()
        buffer = .allocate(byteCount: Self.initialCapacity, alignment: 16)
    }

    /// Grows by need, not by the length announced, so that a peer has to send what it makes us hold.
    private func makeRoom(for count: Int) {
        let needed = NoiseNonce.byteCount + count
        guard needed > buffer.count else { return }
        let limit = NoiseNonce.byteCount + NoiseFraming.maximumMessage
        var capacity = buffer.count
        while capacity < needed {
            capacity *= 2
        }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: min(capacity, limit), alignment: 16)
        larger.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: buffer[..<(NoiseNonce.byteCount + filled)]))
        buffer.deallocate()
        buffer = larger
    }
}
