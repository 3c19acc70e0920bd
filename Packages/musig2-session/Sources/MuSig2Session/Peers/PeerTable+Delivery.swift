import Multiformats
import WireCodec

/// What a peer gets without asking.
extension PeerTable {
    /// Gives a peer that just connected this signer's JOIN, what brought it into its attempt, and its own messages of
    /// the attempt. One that no JOIN names gets the JOIN alone: it may be anybody.
    mutating func greet<Crypto>(
        _ entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        guard self[at: entry].isConnected, slots.joins.isFilled(slots.me) else { return }
        give(Slot(.joins, slots.me), to: entry, slots, &context)
        guard self[at: entry].isReachable else { return }
        showOrigin(to: entry, slots, &context)
        showEvidence(to: entry, &context)
        giveOwn(to: entry, slots, &context)
        context.connectedPeers.append(entries[entry].peer)
    }

    /// A connected peer is named by a signer now, or by one more: it gets what it did not get before, and is asked for the first
    /// time.
    mutating func welcome<Crypto>(
        _ entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        showEvidence(to: entry, &context)
        giveOwn(to: entry, slots, &context)
        if self[at: entry].bindings.count == 1 { context.connectedPeers.append(entries[entry].peer) }
        context.asksAll = true
    }

    /// Gives a peer this signer's own messages that it did not get.
    private mutating func giveOwn<Crypto>(
        to entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        guard self[at: entry].isReachable, slots.joins.isFilled(slots.me) else { return }
        for column in Column.allCases where column != .signature {
            let slot = Slot(column, slots.me)
            if slots.isFilled(slot), isInAudience(of: column, entry, slots) { give(slot, to: entry, slots, &context) }
        }
    }

    /// Whether a peer gets this signer's own messages of a column without asking.
    private func isInAudience<Crypto>(of column: Column, _ entry: Int, _ slots: SlotTable<Crypto>) -> Bool {
        guard self[at: entry].isNamed else { return column == .joins }
        guard slots.isStar else { return true }
        switch column {
        case .joins, .noncesComplete: return true
        case .nonces, .partials: return slots.coordinator.map { self[at: entry].isNamed(by: $0) } ?? false
        case .commitments, .commitmentsComplete, .signature: return false
        }
    }

    /// Sends what is in a slot, unless the peer was sent it.
    mutating func give<Crypto>(
        _ slot: Slot, to entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        guard !self[at: entry].exchange.sent.contains(slot), let message = slots.message(in: slot) else { return }
        // A signer that follows is not taken for the author: what led to the attempt goes before all that belongs to it.
        if slot.column != .joins { showOrigin(to: entry, slots, &context) }
        self[at: entry].noteSent(slot)
        context.send(.signed(message), to: entries[entry].peer)
    }

    /// Sends what just came into a slot to the peers that get it without asking, and to those that asked.
    ///
    /// With `replaces` it stands in the place of an older one, which some peers have.
    mutating func publish<Crypto>(
        _ slot: Slot, replaces: Bool = false, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        let isOwn = slot.index == slots.me
        for entry in entries.indices
        where self[at: entry].isReachable || isOwn && slot.column == .joins && self[at: entry].isConnected {
            let isStale = replaces && self[at: entry].exchange.sent.contains(slot)
            if isStale { self[at: entry].exchange.sent.remove(slot) }
            // A signer needs none of its own messages back.
            if self[at: entry].presents(slot.index) { continue }
            if isStale || self[at: entry].wants(slot) || isOwn && isInAudience(of: slot.column, entry, slots) {
                give(slot, to: entry, slots, &context)
            }
        }
    }

    /// Sends a message that is in no slot to every connected peer of a signer but its author's.
    func broadcast<Crypto>(
        _ message: SignedMessage, except excluded: PeerID? = nil, _ context: inout HandlerContext<Crypto>
    ) {
        let author = Int(message.body.index)
        for entry in entries where entry.state.isReachable {
            if entry.peer == excluded || entry.state.isOnly(author) { continue }
            context.send(.signed(message), to: entry.peer)
        }
    }

    // MARK: What led to the attempt

    /// Shows a peer what led to the attempt, once on a connection, unless it is there itself.
    mutating func showOrigin<Crypto>(
        to entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        guard let origin = slots.attempt.cause.origin, !self[at: entry].exchange.knowsAttempt else { return }
        self[at: entry].exchange.knowsAttempt = true
        // A message in an own slot of the attempt says it by itself.
        if Int(origin.body.index) == slots.me, Column(origin.body.type) != nil { return }
        context.send(.signed(origin), to: entries[entry].peer)
    }

    /// Passes on what led to the attempt to all but its author.
    mutating func passOnOrigin<Crypto>(
        by author: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        for entry in entries.indices where self[at: entry].isReachable && !self[at: entry].isOnly(author) {
            showOrigin(to: entry, slots, &context)
        }
    }

    /// Returns the signed message that brought this signer into its attempt, once per step.
    mutating func answerOldAttempt<Crypto>(
        _ entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        guard let origin = slots.attempt.cause.origin, self[at: entry].isBound,
            self[at: entry].exchange.answer(.attempt)
        else { return }
        context.send(.signed(origin), to: entries[entry].peer)
    }

    // MARK: What signers say of themselves

    /// Shows a peer the evidence that it was not shown.
    mutating func showEvidence<Crypto>(to entry: Int, _ context: inout HandlerContext<Crypto>) {
        for message in takeEvidence(for: entry) { context.send(.signed(message), to: entries[entry].peer) }
    }

    /// Answers a peer that wants a JOIN that there is none of with its author's DECLINE, once per step. A JOIN that comes after it
    /// goes to the same peers.
    mutating func showDecline<Crypto>(
        of index: Int, to entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        let slot = Slot(.joins, index)
        guard let declined = slots.roster.declines[index], self[at: entry].isReachable,
            !self[at: entry].exchange.sent.contains(slot)
        else { return }
        self[at: entry].exchange.sent.insert(slot)
        context.send(.signed(declined.message), to: entries[entry].peer)
    }

    /// Shows a signer the JOIN of it that is here: an older run hears of the newer one, and a newer one that its own JOIN was
    /// lost. Once a step.
    mutating func returnJoin<Crypto>(
        _ held: SignedMessage, to peer: PeerID, pause: Duration, _ context: inout HandlerContext<Crypto>
    ) {
        if let entry = index(of: peer) {
            guard self[at: entry].exchange.correct(at: context.now.monotonic, pause: pause) else { return }
        }
        context.send(.signed(held), to: peer)
    }
}
