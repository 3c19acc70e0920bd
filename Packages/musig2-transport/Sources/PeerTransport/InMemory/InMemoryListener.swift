import Multiformats

/// A listener at a `/memory/` address of a hub.
final class InMemoryListener: Listener {
    let addresses: [Multiaddr]
    let peer: PeerID
    let accepting: ProtocolFilter
    private let number: UInt64
    private let hub: InMemoryHub
    private let inbox: BoundedInbox<InMemoryConnection>

    init(peer: PeerID, number: UInt64, address: Multiaddr, hub: InMemoryHub, accepting: @escaping ProtocolFilter) {
        self.peer = peer
        self.number = number
        self.hub = hub
        self.accepting = accepting
        addresses = [address]
        inbox = BoundedInbox(capacity: hub.limits.waitingConnections)
    }

    func accept() async throws(TransportError) -> (any Connection)? {
        try await inbox.next()
    }

    func close() async {
        hub.remove(self, at: number)
        for connection in inbox.close() { await connection.close() }
    }

    /// Hands a new connection to the caller that accepts.
    func offer(_ connection: InMemoryConnection) -> BoundedInbox<InMemoryConnection>.Push {
        inbox.push(connection)
    }
}
