import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization

/// A transport whose dials go nowhere until the test says what becomes of them.
final class PendingTransport: Transport {
    static let address = "/ip4/192.0.2.1/tcp/4001"

    /// Set when the first dial has begun.
    let hasBegun = OneShot<Void>()
    private let dialled = Mutex<[Multiaddr]>([])
    private let counted = Event()
    /// Set when a dial was cancelled.
    let wasCancelled = OneShot<Void>()
    /// What dials end with.
    let outcome = OneShot<TransportError>()

    /// How many dials have begun.
    var begun: Int { addresses.count }

    /// Where, in order.
    var addresses: [Multiaddr] { dialled.withLock { $0 } }

    func waitUntilBegun(_ number: Int) async {
        while begun < number { _ = await counted.wait() }
    }

    func canDial(_ address: Multiaddr) -> Bool {
        if case .tcp? = address.withoutPeerID?.components.last { true } else { false }
    }

    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection {
        hasBegun.set(())
        dialled.withLock { $0.append(address) }
        counted.notify()
        guard let error = await outcome.wait() else {
            wasCancelled.set(())
            throw TransportError(.cancelled, "cancelled")
        }
        throw error
    }

    func listen(on address: Multiaddr, accepting: @escaping ProtocolFilter) async throws(TransportError) -> any Listener
    {
        throw TransportError(.addressNotAvailable, "pending")
    }
}

/// A transport that listens, and accepts what a test hands it.
final class HandedTransport: Transport, Listener {
    let addresses: [Multiaddr]
    private let inbox = BoundedInbox<any Connection>(capacity: 16)

    init(_ address: Multiaddr) {
        addresses = [address]
    }

    func hand(_ connection: any Connection) {
        _ = inbox.push(connection)
    }

    func canDial(_ address: Multiaddr) -> Bool { true }

    func dial(
        _ address: Multiaddr,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection {
        throw TransportError(.connectionRefused, "handed")
    }

    func listen(on address: Multiaddr, accepting: @escaping ProtocolFilter) async throws(TransportError) -> any Listener
    {
        self
    }

    func accept() async throws(TransportError) -> (any Connection)? { try await inbox.next() }

    func close() async { _ = inbox.close() }
}

/// A connection on which nothing happens.
final class IdleConnection: Connection {
    let localPeer: PeerID
    let remotePeer: PeerID
    let remoteAddress: Multiaddr
    let isInbound: Bool
    /// Set when a stream was to be opened.
    let wasAsked = OneShot<Void>()
    /// Set when closing has begun.
    let isClosing = OneShot<Void>()
    /// What closing waits for.
    let mayClose = OneShot<Void>()
    private let end = OneShot<Void>()
    private let hasGone = OneShot<Void>()
    var isGoingAway: Bool { hasGone.value != nil }

    /// Says that no new streams are taken.
    func goAway() { hasGone.set(()) }

    /// What becomes of a stream that is to be opened.
    enum Answer: Sendable {
        case fails(TransportError)
        /// Nothing, until the connection is closed.
        case never
    }

    private let answer: Answer
    private let asked = Mutex(0)

    /// How many streams were to be opened.
    var timesAsked: Int { asked.withLock { $0 } }

    init(
        from remotePeer: PeerID, to localPeer: PeerID, at remoteAddress: Multiaddr, isInbound: Bool = true,
        answer: Answer = .fails(TransportError(.connectionClosed, "idle"))
    ) {
        self.isInbound = isInbound
        self.answer = answer
        self.localPeer = localPeer
        self.remotePeer = remotePeer
        self.remoteAddress = remoteAddress
    }

    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
        wasAsked.set(())
        asked.withLock { $0 += 1 }
        switch answer {
        case .fails(let error): throw error
        case .never:
            _ = await end.wait()
            throw TransportError(.connectionClosed, "idle")
        }
    }

    func acceptStream() async throws(TransportError) -> NegotiatedStream? {
        _ = await end.wait()
        return nil
    }

    func close() async {
        isClosing.set(())
        _ = await mayClose.wait()
        end.set(())
    }

    func closed() async -> TransportError? {
        _ = await end.wait()
        return nil
    }
}
