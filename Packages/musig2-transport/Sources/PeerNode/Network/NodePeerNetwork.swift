import Logging
public import Multiformats
public import PeerTransport
import Synchronization

/// A `PeerNetwork` over a ``PeerNode/PeerNode``: frames on long-lived streams of one protocol.
///
/// Each side writes on a stream that it opened and reads from the one that the other side opened; a newer one from the
/// same peer takes the place of the older. A frame is its length as an unsigned varint, then its bytes. A peer counts
/// as connected once it has agreed to the protocol, or opened its own stream.
public final class NodePeerNetwork: PeerNetwork {
    /// The node that has the connections.
    public let node: PeerNode

    let configuration: NodePeerNetwork.Configuration
    let events: PeerEventQueue
    let metrics = FrameMetrics()
    let logger: Logger
    private let state = Mutex(State())
    private let handler: Handler

    private struct State {
        var links: [PeerID: FrameLink] = [:]
        var isShutDown = false
    }

    /// Makes a network and registers its protocol at the node.
    ///
    /// - Parameters:
    ///   - node: The node that has the connections. It outlives the network.
    ///   - configuration: The protocol, limits and timeouts.
    /// - Throws: `TransportError.Code.invalidArgument` when the node serves the protocol already.
    public init(node: PeerNode, configuration: NodePeerNetwork.Configuration) throws(TransportError) {
        self.node = node
        self.configuration = configuration
        events = PeerEventQueue(limits: configuration.events)
        logger = node.logger
        handler = Handler(protocolID: configuration.protocolID)
        handler.network.withLock { $0 = self }
        try node.register(handler)
    }

    /// The identity of this side.
    public var localPeer: PeerID { node.localPeer }

    /// Where the node can be reached.
    public var addresses: [Multiaddr] { node.addresses }

    /// Asks for a connection to a peer that speaks the protocol.
    ///
    /// - Parameters:
    ///   - peer: The peer to reach.
    ///   - addresses: Where to try, in this order. Not needed while the node is connected to the peer.
    public func connect(to peer: PeerID, addresses: [Multiaddr]) {
        guard peer != localPeer else {
            events.push(.connectFailed(peer, reason: "peer \(peer) is this side itself"))
            return
        }
        // A link that ends at this moment takes no request any more; the next one does.
        while let link = link(to: peer), !link.connect(addresses) { remove(link) }
    }

    /// Queues a frame for a connected peer. One that is empty or longer than
    /// ``NodePeerNetwork/Configuration/maximumFrameBytes`` is dropped, since the other side would not take it.
    ///
    /// - Parameters:
    ///   - frame: One whole message.
    ///   - peer: The peer to send it to.
    public func send(_ frame: [UInt8], to peer: PeerID) {
        guard !frame.isEmpty, frame.count <= configuration.maximumFrameBytes,
            let link = state.withLock({ $0.links[peer] })
        else {
            metrics.frameDropped()
            return
        }
        link.send(frame)
    }

    /// Ends the connection to a peer, with all protocols on it, once it has read what was queued, or
    /// after two seconds.
    ///
    /// - Parameter peer: The peer to leave.
    public func disconnect(_ peer: PeerID) {
        state.withLock { $0.links[peer] }?.disconnect()
    }

    /// Waits for what happened since the last call.
    ///
    /// - Returns: Events; empty after ``shutdown()`` or when the calling task is cancelled.
    public func nextEvents() async -> [PeerNetworkEvent] {
        await events.next()
    }

    /// Leaves all peers as ``disconnect(_:)`` does and stops hosting the protocol. The node goes on.
    public func shutdown() async {
        let links = state.withLock { state in
            state.isShutDown = true
            return Array(state.links.values)
        }
        for link in links { link.disconnect() }
        for link in links { await link.ended() }
        // Not before: a peer that is just opening its own stream must not be told that nobody speaks the protocol here.
        node.unregister([configuration.protocolID])
        events.close()
        handler.network.withLock { $0 = nil }
    }

    // MARK: Links

    /// The link to a peer, made if there is none; nil after the shutdown.
    private func link(to peer: PeerID) -> FrameLink? {
        state.withLock { state in
            if let link = state.links[peer] { return link }
            guard !state.isShutDown else { return nil }
            let link = FrameLink(to: peer, of: self)
            state.links[peer] = link
            return link
        }
    }

    /// Forgets a link that has ended. A request for the peer that came meanwhile begins a new one.
    func remove(_ link: FrameLink) {
        state.withLock { state in
            if state.links[link.peer] === link { state.links[link.peer] = nil }
        }
    }

    /// What the node tells the network. A class of its own, so that the network's interface has nothing of it.
    private final class Handler: ProtocolHandler {
        let name = "frames"
        let protocolIDs: [ProtocolID]
        let network = Mutex<NodePeerNetwork?>(nil)

        init(protocolID: ProtocolID) {
            protocolIDs = [protocolID]
        }

        func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
            // Frames of a connection that is gone come before those of the next.
            while let link = network.withLock({ $0 })?.link(to: peer) {
                if await link.read(stream.stream) { return }
                await link.ended()
            }
            stream.stream.reset()
        }

        func peerDisconnected(_ peer: PeerID) {
            let network = network.withLock { $0 }
            network?.state.withLock { $0.links[peer] }?.connectionLost()
        }

        func connectionReplaced(_ peer: PeerID) {
            let network = network.withLock { $0 }
            network?.state.withLock { $0.links[peer] }?.connectionReplaced()
        }

        func addressesChanged(_ addresses: [Multiaddr]) {
            network.withLock { $0 }?.events.push(.addressesChanged(addresses))
        }
    }
}
