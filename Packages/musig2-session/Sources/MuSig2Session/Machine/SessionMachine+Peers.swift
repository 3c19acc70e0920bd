internal import Multiformats
internal import WireCodec

/// Peers: who is named, who is bound, who is connected, and what each gets without asking.
extension SessionMachine {
    /// Takes in a peer that may know the session.
    ///
    /// Such peers are bounded, and one that showed no JOIN in its time makes room for another: a list of strangers keeps
    /// nobody away for long, and nobody fills the table.
    internal mutating func introduce(
        _ peer: PeerID, _ addresses: [[UInt8]], isAnnouncer: Bool, _ turn: inout Turn<Crypto>
    ) {
        guard peer != constants.local.peer else { return }
        if peers.index(of: peer) == nil, !makeRoomForIntroduced(&turn) { return }
        let entry = peers.insert(peer, signers: signerCount)
        if peers[at: entry].introducedAt == nil { peers[at: entry].introducedAt = turn.now.monotonic }
        if !addresses.isEmpty { peers[at: entry].addresses = addresses }
        if isAnnouncer, joins[descriptor.creator] == nil, descriptor.creator != me {
            for other in peers.entries.indices where other != entry { peers[at: other].isAnnouncer = false }
            peers[at: entry].isAnnouncer = true
        }
        if isRunning || isDeclineUntold { connectIfNeeded(entry, isNews: true, &turn) }
    }

    /// Lets the oldest introduced peer go that no JOIN names, if there are as many as there may be.
    ///
    /// - Returns: Whether there is room.
    private mutating func makeRoomForIntroduced(_ turn: inout Turn<Crypto>) -> Bool {
        let strangers = peers.entries.indices.filter { !peers[at: $0].isNamed }
        guard strangers.count >= signerCount + configuration.spareIntroductions else { return true }
        let oldest = strangers.min {
            (peers[at: $0].introducedAt ?? .zero) < (peers[at: $1].introducedAt ?? .zero)
        }
        guard let oldest, let since = peers[at: oldest].introducedAt,
            since + configuration.introductionTime <= turn.now.monotonic
        else { return false }
        remove(peerAt: oldest, &turn)
        return true
    }

    private mutating func remove(peerAt entry: Int, _ turn: inout Turn<Crypto>) {
        turn.effects.append(.release(peers.entries[entry].peer))
        peers.remove(at: entry)
    }

    internal mutating func connected(_ peer: PeerID, _ turn: inout Turn<Crypto>) {
        guard let entry = peers.index(of: peer), !peers[at: entry].isConnected else { return }
        peers[at: entry].forgetConnection()
        peers[at: entry].isConnected = true
        if isRunning { return greet(entry, &turn) }
        showOwnDecline(toPeerAt: entry, &turn)
        tellFinal(toPeerAt: entry, &turn)
    }

    internal mutating func disconnected(_ peer: PeerID, _ turn: inout Turn<Crypto>) {
        guard let entry = peers.index(of: peer) else { return }
        peers[at: entry].forgetConnection()
        // What was asked of this peer must be asked of another one.
        if isRunning { hurrySync(&turn) }
        if undelivered.contains(where: { peers[at: entry].isNamed(by: $0) }) { connectIfNeeded(entry, &turn) }
    }

    /// Enters a JOIN that is checked, and takes its signer from the peer of an older run.
    internal mutating func bind(_ index: Int, to slot: JoinSlot, isPresented: Bool, _ turn: inout Turn<Crypto>) {
        release(index, unlessAt: slot.peer, &turn)
        joins[index] = slot
        if index == descriptor.creator {
            // The announcement stood for the JOIN until there is one.
            for entry in peers.entries.indices { peers[at: entry].isAnnouncer = false }
        }
        guard index != me, slot.peer != constants.local.peer else { return }
        let entry = peers.insert(slot.peer, signers: signerCount)
        var binding = Binding(signer: index, wants: SlotSet(signers: signerCount))
        if let position = peers[at: entry].binding(of: index) {
            binding = peers[at: entry].bindings.remove(at: position)
            binding.isFinal = false
        }
        binding.isPresented = isPresented
        let position = peers[at: entry].bindings.firstIndex { $0.signer > index }
        peers[at: entry].bindings.insert(binding, at: position ?? peers[at: entry].bindings.count)
    }

    /// Drops a signer's binding with all that was kept for it, unless it is at this peer.
    private mutating func release(_ index: Int, unlessAt peer: PeerID, _ turn: inout Turn<Crypto>) {
        guard let old = joins[index], old.peer != peer, let entry = peers.index(of: old.peer) else { return }
        peers[at: entry].bindings.removeAll { $0.signer == index }
        if peers[at: entry].introducedAt == nil, !peers[at: entry].isNamed { remove(peerAt: entry, &turn) }
    }

    // MARK: Dials

    /// Whether this signer dials a peer. In a mesh it dials everyone; in a star only the coordinators are dialled, and by
    /// them: the one of this attempt and the one before, through which the others are reached until this one is. Whoever
    /// was introduced may know who they are.
    internal func isDialled(_ state: PeerState) -> Bool {
        if !isStar || isCoordinator || state.introducedAt != nil { return true }
        return [attempt.number, attempt.number - 1].contains { number in
            number > 0 && constants.order.coordinator(ofAttempt: number).map { state.isNamed(by: $0) } ?? false
        }
    }

    /// Where a peer may be: as the signers say that it showed the JOIN of, then as whoever introduced it said, then as
    /// those say that only named it. Nobody replaces what another one said.
    internal func addresses(of state: PeerState) -> [[UInt8]] {
        var addresses: [[UInt8]] = []
        func add(_ more: [[UInt8]]) {
            for address in more where !addresses.contains(address) { addresses.append(address) }
        }
        for binding in state.bindings where binding.isPresented { add(joins[binding.signer]?.addresses ?? []) }
        add(state.addresses)
        for binding in state.bindings where !binding.isPresented { add(joins[binding.signer]?.addresses ?? []) }
        return addresses
    }

    /// Asks for a connection to a peer that this signer dials and that is not connected.
    internal func connectIfNeeded(_ entry: Int, isNews: Bool = false, _ turn: inout Turn<Crypto>) {
        let state = peers[at: entry]
        guard !state.isConnected, isDialled(state) else { return }
        let request = DialRequest(addresses: addresses(of: state), isBound: state.isBound, isNews: isNews)
        turn.effects.append(.connect(peers.entries[entry].peer, request))
    }

    /// Says that a peer is bound, and asks to be told that it is connected: it is, since it showed its JOIN.
    internal func meet(peerAt entry: Int, _ turn: inout Turn<Crypto>) {
        let peer = peers.entries[entry].peer
        guard isRunning, isDialled(peers[at: entry]) else { return turn.effects.append(.watch(peer)) }
        let addresses = addresses(of: peers[at: entry])
        turn.effects.append(.connect(peer, DialRequest(addresses: addresses, isBound: true, isNews: true)))
    }

    internal func connectAll(_ turn: inout Turn<Crypto>) {
        for entry in peers.entries.indices { connectIfNeeded(entry, &turn) }
    }

    /// The peers that this signer dials now.
    internal var dialledPeers: [PeerID] { peers.entries.filter { isDialled($0.state) }.map(\.peer) }

    /// Dials those no longer that were dialled and are not any more: the coordinators of earlier attempts.
    internal func stopDialling(_ former: [PeerID], _ turn: inout Turn<Crypto>) {
        for peer in former {
            guard let entry = peers.index(of: peer), !isDialled(peers[at: entry]) else { continue }
            turn.effects.append(peers[at: entry].isBound ? .watch(peer) : .release(peer))
        }
    }

    // MARK: What a peer gets without asking

    /// Gives a peer that just connected this signer's JOIN, what brought it into its attempt, and its own messages of
    /// the attempt. One that no JOIN names gets the JOIN alone: it may be anybody.
    internal mutating func greet(_ entry: Int, _ turn: inout Turn<Crypto>) {
        guard peers[at: entry].isConnected, joins[me] != nil else { return }
        give(Slot(.joins, me), toPeerAt: entry, &turn)
        guard peers[at: entry].isReachable else { return }
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
        guard state.isNamed else { return column == .joins }
        guard isStar else { return true }
        switch column {
        case .joins, .noncesComplete: return true
        case .nonces, .partials: return coordinator.map { state.isNamed(by: $0) } ?? false
        case .commitments, .commitmentsComplete, .signature: return false
        }
    }

    /// Sends what is in a slot, unless the peer was sent it.
    internal mutating func give(_ slot: Slot, toPeerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard !peers[at: entry].sent.contains(slot), let message = message(in: slot) else { return }
        // Whoever follows is not taken for the author: what led to the attempt goes before all that belongs to it.
        if slot.column != .joins { showOrigin(toPeerAt: entry, &turn) }
        peers[at: entry].noteSent(slot)
        turn.send(.signed(message), to: peers.entries[entry].peer)
    }

    /// Sends what just came into a slot to whoever gets it without asking, and to whoever asked.
    ///
    /// With `replaces` it stands in the place of an older one, which some peers have.
    internal mutating func publish(_ slot: Slot, replaces: Bool = false, _ turn: inout Turn<Crypto>) {
        let isOwn = slot.index == me
        for entry in peers.entries.indices
        where peers[at: entry].isReachable || isOwn && slot.column == .joins && peers[at: entry].isConnected {
            let isStale = replaces && peers[at: entry].sent.contains(slot)
            if isStale { peers[at: entry].sent.remove(slot) }
            // A signer needs none of its own messages back.
            if peers[at: entry].presents(slot.index) { continue }
            if isStale || peers[at: entry].wants(slot) || isOwn && isInAudience(of: slot.column, peers[at: entry]) {
                give(slot, toPeerAt: entry, &turn)
            }
        }
    }

    /// Sends a message that is in no slot to every connected peer of a signer but its author's.
    internal func broadcast(_ message: SignedMessage, except excluded: PeerID? = nil, _ turn: inout Turn<Crypto>) {
        let author = Int(message.body.index)
        for entry in peers.entries where entry.state.isReachable {
            let isAuthor = entry.state.presents(author) && entry.state.bindings.count == 1
            if entry.peer == excluded || isAuthor { continue }
            turn.send(.signed(message), to: entry.peer)
        }
    }

    /// Counts something against a peer.
    internal func penalise(_ peer: PeerID, _ offence: SessionOffence, _ turn: inout Turn<Crypto>) {
        turn.effects.append(.penalise(peer, offence))
    }
}
