import Multiformats
import WireCodec

// What the caller asks for.
extension Kademlia {
    mutating func start(_ operation: OperationID, _ request: Operation, in context: inout Context) {
        if let failure = jobs.failure(of: operation) { return complete(operation, .failed(failure), in: &context) }
        let purpose = Job.Purpose(operation: operation)
        switch request {
        case .findPeer(let peer):
            if peer == local {
                let own = Contact(local, peers.localAddresses)
                complete(operation, .peer(own, isVerified: true), in: &context)
            } else {
                startJob(.findPeer(peer), for: purpose, in: &context)
            }
        case .closestPeers(let key):
            guard (1...configuration.limits.keyBytes).contains(key.count) else {
                return complete(operation, .failed(.invalidKey), in: &context)
            }
            startJob(.closestPeers(key), for: purpose, in: &context)
        case .provide(let key, let lifetime): provide(key, for: lifetime, by: operation, in: &context)
        case .stopProviding(let key):
            server.publications.remove(.provider(key))
            complete(operation, .stopped, in: &context)
        case .findProviders(let key, let limit):
            guard server.isProviderKey(key) else { return complete(operation, .failed(.invalidKey), in: &context) }
            startJob(.findProviders(key, limit: max(0, limit)), for: purpose, in: &context)
        case .putValue(let key, let value, let lifetime):
            put(value, at: key, for: lifetime, by: operation, in: &context)
        case .stopPutting(let key):
            for operation in server.checks.removePuts(at: key) {
                jobs.release(operation)
                complete(operation, .failed(.invalidValue), in: &context)
            }
            server.publications.remove(.value(key))
            complete(operation, .stopped, in: &context)
        case .getValue(let key, let quorum):
            if let failure = server.failure(ofValueKey: key) {
                return complete(operation, .failed(failure), in: &context)
            }
            startJob(.get(key, quorum: max(0, quorum)), for: purpose, in: &context)
        case .bootstrap: startJob(.bootstrap, for: purpose, in: &context)
        }
    }

    private func complete(_ operation: OperationID, _ outcome: Outcome, in context: inout Context) {
        context.effects.append(.completed(operation, outcome))
    }

    private mutating func provide(
        _ key: [UInt8], for lifetime: Duration, by operation: OperationID, in context: inout Context
    ) {
        guard server.isProviderKey(key) else { return complete(operation, .failed(.invalidKey), in: &context) }
        guard !peers.localAddresses.isEmpty else { return complete(operation, .failed(.noAddresses), in: &context) }
        let isAdded = server.publications.add(
            .provider(key), value: [], validUntil: .max, expiresAt: context.time + max(.zero, lifetime))
        guard isAdded else { return complete(operation, .failed(.tooMany), in: &context) }
        startJob(.provide(key), for: Job.Purpose(operation: operation), in: &context)
    }

    private mutating func put(
        _ value: [UInt8], at key: [UInt8], for lifetime: Duration, by operation: OperationID,
        in context: inout Context
    ) {
        if let failure = server.failure(ofValueKey: key) {
            return complete(operation, .failed(failure), in: &context)
        }
        guard value.count <= configuration.limits.valueBytes else {
            return complete(operation, .failed(.valueTooLong), in: &context)
        }
        jobs.reserve(operation)
        let rival = server.ownValue(key, at: context.now)?.value
        let check = server.check(value, at: key, against: rival, for: .put(operation, lifetime: lifetime))
        context.effects.append(.check(check))
    }

    /// Publishes a value that was looked at.
    private mutating func publish(
        _ check: Check, validUntil: UInt64, for lifetime: Duration, by operation: OperationID,
        in context: inout Context
    ) {
        let isAdded = server.publications.add(
            .value(check.key), value: check.value, validUntil: validUntil,
            expiresAt: context.time + max(.zero, lifetime))
        guard isAdded else { return complete(operation, .failed(.tooMany), in: &context) }
        server.removeValue(check.key)
        startJob(.put(check.key), for: Job.Purpose(operation: operation), in: &context)
    }

    mutating func cancel(_ operation: OperationID) {
        switch jobs.cancel(operation) {
        case .unknown: break
        case .withoutJob: server.checks.removePut(operation)
        case .job(let job):
            // What never reached anybody is not kept up.
            guard let id = job.purpose.publication, server.publications[id]?.wakesAt == nil else { return }
            server.publications.remove(id)
        }
    }
}

// Values that were looked at beside the machine.
extension Kademlia {
    mutating func checked(_ id: CheckID, _ result: CheckResult, in context: inout Context) {
        guard let pending = server.checks.remove(id) else { return }
        if case .lookup(let job) = pending.purpose { return lookupChecked(job, result, in: &context) }
        if let check = server.compareAgain(pending, result, at: context.now) {
            context.effects.append(.check(check))
            return
        }
        switch pending.purpose {
        case .lookup: break
        case .requests(let askers, _):
            for asker in askers {
                let answer = server.end(
                    pending.check, result, for: asker, at: context.now, by: peers.rules, using: &generator)
                carryOut(answer, to: asker, in: &context)
            }
        case .put(let operation, let lifetime):
            jobs.release(operation)
            switch result {
            case .invalid: complete(operation, .failed(.invalidValue), in: &context)
            case .valid(_, .worse): complete(operation, .failed(.olderValue), in: &context)
            case .valid(let end, _):
                publish(pending.check, validUntil: end, for: lifetime, by: operation, in: &context)
            }
        }
    }
}

// What this node keeps telling the network.
extension Kademlia {
    /// The record that a job publishes.
    func publicationID(_ task: Job.Task) -> UInt64? {
        switch task {
        case .provide(let key): server.publications[.provider(key)]?.id
        case .put(let key): server.publications[.value(key)]?.id
        default: nil
        }
    }

    /// A publication, or its renewal, ended: says when the next renewal is due.
    mutating func settlePublication(_ job: Job, _ outcome: Outcome, in context: inout Context) {
        guard let id = job.purpose.publication, let publication = server.publications[id] else { return }
        let isRenewal = job.purpose.operation == nil
        let interval: Duration
        switch outcome {
        case .provided where publication.addresses != peers.localAddresses:
            // They changed meanwhile.
            interval = configuration.addressSettling
        // Never later: others keep the addresses of a provider for little longer.
        case .provided: interval = generator.early(configuration.provideInterval)
        case .stored: interval = generator.early(configuration.putInterval)
        case .failed(.noPeers) where isRenewal, .failed(.notStored) where isRenewal, .failed(.refused) where isRenewal:
            // It was out once: others still have it, and the network will come back.
            interval = generator.jitter(configuration.refreshInterval)
        default:
            server.publications.remove(id)
            return
        }
        wake(id, at: context.time + interval)
    }

    private mutating func wake(_ id: UInt64, at time: Duration) {
        guard let wakesAt = server.publications.wait(id, until: time) else { return }
        deadlines.add(.publication(id), at: wakesAt)
    }

    mutating func startRenewal(_ id: UInt64, in context: inout Context) {
        switch server.publications.renewal(id, at: context.time) {
        case .provider(let key)?: startJob(.provide(key), for: Job.Purpose(isBackground: true), in: &context)
        case .value(let key)?: startJob(.put(key), for: Job.Purpose(isBackground: true), in: &context)
        case nil: break
        }
    }

    /// This node's addresses have settled: what it provides is announced with them.
    mutating func renewProviders(in context: inout Context) {
        guard !peers.localAddresses.isEmpty else { return }
        for id in server.publications.providers(withoutAddresses: peers.localAddresses) {
            wake(id, at: context.time)
        }
    }
}
