import MuSig2Session
import Multiformats
@_spi(Waiting) import PeerTransport
import Secp256k1
import WireCodec

extension MuSig2Coordinator {
    /// Makes the descriptor that a request asks for, and signs its announcement.
    func announce(_ request: SessionRequest) throws(CoordinatorError) -> VerifiedAnnouncement {
        try check(request)
        let plan = try plan(request)
        let descriptor: SessionDescriptor
        do throws(DescriptorError) {
            descriptor = try SessionDescriptor(plan, at: now(), random: .random(), limits: machine.sessionLimits)
            _ = try descriptor.position(of: signerKey, messageKey: messageKey)
        } catch {
            throw CoordinatorError(
                .invalidRequest, "the request cannot become a session: \(error)", underlying: "\(error)")
        }
        let announced: VerifiedAnnouncement
        do throws(AnnouncementError) {
            announced = try VerifiedAnnouncement(
                announcing: descriptor,
                at: localPeer(),
                sequence: now().wallMilliseconds,
                ways: request.discovery.bits,
                with: messageSecret
            )
        } catch {
            throw CoordinatorError(.invalidRequest, "the session cannot be announced", underlying: "\(error)")
        }
        return try check(announced, request)
    }

    /// Checks that a session can be found as its creator wants.
    private func check(_ request: SessionRequest) throws(CoordinatorError) {
        for method in request.discovery.sorted(by: { $0.number < $1.number }) {
            // The default: without a discovery, by invitation alone.
            guard method != .rendezvous, discoveries[method] == nil else { continue }
            throw CoordinatorError(
                .invalidRequest,
                "discovery: expected methods that this node has, found \(method.name), for which it was given none")
        }
    }

    private func check(
        _ announced: VerifiedAnnouncement, _ request: SessionRequest
    ) throws(CoordinatorError) -> VerifiedAnnouncement {
        guard let method = request.discovery.first(where: \.isPublic) else { return announced }
        let count = announced.signed.encoded().count
        let limit = machine.wireLimits.recordAnnouncementBytes
        guard count <= limit else {
            throw CoordinatorError(
                .invalidRequest,
                "discovery: expected at most \(limit) bytes to announce by \(method.name), found \(count): choose other methods"
            )
        }
        return announced
    }

    private func plan(_ request: SessionRequest) throws(CoordinatorError) -> SessionPlan {
        func invalid(_ text: String) -> CoordinatorError { CoordinatorError(.invalidRequest, text) }
        guard request.messageKeys.isEmpty || request.messageKeys.count == request.signers.count else {
            throw invalid(
                "messageKeys: expected none or \(request.signers.count), one for each signer, found \(request.messageKeys.count)"
            )
        }
        var attempt = Array(request.signers.indices)
        if request.sortsSigners { attempt.sort { request.signers[$0] < request.signers[$1] } }
        let signers = attempt.map { request.signers[$0] }
        guard let creator = signers.firstIndex(of: signerKey) else {
            throw invalid("signers: expected this node's key \(signerKey) among them, found it missing")
        }
        let timeouts = configuration.timeouts
        var plan = SessionPlan(signerKeys: signers, messages: request.messages, creator: creator)
        plan.isSorted = request.sortsSigners
        plan.messageKeys = request.messageKeys.isEmpty ? nil : attempt.map { request.messageKeys[$0] }
        plan.tweaks = request.tweaks
        plan.taproot = request.taproot
        plan.election = request.election
        plan.topology = request.topology
        plan.hasCommitmentRound = request.hasCommitmentRound
        plan.commitmentTimeout = request.commitmentTimeout ?? timeouts.commitments
        plan.nonceTimeout = request.nonceTimeout ?? timeouts.nonces
        plan.partialTimeout = request.partialTimeout ?? timeouts.partials
        plan.lifetime = request.lifetime ?? timeouts.expiry
        plan.metadata = request.metadata
        return plan
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
        publicationTasks[key]?.cancel()
        inTurn(key) { _ in await discovery.withdraw(key) }
    }

    /// Does something for a key after what is under way for it.
    private func inTurn(
        _ key: DiscoveryKey,
        _ work: @escaping @Sendable (isolated MuSig2Coordinator) async -> Void
    ) {
        let id = tasks.nextID()
        let former = publicationTasks[key]
        let task = Task {
            await former?.value
            await work(self)
            self.publicationTasks.ended(id, of: key)
        }
        publicationTasks.set(task, id: id, of: key)
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

    // MARK: The inbox

    /// Stops watching when nobody reads what is told.
    func endWatchWithoutReaders() {
        if machine.discovery.inbox != nil, !hub.hasInboxReaders { inputs.append(.watchInbox(every: nil)) }
    }
}
