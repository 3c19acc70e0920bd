import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

@testable import MuSig2Coordination

/// Two nodes with frames that a test passes by hand, and strangers beside them.
struct Wire {
    let now = Now(monotonic: .seconds(1), wallMilliseconds: 1_800_000_000_000)

    /// What a node sends to a peer, as items.
    static func items(_ effects: [CoordinatorEffect], to peer: PeerID) throws -> [FrameItem] {
        try effects.flatMap { effect -> [FrameItem] in
            guard case .send(let frame, peer) = effect else { return [] }
            return try Frame(decoding: frame).inflated().items
        }
    }

    static func frames(_ effects: [CoordinatorEffect], to peer: PeerID) -> [[UInt8]] {
        effects.compactMap { effect in
            if case .send(let frame, peer) = effect { frame } else { nil }
        }
    }

    static func isDisconnected(_ effects: [CoordinatorEffect], from peer: PeerID) -> Bool {
        effects.contains { effect in
            if case .disconnect(peer) = effect { true } else { false }
        }
    }

    /// A node that made a session of these signers.
    func creator(
        _ signers: [UInt64],
        configuration: MuSig2Coordinator.Configuration = MuSig2Coordinator.Configuration(),
        messages: [[UInt8]] = [[1]]
    ) throws -> (node: SimulatedNode, session: SessionID) {
        let node = try SimulatedNode(
            signers[0],
            peer: TestKeys.peer(signers[0]),
            store: InMemorySessionStore(),
            configuration: configuration,
            seed: 3,
            now: now
        )
        let keys = try signers.map { try TestKeys.publicKey($0) }
        let session = try node.create(SessionPlan(signerKeys: keys, messages: messages, creator: 0), at: now)
        _ = node.takeOutgoing()
        return (node, session)
    }

    /// Gives items to a node in one frame from a peer, and returns what it does.
    func give(_ items: [FrameItem], to node: SimulatedNode, from peer: PeerID, at time: Now? = nil)
        -> [CoordinatorEffect]
    {
        node.take(.network(.frame(Frame(items).encoded(), from: peer)), at: time ?? now)
        return node.takeOutgoing()
    }

    func connect(_ peer: PeerID, to node: SimulatedNode) -> [CoordinatorEffect] {
        node.take(.network(.connected(peer)), at: now)
        return node.takeOutgoing()
    }

    func key(_ session: SessionID) -> [UInt8] {
        ProviderKey(.session(session), day: DiscoveryDay.of(now)).bytes
    }
}
