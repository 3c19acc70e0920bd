/// Takes the header, which is the first message of either side, out of a byte stream.
///
/// It refuses at the first byte that differs: a peer of another kind would otherwise be waited for in vain, because its
/// first byte is taken for the length of a message that never comes.
struct MultistreamHeaderReader {
    /// What ``next(_:at:)`` found.
    enum Outcome: Equatable {
        /// All bytes were taken and the header is not complete.
        case incomplete
        /// The header is complete.
        case complete
        /// Another byte came.
        case malformed(MultistreamError)
    }

    private var position = 0

    /// Reads on from `offset`, which moves past the bytes taken.
    mutating func next(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Outcome {
        let expected = MultistreamMessage.encodedHeader
        while position < expected.count {
            guard offset < bytes.count else { return .incomplete }
            guard bytes[offset] == expected[position] else {
                let found = expected[..<position] + bytes[offset...].prefix(MultistreamError.shownBytes)
                return .malformed(.unexpectedHeader(found: MultistreamError.printable(Array(found))))
            }
            position += 1
            offset += 1
        }
        return .complete
    }
}
