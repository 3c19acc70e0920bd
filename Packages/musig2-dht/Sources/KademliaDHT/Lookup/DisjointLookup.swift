/// An iterative lookup: it knows which peers it has heard of, says which to ask next, and when it is over.
///
/// It runs on one or several paths. No peer is asked on two of them, so that each path depends on others; what a path is told
/// stays on it. A path is over when the `width` closest servers it knows of have answered.
struct DisjointLookup: Sendable {
    let target: KademliaKey
    let startedAt: Duration
    /// How many of the closest servers that any path knows must not be under way: those that are to keep a record.
    private let resultCount: Int
    private let maximumAsked: Int
    private let peersPerAnswer: Int
    private(set) var paths: [LookupPath]
    private var trust: ReferrerTrust
    private(set) var asked = 0
    private(set) var answers = 0
    private(set) var failures = 0

    /// Begins a lookup that knows nobody.
    ///
    /// - Parameters:
    ///   - target: The key.
    ///   - paths: How many paths.
    ///   - width: How many of the closest servers that a path knows must answer.
    ///   - resultCount: Of how many of the closest servers that any path knows none may be under way at the end.
    ///   - concurrency: How many requests of all paths together are under way at once.
    ///   - configuration: The network's figures.
    ///   - time: The time.
    init(
        target: KademliaKey, paths: Int, width: Int, resultCount: Int = 0, concurrency: Int,
        _ configuration: Kademlia.Configuration, at time: Duration
    ) {
        let count = max(1, paths)
        let width = max(1, width)
        let path = LookupPath(
            width: width, window: max(width, configuration.bucketSize), concurrency: max(1, concurrency / count),
            quota: NetworkQuota(configuration.limits))
        self.target = target
        self.resultCount = resultCount
        self.paths = Array(repeating: path, count: count)
        maximumAsked = configuration.limits.requestsPerLookup
        peersPerAnswer = configuration.bucketSize
        trust = ReferrerTrust(toleratedFailures: configuration.limits.failuresPerReferrer)
        startedAt = time
    }

    /// Adds peers this node itself knows, dealt out among the paths.
    mutating func seed(_ referrals: [Referral]) {
        for (index, referral) in referrals.enumerated() { add(referral, from: .node, path: index % paths.count) }
    }

    private mutating func add(_ referral: Referral, from referrer: ReferrerTrust.Referrer, path: Int) {
        let distance = referral.key ^ target
        let isOnOtherPath =
            !paths[path].contains(distance)
            && paths.indices.contains { $0 != path && paths[$0].hasAsked(distance, at: referral.addresses) }
        paths[path].add(referral, at: distance, from: referrer, trust: trust, isOnOtherPath: isOnOtherPath)
    }

    /// The candidate of a request.
    func candidate(_ id: CandidateID) -> LookupPath.Candidate? { paths[id.path][id.distance] }

    /// Whether fewer servers of each of these network groups have answered on a path than may.
    func hasRoom(for groups: NetworkGroups, on path: Int) -> Bool { paths[path].hasRoom(for: groups) }
}

// What happens to requests.
extension DisjointLookup {
    /// A server answered from a network and named others. Of more than k, the closest count. One of a network of which enough
    /// have answered counts as if it had not: it was said to be elsewhere.
    mutating func answered(_ id: CandidateID, from groups: NetworkGroups, referrals: [Referral]) {
        guard paths[id.path].contains(id.distance) else { return }
        if paths.indices.contains(where: { $0 != id.path && paths[$0].hasAnswered(id.distance) }) {
            // It speaks on one path only.
            if end(id, as: .onOtherPath) != nil { answers += 1 }
            paths[id.path].silence(id.distance)
            return
        }
        guard paths[id.path].hasRoom(for: groups) else {
            if end(id, as: .failed) != nil { failures += 1 }
            return
        }
        guard let request = end(id, as: .answered) else { return }
        paths[id.path].prove(groups)
        answers += 1
        guard !referrals.isEmpty else { return }
        let referrer = trust.add(namedBy: request.referrer)
        if referrals.count > peersPerAnswer {
            let closest = referrals.sorted { $0.key ^ target < $1.key ^ target }.prefix(peersPerAnswer)
            for referral in closest { add(referral, from: referrer, path: id.path) }
        } else {
            for referral in referrals { add(referral, from: referrer, path: id.path) }
        }
    }

    /// A server did not answer.
    mutating func failed(_ id: CandidateID) {
        guard paths[id.path].isCurrent(id), end(id, as: .failed) != nil else { return }
        failures += 1
        giveUp(id)
    }

    /// This node could not ask a server; neither that one nor the server that named it is to blame.
    mutating func notSent(_ id: CandidateID) {
        guard paths[id.path].isCurrent(id), end(id, as: .notSent) != nil else { return }
        asked -= 1
        paths[id.path].useAlternative(for: id.distance)
    }

    /// A server has not answered for a while.
    mutating func slow(_ id: CandidateID) {
        guard paths[id.path].isCurrent(id), let referrer = paths[id.path].slow(id.distance) else { return }
        trust.slow(referrer)
        giveUp(id)
    }

    private mutating func end(_ id: CandidateID, as ending: ReferrerTrust.Ending) -> ReferrerTrust.Request? {
        guard let request = paths[id.path].end(id.distance, as: ending) else { return nil }
        trust.ended(request, ending)
        return request
    }

    /// A peer was not there where this path was told, at least not in time. A liar may have named an honest peer with a wrong
    /// address: it is asked again where others say it is, once, on this path and on those that had left it to this one.
    private mutating func giveUp(_ id: CandidateID) {
        guard let candidate = paths[id.path][id.distance] else { return }
        paths[id.path].useAlternative(for: id.distance)
        for other in paths.indices where other != id.path { paths[other].takeBack(id.distance, askedAt: candidate) }
        // Peers that others named as well need not suffer for this referrer.
        if trust.standing(of: candidate.referrer) == .doubted {
            paths[id.path].useAlternatives(to: candidate.referrer)
        }
    }
}

// Which peer to ask, and when it is over.
extension DisjointLookup {
    /// The next candidate to ask, or nil if none may be asked now. The caller then calls ``ask(_:groups:)``.
    func next() -> CandidateID? {
        guard asked < maximumAsked else { return nil }
        for path in paths.indices {
            if let distance = paths[path].next(trust) { return CandidateID(path: path, distance: distance) }
        }
        return nil
    }

    /// Marks a candidate as asked, on all paths; or lets it wait while enough of its network groups are being asked. The
    /// groups must have room.
    ///
    /// - Returns: What its answer is told with; nil if it is not to be asked.
    mutating func ask(_ id: CandidateID, groups: NetworkGroups) -> CandidateID? {
        guard let referrer = paths[id.path][id.distance]?.referrer,
            let attempt = paths[id.path].ask(id.distance, groups: groups)
        else { return nil }
        trust.asked(referrer)
        asked += 1
        for other in paths.indices where other != id.path { paths[other].leaveToOtherPath(id.distance) }
        return CandidateID(path: id.path, distance: id.distance, attempt: attempt)
    }

    /// Drops a candidate that cannot be asked where it is said to be; it is asked elsewhere if others say something else.
    mutating func reject(_ id: CandidateID) { paths[id.path].reject(id.distance) }

    /// Whether all paths are over, and nothing close to the target is under way.
    var isOver: Bool {
        guard paths.allSatisfy({ $0.isOver(trust, mayAsk: asked < maximumAsked) }) else { return false }
        return resultCount == 0
            || !closest(resultCount) { $0.state == .answered || $0.state == .asked }.contains { $0.state == .asked }
    }

    /// The servers that answered, on any path, closest first.
    func closestAnswered(_ count: Int) -> [LookupPath.Candidate] { closest(count) { $0.state == .answered } }

    /// The peers known that have not failed, closest first.
    func closestKnown(_ count: Int) -> [LookupPath.Candidate] {
        closest(count) { candidate in
            switch candidate.state {
            case .failed, .onOtherPath: false
            case .unasked, .crowded: trust.standing(of: candidate.referrer) != .doubted
            case .asked, .slow, .answered: true
            }
        }
    }

    private func closest(
        _ count: Int, where isIncluded: (LookupPath.Candidate) -> Bool
    ) -> [LookupPath.Candidate] {
        var found = paths.flatMap { $0.closest(count, where: isIncluded) }
        if paths.count > 1 { found.sort { $0.distance < $1.distance } }
        var distinct: [LookupPath.Candidate] = []
        for candidate in found where distinct.last?.distance != candidate.distance {
            distinct.append(candidate)
            if distinct.count == count { break }
        }
        return distinct
    }

    /// How many servers had to be asked one after another to learn of the closest one that answered.
    var hops: Int {
        guard let closest = closestAnswered(1).first else { return 0 }
        return trust.depth(of: closest.referrer) + 1
    }
}
