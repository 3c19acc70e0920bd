import Logging
import Metrics
import MuSig2
import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

extension MuSig2Coordinator {
    func now() -> Now {
        let reading = time.now()
        return Now(monotonic: reading.uptime, wallMilliseconds: reading.wallMilliseconds)
    }

    /// Gives the machine an input, and carries out all that follows. If a turn is under way, it takes the input along.
    func turn(_ input: CoordinatorInput) async {
        turns.append(input)
        await runTurns()
    }

    /// Takes all inputs there are. When a turn is under way, which happens while the store is busy, it takes them along, and this
    /// returns at its end: whoever brings inputs faster than the store writes waits.
    func runTurns() async {
        guard !turns.isRunning else {
            let gate = Gate()
            turns.gates.append(gate)
            await gate.wait()
            return
        }
        turns.isRunning = true
        let charged = machine.workCharged
        repeat {
            var moment = now()
            while let input = turns.next() {
                for effect in machine.handle(input, at: moment) { carryOut(effect, at: moment) }
                if !turns.hasInputs { await load() }
            }
            if turns.hasWrites, turns.retryAt.map({ $0 <= moment.monotonic }) ?? true || !turns.batch.issues.isEmpty {
                await commit()
                moment = now()
            }
            if !turns.hasInputs {
                for effect in machine.endTurn(at: moment) { carryOut(effect, at: moment) }
            }
        } while turns.hasInputs
        if machine.workCharged > charged { meters.work.increment(by: machine.workCharged - charged) }
        armTimer()
        if machine.isShuttingDown, machine.lingering == 0 { lingerReply?.set(()) }
        turns.isRunning = false
        let gates = turns.gates
        turns.gates = []
        for gate in gates { gate.set() }
    }

    // MARK: The store

    private func commit() async {
        let batch = turns.takeBatch()
        let started = time.now().uptime
        do {
            let outcomes = try await store.commit(batch.writes, signer: signerKey)
            guard outcomes.count == batch.writes.count else {
                throw CoordinatorError(
                    .storeFailed, "the store answered \(outcomes.count) of \(batch.writes.count) writes")
            }
            meters.commit.recordNanoseconds(Int64((time.now().uptime - started).inSeconds * 1e9))
            turns.retryAt = nil
            turns.isStoreFailing = false
            for claim in batch.claims { finish(claim, outcomes[claim.row]) }
            for issue in batch.issues { finish(issue, outcomes) }
        } catch {
            storeFailed(batch, error)
        }
    }

    /// Reads what the store has of sessions that are to be joined.
    private func load() async {
        for session in turns.takeLoads() {
            do {
                let stored = try await store.session(session, signer: signerKey)
                turns.append(.loaded(session, .success(stored)))
            } catch {
                turns.append(.loaded(session, .failure(.unreadable(session, "\(error)"))))
            }
        }
    }

    private func finish(_ claim: WriteBatch.Claim, _ outcome: StoreOutcome) {
        switch outcome {
        case .written: turns.append(.runsClaimed(claim.block))
        case .taken(let next): turns.append(.runsTaken(below: next))
        // No store of this protocol says so; the numbers are not used.
        case .exists: turns.append(.runsTaken(below: claim.block.upperBound))
        }
    }

    private func finish(_ issue: WriteBatch.Issue, _ outcomes: [StoreOutcome]) {
        guard case .exists(let bytes) = outcomes[issue.row] else {
            turns.append(.session(issue.session, .issued(issue.signed)))
            return
        }
        do {
            let there = try SignedMessage(decoding: bytes, limits: machine.wireLimits)
            turns.append(.session(issue.session, .issueFailed(issue.unsigned, .rowExists(there))))
        } catch {
            logger.error(
                "a row of the store cannot be read",
                metadata: ["session.id": "\(issue.session)", "error": "\(error)"])
            turns.append(.session(issue.session, .issueFailed(issue.unsigned, .rowUnreadable)))
        }
    }

    private func storeFailed(_ batch: WriteBatch, _ error: any Error) {
        meters.storeFailures.increment()
        logger.error("the store failed", metadata: ["error": "\(error)", "writes": "\(batch.writes.count)"])
        turns.putBack(batch)
        turns.retryAt = time.now().uptime + configuration.timeouts.storeRetry
        if !turns.isStoreFailing {
            turns.isStoreFailing = true
            if batch.issues.isEmpty {
                publish(
                    .error(
                        CoordinatorError(
                            .storeFailed, "the store refused a write; it is tried again", underlying: "\(error)")))
            }
        }
        for _ in batch.claims { turns.append(.runClaimFailed("\(error)")) }
        for issue in batch.issues {
            switch issue.unsigned.body.type {
            case .join:
                waiters.joined(
                    issue.session,
                    CoordinatorError(
                        .storeFailed,
                        "the store failed, so nothing was sent; the session is kept and goes on by itself once the store works",
                        session: issue.session, underlying: "\(error)"))
            case .decline:
                waiters.declined(
                    issue.session,
                    CoordinatorError(
                        .storeFailed,
                        "the store failed, so nobody was told; the others are told by itself once the store works",
                        session: issue.session, underlying: "\(error)"))
            default: break
            }
            turns.append(.session(issue.session, .issueFailed(issue.unsigned, .storeFailed)))
        }
    }

    // MARK: Effects

    private func carryOut(_ effect: CoordinatorEffect, at now: Now) {
        switch effect {
        case .issue(let session, let message, let record): issue(message, record, of: session)
        case .generateNonces(let handle): generateNonces(handle)
        case .signPartials(let handle, let context): sign(handle, context)
        case .wipe(let handle): vault.wipe(handle)
        case .write(let write): turns.add(write)
        case .claimRuns(let block): turns.add(claim: block)
        case .load(let session): turns.load(session)
        case .dropUnsent(let session): turns.dropUnsent(of: session)
        case .askConsent(let request, let attempt): ask(request, attempt: attempt)
        case .dropConsent(let session): tasks.cancel(session)
        case .signHello(let peer, let exchange, let transcript): signHello(peer, exchange, transcript)
        case .announceAgain(_, let announced, let sequence): announceAgain(announced, sequence)
        case .send(let frame, let peer):
            meters.framesSent.increment()
            meters.bytesSent.increment(by: Int64(frame.count))
            network.send(frame, to: peer)
        case .connect(let peer, let addresses): network.connect(to: peer, addresses: addresses)
        case .disconnect(let peer): network.disconnect(peer)
        case .find(let place, let limit): find(place, limit: limit)
        case .publish(let order): publish(order)
        case .withdraw(let place): withdraw(place)
        case .looked(let subject, let result):
            waiters.looked(subject, result)
            if subject == machine.ownInbox { endWatchWithoutReaders() }
        case .joined(let session, let error): waiters.joined(session, error)
        case .declined(let session, let error): waiters.declined(session, error)
        case .event(let event): publish(event)
        case .note(let text, let session, let peer): note(text, session, peer)
        }
    }

    private func issue(_ message: UnsignedMessage, _ record: LedgerRow, of session: SessionID) {
        let signed: SignedMessage
        do {
            let signature = try Tag.message.sign(message.bytes, with: messageSecret)
            signed = SignedMessage(message.body) { _ in signature.rawRepresentation }
        } catch {
            logger.critical("a message could not be signed", metadata: ["session.id": "\(session)"])
            turns.append(.session(session, .issueFailed(message, .storeFailed)))
            return
        }
        let issue = WriteBatch.Issue(session: session, unsigned: message, signed: signed)
        let body = message.body
        switch record {
        case .none:
            turns.append(.session(session, .issued(signed)))
        case .join:
            turns.add(
                issue, row: .join(session, signer: Int(body.index), run: body.run, message: signed.encoded()))
        case .nonces:
            turns.add(
                issue, row: .nonces(session, attempt: body.attempt, run: body.run, message: signed.encoded()))
        case .partials:
            turns.add(issue, row: .partials(session, attempt: body.attempt, message: signed.encoded()))
        case .end(var end):
            end.message = signed
            turns.add(issue, row: .ended(session, StoredEnd(end)))
        }
    }

    private func generateNonces(_ handle: NonceHandle) {
        guard let crypto = machine.sessions[handle.session]?.crypto else { return }
        do {
            let nonces = try vault.generate(handle, for: crypto, secretKey: signerSecret)
            turns.append(.session(handle.session, .noncesGenerated(handle, nonces)))
        } catch {
            logger.error(
                "nonces could not be made", metadata: ["session.id": "\(handle.session)", "error": "\(error)"])
            turns.append(.session(handle.session, .vaultFailed(handle)))
        }
    }

    private func sign(_ handle: NonceHandle, _ context: BIP327.Context) {
        do {
            let partials = try vault.sign(handle, in: context, secretKey: signerSecret)
            turns.append(.session(handle.session, .partialsSigned(handle, partials)))
        } catch {
            logger.error(
                "partial signatures could not be made",
                metadata: ["session.id": "\(handle.session)", "error": "\(error)"])
            turns.append(.session(handle.session, .vaultFailed(handle)))
        }
    }

    private func signHello(_ peer: PeerID, _ exchange: Hash32, _ transcript: [UInt8]) {
        guard let signature = try? Tag.helloJoiner.sign(transcript, with: messageSecret) else { return }
        turns.append(.helloSigned(peer, exchange: exchange, signature))
    }

    private func announceAgain(_ older: VerifiedAnnouncement, _ sequence: UInt64) {
        do throws(AnnouncementError) {
            let announced = try VerifiedAnnouncement(
                announcing: older.descriptor,
                at: localPeer(),
                sequence: sequence,
                ways: older.ways,
                with: messageSecret
            )
            turns.append(.announced(announced))
        } catch {
            logger.error(
                "a session could not be announced anew",
                metadata: ["session.id": "\(older.descriptor.id)", "error": "\(error)"])
        }
    }

    /// This node's peer and addresses, as an announcement may carry them.
    func localPeer() -> LocalPeer {
        let addresses = machine.wireLimits.told(network.addresses).map(\.bytes)
        return LocalPeer(peer: network.localPeer, addresses: addresses)
    }

    // MARK: Consent

    private func ask(_ request: ConsentRequest, attempt: UInt32) {
        if let decision = consent.standingRefusal(of: request) ?? consent.immediateDecision(on: request) {
            turns.append(.consent(request.session, request.stage, attempt: attempt, decision))
            return
        }
        startTask(for: request.session) { [consent] coordinator in
            let decision = await consent.decide(on: request)
            guard !Task.isCancelled else { return }
            await coordinator.turn(.consent(request.session, request.stage, attempt: attempt, decision))
        }
    }

    /// Starts a task that the coordinator waits for at its end; one more for the same session does not replace it. That of a session
    /// is cancelled when its question is of no use any more.
    func startTask(
        for session: SessionID?,
        _ work: @escaping @Sendable (isolated MuSig2Coordinator) async -> Void
    ) {
        let ticket = tasks.ticket()
        let task = Task {
            await work(self)
            self.tasks.remove(ticket)
        }
        tasks.add(task, ticket: ticket, session: session)
    }

    // MARK: Time

    func armTimer() {
        var next = machine.nextDeadline
        if turns.hasWrites, let retryAt = turns.retryAt { next = min(next ?? retryAt, retryAt) }
        guard let next, lifecycle == .running || lifecycle == .stopping else { return }
        if let armed = timer.armedFor, armed <= next { return }
        timer.task?.cancel()
        timer.generation &+= 1
        timer.armedFor = next
        let generation = timer.generation
        let wait = next - time.now().uptime
        timer.task = Task { [time, weak self] in
            do {
                try await time.sleep(wait)
            } catch {
                return
            }
            await self?.timerFired(generation)
        }
    }

    private func timerFired(_ generation: UInt64) async {
        guard generation == timer.generation else { return }
        timer.armedFor = nil
        timer.task = nil
        await turn(.tick)
    }
}
