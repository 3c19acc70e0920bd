import Multiformats
import WireCodec

// Jobs and their lookups.
extension Kademlia {
    /// Adds a job; its lookup is still to be started.
    mutating func addJob(_ task: Job.Task, for purpose: Job.Purpose) -> UInt64 {
        var purpose = purpose
        purpose.publication = publicationID(task)
        return jobs.add(Job(task, for: purpose, knowing: peers))
    }

    mutating func startJob(_ task: Job.Task, for purpose: Job.Purpose, in context: inout Context) {
        startLookup(addJob(task, for: purpose), in: &context)
    }

    mutating func startLookup(_ id: UInt64, in context: inout Context) {
        let avoidsGuests = bootstrap.vouched.isAmongStrangers
        guard let wakesAt = jobs.startLookup(id, knowing: peers, avoidingGuests: avoidsGuests, at: context.time) else {
            return
        }
        deadlines.add(.job(id), at: wakesAt)
        takeOwn(id, in: &context)
        advance(id, in: &context)
    }

    /// Goes on with a job: asks the peers that its lookup names, and ends the lookup when it is over.
    mutating func advance(_ id: UInt64, in context: inout Context) {
        while let question = jobs.nextQuestion(of: id, knowing: peers) {
            send(
                question.message,
                PendingRequest(
                    peer: question.peer, key: question.key, addresses: question.addresses,
                    purpose: .lookup(job: id, question.candidate)), in: &context)
        }
        if jobs.isLookupOver(of: id) { endLookup(id, in: &context) }
    }

    /// A server has answered a request of a lookup.
    mutating func lookupAnswered(
        _ id: UInt64, _ candidate: CandidateID, from groups: NetworkGroups, _ message: KademliaMessage,
        to request: PendingRequest, in context: inout Context
    ) {
        guard jobs.task(id) != nil else { return }
        let referrals = peers.referrals(message.closerPeers, askedOf: request.key)
        jobs.update(id) { $0.lookup?.answered(candidate, from: groups, referrals: referrals) }
        take(message, from: request, for: id, in: &context)
        advance(id, in: &context)
    }

    mutating func lookupFailed(
        _ id: UInt64, _ candidate: CandidateID, _ failure: RequestFailure, in context: inout Context
    ) {
        jobs.update(id) { job in
            if failure == .notSent { job.lookup?.notSent(candidate) } else { job.lookup?.failed(candidate) }
        }
        advance(id, in: &context)
    }

    /// The peer that a job looks for was there, though it does not serve.
    mutating func findPeerReached(_ id: UInt64, _ request: PendingRequest, in context: inout Context) {
        if case .findPeer(request.peer)? = jobs.task(id) { found(request, by: id, in: &context) }
    }

    private mutating func found(_ request: PendingRequest, by id: UInt64, in context: inout Context) {
        report(id, in: &context)
        let contact = Contact(request.peer, request.addresses.binary)
        complete(id, .peer(contact, isVerified: true), in: &context)
    }

    private func report(_ id: UInt64, in context: inout Context) {
        if let report = jobs[id]?.report(at: context.time) { context.effects.append(.measured(report)) }
    }
}

// What this node and others say of what a job looks for.
extension Kademlia {
    /// Takes what this node knows itself, before others are asked.
    private mutating func takeOwn(_ id: UInt64, in context: inout Context) {
        switch jobs.task(id) {
        case .findPeer(let peer):
            let key = peers.kademliaKey(of: peer.bytes)
            guard let addresses = peers.connected[key]?.addresses, !addresses.isEmpty else { return }
            complete(id, .peer(Contact(peer, addresses), isVerified: true), in: &context)
        case .findProviders(let key, _):
            let own = server.ownProviders(key, knowing: peers, at: context.time)
            let limits = configuration.limits
            let found = jobs.update(id) { job in
                own.filter { provider in
                    job.findings.providers.add(
                        provider.peer, amongst: own.count, addresses: provider.addresses, from: nil, age: provider.age,
                        limits: limits)
                }
            }
            let providers = (found ?? []).map { provider in
                Provider(
                    peer: provider.peer, addresses: Contact(provider.peer, provider.addresses).addresses,
                    age: provider.age)
            }
            progress(providers, of: id, in: &context)
        case .put(let key), .get(let key, _):
            guard let own = server.ownValue(key, at: context.now) else { return }
            let age = own.wallMilliseconds.map { context.now.age(of: $0) } ?? .zero
            valueTaken(jobs.update(id) { $0.takeOwnValue(own.value, age: age) }, by: id, in: &context)
        case .closestPeers, .provide, .bootstrap, .refresh, nil: break
        }
    }

    /// Takes from an answer what a job looks for.
    private mutating func take(
        _ message: KademliaMessage, from request: PendingRequest, for id: UInt64, in context: inout Context
    ) {
        let limits = configuration.limits
        switch jobs.task(id) {
        case .findPeer(let peer):
            jobs.update(id) { job in
                for named in message.closerPeers where named.id == peer.bytes {
                    job.findings.addresses.add(named.addresses, from: request.key, atMost: limits.addressesPerPeer)
                }
            }
            if request.peer == peer { found(request, by: id, in: &context) }
        case .findProviders:
            progress(
                jobs.takeProviders(message.providerPeers, from: request.key, for: id, knowing: peers), of: id,
                in: &context)
        case .put, .get:
            guard let record = message.record else { return }
            let now = context.now
            let isCounted = jobs.update(id) {
                $0.takeValue(record, from: request.key, at: now, atMost: limits.valueBytes)
            }
            valueTaken(isCounted, by: id, in: &context)
        case .closestPeers, .provide, .bootstrap, .refresh, nil: break
        }
    }

    private func progress(_ found: [Provider], of id: UInt64, in context: inout Context) {
        if !found.isEmpty, let operation = jobs[id]?.purpose.operation {
            context.effects.append(.progress(operation, found))
        }
    }

    /// A value counts now, or waits to be looked at.
    private mutating func valueTaken(_ isCounted: Bool?, by id: UInt64, in context: inout Context) {
        if isCounted == true { endGetEarly(id, in: &context) } else { checkNext(of: id, in: &context) }
    }

    /// Lets the next value be looked at that a server returned, one of a lookup at a time.
    private mutating func checkNext(of id: UInt64, in context: inout Context) {
        guard let value = jobs.update(id, { $0.review.next() }) ?? nil, let job = jobs[id] else { return }
        let check = server.check(value, at: job.key, against: job.findings.values.best, for: .lookup(job: id))
        context.effects.append(.check(check))
    }

    mutating func lookupChecked(_ id: UInt64, _ result: CheckResult, in context: inout Context) {
        let limit = configuration.limits.judgedValuesPerLookup
        let isValid = jobs.update(id) { $0.takeChecked(result, remembering: limit) }
        if isValid == true { endGetEarly(id, in: &context) }
        checkNext(of: id, in: &context)
        // The lookup may have ended while this was looked at.
        if jobs.update(id, { $0.review.hasHeldUpLookup }) == true { endLookup(id, in: &context) }
    }
}

// How lookups and jobs end.
extension Kademlia {
    private mutating func endLookup(_ id: UInt64, in context: inout Context) {
        guard jobs.mayEndLookup(of: id) else { return }
        report(id, in: &context)
        guard let lookup = jobs.takeLookup(of: id), let job = jobs[id] else { return }
        if lookup.answers > 0 {
            peers.lookedUp(job.target, at: context.time)
        } else if !job.hasOwnResult {
            return retry(id, orFail: .noPeers, in: &context)
        }
        switch job.task {
        case .findPeer(let peer): endFindPeer(peer, job.findings.addresses, by: id, in: &context)
        case .closestPeers:
            let closest = lookup.closestAnswered(configuration.bucketSize).compactMap { candidate in
                (try? PeerID(bytes: candidate.id)).map { Contact($0, answeredAddresses(candidate, of: job)) }
            }
            complete(id, .closestPeers(closest), in: &context)
        case .provide(let key): storeProvider(key, lookup, for: id, in: &context)
        case .findProviders(_, let limit): resolveProviders(limit, for: id, in: &context)
        case .put(let key): storeValue(key, lookup, for: id, in: &context)
        case .get: endGet(id, lookup, in: &context)
        case .bootstrap: endSelfLookup(id, in: &context)
        case .refresh: complete(id, .bootstrapped(servers: peers.table.liveCount), in: &context)
        }
    }

    /// Where a server that answered is: the addresses in the table, at one of which it answered.
    private func answeredAddresses(_ candidate: LookupPath.Candidate, of job: Job) -> [[UInt8]] {
        let known = peers.knownAddresses(candidate.distance ^ job.target)
        return known.isEmpty ? candidate.addresses : known
    }

    private mutating func endFindPeer(
        _ peer: PeerID, _ tally: AddressTally, by id: UInt64, in context: inout Context
    ) {
        var contact = Contact(peer, tally.best(2 * configuration.limits.addressesPerPeer))
        contact.addresses.removeAll { !peers.rules.accepts($0) }
        complete(id, .peer(contact.addresses.isEmpty ? nil : contact, isVerified: false), in: &context)
    }

    /// The node has found its neighbours; now the buckets that hold those farther away.
    private mutating func endSelfLookup(_ id: UInt64, in context: inout Context) {
        bootstrap.foundPlace()
        let prefixes = peers.table.prefixesToRefresh
        guard prefixes > 0 else {
            return complete(id, .bootstrapped(servers: peers.table.liveCount), in: &context)
        }
        jobs.update(id) { $0.children = prefixes }
        for prefix in 0..<prefixes { jobs.enqueue(.refresh(prefix: prefix, parent: id)) }
    }

    /// Tries a job again after a while, a few times.
    private mutating func retry(_ id: UInt64, orFail failure: OperationFailure, in context: inout Context) {
        if let wakesAt = jobs.retry(id, at: context.time, configuration) {
            deadlines.add(.job(id), at: wakesAt)
        } else {
            complete(id, .failed(failure), in: &context)
        }
    }

    mutating func jobIsDue(_ id: UInt64, in context: inout Context) {
        switch jobs.due(id, at: context.time) {
        case .lookupTakesTooLong?: endLookup(id, in: &context)
        case .nextAttempt?: startLookup(id, in: &context)
        case nil: break
        }
    }

    private mutating func complete(_ id: UInt64, _ outcome: Outcome, in context: inout Context) {
        guard let job = jobs.remove(id) else { return }
        settlePublication(job, outcome, in: &context)
        if id == bootstrap.job {
            var hasFailed = false
            if case .failed = outcome { hasFailed = true }
            if bootstrap.ended(hasFailed: hasFailed) { planBootstrap(in: &context) }
        }
        if let operation = job.purpose.operation { context.effects.append(.completed(operation, outcome)) }
        if let parent = job.purpose.parent { childEnded(parent, job.task, outcome, in: &context) }
    }

    private mutating func childEnded(
        _ id: UInt64, _ child: Job.Task, _ outcome: Outcome, in context: inout Context
    ) {
        guard jobs.childEnded(id, child, outcome) == 0, let task = jobs.task(id) else { return }
        switch task {
        case .findProviders(_, let limit): endFindProviders(limit, for: id, in: &context)
        default: complete(id, .bootstrapped(servers: peers.table.liveCount), in: &context)
        }
    }
}

// Records: storing, finding, correcting.
extension Kademlia {
    /// Writes the provider record to the closest servers.
    private mutating func storeProvider(
        _ key: [UInt8], _ lookup: DisjointLookup, for id: UInt64, in context: inout Context
    ) {
        if let publication = jobs[id]?.purpose.publication {
            server.publications.setAddresses(peers.localAddresses, of: publication)
        }
        let own = KademliaMessage.Peer(id: local.bytes, addresses: peers.localAddresses, connection: 1)
        let record = KademliaMessage(kind: .addProvider, key: key, providerPeers: [own])
        store(record, value: nil, lookup, for: id, in: &context)
    }

    /// Writes a value to the closest servers, unless the lookup found a better one.
    private mutating func storeValue(
        _ key: [UInt8], _ lookup: DisjointLookup, for id: UInt64, in context: inout Context
    ) {
        guard let job = jobs[id], let publication = job.purpose.publication.flatMap({ server.publications[$0] }),
            publication.validUntil > context.now.wallMilliseconds
        else { return complete(id, .failed(.invalidValue), in: &context) }
        // Only where another one was found that is no worse than what this node itself has stored.
        if let best = job.findings.values.best, best != publication.value, let rules = server.rules(key),
            rules.isBetter(best, than: publication.value, at: key)
        {
            return complete(id, .failed(.olderValue), in: &context)
        }
        let record = KademliaMessage(
            kind: .putValue, key: key, record: KademliaMessage.Record(key: key, value: publication.value))
        store(record, value: publication.value, lookup, for: id, in: &context)
    }

    /// Sends a record to the closest servers that answered.
    private mutating func store(
        _ record: KademliaMessage, value: [UInt8]?, _ lookup: DisjointLookup, for id: UInt64,
        in context: inout Context
    ) {
        var count = 0
        for candidate in lookup.closestAnswered(configuration.bucketSize) {
            guard let request = recordRequest(to: candidate, at: lookup.target, .store(job: id, value: value)) else {
                continue
            }
            send(record, request, in: &context)
            count += 1
        }
        jobs.update(id) { $0.storing = Job.Storing(asked: count, pending: count) }
        if count == 0 { endStoring(id, in: &context) }
    }

    private func recordRequest(
        to candidate: LookupPath.Candidate, at target: KademliaKey, _ purpose: PendingRequest.Purpose
    ) -> PendingRequest? {
        guard let peer = try? PeerID(bytes: candidate.id) else { return nil }
        let key = candidate.distance ^ target
        let known = peers.knownAddresses(key)
        let addresses = peers.rules.addresses(of: peer, known.isEmpty ? candidate.addresses : known)
        return PendingRequest(peer: peer, key: key, addresses: addresses, purpose: purpose)
    }

    mutating func storeEnded(
        _ id: UInt64, isStored: Bool, isRefused: Bool = false, in context: inout Context
    ) {
        let pending = jobs.update(id) { job in
            job.storing?.pending -= 1
            if isStored { job.storing?.stored += 1 }
            if isRefused { job.storing?.refused += 1 }
            return job.storing?.pending
        }
        if pending == 0 { endStoring(id, in: &context) }
    }

    private mutating func endStoring(_ id: UInt64, in context: inout Context) {
        guard let job = jobs[id], let storing = job.storing else { return }
        switch job.task {
        case .put where storing.stored == 0 && storing.refused > storing.asked / 2:
            // They keep no values of this namespace, and would refuse it again.
            complete(id, .failed(.refused), in: &context)
        case _ where storing.stored == 0: retry(id, orFail: .notStored, in: &context)
        case .provide: complete(id, .provided(servers: storing.stored), in: &context)
        default: complete(id, .stored(servers: storing.stored), in: &context)
        }
    }

    /// Looks up, by name, the best providers without an address.
    private mutating func resolveProviders(_ limit: Int, for id: UInt64, in context: inout Context) {
        var homeless: [PeerID] = []
        for provider in jobs[id]?.findings.providers.ranked(limit) ?? [] where provider.addresses.isEmpty {
            let known = peers.knownAddresses(peers.kademliaKey(of: provider.peer.bytes))
            if known.isEmpty {
                homeless.append(provider.peer)
            } else {
                jobs.update(id) { $0.findings.providers.setAddresses(known, of: provider.peer) }
            }
        }
        homeless = Array(homeless.prefix(configuration.limits.providersResolved))
        guard !homeless.isEmpty else { return endFindProviders(limit, for: id, in: &context) }
        jobs.update(id) { $0.children = homeless.count }
        for peer in homeless { startJob(.findPeer(peer), for: Job.Purpose(parent: id), in: &context) }
    }

    private mutating func endFindProviders(_ limit: Int, for id: UInt64, in context: inout Context) {
        let most = configuration.limits.addressesPerPeer
        let ranked = (jobs[id]?.findings.providers.ranked(limit) ?? []).map { entry in
            Provider(
                peer: entry.peer, addresses: Contact(entry.peer, entry.addresses.best(most)).addresses, age: entry.age)
        }
        complete(id, .providers(ranked), in: &context)
    }

    /// Ends a search for a value when enough servers returned the best one.
    private mutating func endGetEarly(_ id: UInt64, in context: inout Context) {
        guard let job = jobs[id], job.hasQuorum, let lookup = job.lookup else { return }
        report(id, in: &context)
        endGet(id, lookup, in: &context)
    }

    private mutating func endGet(_ id: UInt64, _ lookup: DisjointLookup, in context: inout Context) {
        guard let job = jobs[id] else { return }
        guard let best = job.findings.values.best else { return complete(id, .value(nil), in: &context) }
        correct(best, lookup, job, in: &context)
        complete(id, .value(Value(bytes: best, age: job.findings.values.age)), in: &context)
    }

    /// Gives the best value to the servers that should have it: those that returned a worse one, and those of the closest
    /// that returned none.
    private mutating func correct(
        _ best: [UInt8], _ lookup: DisjointLookup, _ job: Job, in context: inout Context
    ) {
        let closest = Set(lookup.closestKnown(configuration.bucketSize).map(\.distance))
        let values = job.findings.values
        let record = KademliaMessage(
            kind: .putValue, key: job.key, record: KademliaMessage.Record(key: job.key, value: best))
        for candidate in lookup.closestAnswered(configuration.bucketSize) {
            let key = candidate.distance ^ job.target
            guard !values.holders.contains(key), !values.liars.contains(key),
                values.stale.contains(key) || closest.contains(candidate.distance),
                let request = recordRequest(to: candidate, at: job.target, .correction)
            else { continue }
            send(record, request, in: &context)
        }
    }
}
