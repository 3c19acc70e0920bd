internal import Multiformats
internal import Secp256k1
internal import WireCodec

/// Messages of this signer that come back from others: echoes, its own past, or another process with its key.
extension SessionMachine {
    internal mutating func receiveOwn(_ message: SignedMessage, from peer: PeerID, _ turn: inout Turn<Crypto>) {
        let body = message.body
        if body.type == .join, body.run < run { showJoinAgain(to: peer, &turn) }
        guard !isOwnEcho(body, message) else { return }
        // A JOIN's signature is checked already.
        guard body.type == .join || isSigned(message) else { return penalise(peer, .badSignature, &turn) }
        let isOfOther = body.run > run || body.run == run
        guard isOpen else {
            if isOfOther {
                meetOther(&turn)
            } else if body.type == .join {
                hearOwnJoinAfterDecline(&turn)
            } else {
                noteOwnPast(message, &turn)
            }
            return
        }
        if body.type == .abort { return hearOwnAbort(message, &turn) }
        if body.type == .decline { return hearOwnDecline(message, &turn) }
        if body.run > run {
            meetHigherRun(body.run, &turn)
        } else if body.run == run {
            supersede(&turn)
        } else if body.type.belongsToAttempt {
            meetOwnPast(message, &turn)
        }
    }

    /// A peer that returns this signer's JOIN did not get the newest one from here: what it is asked, it does not hear.
    internal mutating func showJoinAgain(to peer: PeerID, _ turn: inout Turn<Crypto>) {
        guard let entry = peers.index(of: peer), peers[at: entry].isConnected, isRunning else { return }
        // With the next step: what a peer returns makes nobody hurry.
        for position in peers[at: entry].bindings.indices { peers[at: entry].bindings[position].quietSince = nil }
    }

    /// Whether this run made it, or holds it as a record of an earlier one.
    private func isOwnEcho(_ body: MessageBody, _ message: SignedMessage) -> Bool {
        if let column = Column(body.type), self.message(in: Slot(column, me))?.bodyBytes == message.bodyBytes {
            return true
        }
        if attempt.origin?.bodyBytes == message.bodyBytes { return true }
        return body.run == run
            && !ownMessages.isForeign(crypto.hash(.message, message.bodyBytes), attempt: body.attempt)
    }

    /// Another process has this signer's key, and this one is over already: it is told, and nothing may be said about partial
    /// signatures any more.
    private mutating func meetOther(_ turn: inout Turn<Crypto>) {
        guard !hasMetOther else { return }
        hasMetOther = true
        noteMaySigned()
        turn.tell(.superseded)
    }

    /// A run that is new takes one above a higher one that others remember, once: its store is an older copy, or there is a second
    /// device. A run that others have used meets another process.
    private mutating func meetHigherRun(_ higher: UInt64, _ turn: inout Turn<Crypto>) {
        if let awaited = awaitedRun, higher <= awaited { return }
        let age = joinedAt.map { turn.now.monotonic - $0 } ?? .zero
        guard isRunning, !hasRaisedRun, !isSettled, age < configuration.runSettling,
            RunNumber.number(of: higher) < RunNumber.limit - 2 * RunNumber.blockSize
        else { return supersede(&turn) }
        hasRaisedRun = true
        awaitedRun = higher
        noteHistoryLost(&turn)
        issuing.removeAll()
        joins[me] = nil
        restartAttempt(&turn)
        turn.effects.append(.raiseRun(above: higher))
    }

    /// Drops from the attempt whatever rests on this signer's nonces, unless its partial is recorded: what others said of their own stays.
    private mutating func restartAttempt(_ turn: inout Turn<Crypto>) {
        guard attempt.partials[me] == nil else { return }
        let former = attempt
        wipeNonces(&turn)
        attempt = makeAttempt(former.number)
        attempt.origin = former.origin
        attempt.restartsHeard = former.restartsHeard
        attempt.nonces = former.nonces
        attempt.nonces[me] = nil
        attempt.partials = former.partials
        if hasCommitmentRound {
            attempt.commitments = former.commitments
            attempt.commitments[me] = nil
        }
        phase = nil
        deadline = nil
    }

    internal mutating func runRaised(_ higher: UInt64, _ turn: inout Turn<Crypto>) {
        guard isRunning, let awaited = awaitedRun, higher > awaited else { return }
        awaitedRun = nil
        run = higher
        ownMessages = OwnMessages()
    }

    /// Whether the ledger accounts for a message of an earlier run; otherwise that run may have signed.
    private mutating func noteOwnPast(_ message: SignedMessage, _ turn: inout Turn<Crypto>) {
        let body = message.body
        guard body.attempt >= ledger.remembersFrom else { return }
        let key = OwnLedger.Key(attempt: body.attempt, run: body.run)
        switch body.type {
        case .nonceShare where !ledger.nonces.contains(key),
            .partialSigShare where !ledger.partials.contains(key),
            .noncesComplete where !ledger.partials.contains(key):
            noteHistoryLost(&turn)
        default:
            break
        }
    }

    /// The others remember more of this signer than its store does.
    internal mutating func noteHistoryLost(_ turn: inout Turn<Crypto>) {
        noteMaySigned()
        guard !ledger.isIncomplete else { return }
        ledger.isIncomplete = true
        turn.tell(.ownHistoryLost)
    }

    /// A partial signature of this signer may exist, whatever its store says.
    private mutating func noteMaySigned() {
        ledger.mayHaveSigned = true
        if case .aborted(var report, let message)? = outcome {
            report.isAfterPartial = true
            outcome = .aborted(report, message: message)
        }
    }

    /// An earlier run of this signer. What is in the ledger is known; anything else was lost from it.
    private mutating func meetOwnPast(_ message: SignedMessage, _ turn: inout Turn<Crypto>) {
        let body = message.body
        let key = OwnLedger.Key(attempt: body.attempt, run: body.run)
        noteOwnPast(message, &turn)
        guard isRunning, body.attempt >= ledger.remembersFrom else { return }
        if body.type == .partialSigShare, !ledger.partials.contains(key) {
            ledger.partials.insert(key)
            turn.effects.append(.persist(.recoveredPartial(message)))
            guard body.attempt >= attempt.number else { return }
            // It stands. Its nonces are gone with their process, so that this signer asks for an attempt in which it
            // has none.
            if body.attempt > attempt.number {
                move(to: body.attempt, origin: message, reason: .followed, by: me, &turn)
            }
            return restart(.ownHistoryLost, &turn)
        }
        if body.attempt > attempt.number {
            move(to: body.attempt, origin: message, reason: .followed, by: me, &turn)
        }
    }
}

/// Going on after a restart of the process.
extension SessionMachine {
    /// Takes in what the store has. The newest attempt goes on: with the recorded partial, or else with fresh nonces.
    internal mutating func restore(_ saved: SessionLedger, at now: Now) {
        var turn = Turn<Crypto>(now: now)
        for (index, message) in saved.joins.sorted(by: { $0.key < $1.key }) where index < signerCount && index != me {
            guard let join = try? Join(decoding: message.body.payload), let peer = try? PeerID(bytes: join.peerID),
                !isOwnPeer(peer, claimedBy: index)
            else {
                continue
            }
            // Whoever was there may be gone: it shows its JOIN again.
            let slot = JoinSlot(message: message, peer: peer, addresses: join.addresses)
            bind(index, to: slot, isPresented: false, &turn)
        }
        for message in saved.nonces {
            ledger.nonces.insert(OwnLedger.Key(attempt: message.body.attempt, run: message.body.run))
        }
        for message in saved.partials {
            ledger.partials.insert(OwnLedger.Key(attempt: message.body.attempt, run: message.body.run))
            ledger.mayHaveSigned = true
        }
        ledger.hasJoined = saved.joins[me] != nil || !saved.nonces.isEmpty || !saved.partials.isEmpty
        let newest = (saved.nonces + saved.partials).map(\.body.attempt).max() ?? 1
        if newest > 1 { attempt = makeAttempt(newest) }
        ledger.reach(newest)
        restorePartial(saved)
        // Who follows a signer into an attempt is shown what brought that signer there.
        if attempt.number > 1 { attempt.origin = newestNonces(saved)?.message }
        switch saved.end?.kind {
        case .aborted?:
            outcome = saved.end.map { .aborted($0.report, message: $0.message) }
        case .declined?: outcome = saved.end.map { .declined(OwnDecline(reason: $0.text, message: $0.message)) }
        case .expired?: outcome = .expired
        case .left?: outcome = .left
        case nil: break
        }
        if saved.end?.isAfterPartial == true { ledger.mayHaveSigned = true }
        if let bytes = saved.signatures {
            let signatures = bytes.compactMap { try? SchnorrSignature(rawRepresentation: $0) }
            if crypto.isValid(signatures: signatures) { outcome = .completed(signatures) }
        }
    }

    private func newestNonces(_ saved: SessionLedger) -> (message: SignedMessage, share: NonceShare)? {
        let partial = saved.partials.first { $0.body.attempt == attempt.number }
        let rows = saved.nonces.filter { $0.body.attempt == attempt.number }
        let row = rows.first { $0.body.run == partial?.body.run } ?? rows.max { $0.body.run < $1.body.run }
        guard let row, let share = try? NonceShare(decoding: row.body.payload) else { return nil }
        return (row, share)
    }

    /// Puts the recorded partial of the attempt and its nonces back into their slots: the same bytes are sent again.
    private mutating func restorePartial(_ saved: SessionLedger) {
        guard let message = saved.partials.first(where: { $0.body.attempt == attempt.number }) else { return }
        attempt.ownNonces = .spent
        guard let share = try? PartialSigShare(decoding: message.body.payload), let context = Hash32(share.context),
            let (row, nonceShare) = newestNonces(saved), row.body.run == message.body.run,
            let nonces = crypto.nonces(nonceShare.nonces)
        else { return }
        attempt.partials[me] = PartialSlot(message: message, context: context, partials: share.partials)
        let leaf = leaf(of: nonceShare, row.body)
        attempt.nonces[me] = NonceSlot(message: row, leaf: leaf, nonces: nonces)
    }
}
