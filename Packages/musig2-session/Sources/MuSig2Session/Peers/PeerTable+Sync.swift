import Multiformats
import Secp256k1
import WireCodec

/// What this signer asks for, beyond what its slots say.
struct SyncQuestion {
    let run: UInt64
    /// The column that is waited for.
    let phase: Column?
    let schedule: SyncSchedule
    /// Whether it is asked again: a step of the back-off.
    var repeats = false
}

/// SYNC: acknowledgement, retransmission, late join and recovery in one. This signer's questions.
extension PeerTable {
    /// The peers that are asked for a slot: its owner, and from the third step on one other signer in turn. While the
    /// owner is not connected, another one in its place: the coordinator of a star, the creator, or a peer that was
    /// introduced. Those are where everybody comes by, and wait themselves.
    private func asked<Crypto>(
        for slot: Slot, among candidates: [Int], upTo column: Column, _ question: SyncQuestion,
        _ slots: SlotTable<Crypto>
    ) -> [Int] {
        guard !candidates.isEmpty else { return [] }
        let isLate = question.schedule.isLate
        let inTurn = candidates[(question.schedule.rotation + slot.index) % candidates.count]
        let join = slots.joins[slot.index]
        if let join, let owner = index(of: join.peer), self[at: owner].isConnected {
            return isLate && inTurn != owner ? [owner, inTurn] : [owner]
        }
        if isLate { return [inTurn] }
        // An owner that is known is being dialed, and one that is not may be known when its later messages are due.
        guard question.repeats || join == nil && slot.column <= column else { return [] }
        let creator = slots.constants.descriptor.creator
        for signer in slots.isStar ? [slots.coordinator, creator] : [creator] {
            guard let signer else { continue }
            if signer == slots.me { return [] }
            if let entry = candidates.first(where: { self[at: $0].isNamed(by: signer) }) { return [entry] }
        }
        return [candidates.first { self[at: $0].introduction != nil } ?? candidates[0]]
    }

    /// Asks peers for what is missing: the connected ones in any case, all others if what is wanted from them has
    /// grown, or if it is asked for again.
    mutating func ask<Crypto>(
        _ connected: [PeerID], all: Bool, _ question: SyncQuestion, _ slots: SlotTable<Crypto>,
        _ context: inout HandlerContext<Crypto>
    ) {
        let candidates = entries.indices.filter { self[at: $0].isReachable }
        let lists = wanted(of: candidates, question, slots)
        let awaitsSignature = slots.awaitsSignature
        for entry in candidates {
            let isNew = connected.contains(entries[entry].peer)
            guard isNew || all else { continue }
            let wanted = lists[entry] ?? []
            if !isNew, !context.disputes {
                let asksForSignature =
                    question.repeats && awaitsSignature && mayHaveSignature(entry, question, slots)
                if wanted.isEmpty, !asksForSignature { continue }
                let state = self[at: entry]
                let asksOwners = context.asksOwners
                let isAskedAlready = wanted.allSatisfy { slot in
                    state.exchange.asked.contains(slot) || !asksOwners && state.isNamed(by: slot.index)
                }
                if !question.repeats, isAskedAlready { continue }
            }
            self[at: entry].exchange.asked.removeAll()
            for slot in wanted { self[at: entry].exchange.asked.insert(slot) }
            let sync = Sync(wanted, question, disputes: context.disputes, slots)
            context.send(.sync(sync), to: entries[entry].peer)
        }
    }

    /// The slots that each peer is asked for.
    private func wanted<Crypto>(
        of candidates: [Int], _ question: SyncQuestion, _ slots: SlotTable<Crypto>
    ) -> [Int: [Slot]] {
        var lists: [Int: [Slot]] = [:]
        let columns = slots.neededColumns
        let current = columns.firstIndex(of: question.phase ?? .joins) ?? 0
        let next = columns[min(current + 1, columns.count - 1)]
        for slot in slots.missing {
            for entry in asked(for: slot, among: candidates, upTo: next, question, slots) {
                lists[entry, default: []].append(slot)
            }
        }
        guard question.repeats else { return lists }
        // A connected peer with a JOIN that came by another way has not been heard with it yet: its own was lost, and nothing
        // that it says counts before.
        for entry in candidates {
            let unseen = self[at: entry].bindings.filter { !$0.isPresented }.map(\.signer)
            guard !unseen.isEmpty else { continue }
            let wanted = lists[entry] ?? []
            let joins = Set(unseen + wanted.filter { $0.column == .joins }.map(\.index)).sorted()
            lists[entry] = joins.map { Slot(.joins, $0) } + wanted.filter { $0.column != .joins }
        }
        return lists
    }

    /// Whether a peer may have the final signatures: the coordinator, and from the third step on everyone.
    private func mayHaveSignature<Crypto>(
        _ entry: Int, _ question: SyncQuestion, _ slots: SlotTable<Crypto>
    ) -> Bool {
        question.schedule.isLate || slots.coordinator.map { self[at: entry].isNamed(by: $0) } ?? true
    }

    /// Shows this signer's JOIN again to those that have said nothing for long: a peer may not know that this signer is there, or
    /// not any more, and answers only signers.
    mutating func remindSilent<Crypto>(
        after silence: Duration, pause: Duration, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        let own = Slot(.joins, slots.me)
        for entry in entries.indices where self[at: entry].isConnected {
            guard self[at: entry].needsJoin(after: silence, pause, at: context.now.monotonic) else { continue }
            self[at: entry].exchange.sent.remove(own)
            give(own, to: entry, slots, &context)
        }
    }
}

/// The questions of others.
extension PeerTable {
    /// Answers a SYNC that is checked, of a signer that its peer has shown the JOIN of.
    mutating func answer<Crypto>(
        _ sync: Sync, _ entry: Int, isNewStep: Bool, _ slots: SlotTable<Crypto>,
        _ context: inout HandlerContext<Crypto>
    ) {
        let signer = Int(sync.index)
        let isOfAttempt = sync.attempt == slots.attempt.number
        // What crossed the first SYNC of a connection is answered by it; a later one means that something was lost.
        if isNewStep, self[at: entry].binding(of: signer)?.hasSynced == true {
            self[at: entry].exchange.sent.removeAll()
        }
        self[at: entry].change(signer) { $0.quietSince = context.now.monotonic }
        if isOfAttempt { self[at: entry].exchange.knowsAttempt = true }
        for wanted in sync.wanted {
            guard let column = Column(wanted.type), column != .signature, column == .joins || isOfAttempt else {
                continue
            }
            for index in wanted.indices {
                let slot = Slot(column, Int(index))
                if slots.isFilled(slot) {
                    give(slot, to: entry, slots, &context)
                } else {
                    self[at: entry].change(signer) { $0.wants.insert(slot) }
                    if column == .joins { showDecline(of: slot.index, to: entry, slots, &context) }
                }
            }
        }
        if isOfAttempt, !sync.leaves.isEmpty { compare(sync.leaves, entry, slots, &context) }
    }

    /// Returns whatever differs from the leaves that a peer has: two signed messages of one slot convict.
    private mutating func compare<Crypto>(
        _ leaves: [[UInt8]], _ entry: Int, _ slots: SlotTable<Crypto>, _ context: inout HandlerContext<Crypto>
    ) {
        guard self[at: entry].exchange.answer(.leaves) else { return }
        let peer = entries[entry].peer
        let columns = slots.attempt.columns
        if let told = columns.noncesComplete, !slots.isCoordinator {
            // What the coordinator told this signer, whole: it may have told others another sum of the same leaves.
            let isAuthor = self[at: entry].presents(Int(told.message.body.index))
            if !isAuthor { context.send(.signed(told.message), to: peer) }
            return
        }
        for index in columns.nonces.indices {
            let slot =
                columns.nonces[index].map { ($0.leaf, $0.message) }
                ?? (index < columns.commitments.count
                    ? columns.commitments[index].map { ($0.hash, $0.message) } : nil)
            if let (leaf, message) = slot, leaf.bytes != leaves[index] { context.send(.signed(message), to: peer) }
        }
    }
}

extension Sync {
    /// A question for slots in the order of the columns. With `disputes` it carries the leaves.
    fileprivate init<Crypto>(_ wanted: [Slot], _ question: SyncQuestion, disputes: Bool, _ slots: SlotTable<Crypto>) {
        var columns: [Wanted] = []
        for slot in wanted {
            // Slots come in the order of the columns, which is that of the types.
            if let last = columns.last, last.type == slot.column.messageType {
                columns[columns.count - 1].indices.append(UInt32(slot.index))
            } else {
                columns.append(Wanted(slot.column.messageType, indices: [UInt32(slot.index)]))
            }
        }
        if slots.awaitsSignature { columns.append(Wanted(.signatureFinalized)) }
        // A signer of a star that waits long compares what the coordinator told it with what others were told.
        let compares = disputes || slots.awaitsSignature && question.schedule.isLate
        self.init(
            sessionID: slots.constants.idBytes,
            attempt: slots.attempt.number,
            index: UInt32(clamping: slots.me),
            run: question.run,
            isFinal: false,
            wanted: columns,
            leaves: compares ? slots.knownLeaves.map { $0.map(\.bytes) } ?? [] : []
        )
    }

    /// The SYNC of a signer that has the signatures.
    init<Crypto>(finalOf slots: SlotTable<Crypto>, run: UInt64) {
        self.init(
            sessionID: slots.constants.idBytes, attempt: slots.attempt.number, index: UInt32(clamping: slots.me),
            run: run, isFinal: true)
    }
}
