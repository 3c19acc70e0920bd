import Multiformats
import WireCodec

/// Where a peer may be reached, by the rules of the network.
struct PeerAddresses: Sendable {
    /// Binary, without `/p2p` at the end.
    var binary: [[UInt8]] = []
    var parsed: [Multiaddr] = []
    var groups = NetworkGroups.none
}

/// What this network makes of addresses: which it uses, how many of a peer, and which are free of the limits per network group.
struct AddressRules: Sendable {
    private let policy: AddressPolicy
    private let exemptsPrivateGroups: Bool
    private let addressesPerPeer: Int
    private let addressBytes: Int

    init(_ configuration: Kademlia.Configuration) {
        policy = configuration.addressPolicy
        exemptsPrivateGroups = configuration.exemptsPrivateGroups
        addressesPerPeer = configuration.limits.addressesPerPeer
        addressBytes = configuration.limits.addressBytes
    }

    func accepts(_ address: Multiaddr) -> Bool { policy.accepts(address) }

    /// The addresses that this network uses, of those that a peer is said to have.
    func addresses(of peer: PeerID, _ binary: [[UInt8]]) -> PeerAddresses {
        addresses(of: peer, binary.lazy.filter { $0.count <= addressBytes }.compactMap { Multiaddr(known: $0) })
    }

    func addresses(of peer: PeerID, _ said: some Sequence<Multiaddr>) -> PeerAddresses {
        var addresses = PeerAddresses()
        for address in said {
            guard addresses.binary.count < addressesPerPeer else { break }
            if let named = address.peerID, named != peer { continue }
            guard let address = address.withoutPeerID, accepts(address) else { continue }
            let bytes = address.bytes
            guard bytes.count <= addressBytes, !addresses.binary.contains(bytes) else { continue }
            addresses.binary.append(bytes)
            addresses.parsed.append(address)
            if !isExempt(address) { addresses.groups.insert(address) }
        }
        return addresses
    }

    /// The network groups of an address; none if it is free of limits.
    func groups(of address: Multiaddr) -> NetworkGroups {
        var groups = NetworkGroups.none
        if !isExempt(address) { groups.insert(address) }
        return groups
    }

    /// Whether an address is free of the limits per network group.
    func isExempt(_ address: Multiaddr) -> Bool { exemptsPrivateGroups && address.isPrivate }

    /// At most as many addresses as a peer may have, none longer than an address may be.
    func bounded(_ addresses: [[UInt8]]) -> [[UInt8]] {
        guard addresses.count > addressesPerPeer || addresses.contains(where: { $0.count > addressBytes }) else {
            return addresses
        }
        return Array(addresses.lazy.filter { $0.count <= addressBytes }.prefix(addressesPerPeer))
    }

    /// An answer as far as it may be believed: with the addresses that a peer where it came from may name.
    func believable(_ message: KademliaMessage, from remote: Multiaddr) -> KademliaMessage {
        let scope = Hearsay.scope(of: remote)
        let areAllBelievable = [message.closerPeers, message.providerPeers].allSatisfy { peers in
            peers.allSatisfy { $0.addresses.allSatisfy { isBelievable($0, from: scope) } }
        }
        // The usual answer is taken as it is.
        guard !areAllBelievable else { return message }
        var judged = message
        judged.closerPeers = believable(message.closerPeers, from: scope)
        judged.providerPeers = believable(message.providerPeers, from: scope)
        return judged
    }

    /// Peers that were named with addresses, none of which may be believed, are not named.
    private func believable(_ peers: [KademliaMessage.Peer], from scope: AddressScope) -> [KademliaMessage.Peer] {
        peers.compactMap { peer in
            var judged = peer
            judged.addresses = peer.addresses.filter { isBelievable($0, from: scope) }
            return judged.addresses.isEmpty && !peer.addresses.isEmpty ? nil : judged
        }
    }

    func believable(_ addresses: [[UInt8]], from remote: Multiaddr?) -> [[UInt8]] {
        let scope = Hearsay.scope(of: remote)
        return addresses.filter { isBelievable($0, from: scope) }
    }

    private func isBelievable(_ address: [UInt8], from scope: AddressScope) -> Bool {
        address.count <= addressBytes && Hearsay.allows(address, namedIn: scope)
    }
}

extension Multiaddr {
    /// A binary address; nil for one of a kind that this node does not know: the peer may have others.
    init?(known bytes: [UInt8]) {
        guard let address = try? Multiaddr(bytes: bytes) else { return nil }
        self = address
    }
}

extension Sequence<[UInt8]> {
    /// Those of some addresses that a peer in a scope can use.
    func usable(in scope: AddressScope) -> [[UInt8]] { filter { AddressScope($0).map { $0 >= scope } ?? false } }
}

extension Kademlia.Contact {
    /// A peer with those of its addresses that this node knows to read.
    init(_ peer: PeerID, _ binary: [[UInt8]]) {
        self.init(peer: peer, addresses: binary.compactMap { Multiaddr(known: $0) })
    }
}
