/// A bidirectional, ordered, reliable stream of bytes with back-pressure both ways.
///
/// Each half has one user at a time: at most one task reads and at most one task writes. A second reader or writer
/// while one waits gets ``TransportError/Code/invalidArgument``. A task that is cancelled while it waits gets
/// ``TransportError/Code/cancelled``; the stream itself stays as it is, and nothing is lost: bytes that were not
/// delivered are delivered by the next read. A write that was cancelled may have been taken in part, so the stream
/// should then be reset.
public protocol ByteStream: Sendable {
    /// Reads what is there, waiting for the first byte.
    ///
    /// - Parameter maximum: The most bytes to return, at least 1.
    /// - Returns: Between 1 and `maximum` bytes, or nil when the other side closed its half and everything was read.
    /// - Throws: ``TransportError/Code/streamReset`` or ``TransportError/Code/connectionClosed`` when there will be no
    ///   more.
    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]?

    /// Writes all bytes, waiting while the other side's window or the send buffer is full.
    ///
    /// It returns when the stream has taken the bytes, not when the other side has them. An empty array does nothing.
    ///
    /// - Parameter bytes: What to send.
    /// - Throws: ``TransportError/Code/streamClosed`` after ``closeWrite()``, ``TransportError/Code/streamReset`` or
    ///   ``TransportError/Code/connectionClosed``.
    func write(_ bytes: [UInt8]) async throws(TransportError)

    /// Takes all bytes without waiting, or none of them.
    ///
    /// It spares a caller that is not asynchronous the wake-up of a writing task. A stream may refuse always, as the
    /// default does; the caller then uses ``write(_:)``. While a ``write(_:)`` waits, it refuses, so that order is
    /// kept.
    ///
    /// - Parameter bytes: What to send.
    /// - Returns: Whether the bytes were taken.
    /// - Throws: As ``write(_:)``.
    func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool

    /// Closes this side's half: the other side reads what was written and then nil. Reading goes on.
    ///
    /// A second call does nothing.
    ///
    /// - Throws: ``TransportError/Code/streamReset`` or ``TransportError/Code/connectionClosed``.
    func closeWrite() async throws(TransportError)

    /// Ends both halves at once, dropping what was not delivered. Every waiting call on either side ends with
    /// ``TransportError/Code/streamReset``. It may be called at any time, any number of times.
    func reset()
}

extension ByteStream {
    /// Refuses: this stream takes bytes through ``write(_:)`` only.
    ///
    /// - Parameter bytes: What to send.
    /// - Returns: False.
    /// - Throws: Nothing.
    public func writeImmediately(_ bytes: [UInt8]) throws(TransportError) -> Bool { false }
}

/// A stream with a protocol that both sides agreed on.
public struct NegotiatedStream: Sendable {
    /// The bytes after the negotiation.
    public let stream: any ByteStream

    /// What the two sides speak on it.
    public let protocolID: ProtocolID

    /// Joins a stream with its protocol.
    ///
    /// - Parameters:
    ///   - stream: The bytes after the negotiation.
    ///   - protocolID: What the two sides speak on it.
    public init(stream: any ByteStream, protocolID: ProtocolID) {
        self.stream = stream
        self.protocolID = protocolID
    }
}
