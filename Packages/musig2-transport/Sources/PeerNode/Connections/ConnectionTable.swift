import Multiformats
import PeerTransport

/// Which connections a node has, and which one of several to a peer is used. Decides only; the node carries out.
struct ConnectionTable {
    /// Names one connection for as long as the node lives.
    typealias ID = UInt64

    struct Entry {
        let id: ID
        let connection: any Connection
        let network: IPNetwork?
        let host: IPHost?
        let since: Duration
        /// When this side last opened a stream on it or let it go.
        var lastUse: Duration
        /// What the peer does with it.
        let activity = ConnectionActivity()
        /// Streams in use, inbound and outbound.
        var leases = 0
        /// Inbound streams that handlers serve now.
        var served = 0
        /// Inbound streams that responders answer now.
        var answered = 0
        /// Not the one to use: to be closed once no stream is in use.
        var isRetired = false

        /// Whether no stream is in use on it.
        var isIdle: Bool { leases == 0 && served == 0 }

        /// When it was last of use: streams that only the peer opens do not count, frames and requests on them do.
        var lastOfUse: Duration { max(lastUse, activity.lastRequest ?? lastUse, activity.lastFrame ?? lastUse) }
    }

    /// What a new connection means for its peer.
    enum OnAdd: Equatable {
        /// The only one.
        case first(ID)
        /// The one to use from now on; the others are retired.
        case replaces(ID, retired: [ID])
        /// Another one stays in use.
        case retired(ID)
        /// Too many, or to this node itself: close it.
        case refused(TransportError)
    }

    /// What the end of a connection means for its peer.
    enum OnRemove: Equatable {
        /// It was not in the table.
        case unknown
        /// There are others, and the one in use is the same.
        case othersRemain
        /// There are others, and a retired one is in use again.
        case replaced(by: ID)
        /// It was the last.
        case last
    }

    private(set) var entries: [ID: Entry] = [:]
    private var byPeer: [PeerID: [ID]] = [:]
    private var perNetwork: [IPNetwork: Int] = [:]
    private(set) var inboundCount = 0
    private var nextID: ID = 0
    private var inboundRate: RateTable<IPNetwork>
    private var hostRate: RateTable<IPHost>

    private let local: PeerID
    private let limits: ConnectionLimits

    init(local: PeerID, limits: ConnectionLimits) {
        self.local = local
        self.limits = limits
        inboundRate = RateTable(limits.inboundRate, capacity: 4 * max(1, limits.total))
        // Three quarters of what a network may do, so that one address does not use up what its neighbors have.
        let rate = limits.inboundRate
        hostRate = RateTable(
            RateLimit(burst: rate.burst - rate.burst / 4, perSecond: rate.perSecond * 3 / 4),
            capacity: 4 * max(1, limits.total))
    }

    var peers: [PeerID] { Array(byPeer.keys) }

    var isFull: Bool { entries.count >= limits.total }

    private var isFullForInbound: Bool { isFull || inboundCount >= limits.inbound }

    private func isFull(_ network: IPNetwork?) -> Bool {
        network.map { perNetwork[$0, default: 0] >= limits.perNetwork } ?? false
    }

    /// Whether one more inbound connection may come from where this one comes, now; if so, it is counted.
    mutating func admits(_ connection: any Connection, at now: Duration, priorities: ConnectionPriorities) -> Bool {
        guard connection.isInbound, !priorities.isProtected(connection.remotePeer),
            let network = IPNetwork(connection.remoteAddress)
        else { return true }
        if let host = IPHost(connection.remoteAddress), !hostRate.take(host, at: now) { return false }
        return inboundRate.take(network, at: now)
    }

    /// The connection that has to go so that a new one can be kept, if there is one.
    ///
    /// A peer has proven its identity, so when it comes once more than it may, the oldest of its own goes: it is likely dead.
    /// When there are too many of all, or from one network, one of the largest party goes: of the address that has most in a
    /// network, of the network that has most in all, whatever it does with them. A newcomer of the largest party takes the place
    /// of one of its own that nothing uses. When all have as many, the inbound one that is worth least goes, of those that
    /// nothing uses; streams that say nothing are no use. None is younger than `grace`, and none protected. A protected peer
    /// is let in in any case, also when all connections were dialled.
    func victim(for connection: any Connection, at now: Duration, grace: Duration, priorities: ConnectionPriorities)
        -> Entry?
    {
        let peer = connection.remotePeer
        guard peer != local else { return nil }
        let others = connections(to: peer)
        if others.count >= limits.perPeer { return others.first { $0.isRetired } ?? others.first }
        let isProtected = priorities.isProtected(peer)
        guard connection.isInbound else {
            return isFull && isProtected ? leastOfAll(at: now, priorities) : nil
        }
        let network = IPNetwork(connection.remoteAddress)
        let isNetworkFull = isFull(network) && !isProtected
        guard isFullForInbound || isNetworkFull else { return nil }
        let strangers = entries.values.filter { entry in
            entry.connection.isInbound && (!isNetworkFull || entry.network == network)
                && !priorities.isProtected(entry.connection.remotePeer)
        }
        let crowd =
            isNetworkFull
            ? crowd(in: strangers, at: now, IPHost(connection.remoteAddress)) { $0.host }
            : crowd(in: strangers, at: now, network?.widest) { $0.network?.widest }
        let victim = crowd.filter { now - $0.since >= grace }.min { isWorthLess($0, $1, at: now, priorities) }
        if victim == nil, isProtected {
            return strangers.min { isWorthLess($0, $1, at: now, priorities) } ?? leastOfAll(at: now, priorities)
        }
        return victim
    }

    /// Of all connections to peers that are not protected, by either side, the one that is worth least.
    private func leastOfAll(at now: Duration, _ priorities: ConnectionPriorities) -> Entry? {
        entries.values.filter { !priorities.isProtected($0.connection.remotePeer) }
            .min { isWorthLess($0, $1, at: now, priorities) }
    }

    /// The connections of which one gives way to a newcomer of a party: all of the party that has most; if that is the
    /// newcomer's own, or all have as many, those that nothing uses, of its own or of all.
    private func crowd<Party: Hashable>(
        in entries: [Entry], at now: Duration, _ newcomer: Party?, _ party: (Entry) -> Party?
    ) -> [Entry] {
        var parties: [Party: [Entry]] = [:]
        for entry in entries { if let party = party(entry) { parties[party, default: []].append(entry) } }
        let own = newcomer.map { parties[$0]?.count ?? 0 } ?? 0
        let largest = parties.max { left, right in
            left.value.count != right.value.count
                ? left.value.count < right.value.count : Self.first(left.value) > Self.first(right.value)
        }
        if let largest, largest.key != newcomer, largest.value.count > own + 1 { return largest.value }
        let idle = entries.filter { isUnused($0, at: now) }
        guard let newcomer, own > 0, own >= (largest?.value.count ?? 0) else { return idle }
        return idle.filter { party($0) == newcomer }
    }

    private static func first(_ entries: [Entry]) -> ID { entries.map(\.id).min() ?? 0 }

    /// The connections that are too many: those that nothing uses, the least valuable first.
    func surplus(at now: Duration, priorities: ConnectionPriorities) -> [Entry] {
        guard entries.count > limits.trimAbove else { return [] }
        let dispensable = entries.values.filter {
            isDispensable($0, at: now, grace: limits.grace, priorities: priorities)
        }
        return Array(
            dispensable.sorted { isWorthLess($0, $1, at: now, priorities) }.prefix(entries.count - limits.trimTo))
    }

    private func isDispensable(_ entry: Entry, at now: Duration, grace: Duration, priorities: ConnectionPriorities)
        -> Bool
    {
        now - entry.since >= grace && isUnused(entry, at: now) && !priorities.isProtected(entry.connection.remotePeer)
    }

    /// Whether nothing uses a connection: no stream, or on one that the other side has dialled none that is of use. A stream by
    /// which no frame ever came has a short time, others a longer one since the last.
    private func isUnused(_ entry: Entry, at now: Duration) -> Bool {
        if entry.isIdle { return entry.activity.lastRequest.map { now - $0 >= limits.firstFrame } ?? true }
        guard entry.connection.isInbound else { return false }
        let isProven = entry.leases > entry.served || entry.activity.lastFrame != nil
        return now - entry.lastOfUse >= (isProven ? limits.silence : limits.firstFrame)
    }

    /// A retired one goes before others, one by which no frames come before one that has them, then the one of less value, then
    /// the one that was not of use for longer.
    private func isWorthLess(_ left: Entry, _ right: Entry, at now: Duration, _ priorities: ConnectionPriorities)
        -> Bool
    {
        if left.isRetired != right.isRetired { return left.isRetired }
        let (hasLeftFrames, hasRightFrames) = (hasFrames(left, at: now), hasFrames(right, at: now))
        if hasLeftFrames != hasRightFrames { return hasRightFrames }
        let leftWeight = priorities.weight(of: left.connection.remotePeer)
        let rightWeight = priorities.weight(of: right.connection.remotePeer)
        if leftWeight != rightWeight { return leftWeight < rightWeight }
        let (leftUse, rightUse) = (left.lastOfUse, right.lastOfUse)
        return leftUse == rightUse ? left.id < right.id : leftUse < rightUse
    }

    private func hasFrames(_ entry: Entry, at now: Duration) -> Bool {
        entry.activity.lastFrame.map { now - $0 < limits.silence } ?? false
    }

    func connections(to peer: PeerID) -> [Entry] {
        (byPeer[peer] ?? []).compactMap { entries[$0] }
    }

    /// The connection to use for new streams.
    func current(to peer: PeerID) -> Entry? {
        connections(to: peer).first { !$0.isRetired }
    }

    mutating func add(_ connection: any Connection, at now: Duration, priorities: ConnectionPriorities) -> OnAdd {
        let peer = connection.remotePeer
        guard peer != local else {
            return .refused(TransportError(.peerMismatch, "the other side is peer \(peer), this node itself"))
        }
        // A protected peer has the places that are kept for dials, too.
        let isProtected = priorities.isProtected(peer)
        guard isProtected ? entries.count < limits.totalWithProtected : !isFull,
            !connection.isInbound || !isFullForInbound || isProtected
        else {
            return .refused(Self.limit("connections", connection.isInbound ? limits.inbound : limits.total, peer))
        }
        let network = IPNetwork(connection.remoteAddress)
        // A peer that this side dials it has chosen.
        guard !connection.isInbound || !isFull(network) || isProtected else {
            return .refused(Self.limit("connections from one network", limits.perNetwork, peer))
        }
        let others = connections(to: peer)
        guard others.count < limits.perPeer else {
            return .refused(Self.limit("connections per peer", limits.perPeer, peer))
        }
        nextID &+= 1
        let id = nextID
        var entry = Entry(
            id: id, connection: connection, network: network, host: IPHost(connection.remoteAddress), since: now,
            lastUse: now)
        let outcome: OnAdd
        if let used = others.first(where: { !$0.isRetired }) {
            if used.connection.isGoingAway || isPreferred(entry, to: used) {
                entries[used.id]?.isRetired = true
                outcome = .replaces(id, retired: [used.id])
            } else {
                entry.isRetired = true
                outcome = .retired(id)
            }
        } else {
            outcome = .first(id)
        }
        entries[id] = entry
        byPeer[peer, default: []].append(id)
        if connection.isInbound { inboundCount += 1 }
        if let network { perNetwork[network, default: 0] += 1 }
        return outcome
    }

    private static func limit(_ what: String, _ limit: Int, _ peer: PeerID) -> TransportError {
        TransportError(.limitExceeded, "connection to peer \(peer) not kept: expected at most \(limit) \(what)")
    }

    mutating func remove(_ id: ID) -> OnRemove {
        guard let entry = entries.removeValue(forKey: id) else { return .unknown }
        let peer = entry.connection.remotePeer
        if entry.connection.isInbound { inboundCount -= 1 }
        if let network = entry.network {
            let left = perNetwork[network, default: 1] - 1
            perNetwork[network] = left > 0 ? left : nil
        }
        let rest = (byPeer[peer] ?? []).filter { $0 != id }
        byPeer[peer] = rest.isEmpty ? nil : rest
        guard let newest = rest.last else { return .last }
        guard current(to: peer) == nil else { return .othersRemain }
        entries[newest]?.isRetired = false
        return .replaced(by: newest)
    }

    /// Uses a spare connection for new streams from now on, in the place of the one that was used.
    ///
    /// - Returns: whether both were there.
    mutating func exchange(_ used: ID, for spare: ID) -> Bool {
        guard entries[used]?.isRetired == false, entries[spare] != nil else { return false }
        entries[used]?.isRetired = true
        entries[spare]?.isRetired = false
        return true
    }

    /// Counts a stream on a connection.
    ///
    /// - Parameters:
    ///   - id: The connection.
    ///   - now: The time, for a stream of this side: those of the other side are of use only when something comes by them.
    mutating func lease(_ id: ID, at now: Duration?) {
        entries[id]?.leases += 1
        if let now { entries[id]?.lastUse = now }
    }

    /// Counts a stream that is no longer in use.
    ///
    /// - Parameters:
    ///   - id: The connection.
    ///   - now: The time, for a stream of this side.
    /// - Returns: Whether the connection was retired and nothing uses it any more.
    mutating func release(_ id: ID, at now: Duration?) -> Bool {
        entries[id]?.leases -= 1
        if let now { entries[id]?.lastUse = now }
        return isIdle(id, evenIfCurrent: false)
    }

    /// Counts an inbound stream that is to be served.
    ///
    /// - Parameters:
    ///   - id: The connection.
    ///   - limit: The most that may be served at once.
    ///   - isAnswered: Whether it is only answered by a responder: that does not keep a connection open.
    /// - Returns: False when as many as allowed are served already.
    mutating func serve(_ id: ID, limit: Int, isAnswered: Bool) -> Bool {
        guard let entry = entries[id], entry.served + entry.answered < limit else { return false }
        if isAnswered { entries[id]?.answered += 1 } else { entries[id]?.served += 1 }
        return true
    }

    mutating func endService(_ id: ID, isAnswered: Bool) {
        if isAnswered { entries[id]?.answered -= 1 } else { entries[id]?.served -= 1 }
    }

    func isIdle(_ id: ID, evenIfCurrent: Bool) -> Bool {
        guard let entry = entries[id] else { return false }
        return entry.leases == 0 && entry.served == 0 && (entry.isRetired || evenIfCurrent)
    }

    /// Whether a new connection is to be used in the place of an older one. Both sides see the same two and decide
    /// alike.
    private func isPreferred(_ new: Entry, to old: Entry) -> Bool {
        guard new.since - old.since < limits.simultaneous, new.connection.isInbound != old.connection.isInbound else {
            return true
        }
        let isDialedBySmaller = new.connection.isInbound == (new.connection.remotePeer < local)
        return isDialedBySmaller
    }
}
