public import Multiformats

/// This signer's peer, as its JOIN names it.
public struct LocalPeer: Hashable, Sendable {
    /// The peer id.
    public let peer: PeerID

    /// Binary multiaddrs under which it can be reached: at most 8 of at most 128 bytes.
    public let addresses: [[UInt8]]

    /// Other signers of the session that this peer carries too, by index. A JOIN of anyone else that names this peer is a
    /// lie.
    public let otherSigners: Set<Int>

    /// A peer and its addresses.
    ///
    /// - Parameters:
    ///   - peer: The peer id.
    ///   - addresses: Binary multiaddrs: at most 8 of at most 128 bytes.
    ///   - otherSigners: Other signers of the session that this peer carries too, by index.
    public init(peer: PeerID, addresses: [[UInt8]], otherSigners: Set<Int> = []) {
        self.peer = peer
        self.addresses = addresses
        self.otherSigners = otherSigners
    }
}
