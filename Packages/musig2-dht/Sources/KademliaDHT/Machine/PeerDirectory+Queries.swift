import Multiformats
import WireCodec

// Where peers are, and which are close to a key.
extension PeerDirectory {
    /// What this node itself knows of where a peer is, which goes before what others say.
    func knownAddresses(_ key: KademliaKey) -> [[UInt8]] {
        if let addresses = connected[key]?.addresses, !addresses.isEmpty { return addresses }
        guard let position = table.position(key) else { return [] }
        return table.buckets[position.bucket].entries[position.index].addresses
    }

    /// What is shared with a peer in a scope of where another one is: of a server what stands in the table, of a client only
    /// with its own kind, since it did not ask to be known.
    func sharedAddresses(of key: KademliaKey, in scope: AddressScope) -> [[UInt8]] {
        if let entry = table[key] { return entry.shared(in: scope) }
        guard let client = connected[key], let origin = client.origin, origin.scope == scope else { return [] }
        return client.addresses.filter { origin.covers($0) }.usable(in: scope)
    }

    /// The k closest live servers to a key, as they are shared with a peer, without that one and, where that is asked for, the
    /// one at the very key, which stands in the answer already.
    func closest(
        to key: [UInt8], notTelling asker: PeerID, in scope: AddressScope, besidesTarget: Bool = false
    ) -> [KademliaMessage.Peer] {
        let (target, asking) = (kademliaKey(of: key), kademliaKey(of: asker.bytes))
        let positions = table.closest(to: target, count: configuration.bucketSize) { entry in
            entry.isLive && entry.isShared(in: scope) && entry.key != asking
                && !(besidesTarget && entry.key == target)
        }
        return positions.map { table.shared($0, in: scope) }
    }

    /// The peers to ask first: the closest servers known; trusted peers, too, when these are few. Those that came by themselves
    /// are asked only when there is no other, if that is wished.
    func seeds(_ target: KademliaKey, avoidingGuests: Bool) -> [Referral] {
        let count = configuration.bucketSize
        var found = table.closest(to: target, count: count) { $0.isLive && !(avoidingGuests && $0.isGuest) }
        if found.isEmpty { found = table.closest(to: target, count: count) { $0.isLive } }
        if found.isEmpty { found = table.closest(to: target, count: count) { _ in true } }
        var seeds = found.map { position in
            let entry = table[position]
            return Referral(key: entry.key, id: entry.peer.bytes, addresses: entry.addresses)
        }
        if seeds.count < configuration.resiliency {
            for contact in configuration.bootstrapPeers where contact.peer != local {
                let key = kademliaKey(of: contact.peer.bytes)
                guard !seeds.contains(where: { $0.key == key }) else { continue }
                seeds.append(Referral(key: key, id: contact.peer.bytes, addresses: contact.addresses.map(\.bytes)))
            }
        }
        return seeds
    }

    /// The peers of an answer that a lookup may use: with a proper id, somewhere to be found, neither this node nor the server
    /// that answers.
    func referrals(_ peers: [KademliaMessage.Peer], askedOf responder: KademliaKey) -> [Referral] {
        var referrals: [Referral] = []
        referrals.reserveCapacity(peers.count)
        for peer in peers where !peer.id.isEmpty && peer.id.count <= 64 && !peer.addresses.isEmpty {
            let key = kademliaKey(of: peer.id)
            guard key != localKey, key != responder else { continue }
            referrals.append(Referral(key: key, id: peer.id, addresses: rules.bounded(peer.addresses)))
        }
        return referrals
    }

    /// A key that shares a prefix of exactly so many bits with this node's: no preimage of a random one is known, so keys are
    /// tried; for long prefixes a peer of that bucket serves.
    func randomKey(_ prefix: Int, using generator: inout SeededGenerator) -> [UInt8] {
        if prefix <= 6 {
            for _ in 0..<1_024 {
                let key = Self.randomKey(using: &generator)
                if (kademliaKey(of: key) ^ localKey).leadingZeroBitCount == prefix { return key }
            }
        }
        if table.buckets.indices.contains(prefix),
            let entry = table.buckets[prefix].entries.randomElement(using: &generator)
        {
            return entry.peer.bytes
        }
        return Self.randomKey(using: &generator)
    }

    /// A random key in the form of a multihash, which all implementations accept.
    private static func randomKey(using generator: inout SeededGenerator) -> [UInt8] {
        var key: [UInt8] = [0x12, 0x20]
        for _ in 0..<4 {
            let word = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) { key.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
        }
        return key
    }
}
