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

    /// Bytes came.
    ///
    /// - Parameter bytes: Any part of what the other side writes, in order, never empty.
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
}

/// What a ``StreamResponder`` wants done.
public enum ResponderAction: Sendable, Equatable {
    /// Send these bytes, perhaps none, and go on.
    case send([UInt8])
    /// Send these bytes, perhaps none, and close this side's half.
    case finish([UInt8])
    /// Reset the stream.
    case reset
}

/// Makes the responders of a protocol.
///
/// - Parameters:
///   - connection: Who is at the other end, and where.
/// - Returns: A responder for one stream; nil resets the stream.
public typealias ResponderFactory = @Sendable (ResponderContext) -> (any StreamResponder)?

/// The connection on which a stream is served by a ``StreamResponder``.
public struct ResponderContext: Sendable, Hashable {
    /// Who opened the stream.
    public var remotePeer: PeerID

    /// Where the peer is, as seen from here.
    public var remoteAddress: Multiaddr

    /// What the two sides agreed to speak on the stream.
    public var protocolID: ProtocolID

    /// Describes a connection.
    ///
    /// - Parameters:
    ///   - remotePeer: Who opened the stream.
    ///   - remoteAddress: Where the peer is.
    ///   - protocolID: What is spoken on the stream.
    public init(remotePeer: PeerID, remoteAddress: Multiaddr, protocolID: ProtocolID) {
        self.remotePeer = remotePeer
        self.remoteAddress = remoteAddress
        self.protocolID = protocolID
    }
}
