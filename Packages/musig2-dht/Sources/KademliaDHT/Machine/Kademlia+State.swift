package import Multiformats
import WireCodec

/// One call of the machine: the time, and what it has come to so far.
struct Context {
    let now: Kademlia.Now
    var effects: [Kademlia.Effect] = []

    var time: Duration { now.monotonic }
}

/// A request that has not been answered.
struct PendingRequest: Sendable {
    enum Purpose: Sendable {
        /// Whether the peer serves, or still serves.
        case probe
        case lookup(job: UInt64, Lookup.CandidateID)
        /// A record for a job; of a value, which one, so that the echo is compared.
        case store(job: UInt64, value: [UInt8]?)
        /// A better value for a server that had a worse one or none.
        case correction

        /// Whether it is a record that the server may not want. Others refuse it with a reset, as go does with values of namespaces
        /// that it does not know: that says nothing of how well the server serves.
        var isRecord: Bool {
            switch self {
            case .probe, .lookup: false
            case .store, .correction: true
            }
        }
    }

    let peer: PeerID
    let key: KademliaKey
    let peerAddresses: PeerAddresses
    let purpose: Purpose
    /// When it was sent; nil while it waits for that.
    var startedAt: Duration?
}

/// Where a peer may be reached, by the rules of the network.
struct PeerAddresses: Sendable {
    /// Binary, without `/p2p` at the end.
    var binary: [[UInt8]] = []
    var parsed: [Multiaddr] = []
    var groups = NetworkGroups.none
}

/// A connected peer: where it says it is, and where the connection leads.
struct ConnectedPeer: Sendable {
    /// Binary, without `/p2p` at the end.
    let addresses: [[UInt8]]
    /// Nil where that is not known: of such a peer nobody is told.
    let origin: Origin?
}

/// Peers that wait to be asked whether they serve.
struct Probes: Sendable {
    struct Waiting: Sendable {
        let peer: PeerID
        let key: KademliaKey
        let peerAddresses: PeerAddresses
    }

    var waiting: [Waiting] = []
    /// Those that wait and those under way.
    var keys: Set<KademliaKey> = []
    var underWay = 0
}

/// What this node keeps telling the network.
struct Publication: Sendable {
    let id: UInt64
    let kind: Kind
    let value: [UInt8]
    /// Of a value: until when its rules allow it, in milliseconds since 1970.
    let validUntil: UInt64
    let expiresAt: Duration
    /// Of a provider record: this node's addresses as others know them.
    var addresses: [[UInt8]] = []
    /// When it is renewed, or ends; nil while it is being published.
    var wakesAt: Duration?

    enum Kind: Hashable, Sendable {
        case provider([UInt8])
        case value([UInt8])
    }
}

/// What the node does for itself when there is time.
enum BackgroundTask: Hashable, Sendable {
    /// Look for a key of a bucket, for a bootstrap or for itself.
    case refresh(prefix: Int, parent: UInt64?)
    case findSelf
    case renew(UInt64)
}

// Places and addresses.
extension Kademlia {
    /// The place of a peer id or a record's key.
    func kademliaKey(of bytes: [UInt8]) -> KademliaKey { KademliaKey(digest: hash(bytes)) }

    /// The addresses that this network uses, of those that a peer is said to have.
    func peerAddresses(of peer: PeerID, _ binary: [[UInt8]]) -> PeerAddresses {
        peerAddresses(
            of: peer, binary.lazy.filter { $0.count <= configuration.limits.addressBytes }.compactMap(Self.address))
    }

    func peerAddresses(of peer: PeerID, _ addresses: some Sequence<Multiaddr>) -> PeerAddresses {
        var peerAddresses = PeerAddresses()
        for address in addresses {
            guard peerAddresses.binary.count < configuration.limits.addressesPerPeer else { break }
            if let named = address.peerID, named != peer { continue }
            guard let address = address.withoutPeerID, configuration.addressPolicy.accepts(address) else { continue }
            let bytes = address.bytes
            guard bytes.count <= configuration.limits.addressBytes, !peerAddresses.binary.contains(bytes) else {
                continue
            }
            peerAddresses.binary.append(bytes)
            peerAddresses.parsed.append(address)
            if !isExempt(address) { peerAddresses.groups.insert(address) }
        }
        return peerAddresses
    }

    /// The network groups of an address; none if it is free of limits.
    func groups(of address: Multiaddr) -> NetworkGroups {
        var groups = NetworkGroups.none
        if !isExempt(address) { groups.insert(address) }
        return groups
    }

    /// Whether an address is free of the limits per network group.
    func isExempt(_ address: Multiaddr) -> Bool { configuration.exemptsPrivateGroups && address.isPrivate }

    static func address(_ bytes: [UInt8]) -> Multiaddr? {
        do throws(MultiaddrError) {
            return try Multiaddr(bytes: bytes)
        } catch {
            // Of a kind that this node does not know: the peer may have others.
            return nil
        }
    }

    static func peer(_ bytes: [UInt8]) -> PeerID? {
        do throws(PeerIDError) {
            return try PeerID(bytes: bytes)
        } catch {
            return nil
        }
    }

    /// What this node itself knows of where a peer is, which goes before what others say.
    func knownAddresses(_ key: KademliaKey) -> [[UInt8]] {
        if let addresses = connected[key]?.addresses, !addresses.isEmpty { return addresses }
        guard let position = table.position(key) else { return [] }
        return table.buckets[position.bucket].entries[position.index].addresses
    }

    /// What one who is in a scope is told of where a peer is: of a server what stands in the table, of a client only to its own
    /// kind, since it did not ask to be known.
    func sharedAddresses(of key: KademliaKey, in scope: AddressScope) -> [[UInt8]] {
        if let entry = table[key] { return entry.shared(in: scope) }
        guard let client = connected[key], let origin = client.origin, origin.scope == scope else { return [] }
        return usable(client.addresses.filter { origin.covers($0) }, in: scope)
    }

    /// Those of some addresses that one who is in a scope can use.
    func usable(_ addresses: [[UInt8]], in scope: AddressScope) -> [[UInt8]] {
        addresses.filter { AddressScope($0).map { $0 >= scope } ?? false }
    }

    /// An answer as far as it may be believed: with the addresses that one may name who is where it came from.
    func believable(_ message: KademliaMessage, from remote: Multiaddr) -> KademliaMessage {
        var judged = message
        judged.closerPeers = believable(message.closerPeers, from: remote)
        judged.providerPeers = believable(message.providerPeers, from: remote)
        return judged
    }

    /// Peers that were named with addresses, none of which may be believed, are not named.
    private func believable(_ peers: [KademliaMessage.Peer], from remote: Multiaddr) -> [KademliaMessage.Peer] {
        peers.compactMap { peer in
            var judged = peer
            judged.addresses = believable(peer.addresses, from: remote)
            return judged.addresses.isEmpty && !peer.addresses.isEmpty ? nil : judged
        }
    }

    func believable(_ addresses: [[UInt8]], from remote: Multiaddr?) -> [[UInt8]] {
        addresses.filter { bytes in
            guard bytes.count <= configuration.limits.addressBytes, let address = Self.address(bytes) else {
                return false
            }
            return Hearsay.allows(address, namedFrom: remote)
        }
    }

    func contact(_ peer: PeerID, _ addresses: [[UInt8]]) -> Contact {
        Contact(peer: peer, addresses: addresses.compactMap(Self.address))
    }
}

// For simulations.
extension Kademlia {
    /// Puts a server in the routing table as if it had answered: for a network that has been there for long.
    package mutating func know(_ contact: Contact, at time: Duration) {
        let peerAddresses = peerAddresses(of: contact.peer, contact.addresses)
        let key = kademliaKey(of: contact.peer.bytes)
        _ = table.insert(
            RoutingTable.Entry(
                peer: contact.peer, key: key, addresses: peerAddresses.binary, groups: peerAddresses.groups,
                lastSeen: time,
                isTrusted: trusted.contains(key), isConnected: false,
                origin: contact.addresses.first.map { Origin($0) }))
        hasBootstrapped = true
    }

    /// The servers in the routing table that answered when last asked.
    package var _servers: [PeerID] { table.buckets.flatMap { $0.entries.filter(\.isLive).map(\.peer) } }

    /// What is wrong with the machine's tables; empty if nothing is.
    package func _checkInvariants() -> [String] {
        table._checkInvariants() + providers._checkInvariants() + values._checkInvariants()
    }
}
