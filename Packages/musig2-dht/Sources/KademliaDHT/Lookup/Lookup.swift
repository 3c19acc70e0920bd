/// An iterative lookup: it knows whom it has heard of, says whom to ask next, and when it is over.
///
/// It runs on one or several paths. No peer is asked on two of them, so that each path depends on others; what a path is told
/// stays on it. A path is over when the `width` closest servers it knows of have answered.
struct Lookup: Sendable {
    let target: KademliaKey
    /// How many of a path's closest servers must answer.
    let width: Int
    /// How many of the closest servers that any path knows must not be under way: those that are to keep a record.
    let resultCount: Int
    /// How many requests of one path are under way at once.
    let concurrency: Int
    /// How far from the front a path asks.
    private let window: Int
    private let maximumAsked: Int
    private let failuresPerReferrer: Int
    private let peersPerAnswer: Int
    private let limits: Kademlia.Limits
    private(set) var paths: [Path]
    private(set) var referrers = [Referrer(depth: 0)]
    private(set) var asked = 0
    private(set) var answers = 0
    private(set) var failures = 0
    let startedAt: Duration

    /// Begins a lookup that knows nobody.
    ///
    /// - Parameters:
    ///   - target: The place.
    ///   - paths: How many paths.
    ///   - width: How many of the closest servers that a path knows must answer.
    ///   - resultCount: Of how many of the closest servers that any path knows none may be under way at the end.
    ///   - concurrency: How many requests of all paths together are under way at once.
    ///   - configuration: The network's figures.
    ///   - time: Now.
    init(
        target: KademliaKey, paths: Int, width: Int, resultCount: Int = 0, concurrency: Int,
        _ configuration: Kademlia.Configuration,
        at time: Duration
    ) {
        let count = max(1, paths)
        self.target = target
        self.width = max(1, width)
        self.resultCount = resultCount
        self.concurrency = max(1, concurrency / count)
        self.window = max(self.width, configuration.bucketSize)
        self.maximumAsked = configuration.limits.requestsPerLookup
        self.failuresPerReferrer = configuration.limits.failuresPerReferrer
        self.peersPerAnswer = configuration.bucketSize
        self.limits = configuration.limits
        self.paths = Array(repeating: Path(), count: count)
        self.startedAt = time
    }

    /// Adds peers this node itself knows, dealt out among the paths.
    mutating func seed(_ peers: [Referral]) {
        for (index, peer) in peers.enumerated() { add(peer, referrer: 0, path: index % paths.count) }
    }

    /// A server answered from a network and named others. Of more than k, the closest count. One of a network of which enough
    /// have answered counts as if it had not: it was said to be elsewhere.
    mutating func answered(_ id: CandidateID, from groups: NetworkGroups, referrals: [Referral]) {
        guard let index = index(id) else { return }
        guard !isAnsweredElsewhere(id) else {
            // It speaks on one path only.
            if settle(id, index, as: .onOtherPath) != nil { answers += 1 }
            paths[id.path].candidates[index].state = .onOtherPath
            return
        }
        guard hasRoom(for: groups, on: id.path) else {
            if settle(id, index, as: .failed) != nil { failures += 1 }
            return
        }
        guard let referrer = settle(id, index, as: .answered) else { return }
        for group in groups.all { paths[id.path].proven[group, default: 0] += 1 }
        answers += 1
        guard !referrals.isEmpty else { return }
        referrers.append(Referrer(depth: referrers[referrer].depth + 1))
        let number = referrers.count - 1
        if referrals.count > peersPerAnswer {
            let closest = referrals.sorted { $0.key ^ target < $1.key ^ target }.prefix(peersPerAnswer)
            for peer in closest { add(peer, referrer: number, path: id.path) }
        } else {
            for peer in referrals { add(peer, referrer: number, path: id.path) }
        }
    }

    /// A server did not answer.
    mutating func failed(_ id: CandidateID) {
        guard let index = index(id), isCurrent(id, index), settle(id, index, as: .failed) != nil else {
            return
        }
        failures += 1
        giveUp(id, index)
    }

    /// This node could not ask a server; neither that one nor who named it is to blame.
    mutating func notSent(_ id: CandidateID) {
        guard let index = index(id), isCurrent(id, index), let referrer = settle(id, index, as: .failed) else {
            return
        }
        referrers[referrer].failed -= 1
        asked -= 1
        useAlternative(id, index)
    }

    /// A server has not answered for a while.
    mutating func slow(_ id: CandidateID) {
        guard let index = index(id), isCurrent(id, index),
            paths[id.path].candidates[index].state == .asked
        else { return }
        let referrer = paths[id.path].candidates[index].referrer
        paths[id.path].candidates[index].state = .slow
        paths[id.path].inFlight -= 1
        paths[id.path].slow += 1
        release(id, index)
        referrers[referrer].outstanding -= 1
        referrers[referrer].failed += 1
        giveUp(id, index)
    }

    private func isCurrent(_ id: CandidateID, _ index: Int) -> Bool {
        paths[id.path].candidates[index].tries == id.attempt
    }

    /// A peer was not there where this path was told, at least not in time. A liar may have named an honest peer with a wrong
    /// address: it is asked again where others say it is, once, on this path and on those that had left it to this one.
    private mutating func giveUp(_ id: CandidateID, _ index: Int) {
        let candidate = paths[id.path].candidates[index]
        useAlternative(id, index)
        for other in paths.indices where other != id.path {
            let (index, isThere) = paths[other].find(id.distance)
            guard isThere, paths[other].candidates[index].state == .onOtherPath,
                Self.differs(paths[other].candidates[index].addresses, candidate)
            else { continue }
            paths[other].candidates[index].state = .unasked
        }
        guard trust(candidate.referrer) == .doubted else { return }
        // Whom others named as well need not suffer for this referrer.
        let candidates = paths[id.path].candidates
        for index in candidates.indices
        where candidates[index].state == .unasked && candidates[index].referrer == candidate.referrer {
            useAlternative(CandidateID(path: id.path, distance: candidates[index].distance), index)
        }
    }

    /// Whether addresses say of a peer something else than what it was asked at.
    private static func differs(_ addresses: [[UInt8]], _ candidate: Candidate) -> Bool {
        !addresses.allSatisfy { candidate.addresses.contains($0) }
    }

    private func isAnsweredElsewhere(_ id: CandidateID) -> Bool {
        paths.indices.contains { other in
            guard other != id.path else { return false }
            let (index, isThere) = paths[other].find(id.distance)
            return isThere && paths[other].candidates[index].state == .answered
        }
    }

    /// Forgets where a peer was said to be at first.
    private mutating func useAlternative(_ id: CandidateID, _ index: Int) {
        let candidate = paths[id.path].candidates[index]
        guard let alternative = candidate.alternative, candidate.tries <= 1 else { return }
        if candidate.state == .slow { paths[id.path].slow -= 1 }
        paths[id.path].candidates[index].state = .unasked
        paths[id.path].candidates[index].addresses = alternative.addresses
        paths[id.path].candidates[index].referrer = alternative.referrer
        paths[id.path].candidates[index].alternative = nil
    }

    /// Ends a request; returns who had named the peer.
    private mutating func settle(_ id: CandidateID, _ index: Int, as state: Candidate.State) -> Int? {
        let candidate = paths[id.path].candidates[index]
        switch candidate.state {
        case .asked:
            paths[id.path].inFlight -= 1
            release(id, index)
            referrers[candidate.referrer].outstanding -= 1
            if state == .failed { referrers[candidate.referrer].failed += 1 }
        case .slow:
            paths[id.path].slow -= 1
            if state == .answered { referrers[candidate.referrer].failed -= 1 }
        case .unasked where candidate.tries > 0 && state == .answered:
            // The first request was answered after all.
            break
        case .unasked, .crowded, .answered, .failed, .onOtherPath:
            return nil
        }
        if state == .answered { referrers[candidate.referrer].answered += 1 }
        paths[id.path].candidates[index].state = state
        return candidate.referrer
    }

    private func index(_ id: CandidateID) -> Int? {
        let (index, isThere) = paths[id.path].find(id.distance)
        return isThere ? index : nil
    }

    private mutating func add(_ peer: Referral, referrer: Int, path: Int) {
        let distance = peer.key ^ target
        let (index, isThere) = paths[path].find(distance)
        if isThere {
            refer(again: peer, referrer: referrer, path: path, index: index)
            return
        }
        let isOnOtherPath = paths.indices.contains { other in
            guard other != path else { return false }
            let (index, isThere) = paths[other].find(distance)
            guard isThere else { return false }
            switch paths[other].candidates[index].state {
            case .unasked, .crowded, .onOtherPath: return false
            case .asked, .answered: return true
            case .slow, .failed: return !Self.differs(peer.addresses, paths[other].candidates[index])
            }
        }
        paths[path].candidates.insert(
            Candidate(
                distance: distance, id: peer.id, addresses: peer.addresses,
                state: isOnOtherPath ? .onOtherPath : .unasked,
                referrer: referrer), at: index)
    }

    /// A peer that is known is named again: by somebody more believable, perhaps, or with other addresses.
    private mutating func refer(again peer: Referral, referrer: Int, path: Int, index: Int) {
        let candidate = paths[path].candidates[index]
        switch candidate.state {
        case .unasked, .crowded:
            if trust(candidate.referrer) != .trusted, trust(referrer) == .trusted {
                paths[path].candidates[index].referrer = referrer
                paths[path].candidates[index].addresses = peer.addresses
            } else if candidate.tries == 0, trust(referrer) == .trusted, Self.differs(peer.addresses, candidate) {
                paths[path].candidates[index].alternative = Alternative(addresses: peer.addresses, referrer: referrer)
            }
        case .asked, .slow, .failed:
            guard candidate.tries == 1, trust(referrer) == .trusted, Self.differs(peer.addresses, candidate)
            else { return }
            paths[path].candidates[index].alternative = Alternative(addresses: peer.addresses, referrer: referrer)
            if candidate.state != .asked {
                useAlternative(CandidateID(path: path, distance: candidate.distance), index)
            }
        case .answered, .onOtherPath: return
        }
    }
}

// Whom to ask, and when it is over.
extension Lookup {
    private enum Trust {
        /// More of the peers it named may be asked.
        case trusted
        /// First those that are asked must answer.
        case waiting
        /// Too few of them answered: the others are not asked.
        case doubted
    }

    /// Each answer of a named peer earns its referrer one more; so many may fail beforehand.
    private func trust(_ index: Int) -> Trust {
        guard index > 0 else { return .trusted }
        let referrer = referrers[index]
        let tolerated = failuresPerReferrer + referrer.answered
        if referrer.failed >= tolerated { return .doubted }
        return referrer.failed + referrer.outstanding >= tolerated ? .waiting : .trusted
    }

    /// The next candidate to ask, or nil if none may be asked now. The caller then calls ``ask(_:groups:)``.
    func next() -> CandidateID? {
        guard asked < maximumAsked else { return nil }
        for path in paths.indices where paths[path].inFlight < concurrency && !isOver(path) {
            var ahead = 0
            for candidate in paths[path].candidates {
                switch candidate.state {
                case .failed, .onOtherPath, .slow: continue
                case .asked, .answered, .crowded: ahead += 1
                case .unasked:
                    switch trust(candidate.referrer) {
                    case .trusted: return CandidateID(path: path, distance: candidate.distance)
                    case .waiting: ahead += 1
                    case .doubted: continue
                    }
                }
                if ahead >= window { break }
            }
        }
        return nil
    }

    /// The candidate at a place.
    func candidate(_ id: CandidateID) -> Candidate? { index(id).map { paths[id.path].candidates[$0] } }

    /// Whether fewer servers of each of these network groups have answered on a path than may.
    func hasRoom(for groups: NetworkGroups, on path: Int) -> Bool {
        groups.allSatisfy { paths[path].proven[$0, default: 0] < limits.asked(of: $0) }
    }

    /// Marks a candidate as asked, on all paths; or lets it wait while enough of its network groups are being asked. The
    /// groups must have room.
    ///
    /// - Returns: What its answer is told with; nil if it is not to be asked.
    mutating func ask(_ id: CandidateID, groups: NetworkGroups) -> CandidateID? {
        guard let index = index(id) else { return nil }
        let (claimed, proven) = (paths[id.path].claimed, paths[id.path].proven)
        guard groups.allSatisfy({ claimed[$0, default: 0] + proven[$0, default: 0] < limits.asked(of: $0) }) else {
            paths[id.path].candidates[index].state = .crowded
            return nil
        }
        for group in groups.all { paths[id.path].claimed[group, default: 0] += 1 }
        paths[id.path].candidates[index].claimed = groups
        paths[id.path].candidates[index].state = .asked
        paths[id.path].candidates[index].tries += 1
        paths[id.path].inFlight += 1
        referrers[paths[id.path].candidates[index].referrer].outstanding += 1
        asked += 1
        for other in paths.indices where other != id.path {
            let (index, isThere) = paths[other].find(id.distance)
            guard isThere else { continue }
            switch paths[other].candidates[index].state {
            case .unasked, .crowded: paths[other].candidates[index].state = .onOtherPath
            case .asked, .slow, .answered, .failed, .onOtherPath: break
            }
        }
        return CandidateID(
            path: id.path, distance: id.distance, attempt: paths[id.path].candidates[index].tries)
    }

    /// Takes back what a request under way counts for its network groups. Whom that kept waiting may be asked.
    private mutating func release(_ id: CandidateID, _ index: Int) {
        let groups = paths[id.path].candidates[index].claimed.all
        guard !groups.isEmpty else { return }
        paths[id.path].candidates[index].claimed = .none
        for group in groups {
            let rest = paths[id.path].claimed[group, default: 1] - 1
            paths[id.path].claimed[group] = rest > 0 ? rest : nil
        }
        for index in paths[id.path].candidates.indices
        where paths[id.path].candidates[index].state == .crowded {
            paths[id.path].candidates[index].state = .unasked
        }
    }

    /// Drops a candidate that cannot be asked where it is said to be; it is asked elsewhere if others say something else.
    mutating func reject(_ id: CandidateID) {
        guard let index = index(id) else { return }
        paths[id.path].candidates[index].state = .failed
        paths[id.path].candidates[index].tries += 1
        useAlternative(id, index)
    }

    /// Whether all paths are over, and nothing close to the target is under way.
    var isOver: Bool {
        guard paths.indices.allSatisfy(isOver) else { return false }
        return resultCount == 0
            || !closest(resultCount) { $0.state == .answered || $0.state == .asked }.contains { $0.state == .asked }
    }

    private func isOver(_ index: Int) -> Bool {
        let path = paths[index]
        var answered = 0
        for candidate in path.candidates {
            switch candidate.state {
            case .failed, .onOtherPath, .slow: continue
            case .answered:
                answered += 1
                if answered >= width { return true }
            case .asked, .crowded: return false
            case .unasked:
                if asked < maximumAsked, trust(candidate.referrer) != .doubted { return false }
            }
        }
        return answered > 0 || path.slow == 0
    }

    /// The servers that answered, on any path, closest first.
    func closestAnswered(_ count: Int) -> [Candidate] {
        closest(count) { $0.state == .answered }
    }

    /// The peers known that have not failed, closest first.
    func closestKnown(_ count: Int) -> [Candidate] {
        closest(count) { candidate in
            switch candidate.state {
            case .failed, .onOtherPath: false
            case .unasked, .crowded: trust(candidate.referrer) != .doubted
            case .asked, .slow, .answered: true
            }
        }
    }

    private func closest(_ count: Int, where isIncluded: (Candidate) -> Bool) -> [Candidate] {
        var found: [Candidate] = []
        for path in paths {
            var taken = 0
            for candidate in path.candidates where isIncluded(candidate) {
                found.append(candidate)
                taken += 1
                if taken == count { break }
            }
        }
        if paths.count > 1 { found.sort { $0.distance < $1.distance } }
        var distinct: [Candidate] = []
        for candidate in found where distinct.last?.distance != candidate.distance {
            distinct.append(candidate)
            if distinct.count == count { break }
        }
        return distinct
    }

    /// How many servers had to be asked one after another to learn of the closest one that answered.
    var hops: Int {
        guard let closest = closestAnswered(1).first else { return 0 }
        return referrers[closest.referrer].depth + 1
    }
}
