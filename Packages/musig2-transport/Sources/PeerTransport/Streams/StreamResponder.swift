public import Multiformats

/// Serves one inbound stream without a task of its own: it is given the bytes that came and returns those to send.
///
/// A transport that can, calls it on the thread that read the bytes, which spares the wake-up of a task; elsewhere a task
/// calls it. It serves small requests: it must be quick and must not wait. The calls for one stream come one at a time,
/// in order.
public protocol StreamResponder: AnyObject {
    /// The stream is open, and nothing has come yet: for protocols in which the answering side speaks first.
    ///
    /// - Returns: What to send and whether that is all.
    func begin() -> ResponderAction

    /// The most bytes of one answer: of what each call returns. A transport that serves the stream asks for that much room before
    /// it calls, so that answers that nobody reads do not take more memory than is configured.
    ///
    /// - Parameter count: How many bytes the call hands over; 0 for ``begin()``, ``resume()`` and ``receiveEnd()``.
    /// - Returns: The bound, in bytes.
    func maximumAnswer(to count: Int) -> Int

    /// The most bytes that ``receive(_:)`` is to be given at once, at least 1: what the responder does not answer at once it has to
    /// keep, while what it was not given waits with the stream and holds the other side back.
    var maximumPiece: Int { get }

    /// There is room for another answer, after ``ResponderAction/sendAndResume(_:)``, or what the responder waits for is there,
    /// after ``ResponderAction/wait(_:)``.
    ///
    /// - Returns: What to send and whether that is all.
    func resume() -> ResponderAction

    /// Bytes came.
    ///
    /// - Parameter bytes: Any part of what the other side writes, in order, never empty, nor longer than ``maximumPiece``.
    /// - Returns: What to send and whether that is all.
    func receive(_ bytes: [UInt8]) -> ResponderAction

    /// The other side closed its half: no more bytes come.
    ///
    /// - Returns: What to send; the stream is closed afterwards in any case.
    func receiveEnd() -> ResponderAction
}

extension StreamResponder {
    /// Waits for what the other side says.
    ///
    /// - Returns: Nothing to send.
    public func begin() -> ResponderAction { .send([]) }

    /// For small answers, and for those no longer than what is asked.
    ///
    /// - Parameter count: How many bytes the call hands over.
    /// - Returns: 65,536, or `count` if that is more.
    public func maximumAnswer(to count: Int) -> Int { max(65_536, count) }

    /// As much as the transport has at hand.
    public var maximumPiece: Int { .max }

    /// For responders that answer all that came at once.
    ///
    /// - Returns: Nothing to send.
    public func resume() -> ResponderAction { .send([]) }
}

/// What a ``StreamResponder`` wants done.
public enum ResponderAction: Sendable, Equatable {
    /// Send these bytes, perhaps none, and go on.
    case send([UInt8])
    /// Send these bytes, perhaps none, and call ``StreamResponder/resume()`` when there is room for the next answer: more requests
    /// have come than one. Nothing else is called before.
    case sendAndResume([UInt8])
    /// Send these bytes, perhaps none, and close this side's half.
    case finish([UInt8])
    /// Reset the stream.
    case reset
    /// Give the responder nothing more until it is woken, and then call ``StreamResponder/resume()``: for work that would hold up
    /// the caller. What the other side writes meanwhile waits with the stream.
    case wait(ResponderWake)
}

/// Makes the responders of a protocol.
///
/// - Parameters:
///   - connection: The peer at the other end, and where.
/// - Returns: A responder for one stream; nil resets the stream.
public typealias ResponderFactory = @Sendable (ResponderContext) -> (any StreamResponder)?

/// The connection on which a stream is served by a ``StreamResponder``.
public struct ResponderContext: Sendable, Hashable {
    /// The peer that opened the stream.
    public var remotePeer: PeerID

    /// Where the peer is, as seen from here.
    public var remoteAddress: Multiaddr

    /// What the two sides agreed to speak on the stream.
    public var protocolID: ProtocolID

    /// Describes a connection.
    ///
    /// - Parameters:
    ///   - remotePeer: The peer that opened the stream.
    ///   - remoteAddress: Where the peer is.
    ///   - protocolID: What is spoken on the stream.
    public init(remotePeer: PeerID, remoteAddress: Multiaddr, protocolID: ProtocolID) {
        self.remotePeer = remotePeer
        self.remoteAddress = remoteAddress
        self.protocolID = protocolID
    }
}
