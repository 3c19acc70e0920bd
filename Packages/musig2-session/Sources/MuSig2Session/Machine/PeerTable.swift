internal import Multiformats

/// A signer at the peer that its JOIN names.
internal struct Binding: Hashable, Sendable {
    /// The signer's index.
    let signer: Int
    /// Whether the peer itself showed this JOIN, on its own connection. One that only a relay brought may be a lie of its
    /// author about somebody else's peer: nothing that comes from the peer counts before.
    var isPresented = false
    /// Whether the signer said that it has the signatures.
    var isFinal = false
    /// From when on its silence counts: when it was last heard, by a SYNC, or when a pause is over after it was shown this signer's JOIN
    /// again. Nil: no SYNC of it came since the peer is connected, and it may not know this signer.
    var quietSince: Duration?
    /// When the signer's last step began: a SYNC that follows too soon is none, and gets nothing twice.
    var stepBegan: Duration?
    /// What the signer asked for and did not get yet: it gets each the moment it is here.
    var wants: SlotSet

    /// Whether a SYNC of the signer came since the peer is connected.
    var hasSynced: Bool { quietSince != nil }

    /// Forgets all that belongs to one connection.
    mutating func forgetConnection() {
        quietSince = nil
        stepBegan = nil
        wants.removeAll()
    }
}

/// What a session knows of one peer.
internal struct PeerState: Hashable, Sendable {
    /// The signers whose JOIN names this peer, by ascending index. None: it is only introduced.
    var bindings: [Binding] = []
    /// When it was introduced by the application, a discovery or an announcement; nil: it was not.
    var introducedAt: Duration?
    /// Where it can be reached, as whoever introduced it said.
    var addresses: [[UInt8]] = []
    /// Whether it showed the announcement that names it, which stands for the creator's JOIN until that is here.
    var isAnnouncer = false
    var isConnected = false
    /// What it was sent since it connected or since its last SYNC.
    var sent: SlotSet
    /// What it was asked for by our last SYNC.
    var asked: SlotSet
    /// Whether it is in this signer's attempt, as it said, or was shown what led there.
    var knowsAttempt = false
    /// How many messages of the kept evidence it was shown.
    var evidenceShown = 0
    /// What it was answered since the last step of one of its signers, besides slots.
    var answered: Answers = []
    /// When it was last told that a JOIN it brought is not the newest.
    var correctedAt: Duration?

    init(signers: Int) {
        self.sent = SlotSet(signers: signers)
        self.asked = SlotSet(signers: signers)
    }

    /// Whether a JOIN names it, or it announced the session: it is sent what signers are sent.
    var isNamed: Bool { !bindings.isEmpty || isAnnouncer }

    /// Whether it showed what names it: what it sends counts.
    var isBound: Bool { isAnnouncer || bindings.contains { $0.isPresented } }

    /// Whether it may be sent all that signers are sent.
    var isReachable: Bool { isConnected && isNamed }

    /// Whether a signer's JOIN names it.
    func isNamed(by signer: Int) -> Bool { bindings.contains { $0.signer == signer } }

    /// Whether it showed a signer's JOIN that names it.
    func presents(_ signer: Int) -> Bool { bindings.contains { $0.signer == signer && $0.isPresented } }

    /// Where a signer's binding is.
    func binding(of signer: Int) -> Int? { bindings.firstIndex { $0.signer == signer } }

    /// Whether one of its signers asked for what is in a slot.
    func wants(_ slot: Slot) -> Bool { bindings.contains { $0.wants.contains(slot) } }

    /// Whether a SYNC came of each signer that is here for sure.
    var hasSynced: Bool {
        let presented = bindings.filter(\.isPresented)
        return !presented.isEmpty && presented.allSatisfy(\.hasSynced)
    }

    /// Whether a step of this signer shows the peer this signer's JOIN: until a SYNC of each signer that is here for sure came, and
    /// again, after a pause, when one of them has been silent for so long.
    mutating func needsJoin(after silence: Duration, _ pause: Duration, at now: Duration) -> Bool {
        guard hasSynced else { return true }
        let isQuiet = bindings.contains { $0.isPresented && $0.quietSince.map { now - $0 >= silence } ?? false }
        guard isQuiet else { return false }
        for position in bindings.indices where bindings[position].hasSynced {
            bindings[position].quietSince = now + pause
        }
        return true
    }

    /// Whether all its signers have the signatures.
    var isFinal: Bool {
        let presented = bindings.filter(\.isPresented)
        return !presented.isEmpty && presented.allSatisfy(\.isFinal)
    }

    /// Notes that it was sent what is in a slot.
    mutating func noteSent(_ slot: Slot) {
        sent.insert(slot)
        for position in bindings.indices { bindings[position].wants.remove(slot) }
    }

    mutating func forgetConnection() {
        isConnected = false
        correctedAt = nil
        answered = []
        sent.removeAll()
        asked.removeAll()
        knowsAttempt = false
        for position in bindings.indices { bindings[position].forgetConnection() }
    }

    mutating func forgetAttempt() {
        knowsAttempt = false
        sent.removeAllButJoins()
        asked.removeAllButJoins()
        for position in bindings.indices { bindings[position].wants.removeAllButJoins() }
    }
}

/// Answers that a peer gets at most once per step: between two SYNCs of its own.
internal struct Answers: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let signatures = Answers(rawValue: 1)
    static let abort = Answers(rawValue: 2)
    static let attempt = Answers(rawValue: 4)
    static let leaves = Answers(rawValue: 16)
}

/// The peers of a session in byte order: one value for one state, and one order of effects for one log of inputs.
internal struct PeerTable: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        let peer: PeerID
        var state: PeerState
    }

    private(set) var entries: [Entry] = []

    /// Where a peer is, or where it would be inserted.
    private func position(of peer: PeerID) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].peer < peer { low = middle + 1 } else { high = middle }
        }
        return (low, low < entries.count && entries[low].peer == peer)
    }

    func index(of peer: PeerID) -> Int? {
        let (index, isThere) = position(of: peer)
        return isThere ? index : nil
    }

    subscript(peer: PeerID) -> PeerState? {
        index(of: peer).map { entries[$0].state }
    }

    subscript(at index: Int) -> PeerState {
        get { entries[index].state }
        set { entries[index].state = newValue }
        _modify { yield &entries[index].state }
    }

    /// The place of a peer, which is made if it is new.
    mutating func insert(_ peer: PeerID, signers: Int) -> Int {
        let (index, isThere) = position(of: peer)
        if !isThere { entries.insert(Entry(peer: peer, state: PeerState(signers: signers)), at: index) }
        return index
    }

    mutating func remove(at index: Int) {
        entries.remove(at: index)
    }
}
