import MuSig2Coordinator
import Multiformats

/// Which signers of a session are connected: who waits wants to know for whom.
struct Presence {
    private var signers: [PeerID: Int] = [:]
    private var gone: Set<PeerID> = []

    /// The line that says that a signer went or came back; nil for everything else.
    mutating func line(_ event: CoordinatorEvent) -> ProgressLine? {
        switch event {
        case .participantJoined(_, let signer, let peer, _, _):
            signers[peer] = signer
            return nil
        case .peerDisconnected(let peer):
            guard let signer = signers[peer], gone.insert(peer).inserted else { return nil }
            return ProgressLine("gone        signer \(signer + 1); it may come back", signer, peer)
        case .peerConnected(let peer):
            guard let signer = signers[peer], gone.remove(peer) != nil else { return nil }
            return ProgressLine("back        signer \(signer + 1)", signer, peer)
        default:
            return nil
        }
    }
}

extension ProgressLine {
    fileprivate init(_ text: String, _ signer: Int, _ peer: PeerID) {
        self.init(text, ["signer": .number(signer), "peer": .string("\(peer)")])
    }
}
