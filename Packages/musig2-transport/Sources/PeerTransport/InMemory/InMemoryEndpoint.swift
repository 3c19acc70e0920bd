public import Multiformats

/// One peer's place on an ``InMemoryNetwork``.
public final class InMemoryEndpoint: PeerNetwork {
    /// The identity of this side.
    public let localPeer: PeerID

    /// The one address of this endpoint, `/memory/NUMBER/p2p/ID`, for show: connecting needs only the id.
    public let addresses: [Multiaddr]

    let queue: PeerEventQueue
    private let network: InMemoryNetwork

    init(peer: PeerID, address: Multiaddr?, queue: PeerEventQueue, network: InMemoryNetwork) {
        localPeer = peer
        addresses = address.map { [$0] } ?? []
        self.queue = queue
        self.network = network
    }

    /// Asks for a connection to a peer of the same network.
    ///
    /// - Parameters:
    ///   - peer: The peer to reach.
    ///   - addresses: Not looked at: the network finds peers by their id.
    public func connect(to peer: PeerID, addresses: [Multiaddr]) {
        network.connect(self, to: peer)
    }

    /// Sends a frame on its way; what befalls it is the plan's.
    ///
    /// - Parameters:
    ///   - frame: One whole message.
    ///   - peer: The peer to send it to.
    public func send(_ frame: [UInt8], to peer: PeerID) {
        network.send(frame, from: self, to: peer)
    }

    /// Ends the connection to a peer, after the frames that are on the way.
    ///
    /// - Parameter peer: The peer to leave.
    public func disconnect(_ peer: PeerID) {
        network.disconnect(self, from: peer)
    }

    /// Waits for what happened since the last call.
    ///
    /// - Returns: Events; empty after ``shutdown()`` or a crash, or when the task is cancelled.
    public func nextEvents() async -> [PeerNetworkEvent] {
        await queue.next()
    }

    /// Leaves the network; the others see this peer disconnect.
    public func shutdown() async {
        network.shutdown(self)
    }
}
