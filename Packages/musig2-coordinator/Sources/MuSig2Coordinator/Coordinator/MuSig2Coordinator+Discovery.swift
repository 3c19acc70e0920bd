import MuSig2Session
import Multiformats
import PeerTransport
import Secp256k1
import WireCodec

extension MuSig2Coordinator {
    /// Makes the descriptor that a request asks for, and signs its announcement.
    func announce(_ request: SessionRequest) throws(CoordinatorError) -> VerifiedAnnouncement {
        let plan = try plan(request)
        let descriptor: SessionDescriptor
        do throws(DescriptorError) {
            descriptor = try SessionDescriptor(plan, at: now(), random: .random(), limits: machine.sessionLimits)
            _ = try descriptor.position(of: signerKey, messageKey: messageKey)
        } catch {
            throw CoordinatorError(
                .invalidRequest, "the request cannot become a session: \(error)", underlying: "\(error)")
        }
        do throws(AnnouncementError) {
            return try VerifiedAnnouncement(
                announcing: descriptor,
                at: localPeer(),
                sequence: now().wallMilliseconds,
                with: messageSecret
            )
        } catch {
            throw CoordinatorError(.invalidRequest, "the session cannot be announced", underlying: "\(error)")
        }
    }

    private func plan(_ request: SessionRequest) throws(CoordinatorError) -> SessionPlan {
        func invalid(_ text: String) -> CoordinatorError { CoordinatorError(.invalidRequest, text) }
        guard request.messageKeys.isEmpty || request.messageKeys.count == request.signers.count else {
            throw invalid(
                "messageKeys: expected none or \(request.signers.count), one for each signer, found \(request.messageKeys.count)"
            )
        }
        var order = Array(request.signers.indices)
        if request.sortsSigners { order.sort { request.signers[$0] < request.signers[$1] } }
        let signers = order.map { request.signers[$0] }
        guard let creator = signers.firstIndex(of: signerKey) else {
            throw invalid("signers: expected this node's key \(signerKey) among them, found it missing")
        }
        let timeouts = configuration.timeouts
        var plan = SessionPlan(signerKeys: signers, messages: request.messages, creator: creator)
        plan.isSorted = request.sortsSigners
        plan.messageKeys = request.messageKeys.isEmpty ? nil : order.map { request.messageKeys[$0] }
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

    /// Asks the providers of an invitation.
    func look(for invitation: SessionInvitation) async {
        let providers = invitation.providers.map { Provider(peer: $0.peer, addresses: $0.addresses) }
        await turn(.look(invitation.session, providers: providers))
    }

    // MARK: Through the discovery

    func lookup(_ session: SessionID, _ keys: [[UInt8]]) {
        guard let discovery else { return }
        let limit = configuration.discovery.providers
        startTask(for: session) { coordinator in
            var providers: [Provider] = []
            for key in keys where providers.count < limit {
                let room = limit - providers.count
                let found = await coordinator.retrying { () async throws(TransportError) -> [DiscoveredPeer] in
                    try await discovery.lookup(key, limit: room)
                }
                if case .success(let peers) = found {
                    providers += peers.map { Provider(peer: $0.peer, addresses: $0.addresses) }
                }
            }
            await coordinator.turn(.found(session, providers: providers))
        }
    }

    func publish(_ session: SessionID, _ key: [UInt8]) {
        guard let discovery else { return }
        let lifetime = Duration.seconds(172_800)
        startTask(for: session) { coordinator in
            let result = await coordinator.retrying { () async throws(TransportError) -> Void in
                try await discovery.publish(key, for: lifetime)
            }
            switch result {
            case .success: await coordinator.turn(.published(session, failure: nil))
            case .failure(let error): await coordinator.turn(.published(session, failure: "\(error)"))
            }
        }
    }

    func withdraw(_ key: [UInt8]) {
        guard let discovery, let session = SessionID(Array(key.suffix(32))) else { return }
        startTask(for: session) { _ in await discovery.withdraw(key) }
    }

    /// Does something that may fail, and again after a while.
    private func retrying<Value: Sendable>(
        _ work: @Sendable () async throws(TransportError) -> Value
    ) async -> Result<Value, TransportError> {
        var delay = configuration.discovery.retryDelay
        var retries = configuration.discovery.retries
        while true {
            do throws(TransportError) {
                return .success(try await work())
            } catch {
                guard retries > 0, !Task.isCancelled else { return .failure(error) }
                retries -= 1
            }
            do {
                try await time.sleep(delay)
            } catch {
                return .failure(TransportError(.cancelled, "the task was cancelled"))
            }
            delay *= 2
        }
    }
}
