public import Multiformats

/// The source that gave an address that is dialled.
public enum AddressSource: UInt8, Sendable, Hashable, CaseIterable {
    /// The user of this node, or an agent of the user.
    case user
    /// Somebody else: a peer that said so of itself or of others.
    case stranger
}

/// A way to reach peers: it dials and listens, and what it hands out is already encrypted, authenticated and
/// multiplexed.
///
/// A transport of one's own (Bluetooth, a relay, a serial line) is a type that conforms to this protocol and passes the
/// suite of `PeerTransportTestKit`.
public protocol Transport: Sendable {
    /// Whether ``dial(_:expecting:accepting:)`` and ``listen(on:accepting:)`` understand this kind of address.
    ///
    /// - Parameter address: An address, with or without a `/p2p/` end.
    /// - Returns: Whether this transport takes it.
    func canDial(_ address: Multiaddr) -> Bool

    /// Connects to a peer and returns when its identity is proven.
    ///
    /// - Parameters:
    ///   - address: Where to connect to. A `/p2p/` end counts as `expected` if that is nil.
    ///   - expected: The peer that must answer; nil takes any.
    ///   - accepting: Which protocols the other side may open streams for on this connection.
    /// - Returns: The connection, ready for streams.
    /// - Throws: ``TransportError``; an identity other than the expected one is ``TransportError/Code/peerMismatch``.
    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection

    /// Connects as ``dial(_:expecting:accepting:)`` does, but only to places that are allowed.
    ///
    /// A transport that resolves names must implement it: a name says nothing of where it leads. The default is for those
    /// that go where the address says, which the caller has judged.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - expected: The peer that must answer; nil takes any.
    ///   - accepting: Which protocols the other side may open streams for on this connection.
    ///   - isAllowed: Whether a place may be connected to: an IP address that a name stands for, with its port.
    /// - Returns: The connection, ready for streams.
    /// - Throws: ``TransportError``; when no place is allowed, ``TransportError/Code/unsupportedAddress``.
    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter,
        allowing isAllowed: @escaping @Sendable (Multiaddr) -> Bool
    ) async throws(TransportError) -> any Connection

    /// Connects as ``dial(_:expecting:accepting:allowing:)`` does, for an address that somebody gave.
    ///
    /// A transport that resolves names should implement it, so that the names of strangers do not hold up those of the user. The
    /// default does not ask for the source of the address.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - expected: The peer that must answer; nil takes any.
    ///   - accepting: Which protocols the other side may open streams for on this connection.
    ///   - source: The source that gave the address.
    ///   - isAllowed: Whether a place may be connected to: an IP address that a name stands for, with its port.
    /// - Returns: The connection, ready for streams.
    /// - Throws: As ``dial(_:expecting:accepting:allowing:)``.
    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter,
        givenBy source: AddressSource,
        allowing isAllowed: @escaping @Sendable (Multiaddr) -> Bool
    ) async throws(TransportError) -> any Connection

    /// Waits for peers at an address.
    ///
    /// - Parameters:
    ///   - address: Where to listen. Port 0 lets the system choose; ``Listener/addresses`` has the real one.
    ///   - accepting: Which protocols the other side may open streams for on the accepted connections.
    /// - Returns: The listener, which accepts from now on.
    /// - Throws: ``TransportError``, such as ``TransportError/Code/addressInUse``.
    func listen(
        on address: Multiaddr,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Listener
}

extension Transport {
    /// Dials without a look at the filter.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - expected: The peer that must answer; nil takes any.
    ///   - accepting: Which protocols the other side may open streams for on this connection.
    ///   - isAllowed: Not asked.
    /// - Returns: The connection, ready for streams.
    /// - Throws: As ``Transport/dial(_:expecting:accepting:)``.
    public func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter,
        allowing isAllowed: @escaping @Sendable (Multiaddr) -> Bool
    ) async throws(TransportError) -> any Connection {
        try await dial(address, expecting: expected, accepting: accepting)
    }

    /// Dials without a look at the source of the address.
    ///
    /// - Parameters:
    ///   - address: Where to connect to.
    ///   - expected: The peer that must answer; nil takes any.
    ///   - accepting: Which protocols the other side may open streams for on this connection.
    ///   - source: Not asked.
    ///   - isAllowed: Whether a place may be connected to.
    /// - Returns: The connection, ready for streams.
    /// - Throws: As ``Transport/dial(_:expecting:accepting:allowing:)``.
    public func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter,
        givenBy source: AddressSource,
        allowing isAllowed: @escaping @Sendable (Multiaddr) -> Bool
    ) async throws(TransportError) -> any Connection {
        try await dial(address, expecting: expected, accepting: accepting, allowing: isAllowed)
    }
}

/// Accepts connections at one or more addresses.
public protocol Listener: Sendable {
    /// Where it can be reached, with real ports and the `/p2p/` end of the local peer.
    var addresses: [Multiaddr] { get }

    /// Waits for the next connection that has finished its handshake. Handshakes that fail are not reported here.
    ///
    /// - Returns: A connection, or nil once the listener is closed.
    /// - Throws: ``TransportError/Code/cancelled`` when the waiting task is cancelled, or the reason why the listener
    ///   broke.
    func accept() async throws(TransportError) -> (any Connection)?

    /// Stops listening. Connections that were handed out go on; ones that were not are closed. A second call does
    /// nothing.
    func close() async
}

/// A connection to one authenticated peer, on which any number of streams run at once.
public protocol Connection: Sendable {
    /// This side's identity.
    var localPeer: PeerID { get }

    /// The identity that the other side proved.
    var remotePeer: PeerID { get }

    /// Where the other side is, as seen from here.
    var remoteAddress: Multiaddr { get }

    /// Whether the other side dialled.
    var isInbound: Bool { get }

    /// Whether the other side has said that it takes no new streams, while those that are open go on. A caller that wants one makes another
    /// connection. False by default.
    var isGoingAway: Bool { get }

    /// Where the bytes of the connection are read, as a place for tasks; nil where that is no place for them.
    ///
    /// A task that prefers it (`withTaskExecutorPreference`) is woken by the connection's streams without a change of threads,
    /// which is most of what a small exchange costs. It shares the thread with this connection and others, so it must be
    /// quick and must not block.
    var taskExecutor: (any TaskExecutor)? { get }

    /// Opens a stream and agrees with the other side on a protocol.
    ///
    /// It returns when the other side has agreed, so that the opener of a stream knows that it is understood.
    ///
    /// - Parameter protocols: What this side can speak, best first, at least one.
    /// - Returns: The stream with the protocol that both speak.
    /// - Throws: ``TransportError/Code/protocolNotSupported``, ``TransportError/Code/limitExceeded``,
    ///   ``TransportError/Code/connectionClosed``.
    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream

    /// Opens a stream for a protocol that the other side is believed to speak, such as one that it named before.
    ///
    /// Where the transport can, it returns at once, and what is written goes out together with the proposal: one round trip
    /// less than ``openStream(protocols:)``. That the other side refuses, or that no stream can be opened, then shows on the
    /// first read, or on a later write. The default opens the stream as ``openStream(protocols:)`` does.
    ///
    /// - Parameter protocolID: What both are to speak.
    /// - Returns: The stream with its protocol.
    /// - Throws: As ``openStream(protocols:)``; on a stream that was returned at once its first read throws
    ///   ``TransportError/Code/protocolNotSupported`` or ``TransportError/Code/limitExceeded``.
    func openStream(assuming protocolID: ProtocolID) async throws(TransportError) -> NegotiatedStream

    /// Waits for the next stream that the other side opened with an accepted protocol.
    ///
    /// - Returns: A stream, or nil once the connection is closed, whatever the reason.
    /// - Throws: ``TransportError/Code/cancelled`` when the waiting task is cancelled.
    func acceptStream() async throws(TransportError) -> NegotiatedStream?

    /// Closes the connection and all its streams, telling the other side. Returns when it is closed; a second call
    /// waits for the same.
    func close() async

    /// Waits until the connection is closed by either side. Any number of tasks may wait.
    ///
    /// - Returns: Why it closed, or nil when either side closed it in good order, or the waiting task was cancelled.
    func closed() async -> TransportError?
}

extension Connection {
    /// False: the end of the connection is all that is known of.
    public var isGoingAway: Bool { false }

    /// Nil: tasks run where they run anyway.
    public var taskExecutor: (any TaskExecutor)? { nil }

    /// Opens the stream and waits for the other side to agree.
    ///
    /// - Parameter protocolID: What both are to speak.
    /// - Returns: The stream with its protocol.
    /// - Throws: As ``Connection/openStream(protocols:)``.
    public func openStream(assuming protocolID: ProtocolID) async throws(TransportError) -> NegotiatedStream {
        try await openStream(protocols: [protocolID])
    }
}
