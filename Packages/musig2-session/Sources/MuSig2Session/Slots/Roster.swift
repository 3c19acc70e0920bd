import Multiformats
import WireCodec

/// A JOIN that fills a slot. Slots hash by what tells them apart, which is little: machines are hashed by the million.
struct JoinSlot: Hashable, Sendable {
    let message: SignedMessage
    let peer: PeerID
    let addresses: [[UInt8]]
    var run: UInt64 { message.body.run }

    func hash(into hasher: inout Hasher) {
        hasher.combine(run)
        hasher.combine(peer)
    }
}

/// A DECLINE of another signer that no JOIN of it has made void.
struct DeclineSlot: Hashable, Sendable {
    let message: SignedMessage
    let reason: String

    func hash(into hasher: inout Hasher) {
        hasher.combine(reason)
    }
}

/// What the signers say of themselves beside the attempts: that they join, that they will not, that the transaction is broadcast; and
/// the evidence against them.
struct Roster: Hashable, Sendable {
    private(set) var joins: Slots<JoinSlot>
    /// The signers that say that they will not join, none of which has a JOIN here.
    private(set) var declines: [Int: DeclineSlot] = [:]
    /// How often each signer's JOIN was replaced lately.
    private var paces: [Int: JoinPace] = [:]
    /// The signers that said that the transaction is broadcast.
    private var broadcasts: Set<Int> = []
    /// Signers against which evidence was told.
    private var convicted: Set<Int> = []

    init(signers: Int) {
        joins = Slots(signers: signers)
    }

    /// Whether the signer's slot is filled; false for a position that there is not.
    func hasJoined(_ index: Int) -> Bool { joins.indices.contains(index) && joins.isFilled(index) }

    /// Whether a DECLINE of the signer, in this run, says nothing new.
    func isDecided(_ index: Int, run: UInt64) -> Bool {
        joins[index].map { run <= $0.run } ?? (declines[index] != nil)
    }

    func isConvicted(_ index: Int) -> Bool { convicted.contains(index) }

    func hasBroadcast(_ index: Int) -> Bool { broadcasts.contains(index) }

    /// When the first JOIN that waits may be entered.
    var nextDue: Duration? { paces.values.lazy.compactMap { $0.waiting?.due }.min() }

    /// Enters a JOIN, which makes the signer's DECLINE void.
    ///
    /// - Returns: Whether there was a DECLINE.
    @discardableResult
    mutating func enter(_ join: JoinSlot, _ index: Int) -> Bool {
        joins[index] = join
        return declines.removeValue(forKey: index) != nil
    }

    /// This signer's JOIN is none any more: a higher run makes another.
    mutating func removeJoin(_ index: Int) {
        joins[index] = nil
    }

    mutating func enter(_ decline: DeclineSlot, _ index: Int) {
        declines[index] = decline
    }

    /// - Returns: Whether that is new.
    mutating func noteBroadcast(_ index: Int) -> Bool { broadcasts.insert(index).inserted }

    /// - Returns: Whether it was not convicted before.
    mutating func convict(_ index: Int) -> Bool { convicted.insert(index).inserted }

    // MARK: The pace of JOINs

    /// Whether a JOIN waits already, and nothing is new about it.
    func isWaiting(_ message: SignedMessage, _ index: Int, from peer: PeerID) -> Bool {
        guard let waiting = paces[index]?.waiting, waiting.slot.message == message else { return false }
        return waiting.isShown || waiting.slot.peer != peer
    }

    /// Notes that a signer claims this signer's peer.
    ///
    /// - Returns: Whether that is new.
    mutating func noteClaim(_ index: Int) -> Bool { paces[index, default: JoinPace()].noteClaim() }

    /// What becomes of a JOIN that is newer than the one in its slot.
    enum OnNewerJoin: Hashable {
        /// It takes its place.
        case enters
        /// It is older than one that waits.
        case isDropped
        /// It waits: each JOIN names a peer that is dialed and a row that is written.
        case waits
    }

    /// Judges a newer JOIN. The newest of a signer waits if there were too many lately.
    mutating func weigh(
        _ slot: JoinSlot, _ index: Int, isShown: Bool, _ configuration: SessionConfiguration, at time: Duration
    ) -> OnNewerJoin {
        guard joins.isFilled(index) else { return .enters }
        return paces[index, default: JoinPace()].weigh(slot, isShown: isShown, configuration, at: time)
    }

    /// The JOINs that have waited long enough and are still the newest of their signers.
    mutating func takeDue(
        _ configuration: SessionConfiguration, at time: Duration
    ) -> [(index: Int, slot: JoinSlot, isShown: Bool)] {
        var due: [(index: Int, slot: JoinSlot, isShown: Bool)] = []
        for index in paces.keys.sorted() {
            guard let waiting = paces[index]?.takeDue(configuration, at: time) else { continue }
            if (joins[index]?.run ?? 0) < waiting.slot.run { due.append((index, waiting.slot, waiting.isShown)) }
        }
        return due
    }
}

/// How often a signer's JOIN was replaced lately, and the one that waits.
private struct JoinPace: Hashable, Sendable {
    struct Waiting: Hashable, Sendable {
        let slot: JoinSlot
        /// Whether the peer that it names showed it.
        let isShown: Bool
        var due: Duration
    }

    private var relayed = RateWindow()
    private var shown = RateWindow()
    private(set) var waiting: Waiting?
    /// Whether it was told that the signer claims this signer's peer.
    private var isClaimTold = false

    mutating func noteClaim() -> Bool {
        defer { isClaimTold = true }
        return !isClaimTold
    }

    mutating func weigh(
        _ slot: JoinSlot, isShown: Bool, _ configuration: SessionConfiguration, at time: Duration
    ) -> Roster.OnNewerJoin {
        if let waiting, waiting.slot.run > slot.run { return .isDropped }
        guard let due = take(isShown: isShown, configuration, at: time) else {
            waiting = nil
            return .enters
        }
        waiting = Waiting(slot: slot, isShown: isShown, due: due)
        return .waits
    }

    /// The JOIN that waited, if it may be entered now.
    mutating func takeDue(_ configuration: SessionConfiguration, at time: Duration) -> Waiting? {
        guard let waiting, waiting.due <= time else { return nil }
        if let due = take(isShown: waiting.isShown, configuration, at: time) {
            self.waiting?.due = due
            return nil
        }
        self.waiting = nil
        return waiting
    }

    /// Counts one replacement, unless there were as many in the last minute as there may be.
    ///
    /// - Returns: When there is room again; nil: it is counted.
    private mutating func take(isShown: Bool, _ configuration: SessionConfiguration, at time: Duration) -> Duration? {
        if isShown {
            let limit = configuration.shownJoinsPerMinute
            return shown.take(limit, at: time) ? nil : shown.opens(limit, at: time)
        }
        let limit = configuration.relayedJoinsPerMinute
        return relayed.take(limit, at: time) ? nil : relayed.opens(limit, at: time)
    }
}
