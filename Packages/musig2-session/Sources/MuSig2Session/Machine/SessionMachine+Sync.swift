internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// SYNC: acknowledgement, retransmission, late join and recovery in one.
extension SessionMachine {
    /// Slots that are needed and empty, in order of the columns.
    internal func missingSlots() -> [Slot] {
        var missing: [Slot] = []
        for column in neededColumns {
            switch column {
            case .signature: break
            case .noncesComplete:
                if attempt.noncesComplete == nil, let coordinator { missing.append(Slot(.noncesComplete, coordinator)) }
            default:
                for index in 0..<signerCount where index != me {
                    let slot = Slot(column, index)
                    if !isFilled(slot) { missing.append(slot) }
                }
            }
        }
        return missing
    }

    /// The peers that are asked for a slot: its owner, and from the third step on one other signer in turn. While the
    /// owner is not connected, another one in its place: the coordinator of a star, the creator, or whoever introduced
    /// the session. Those are where everybody comes by, and wait themselves.
    private func asked(for slot: Slot, among candidates: [Int], upTo column: Column, repeats: Bool) -> [Int] {
        guard !candidates.isEmpty else { return [] }
        let inTurn = candidates[(syncTurn + slot.index) % candidates.count]
        if let join = joins[slot.index], let owner = peers.index(of: join.peer), peers[at: owner].isConnected {
            return syncStep >= 2 && inTurn != owner ? [owner, inTurn] : [owner]
        }
        if syncStep >= 2 { return [inTurn] }
        // An owner that is known is being dialled, and one that is not may be known when its later messages are due.
        guard repeats || joins[slot.index] == nil && slot.column <= column else { return [] }
        for signer in isStar ? [coordinator, descriptor.creator] : [descriptor.creator] {
            if signer == me { return [] }
            if let entry = candidates.first(where: { entry in
                signer.map { peers[at: entry].isNamed(by: $0) } ?? false
            }) {
                return [entry]
            }
        }
        return [candidates.first { peers[at: $0].introducedAt != nil } ?? candidates[0]]
    }

    /// Whether something of others is missing.
    internal var isWanting: Bool {
        neededColumns.contains { column in
            switch column {
            case .signature: true
            case .noncesComplete: attempt.noncesComplete == nil
            default: (0..<signerCount).contains { $0 != me && !isFilled(Slot(column, $0)) }
            }
        }
    }

    /// Sends the SYNCs that this turn has made due, and sets the timer.
    internal mutating func flushSyncs(_ turn: inout Turn<Crypto>) {
        guard outcome == nil, joins[me] != nil else { return }
        if nextSync == nil, isWanting { nextSync = turn.now.monotonic + syncDelay() }
        guard !turn.connectedPeers.isEmpty || turn.asksAll else { return }
        sendSyncs(to: turn.connectedPeers, all: turn.asksAll, &turn)
        turn.connectedPeers = []
        turn.asksAll = false
    }

    /// Asks peers for what is missing: the connected ones in any case, all others if what is wanted from them has
    /// grown, or if it is asked for again.
    private mutating func sendSyncs(
        to connected: [PeerID] = [], all: Bool, repeats: Bool = false, _ turn: inout Turn<Crypto>
    ) {
        let candidates = peers.entries.indices.filter { peers[at: $0].isReachable }
        var lists: [Int: [Slot]] = [:]
        let columns = neededColumns
        let current = columns.firstIndex(of: phase ?? .joins) ?? 0
        let next = columns[min(current + 1, columns.count - 1)]
        for slot in missingSlots() {
            for entry in asked(for: slot, among: candidates, upTo: next, repeats: repeats) {
                lists[entry, default: []].append(slot)
            }
        }
        if repeats { askForJoinsToBeShown(candidates, &lists) }
        let awaitsSignature = neededColumns.last == .signature && attempt.partials[me] != nil
        for entry in candidates {
            let isNew = connected.contains(peers.entries[entry].peer)
            guard isNew || all else { continue }
            let wanted = lists[entry] ?? []
            if !isNew, !turn.disputes {
                let asksForSignature = repeats && awaitsSignature && asksForSignature(peers[at: entry])
                if wanted.isEmpty, !asksForSignature { continue }
                let state = peers[at: entry]
                let asksOwners = turn.asksOwners
                let isAskedAlready = wanted.allSatisfy { slot in
                    state.asked.contains(slot) || !asksOwners && state.isNamed(by: slot.index)
                }
                if !repeats, isAskedAlready { continue }
            }
            peers[at: entry].asked.removeAll()
            for slot in wanted { peers[at: entry].asked.insert(slot) }
            turn.send(
                .sync(makeSync(wanted, awaitsSignature: awaitsSignature, disputes: turn.disputes)),
                to: peers.entries[entry].peer)
        }
    }

    /// A connected peer whose JOIN came by another way has not been heard with it yet: its own was lost, and nothing that
    /// it says counts before.
    private func askForJoinsToBeShown(_ candidates: [Int], _ lists: inout [Int: [Slot]]) {
        for entry in candidates {
            let unseen = peers[at: entry].bindings.filter { !$0.isPresented }.map(\.signer)
            guard !unseen.isEmpty else { continue }
            let wanted = lists[entry] ?? []
            let joins = Set(unseen + wanted.filter { $0.column == .joins }.map(\.index)).sorted()
            lists[entry] = joins.map { Slot(.joins, $0) } + wanted.filter { $0.column != .joins }
        }
    }

    /// Whether a peer may have the final signatures: the coordinator, and from the third step on everyone.
    private func asksForSignature(_ state: PeerState) -> Bool {
        syncStep >= 2 || coordinator.map { state.isNamed(by: $0) } ?? true
    }

    private func makeSync(_ wanted: [Slot], awaitsSignature: Bool, disputes: Bool) -> Sync {
        var columns: [Sync.Wanted] = []
        for slot in wanted {
            // Slots come in the order of the columns, which is that of the types.
            if let last = columns.last, last.type == slot.column.messageType {
                columns[columns.count - 1].indices.append(UInt32(slot.index))
            } else {
                columns.append(Sync.Wanted(slot.column.messageType, indices: [UInt32(slot.index)]))
            }
        }
        if awaitsSignature { columns.append(Sync.Wanted(.signatureFinalized)) }
        // A signer of a star that waits long compares what the coordinator told it with what others were told.
        let compares = disputes || (awaitsSignature && syncStep >= 2)
        let leaves = compares ? knownLeaves.map { $0.map(\.bytes) } ?? [] : []
        return Sync(
            sessionID: constants.idBytes,
            attempt: attempt.number,
            index: UInt32(clamping: me),
            run: run,
            isFinal: false,
            wanted: columns,
            leaves: leaves
        )
    }

    /// The SYNC of a signer that has the signatures.
    internal func finalSync() -> Sync {
        Sync(
            sessionID: constants.idBytes, attempt: attempt.number, index: UInt32(clamping: me), run: run, isFinal: true)
    }

    /// The time until the next SYNC: doubling, with a jitter of an eighth either way that depends on the signer and the
    /// step.
    private func syncDelay() -> Duration { syncDelay(ofStep: syncStep) }

    private func syncDelay(ofStep step: Int) -> Duration {
        let ceiling = phase == .joins ? configuration.joinSyncCeiling : configuration.syncCeiling
        var delay = configuration.syncInterval
        for _ in 0..<min(step, 32) where delay < ceiling { delay += delay }
        delay = min(delay, ceiling)
        var hash = descriptor.id.bytes.prefix(8).reduce(UInt64(me) &+ 1) { ($0 << 8 | $0 >> 56) ^ UInt64($1) }
        hash = (hash &+ UInt64(step)) &* 0x9E37_79B9_7F4A_7C15
        let eighths = Double(hash >> 40) / Double(1 << 24) - 0.5
        return delay + delay * (eighths / 4)
    }

    /// Starts the back-off again: something new is wanted.
    internal mutating func restartSync(_ turn: inout Turn<Crypto>) {
        syncStep = 0
        nextSync = isWanting ? turn.now.monotonic + syncDelay() : nil
        turn.asksAll = true
    }

    /// Brings the next SYNC near, if it is far.
    internal mutating func hurrySync(_ turn: inout Turn<Crypto>) {
        let soon = turn.now.monotonic + configuration.syncInterval
        guard isWanting, nextSync.map({ $0 > soon }) ?? true else { return }
        syncStep = min(syncStep, 1)
        nextSync = soon
    }

    /// One step of the back-off: everything missing is asked for again, and whoever is away is dialled again.
    internal mutating func syncTimerFired(_ turn: inout Turn<Crypto>) {
        guard joins[me] != nil, isWanting else {
            nextSync = nil
            return
        }
        syncStep = min(syncStep + 1, 1 << 20)
        syncTurn = (syncTurn + 1) % (1 << 20)
        nextSync = turn.now.monotonic + syncDelay()
        connectAll(&turn)
        // A peer that says nothing may not know that this signer is there, or not any more, and answers only signers.
        let silence = syncDelay(ofStep: max(1, syncStep - 2)) * 3
        for entry in peers.entries.indices where peers[at: entry].isConnected {
            guard peers[at: entry].needsJoin(after: silence, configuration.syncCeiling, at: turn.now.monotonic) else {
                continue
            }
            peers[at: entry].sent.remove(Slot(.joins, me))
            give(Slot(.joins, me), toPeerAt: entry, &turn)
        }
        sendSyncs(all: true, repeats: true, &turn)
    }
}

/// Answering the SYNC of others.
extension SessionMachine {
    internal mutating func receiveSync(_ sync: Sync, from peer: PeerID, _ turn: inout Turn<Crypto>) {
        let signer = Int(sync.index)
        // It speaks for one signer, whose JOIN the peer has shown, in the run of that JOIN: nobody else's run counts, and an
        // older process of the signer says nothing of the one that is there now.
        guard let entry = peers.index(of: peer), peers[at: entry].presents(signer), let join = joins[signer] else {
            return
        }
        // What the signer has shown since is not here: it is told what is.
        guard join.run == sync.run else {
            if outcome != nil { return answerAfterEnd(peerAt: entry, &turn) }
            return returnJoin(join.message, to: peer, &turn)
        }
        for column in sync.wanted {
            guard column.indices.allSatisfy({ $0 < UInt32(signerCount) }) else {
                return penalise(peer, .outOfPlace, &turn)
            }
        }
        guard sync.leaves.isEmpty || sync.leaves.count == signerCount else { return penalise(peer, .outOfPlace, &turn) }
        guard let position = peers[at: entry].binding(of: signer) else { return }
        let isNewStep = beginStep(signer, peerAt: entry, &turn)
        peers[at: entry].bindings[position].isFinal = sync.isFinal
        peers[at: entry].bindings[position].wants.removeAll()
        if outcome != nil {
            if !sync.isFinal { answerAfterEnd(peerAt: entry, &turn) }
            return
        }
        guard consent != .none else { return }
        if sync.isFinal || consent == .withdrawn { return }
        answer(sync, at: position, peerAt: entry, isNewStep: isNewStep, &turn)
    }

    /// Honest steps are never closer than seven eighths of the first wait. Whoever asks more often gets nothing again.
    internal mutating func beginStep(_ signer: Int, peerAt entry: Int, _ turn: inout Turn<Crypto>) -> Bool {
        guard let position = peers[at: entry].binding(of: signer) else { return false }
        let now = turn.now.monotonic
        if let began = peers[at: entry].bindings[position].stepBegan, now - began < configuration.syncInterval / 2 {
            return false
        }
        peers[at: entry].bindings[position].stepBegan = now
        peers[at: entry].answered = []
        return true
    }

    private mutating func answer(
        _ sync: Sync, at position: Int, peerAt entry: Int, isNewStep: Bool, _ turn: inout Turn<Crypto>
    ) {
        if sync.attempt < attempt.number { answerOldAttempt(peerAt: entry, &turn) }
        if sync.attempt > attempt.number { hurrySync(&turn) }
        // What crossed the first SYNC of a connection is answered by it; a later one means that something was lost.
        if peers[at: entry].bindings[position].hasSynced, isNewStep { peers[at: entry].sent.removeAll() }
        peers[at: entry].bindings[position].quietSince = turn.now.monotonic
        if sync.attempt == attempt.number { peers[at: entry].knowsAttempt = true }
        for wanted in sync.wanted {
            guard let column = Column(wanted.type), column != .signature else { continue }
            guard column == .joins || sync.attempt == attempt.number else { continue }
            for index in wanted.indices {
                let slot = Slot(column, Int(index))
                if !isFilled(slot) {
                    peers[at: entry].bindings[position].wants.insert(slot)
                    if column == .joins { showDecline(of: slot.index, toPeerAt: entry, &turn) }
                } else {
                    give(slot, toPeerAt: entry, &turn)
                }
            }
        }
        if sync.attempt == attempt.number, !sync.leaves.isEmpty { compare(sync.leaves, peerAt: entry, &turn) }
    }

    /// The leaves as this signer knows them, if it knows all.
    internal var knownLeaves: [Hash32]? {
        if let agreement = attempt.agreement { return agreement.leaves }
        if attempt.committedTranscript != nil { return attempt.commitments.compactMap { $0?.hash } }
        return nil
    }

    /// Returns whatever differs from the leaves that a peer has: two signed messages of one slot convict.
    private mutating func compare(_ leaves: [[UInt8]], peerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard !peers[at: entry].answered.contains(.leaves) else { return }
        peers[at: entry].answered.insert(.leaves)
        let peer = peers.entries[entry].peer
        if let told = attempt.noncesComplete, !isCoordinator {
            // What the coordinator told this signer, whole: it may have told others another sum of the same leaves.
            let isAuthor = peers[at: entry].presents(Int(told.message.body.index))
            if !isAuthor { turn.send(.signed(told.message), to: peer) }
            return
        }
        for index in 0..<signerCount {
            let slot =
                attempt.nonces[index].map { ($0.leaf, $0.message) }
                ?? (hasCommitmentRound ? attempt.commitments[index].map { ($0.hash, $0.message) } : nil)
            if let (leaf, message) = slot, leaf.bytes != leaves[index] { turn.send(.signed(message), to: peer) }
        }
    }

    /// Returns the signed message that brought this signer into its attempt, once per step.
    internal mutating func answerOldAttempt(peerAt entry: Int, _ turn: inout Turn<Crypto>) {
        guard let origin = attempt.origin, peers[at: entry].isBound, !peers[at: entry].answered.contains(.attempt)
        else {
            return
        }
        peers[at: entry].answered.insert(.attempt)
        turn.send(.signed(origin), to: peers.entries[entry].peer)
    }
}
