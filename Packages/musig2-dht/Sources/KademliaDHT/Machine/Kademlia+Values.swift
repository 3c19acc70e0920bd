import Multiformats
import WireCodec

// Values: checking, storing, finding, correcting.
extension Kademlia {
    /// The rules of a key's namespace; nil if the key is not `/namespace/…`, or the rules are not known.
    func rules(_ key: [UInt8]) -> (any RecordRules)? { Self.namespace(key).flatMap { namespaces[$0] } }

    /// What stands between the first two slashes of a key.
    static func namespace(_ key: [UInt8]) -> String? {
        guard key.first == UInt8(ascii: "/"), let end = key.dropFirst().firstIndex(of: UInt8(ascii: "/")), end > 1,
            end + 1 < key.count
        else { return nil }
        return String(validating: key[1..<end], as: UTF8.self)
    }

    /// The better one of the value that is stored for others and the one that this node publishes itself. Neither is looked
    /// at: they were when they came, and what is stored beside an own one is not worse.
    func ownValue(_ key: [UInt8], _ now: Now) -> (value: [UInt8], wallMilliseconds: UInt64?)? {
        if let record = values.record(key, at: now) { return (record.value, record.wallMilliseconds) }
        guard let id = publicationIDs[.value(key)], let publication = publications[id],
            publication.expiresAt > now.monotonic, publication.validUntil > now.wallMilliseconds
        else { return nil }
        return (publication.value, nil)
    }

    mutating func takeOwnValue(_ key: [UInt8], _ job: inout Job, in context: inout Context) {
        guard let own = ownValue(key, context.now) else { return }
        let age = own.wallMilliseconds.map { Self.age($0, context.now) }
        if job.values.best == nil || job.values.best == own.value {
            job.values.add(own.value, from: nil, age: age ?? .zero, isBetter: false)
            endGetEarly(&job, in: &context)
        } else {
            // It has changed since the last attempt.
            look(at: own.value, from: nil, age: age ?? .zero, &job, in: &context)
        }
    }

    private static func age(_ wallMilliseconds: UInt64, _ now: Now) -> Duration {
        guard wallMilliseconds < now.wallMilliseconds else { return .zero }
        return .milliseconds(Int64(clamping: now.wallMilliseconds - wallMilliseconds))
    }

    mutating func takeValue(
        _ record: KademliaMessage.Record?, from request: PendingRequest, _ job: inout Job, in context: inout Context
    ) {
        guard let record else { return }
        // What another server has returned was looked at then.
        let isKnown = record.value == job.values.best ? true : job.values.judged[record.value]
        guard record.key == job.key, record.value.count <= configuration.limits.valueBytes, isKnown != false else {
            job.values.liars.insert(request.key)
            return
        }
        let age = Timestamp.parse(record.timeReceived).map { Self.age($0, context.now) }
        if isKnown == true {
            // No better than the best, which it was compared with, or with a worse one.
            job.values.add(record.value, from: request.key, age: age, isBetter: false)
            endGetEarly(&job, in: &context)
        } else {
            look(at: record.value, from: request.key, age: age, &job, in: &context)
        }
    }

    /// Lets a value be looked at that a server returned, before it counts.
    private mutating func look(
        at value: [UInt8], from holder: KademliaKey?, age: Duration?, _ job: inout Job, in context: inout Context
    ) {
        if let index = job.unchecked.firstIndex(where: { $0.value == value }) {
            job.unchecked[index].holders.append((holder, age))
        } else if job.unchecked.count < configuration.limits.uncheckedValuesPerLookup {
            job.unchecked.append(Job.Unchecked(value: value, holders: [(holder, age)]))
            checkNext(of: &job, in: &context)
        }
    }

    /// Ends a search for a value when enough servers returned the best one.
    mutating func endGetEarly(_ job: inout Job, in context: inout Context) {
        guard case .get(let key, let quorum) = job.task, quorum > 0, job.values.holders.count >= quorum,
            let lookup = job.lookup
        else { return }
        report(job, in: &context)
        endGet(key, lookup, &job, in: &context)
    }

    mutating func endGet(_ key: [UInt8], _ lookup: Lookup, _ job: inout Job, in context: inout Context) {
        guard let best = job.values.best else {
            complete(&job, .value(nil), in: &context)
            return
        }
        correct(best, lookup, job, in: &context)
        complete(&job, .value(Value(bytes: best, age: job.values.age)), in: &context)
    }

    /// Gives the best value to the servers that should have it: those that returned a worse one, and those of the closest
    /// that returned none.
    private mutating func correct(_ best: [UInt8], _ lookup: Lookup, _ job: Job, in context: inout Context) {
        let closest = Set(lookup.closestKnown(configuration.bucketSize).map(\.distance))
        let record = KademliaMessage(
            kind: .putValue, key: job.key, record: KademliaMessage.Record(key: job.key, value: best))
        for candidate in lookup.closestAnswered(configuration.bucketSize) {
            let key = candidate.distance ^ job.target
            guard !job.values.holders.contains(key), !job.values.liars.contains(key),
                job.values.stale.contains(key) || closest.contains(candidate.distance),
                let peer = Self.peer(candidate.id)
            else { continue }
            let known = knownAddresses(key)
            send(
                record, to: peer, key, peerAddresses(of: peer, known.isEmpty ? candidate.addresses : known),
                .correction, in: &context)
        }
    }

    /// Writes a value to the closest servers, unless the lookup found a better one.
    mutating func storeValue(_ key: [UInt8], _ lookup: Lookup, _ job: inout Job, in context: inout Context) {
        guard let id = job.publication, let publication = publications[id],
            publication.validUntil > context.now.wallMilliseconds
        else {
            complete(&job, .failed(.invalidValue), in: &context)
            return
        }
        // Only where another one was found that is no worse than what this node itself has stored.
        if let best = job.values.best, best != publication.value, let rules = rules(key),
            rules.isBetter(best, than: publication.value, at: key)
        {
            complete(&job, .failed(.olderValue), in: &context)
            return
        }
        let record = KademliaMessage(
            kind: .putValue, key: key, record: KademliaMessage.Record(key: key, value: publication.value))
        store(record, value: publication.value, lookup, &job, in: &context)
    }
}
