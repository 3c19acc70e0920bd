internal import Multiformats
internal import WireCodec

/// Peers: who is bound, who is connected, and what each gets without asking.
extension SessionMachine {
    internal mutating func introduce(_ peer: PeerID, _ addresses: [[UInt8]], _ turn: inout Turn<Crypto>) {
        guard peer != constants.local.peer else { return }
        let entry = peers.insert(peer, signers: signerCount)
        peers[at: entry].isIntroduced = true
        if peers[at: entry].addresses.isEmpty { peers[at: entry].addresses = addresses }
        if isRunning { connectIfNeeded(entry, &turn) }
    }

    internal mutating func connected(_ peer: PeerID, _ turn: inout Turn<Crypto>) {
        guard let entry = peers.index(of: peer), !peers[at: entry].isConnected else { return }
        peers[at: entry].forgetConnection()
        peers[at: entry].isConnected = true
        if isRunning { return greet(entry, &turn) }
        // A signer whose store was set back does not know whom it hears: the JOIN comes first on every connection.
        if signatures != nil, consent == .approved, peers[at: entry].isBound {
            give(Slot(.joins, me), toPeerAt: entry, &turn)
        }
        tellFinal(toPeerAt: entry, &turn)
    }

    internal mutating func disconnected(_ peer: PeerID, _ turn: inout Turn<Crypto>) {
        guard let entry = peers.index(of: peer) else { return }
        peers[at: entry].forgetConnection()
        // What was asked of this peer must be asked of another one.
        if isRunning { hurrySync(&turn) }
    }

    /// Enters a JOIN that is checked, and takes its signer from the peer of an older run.
    internal mutating func bind(_ index: Int, to slot: JoinSlot) {
        if let old = joins[index], old.peer != slot.peer, let entry = peers.index(of: old.peer) {
            peers[at: entry].signers.removeAll { $0 == index }
            if !peers[at: entry].isBound, !peers[at: entry].isIntroduced { peers.remove(at: entry) }
        }
        joins[index] = slot
        guard index != me, slot.peer != constants.local.peer else { return }
        let entry = peers.insert(slot.peer, signers: signerCount)
        peers[at: entry].addresses = slot.addresses
        if !peers[at: entry].signers.contains(index) {
            peers[at: entry].signers = (peers[at: entry].signers + [index]).sorted()
        }
    }

    /// Whether this signer dials a peer: everyone does in a mesh; in a star only the coordinator is dialled, and
    /// whoever may know it.
    private func isDialled(_ state: PeerState) -> Bool {
        if !isStar { return true }
        if isCoordinator { return true }
        if let coordinator, state.signers.contains(coordinator) { return true }
        return state.isIntroduced || state.signers.contains(descriptor.creator)
    }

    internal func connectIfNeeded(_ entry: Int, _ turn: inout Turn<Crypto>) {
        let state = peers[at: entry]
        guard !state.isConnected, state.isBound || state.isIntroduced, isDialled(state) else { return }
        turn.effects.append(.connect(peers.entries[entry].peer, addresses: state.addresses))
    }

    internal func connectAll(_ turn: inout Turn<Crypto>) {
        for entry in peers.entries.indices { connectIfNeeded(entry, &turn) }
    }

    /// Gives a peer that just connected this signer's JOIN, what brought it into its attempt, and its own messages of
    /// the attempt.
    internal mutating func greet(_ entry: Int, _ turn: inout Turn<Crypto>) {
        guard peers[at: entry].isReachable, joins[me] != nil else { return }
        give(Slot(.joins, me), toPeerAt: entry, &turn)
        showOrigin(toPeerAt: entry, &turn)
        showEvidence(toPeerAt: entry, &turn)
        giveOwn(toPeerAt: entry, &turn)
        turn.connectedPeers.append(peers.entries[entry].peer)
    }

    /// Gives a peer this signer's own messages that it did not get.
    internal mutating func giveOwn(toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard peers[at: entry].isReachable, joins[me] != nil else { return }
        for column in Column.allCases where column != .signature {
            let slot = Slot(column, me)
            if message(in: slot) != nil, isInAudience(of: column, peers[at: entry]) {
                give(slot, toPeerAt: entry, &turn)
            }
        }
    }

    /// Whether a peer gets this signer's own messages of a column without asking.
    private func isInAudience(of column: Column, _ state: PeerState) -> Bool {
        guard isStar else { return true }
        switch column {
        case .joins, .noncesComplete: return true
        case .nonces, .partials: return coordinator.map { state.signers.contains($0) } ?? false
        case .commitments, .commitmentsComplete, .signature: return false
        }
    }

    /// Sends what is in a slot, unless the peer was sent it.
    internal mutating func give(_ slot: Slot, toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard !peers[at: entry].sent.contains(slot), let message = message(in: slot) else { return }
        // Whoever follows is not taken for the author: what led to the attempt goes before all that belongs to it.
        if slot.column != .joins { showOrigin(toPeerAt: entry, &turn) }
        peers[at: entry].sent.insert(slot)
        peers[at: entry].wants.remove(slot)
        turn.send(.signed(message), to: peers.entries[entry].peer)
    }

    /// Sends what just came into a slot to whoever gets it without asking, and to whoever asked.
    ///
    /// With `replaces` it stands in the place of an older one, which some peers have.
    internal mutating func publish(_ slot: Slot, replaces: Bool = false, _ turn: inout Turn<Crypto>) {
        let isOwn = slot.index == me
        for entry in peers.entries.indices where peers[at: entry].isReachable {
            if replaces, peers[at: entry].sent.contains(slot) {
                peers[at: entry].sent.remove(slot)
                peers[at: entry].wants.insert(slot)
            }
            // A signer needs none of its own messages back.
            if peers[at: entry].signers.contains(slot.index) { continue }
            if peers[at: entry].wants.contains(slot) || isOwn && isInAudience(of: slot.column, peers[at: entry]) {
                give(slot, toPeerAt: entry, &turn)
            }
        }
    }

    /// Sends a message that is in no slot to every connected bound peer but its author's.
    internal func broadcast(_ message: SignedMessage, except excluded: PeerID? = nil, _ turn: inout Turn<Crypto>) {
        for entry in peers.entries where entry.state.isConnected && entry.state.isBound {
            if entry.peer == excluded || entry.state.signers == [Int(message.body.index)] { continue }
            turn.send(.signed(message), to: entry.peer)
        }
    }

    /// Counts something against a peer.
    internal func penalise(_ peer: PeerID, _ offence: SessionOffence, _ turn: inout Turn<Crypto>) {
        turn.effects.append(.penalise(peer, offence))
    }
}
