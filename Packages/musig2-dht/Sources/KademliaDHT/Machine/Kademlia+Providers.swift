import Multiformats
import WireCodec

// Who provides a key: announcing and finding.
extension Kademlia {
    /// Writes the provider record to the closest servers.
    mutating func storeProvider(_ key: [UInt8], _ lookup: Lookup, _ job: inout Job, in context: inout Context) {
        if let id = job.publication { publications[id]?.addresses = localAddresses }
        let record = KademliaMessage(
            kind: .addProvider, key: key,
            providerPeers: [KademliaMessage.Peer(id: local.bytes, addresses: localAddresses, connection: 1)])
        store(record, value: nil, lookup, &job, in: &context)
    }

    /// Sends a record to the closest servers that answered.
    mutating func store(
        _ record: KademliaMessage, value: [UInt8]?, _ lookup: Lookup, _ job: inout Job, in context: inout Context
    ) {
        var storing = Job.Storing()
        for candidate in lookup.closestAnswered(configuration.bucketSize) {
            guard let peer = Self.peer(candidate.id) else { continue }
            let key = candidate.distance ^ job.target
            let known = knownAddresses(key)
            let peerAddresses = peerAddresses(of: peer, known.isEmpty ? candidate.addresses : known)
            send(record, to: peer, key, peerAddresses, .store(job: job.id, value: value), in: &context)
            storing.pending += 1
        }
        storing.asked = storing.pending
        job.storing = storing
        if storing.pending == 0 { endStoring(&job, in: &context) }
    }

    mutating func storeEnded(_ id: UInt64, isStored: Bool, isRefused: Bool = false, in context: inout Context) {
        guard var job = jobs.removeValue(forKey: id) else { return }
        job.storing?.pending -= 1
        if isStored { job.storing?.stored += 1 }
        if isRefused { job.storing?.refused += 1 }
        if job.storing?.pending == 0 { endStoring(&job, in: &context) }
        keep(job)
    }

    private mutating func endStoring(_ job: inout Job, in context: inout Context) {
        let (stored, refused, asked) = job.storing.map { ($0.stored, $0.refused, $0.asked) } ?? (0, 0, 0)
        guard stored > 0 else {
            if case .put = job.task, refused > asked / 2 {
                // They keep no values of this namespace, and would refuse it again.
                complete(&job, .failed(.refused), in: &context)
            } else {
                retry(&job, orFail: .notStored, in: &context)
            }
            return
        }
        switch job.task {
        case .provide: complete(&job, .provided(servers: stored), in: &context)
        default: complete(&job, .stored(servers: stored), in: &context)
        }
    }

    mutating func takeOwnProviders(_ key: [UInt8], _ job: inout Job, in context: inout Context) {
        var found: [Provider] = []
        let records = providers.records(key, at: context.time)
        for record in records {
            let age = context.time - record.storedAt
            let addresses = providerAddresses(record, at: context.time)
            guard
                job.providers.add(
                    record.peer, amongst: records.count, addresses: addresses, from: nil, age: age,
                    limits: configuration.limits)
            else {
                continue
            }
            found.append(Provider(peer: record.peer, addresses: addresses.compactMap(Self.address), age: age))
        }
        tell(found, job, in: &context)
    }

    /// The addresses of a stored provider, or, when they are too old, where this node knows it to be.
    func providerAddresses(_ record: ProviderStore.Record, at time: Duration) -> [[UInt8]] {
        if time - record.storedAt < configuration.providerAddressLifetime { return record.addresses }
        return knownAddresses(kademliaKey(of: record.peer.bytes))
    }

    mutating func takeProviders(
        _ peers: [KademliaMessage.Peer], from server: KademliaKey, _ job: inout Job, in context: inout Context
    ) {
        var found: [Provider] = []
        var seen: Set<[UInt8]> = []
        for named in peers.prefix(configuration.limits.providersTakenPerAnswer) where seen.insert(named.id).inserted {
            guard let peer = Self.peer(named.id), peer != local else { continue }
            let peerAddresses = peerAddresses(of: peer, named.addresses)
            // One that has addresses, but none that this network uses, cannot be reached in it.
            guard named.addresses.isEmpty || !peerAddresses.binary.isEmpty else { continue }
            guard
                job.providers.add(
                    peer, amongst: peers.count, addresses: peerAddresses.binary, from: server, age: nil,
                    limits: configuration.limits)
            else {
                continue
            }
            found.append(Provider(peer: peer, addresses: peerAddresses.parsed))
        }
        tell(found, job, in: &context)
    }

    private func tell(_ found: [Provider], _ job: Job, in context: inout Context) {
        if !found.isEmpty, let operation = job.operation { context.effects.append(.progress(operation, found)) }
    }

    /// Looks up, by name, the best providers whose addresses nobody told.
    mutating func resolveProviders(_ limit: Int, _ job: inout Job, in context: inout Context) {
        var homeless: [PeerID] = []
        for provider in job.providers.ranked(limit) where provider.addresses.isEmpty {
            let known = knownAddresses(kademliaKey(of: provider.peer.bytes))
            if known.isEmpty {
                homeless.append(provider.peer)
            } else {
                job.providers.setAddresses(known, of: provider.peer)
            }
        }
        homeless = Array(homeless.prefix(configuration.limits.providersResolved))
        guard !homeless.isEmpty else {
            endFindProviders(limit, &job, in: &context)
            return
        }
        job.children = homeless.count
        // The children find this job where it belongs when they end, which may be at once.
        jobs[job.id] = job
        for peer in homeless { startJob(.findPeer(peer), parent: job.id, in: &context) }
        if let kept = jobs.removeValue(forKey: job.id) { job = kept } else { job.isDone = true }
    }

    mutating func endFindProviders(_ limit: Int, _ job: inout Job, in context: inout Context) {
        let most = configuration.limits.addressesPerPeer
        let ranked = job.providers.ranked(limit).map { entry in
            Provider(peer: entry.peer, addresses: entry.addresses.best(most).compactMap(Self.address), age: entry.age)
        }
        complete(&job, .providers(ranked), in: &context)
    }
}
