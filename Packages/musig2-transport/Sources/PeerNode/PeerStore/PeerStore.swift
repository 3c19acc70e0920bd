import Multiformats
import PeerTransport

/// What is known of peers, connected or not: where they were reached, where they say they are, what they speak.
///
/// A value without clock and disk; times are milliseconds since 1970, so that they mean something after a restart.
struct PeerStore: Equatable {
    /// Why an address is believed, the weakest reason first.
    enum Source: UInt32, CaseIterable, Comparable {
        /// Somebody else named it.
        case hint = 1
        /// The peer named it.
        case identify = 2
        /// The peer signed it.
        case certified = 3

        static func < (left: Source, right: Source) -> Bool { left.rawValue < right.rawValue }
    }

    struct Address: Equatable {
        /// Without the `/p2p/` end.
        var address: Multiaddr
        var source: Source
        /// When the source no longer counts.
        var expiry: UInt64
        /// When the peer was last reached here; 0 for never.
        var lastSuccess: UInt64 = 0
        /// Failed dials since then.
        var failures: UInt32 = 0
    }

    struct Peer: Equatable {
        var addresses: [Address] = []
        /// The sequence of the newest signed record; 0 for none.
        var sequence: UInt64 = 0
        var protocols: [ProtocolID] = []
        var agentVersion = ""
        /// When it was last connected or named.
        var lastSeen: UInt64 = 0
        /// On how many days it has answered on a connection that this node had dialled, and when it did so last.
        var provenDays: UInt32 = 0
        var lastProven: UInt64 = 0
    }

    let limits: PeerStoreLimits
    private(set) var peers: [PeerID: Peer] = [:]

    init(limits: PeerStoreLimits = PeerStoreLimits()) {
        self.limits = limits
    }

    /// The sequence of the newest signed record of a peer; 0 for none.
    func sequence(of peer: PeerID) -> UInt64 { peers[peer]?.sequence ?? 0 }

    /// Where to try to reach a peer, the most promising first.
    func addresses(of peer: PeerID, at now: UInt64) -> [Multiaddr] {
        let living = (peers[peer]?.addresses ?? []).filter { isAlive($0, at: now) }
        return living.enumerated().sorted { left, right in
            Self.isMorePromising(left.element, right.element) ?? (left.offset < right.offset)
        }.map(\.element.address)
    }

    /// What the user, or an agent of the user, has named of a peer's addresses.
    func hintedAddresses(of peer: PeerID) -> [Multiaddr] {
        (peers[peer]?.addresses ?? []).filter { $0.source == .hint }.map(\.address)
    }

    /// Takes addresses that somebody named. What is believed for a better reason stays so.
    mutating func add(_ addresses: [Multiaddr], of peer: PeerID, from source: Source, at now: UInt64) {
        guard !addresses.isEmpty else { return }
        var entry = peers[peer] ?? Peer()
        entry.lastSeen = max(entry.lastSeen, now)
        let expiry = self.expiry(of: source, at: now)
        for address in addresses {
            guard let bare = address.withoutPeerID, bare.isUsable else { continue }
            if let index = entry.addresses.firstIndex(where: { $0.address == bare }) {
                if entry.addresses[index].source <= source {
                    entry.addresses[index].source = source
                    entry.addresses[index].expiry = max(entry.addresses[index].expiry, expiry)
                }
            } else {
                entry.addresses.append(Address(address: bare, source: source, expiry: expiry))
            }
        }
        keep(entry, of: peer, at: now)
    }

    /// Takes what a connected peer says of itself. Addresses that it named before and names no more are forgotten, but not
    /// when it names none at all.
    mutating func update(_ peer: PeerID, by information: PeerInformation, sequence: UInt64?, at now: UInt64) {
        let source: Source = sequence == nil ? .identify : .certified
        // Of a record without usable addresses only the sequence counts.
        let isSigned = sequence != nil && information.isCertified
        var entry = peers[peer] ?? Peer()
        if let sequence { entry.sequence = max(entry.sequence, sequence) }
        let names = information.protocols.filter { $0.name.utf8.count <= limits.protocolBytes }
        entry.protocols = Array(names.sorted { $0.name < $1.name }.prefix(limits.protocolsPerPeer))
        entry.agentVersion = information.agentVersion
        if !information.addresses.isEmpty {
            let named = Set(information.addresses)
            entry.addresses.removeAll { address in
                address.source != .hint && address.source <= source && !named.contains(address.address)
            }
        }
        entry.lastSeen = max(entry.lastSeen, now)
        keep(entry, of: peer, at: now)
        add(information.addresses, of: peer, from: isSigned ? .certified : .identify, at: now)
    }

    /// The peer was reached at an address.
    ///
    /// A name that a stranger gave remains a stranger's: it may lead elsewhere tomorrow.
    mutating func noteSuccess(
        _ peer: PeerID, at address: Multiaddr, namedBy source: AddressSource = .user, at now: UInt64
    ) {
        guard let bare = address.withoutPeerID, bare.isUsable else { return }
        add([bare], of: peer, from: source == .stranger && bare.isNamed ? .identify : .hint, at: now)
        change(bare, of: peer) { address in
            address.lastSuccess = now
            address.failures = 0
        }
    }

    /// The peer was not reached at an address.
    mutating func noteFailure(_ peer: PeerID, at address: Multiaddr) {
        guard let bare = address.withoutPeerID else { return }
        change(bare, of: peer) { $0.failures = min($0.failures &+ 1, 1000) }
    }

    /// Forgets an address at which somebody else is.
    mutating func remove(_ address: Multiaddr, of peer: PeerID) {
        guard let bare = address.withoutPeerID else { return }
        peers[peer]?.addresses.removeAll { $0.address == bare }
    }

    /// Forgets what no longer counts.
    mutating func prune(at now: UInt64) {
        for (peer, entry) in peers { keep(entry, of: peer, at: now) }
    }

    /// Takes over peers that were remembered elsewhere, within the limits.
    mutating func restore(_ remembered: [PeerStoreSnapshot.RememberedPeer], at now: UInt64) {
        for found in remembered {
            var entry = found.peer
            entry.lastSeen = min(entry.lastSeen, now)
            entry.lastProven = min(entry.lastProven, now)
            // A clock that was ahead when the file was written must not make addresses immortal.
            for index in entry.addresses.indices {
                let source = entry.addresses[index].source
                entry.addresses[index].expiry = min(entry.addresses[index].expiry, expiry(of: source, at: now))
                entry.addresses[index].lastSuccess = min(entry.addresses[index].lastSuccess, now)
            }
            let names = entry.protocols.filter { $0.isValid && $0.name.utf8.count <= limits.protocolBytes }
            entry.protocols = Array(names.prefix(limits.protocolsPerPeer))
            entry.addresses.removeAll { !$0.address.isUsable || $0.address.peerID != nil }
            keep(entry, of: found.id, at: now)
        }
    }

    // MARK: Bounds

    private mutating func keep(_ changed: Peer, of peer: PeerID, at now: UInt64) {
        var entry = changed
        entry.addresses.removeAll { !isAlive($0, at: now) }
        if entry.addresses.count > limits.addressesPerPeer {
            entry.addresses.sort { Self.isWorthMore($0, $1) }
            entry.addresses.removeLast(entry.addresses.count - limits.addressesPerPeer)
        }
        guard !entry.addresses.isEmpty || entry.sequence > 0 || !entry.protocols.isEmpty else {
            peers[peer] = nil
            return
        }
        peers[peer] = entry
        guard peers.count > limits.peers else { return }
        // An eighth at once, so that a flood of names does not cost a search each.
        let surplus = peers.count - limits.peers + limits.peers / 8
        for peer in least(surplus) { peers[peer] = nil }
    }

    mutating func change(_ peer: PeerID, _ body: (inout Peer) -> Void) {
        guard var changed = peers[peer] else { return }
        body(&changed)
        peers[peer] = changed
    }

    private mutating func change(_ address: Multiaddr, of peer: PeerID, _ body: (inout Address) -> Void) {
        guard let index = peers[peer]?.addresses.firstIndex(where: { $0.address == address }) else { return }
        if var changed = peers[peer]?.addresses[index] {
            body(&changed)
            peers[peer]?.addresses[index] = changed
        }
    }

    private func isAlive(_ address: Address, at now: UInt64) -> Bool {
        if address.expiry > now { return true }
        guard address.lastSuccess > 0 else { return false }
        return address.lastSuccess &+ Self.milliseconds(limits.provenLifetime) > now
    }

    private func expiry(of source: Source, at now: UInt64) -> UInt64 {
        let lifetime =
            switch source {
            case .hint: limits.hintLifetime
            case .identify: limits.identifyLifetime
            case .certified: limits.certifiedLifetime
            }
        return now &+ Self.milliseconds(lifetime)
    }

    /// Whether an address is to be tried before another one; nil when nothing speaks for either.
    private static func isMorePromising(_ left: Address, _ right: Address) -> Bool? {
        if left.failures != right.failures { return left.failures < right.failures }
        let (leftTrust, rightTrust) = (trust(in: left), trust(in: right))
        if leftTrust != rightTrust { return leftTrust > rightTrust }
        if left.lastSuccess != right.lastSuccess { return left.lastSuccess > right.lastSuccess }
        if left.source != right.source { return left.source > right.source }
        return nil
    }

    /// Whether an address is kept before another one when there are too many. Where it comes from counts for more than failures
    /// do: a stranger that names addresses must not drive out those that the peer has signed, or was reached at.
    private static func isWorthMore(_ left: Address, _ right: Address) -> Bool {
        let (leftSource, rightSource) = (proof(of: left), proof(of: right))
        if leftSource != rightSource { return leftSource > rightSource }
        return isMorePromising(left, right) ?? (left.expiry > right.expiry)
    }

    /// How much an address is trusted to be the peer's own. That the peer was reached at one that others have named does not
    /// make it the peer's: somebody in between may only pass on what is said, for as long as it likes.
    private static func trust(in address: Address) -> Int {
        let isReached = address.lastSuccess > 0
        return switch address.source {
        case .certified: isReached ? 4 : 3
        case .identify: isReached ? 4 : 1
        case .hint: isReached ? 2 : 0
        }
    }

    /// To have reached the peer is worth as much as its signature.
    private static func proof(of address: Address) -> Source {
        address.lastSuccess > 0 ? .certified : address.source
    }

    private static func milliseconds(_ duration: Duration) -> UInt64 {
        UInt64(clamping: duration.components.seconds) &* 1000
    }
}
