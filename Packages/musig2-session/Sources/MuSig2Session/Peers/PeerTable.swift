import Multiformats
import WireCodec

/// The peers of a session: which signer is where, and which is connected. In byte order: one value for one state, and one order of
/// effects for one log of inputs.
struct PeerTable: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        let peer: PeerID
        var state: PeerState
    }

    private(set) var entries: [Entry] = []
    /// The EVIDENCE that every bound peer is shown once, the oldest first.
    private(set) var evidence: [SignedMessage] = []

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

    /// Whether a peer showed what names it.
    func isBound(_ peer: PeerID) -> Bool { index(of: peer).map { self[at: $0].isBound } ?? false }

    /// Whether a peer showed a signer's JOIN that names it.
    func presents(_ signer: Int, at peer: PeerID) -> Bool {
        index(of: peer).map { self[at: $0].presents(signer) } ?? false
    }

    /// Whether a signer said that it has the signatures, at the peer that its JOIN names.
    func isFinal(_ signer: Int, at peer: PeerID) -> Bool {
        index(of: peer).flatMap { self[at: $0].binding(of: signer)?.isFinal } ?? false
    }

    /// Whether the peer that announced the session is connected.
    var hasConnectedAnnouncer: Bool { entries.contains { $0.state.isAnnouncer && $0.state.isConnected } }

    // MARK: Peers that come and go

    /// What became of a peer that may know the session.
    struct OnIntroduction {
        /// Where it is; nil: there is no room for it.
        let entry: Int?
        /// The peer that made room for it.
        let removed: PeerID?
    }

    /// Takes in a peer that may know the session.
    ///
    /// Such peers are bounded, and one that showed no JOIN in its time makes room for another: a list of strangers keeps
    /// nobody away for long, and nobody fills the table.
    mutating func introduce(
        _ peer: PeerID, _ addresses: [[UInt8]], signers: Int, _ configuration: SessionConfiguration, at now: Duration
    ) -> OnIntroduction {
        var removed: PeerID?
        if index(of: peer) == nil {
            let strangers = entries.indices.filter { !self[at: $0].isNamed }
            if strangers.count >= signers + configuration.spareIntroductions {
                let oldest = strangers.min { introduced($0) ?? .zero < introduced($1) ?? .zero }
                guard let oldest, let since = introduced(oldest), since + configuration.introductionTime <= now else {
                    return OnIntroduction(entry: nil, removed: nil)
                }
                removed = entries.remove(at: oldest).peer
            }
        }
        let entry = insert(peer, signers: signers)
        self[at: entry].introduce(addresses, at: now)
        return OnIntroduction(entry: entry, removed: removed)
    }

    private func introduced(_ entry: Int) -> Duration? { self[at: entry].introduction?.at }

    /// The place of a peer, which is made if it is new.
    private mutating func insert(_ peer: PeerID, signers: Int) -> Int {
        let (index, isThere) = position(of: peer)
        if !isThere { entries.insert(Entry(peer: peer, state: PeerState(signers: signers)), at: index) }
        return index
    }

    /// Makes a peer the announcer, which one peer is at most; nil: none is any more.
    mutating func setAnnouncer(_ entry: Int?) {
        for other in entries.indices { self[at: other].setAnnouncer(other == entry) }
    }

    /// Binds a signer to the peer that its JOIN names.
    mutating func bind(_ signer: Int, at peer: PeerID, isPresented: Bool, signers: Int) {
        let entry = insert(peer, signers: signers)
        self[at: entry].bind(signer, isPresented: isPresented, signers: signers)
    }

    /// Drops a signer's binding with all that was kept for it.
    ///
    /// - Returns: Whether the peer is gone, for which there is no use any more.
    mutating func unbind(_ signer: Int, at peer: PeerID) -> Bool {
        guard let entry = index(of: peer) else { return false }
        self[at: entry].unbind(signer)
        guard self[at: entry].introduction == nil, !self[at: entry].isNamed else { return false }
        entries.remove(at: entry)
        return true
    }

    // MARK: All peers

    /// A new attempt: what was sent and asked for of the former one says nothing.
    mutating func forgetAttempt() {
        for entry in entries.indices { self[at: entry].forgetAttempt() }
    }

    /// Nothing is gathered any more.
    mutating func forgetWants() {
        for entry in entries.indices { self[at: entry].forgetWants() }
    }

    // MARK: Evidence

    /// Keeps EVIDENCE that was checked, if there is room.
    ///
    /// - Returns: Whether it is kept.
    mutating func keep(_ message: SignedMessage, from peer: PeerID?, atMost limit: Int) -> Bool {
        guard evidence.count < limit else { return false }
        let sender = peer.flatMap { index(of: $0) }
        let isShown = sender.map { self[at: $0].evidenceShown == evidence.count } ?? false
        evidence.append(message)
        if let sender, isShown { self[at: sender].evidenceShown = evidence.count }
        return true
    }

    /// The evidence that a peer was not shown, which is shown to it now; none to one that nothing names.
    mutating func takeEvidence(for entry: Int) -> [SignedMessage] {
        guard self[at: entry].isNamed, self[at: entry].evidenceShown < evidence.count else { return [] }
        defer { self[at: entry].evidenceShown = evidence.count }
        return Array(evidence[self[at: entry].evidenceShown...])
    }

    var approximateByteCount: Int {
        evidence.reduce(entries.count * 300) { $0 + 2 * $1.bodyBytes.count }
    }
}
