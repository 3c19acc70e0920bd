import Multiformats
import WireCodec

/// Something that takes requests to several servers: an operation of the caller, or the node's own.
struct Job: Sendable {
    enum Task: Hashable, Sendable {
        case findPeer(PeerID)
        case closestPeers([UInt8])
        case provide([UInt8])
        case findProviders([UInt8], limit: Int)
        case put([UInt8])
        case get([UInt8], quorum: Int)
        case bootstrap
        /// Looks for any key of a bucket; the key itself is there.
        case refresh([UInt8])
    }

    /// What belongs to a job besides its task.
    struct Purpose: Hashable, Sendable {
        /// The caller's name for it; nil for the node's own.
        var operation: Kademlia.OperationID?
        /// The job that waits for this one.
        var parent: UInt64?
        /// Whether it counts among the lookups that the node does for itself.
        var isBackground = false
        /// What it publishes.
        var publication: UInt64?
    }

    /// Records being written to servers.
    struct Storing: Sendable {
        var asked = 0
        var pending = 0
        var stored = 0
        var refused = 0
    }

    /// A question of a lookup to a peer.
    struct Question: Sendable {
        let message: KademliaMessage
        let peer: PeerID
        let key: KademliaKey
        let addresses: PeerAddresses
        let candidate: CandidateID
    }

    let task: Task
    let purpose: Purpose
    /// What is looked for, as the requests name it.
    let key: [UInt8]
    let target: KademliaKey

    var lookup: DisjointLookup?
    var storing: Storing?
    /// When it is tried again, or has taken too long.
    var wakesAt: Duration?
    /// Jobs that this one waits for.
    var children = 0
    /// What servers said of what is looked for.
    var findings = Findings()
    var review: ValueReview
    private var attempt = 0

    /// - Parameters:
    ///   - task: What to do.
    ///   - purpose: What for.
    ///   - peers: The peers that this node knows.
    init(_ task: Task, for purpose: Purpose, knowing peers: PeerDirectory) {
        self.task = task
        self.purpose = purpose
        key =
            switch task {
            case .findPeer(let peer): peer.bytes
            case .closestPeers(let key), .provide(let key), .findProviders(let key, _), .put(let key),
                .get(let key, _), .refresh(let key):
                key
            case .bootstrap: peers.local.bytes
            }
        target = peers.kademliaKey(of: key)
        review = ValueReview(limit: peers.configuration.limits.uncheckedValuesPerLookup)
    }

    /// What the servers that were asked said of a peer, of providers and of values.
    struct Findings: Sendable {
        /// Of ``Task/findPeer(_:)``: the addresses that others named.
        var addresses = AddressTally()
        var providers = ProviderTally()
        var values = ValueTally()
    }
}

// Lookups of a job.
extension Job {
    /// Begins a lookup with the peers that are closest.
    mutating func startLookup(knowing peers: PeerDirectory, avoidingGuests: Bool, at time: Duration) {
        let configuration = peers.configuration
        var lookup = DisjointLookup(
            target: target, paths: isDisjoint ? configuration.disjointPaths : 1, width: width(configuration),
            resultCount: purpose.publication == nil ? 0 : configuration.bucketSize,
            concurrency: purpose.isBackground ? configuration.backgroundConcurrency : configuration.concurrency,
            configuration, at: time)
        lookup.seed(peers.seeds(target, avoidingGuests: avoidingGuests))
        self.lookup = lookup
        wakesAt = time + configuration.lookupTimeout
    }

    private var isDisjoint: Bool {
        switch task {
        case .provide, .findProviders, .put, .get: true
        case .findPeer, .closestPeers, .bootstrap, .refresh: false
        }
    }

    /// How many of the closest servers that a path knows must answer: β where one answer is enough, all that are to keep a
    /// record, or are to be told, where none must be missing.
    private func width(_ configuration: Kademlia.Configuration) -> Int {
        switch task {
        case .findPeer, .findProviders, .get, .refresh: configuration.resiliency
        case .closestPeers, .bootstrap: configuration.bucketSize
        case .provide, .put:
            max(configuration.resiliency, (configuration.bucketSize - 1) / max(1, configuration.disjointPaths) + 1)
        }
    }

    /// The next question of the lookup; nil when none may be asked now.
    mutating func nextQuestion(knowing peers: PeerDirectory) -> Question? {
        while let id = lookup?.next(), let candidate = lookup?.candidate(id) {
            guard let peer = try? PeerID(bytes: candidate.id), peer != peers.local else {
                lookup?.reject(id)
                continue
            }
            let key = candidate.distance ^ target
            let addresses = addresses(of: peer, key, candidate, on: id.path, knowing: peers)
            guard !addresses.binary.isEmpty else {
                lookup?.reject(id)
                continue
            }
            guard let asked = lookup?.ask(id, groups: addresses.groups) else { continue }
            return Question(message: message, peer: peer, key: key, addresses: addresses, candidate: asked)
        }
        return nil
    }

    /// Where to ask a candidate, in networks of which servers may still answer.
    private func addresses(
        of peer: PeerID, _ key: KademliaKey, _ candidate: LookupPath.Candidate, on path: Int,
        knowing peers: PeerDirectory
    ) -> PeerAddresses {
        let known = peers.knownAddresses(key)
        let all = known.isEmpty || known == candidate.addresses ? candidate.addresses : known + candidate.addresses
        let addresses = peers.rules.addresses(of: peer, all)
        guard let lookup, !lookup.hasRoom(for: addresses.groups, on: path) else { return addresses }
        // It may be said to be in more networks than it is.
        return peers.rules.addresses(
            of: peer, addresses.parsed.filter { lookup.hasRoom(for: peers.rules.groups(of: $0), on: path) })
    }

    private var message: KademliaMessage {
        switch task {
        case .findPeer, .closestPeers, .provide, .bootstrap, .refresh: KademliaMessage(kind: .findNode, key: key)
        case .findProviders: KademliaMessage(kind: .getProviders, key: key)
        case .put, .get: KademliaMessage(kind: .getValue, key: key)
        }
    }

    /// What the lookup has cost; nil if there is none, or it has asked nobody.
    func report(at time: Duration) -> Kademlia.LookupReport? {
        guard let lookup, lookup.asked > 0 else { return nil }
        return Kademlia.LookupReport(
            operation: purpose.operation, requests: lookup.asked, answers: lookup.answers, failures: lookup.failures,
            hops: lookup.hops, duration: time - lookup.startedAt)
    }

    /// Whether this node's own answer is one, without any other.
    var hasOwnResult: Bool {
        switch task {
        case .findProviders: !findings.providers.entries.isEmpty
        case .get: findings.values.best != nil
        default: false
        }
    }

    /// Whether enough servers returned the best value.
    var hasQuorum: Bool {
        guard case .get(_, let quorum) = task else { return false }
        return quorum > 0 && findings.values.holders.count >= quorum && lookup != nil
    }

    /// Lets the job wait for another attempt; returns until when, or nil if there was the last one.
    mutating func retry(at time: Duration, _ configuration: Kademlia.Configuration) -> Duration? {
        lookup = nil
        storing = nil
        guard purpose.operation != nil, attempt < configuration.retries else { return nil }
        let wakesAt = time + configuration.retryDelay * (1 << min(attempt, 16))
        attempt += 1
        self.wakesAt = wakesAt
        return wakesAt
    }
}

// What servers said.
extension Job {
    /// Counts the providers that a server named.
    ///
    /// - Parameters:
    ///   - named: The providers.
    ///   - server: The server.
    ///   - peers: The peers that this node knows.
    /// - Returns: Those that are new.
    mutating func takeProviders(
        _ named: [KademliaMessage.Peer], from server: KademliaKey, knowing peers: PeerDirectory
    ) -> [Kademlia.Provider] {
        let limits = peers.configuration.limits
        var found: [Kademlia.Provider] = []
        var seen: Set<[UInt8]> = []
        for provider in named.prefix(limits.providersTakenPerAnswer) where seen.insert(provider.id).inserted {
            guard let peer = try? PeerID(bytes: provider.id), peer != peers.local else { continue }
            let addresses = peers.rules.addresses(of: peer, provider.addresses)
            // One that has addresses, but none that this network uses, cannot be reached in it.
            guard provider.addresses.isEmpty || !addresses.binary.isEmpty else { continue }
            let isNew = findings.providers.add(
                peer, amongst: named.count, addresses: addresses.binary, from: server, age: nil, limits: limits)
            if isNew { found.append(Kademlia.Provider(peer: peer, addresses: addresses.parsed)) }
        }
        return found
    }

    /// Counts a value that a server returned, or lets it wait to be looked at.
    ///
    /// - Parameters:
    ///   - record: The value.
    ///   - server: The server.
    ///   - now: The time.
    ///   - limit: The most bytes of a value.
    /// - Returns: Whether it counts at once.
    mutating func takeValue(
        _ record: KademliaMessage.Record, from server: KademliaKey, at now: Kademlia.Now, atMost limit: Int
    ) -> Bool {
        // What another server has returned was looked at then.
        let isKnown = record.value == findings.values.best ? true : findings.values.judged[record.value]
        guard record.key == key, record.value.count <= limit, isKnown != false else {
            findings.values.addLiar(server)
            return false
        }
        let age = Timestamp.parse(record.timeReceived).map { now.age(of: $0) }
        if isKnown == true {
            // No better than the best, which it was compared with, or with a worse one.
            findings.values.add(record.value, from: server, age: age, isBetter: false)
        } else {
            review.add(record.value, from: server, age: age)
        }
        return isKnown == true
    }

    /// Counts the value that this node itself has; returns whether it counts at once.
    mutating func takeOwnValue(_ value: [UInt8], age: Duration) -> Bool {
        let isKnown = findings.values.best == nil || findings.values.best == value
        if isKnown {
            findings.values.add(value, from: nil, age: age, isBetter: false)
        } else {
            // It has changed since the last attempt.
            review.add(value, from: nil, age: age)
        }
        return isKnown
    }

    /// Counts the value that was looked at.
    ///
    /// - Parameters:
    ///   - result: What was found.
    ///   - limit: Of how many values that is remembered.
    /// - Returns: Whether it is valid.
    mutating func takeChecked(_ result: Kademlia.CheckResult, remembering limit: Int) -> Bool {
        guard let checked = review.end() else { return false }
        findings.values.judge(checked.value, isValid: result != .invalid, atMost: limit)
        guard case .valid(_, let standing) = result else {
            for holder in checked.holders.compactMap(\.key) { findings.values.addLiar(holder) }
            return false
        }
        for holder in checked.holders {
            findings.values.add(checked.value, from: holder.key, age: holder.age, isBetter: standing == .better)
        }
        return true
    }
}

extension Kademlia.Now {
    /// How long ago a moment was; nothing for one that is still to come.
    func age(of milliseconds: UInt64) -> Duration {
        guard milliseconds < wallMilliseconds else { return .zero }
        return .milliseconds(Int64(clamping: wallMilliseconds - milliseconds))
    }
}
