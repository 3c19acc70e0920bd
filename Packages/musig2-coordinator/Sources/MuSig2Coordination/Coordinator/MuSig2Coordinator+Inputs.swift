import Logging
import Metrics
import MuSig2
import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import Secp256k1
import WireCodec

extension MuSig2Coordinator {
    func now() -> Now {
        let reading = time.now()
        return Now(monotonic: reading.uptime, wallMilliseconds: reading.wallMilliseconds)
    }

    /// Gives the machine an input, and carries out all that follows. If a turn is under way, it takes the input along.
    func process(_ input: CoordinatorInput) async {
        inputs.append(input)
        await processInputs()
    }

    /// Takes all inputs there are. When a turn is under way, which happens while the store is busy, it takes them along, and this
    /// returns at its end: a caller that brings inputs faster than the store writes waits.
    func processInputs() async {
        guard !inputs.isRunning else {
            let end = OneShot<Void>()
            inputs.waiting.append(end)
            await end.waitThroughCancellation()
            return
        }
        inputs.isRunning = true
        let charged = machine.peers.workCharged
        repeat {
            var moment = now()
            while let input = inputs.next() {
                for effect in machine.handle(input, at: moment) { carryOut(effect, at: moment) }
                if !inputs.hasInputs { await load() }
            }
            if inputs.hasWrites, inputs.retryAt.map({ $0 <= moment.monotonic }) ?? true || !inputs.batch.issues.isEmpty
            {
                await commit()
                moment = now()
            }
            if !inputs.hasInputs {
                for effect in machine.flush(at: moment) { carryOut(effect, at: moment) }
            }
        } while inputs.hasInputs
        if machine.peers.workCharged > charged {
            reporter.metrics.work.increment(by: machine.peers.workCharged - charged)
        }
        armTimer()
        if machine.local.isShuttingDown, machine.sessions.lingering == 0 { life.lingerEnd?.set(()) }
        inputs.isRunning = false
        let waiting = inputs.waiting
        inputs.waiting = []
        for end in waiting { end.set(()) }
    }

    // MARK: The store

    private func commit() async {
        let batch = inputs.takeBatch()
        let started = time.now().uptime
        do {
            let outcomes = try await store.commit(batch.writes, signer: signerKey)
            guard outcomes.count == batch.writes.count else {
                throw CoordinatorError(
                    .storeFailed, "the store answered \(outcomes.count) of \(batch.writes.count) writes")
            }
            reporter.metrics.commit.recordNanoseconds(Int64((time.now().uptime - started).inSeconds * 1e9))
            inputs.retryAt = nil
            inputs.isStoreFailing = false
            for claim in batch.claims { finish(claim, outcomes[claim.row]) }
            for issue in batch.issues { finish(issue, outcomes) }
        } catch {
            storeFailed(batch, error)
        }
    }

    /// Reads what the store has of sessions that are to be joined.
    private func load() async {
        for session in inputs.takeLoads() {
            do {
                let stored = try await store.session(session, signer: signerKey)
                inputs.append(.loaded(session, .success(stored)))
            } catch {
                inputs.append(.loaded(session, .failure(.unreadable(session, "\(error)"))))
            }
        }
    }

    private func finish(_ claim: WriteBatch.Claim, _ outcome: StoreOutcome) {
        switch outcome {
        case .written: inputs.append(.runsClaimed(claim.block))
        case .taken(let next): inputs.append(.runsTaken(below: next))
        // No store of this protocol says so; the numbers are not used.
        case .exists: inputs.append(.runsTaken(below: claim.block.upperBound))
        }
    }

    private func finish(_ issue: WriteBatch.Issue, _ outcomes: [StoreOutcome]) {
        guard case .exists(let bytes) = outcomes[issue.row] else {
            inputs.append(.session(issue.session, .issued(issue.signed)))
            return
        }
        do {
            let there = try SignedMessage(decoding: bytes, limits: machine.wireLimits)
            inputs.append(.session(issue.session, .issueFailed(issue.unsigned, .rowExists(there))))
        } catch {
            reporter.logger.error(
                "a row of the store cannot be read",
                metadata: ["session.id": "\(issue.session)", "error": "\(error)"])
            inputs.append(.session(issue.session, .issueFailed(issue.unsigned, .rowUnreadable)))
        }
    }

    private func storeFailed(_ batch: WriteBatch, _ error: any Error) {
        reporter.metrics.storeFailures.increment()
        reporter.logger.error("the store failed", metadata: ["error": "\(error)", "writes": "\(batch.writes.count)"])
        inputs.putBack(batch)
        inputs.retryAt = time.now().uptime + configuration.timeouts.storeRetry
        if !inputs.isStoreFailing {
            inputs.isStoreFailing = true
            if batch.issues.isEmpty {
                publish(
                    .error(
                        CoordinatorError(
                            .storeFailed, "the store refused a write; it is tried again", underlying: "\(error)")))
            }
        }
        for _ in batch.claims { inputs.append(.runClaimFailed("\(error)")) }
        for issue in batch.issues {
            switch issue.unsigned.body.type {
            case .join:
                waiters.ended(
                    .join(issue.session),
                    CoordinatorError(
                        .storeFailed,
                        "the store failed, so nothing was sent; the session is kept and goes on by itself once the store works",
                        session: issue.session, underlying: "\(error)"))
            case .decline:
                waiters.ended(
                    .decline(issue.session),
                    CoordinatorError(
                        .storeFailed,
                        "the store failed, so nobody was told; the others are told by itself once the store works",
                        session: issue.session, underlying: "\(error)"))
            default: break
            }
            inputs.append(.session(issue.session, .issueFailed(issue.unsigned, .storeFailed)))
        }
    }

    // MARK: Effects

    private func carryOut(_ effect: CoordinatorEffect, at now: Now) {
        switch effect {
        case .issue(let session, let message, let record): issue(message, record, of: session)
        case .generateNonces(let handle): generateNonces(handle)
        case .signPartials(let handle, let context): sign(handle, context)
        case .wipe(let handle): vault.wipe(handle)
        case .write(let write): inputs.add(write)
        case .claimRuns(let block): inputs.add(claim: block)
        case .load(let session): inputs.load(session)
        case .dropUnsent(let session): inputs.dropUnsent(of: session)
        case .askConsent(let request, let attempt): ask(request, attempt: attempt)
        case .dropConsent(let session): tasks.cancel(session)
        case .signHello(let peer, let exchange, let transcript): signHello(peer, exchange, transcript)
        case .announceAgain(_, let announced, let sequence): announceAgain(announced, sequence)
        case .send(let frame, let peer):
            reporter.metrics.framesSent.increment()
            reporter.metrics.bytesSent.increment(by: Int64(frame.count))
            network.send(frame, to: peer)
        case .connect(let peer, let addresses): network.connect(to: peer, addresses: addresses)
        case .disconnect(let peer): network.disconnect(peer)
        case .find(let key, let limit): find(key, limit: limit)
        case .publish(let attempt): publish(attempt)
        case .withdraw(let key): withdraw(key)
        case .lookupEnded(let subject, let result):
            waiters.lookupEnded(subject, result)
            if subject == machine.ownInbox { endWatchWithoutReaders() }
        case .joined(let session, let error): waiters.ended(.join(session), error)
        case .declined(let session, let error): waiters.ended(.decline(session), error)
        case .event(let event): publish(event)
        case .note(let text, let session, let peer): reporter.note(text, session, peer)
        }
    }

    private func issue(_ message: UnsignedMessage, _ record: LedgerRow, of session: SessionID) {
        let signed: SignedMessage
        do {
            let signature = try Tag.message.sign(message.bytes, with: messageSecret)
            signed = SignedMessage(message.body) { _ in signature.rawRepresentation }
        } catch {
            reporter.logger.critical("a message could not be signed", metadata: ["session.id": "\(session)"])
            inputs.append(.session(session, .issueFailed(message, .storeFailed)))
            return
        }
        let issue = WriteBatch.Issue(session: session, unsigned: message, signed: signed)
        let body = message.body
        switch record {
        case .none:
            inputs.append(.session(session, .issued(signed)))
        case .join:
            inputs.add(
                issue, row: .join(session, signer: Int(body.index), run: body.run, message: signed.encoded()))
        case .nonces:
            inputs.add(
                issue, row: .nonces(session, attempt: body.attempt, run: body.run, message: signed.encoded()))
        case .partials:
            inputs.add(issue, row: .partials(session, attempt: body.attempt, message: signed.encoded()))
        case .end(var end):
            end.message = signed
            inputs.add(issue, row: .ended(session, StoredEnd(end)))
        }
    }

    private func generateNonces(_ handle: NonceHandle) {
        guard let crypto = machine.sessions[handle.session]?.crypto else { return }
        do {
            let nonces = try vault.generate(handle, for: crypto, secretKey: signerSecret)
            inputs.append(.session(handle.session, .noncesGenerated(handle, nonces)))
        } catch {
            reporter.logger.error(
                "nonces could not be made", metadata: ["session.id": "\(handle.session)", "error": "\(error)"])
            inputs.append(.session(handle.session, .vaultFailed(handle)))
        }
    }

    private func sign(_ handle: NonceHandle, _ context: BIP327.Context) {
        do {
            let partials = try vault.sign(handle, in: context, secretKey: signerSecret)
            inputs.append(.session(handle.session, .partialsSigned(handle, partials)))
        } catch {
            reporter.logger.error(
                "partial signatures could not be made",
                metadata: ["session.id": "\(handle.session)", "error": "\(error)"])
            inputs.append(.session(handle.session, .vaultFailed(handle)))
        }
    }

    private func signHello(_ peer: PeerID, _ exchange: Hash32, _ transcript: [UInt8]) {
        guard let signature = try? Tag.helloJoiner.sign(transcript, with: messageSecret) else { return }
        inputs.append(.helloSigned(peer, exchange: exchange, signature))
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
            inputs.append(.announced(announced))
        } catch {
            reporter.logger.error(
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
            inputs.append(.consent(request.session, request.stage, attempt: attempt, decision))
            return
        }
        startTask(for: request.session) { [consent] coordinator in
            let decision = await consent.decide(on: request)
            guard !Task.isCancelled else { return }
            await coordinator.process(.consent(request.session, request.stage, attempt: attempt, decision))
        }
    }

    /// Starts a task that the coordinator waits for at its end; one more for the same session does not replace it. That of a session
    /// is cancelled when its question is of no use any more.
    func startTask(
        for session: SessionID?,
        _ work: @escaping @Sendable (isolated MuSig2Coordinator) async -> Void
    ) {
        let id = tasks.nextID()
        let task = Task {
            await work(self)
            self.tasks.remove(id)
        }
        tasks.add(task, id: id, session: session)
    }

    // MARK: Time

    func armTimer() {
        var next = machine.nextDeadline
        if inputs.hasWrites, let retryAt = inputs.retryAt { next = min(next ?? retryAt, retryAt) }
        guard let next, life.phase == .running || life.phase == .stopping else { return }
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
        await process(.tick)
    }

    // MARK: Events

    /// Tells an event: to the readers, to the tasks that wait for the end of a session, to the log and to the metrics.
    func publish(_ event: CoordinatorEvent) {
        hub.publish(event)
        reporter.report(event, sessions: machine.sessions)
        guard let session = event.session else { return }
        switch event {
        case .complete(_, let signatures): waiters.completed(session, .success(signatures))
        case .aborted(_, let report): waiters.completed(session, .failure(.aborted(session, report)))
        case .expired:
            waiters.completed(
                session,
                .failure(
                    CoordinatorError(.expired, "the session expired before it was complete", session: session)))
            waiters.ended(.join(session), CoordinatorError(.expired, "the session expired", session: session))
        case .left: waiters.completed(session, .failure(.left(session)))
        case .declined:
            // Another signer's is a statement: the session may still complete.
            if let end = machine.sessions[session]?.end { waiters.completed(session, .failure(end)) }
        case .closed:
            waiters.completed(
                session,
                .failure(CoordinatorError(.closed, "the session was closed before it was complete", session: session)))
        case .error(let error) where error.code == .superseded:
            waiters.completed(session, .failure(error))
        default: break
        }
    }

    /// Stops watching when nobody reads what is told.
    func endWatchWithoutReaders() {
        if machine.discovery.inbox != nil, !hub.hasInboxReaders { inputs.append(.watchInbox(every: nil)) }
    }

    // MARK: Through the discoveries

    func find(_ key: DiscoveryKey, limit: Int) {
        guard let discovery = discoveries[key.method] else { return }
        let timeout = configuration.discovery.lookupTimeout
        startTask(for: nil) { coordinator in
            let found = await coordinator.limited(to: timeout) { () async throws(TransportError) -> [DiscoveryHint] in
                try await discovery.find(key, limit: limit)
            }
            await coordinator.process(.found(key, found))
        }
    }

    func publish(_ attempt: PublicationQueue.Attempt) {
        guard let discovery = discoveries[attempt.key.method] else { return }
        let timeout = configuration.discovery.publishTimeout
        inTurn(attempt.key) { coordinator in
            let result = await coordinator.limited(to: timeout) { () async throws(TransportError) -> Void in
                try await discovery.publish(attempt.key, announcement: attempt.announcement, for: attempt.lifetime)
            }
            var failure: String?
            if case .failure(let error) = result { failure = "\(error)" }
            await coordinator.process(.published(attempt.key, attemptID: attempt.id, failure: failure))
        }
    }

    func withdraw(_ key: DiscoveryKey) {
        guard let discovery = discoveries[key.method] else { return }
        tasks.publications[key]?.cancel()
        inTurn(key) { _ in await discovery.withdraw(key) }
    }

    /// Does something for a key after what is under way for it.
    private func inTurn(
        _ key: DiscoveryKey,
        _ work: @escaping @Sendable (isolated MuSig2Coordinator) async -> Void
    ) {
        let id = tasks.nextID()
        let former = tasks.publications[key]
        let task = Task {
            await former?.value
            await work(self)
            self.tasks.publications.ended(id, of: key)
        }
        tasks.publications.set(task, id: id, of: key)
    }

    /// Does something that may take so long.
    private func limited<Value: Sendable>(
        to limit: Duration,
        _ work: @escaping @Sendable () async throws(TransportError) -> Value
    ) async -> Result<Value, TransportError> {
        let reply = OneShot<Result<Value, TransportError>>()
        let worker = Task {
            do throws(TransportError) {
                reply.set(.success(try await work()))
            } catch {
                reply.set(.failure(error))
            }
        }
        let clock = Task { [time] in
            do {
                try await time.sleep(limit)
            } catch {
                return
            }
            reply.set(.failure(TransportError(.timedOut, "no answer within \(limit)")))
        }
        let result = await reply.wait()
        worker.cancel()
        clock.cancel()
        return result ?? .failure(TransportError(.cancelled, "the task was cancelled"))
    }
}
