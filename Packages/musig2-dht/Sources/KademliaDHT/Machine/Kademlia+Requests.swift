import Multiformats
import WireCodec

// Requests of this node and what becomes of them.
extension Kademlia {
    mutating func send(
        _ message: KademliaMessage, to peer: PeerID, _ key: KademliaKey, _ peerAddresses: PeerAddresses,
        _ purpose: PendingRequest.Purpose,
        in context: inout Context
    ) {
        nextRequest += 1
        let id = nextRequest
        requests[id] = PendingRequest(peer: peer, key: key, peerAddresses: peerAddresses, purpose: purpose)
        context.effects.append(
            .send(
                Request(
                    id: RequestID(id), peer: peer, addresses: peerAddresses.parsed, message: message,
                    expectsReply: message.kind != .addProvider, timeout: configuration.requestTimeout)))
    }

    /// A request is on its way: from now on it may become slow, or too late.
    mutating func started(_ id: RequestID, in context: inout Context) {
        guard var request = requests[id.rawValue], request.startedAt == nil else { return }
        request.startedAt = context.time
        requests[id.rawValue] = request
        deadlines.add(.request(id.rawValue), at: context.time + configuration.requestTimeout)
        if case .lookup = request.purpose {
            deadlines.add(.slow(id.rawValue), at: context.time + configuration.slowAfter)
        }
    }

    mutating func responded(
        _ id: RequestID, from address: Multiaddr?, _ message: KademliaMessage, in context: inout Context
    ) {
        // Where a server says it is may be a lie, which would count for others' networks: an answer that came from nobody
        // knows where is none. Neither the server nor who named it is to blame.
        guard let address else { return requestFailed(id.rawValue, .notSent, in: &context) }
        guard let request = requests.removeValue(forKey: id.rawValue) else { return }
        lastHeard = context.time
        if message.kind == .findNode { vouched.noteAnswer(request.key) }
        let groups = groups(of: address)
        admit(request, from: groups, Origin(address), in: &context)
        let message = believable(message, from: address)
        switch request.purpose {
        case .probe: probeEnded(request.key)
        case .lookup(let job, let candidateID):
            lookupAnswered(job, candidateID, request, from: groups, message, in: &context)
        case .store(let job, let value):
            storeEnded(job, isStored: value == nil || message.record?.value == value, in: &context)
        case .correction: break
        }
    }

    /// A request without an answer was written.
    mutating func wasSent(_ id: RequestID, in context: inout Context) {
        guard let request = requests.removeValue(forKey: id.rawValue) else { return }
        switch request.purpose {
        case .store(let job, _): storeEnded(job, isStored: true, in: &context)
        case .probe: probeEnded(request.key)
        case .lookup(let job, let candidateID): lookupFailed(job, candidateID, .malformed, in: &context)
        case .correction: break
        }
    }

    mutating func requestFailed(_ id: UInt64, _ failure: RequestFailure, in context: inout Context) {
        guard let request = requests.removeValue(forKey: id) else { return }
        let isRefusal = failure == .reset && request.purpose.isRecord
        if failure != .notSent, !isRefusal { noteFailure(request, failure, in: &context) }
        switch request.purpose {
        case .probe: probeEnded(request.key)
        case .lookup(let job, let candidateID):
            if failure == .unsupported { findPeerReached(job, request, in: &context) }
            lookupFailed(job, candidateID, failure, in: &context)
        case .store(let job, _): storeEnded(job, isStored: false, isRefused: isRefusal, in: &context)
        case .correction: break
        }
    }

    mutating func requestIsSlow(_ id: UInt64, in context: inout Context) {
        guard let request = requests[id], case .lookup(let id, let candidateID) = request.purpose,
            var job = jobs.removeValue(forKey: id)
        else { return }
        job.lookup?.slow(candidateID)
        advance(&job, in: &context)
        keep(job)
    }
}

// The routing table: who gets in, who is dropped.
extension Kademlia {
    mutating func identified(
        _ peer: PeerID, _ addresses: [Multiaddr], isServer: Bool, at remote: Multiaddr?, in context: inout Context
    ) {
        guard peer != local else { return }
        let key = kademliaKey(of: peer.bytes)
        var peerAddresses = peerAddresses(of: peer, addresses)
        if let remote { peerAddresses.groups = groups(of: remote) }
        if connected[key] != nil || connected.count < configuration.limits.connectedPeers {
            connected[key] = ConnectedPeer(addresses: peerAddresses.binary, origin: remote.map { Origin($0) })
        }
        if let position = table.position(key) {
            if isServer {
                table.update(position, addresses: peerAddresses.binary)
            } else {
                drop(key, in: &context)
            }
        } else if isServer, !peerAddresses.binary.isEmpty {
            consider(peer, key, peerAddresses, in: &context)
        } else if !isServer {
            table.remove(key)
        }
    }

    mutating func disconnected(_ peer: PeerID) {
        let key = kademliaKey(of: peer.bytes)
        connected[key] = nil
        table.disconnected(key)
    }

    /// A peer says that it serves. It gets a place when it has answered.
    private mutating func consider(
        _ peer: PeerID, _ key: KademliaKey, _ peerAddresses: PeerAddresses, in context: inout Context
    ) {
        switch trusted.contains(key) ? .room : table.admission(key, peerAddresses.groups) {
        case .room: probe(peer, key, peerAddresses)
        case .full: wait(peer, key, peerAddresses)
        case .crowded: break
        }
    }

    /// Whether a peer has come by itself before anybody that is vouched for has answered. Of such peers a quarter of a bucket is let in.
    private func isGuest(_ request: PendingRequest) -> Bool {
        guard case .probe = request.purpose, isAmongStrangers else { return false }
        return !trusted.contains(request.key) && vouched.contacts[request.key] == nil
    }

    private mutating func wait(_ peer: PeerID, _ key: KademliaKey, _ peerAddresses: PeerAddresses) {
        table.await(
            RoutingTable.Replacement(
                peer: peer, key: key, addresses: peerAddresses.binary, groups: peerAddresses.groups))
    }

    /// A peer answered a request: it serves.
    mutating func admit(
        _ request: PendingRequest, from groups: NetworkGroups, _ origin: Origin, in context: inout Context
    ) {
        if let position = table.position(request.key) {
            if !table.answered(position, from: groups, origin, at: context.time) { promote(position.bucket) }
            return
        }
        guard !request.peerAddresses.binary.isEmpty else { return }
        var peerAddresses = request.peerAddresses
        peerAddresses.groups = groups
        let isGuest = isGuest(request)
        // So that strangers that are there first do not decide whom this node asks.
        if isGuest, table.neighbors(of: request.key) >= max(1, configuration.bucketSize / 4) {
            return wait(request.peer, request.key, peerAddresses)
        }
        let admission = table.insert(
            RoutingTable.Entry(
                peer: request.peer, key: request.key, addresses: peerAddresses.binary, groups: peerAddresses.groups,
                lastSeen: context.time, isTrusted: trusted.contains(request.key), isGuest: isGuest,
                isConnected: connected[request.key] != nil, origin: origin))
        if admission == .full {
            wait(request.peer, request.key, peerAddresses)
            checkOldest(table.bucketIndex(request.key), at: context.time)
        }
    }

    /// Asks the server of a bucket that has been silent for the longest time whether it is still there, so that it gives way
    /// to one that waits if it is not.
    private mutating func checkOldest(_ bucket: Int, at time: Duration) {
        guard let oldest = table.leastRecentlySeen(bucket), time - table[oldest].lastSeen >= configuration.livenessAge
        else { return }
        probe(table[oldest])
    }

    mutating func noteFailure(_ request: PendingRequest, _ failure: RequestFailure, in context: inout Context) {
        guard let position = table.position(request.key) else { return }
        if failure == .unsupported {
            drop(request.key, in: &context)
            return
        }
        let entry = table[position]
        let failures = table.failed(position)
        // When nobody has answered since the request left, the fault may be this node's own network: then all stay.
        guard !entry.isTrusted, let lastHeard, let startedAt = request.startedAt, lastHeard >= startedAt else { return }
        if failures >= 2 || !table.buckets[position.bucket].replacements.isEmpty { drop(request.key, in: &context) }
    }

    /// A server does not serve any more. One that is trusted keeps its place, but is not told to others.
    private mutating func drop(_ key: KademliaKey, in context: inout Context) {
        guard let position = table.position(key) else { return }
        if table[position].isTrusted {
            _ = table.failed(position)
            return
        }
        table.remove(key)
        promote(position.bucket)
    }

    private mutating func promote(_ bucket: Int) {
        guard let next = table.takeReplacement(bucket) else { return }
        probe(next.peer, next.key, PeerAddresses(binary: next.addresses, groups: next.groups))
    }

    func isLive(_ key: KademliaKey) -> Bool { table[key]?.isLive == true }
}

// Probes.
extension Kademlia {
    mutating func probe(_ entry: RoutingTable.Entry) {
        probe(entry.peer, entry.key, PeerAddresses(binary: entry.addresses, groups: entry.groups))
    }

    mutating func probe(_ peer: PeerID, _ key: KademliaKey, _ peerAddresses: PeerAddresses) {
        let (limits, waiting) = (configuration.limits, probes.waiting)
        guard peer != local, waiting.count < limits.waitingProbes, !probes.keys.contains(key) else { return }
        let hasRoom = peerAddresses.groups.allSatisfy { group in
            waiting.count { $0.peerAddresses.groups.contains(group) } < limits.waitingProbes(of: group)
        }
        guard hasRoom else { return }
        probes.keys.insert(key)
        probes.waiting.append(Probes.Waiting(peer: peer, key: key, peerAddresses: peerAddresses))
    }

    private mutating func probeEnded(_ key: KademliaKey) {
        probes.keys.remove(key)
        probes.underWay -= 1
    }

    mutating func sendProbes(in context: inout Context) {
        while probes.underWay < configuration.limits.probes, !probes.waiting.isEmpty {
            let next = probes.waiting.removeFirst()
            probes.underWay += 1
            let peerAddresses =
                next.peerAddresses.parsed.isEmpty
                ? peerAddresses(of: next.peer, next.peerAddresses.binary) : next.peerAddresses
            send(
                KademliaMessage(kind: .findNode, key: local.bytes), to: next.peer, next.key, peerAddresses, .probe,
                in: &context)
        }
    }
}
