import MuSig2Session
import Multiformats
import Secp256k1

/// All peers of a node. Bounded: those that matter to nobody are forgotten, and of the rest the ones without a connection, a session
/// or a ban go first.
struct PeerTable: Sendable {
    private(set) var records: [PeerID: PeerRecord] = [:]
    private let abuse: MuSig2Coordinator.Configuration.AbuseLimits
    private let timeouts: MuSig2Coordinator.Configuration.Timeouts
    private let limits: MuSig2Coordinator.Configuration.Limits

    /// The dials of peers that were never bound, in the last minute: of the node, and of each session.
    private var nodeDials = RateWindow()
    private var sessionDials: [SessionID: RateWindow] = [:]

    /// No dial is due before this time.
    private(set) var nextRedial: Duration?
    private var plans: UInt64 = 0

    /// What signer keys may still cost.
    private var signers: SignerBudgets
    /// What peers were charged so far, in signature checks.
    private(set) var workCharged = 0.0

    /// A connection that ends sooner counts as a dial that failed: a peer that opens and shuts its door is not dialled all the time.
    private static let shortConnection = Duration.seconds(5)
    /// A change of the network dials nobody again that was dialled so recently.
    private static let recentDial = Duration.seconds(10)
    /// The dials of the node in a minute that sessions leave to lookups.
    private static let dialsKeptForLookups = 32

    init(configuration: MuSig2Coordinator.Configuration) {
        abuse = configuration.abuse
        timeouts = configuration.timeouts
        limits = configuration.limits
        signers = SignerBudgets(limits: configuration.abuse)
    }

    var count: Int { records.count }

    var connected: [PeerID] { records.filter { $0.value.isConnected }.map(\.key) }

    subscript(_ peer: PeerID) -> PeerRecord? { records[peer] }

    func isConnected(_ peer: PeerID) -> Bool {
        records[peer]?.isConnected ?? false
    }

    /// The peer's record, made when there is none, for a change.
    @discardableResult
    mutating func update<Result>(
        _ peer: PeerID,
        at time: Duration,
        _ change: (inout PeerRecord, MuSig2Coordinator.Configuration.AbuseLimits) -> Result
    ) -> Result {
        if let index = records.index(forKey: peer) { return change(&records.values[index], abuse) }
        makeRoom(at: time)
        return change(&records[peer, default: PeerRecord(limits: abuse, at: time)], abuse)
    }

    // MARK: What peers may cost

    /// What comes of a charge.
    enum Charge: Sendable, Hashable {
        case paid
        /// There is not enough left.
        case refused(isStranger: Bool)
    }

    /// Takes what something costs from what a peer may cost, before it is done.
    ///
    /// - Parameters:
    ///   - work: What it costs, in signature checks.
    ///   - peer: The peer that causes it.
    ///   - isAsked: Whether this node asked for it.
    ///   - mayOwe: Whether a peer with half of its burst left may cause what costs more, and owes the rest.
    ///   - time: Now.
    /// - Returns: Whether it may be done.
    mutating func charge(_ work: Double, to peer: PeerID, isAsked: Bool, mayOwe: Bool, at time: Duration) -> Charge {
        let charge = update(peer, at: time) { record, limits -> Charge in
            let isStranger = !isAsked && !record.isKnown
            let size = isStranger ? limits.strangerWork : limits.signatureChecks
            let least = mayOwe ? min(work, size.burst / 2) : work
            let isPaid =
                isStranger
                ? record.budget.strangerWork.take(work, ifLeft: least, size: size, at: time)
                : record.budget.signatureChecks.take(work, ifLeft: least, size: size, at: time)
            return isPaid ? .paid : .refused(isStranger: isStranger)
        }
        if charge == .paid { workCharged += work }
        return charge
    }

    /// Takes what something costs from what the signer's key may cost, whatever peers it uses.
    mutating func charge(_ work: Double, to key: PublicKey, mayOwe: Bool, at time: Duration) -> Bool {
        signers.take(work, of: key, mayOwe: mayOwe, at: time)
    }

    /// A peer is a signer: it may cost what its part of a session costs, and so may its key.
    mutating func credit(_ work: Double, to peer: PeerID, key: PublicKey, at time: Duration) {
        update(peer, at: time) { record, limits in
            record.budget.signatureChecks.give(work, size: limits.signatureChecks, at: time)
        }
        signers.give(work, to: key, at: time)
    }

    /// A session has bound the peer to a signer.
    mutating func markKnown(_ peer: PeerID, at time: Duration) {
        update(peer, at: time) { record, _ in record.isKnown = true }
    }

    /// Takes one message of a peer.
    mutating func takeMessage(of peer: PeerID, at time: Duration) -> Bool {
        update(peer, at: time) { record, limits in record.budget.messages.take(1, size: limits.messages, at: time) }
    }

    /// Takes a frame of a peer, unless it is shut out or sends too much.
    mutating func takeFrame(of peer: PeerID, bytes: Int, at time: Duration) -> Bool {
        update(peer, at: time) { record, limits in
            guard !record.budget.reputation.isBanned(at: time) else { return false }
            return record.budget.bytes.take(Double(bytes), size: limits.bytes, at: time)
                && record.budget.messages.take(1, size: limits.messages, at: time)
        }
    }

    /// Takes a HELLO of a peer.
    mutating func takeHello(of peer: PeerID, at time: Duration) -> Bool {
        update(peer, at: time) { record, limits in record.budget.hellos.take(1, size: limits.hellos, at: time) }
    }

    /// Takes an error reply, one way or the other.
    mutating func takeErrorReply(of peer: PeerID, at time: Duration) -> Bool {
        update(peer, at: time) { record, limits in
            record.budget.errorReplies.take(1, size: limits.errorReplies, at: time)
        }
    }

    /// How many of these bytes a peer may have inflated.
    mutating func inflatable(_ bytes: Int, of peer: PeerID, at time: Duration) -> Int {
        update(peer, at: time) { record, limits in
            Int(min(Double(bytes), record.budget.bytes.left(size: limits.bytes, at: time)))
        }
    }

    /// So many bytes were inflated of those that were charged: the rest is given back.
    mutating func inflated(_ bytes: Int, charged: Int, of peer: PeerID, at time: Duration) {
        update(peer, at: time) { record, limits in
            _ = record.budget.bytes.take(Double(bytes), size: limits.bytes, at: time)
            record.budget.signatureChecks.give(Work.decoding(charged - bytes), size: limits.signatureChecks, at: time)
        }
    }

    /// Adds to a peer's score; at the limit it is shut out for a while, and dialled again when that is over.
    ///
    /// - Returns: For how long it is shut out; nil: it is not.
    mutating func score(_ peer: PeerID, _ points: Double, at time: Duration) -> Duration? {
        let ban = update(peer, at: time) { record, limits in
            record.budget.reputation.add(points, limits: limits, at: time)
        }
        guard let ban else { return nil }
        if records[peer]?.isWanted == true { plan(peer, at: time + ban) }
        return ban
    }

    // MARK: Connections

    mutating func connected(_ peer: PeerID, at time: Duration) -> Set<SessionID> {
        update(peer, at: time) { record, _ in
            record.isConnected = true
            record.connectedAt = time
            record.dialing.isUnderWay = false
            record.dialing.nextAt = nil
            return record.sessions
        }
    }

    mutating func disconnected(_ peer: PeerID, at time: Duration) -> Set<SessionID> {
        guard var record = records[peer] else { return [] }
        record.isConnected = false
        record.isKnown = false
        record.dialing.isUnderWay = false
        // A peer that was here for a while is not one that failed to answer: the first dial comes after the shortest wait.
        record.dialing.failures = time - record.connectedAt < Self.shortConnection ? record.dialing.failures + 1 : 0
        records[peer] = record
        planRedial(peer, at: time)
        return record.sessions
    }

    /// A dial failed: plans the next one while anybody wants the peer.
    mutating func dialFailed(_ peer: PeerID, at time: Duration) {
        guard records[peer] != nil else { return }
        records[peer]?.dialing.isUnderWay = false
        records[peer]?.dialing.failures += 1
        planRedial(peer, at: time)
    }

    // MARK: Wishes

    /// Notes that a session wants a peer to be dialled. It may ask again on each of its own timers: the back-off holds all the same,
    /// unless something new says where the peer is.
    mutating func want(_ peer: PeerID, for session: SessionID, _ wish: PeerWish, isNews: Bool, at time: Duration) {
        update(peer, at: time) { record, _ in
            var wish = wish
            wish.isDialled = true
            wish.isBound = wish.isBound || record.wishes[session]?.isBound == true
            record.wishes[session] = wish
            record.dialing.isUncounted = record.dialing.isUncounted || wish.isBound
            if wish.isLookup, !wish.addresses.isEmpty { record.addresses = wish.addresses }
        }
        guard let record = records[peer], !record.isConnected, record.isWanted,
            !record.budget.reputation.isBanned(at: time)
        else { return }
        if record.dialing.isUnderWay {
            guard let dialledAt = record.dialing.began, time >= dialledAt + timeouts.redialCeiling * 2 else { return }
            records[peer]?.dialing.isUnderWay = false
        }
        if isNews {
            records[peer]?.dialing.failures = 0
            // However much is new, nobody is dialled twice in the shortest wait.
            plan(peer, at: max(time, record.dialing.began.map { $0 + timeouts.redial } ?? time))
        } else if record.dialing.nextAt == nil {
            planRedial(peer, at: time)
        }
    }

    /// Notes that a session wants to hear of a peer, and does not want it dialled, or not any more.
    mutating func watch(_ peer: PeerID, for session: SessionID, at time: Duration) {
        update(peer, at: time) { record, _ in
            record.wishes[session, default: PeerWish()].isDialled = false
            record.wishes[session]?.isBound = true
            record.wishes[session]?.addresses = []
            record.dialing.isUncounted = true
            if !record.isWanted { record.dialing.nextAt = nil }
        }
    }

    mutating func release(_ peer: PeerID, from session: SessionID, at time: Duration) {
        guard records[peer]?.wishes.removeValue(forKey: session) != nil else { return }
        if records[peer]?.isWanted == false { records[peer]?.dialing.nextAt = nil }
        forgetIfIdle(peer, at: time)
    }

    /// A session is gone: it counts no dials any more. Its peers are released one by one.
    mutating func forget(_ session: SessionID) {
        sessionDials[session] = nil
    }

    // MARK: Dials

    /// The network is another one, or the process has slept: what failed before says nothing now.
    mutating func hurry(at time: Duration) {
        for (peer, record) in records.sorted(by: { $0.key < $1.key })
        where !record.isConnected && record.isWanted && !record.dialing.isUnderWay
            && !record.budget.reputation.isBanned(at: time)
        {
            records[peer]?.dialing.failures = 0
            plan(peer, at: max(time, record.dialing.began.map { $0 + Self.recentDial } ?? time))
        }
    }

    /// The peers to dial now. Peers that were never bound are at the choice of the peer that named them: they are counted, and those above the
    /// limits wait.
    mutating func dialsDue(at time: Duration) -> [(peer: PeerID, addresses: [Multiaddr])] {
        guard let nextRedial, nextRedial <= time else { return [] }
        var due: [(at: Duration, order: UInt64, peer: PeerID)] = []
        self.nextRedial = nil
        for (peer, record) in records {
            guard let redialAt = record.dialing.nextAt else { continue }
            if redialAt <= time { due.append((redialAt, record.dialing.order, peer)) } else { note(redialAt) }
        }
        var dials: [(peer: PeerID, addresses: [Multiaddr])] = []
        for (_, _, peer) in due.sorted(by: { ($0.at, $0.order) < ($1.at, $1.order) }) {
            guard let record = records[peer], !record.isConnected, record.isWanted else {
                records[peer]?.dialing.nextAt = nil
                continue
            }
            if !record.dialing.isUncounted, let opens = charge(record, at: time) {
                note(opens)
                continue
            }
            records[peer]?.dialing.nextAt = nil
            records[peer]?.dialing.isUnderWay = true
            records[peer]?.dialing.began = time
            records[peer]?.dialing.count += 1
            dials.append((peer, record.dialAddresses(atMost: limits.addressesPerDial)))
        }
        return dials
    }

    /// Counts a dial for the node and for one of the sessions that want it.
    ///
    /// - Returns: When there is room again; nil: it is counted.
    private mutating func charge(_ record: PeerRecord, at time: Duration) -> Duration? {
        let wishes = record.wishes.filter(\.value.isDialled).sorted { $0.key < $1.key }
        let isLookup = wishes.contains(where: \.value.isLookup)
        let limit = isLookup ? limits.dialsPerMinute : limits.dialsPerMinute - Self.dialsKeptForLookups
        let nodeOpens = nodeDials.opens(limit, at: time)
        guard nodeOpens <= time else { return nodeOpens }
        if !isLookup {
            var opens: Duration?
            var isCounted = false
            for (session, _) in wishes where !isCounted {
                isCounted = sessionDials[session, default: RateWindow()].take(limits.sessionDialsPerMinute, at: time)
                guard !isCounted else { continue }
                let next = sessionDials[session]?.opens(limits.sessionDialsPerMinute, at: time) ?? time
                opens = min(opens ?? next, next)
            }
            guard isCounted else { return opens ?? time + timeouts.redialCeiling }
        }
        _ = nodeDials.take(limit, at: time)
        return nil
    }

    /// Plans the next dial by what failed before: for bound peers again and again, for others a few times in a row and then seldom.
    private mutating func planRedial(_ peer: PeerID, at time: Duration) {
        guard let record = records[peer], record.isWanted, !record.budget.reputation.isBanned(at: time) else { return }
        guard record.dialing.failures > 0 || record.dialing.began != nil || record.connectedAt > .zero else {
            return plan(peer, at: time)
        }
        guard record.isBound || record.dialing.failures < limits.earlyDials else {
            return plan(peer, at: time + timeouts.laterRedial)
        }
        var wait = timeouts.redial
        for _ in 0..<min(max(record.dialing.failures - 1, 0), 32) where wait < timeouts.redialCeiling { wait *= 2 }
        plan(peer, at: time + min(wait, timeouts.redialCeiling))
    }

    private mutating func plan(_ peer: PeerID, at time: Duration) {
        plans += 1
        records[peer]?.dialing.nextAt = time
        records[peer]?.dialing.order = plans
        note(time)
    }

    private mutating func note(_ time: Duration) {
        nextRedial = min(nextRedial ?? time, time)
    }

    // MARK: Room

    /// Forgets those that matter to nobody.
    mutating func sweep(at time: Duration) {
        forgetIdle(at: time)
        signers.sweep(at: time)
    }

    private mutating func forgetIdle(at time: Duration) {
        for peer in records.keys { forgetIfIdle(peer, at: time) }
    }

    mutating func forgetIfIdle(_ peer: PeerID, at time: Duration) {
        guard var record = records[peer], !record.isConnected, record.wishes.isEmpty,
            record.budget.reputation.isClean(limits: abuse, at: time),
            // A peer that comes again at once finds its buckets as it left them.
            record.budget.isFull(limits: abuse, at: time)
        else { return }
        records[peer] = nil
    }

    private mutating func makeRoom(at time: Duration) {
        guard records.count >= limits.rememberedPeers else { return }
        forgetIdle(at: time)
        guard records.count >= limits.rememberedPeers else { return }
        let victim =
            records.first {
                !$0.value.isConnected && $0.value.wishes.isEmpty && !$0.value.budget.reputation.isBanned(at: time)
            }
            ?? records.first { !$0.value.isConnected && $0.value.wishes.isEmpty }
        if let victim { records[victim.key] = nil }
    }
}
