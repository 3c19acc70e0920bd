extension ByteStream {
    /// What the other side writes, piece by piece, until it closes its half.
    ///
    /// ```swift
    /// for try await bytes in stream.pieces() { parser.append(bytes) }
    /// ```
    ///
    /// It reads from the stream as the loop goes on, so that a slow loop holds the other side up, and it has no buffer of its own.
    /// The stream has one reader at a time: this sequence, or ``read(upTo:)``. When the loop ends early, what was not read stays in
    /// the stream.
    ///
    /// - Parameter maximum: The most bytes of a piece, at least 1.
    /// - Returns: A sequence of pieces of 1 to `maximum` bytes, which throws as ``read(upTo:)`` does.
    public func pieces(upTo maximum: Int = 65_536) -> ByteStreamPieces {
        ByteStreamPieces(stream: self, maximum: maximum)
    }
}

/// The bytes of a stream as a sequence: see ``ByteStream/pieces(upTo:)``.
public struct ByteStreamPieces: AsyncSequence, Sendable {
    /// Reads piece after piece.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let stream: any ByteStream
        fileprivate let maximum: Int

        /// Reads the next piece.
        ///
        /// - Parameter actor: Where the caller runs.
        /// - Returns: The piece; nil when the other side closed its half and everything was read.
        /// - Throws: As ``ByteStream/read(upTo:)``.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(TransportError) -> [UInt8]? {
            try await stream.read(upTo: maximum)
        }
    }

    fileprivate let stream: any ByteStream
    fileprivate let maximum: Int

    /// Begins to read where the last reader stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: stream, maximum: maximum) }
}
