/// One path of a lookup: the peers that it knows of, and which of them were asked. It knows of no other path.
struct LookupPath: Sendable {
    /// A peer that the path knows of.
    struct Candidate: Sendable {
        enum State: Hashable, Sendable {
            /// Named by others, not asked yet.
            case unasked
            /// Not asked yet, since enough of one of its network groups are being asked.
            case crowded
            /// Asked, no answer yet.
            case asked
            /// Asked, and slow: others are asked meanwhile, and nothing waits for it.
            case slow
            case answered
            /// It did not answer, or has no address that may be used.
            case failed
            /// Another path has asked it, and has had or awaits its answer.
            case onOtherPath
        }

        let distance: KademliaKey
        let id: [UInt8]
        fileprivate(set) var addresses: [[UInt8]]
        fileprivate(set) var state: State
        /// The server that named it.
        fileprivate(set) var referrer: ReferrerTrust.Referrer
        fileprivate var requests = Requests()

        /// Whether addresses say of the peer something else than what it was asked at.
        fileprivate func differs(from addresses: [[UInt8]]) -> Bool {
            !addresses.allSatisfy { self.addresses.contains($0) }
        }
    }

    /// What was done to ask a candidate.
    fileprivate struct Requests: Sendable {
        var count = 0
        /// The network groups of the addresses that it is being asked at.
        var claimed = NetworkGroups.none
        /// What a later referral says where it is, if that is something else; it is asked there if it is not where the first
        /// one said.
        var alternative: Alternative?
    }

    fileprivate struct Alternative: Sendable {
        let addresses: [[UInt8]]
        let referrer: ReferrerTrust.Referrer
    }

    private let width: Int
    private let window: Int
    private let concurrency: Int
    /// Closest first.
    private(set) var candidates: [Candidate] = []
    private var inFlight = 0
    private var slowCount = 0
    private var quota: NetworkQuota

    /// - Parameters:
    ///   - width: How many of the closest servers that it knows must answer.
    ///   - window: How far from the front it asks.
    ///   - concurrency: How many requests are under way at once.
    ///   - quota: How many servers of a network group it asks.
    init(width: Int, window: Int, concurrency: Int, quota: NetworkQuota) {
        self.width = width
        self.window = window
        self.concurrency = concurrency
        self.quota = quota
    }

    private func find(_ distance: KademliaKey) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = candidates.count
        while low < high {
            let middle = (low + high) / 2
            if candidates[middle].distance < distance { low = middle + 1 } else { high = middle }
        }
        return (low, low < candidates.count && candidates[low].distance == distance)
    }

    private func index(of distance: KademliaKey) -> Int? {
        let (index, isThere) = find(distance)
        return isThere ? index : nil
    }

    func contains(_ distance: KademliaKey) -> Bool { find(distance).isThere }

    subscript(distance: KademliaKey) -> Candidate? { index(of: distance).map { candidates[$0] } }

    /// Whether a request is the last one to its candidate.
    func isCurrent(_ id: CandidateID) -> Bool {
        index(of: id.distance).map { candidates[$0].requests.count == id.attempt } ?? false
    }

    /// Whether fewer servers of each of these network groups have answered than may.
    func hasRoom(for groups: NetworkGroups) -> Bool { quota.hasRoom(for: groups) }

    /// Whether the path has asked a peer at these addresses, and has had or awaits its answer.
    func hasAsked(_ distance: KademliaKey, at addresses: [[UInt8]]) -> Bool {
        guard let index = index(of: distance) else { return false }
        switch candidates[index].state {
        case .unasked, .crowded, .onOtherPath: return false
        case .asked, .answered: return true
        case .slow, .failed: return !candidates[index].differs(from: addresses)
        }
    }

    func hasAnswered(_ distance: KademliaKey) -> Bool {
        index(of: distance).map { candidates[$0].state == .answered } ?? false
    }
}

// Which peer is next, and when the path is over.
extension LookupPath {
    /// The distance of the next candidate to ask, or nil if none may be asked now.
    func next(_ trust: ReferrerTrust) -> KademliaKey? {
        guard inFlight < concurrency, !isOver(trust, mayAsk: true) else { return nil }
        var ahead = 0
        for index in candidates.indices {
            switch candidates[index].state {
            case .failed, .onOtherPath, .slow: continue
            case .asked, .answered, .crowded: ahead += 1
            case .unasked:
                switch trust.standing(of: candidates[index].referrer) {
                case .trusted: return candidates[index].distance
                case .waiting: ahead += 1
                case .doubted: continue
                }
            }
            if ahead >= window { break }
        }
        return nil
    }

    /// Whether the closest servers have answered, or none that could is left.
    ///
    /// - Parameters:
    ///   - trust: How far referrers are trusted.
    ///   - mayAsk: Whether the lookup may send more requests.
    /// - Returns: Whether it is over.
    func isOver(_ trust: ReferrerTrust, mayAsk: Bool) -> Bool {
        var answered = 0
        for index in candidates.indices {
            switch candidates[index].state {
            case .failed, .onOtherPath, .slow: continue
            case .answered:
                answered += 1
                if answered >= width { return true }
            case .asked, .crowded: return false
            case .unasked:
                if mayAsk, trust.standing(of: candidates[index].referrer) != .doubted { return false }
            }
        }
        return answered > 0 || slowCount == 0
    }

    /// The closest of some candidates.
    func closest(_ count: Int, where isIncluded: (Candidate) -> Bool) -> [Candidate] {
        var found: [Candidate] = []
        for candidate in candidates where isIncluded(candidate) {
            found.append(candidate)
            if found.count == count { break }
        }
        return found
    }
}

// What happens to candidates.
extension LookupPath {
    /// Adds a peer. One that is known already is named again: by a server that is trusted more, perhaps, or with other
    /// addresses.
    ///
    /// - Parameters:
    ///   - referral: The peer.
    ///   - distance: How far it is from the target.
    ///   - referrer: The server that named it.
    ///   - trust: How far referrers are trusted.
    ///   - isOnOtherPath: Whether another path has asked it; only counts for a peer that is new.
    mutating func add(
        _ referral: Referral, at distance: KademliaKey, from referrer: ReferrerTrust.Referrer, trust: ReferrerTrust,
        isOnOtherPath: Bool
    ) {
        let (index, isThere) = find(distance)
        if isThere {
            nameAgain(index, referral.addresses, from: referrer, trust: trust)
        } else {
            candidates.insert(
                Candidate(
                    distance: distance, id: referral.id, addresses: referral.addresses,
                    state: isOnOtherPath ? .onOtherPath : .unasked, referrer: referrer), at: index)
        }
    }

    private mutating func nameAgain(
        _ index: Int, _ addresses: [[UInt8]], from referrer: ReferrerTrust.Referrer, trust: ReferrerTrust
    ) {
        guard trust.standing(of: referrer) == .trusted else { return }
        switch candidates[index].state {
        case .unasked, .crowded:
            if trust.standing(of: candidates[index].referrer) != .trusted {
                candidates[index].referrer = referrer
                candidates[index].addresses = addresses
            } else if candidates[index].requests.count == 0, candidates[index].differs(from: addresses) {
                candidates[index].requests.alternative = Alternative(addresses: addresses, referrer: referrer)
            }
        case .asked, .slow, .failed:
            guard candidates[index].requests.count == 1, candidates[index].differs(from: addresses) else { return }
            candidates[index].requests.alternative = Alternative(addresses: addresses, referrer: referrer)
            if candidates[index].state != .asked { useAlternative(index) }
        case .answered, .onOtherPath: return
        }
    }

    /// Marks a candidate as asked; or lets it wait while enough of its network groups are being asked. The groups must have
    /// room.
    ///
    /// - Returns: How often it has been asked then; nil if it is not to be asked.
    mutating func ask(_ distance: KademliaKey, groups: NetworkGroups) -> Int? {
        guard let index = index(of: distance) else { return nil }
        guard quota.claim(groups) else {
            candidates[index].state = .crowded
            return nil
        }
        candidates[index].requests.claimed = groups
        candidates[index].requests.count += 1
        candidates[index].state = .asked
        inFlight += 1
        return candidates[index].requests.count
    }

    /// Leaves a candidate that was not asked yet to another path, which asks it.
    mutating func leaveToOtherPath(_ distance: KademliaKey) {
        guard let index = index(of: distance) else { return }
        switch candidates[index].state {
        case .unasked, .crowded: candidates[index].state = .onOtherPath
        case .asked, .slow, .answered, .failed, .onOtherPath: break
        }
    }

    /// Takes a candidate back that another path has asked elsewhere than where this one was told, in vain.
    mutating func takeBack(_ distance: KademliaKey, askedAt candidate: Candidate) {
        guard let index = index(of: distance), candidates[index].state == .onOtherPath,
            candidate.differs(from: candidates[index].addresses)
        else { return }
        candidates[index].state = .unasked
    }

    /// Ends a request; returns it, unless none was under way.
    mutating func end(_ distance: KademliaKey, as ending: ReferrerTrust.Ending) -> ReferrerTrust.Request? {
        guard let index = index(of: distance) else { return nil }
        let pace: ReferrerTrust.Request.Pace
        switch candidates[index].state {
        case .asked:
            inFlight -= 1
            release(index)
            pace = .inTime
        case .slow:
            slowCount -= 1
            pace = .slow
        case .unasked where candidates[index].requests.count > 0 && ending == .answered:
            // The first request was answered after all.
            pace = .givenUp
        case .unasked, .crowded, .answered, .failed, .onOtherPath: return nil
        }
        switch ending {
        case .answered: candidates[index].state = .answered
        case .failed, .notSent: candidates[index].state = .failed
        case .onOtherPath: candidates[index].state = .onOtherPath
        }
        return ReferrerTrust.Request(referrer: candidates[index].referrer, pace: pace)
    }

    /// The peer has answered on another path, and speaks on that one only.
    mutating func silence(_ distance: KademliaKey) {
        if let index = index(of: distance) { candidates[index].state = .onOtherPath }
    }

    /// Counts the network groups that an answer came from.
    mutating func prove(_ groups: NetworkGroups) { quota.prove(groups) }

    /// A server has not answered for a while; returns the one that named it, unless no request was under way.
    mutating func slow(_ distance: KademliaKey) -> ReferrerTrust.Referrer? {
        guard let index = index(of: distance), candidates[index].state == .asked else { return nil }
        candidates[index].state = .slow
        inFlight -= 1
        slowCount += 1
        release(index)
        return candidates[index].referrer
    }

    /// Drops a candidate that cannot be asked where it is said to be; it is asked elsewhere if others say something else.
    mutating func reject(_ distance: KademliaKey) {
        guard let index = index(of: distance) else { return }
        candidates[index].state = .failed
        candidates[index].requests.count += 1
        useAlternative(index)
    }

    /// Forgets where a peer was said to be at first, if others say something else.
    mutating func useAlternative(for distance: KademliaKey) {
        if let index = index(of: distance) { useAlternative(index) }
    }

    /// The same for all peers that one server has named and that were not asked yet.
    mutating func useAlternatives(to referrer: ReferrerTrust.Referrer) {
        for index in candidates.indices
        where candidates[index].state == .unasked && candidates[index].referrer == referrer { useAlternative(index) }
    }

    private mutating func useAlternative(_ index: Int) {
        guard let alternative = candidates[index].requests.alternative, candidates[index].requests.count <= 1 else {
            return
        }
        if candidates[index].state == .slow { slowCount -= 1 }
        candidates[index].state = .unasked
        candidates[index].addresses = alternative.addresses
        candidates[index].referrer = alternative.referrer
        candidates[index].requests.alternative = nil
    }

    /// Takes back what a request under way counts for its network groups. The candidates that it kept waiting may be asked.
    private mutating func release(_ index: Int) {
        let groups = candidates[index].requests.claimed
        guard groups != .none else { return }
        candidates[index].requests.claimed = .none
        quota.release(groups)
        for index in candidates.indices where candidates[index].state == .crowded {
            candidates[index].state = .unasked
        }
    }
}
