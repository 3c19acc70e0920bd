import MuSig2Session
import Multiformats

/// The looks under way: each one wish to see a session, or what waits in an inbox.
struct SessionLookups: Sendable {
    /// What a look is for.
    enum Purpose: Sendable, Hashable {
        /// Somebody waits for the answer.
        case preview
        /// To find the other signers of a session that this node is in.
        case reunion
    }

    /// One look.
    struct Lookup: Sendable {
        let subject: DiscoverySubject
        var purpose: Purpose
        /// Those that were asked and may still answer.
        var open: Set<PeerID> = []
        /// All that were asked.
        var asked: Set<PeerID> = []
        /// Those that did not answer in time.
        var late: Set<PeerID> = []
        /// Until when those that are open may answer.
        var answerBy: Duration?
        /// The keys that are looked up now.
        var awaited: Set<DiscoveryKey> = []
        /// The keys to look up when nothing comes of the present ones.
        var later: [DiscoveryKey] = []
        /// How many providers the discoveries may still name.
        var room: Int
        /// Whether a search was not possible.
        var isSearchFailing = false
        /// Whether anybody or anything was found, or named by the caller.
        var isAnythingFound = false
        var retriesDone = 0
        var retryAt: Duration?
        /// What went wrong with those that did not show anything.
        var failures: [CoordinatorError] = []
        /// In an inbox: what was shown, and whether anybody showed something, were it nothing.
        var shown: Set<SessionID> = []
        var isAnswered = false

        /// When something must be done.
        var deadline: Duration? { open.isEmpty ? retryAt : answerBy }
    }

    private var lookups: [DiscoverySubject: Lookup] = [:]

    subscript(_ subject: DiscoverySubject) -> Lookup? {
        get { lookups[subject] }
        set { lookups[subject] = newValue }
        _modify { yield &lookups[subject] }
    }

    var isEmpty: Bool { lookups.isEmpty }

    var deadline: Duration? { lookups.isEmpty ? nil : lookups.values.compactMap(\.deadline).min() }

    /// The looks that wait for a peer's answer.
    func subjects(waitingFor peer: PeerID) -> [DiscoverySubject] {
        inOrder { $0.open.contains(peer) }
    }

    /// The looks at which something must be done.
    func due(at time: Duration) -> [DiscoverySubject] {
        inOrder { lookup in lookup.deadline.map { $0 <= time } ?? false }
    }

    private func inOrder(_ isWanted: (Lookup) -> Bool) -> [DiscoverySubject] {
        guard !lookups.isEmpty else { return [] }
        return lookups.values.filter(isWanted).map(\.subject).sorted { $0.secret < $1.secret }
    }
}

/// The sessions that were shown and verified, and not joined: so many, of so many bytes; the oldest go first.
struct PreviewCache: Sendable {
    /// One session.
    struct Entry: Sendable {
        var announced: VerifiedAnnouncement
        /// The peers that showed it.
        var providers: [PeerID]
        /// Whether one of them is the peer that it names.
        var isShownByAnnouncer: Bool
        /// Rises with each session that is seen.
        fileprivate var order: UInt64
    }

    private var entries: [SessionID: Entry] = [:]
    private var bytes = 0
    private var nextOrder: UInt64 = 0
    private let capacity: Int
    private let byteCapacity: Int
    /// A session is shown by its signers: more providers than this are of no use.
    private static let providers = 32

    init(capacity: Int, bytes: Int) {
        self.capacity = capacity
        byteCapacity = bytes
    }

    var count: Int { entries.count }

    subscript(_ session: SessionID) -> Entry? { entries[session] }

    /// Adds one.
    ///
    /// - Parameters:
    ///   - announced: The announcement.
    ///   - peer: The peer that showed it, or, where nobody did, the one that it names.
    ///   - isShown: Whether that peer showed it.
    mutating func put(_ announced: VerifiedAnnouncement, from peer: PeerID, isShown: Bool = true) {
        let session = announced.descriptor.id
        let isShownByAnnouncer = isShown && peer == announced.peer
        if var there = entries[session] {
            if !there.providers.contains(peer), there.providers.count < Self.providers { there.providers.append(peer) }
            if announced.sequence > there.announced.sequence {
                there.announced = announced
                there.isShownByAnnouncer = isShownByAnnouncer
            } else if peer == there.announced.peer {
                there.isShownByAnnouncer = there.isShownByAnnouncer || isShownByAnnouncer
            }
            entries[session] = there
            return
        }
        nextOrder += 1
        entries[session] = Entry(
            announced: announced, providers: [peer], isShownByAnnouncer: isShownByAnnouncer, order: nextOrder)
        bytes += announced.descriptor.bytes.count
        while entries.count > capacity || bytes > byteCapacity, entries.count > 1,
            let oldest = entries.min(by: { $0.value.order < $1.value.order })
        {
            _ = take(oldest.key)
        }
    }

    mutating func take(_ session: SessionID) -> Entry? {
        guard let there = entries.removeValue(forKey: session) else { return nil }
        bytes -= there.announced.descriptor.bytes.count
        return there
    }

    mutating func removeExpired(at wallMilliseconds: UInt64) {
        for (session, there) in entries where there.announced.descriptor.expiryMilliseconds <= wallMilliseconds {
            _ = take(session)
        }
    }
}
