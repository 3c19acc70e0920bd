internal import Multiformats

/// What a session knows of one peer.
internal struct PeerState: Hashable, Sendable {
    /// The signers whose JOIN names this peer, ascending. None: it is only introduced.
    var signers: [Int] = []
    /// Where it can be reached, as it said last.
    var addresses: [[UInt8]] = []
    /// Whether the application introduced it.
    var isIntroduced = false
    var isConnected = false
    /// Whether it said that it has the signatures.
    var isFinal = false
    /// Whether a SYNC of it came since it is connected.
    var hasSynced = false
    /// When its last step began: a SYNC that follows too soon is none, and gets nothing twice.
    var stepBegan: Duration?
    /// What it asked for and did not get yet: it gets each the moment it is here.
    var wants: SlotSet
    /// What it was sent since it connected or since its last SYNC.
    var sent: SlotSet
    /// What it was asked for by our last SYNC.
    var asked: SlotSet
    /// Whether it is in this signer's attempt, as it said, or was shown what led there.
    var knowsAttempt = false
    /// How many messages of the kept evidence it was shown.
    var evidenceShown = 0
    /// What it was answered since its last SYNC, besides slots.
    var answered: Answers = []

    init(signers: Int) {
        self.wants = SlotSet(signers: signers)
        self.sent = SlotSet(signers: signers)
        self.asked = SlotSet(signers: signers)
    }

    var isBound: Bool { !signers.isEmpty }

    /// Whether it may be sent anything of the session.
    var isReachable: Bool { isConnected && (isBound || isIntroduced) }

    mutating func forgetConnection() {
        isConnected = false
        hasSynced = false
        stepBegan = nil
        wants.removeAll()
        sent.removeAll()
        asked.removeAll()
        answered = []
        knowsAttempt = false
    }

    mutating func forgetAttempt() {
        knowsAttempt = false
        wants.removeAllButJoins()
        sent.removeAllButJoins()
        asked.removeAllButJoins()
    }
}

/// Answers that a peer gets at most once per step: between two SYNCs of its own.
internal struct Answers: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let signatures = Answers(rawValue: 1)
    static let abort = Answers(rawValue: 2)
    static let attempt = Answers(rawValue: 4)
    static let newerJoin = Answers(rawValue: 8)
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
