import MuSig2Coordination
import Multiformats

/// Which signers of a session are connected: a person that waits wants to know for which.
struct Presence {
    private var signers: [PeerID: Int] = [:]
    private var gone: Set<PeerID> = []

    /// The line that says that a signer went or came back; nil for everything else.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - own: The index of this signer; nil: it is not known.
    mutating func line(_ event: CoordinatorEvent, own: Int? = nil) -> ProgressLine? {
        switch event {
        case .participantJoined(_, let signer, let peer, _, _):
            signers[peer] = signer
            return nil
        case .peerDisconnected(let peer):
            guard let signer = signers[peer], gone.insert(peer).inserted else { return nil }
            return ProgressLine(
                "gone        \(Words.signer(signer, own: own)); it may come back, by itself or by `musig2 join`",
                signer, peer)
        case .peerConnected(let peer):
            guard let signer = signers[peer], gone.remove(peer) != nil else { return nil }
            return ProgressLine("back        \(Words.signer(signer, own: own))", signer, peer)
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
