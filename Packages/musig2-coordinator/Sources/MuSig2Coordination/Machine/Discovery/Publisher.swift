import MuSig2Session
import Secp256k1
import WireCodec

/// What this node makes known: the sessions it is in, by the methods that their creators chose.
struct Publisher: Sendable {
    /// What there is to tell of a session.
    enum News: Sendable, Hashable {
        /// It can be found.
        case announced(SessionID)
        /// A method does not work for it.
        case failed(SessionID, DiscoveryMethod, String)
    }

    /// What was told of a session.
    private struct Told {
        var isAnnounced = false
        var failedMethods: Set<DiscoveryMethod> = []
    }

    private var queue: PublicationQueue
    private var told: [SessionID: Told] = [:]
    private let methods: [DiscoveryMethod]
    private let ownKey: XOnlyPublicKey
    private let limit: Int
    private let recordBytes: Int

    /// When the days under which this node publishes change next.
    private var nextDayChange: Duration?

    /// - Parameters:
    ///   - methods: The methods of discovery that this node has.
    ///   - ownKey: This node's message key, which needs no invitation.
    ///   - recordBytes: The longest announcement that may be public.
    ///   - configuration: The limits and settings.
    init(
        methods: [DiscoveryMethod], ownKey: XOnlyPublicKey, recordBytes: Int,
        configuration: MuSig2Coordinator.Configuration
    ) {
        self.methods = methods
        self.ownKey = ownKey
        self.recordBytes = recordBytes
        limit = configuration.limits.publications
        queue = PublicationQueue(capacity: limit, settings: configuration.discovery)
    }

    var deadline: Duration? {
        guard let nextDayChange else { return queue.deadline }
        return min(queue.deadline ?? nextDayChange, nextDayChange)
    }

    /// The methods by which a session is made known here: those that its creator chose and this node has.
    func methods(of announced: VerifiedAnnouncement) -> [DiscoveryMethod] {
        methods.filter { announced.ways & $0.bit != 0 }
    }

    /// The inboxes in which a session waits: those of the other signers, if its creator wants that.
    func inboxes(of announced: VerifiedAnnouncement) -> [XOnlyPublicKey] {
        guard announced.ways & DiscoveryMethod.inbox.bit != 0 else { return [] }
        return announced.descriptor.messageKeys.filter { $0 != ownKey }
    }

    // MARK: Publishing

    /// Makes a session known under the keys of the present days.
    ///
    /// - Returns: The methods that do not work for it.
    mutating func publish(_ announced: VerifiedAnnouncement, at now: Now) -> [News] {
        var news: [News] = []
        let session = announced.descriptor.id
        for method in methods(of: announced) {
            let announcement = method.isPublic ? announced.signed.encoded() : nil
            if let announcement, announcement.count > recordBytes {
                news += failed(
                    [session], method,
                    "expected an announcement of at most \(recordBytes) bytes, found \(announcement.count)")
                continue
            }
            if !add(announced, by: method, announcement, at: now) {
                news += failed([session], method, "limits.publications is reached (\(limit))")
            }
        }
        let change = now.monotonic + DiscoveryDay.untilChange(at: now)
        nextDayChange = min(nextDayChange ?? change, change)
        return news
    }

    /// Adds the keys of a session for one method.
    ///
    /// - Returns: Whether there was room for all.
    private mutating func add(
        _ announced: VerifiedAnnouncement, by method: DiscoveryMethod, _ announcement: [UInt8]?, at now: Now
    ) -> Bool {
        var hasRoom = true
        for subject in subjects(of: method, announced) {
            for day in method.isDaily ? DiscoveryDay.published(at: now) : [0] {
                let isAdded = queue.add(
                    DiscoveryKey(method: method, subject: subject, day: day),
                    for: announced.descriptor.id,
                    expiry: announced.descriptor.expiryMilliseconds,
                    announcement: announcement
                )
                if !isAdded { hasRoom = false }
            }
        }
        return hasRoom
    }

    private func subjects(of method: DiscoveryMethod, _ announced: VerifiedAnnouncement) -> [DiscoverySubject] {
        switch method.subject {
        case .session: [.session(announced.descriptor.id)]
        case .signers: announced.descriptor.messageKeys.filter { $0 != ownKey }.map { .inbox($0) }
        }
    }

    /// Whether the published days change, so that all sessions are to be published anew.
    mutating func takeDayChange(at now: Now) -> Bool {
        guard let change = nextDayChange, change <= now.monotonic else { return false }
        nextDayChange = nil
        queue.removeEnded(at: now.wallMilliseconds)
        return true
    }

    /// Puts another announcement where a session's stood.
    mutating func replace(_ announcement: [UInt8], of session: SessionID) {
        queue.replace(announcement, of: session)
    }

    /// Publishes anew what names this node's addresses.
    mutating func renewAddresses() {
        queue.renewAddresses()
    }

    /// A session is made known no longer.
    ///
    /// - Returns: The keys to withdraw.
    mutating func withdraw(_ session: SessionID) -> [DiscoveryKey] { queue.remove(session) }

    /// Nothing is made known any longer.
    ///
    /// - Returns: The keys to withdraw.
    mutating func withdrawAll() -> [DiscoveryKey] { queue.removeAll() }

    /// A session is gone.
    mutating func forget(_ session: SessionID) {
        told[session] = nil
    }

    // MARK: Attempts

    /// What is to be published now.
    mutating func takeAttempts(at now: Now) -> [PublicationQueue.Attempt] { queue.takeAttempts(at: now) }

    /// An attempt to publish has ended.
    mutating func ended(_ key: DiscoveryKey, attemptID: UInt64, failure: String?, at now: Now) -> [News] {
        switch queue.ended(key, attemptID: attemptID, failed: failure != nil, at: now) {
        case .none: return []
        case .published(let owners):
            var news: [News] = []
            for session in owners where told[session]?.isAnnounced != true {
                told[session, default: Told()].isAnnounced = true
                news.append(.announced(session))
            }
            return news
        case .gaveUp(let owners): return failed(owners, key.method, failure ?? "nobody took it")
        }
    }

    /// What is told once for each method of a session.
    private mutating func failed(_ owners: [SessionID], _ method: DiscoveryMethod, _ reason: String) -> [News] {
        var news: [News] = []
        for session in owners where told[session, default: Told()].failedMethods.insert(method).inserted {
            news.append(.failed(session, method, reason))
        }
        return news
    }
}
