import Multiformats
import PeerTransport

/// Which connections a node has, and which one of several to a peer is used. Decides only; the node carries out.
struct ConnectionTable {
    /// Names one connection for as long as the node lives.
    typealias ID = UInt64

    struct Entry {
        let id: ID
        let connection: any Connection
        let since: Duration
        /// Streams in use, inbound and outbound.
        var leases = 0
        /// Inbound streams that are served now.
        var served = 0
        /// Not the one to use: to be closed once no stream is in use.
        var isRetired = false
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
    private var nextID: ID = 0

    private let local: PeerID
    private let maximum: Int
    private let maximumPerPeer: Int
    private let simultaneous: Duration

    init(local: PeerID, maximum: Int, maximumPerPeer: Int, simultaneous: Duration) {
        self.local = local
        self.maximum = maximum
        self.maximumPerPeer = maximumPerPeer
        self.simultaneous = simultaneous
    }

    var peers: [PeerID] { Array(byPeer.keys) }

    var isFull: Bool { entries.count >= maximum }

    /// How many of all may be inbound: the rest is kept for dials of this node, so that nobody can shut it in by coming in
    /// numbers.
    private var maximumInbound: Int { max(1, maximum - maximum / 4) }

    private var isFullForInbound: Bool {
        isFull || entries.values.count { $0.connection.isInbound } >= maximumInbound
    }

    /// The connection that has to go so that a new one can be kept, if there is one.
    ///
    /// A peer has proven who it is, so when it comes once more than it may, the oldest of its own goes: it is likely dead.
    /// When there are too many of all, an inbound one that nothing has used goes, unless it is younger than `grace`.
    func victim(for connection: any Connection, at now: Duration, grace: Duration) -> Entry? {
        let peer = connection.remotePeer
        guard peer != local else { return nil }
        let others = connections(to: peer)
        if others.count >= maximumPerPeer { return others.first { $0.isRetired } ?? others.first }
        guard connection.isInbound, isFullForInbound else { return nil }
        return entries.values.filter { entry in
            entry.connection.isInbound && now - entry.since >= grace && isIdle(entry.id, evenIfCurrent: true)
        }.min { $0.since < $1.since }
    }

    func connections(to peer: PeerID) -> [Entry] {
        (byPeer[peer] ?? []).compactMap { entries[$0] }
    }

    /// The connection to use for new streams.
    func current(to peer: PeerID) -> Entry? {
        connections(to: peer).first { !$0.isRetired }
    }

    mutating func add(_ connection: any Connection, at now: Duration) -> OnAdd {
        let peer = connection.remotePeer
        guard peer != local else {
            return .refused(TransportError(.peerMismatch, "the other side is peer \(peer), this node itself"))
        }
        guard !isFull, !connection.isInbound || !isFullForInbound else {
            return .refused(Self.limit("connections", connection.isInbound ? maximumInbound : maximum, peer))
        }
        let others = connections(to: peer)
        guard others.count < maximumPerPeer else {
            return .refused(Self.limit("connections per peer", maximumPerPeer, peer))
        }
        nextID &+= 1
        let id = nextID
        var entry = Entry(id: id, connection: connection, since: now)
        let outcome: OnAdd
        if let used = others.first(where: { !$0.isRetired }) {
            if isPreferred(entry, to: used) {
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
        return outcome
    }

    private static func limit(_ what: String, _ limit: Int, _ peer: PeerID) -> TransportError {
        TransportError(.limitExceeded, "connection to peer \(peer) not kept: expected at most \(limit) \(what)")
    }

    mutating func remove(_ id: ID) -> OnRemove {
        guard let entry = entries.removeValue(forKey: id) else { return .unknown }
        let peer = entry.connection.remotePeer
        let rest = (byPeer[peer] ?? []).filter { $0 != id }
        byPeer[peer] = rest.isEmpty ? nil : rest
        guard let newest = rest.last else { return .last }
        guard current(to: peer) == nil else { return .othersRemain }
        entries[newest]?.isRetired = false
        return .replaced(by: newest)
    }

    /// Counts a stream on a connection.
    mutating func lease(_ id: ID) {
        entries[id]?.leases += 1
    }

    /// Counts a stream that is no longer in use.
    ///
    /// - Returns: Whether the connection was retired and nothing uses it any more.
    mutating func release(_ id: ID) -> Bool {
        entries[id]?.leases -= 1
        return isIdle(id, evenIfCurrent: false)
    }

    /// Counts an inbound stream that is to be served.
    ///
    /// - Returns: False when as many as allowed are served already.
    mutating func serve(_ id: ID, limit: Int) -> Bool {
        guard let served = entries[id]?.served, served < limit else { return false }
        entries[id]?.served += 1
        return true
    }

    mutating func endService(_ id: ID) {
        entries[id]?.served -= 1
    }

    func isIdle(_ id: ID, evenIfCurrent: Bool) -> Bool {
        guard let entry = entries[id] else { return false }
        return entry.leases == 0 && entry.served == 0 && (entry.isRetired || evenIfCurrent)
    }

    /// Whether a new connection is to be used in the place of an older one. Both sides see the same two and decide
    /// alike.
    private func isPreferred(_ new: Entry, to old: Entry) -> Bool {
        guard new.since - old.since < simultaneous, new.connection.isInbound != old.connection.isInbound else {
            return true
        }
        let isDialedBySmaller = new.connection.isInbound == (new.connection.remotePeer < local)
        return isDialedBySmaller
    }
}
