import PeerNoise
import PeerTransport
import Synchronization

/// The static keys that were found to be signed by the identity of a peer, for the lifetime of the process: a peer that comes again need not
/// be checked again, which is a third of the arithmetic of a handshake. That the peer holds the static key is proven in each
/// handshake anew.
final class ProvenPeers: Sendable {
    /// How many are remembered; the oldest are forgotten.
    static let capacity = 256
    /// The longest payload that is remembered, in bytes: an RSA key with its signature, and all others, are shorter.
    static let maximumPayload = 1024

    private struct State {
        /// By static key.
        var peers: [[UInt8]: (payload: [UInt8], peer: NoisePeer)] = [:]
        var order = Fifo<[UInt8]>()
    }

    private let state = Mutex(State())

    /// How many are remembered.
    var count: Int { state.withLock { $0.peers.count } }

    /// Checks the payload of the other side against the static key it has proven to hold, unless it is known.
    func peer(_ remote: NoiseHandshake.Remote) throws(NoiseError) -> NoisePeer {
        let known = self.state.withLock { $0.peers[remote.staticKey] }
        if let known, known.payload == remote.payload { return known.peer }
        let peer = try NoisePeer(remote)
        guard remote.payload.count <= Self.maximumPayload else { return peer }
        self.state.withLock { state in
            if state.peers.updateValue((remote.payload, peer), forKey: remote.staticKey) == nil {
                state.order.append(remote.staticKey)
            }
            while state.peers.count > Self.capacity, let oldest = state.order.popFirst() { state.peers[oldest] = nil }
        }
        return peer
    }
}
