public import Multiformats
public import WireCodec

extension Kademlia {
    /// What the machine is told. Each input is one call of ``Kademlia/handle(_:at:)``.
    public enum Input: Hashable, Sendable {
        /// A peer is connected and has said by identify where it is and whether it serves this protocol. Told again when
        /// that changes. `remote` is the address that the connection leads to, where that is known: what a peer says of itself
        /// does not count for the limits per network group then.
        case identified(PeerID, addresses: [Multiaddr], isServer: Bool, remote: Multiaddr? = nil)
        /// These peers are no strangers: the user has named them, or this node has found them reliable in an earlier life. Until
        /// one of them, or of the bootstrap peers, has answered, the node is not ready. They get no other favours.
        case vouch([Contact])
        /// There is no other peer to begin with: this node is the first of its network, and ready, until one is vouched for, or it
        /// serves no more.
        case isFirst
        /// The last connection to a peer is gone.
        case disconnected(PeerID)
        /// Where this node may be reached now. What it provides is announced again when that changes.
        case localAddresses([Multiaddr])
        /// Serve, or stop serving. A node that stops forgets what it stored for others.
        case setMode(Mode)
        /// A request came in from a peer that the connection has proven, at the address that the connection comes from,
        /// where that is known. The answer is among the effects of this very call, unless a value is to be stored that must be
        /// looked at: then it follows ``checked(_:_:)``.
        case request(InboundID, from: PeerID, address: Multiaddr?, KademliaMessage)
        /// A request of this node is on its way: it does not wait for others any more. Its time runs from now on.
        case started(RequestID)
        /// The answer to a request of this node. `remote` is the address that the connection leads to on which the answer
        /// came: the server counts for the limits of that network group, and of no other. An answer of which that is not
        /// known (nil) counts for nothing, as if the request had not been sent.
        case response(RequestID, KademliaMessage, remote: Multiaddr?)
        /// A request that expects no answer was written to its end.
        case sent(RequestID)
        /// A request was not answered.
        case requestFailed(RequestID, RequestFailure)
        /// What a check has found, exactly once for each ``Effect/check(_:)``.
        case checked(CheckID, CheckResult)
        /// Begin an operation; its end is told by ``Effect/completed(_:_:)``.
        case start(OperationID, Operation)
        /// The caller no longer wants the operation: nothing more is told of it.
        case cancel(OperationID)
        /// Time has passed: call it when ``Kademlia/nextDeadline`` is reached.
        case tick
    }

    /// Why a request of this node was not answered.
    public enum RequestFailure: UInt8, Hashable, Sendable, CaseIterable {
        /// No address of the peer led to it.
        case unreachable
        /// The peer is there, but does not serve this protocol: it is no server.
        case unsupported
        /// The answer did not come in time.
        case timedOut
        /// The other side reset the stream instead of an answer. Of a record that is a refusal: it keeps none of its kind.
        case reset
        /// The stream or the connection ended before the answer, as when a server has no room for a record.
        case closed
        /// What came is no Kademlia message.
        case malformed
        /// This node did not ask, for reasons of its own: too much is under way, or the peer was not there a moment ago.
        case notSent
    }

    /// What a caller may ask for.
    public enum Operation: Hashable, Sendable {
        /// Find the addresses of a peer.
        case findPeer(PeerID)
        /// Find the k servers closest to a key: those that answered, closest first. Any 1 to 256 bytes.
        case closestPeers([UInt8])
        /// Say to the world that this node provides a key (a multihash of 1 to 80 bytes), and go on saying so for a
        /// lifetime. A later call for the same key replaces the lifetime.
        case provide([UInt8], for: Duration)
        /// Stop announcing a key. Records given out cannot be called back; they run out.
        case stopProviding([UInt8])
        /// Find at most so many peers that provide a key, those first that more servers named among fewer others.
        case findProviders([UInt8], limit: Int)
        /// Store a value under a key, `/namespace/…`, and go on renewing it for a lifetime. A later call for the same key
        /// replaces value and lifetime.
        case putValue([UInt8], value: [UInt8], for: Duration)
        /// Stop renewing a value. What others hold runs out.
        case stopPutting([UInt8])
        /// Find the best value under a key. Ends as soon as so many servers returned a value as good as the best; with 0,
        /// which is the safest, when the servers closest to the key have answered.
        case getValue([UInt8], quorum: Int)
        /// Find this node's own neighbourhood, then refresh the rest of the routing table. It also happens by itself.
        case bootstrap
    }
}
