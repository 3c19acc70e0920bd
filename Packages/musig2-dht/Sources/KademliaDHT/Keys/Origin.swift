import Multiformats

/// Where a connection to a peer leads: what this node knows of where the peer is, whatever the peer or others say.
struct Origin: Hashable, Sendable {
    let scope: AddressScope
    private let host: NetworkHost?
    /// Binary, without `/p2p` at the end: where it was reached, if this side has dialled.
    private let address: [UInt8]

    init(_ remote: Multiaddr) {
        scope = AddressScope(remote)
        host = NetworkHost(remote)
        address = (remote.withoutPeerID ?? remote).bytes
    }

    /// Whether an address is where the peer was reached, or on the same host. Others may be anybody's, and are not told.
    func covers(_ other: [UInt8]) -> Bool {
        if other == address { return true }
        guard let host else { return AddressScope(other) == .loopback && NetworkHost(other) == nil }
        return NetworkHost(other) == host
    }
}
