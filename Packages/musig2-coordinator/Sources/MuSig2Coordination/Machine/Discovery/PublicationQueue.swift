import MuSig2Session

/// What this node makes known, and how far that is: one entry for each key, whichever sessions need it.
///
/// Bounded in entries, and in how many are carried out at one time: a session of many signers with inboxes waits in line.
struct PublicationQueue: Sendable {
    /// One attempt to publish a key.
    struct Attempt: Sendable, Hashable {
        let key: DiscoveryKey
        /// Names the attempt in its outcome.
        let id: UInt64
        let announcement: [UInt8]?
        let lifetime: Duration
    }

    /// What the outcome of an attempt means.
    enum Outcome: Sendable, Hashable {
        /// Nothing that anybody must know.
        case none
        /// The key is known now, for these sessions.
        case published([SessionID])
        /// It was tried often enough; it is tried again after a longer while.
        case gaveUp([SessionID])
    }

    private enum Phase: Hashable {
        case waiting
        case underWay(id: UInt64)
        case published
        case failed(retryAt: Duration)
    }

    private struct Publication {
        /// The sessions that need the key, each with its expiry.
        var owners: [SessionID: UInt64] = [:]
        var announcement: [UInt8]?
        var phase = Phase.waiting
        /// Whether it must be published anew when the attempt under way has ended.
        var isChanged = false
        var failures = 0
        /// When it is of no use any more, in milliseconds since 1970.
        var end: UInt64 = 0
    }

    private var publications: [DiscoveryKey: Publication] = [:]
    private var keys: [SessionID: Set<DiscoveryKey>] = [:]
    /// Those that wait, in order; one that does not wait any more is skipped.
    private var line: [DiscoveryKey] = []
    private var underWay = 0
    private var nextAttemptID: UInt64 = 0
    private let capacity: Int
    private let settings: MuSig2Coordinator.Configuration.DiscoverySettings

    /// When the next failed attempt is repeated; never later than that.
    private(set) var deadline: Duration?

    init(capacity: Int, settings: MuSig2Coordinator.Configuration.DiscoverySettings) {
        self.capacity = capacity
        self.settings = settings
    }

    var count: Int { publications.count }

    /// The sessions that are made known.
    var sessions: [SessionID] { keys.keys.sorted() }

    // MARK: What is wanted

    /// A session needs a key.
    ///
    /// - Returns: False when there is no room for another key.
    mutating func add(
        _ key: DiscoveryKey,
        for session: SessionID,
        expiry: UInt64,
        announcement: [UInt8]?
    ) -> Bool {
        guard publications[key] != nil || publications.count < capacity else { return false }
        var publication = publications[key] ?? Publication()
        let isNew = publications[key] == nil
        publication.owners[session] = expiry
        let end = Self.end(of: key, publication)
        let isLonger = end > publication.end
        publication.end = end
        publication.announcement = announcement
        publications[key] = publication
        keys[session, default: []].insert(key)
        if isNew { line.append(key) } else if isLonger { renew(key) }
        return true
    }

    /// A session is made known no longer.
    ///
    /// - Returns: The keys that no other session needs: they are to be withdrawn.
    mutating func remove(_ session: SessionID) -> [DiscoveryKey] {
        var gone: [DiscoveryKey] = []
        for key in Self.inOrder(keys.removeValue(forKey: session) ?? []) {
            publications[key]?.owners[session] = nil
            guard publications[key]?.owners.isEmpty == true else { continue }
            forget(key)
            gone.append(key)
        }
        return gone
    }

    /// Forgets all.
    ///
    /// - Returns: All keys: they are to be withdrawn.
    mutating func removeAll() -> [DiscoveryKey] {
        let gone = Self.inOrder(publications.keys)
        for key in gone { forget(key) }
        keys = [:]
        return gone
    }

    /// Lets go of keys that have ended: what carries them has let go of them too.
    mutating func removeEnded(at wallMilliseconds: UInt64) {
        for (key, publication) in publications where publication.end <= wallMilliseconds {
            for session in publication.owners.keys {
                keys[session]?.remove(key)
                if keys[session]?.isEmpty == true { keys[session] = nil }
            }
            forget(key)
        }
    }

    /// Puts another announcement where a session's stood.
    mutating func replace(_ announcement: [UInt8], of session: SessionID) {
        for key in Self.inOrder(keys[session] ?? []) where key.method.isPublic {
            publications[key]?.announcement = announcement
            renew(key)
        }
    }

    /// Publishes anew what names this node's addresses.
    mutating func renewAddresses() {
        for key in Self.inOrder(publications.keys) where !key.method.isPublic { renew(key) }
    }

    private mutating func renew(_ key: DiscoveryKey) {
        switch publications[key]?.phase {
        case .waiting, nil: return
        case .underWay: publications[key]?.isChanged = true
        case .published, .failed:
            publications[key]?.phase = .waiting
            publications[key]?.failures = 0
            line.append(key)
        }
    }

    private mutating func forget(_ key: DiscoveryKey) {
        if case .underWay = publications.removeValue(forKey: key)?.phase { underWay -= 1 }
    }

    private static func end(of key: DiscoveryKey, _ publication: Publication) -> UInt64 {
        let expiry = publication.owners.values.max() ?? 0
        return key.method.isDaily ? min(expiry, DiscoveryDay.end(of: key.day)) : expiry
    }

    private static func inOrder(_ keys: some Sequence<DiscoveryKey>) -> [DiscoveryKey] {
        keys.sorted { left, right in
            (left.method.number, left.day, left.subject.secret) < (right.method.number, right.day, right.subject.secret)
        }
    }

    // MARK: What is done

    /// What is to be published now.
    mutating func takeAttempts(at now: Now) -> [Attempt] {
        requeueFailed(at: now.monotonic)
        guard !line.isEmpty else { return [] }
        var attempts: [Attempt] = []
        var next = 0
        while underWay < settings.publicationsAtOnce, next < line.count {
            let key = line[next]
            next += 1
            guard let publication = publications[key], publication.phase == .waiting,
                publication.end > now.wallMilliseconds
            else { continue }
            nextAttemptID &+= 1
            underWay += 1
            publications[key]?.phase = .underWay(id: nextAttemptID)
            attempts.append(
                Attempt(
                    key: key,
                    id: nextAttemptID,
                    announcement: publication.announcement,
                    lifetime: .milliseconds(Int64(clamping: publication.end - now.wallMilliseconds))
                ))
        }
        line.removeFirst(next)
        return attempts
    }

    /// An attempt has ended.
    mutating func ended(_ key: DiscoveryKey, attemptID: UInt64, failed: Bool, at now: Now) -> Outcome {
        guard var publication = publications[key], publication.phase == .underWay(id: attemptID) else {
            return .none
        }
        defer { publications[key] = publication }
        underWay -= 1
        let owners = publication.owners.keys.sorted()
        guard failed else {
            publication.failures = 0
            publication.phase = publication.isChanged ? .waiting : .published
            if publication.isChanged { line.append(key) }
            publication.isChanged = false
            return .published(owners)
        }
        publication.isChanged = false
        publication.failures += 1
        let isGivenUp = publication.failures > settings.retries
        let wait = isGivenUp ? settings.laterRetry : settings.delay(beforeRetry: publication.failures)
        let retryAt = now.monotonic + wait
        publication.phase = .failed(retryAt: retryAt)
        deadline = min(deadline ?? retryAt, retryAt)
        return publication.failures == settings.retries + 1 ? .gaveUp(owners) : .none
    }

    private mutating func requeueFailed(at time: Duration) {
        guard let due = deadline, due <= time else { return }
        deadline = nil
        for key in Self.inOrder(publications.keys) {
            guard case .failed(let retryAt) = publications[key]?.phase else { continue }
            if retryAt <= time {
                publications[key]?.phase = .waiting
                line.append(key)
            } else {
                deadline = min(deadline ?? retryAt, retryAt)
            }
        }
    }
}

extension MuSig2Coordinator.Configuration.DiscoverySettings {
    /// How long to wait before the retry with this number, from 1.
    func delay(beforeRetry number: Int) -> Duration {
        var delay = retryDelay
        for _ in 1..<max(number, 1) where delay < laterRetry { delay *= 2 }
        return min(delay, laterRetry)
    }
}
