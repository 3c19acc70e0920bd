import Multiformats
import WireCodec

// Requests of others, answered at once, but for values that must be looked at first.
extension Kademlia {
    mutating func serve(
        _ id: InboundID, from peer: PeerID, at address: Multiaddr?, _ message: KademliaMessage,
        in context: inout Context
    ) {
        guard mode == .server else {
            context.effects.append(.refuse(id, .notServing))
            return
        }
        do throws(RefusalError) {
            if message.kind == .putValue {
                try putValue(id, message, from: peer, at: address, in: &context)
            } else if let answer = try answer(message, from: peer, at: address, context.now) {
                context.effects.append(.reply(id, answer))
            } else {
                context.effects.append(.noReply(id))
            }
        } catch {
            context.effects.append(.refuse(id, error.refusal))
        }
    }

    private struct RefusalError: Error {
        let refusal: Refusal
        init(_ refusal: Refusal) { self.refusal = refusal }
    }

    private mutating func answer(
        _ message: KademliaMessage, from peer: PeerID, at address: Multiaddr?, _ now: Now
    ) throws(RefusalError) -> KademliaMessage? {
        switch message.kind {
        case .ping: return message
        case .findNode: return try findNode(message, from: peer, in: Hearsay.scope(of: address))
        case .getProviders: return try getProviders(message, from: peer, in: Hearsay.scope(of: address), now)
        case .addProvider:
            try addProvider(message, from: peer, at: address, now)
            return nil
        case .getValue: return try getValue(message, from: peer, in: Hearsay.scope(of: address), now)
        // Taken care of before.
        case .putValue: return nil
        }
    }

    private func findNode(
        _ message: KademliaMessage, from asker: PeerID, in scope: AddressScope
    ) throws(RefusalError) -> KademliaMessage {
        guard (1...configuration.limits.keyBytes).contains(message.key.count) else { throw RefusalError(.invalidKey) }
        var peers: [KademliaMessage.Peer] = []
        // The one that is looked for comes first, even if it is a client.
        if message.key == local.bytes {
            let addresses = usable(localAddresses, in: scope)
            if !addresses.isEmpty {
                peers.append(KademliaMessage.Peer(id: local.bytes, addresses: addresses, connection: 1))
            }
        } else if message.key != asker.bytes, let target = Self.peer(message.key) {
            let key = kademliaKey(of: target.bytes)
            let addresses = sharedAddresses(of: key, in: scope)
            if !addresses.isEmpty {
                let connection: UInt32 = connected[key] == nil ? 0 : 1
                peers.append(KademliaMessage.Peer(id: target.bytes, addresses: addresses, connection: connection))
            }
        }
        peers += closest(to: message.key, notTelling: asker, in: scope, besidesTarget: true)
        return KademliaMessage(kind: .findNode, closerPeers: fitting(peers, configuration.limits.answerBytes))
    }

    private mutating func getProviders(
        _ message: KademliaMessage, from asker: PeerID, in scope: AddressScope, _ now: Now
    ) throws(RefusalError) -> KademliaMessage {
        guard isProviderKey(message.key) else { throw RefusalError(.invalidKey) }
        var found: [KademliaMessage.Peer] = []
        if let id = publicationIDs[.provider(message.key)], let publication = publications[id],
            publication.expiresAt > now.monotonic
        {
            let addresses = usable(localAddresses, in: scope)
            if !addresses.isEmpty {
                found.append(KademliaMessage.Peer(id: local.bytes, addresses: addresses, connection: 1))
            }
        }
        let room = max(0, configuration.limits.providersPerAnswer - found.count)
        for record in providers.drawn(message.key, room, at: now.monotonic, using: &generator) {
            let addresses = usable(providerAddresses(record, at: now.monotonic), in: scope)
            let connection: UInt32 = connected[kademliaKey(of: record.peer.bytes)] == nil ? 0 : 1
            found.append(KademliaMessage.Peer(id: record.peer.bytes, addresses: addresses, connection: connection))
        }
        let limit = configuration.limits.answerBytes - message.key.count
        let fitting = fitting(found, limit)
        let rest = limit - fitting.reduce(0) { $0 + Self.size($1) }
        return KademliaMessage(
            kind: .getProviders, key: message.key,
            closerPeers: self.fitting(closest(to: message.key, notTelling: asker, in: scope), rest),
            providerPeers: fitting)
    }

    private mutating func addProvider(
        _ message: KademliaMessage, from peer: PeerID, at address: Multiaddr?, _ now: Now
    ) throws(RefusalError) {
        guard isProviderKey(message.key) else { throw RefusalError(.invalidKey) }
        guard let named = message.providerPeers.first(where: { $0.id == peer.bytes }), peer != local else {
            throw RefusalError(.notTheProvider)
        }
        let peerAddresses = peerAddresses(of: peer, believable(named.addresses, from: address))
        guard !peerAddresses.binary.isEmpty else { throw RefusalError(.noAddresses) }
        let host = address.flatMap(NetworkHost.init)
        let isStored = providers.add(
            peer, key: message.key, addresses: peerAddresses.binary,
            isFromThere: host != nil && peerAddresses.parsed.contains { NetworkHost($0) == host },
            source: source(peer, address), at: now.monotonic, using: &generator)
        guard isStored else { throw RefusalError(.storeFull) }
    }

    private func getValue(
        _ message: KademliaMessage, from asker: PeerID, in scope: AddressScope, _ now: Now
    ) throws(RefusalError) -> KademliaMessage {
        guard (1...configuration.limits.valueKeyBytes).contains(message.key.count) else {
            throw RefusalError(.invalidKey)
        }
        let record = ownValue(message.key, now).map { own in
            KademliaMessage.Record(
                key: message.key, value: own.value,
                timeReceived: Timestamp.text(own.wallMilliseconds ?? now.wallMilliseconds))
        }
        let room = configuration.limits.answerBytes - 2 * message.key.count - (record?.value.count ?? 0)
        return KademliaMessage(
            kind: .getValue, key: message.key, record: record,
            closerPeers: fitting(
                closest(to: message.key, notTelling: asker, in: scope), max(room, Self.leastRoomForPeers)))
    }

    /// Stores a value that is known, or lets it be looked at: the answer comes afterwards.
    private mutating func putValue(
        _ id: InboundID, _ message: KademliaMessage, from peer: PeerID, at address: Multiaddr?,
        in context: inout Context
    ) throws(RefusalError) {
        guard let record = message.record else { throw RefusalError(.missingRecord) }
        guard record.key == message.key else { throw RefusalError(.keyMismatch) }
        guard message.key.count <= configuration.limits.valueKeyBytes, Self.namespace(message.key) != nil else {
            throw RefusalError(.invalidKey)
        }
        guard record.value.count <= configuration.limits.valueBytes else { throw RefusalError(.valueTooLong) }
        guard let rules = rules(message.key) else { throw RefusalError(.unknownNamespace) }
        guard let known = values.record(message.key, at: context.now), known.value == record.value else {
            let asker = PendingCheck.Asker(id: id, peer: peer, address: address)
            if let refusal = check(record, for: asker, by: rules, in: &context) { throw RefusalError(refusal) }
            return
        }
        guard keep(record.value, at: message.key, validUntil: known.validUntil, from: peer, at: address, context.now)
        else {
            throw RefusalError(.storeFull)
        }
        let answer = KademliaMessage(
            kind: .putValue, key: message.key, record: KademliaMessage.Record(key: message.key, value: record.value))
        context.effects.append(.reply(id, answer))
    }

    /// Stores a value that was looked at; returns whether there was room.
    mutating func keep(
        _ value: [UInt8], at key: [UInt8], validUntil: UInt64, from peer: PeerID, at address: Multiaddr?, _ now: Now
    ) -> Bool {
        values.put(
            value, at: key, validUntil: validUntil, source: source(peer, address), at: now, using: &generator)
    }

    /// Among whom the room is shared out: the network that the connection comes from, where it is known.
    private func source(_ peer: PeerID, _ address: Multiaddr?) -> RecordSource {
        RecordSource(peer, at: address, isExempt: address.map(isExempt) ?? false)
    }
}

// Peers in answers.
extension Kademlia {
    /// The k closest live servers to a key, without the one that asks and, where that is asked for, the one at the very key,
    /// which stands in the answer already.
    private func closest(
        to key: [UInt8], notTelling asker: PeerID, in scope: AddressScope, besidesTarget: Bool = false
    ) -> [KademliaMessage.Peer] {
        let (target, asking) = (kademliaKey(of: key), kademliaKey(of: asker.bytes))
        let positions = table.closest(to: target, count: configuration.bucketSize) { entry in
            entry.isLive && entry.isShared(in: scope) && entry.key != asking && !(besidesTarget && entry.key == target)
        }
        return positions.map { table.shared($0, in: scope) }
    }

    /// A message has some room beside a value of the largest size: 64 KiB less 60.
    private static let leastRoomForPeers = 3 << 10

    /// The first of the peers, as many as fit into so many bytes.
    private func fitting(_ peers: [KademliaMessage.Peer], _ limit: Int) -> [KademliaMessage.Peer] {
        var rest = limit
        for (index, peer) in peers.enumerated() {
            rest -= Self.size(peer)
            if rest < 0 { return Array(peers.prefix(index)) }
        }
        return peers
    }

    /// At least the bytes that a peer takes in a message.
    private static func size(_ peer: KademliaMessage.Peer) -> Int {
        peer.addresses.reduce(peer.id.count + 12) { $0 + $1.count + 4 }
    }
}
