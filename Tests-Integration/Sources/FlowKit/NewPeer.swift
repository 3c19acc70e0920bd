public import Multiformats
import PeerTransportNIO

/// Names for peers that have no node below them.
public enum NewPeer {
    /// A fresh peer id, as of an Ed25519 identity.
    ///
    /// - Returns: The peer id.
    public static func id() throws -> PeerID {
        NodeIdentity.generateEd25519().peerID
    }
}
