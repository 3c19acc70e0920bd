import Multiformats
import WireCodec

// What the caller asks for.
extension Kademlia {
    mutating func start(_ operation: OperationID, _ request: Operation, in context: inout Context) {
        guard operations[operation] == nil else {
            fail(operation, .duplicateOperation, in: &context)
            return
        }
        guard operations.count < configuration.limits.operations else {
            fail(operation, .tooMany, in: &context)
            return
        }
        switch request {
        case .findPeer(let peer):
            if peer == local {
                let own = contact(local, localAddresses)
                context.effects.append(.completed(operation, .peer(own, isVerified: true)))
            } else {
                startJob(.findPeer(peer), operation: operation, in: &context)
            }
        case .closestPeers(let key):
            guard (1...configuration.limits.keyBytes).contains(key.count) else {
                return fail(operation, .invalidKey, in: &context)
            }
            startJob(.closestPeers(key), operation: operation, in: &context)
        case .provide(let key, let lifetime): provide(operation, key, lifetime, in: &context)
        case .stopProviding(let key): stop(operation, .provider(key), in: &context)
        case .findProviders(let key, let limit):
            guard isProviderKey(key) else { return fail(operation, .invalidKey, in: &context) }
            startJob(.findProviders(key, limit: max(0, limit)), operation: operation, in: &context)
        case .putValue(let key, let value, let lifetime): put(operation, key, value, lifetime, in: &context)
        case .stopPutting(let key): stop(operation, .value(key), in: &context)
        case .getValue(let key, let quorum):
            if let failure = valueKeyFailure(key) { return fail(operation, failure, in: &context) }
            startJob(.get(key, quorum: max(0, quorum)), operation: operation, in: &context)
        case .bootstrap: startJob(.bootstrap, operation: operation, in: &context)
        }
    }

    private func fail(_ operation: OperationID, _ failure: OperationFailure, in context: inout Context) {
        context.effects.append(.completed(operation, .failed(failure)))
    }

    func isProviderKey(_ key: [UInt8]) -> Bool {
        (1...configuration.limits.providerKeyBytes).contains(key.count)
    }

    private func valueKeyFailure(_ key: [UInt8]) -> OperationFailure? {
        guard key.count <= configuration.limits.valueKeyBytes, let namespace = Self.namespace(key) else {
            return .invalidKey
        }
        return namespaces[namespace] == nil ? .unknownNamespace : nil
    }

    private mutating func provide(
        _ operation: OperationID, _ key: [UInt8], _ lifetime: Duration, in context: inout Context
    ) {
        guard isProviderKey(key) else { return fail(operation, .invalidKey, in: &context) }
        guard !localAddresses.isEmpty else { return fail(operation, .noAddresses, in: &context) }
        guard publish(.provider(key), value: [], validUntil: .max, lifetime, in: &context) else {
            return fail(operation, .tooMany, in: &context)
        }
        startJob(.provide(key), operation: operation, in: &context)
    }

    private mutating func put(
        _ operation: OperationID, _ key: [UInt8], _ value: [UInt8], _ lifetime: Duration, in context: inout Context
    ) {
        if let failure = valueKeyFailure(key) { return fail(operation, failure, in: &context) }
        guard value.count <= configuration.limits.valueBytes else {
            return fail(operation, .valueTooLong, in: &context)
        }
        operations[operation] = Self.noJob
        check(
            value, at: key, against: ownValue(key, context.now)?.value, for: .put(operation, lifetime: lifetime),
            in: &context)
    }

    /// Publishes a value that was looked at.
    mutating func put(
        _ operation: OperationID, _ key: [UInt8], _ value: [UInt8], validUntil: UInt64, _ lifetime: Duration,
        in context: inout Context
    ) {
        guard publish(.value(key), value: value, validUntil: validUntil, lifetime, in: &context) else {
            return fail(operation, .tooMany, in: &context)
        }
        // So that what is stored beside it is never worse, and nothing need be compared when it is asked for.
        values.remove(key)
        startJob(.put(key), operation: operation, in: &context)
    }

    private mutating func stop(_ operation: OperationID, _ kind: Publication.Kind, in context: inout Context) {
        if case .value(let key) = kind { stopChecking(key, in: &context) }
        if let id = publicationIDs[kind] { removePublication(id) }
        context.effects.append(.completed(operation, .stopped))
    }

    mutating func cancel(_ operation: OperationID) {
        guard let id = operations.removeValue(forKey: operation) else { return }
        if id == Self.noJob { stopChecking(for: operation) }
        guard let job = jobs.removeValue(forKey: id) else { return }
        // What never reached anybody is not kept up.
        if let id = job.publication, publications[id]?.wakesAt == nil { removePublication(id) }
    }
}

// What this node keeps telling the network.
extension Kademlia {
    /// Stands for the job of an operation whose value is looked at before there is one.
    private static let noJob: UInt64 = 0

    /// Notes what is to be published, in place of what was published under that key; returns whether there is room.
    private mutating func publish(
        _ kind: Publication.Kind, value: [UInt8], validUntil: UInt64, _ lifetime: Duration, in context: inout Context
    ) -> Bool {
        if let old = publicationIDs[kind] { removePublication(old) }
        guard publications.count < configuration.limits.publications else { return false }
        nextPublication += 1
        publicationIDs[kind] = nextPublication
        publications[nextPublication] = Publication(
            id: nextPublication, kind: kind, value: value, validUntil: validUntil,
            expiresAt: context.time + max(.zero, lifetime), wakesAt: nil)
        return true
    }

    mutating func removePublication(_ id: UInt64) {
        guard let publication = publications.removeValue(forKey: id) else { return }
        publicationIDs[publication.kind] = nil
    }

    func publicationID(_ task: Job.Task) -> UInt64? {
        switch task {
        case .provide(let key): publicationIDs[.provider(key)]
        case .put(let key): publicationIDs[.value(key)]
        default: nil
        }
    }

    /// A publication, or its renewal, ended: says when the next renewal is due.
    mutating func settlePublication(_ job: Job, _ outcome: Outcome, in context: inout Context) {
        guard let id = job.publication, let publication = publications[id] else { return }
        let interval: Duration
        switch outcome {
        case .provided where publication.addresses != localAddresses:
            // They changed meanwhile.
            interval = configuration.addressSettling
        // Never later: others keep the addresses of a provider for little longer.
        case .provided: interval = generator.early(configuration.provideInterval)
        case .stored: interval = generator.early(configuration.putInterval)
        case .failed(.noPeers) where job.operation == nil, .failed(.notStored) where job.operation == nil,
            .failed(.refused) where job.operation == nil:
            // It was out once: others still have it, and the network will come back.
            interval = generator.jitter(configuration.refreshInterval)
        default:
            removePublication(id)
            return
        }
        wake(id, at: context.time + interval)
    }

    private mutating func wake(_ id: UInt64, at time: Duration) {
        guard let publication = publications[id] else { return }
        let wakesAt = min(time, publication.expiresAt)
        publications[id]?.wakesAt = wakesAt
        deadlines.add(.publication(id), at: wakesAt)
    }

    mutating func publicationIsDue(_ id: UInt64, in context: inout Context) {
        guard let publication = publications[id], let wakesAt = publication.wakesAt, wakesAt <= context.time else {
            return
        }
        if publication.expiresAt <= context.time {
            removePublication(id)
        } else {
            publications[id]?.wakesAt = nil
            background.append(.renew(id))
        }
    }

    mutating func startRenewal(_ id: UInt64, in context: inout Context) {
        guard let publication = publications[id], publication.wakesAt == nil else { return }
        guard publication.expiresAt > context.time else {
            removePublication(id)
            return
        }
        switch publication.kind {
        case .provider(let key): startJob(.provide(key), isBackground: true, in: &context)
        case .value(let key): startJob(.put(key), isBackground: true, in: &context)
        }
    }

    /// This node's addresses have settled: what it provides is announced with them.
    mutating func renewProviders(in context: inout Context) {
        guard !localAddresses.isEmpty else { return }
        for id in publications.keys.sorted() {
            guard let publication = publications[id], publication.wakesAt != nil, case .provider = publication.kind,
                publication.addresses != localAddresses
            else { continue }
            wake(id, at: context.time)
        }
    }
}
