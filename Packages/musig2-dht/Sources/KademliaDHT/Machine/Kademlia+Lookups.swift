import Multiformats
import WireCodec

// Jobs and their lookups.
extension Kademlia {
    @discardableResult
    mutating func startJob(
        _ task: Job.Task, operation: OperationID? = nil, parent: UInt64? = nil, isBackground: Bool = false,
        in context: inout Context
    ) -> UInt64 {
        nextJob += 1
        let key = lookupKey(task)
        var job = Job(
            id: nextJob, task: task, operation: operation, parent: parent, isBackground: isBackground,
            publication: publicationID(task), key: key, target: kademliaKey(of: key))
        if let operation { operations[operation] = job.id }
        if isBackground { backgroundJobs += 1 }
        startLookup(&job, in: &context)
        keep(job)
        return job.id
    }

    private func lookupKey(_ task: Job.Task) -> [UInt8] {
        switch task {
        case .findPeer(let peer): peer.bytes
        case .closestPeers(let key), .provide(let key), .findProviders(let key, _), .put(let key), .get(let key, _),
            .refresh(let key):
            key
        case .bootstrap: local.bytes
        }
    }

    /// Puts a job back after a call, unless it is over.
    mutating func keep(_ job: Job) {
        if !job.isDone { jobs[job.id] = job }
    }

    mutating func startLookup(_ job: inout Job, in context: inout Context) {
        var lookup = Lookup(
            target: job.target, paths: isDisjoint(job.task) ? configuration.disjointPaths : 1,
            width: width(job.task), resultCount: job.publication == nil ? 0 : configuration.bucketSize,
            concurrency: job.isBackground ? configuration.backgroundConcurrency : configuration.concurrency,
            configuration, at: context.time)
        lookup.seed(seeds(job.target))
        job.lookup = lookup
        job.wakesAt = context.time + configuration.lookupTimeout
        deadlines.add(.job(job.id), at: context.time + configuration.lookupTimeout)
        takeOwn(&job, in: &context)
        advance(&job, in: &context)
    }

    private func isDisjoint(_ task: Job.Task) -> Bool {
        switch task {
        case .provide, .findProviders, .put, .get: true
        case .findPeer, .closestPeers, .bootstrap, .refresh: false
        }
    }

    /// How many of the closest servers that a path knows must answer: β where one answer is enough, all that are to keep a
    /// record, or are to be told, where none must be missing.
    private func width(_ task: Job.Task) -> Int {
        switch task {
        case .findPeer, .findProviders, .get, .refresh: configuration.resiliency
        case .closestPeers, .bootstrap: configuration.bucketSize
        case .provide, .put:
            max(configuration.resiliency, (configuration.bucketSize - 1) / max(1, configuration.disjointPaths) + 1)
        }
    }

    /// Whom to ask first: the closest servers known; trusted peers, too, when these are few. Of a node that is among strangers,
    /// those that came by themselves are asked when there is nobody else.
    private func seeds(_ target: KademliaKey) -> [Lookup.Referral] {
        let avoidsGuests = isAmongStrangers
        var found = table.closest(to: target, count: configuration.bucketSize) {
            $0.isLive && !(avoidsGuests && $0.isGuest)
        }
        if found.isEmpty { found = table.closest(to: target, count: configuration.bucketSize) { $0.isLive } }
        if found.isEmpty { found = table.closest(to: target, count: configuration.bucketSize) { _ in true } }
        var seeds = found.map { position in
            let entry = table[position]
            return Lookup.Referral(key: entry.key, id: entry.peer.bytes, addresses: entry.addresses)
        }
        if seeds.count < configuration.resiliency {
            for contact in configuration.bootstrapPeers where contact.peer != local {
                let key = kademliaKey(of: contact.peer.bytes)
                guard !seeds.contains(where: { $0.key == key }) else { continue }
                seeds.append(
                    Lookup.Referral(key: key, id: contact.peer.bytes, addresses: contact.addresses.map(\.bytes)))
            }
        }
        return seeds
    }

    /// Goes on with a job: asks whom its lookup names, and ends the lookup when it is over.
    mutating func advance(_ job: inout Job, in context: inout Context) {
        guard !job.isDone, job.lookup != nil else { return }
        while let candidateID = job.lookup?.next() { ask(candidateID, of: &job, in: &context) }
        if job.lookup?.isOver == true { endLookup(&job, in: &context) }
    }

    private mutating func ask(_ candidateID: Lookup.CandidateID, of job: inout Job, in context: inout Context) {
        guard let candidate = job.lookup?.candidate(candidateID) else { return }
        guard let peer = Self.peer(candidate.id), peer != local else {
            job.lookup?.reject(candidateID)
            return
        }
        let key = candidate.distance ^ job.target
        let known = knownAddresses(key)
        var peerAddresses = peerAddresses(
            of: peer, known.isEmpty || known == candidate.addresses ? candidate.addresses : known + candidate.addresses)
        if let lookup = job.lookup, !lookup.hasRoom(for: peerAddresses.groups, on: candidateID.path) {
            // It may be said to be in more networks than it is.
            peerAddresses = self.peerAddresses(
                of: peer, peerAddresses.parsed.filter { lookup.hasRoom(for: groups(of: $0), on: candidateID.path) })
        }
        guard !peerAddresses.binary.isEmpty else {
            job.lookup?.reject(candidateID)
            return
        }
        guard let asked = job.lookup?.ask(candidateID, groups: peerAddresses.groups) else { return }
        send(question(job), to: peer, key, peerAddresses, .lookup(job: job.id, asked), in: &context)
    }

    private func question(_ job: Job) -> KademliaMessage {
        switch job.task {
        case .findPeer, .closestPeers, .provide, .bootstrap, .refresh: KademliaMessage(kind: .findNode, key: job.key)
        case .findProviders: KademliaMessage(kind: .getProviders, key: job.key)
        case .put, .get: KademliaMessage(kind: .getValue, key: job.key)
        }
    }

    mutating func lookupAnswered(
        _ id: UInt64, _ candidateID: Lookup.CandidateID, _ request: PendingRequest, from groups: NetworkGroups,
        _ message: KademliaMessage, in context: inout Context
    ) {
        guard var job = jobs.removeValue(forKey: id) else { return }
        job.lookup?.answered(candidateID, from: groups, referrals: referrals(message.closerPeers, askedOf: request.key))
        take(message, from: request, &job, in: &context)
        advance(&job, in: &context)
        keep(job)
    }

    mutating func lookupFailed(
        _ id: UInt64, _ candidateID: Lookup.CandidateID, _ failure: RequestFailure, in context: inout Context
    ) {
        guard var job = jobs.removeValue(forKey: id) else { return }
        if failure == .notSent { job.lookup?.notSent(candidateID) } else { job.lookup?.failed(candidateID) }
        advance(&job, in: &context)
        keep(job)
    }

    /// The peers of an answer that a lookup may use: with a proper id, somewhere to be found, neither this node nor the one
    /// that answers.
    private func referrals(_ peers: [KademliaMessage.Peer], askedOf responder: KademliaKey) -> [Lookup.Referral] {
        var referrals: [Lookup.Referral] = []
        referrals.reserveCapacity(peers.count)
        for peer in peers where !peer.id.isEmpty && peer.id.count <= 64 && !peer.addresses.isEmpty {
            let key = kademliaKey(of: peer.id)
            guard key != localKey, key != responder else { continue }
            referrals.append(Lookup.Referral(key: key, id: peer.id, addresses: bounded(peer.addresses)))
        }
        return referrals
    }

    /// At most as many addresses as a peer may have, none longer than an address may be.
    func bounded(_ addresses: [[UInt8]]) -> [[UInt8]] {
        let limits = configuration.limits
        guard addresses.count > limits.addressesPerPeer || addresses.contains(where: { $0.count > limits.addressBytes })
        else { return addresses }
        return Array(addresses.lazy.filter { $0.count <= limits.addressBytes }.prefix(limits.addressesPerPeer))
    }

    /// Takes from an answer what the job looks for.
    private mutating func take(
        _ message: KademliaMessage, from request: PendingRequest, _ job: inout Job, in context: inout Context
    ) {
        switch job.task {
        case .findPeer(let peer):
            for named in message.closerPeers where named.id == peer.bytes {
                job.addresses.add(
                    named.addresses, from: request.key, atMost: configuration.limits.addressesPerPeer)
            }
            if request.peer == peer { found(peer, request.peerAddresses.binary, &job, in: &context) }
        case .findProviders: takeProviders(message.providerPeers, from: request.key, &job, in: &context)
        case .put, .get: takeValue(message.record, from: request, &job, in: &context)
        case .closestPeers, .provide, .bootstrap, .refresh: break
        }
    }

    /// The peer that a job looks for was there, though it does not serve.
    mutating func findPeerReached(_ id: UInt64, _ request: PendingRequest, in context: inout Context) {
        guard var job = jobs.removeValue(forKey: id) else { return }
        if case .findPeer(request.peer) = job.task {
            found(request.peer, request.peerAddresses.binary, &job, in: &context)
        }
        keep(job)
    }

    private mutating func found(_ peer: PeerID, _ addresses: [[UInt8]], _ job: inout Job, in context: inout Context) {
        report(job, in: &context)
        complete(&job, .peer(contact(peer, addresses), isVerified: true), in: &context)
    }

    /// Takes what this node knows itself, before others are asked.
    private mutating func takeOwn(_ job: inout Job, in context: inout Context) {
        switch job.task {
        case .findPeer(let peer):
            if let addresses = connected[job.target]?.addresses, !addresses.isEmpty {
                complete(&job, .peer(contact(peer, addresses), isVerified: true), in: &context)
            }
        case .findProviders(let key, _):
            takeOwnProviders(key, &job, in: &context)
        case .put(let key), .get(let key, _):
            takeOwnValue(key, &job, in: &context)
        case .closestPeers, .provide, .bootstrap, .refresh: break
        }
    }

    func report(_ job: Job, in context: inout Context) {
        guard let lookup = job.lookup, lookup.asked > 0 else { return }
        context.effects.append(
            .measured(
                LookupReport(
                    operation: job.operation, requests: lookup.asked, answers: lookup.answers,
                    failures: lookup.failures, hops: lookup.hops, duration: context.time - lookup.startedAt)))
    }
}

// How lookups and jobs end.
extension Kademlia {
    mutating func endLookup(_ job: inout Job, in context: inout Context) {
        guard let lookup = job.lookup else { return }
        guard job.unchecked.isEmpty else {
            job.isEnding = true
            job.wakesAt = nil
            return
        }
        job.isEnding = false
        report(job, in: &context)
        job.lookup = nil
        job.wakesAt = nil
        if lookup.answers > 0 {
            table.lookedUp(job.target, at: context.time)
        } else if hasOwnResult(job) {
            // Nobody else is needed.
        } else {
            retry(&job, orFail: .noPeers, in: &context)
            return
        }
        switch job.task {
        case .findPeer(let peer): endFindPeer(peer, &job, in: &context)
        case .closestPeers:
            let closest = lookup.closestAnswered(configuration.bucketSize).compactMap { candidate in
                Self.peer(candidate.id).map { contact($0, answeredAddresses($0, candidate, job)) }
            }
            complete(&job, .closestPeers(closest), in: &context)
        case .provide(let key): storeProvider(key, lookup, &job, in: &context)
        case .findProviders(_, let limit): resolveProviders(limit, &job, in: &context)
        case .put(let key): storeValue(key, lookup, &job, in: &context)
        case .get(let key, _): endGet(key, lookup, &job, in: &context)
        case .bootstrap: endSelfLookup(&job, in: &context)
        case .refresh: complete(&job, .bootstrapped(servers: table.liveCount), in: &context)
        }
    }

    private func hasOwnResult(_ job: Job) -> Bool {
        switch job.task {
        case .findProviders: !job.providers.entries.isEmpty
        case .get: job.values.best != nil
        default: false
        }
    }

    /// Where a server that answered is: the addresses in the table, at one of which it answered.
    private func answeredAddresses(_ peer: PeerID, _ candidate: Lookup.Candidate, _ job: Job) -> [[UInt8]] {
        let known = knownAddresses(candidate.distance ^ job.target)
        return known.isEmpty ? candidate.addresses : known
    }

    private mutating func endFindPeer(_ peer: PeerID, _ job: inout Job, in context: inout Context) {
        let addresses = job.addresses.best(2 * configuration.limits.addressesPerPeer).compactMap(Self.address)
            .filter { configuration.addressPolicy.accepts($0) }
        complete(
            &job, .peer(addresses.isEmpty ? nil : Contact(peer: peer, addresses: addresses), isVerified: false),
            in: &context)
    }

    /// Tries a job again after a while, a few times.
    mutating func retry(_ job: inout Job, orFail failure: OperationFailure, in context: inout Context) {
        job.lookup = nil
        job.storing = nil
        guard job.operation != nil, job.attempt < configuration.retries else {
            complete(&job, .failed(failure), in: &context)
            return
        }
        let wait = configuration.retryDelay * (1 << min(job.attempt, 16))
        job.attempt += 1
        job.wakesAt = context.time + wait
        deadlines.add(.job(job.id), at: context.time + wait)
    }

    mutating func jobIsDue(_ id: UInt64, in context: inout Context) {
        guard let wakesAt = jobs[id]?.wakesAt, wakesAt <= context.time, var job = jobs.removeValue(forKey: id) else {
            return
        }
        job.wakesAt = nil
        if job.lookup != nil {
            endLookup(&job, in: &context)
        } else if job.storing == nil {
            startLookup(&job, in: &context)
        }
        keep(job)
    }

    mutating func complete(_ job: inout Job, _ outcome: Outcome, in context: inout Context) {
        guard !job.isDone else { return }
        job.isDone = true
        job.lookup = nil
        if job.isBackground { backgroundJobs -= 1 }
        settlePublication(job, outcome, in: &context)
        if job.id == bootstrapJob { bootstrapEnded(outcome, in: &context) }
        if let operation = job.operation {
            operations[operation] = nil
            context.effects.append(.completed(operation, outcome))
        }
        if let parent = job.parent { childEnded(parent, job, outcome, in: &context) }
    }

    private mutating func childEnded(_ id: UInt64, _ child: Job, _ outcome: Outcome, in context: inout Context) {
        guard var job = jobs.removeValue(forKey: id) else { return }
        job.children -= 1
        if case .findPeer(let peer) = child.task, case .peer(let contact?, _) = outcome {
            job.providers.setAddresses(contact.addresses.map(\.bytes), of: peer)
        }
        if job.children == 0 { endParent(&job, in: &context) }
        keep(job)
    }

    private mutating func endParent(_ job: inout Job, in context: inout Context) {
        switch job.task {
        case .findProviders(_, let limit): endFindProviders(limit, &job, in: &context)
        default: complete(&job, .bootstrapped(servers: table.liveCount), in: &context)
        }
    }
}
