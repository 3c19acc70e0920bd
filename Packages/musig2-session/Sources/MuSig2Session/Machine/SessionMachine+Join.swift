internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// How often a signer's JOIN was replaced lately, and the one that waits.
internal struct JoinPace: Hashable, Sendable {
    struct Waiting: Hashable, Sendable {
        let slot: JoinSlot
        /// Whether the peer that it names showed it.
        let isShown: Bool
        var due: Duration
    }

    private var relayed = RateWindow()
    private var shown = RateWindow()
    var waiting: Waiting?
    /// Whether it was told that the signer claims this signer's peer.
    var isClaimTold = false

    /// Counts one replacement, unless there were as many in the last minute as there may be.
    ///
    /// - Returns: When there is room again; nil: it is counted.
    mutating func take(isShown: Bool, _ configuration: SessionConfiguration, at time: Duration) -> Duration? {
        if isShown {
            let limit = configuration.shownJoinsPerMinute
            return shown.take(limit, at: time) ? nil : shown.opens(limit, at: time)
        }
        let limit = configuration.relayedJoinsPerMinute
        return relayed.take(limit, at: time) ? nil : relayed.opens(limit, at: time)
    }
}

/// JOINs of others: who is where.
extension SessionMachine {
    internal mutating func receiveJoin(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ turn: inout Turn<Crypto>
    ) {
        if let held = joins[index], held.message.bodyBytes == message.bodyBytes {
            return meetKnownJoin(message, index, from: peer, &turn)
        }
        if let waiting = joinPaces[index]?.waiting, waiting.slot.message == message,
            waiting.isShown || waiting.slot.peer != peer
        {
            return
        }
        guard isSigned(message) else { return penalise(peer, .badSignature, &turn) }
        guard let join = try? Join(decoding: message.body.payload), let named = try? PeerID(bytes: join.peerID) else {
            return blame(index, .payload, .malformedPayload, from: peer, &turn)
        }
        if index == me { return receiveOwn(message, from: peer, &turn) }
        if isOwnPeer(named, claimedBy: index) { return tellClaim(by: index, &turn) }
        if let held = joins[index], held.run >= message.body.run {
            // An old JOIN: its author is told of the newer one.
            if held.run > message.body.run { returnJoin(held.message, to: peer, &turn) }
            return
        }
        let slot = JoinSlot(message: message, peer: named, addresses: join.addresses)
        if mayReplaceJoin(index, by: slot, from: peer, &turn) {
            enterJoin(slot, index, isShown: named == peer, &turn)
        }
    }

    /// Whether a JOIN names this signer's peer without being of a signer that is here: it is neither kept nor passed on.
    internal func isOwnPeer(_ peer: PeerID, claimedBy index: Int) -> Bool {
        peer == constants.local.peer && !constants.local.otherSigners.contains(index)
    }

    /// Whoever brought it may have taken it for the truth: only its author is named, once.
    private mutating func tellClaim(by index: Int, _ turn: inout Turn<Crypto>) {
        guard !joinPaces[index, default: JoinPace()].isClaimTold else { return }
        joinPaces[index, default: JoinPace()].isClaimTold = true
        turn.tell(.misbehaved(index: index, .peer))
    }

    /// Whether a JOIN may take the place of an older one now. Otherwise it waits, the newest of a signer: each names a peer
    /// that is dialled and a row that is written. A relay is not to blame for the author's haste; the author's own peer is.
    private mutating func mayReplaceJoin(
        _ index: Int, by slot: JoinSlot, from peer: PeerID, _ turn: inout Turn<Crypto>
    ) -> Bool {
        guard joins[index] != nil else { return true }
        let isShown = slot.peer == peer
        var pace = joinPaces[index] ?? JoinPace()
        defer { joinPaces[index] = pace }
        if let waiting = pace.waiting, waiting.slot.run > slot.run { return false }
        guard let due = pace.take(isShown: isShown, configuration, at: turn.now.monotonic) else {
            pace.waiting = nil
            return true
        }
        pace.waiting = JoinPace.Waiting(slot: slot, isShown: isShown, due: due)
        if peers[peer]?.presents(index) == true { penalise(peer, .outOfPlace, &turn) }
        return false
    }

    /// Enters the JOINs that waited long enough.
    internal mutating func enterWaitingJoins(_ turn: inout Turn<Crypto>) {
        for index in joinPaces.keys.sorted() {
            guard var pace = joinPaces[index], let waiting = pace.waiting, waiting.due <= turn.now.monotonic else {
                continue
            }
            if let due = pace.take(isShown: waiting.isShown, configuration, at: turn.now.monotonic) {
                pace.waiting?.due = due
                joinPaces[index] = pace
                continue
            }
            pace.waiting = nil
            joinPaces[index] = pace
            if (joins[index]?.run ?? 0) < waiting.slot.run {
                enterJoin(waiting.slot, index, isShown: waiting.isShown, &turn)
            }
        }
    }

    private mutating func enterJoin(_ slot: JoinSlot, _ index: Int, isShown: Bool, _ turn: inout Turn<Crypto>) {
        lastActivity = turn.now.monotonic
        let held = joins[index]
        let wasDeclined = declines.removeValue(forKey: index) != nil
        bind(index, to: slot, isPresented: isShown, &turn)
        turn.effects.append(.persist(.join(index: index, slot.message)))
        if held == nil {
            turn.tell(.participantJoined(index: index, peer: slot.peer, joined: joins.filled))
        }
        let isNewProcess = held != nil && isShown && forgetOldProcess(of: index, at: slot.peer, &turn)
        if isRunning { publish(Slot(.joins, index), replaces: held != nil || wasDeclined, &turn) }
        guard let entry = peers.index(of: slot.peer) else { return }
        if isShown {
            meet(peerAt: entry, &turn)
        } else if isRunning {
            connectIfNeeded(entry, isNews: true, &turn)
        }
        if peers[at: entry].isConnected { welcome(peerAt: entry, isNewProcess: isNewProcess, &turn) }
        if outcome != nil, isShown { answerAfterEnd(peerAt: entry, &turn) }
    }

    /// A new run is a new process, which has nothing of what the old one was sent. Whoever says so too often gets nothing
    /// again.
    private mutating func forgetOldProcess(of index: Int, at peer: PeerID, _ turn: inout Turn<Crypto>) -> Bool {
        guard let entry = peers.index(of: peer), beginStep(index, peerAt: entry, &turn),
            let position = peers[at: entry].binding(of: index)
        else { return false }
        peers[at: entry].bindings[position].wants.removeAll()
        peers[at: entry].bindings[position].quietSince = nil
        peers[at: entry].sent.removeAll()
        peers[at: entry].asked.removeAll()
        return true
    }

    /// A connected peer is named by a signer now, or by one more.
    private mutating func welcome(peerAt entry: Int, isNewProcess: Bool, _ turn: inout Turn<Crypto>) {
        guard isRunning else { return tellFinal(toPeerAt: entry, &turn) }
        if isNewProcess { return greet(entry, &turn) }
        // It gets what it did not get before, and is asked for the first time.
        showEvidence(toPeerAt: entry, &turn)
        giveOwn(toPeerAt: entry, &turn)
        if peers[at: entry].bindings.count == 1 { turn.connectedPeers.append(peers.entries[entry].peer) }
        turn.asksAll = true
    }

    /// A JOIN that is in its slot already. From the peer that it names it counts as shown.
    private mutating func meetKnownJoin(
        _ message: SignedMessage, _ index: Int, from peer: PeerID, _ turn: inout Turn<Crypto>
    ) {
        guard index != me else { return showJoinAgain(to: peer, &turn) }
        guard let entry = peers.index(of: peer) else { return }
        if let position = peers[at: entry].binding(of: index) {
            if !peers[at: entry].bindings[position].isPresented {
                guard joins[index]?.message == message || isSigned(message) else {
                    return penalise(peer, .badSignature, &turn)
                }
                peers[at: entry].bindings[position].isPresented = true
                meet(peerAt: entry, &turn)
            } else if !peers[at: entry].isConnected {
                meet(peerAt: entry, &turn)
            } else if outcome != nil {
                // It asks in the only way in which one may ask that has heard of no signer.
                _ = beginStep(index, peerAt: entry, &turn)
            } else if !peers[at: entry].bindings[position].hasSynced {
                // It shows its JOIN until it has heard something: what it was sent was lost.
                hurrySync(&turn)
            }
        }
        if outcome != nil, peers[at: entry].isBound { answerAfterEnd(peerAt: entry, &turn) }
    }

    /// Shows a signer the JOIN of it that is here: an older run hears of the newer one, and a newer one that its own JOIN was
    /// lost. Once a step.
    internal mutating func returnJoin(_ held: SignedMessage, to peer: PeerID, _ turn: inout Turn<Crypto>) {
        guard consent == .approved else { return }
        if let entry = peers.index(of: peer) {
            let now = turn.now.monotonic
            if let last = peers[at: entry].correctedAt, now - last < configuration.syncInterval / 2 { return }
            peers[at: entry].correctedAt = now
        }
        turn.send(.signed(held), to: peer)
    }
}
