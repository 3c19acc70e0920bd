internal import Secp256k1
internal import WireCodec

/// Messages of this signer: they are asked to be signed and recorded, and enter a slot and leave only after that.
extension SessionMachine {
    /// Asks for a message to be issued, unless one of its kind is on its way.
    internal mutating func issue(
        _ payload: Payload, attempt number: UInt32, record: LedgerRow, _ turn: inout Turn<Crypto>
    ) {
        let isPending = issuing.contains { $0.message.body.type == payload.type && $0.message.body.attempt == number }
        guard !isPending, awaitedRun == nil || payload.type == .abort else { return }
        let body = MessageBody(
            sessionID: constants.idBytes,
            attempt: number,
            index: UInt32(clamping: me),
            run: run,
            payload: payload
        )
        let message = UnsignedMessage(body)
        issuing.append(PendingIssue(message: message, record: record))
        ownMessages.insert(crypto.hash(.message, message.bytes), attempt: number)
        turn.effects.append(.issue(message, record: record))
    }

    /// Whether a body may still leave: nothing but ABORT does after an abort, and nothing but DECLINE of a session that was declined.
    private func mayLeave(_ body: MessageBody) -> Bool {
        if case .aborted? = outcome { return body.type == .abort }
        if case .declined? = outcome { return body.type == .decline }
        guard isRunning, body.run == run, awaitedRun == nil else { return false }
        return !body.type.belongsToAttempt || body.attempt == attempt.number
    }

    internal mutating func issued(_ message: SignedMessage, _ turn: inout Turn<Crypto>) {
        guard let position = issuing.firstIndex(where: { $0.message.bytes == message.bodyBytes }) else {
            // The attempt was left while the store was at work. It does not leave, but a later run finds the row.
            if message.body.type == .partialSigShare, Int(message.body.index) == me { note(message, record: .partials) }
            return
        }
        let pending = issuing.remove(at: position)
        note(message, record: pending.record)
        if mayLeave(message.body) { enterOwn(message, &turn) }
    }

    /// Remembers what is durable now, whether it leaves or not.
    private mutating func note(_ message: SignedMessage, record: LedgerRow) {
        let key = OwnLedger.Key(attempt: message.body.attempt, run: message.body.run)
        switch record {
        case .none, .join, .end: break
        case .nonces: ledger.nonces.insert(key)
        case .partials:
            ledger.partials.insert(key)
            ledger.mayHaveSigned = true
        }
    }

    /// Puts a message of this signer into its slot, and sends it to whoever gets it.
    private mutating func enterOwn(_ message: SignedMessage, _ turn: inout Turn<Crypto>) {
        guard let payload = try? Payload(decoding: message.body.payload, type: message.body.type) else { return }
        switch payload {
        case .join(let join):
            let isFirst = joinedAt == nil
            joins[me] = JoinSlot(message: message, peer: constants.local.peer, addresses: join.addresses)
            joinedAt = joinedAt ?? turn.now.monotonic
            if isFirst {
                turn.tell(.joined)
                connectAll(&turn)
                for entry in peers.entries.indices { greet(entry, &turn) }
            } else {
                publish(Slot(.joins, me), replaces: true, &turn)
            }
        case .nonceCommit(let commit):
            guard let leaf = Hash32(commit.leaf) else { return }
            attempt.commitments[me] = HashSlot(message: message, hash: leaf)
            tellProgress(.commitments, me, &turn)
            publish(Slot(.commitments, me), replaces: true, &turn)
        case .nonceCommitsComplete(let complete):
            guard let transcript = Hash32(complete.transcript) else { return }
            attempt.commitmentsComplete[me] = HashSlot(message: message, hash: transcript)
            publish(Slot(.commitmentsComplete, me), replaces: true, &turn)
        case .nonceShare(let share):
            guard let nonces = crypto.nonces(share.nonces) else { return }
            let leaf = leaf(of: share, message.body)
            attempt.nonces[me] = NonceSlot(message: message, leaf: leaf, nonces: nonces)
            tellProgress(.nonces, me, &turn)
            publish(Slot(.nonces, me), replaces: true, &turn)
        case .noncesComplete(let complete):
            guard let context = attempt.agreement?.context else { return }
            attempt.noncesComplete = AggregateSlot(
                message: message,
                leaves: complete.leaves.compactMap { Hash32($0) },
                aggregateNonces: complete.aggregateNonces,
                context: context
            )
            publish(Slot(.noncesComplete, me), &turn)
        case .partialSigShare(let share):
            guard let context = Hash32(share.context) else { return }
            attempt.partials[me] = PartialSlot(message: message, context: context, partials: share.partials)
            tellProgress(.partials, me, &turn)
            publish(Slot(.partials, me), &turn)
        case .restart:
            attempt.origin = message
            broadcast(message, &turn)
        case .abort:
            if case .aborted(let report, _)? = outcome { outcome = .aborted(report, message: message) }
            broadcast(message, &turn)
            // The peers that were shown a DECLINE which is none any more.
            for entry in peers.entries where !entry.state.isNamed && entry.state.answered.contains(.abort) {
                turn.send(.signed(message), to: entry.peer)
            }
        case .decline:
            entered(decline: message, &turn)
        case .evidence:
            keepEvidence(message, from: nil, &turn)
        case .broadcastDone:
            broadcast(message, &turn)
        }
    }

    internal mutating func issueFailed(
        _ message: UnsignedMessage, _ failure: IssueFailure, _ turn: inout Turn<Crypto>
    ) {
        guard let position = issuing.firstIndex(where: { $0.message == message }) else { return }
        switch failure {
        case .storeFailed:
            guard mayLeave(message.body) else {
                issuing.remove(at: position)
                return
            }
            turn.tell(.storeFailed)
            issuing[position].retryAt = turn.now.monotonic + configuration.storeRetry
        case .rowExists(let existing):
            // The same body is there: an earlier try was durable though it was said to have failed.
            if existing.bodyBytes == message.bytes { return issued(existing, &turn) }
            let pending = issuing.remove(at: position)
            rowExists(existing, instead: pending, &turn)
        case .rowUnreadable:
            // Asking again would find the same. It may have left, so that this attempt has nothing of this signer any more.
            issuing.remove(at: position)
            noteHistoryLost(&turn)
            if isRunning, message.body.attempt == attempt.number { restart(.ownHistoryLost, &turn) }
        }
    }

    /// Another process with this signer's key was here before. What it recorded stands; what this one made is not sent.
    private mutating func rowExists(
        _ existing: SignedMessage, instead pending: PendingIssue, _ turn: inout Turn<Crypto>
    ) {
        switch pending.record {
        case .none, .join, .end:
            break
        case .nonces:
            // The row's key has the run in it: another process is in this very run.
            if isRunning, pending.message.body.run == run { supersede(&turn) }
        case .partials:
            note(existing, record: .partials)
            guard isRunning, pending.message.body.attempt == attempt.number else { return }
            restart(.ownHistoryLost, &turn)
        }
    }

    /// Asks again for what the store refused.
    internal mutating func retryIssues(_ turn: inout Turn<Crypto>) {
        issuing = issuing.filter { mayLeave($0.message.body) }
        for position in issuing.indices {
            guard let retry = issuing[position].retryAt, retry <= turn.now.monotonic else { continue }
            issuing[position].retryAt = nil
            turn.effects.append(.issue(issuing[position].message, record: issuing[position].record))
        }
    }

    /// Tells that a column has one more.
    internal func tellProgress(_ column: Column, _ index: Int, _ turn: inout Turn<Crypto>) {
        let number = attempt.number
        switch column {
        case .commitments:
            let received = attempt.commitments.filled
            turn.tell(.commitmentReceived(attempt: number, index: index, received: received))
        case .nonces:
            let received = attempt.nonces.filled
            turn.tell(.nonceReceived(attempt: number, index: index, received: received))
        case .partials:
            let received = attempt.partials.filled
            turn.tell(.partialReceived(attempt: number, index: index, received: received))
        case .joins, .commitmentsComplete, .noncesComplete, .signature:
            break
        }
    }
}
