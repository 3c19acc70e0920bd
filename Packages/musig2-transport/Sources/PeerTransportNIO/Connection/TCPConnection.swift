import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization

/// A connection as users see it: thin, since everything happens on the event loop behind the mailbox.
final class TCPConnection: Connection {
    let localPeer: PeerID
    let remotePeer: PeerID
    let remoteAddress: Multiaddr
    let isInbound: Bool

    private let executor: LoopTaskExecutor
    private let mailbox: LoopMailbox
    private let accepted: BoundedInbox<NegotiatedStream>
    private let sendBuffer: Int
    private let end: OneShot<TransportError?>
    private let departure: Departure

    /// Whether the other side has said that it goes: set on the event loop, read anywhere.
    final class Departure: Sendable {
        private let isSaid = Atomic(false)

        func say() { isSaid.store(true, ordering: .releasing) }
        var hasBegun: Bool { isSaid.load(ordering: .acquiring) }
    }

    init(
        localPeer: PeerID,
        remotePeer: PeerID,
        remoteAddress: Multiaddr,
        isInbound: Bool,
        mailbox: LoopMailbox,
        accepted: BoundedInbox<NegotiatedStream>,
        sendBuffer: Int,
        end: OneShot<TransportError?>,
        departure: Departure
    ) {
        self.localPeer = localPeer
        self.remotePeer = remotePeer
        self.remoteAddress = remoteAddress
        self.isInbound = isInbound
        executor = LoopTaskExecutor(mailbox.eventLoop)
        self.mailbox = mailbox
        self.accepted = accepted
        self.sendBuffer = sendBuffer
        self.end = end
        self.departure = departure
    }

    var isGoingAway: Bool { departure.hasBegun }

    var taskExecutor: (any TaskExecutor)? { executor }

    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
        guard !protocols.isEmpty else {
            throw TransportError(.invalidArgument, "openStream: expected at least one protocol, found none")
        }
        try Self.check(protocols)
        let answer = StreamAnswer()
        guard mailbox.post(.open(protocols, answer)) else { throw closedError }
        guard let result = await answer.wait() else {
            throw TransportError(.cancelled, "the task that opened a stream was cancelled")
        }
        return try result.get()
    }

    /// Returns at once; the stream is opened when it is first used, so that what is written first goes out with it.
    func openStream(assuming protocolID: ProtocolID) async throws(TransportError) -> NegotiatedStream {
        try Self.check([protocolID])
        guard end.value == nil else { throw self.closedError }
        let core = StreamCore(assuming: protocolID, sendBuffer: sendBuffer) { [mailbox, closedError] core in
            if !mailbox.post(.stream(core)) { core.fail(closedError, keepsInbox: false) }
        }
        return NegotiatedStream(stream: YamuxByteStream(core), protocolID: protocolID)
    }

    private static func check(_ protocols: [ProtocolID]) throws(TransportError) {
        guard let invalid = protocols.first(where: { !$0.isValid }) else { return }
        throw TransportError(
            .invalidArgument, "openStream: not a protocol id that can be sent: \(invalid.name.debugDescription)")
    }

    private var closedError: TransportError {
        TransportError(.connectionClosed, "the connection to \(remotePeer) is closed")
    }

    func acceptStream() async throws(TransportError) -> NegotiatedStream? {
        try await accepted.next()
    }

    func close() async {
        mailbox.post(.close)
        // Closing goes on when the waiting task is cancelled.
        _ = await end.wait()
    }

    /// Closes without waiting for it.
    func closeSoon() {
        mailbox.post(.close)
    }

    func closed() async -> TransportError? {
        await end.wait() ?? nil
    }
}
