/// Takes multistream messages out of a byte stream without ever taking a byte that follows them.
///
/// Whatever comes after the last message of a negotiation belongs to the next protocol, and peers do put both in one
/// write, so this reader stops at the exact end of a message.
struct MultistreamReader {
    /// What ``next(_:at:)`` found.
    enum Outcome: Equatable {
        /// All bytes were taken and the message is not complete.
        case incomplete
        /// One whole message, without its newline.
        case message([UInt8])
        /// The bytes are not multistream messages.
        case malformed(MultistreamError)
    }

    private let maximumLength: Int
    private var length = 0
    private var lengthBytes = 0
    private var lengthIsComplete = false
    private var text: [UInt8] = []

    /// - Parameter maximumLength: the longest message accepted, newline included.
    init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// Reads on from `offset`, which moves past the bytes taken.
    mutating func next(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Outcome {
        while !lengthIsComplete {
            guard offset < bytes.count else { return .incomplete }
            let byte = bytes[offset]
            offset += 1
            lengthBytes += 1
            length |= Int(byte & 0x7f) << (7 * (lengthBytes - 1))
            if byte & 0x80 == 0 {
                lengthIsComplete = true
            } else if lengthBytes == 2 {
                return .malformed(.lengthTooLarge(maximum: maximumLength))
            }
        }
        guard length > 0 else { return .malformed(.missingNewline) }
        guard length <= maximumLength else {
            return .malformed(.lengthTooLarge(maximum: maximumLength))
        }
        let take = min(length - text.count, bytes.count - offset)
        if take > 0 {
            text.append(contentsOf: bytes[offset..<(offset + take)])
            offset += take
        }
        guard text.count == length else { return .incomplete }
        guard text.last == UInt8(ascii: "\n") else { return .malformed(.missingNewline) }
        var message: [UInt8] = []
        swap(&message, &text)
        message.removeLast()
        length = 0
        lengthBytes = 0
        lengthIsComplete = false
        return .message(message)
    }
}
