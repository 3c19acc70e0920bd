import MuSig2Session

/// What this node makes known, and how far that is: one entry for each place, whichever sessions need it.
///
/// Bounded in entries, and in how many are carried out at one time: a session of many signers with inboxes waits in line.
struct PublicationBook: Sendable {
    /// One attempt to publish a place.
    struct Order: Sendable, Hashable {
        let place: DiscoveryPlace
        /// Names the attempt in its outcome.
        let ticket: UInt64
        let announcement: [UInt8]?
        let lifetime: Duration
    }

    /// What the outcome of an attempt means.
    enum Outcome: Sendable, Hashable {
        /// Nothing that anybody must know.
        case none
        /// The place is known now, for these sessions.
        case published([SessionID])
        /// It was tried often enough; it is tried again after a longer while.
        case gaveUp([SessionID])
    }

    private enum Phase: Hashable {
        case waiting
        case underWay(ticket: UInt64)
        case published
        case failed(retryAt: Duration)
    }

    private struct Publication {
        /// The sessions that need the place, each with its expiry.
        var owners: [SessionID: UInt64] = [:]
        var announcement: [UInt8]?
        var phase = Phase.waiting
        /// Whether it must be published anew when the attempt under way has ended.
        var isChanged = false
        var failures = 0
        /// When it is of no use any more, in milliseconds since 1970.
        var end: UInt64 = 0
    }

    private var publications: [DiscoveryPlace: Publication] = [:]
    private var places: [SessionID: Set<DiscoveryPlace>] = [:]
    /// Those that wait, in order; one that does not wait any more is skipped.
    private var line: [DiscoveryPlace] = []
    private var underWay = 0
    private var nextTicket: UInt64 = 0
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
    var sessions: [SessionID] { places.keys.sorted() }

    func contains(_ place: DiscoveryPlace) -> Bool { publications[place] != nil }

    // MARK: What is wanted

    /// A session needs a place.
    ///
    /// - Returns: False when there is no room for another place.
    mutating func add(
        _ place: DiscoveryPlace,
        for session: SessionID,
        expiry: UInt64,
        announcement: [UInt8]?
    ) -> Bool {
        guard publications[place] != nil || publications.count < capacity else { return false }
        var publication = publications[place] ?? Publication()
        let isNew = publications[place] == nil
        publication.owners[session] = expiry
        let end = Self.end(of: place, publication)
        let isLonger = end > publication.end
        publication.end = end
        publication.announcement = announcement
        publications[place] = publication
        places[session, default: []].insert(place)
        if isNew { line.append(place) } else if isLonger { renew(place) }
        return true
    }

    /// A session is made known no longer.
    ///
    /// - Returns: The places that no other session needs: they are to be withdrawn.
    mutating func remove(_ session: SessionID) -> [DiscoveryPlace] {
        var gone: [DiscoveryPlace] = []
        for place in Self.inOrder(places.removeValue(forKey: session) ?? []) {
            publications[place]?.owners[session] = nil
            guard publications[place]?.owners.isEmpty == true else { continue }
            forget(place)
            gone.append(place)
        }
        return gone
    }

    /// Forgets all.
    ///
    /// - Returns: All places: they are to be withdrawn.
    mutating func removeAll() -> [DiscoveryPlace] {
        let gone = Self.inOrder(publications.keys)
        for place in gone { forget(place) }
        places = [:]
        return gone
    }

    /// Lets go of places whose time is over: what carries them has let go of them too.
    mutating func removeEnded(at wallMilliseconds: UInt64) {
        for (place, publication) in publications where publication.end <= wallMilliseconds {
            for session in publication.owners.keys {
                places[session]?.remove(place)
                if places[session]?.isEmpty == true { places[session] = nil }
            }
            forget(place)
        }
    }

    /// Puts another announcement where a session's stood.
    mutating func replace(_ announcement: [UInt8], of session: SessionID) {
        for place in Self.inOrder(places[session] ?? []) where place.way.isPublic {
            publications[place]?.announcement = announcement
            renew(place)
        }
    }

    /// Publishes anew what names this node's addresses.
    mutating func renewAddresses() {
        for place in Self.inOrder(publications.keys) where !place.way.isPublic { renew(place) }
    }

    private mutating func renew(_ place: DiscoveryPlace) {
        switch publications[place]?.phase {
        case .waiting, nil: return
        case .underWay: publications[place]?.isChanged = true
        case .published, .failed:
            publications[place]?.phase = .waiting
            publications[place]?.failures = 0
            line.append(place)
        }
    }

    private mutating func forget(_ place: DiscoveryPlace) {
        if case .underWay = publications.removeValue(forKey: place)?.phase { underWay -= 1 }
    }

    private static func end(of place: DiscoveryPlace, _ publication: Publication) -> UInt64 {
        let expiry = publication.owners.values.max() ?? 0
        return place.way.isDaily ? min(expiry, DiscoveryDay.end(of: place.day)) : expiry
    }

    private static func inOrder(_ places: some Sequence<DiscoveryPlace>) -> [DiscoveryPlace] {
        places.sorted { left, right in
            (left.way.number, left.day, left.subject.secret) < (right.way.number, right.day, right.subject.secret)
        }
    }

    // MARK: What is done

    /// What is to be published now.
    mutating func takeOrders(at now: Now) -> [Order] {
        requeueFailed(at: now.monotonic)
        guard !line.isEmpty else { return [] }
        var orders: [Order] = []
        var next = 0
        while underWay < settings.publicationsAtOnce, next < line.count {
            let place = line[next]
            next += 1
            guard let publication = publications[place], publication.phase == .waiting,
                publication.end > now.wallMilliseconds
            else { continue }
            nextTicket &+= 1
            underWay += 1
            publications[place]?.phase = .underWay(ticket: nextTicket)
            orders.append(
                Order(
                    place: place,
                    ticket: nextTicket,
                    announcement: publication.announcement,
                    lifetime: .milliseconds(Int64(clamping: publication.end - now.wallMilliseconds))
                ))
        }
        line.removeFirst(next)
        return orders
    }

    /// An attempt has ended.
    mutating func ended(_ place: DiscoveryPlace, ticket: UInt64, failed: Bool, at now: Now) -> Outcome {
        guard var publication = publications[place], publication.phase == .underWay(ticket: ticket) else {
            return .none
        }
        defer { publications[place] = publication }
        underWay -= 1
        let owners = publication.owners.keys.sorted()
        guard failed else {
            publication.failures = 0
            publication.phase = publication.isChanged ? .waiting : .published
            if publication.isChanged { line.append(place) }
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
        for place in Self.inOrder(publications.keys) {
            guard case .failed(let retryAt) = publications[place]?.phase else { continue }
            if retryAt <= time {
                publications[place]?.phase = .waiting
                line.append(place)
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
