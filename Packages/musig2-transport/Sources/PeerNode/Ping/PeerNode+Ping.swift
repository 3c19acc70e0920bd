public import Multiformats
public import PeerTransport
import Synchronization

extension PeerNode {
    /// Sends back what it is sent.
    static let pingProtocol: ProtocolID = "/ipfs/ping/1.0.0"

    /// Answers pings from now on.
    func hostPing() throws(TransportError) {
        let slots = PingSlots(limit: configuration.maximumPingStreams)
        try respond(to: [Self.pingProtocol], name: "ping") { context in
            slots.take(context.remotePeer).map { PingResponder(slot: $0) }
        }
    }

    /// Measures how long 32 bytes take to a connected peer and back, on one stream that is kept for the next time.
    ///
    /// Callers that ping the same peer at once wait for each other.
    ///
    /// - Parameters:
    ///   - peer: The peer to ask. A ping does not count as use of the connection.
    ///   - timeout: How long all of it may take, opening a stream and waiting for others included.
    /// - Returns: The time of the round trip.
    /// - Throws: `TransportError.Code.notConnected`, `TransportError.Code.timedOut`,
    ///   `TransportError.Code.protocolNotSupported`, `TransportError.Code.protocolViolation` when other bytes come back
    ///   than were sent, `TransportError.Code.limitExceeded` when too many callers wait, and what the connection throws.
    public func ping(
        _ peer: PeerID,
        timeout: Duration = .seconds(10)
    ) async throws(TransportError) -> Duration {
        let found = state.withLock { state -> (ConnectionTable.Entry, PingLink)? in
            guard let entry = state.table.current(to: peer) else { return nil }
            let link = state.pings[peer] ?? PingLink()
            state.pings[peer] = link
            return (entry, link)
        }
        guard let (entry, link) = found else {
            throw TransportError(.notConnected, "no connection to peer \(peer)")
        }
        let time = configuration.timeSource
        return try await withDeadline(
            timeout,
            by: time,
            onTimeout: { () -> TransportError in
                TransportError(.timedOut, "peer \(peer) did not answer a ping within \(timeout)")
            },
            discard: { _ in },
            { () async throws(TransportError) in try await link.ping(over: entry, by: time) }
        )
    }
}
