import MuSig2Session
import Multiformats

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
