/// Sizes of Noise messages on the wire: each is two length bytes, big endian, and that many bytes.
public enum NoiseFraming {
    /// The length of the length.
    public static let lengthBytes = 2
    /// The length of the tag of the cipher.
    public static let tagLength = 16
    /// The longest message that two length bytes can announce.
    public static let maximumMessage = 65_535
    /// The longest plaintext of a transport message.
    public static let maximumPlaintext = maximumMessage - tagLength
    /// The longest plaintext that this side seals at once, half of what a full message holds. The cipher makes several copies
    /// of each message, and blocks of 64 KiB are handed back to the system again and again, which costs more than the
    /// second message does.
    public static let sealedPlaintext = (maximumPlaintext + 1) / 2
}

/// Takes length-prefixed handshake messages out of a byte stream without taking a byte that follows them.
public struct NoiseMessageReader: Sendable {
    private var length = 0
    private var lengthBytes = 0
    private var message: [UInt8] = []

    /// A reader at the beginning of a message.
    public init() {}

    /// Reads on from `offset`, which moves past the bytes taken; nil when the message is not complete.
    public mutating func next(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> [UInt8]? {
        while lengthBytes < NoiseFraming.lengthBytes {
            guard offset < bytes.count else { return nil }
            length = length << 8 | Int(bytes[offset])
            lengthBytes += 1
            offset += 1
        }
        let take = min(length - message.count, bytes.count - offset)
        if take > 0 {
            message.append(contentsOf: bytes[offset..<(offset + take)])
            offset += take
        }
        guard message.count == length else { return nil }
        var complete: [UInt8] = []
        swap(&complete, &message)
        length = 0
        lengthBytes = 0
        return complete
    }

    /// A message with its length in front. Handshake messages of this side are far below the limit.
    public static func frame(_ message: [UInt8]) -> [UInt8] {
        let length = UInt16(truncatingIfNeeded: message.count)
        return [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)] + message
    }
}
