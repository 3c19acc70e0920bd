import Logging
import Multiformats
import PeerTransport
import PeerTransportNIO
import Synchronization
import WireCodec

extension PeerNode {
    /// A peer asks for the identity of this node.
    static let identifyProtocol: ProtocolID = "/ipfs/id/1.0.0"
    /// A peer says what has changed about it.
    static let identifyPushProtocol: ProtocolID = "/ipfs/id/push/1.0.0"

    /// The addresses under which connected peers see this node, those seen by the most peers first. Hints: use one only
    /// when it was seen by several peers that have nothing to do with each other.
    public var observedAddresses: [ObservedAddress] {
        let now = configuration.timeSource.now().uptime
        return identify.withLock { $0.observed.all(at: now) }
    }

    /// Answers identify and takes pushes from now on.
    func hostIdentify() throws(TransportError) {
        try respond(to: [Self.identifyProtocol], name: "identify") { [weak self] context in
            self.map { node in IdentifyResponder { node.identifyAnswer(for: context) } }
        }
        try respond(to: [Self.identifyPushProtocol], name: "identify-push") { [weak self] context in
            guard let self, admitsPush(from: context.remotePeer) else { return nil }
            return IdentifyPushResponder { result in
                self.learn(result, from: context.remotePeer, at: context.remoteAddress, isPush: true)
            } onEnd: {
                self.identify.withLock { $0.pushWasRead(from: context.remotePeer) }
            }
        }
    }

    private func admitsPush(from peer: PeerID) -> Bool {
        let now = configuration.timeSource.now().uptime
        guard identify.withLock({ $0.admitsPush(from: peer, at: now) }) else {
            refuse(.tooOften, from: peer)
            askLater(peer)
            return false
        }
        return true
    }

    /// What a dropped push would have said is asked for, as soon as the peer may push again: nobody says it twice.
    private func askLater(_ peer: PeerID) {
        guard configuration.identify.isEnabled, identify.withLock({ $0.isToAsk(peer) }) else { return }
        let delay = Duration.seconds(1 / configuration.identify.pushRate.perSecond)
        Task { [weak self, time = configuration.timeSource] in
            // Sooner is as well.
            do { try await time.sleep(delay) } catch {}
            guard let self else { return }
            // Before it is asked: what is dropped from now on may be new.
            identify.withLock { $0.isAsked(peer) }
            guard let connection = state.withLock({ $0.table.current(to: peer)?.connection }) else { return }
            await askIdentity(over: connection)
        }
    }

    // MARK: Telling

    /// What this node says to a peer, with its length in front.
    private func identifyAnswer(for context: ResponderContext) -> [UInt8] {
        identifyMessage(to: context.remotePeer, at: context.remoteAddress)
    }

    private func identifyMessage(to peer: PeerID, at remoteAddress: Multiaddr) -> [UInt8] {
        let scope = remoteAddress.scope
        let (known, version) = identify.withLock { ($0.message(for: scope), $0.version) }
        var message = known ?? selfDescription(for: scope, version: version)
        message.observedAddress = remoteAddress.withoutPeerID?.bytes ?? []
        identify.withLock { $0.note(peer, wasTold: version) { connectedPeers } }
        return FrameEncoder.encode(message.encoded())
    }

    private func selfDescription(for scope: AddressScope, version: UInt64) -> Identify {
        let publicKey = identity?.publicKey ?? localPeer.publicKey
        let description = SelfDescription(
            publicKey: publicKey?.bytes ?? [], addresses: addresses, protocols: protocolsByNeed,
            agentVersion: configuration.identify.agentVersion,
            protocolVersion: configuration.identify.protocolVersion)
        let message = description.message(for: scope) { addresses in signedRecord(of: addresses) }
        identify.withLock { $0.keep(message, for: scope, version: version) }
        return message
    }

    private func signedRecord(of addresses: [Multiaddr]) -> [UInt8] {
        guard let identity else { return [] }
        let now = configuration.timeSource.now().wallMilliseconds
        let sequence = identify.withLock { $0.nextSequence(wallMilliseconds: now) }
        do throws(NodeIdentityError) {
            return try CertifiedAddresses.envelope(addresses, sequence: sequence, by: identity)
        } catch {
            logger.error("record not signed", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// What the node says of itself has changed: a peer that was told otherwise, and takes pushes, is told anew.
    func describedAnew() {
        identify.withLock { $0.changed() }
        pushIfDue()
    }

    private func pushIfDue() {
        guard configuration.identify.isEnabled else { return }
        let peers = peersThatTakePushes
        let isDue = identify.withLock { state in peers.contains { state.isBehind($0) } && state.beginPushing() }
        guard isDue else { return }
        Task { await pushToAllBehind() }
    }

    private var peersThatTakePushes: [PeerID] {
        state.withLock { state in
            state.information.filter { $0.value.protocols.contains(Self.identifyPushProtocol) }.map(\.key)
        }
    }

    /// A few peers at a time, until nobody is behind. A place is held for as long as writing takes, which waits for no peer but one
    /// with a connection that is stuck; reading is each peer's own affair.
    private func pushToAllBehind() async {
        while true {
            let peers = peersThatTakePushes
            let behind = identify.withLock { $0.nextRound(of: peers) }
            if behind.isEmpty { return }
            await withTaskGroup(of: Void.self) { group in
                for (index, peer) in behind.enumerated() {
                    if index >= max(1, configuration.identify.maximumPushes) { await group.next() }
                    identify.withLock { $0.pushBegins(to: peer) }
                    group.addTask {
                        let stream = await self.push(to: peer)
                        Task { await self.awaitReading(of: stream, by: peer) }
                    }
                }
            }
        }
    }

    /// - Returns: The stream by which the peer was told; nil when it was not.
    private func push(to peer: PeerID) async -> (any ByteStream)? {
        guard let connection = state.withLock({ $0.table.current(to: peer)?.connection }) else {
            identify.withLock { $0.forget(peer) }
            return nil
        }
        let message = identifyMessage(to: peer, at: connection.remoteAddress)
        do throws(TransportError) {
            return try await within(configuration.identify.pushTimeout) { () async throws(TransportError) in
                let opened = try await connection.openStream(assuming: Self.identifyPushProtocol)
                do throws(TransportError) {
                    try await opened.stream.write(message)
                    try await opened.stream.closeWrite()
                    return opened.stream
                } catch {
                    opened.stream.reset()
                    throw error
                }
            }
        } catch {
            logger.debug("push failed", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
            return nil
        }
    }

    /// Waits until a peer has read a push: it closes then. After a while it may be pushed to again in any case.
    private func awaitReading(of stream: (any ByteStream)?, by peer: PeerID) async {
        if let stream {
            do throws(TransportError) {
                try await within(configuration.identify.pushTimeout) { () async throws(TransportError) in
                    while try await stream.read(upTo: 64) != nil {}
                }
            } catch {
                stream.reset()
                logger.debug("push not read", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
            }
        }
        identify.withLock { $0.pushEnds(to: peer) }
        pushIfDue()
    }

    // MARK: Asking

    /// Asks the other side of a new connection for its identity.
    func askIdentity(over connection: any Connection) async {
        let peer = connection.remotePeer
        do throws(TransportError) {
            let answer = try await within(configuration.identify.timeout) { () async throws(TransportError) in
                let opened = try await connection.openStream(protocols: [Self.identifyProtocol])
                do throws(TransportError) {
                    return try await Self.readIdentify(from: opened.stream)
                } catch {
                    opened.stream.reset()
                    throw error
                }
            }
            learn(answer, from: peer, at: connection.remoteAddress, isPush: false)
        } catch {
            metrics.identifyFailed(error.code)
            logger.debug("not identified", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
        }
    }

    private func within<Success: Sendable>(
        _ limit: Duration,
        _ operation: @escaping @Sendable () async throws(TransportError) -> Success
    ) async throws(TransportError) -> Success {
        try await withDeadline(
            limit,
            by: configuration.timeSource,
            onTimeout: { () -> TransportError in
                TransportError(.timedOut, "identify was not over within \(limit)")
            },
            discard: { _ in },
            operation
        )
    }

    private static func readIdentify(
        from stream: any ByteStream
    ) async throws(TransportError) -> Result<Identify, IdentifyError> {
        var reader = IdentifyReader()
        var failure: IdentifyError?
        while failure == nil, let bytes = try await stream.read(upTo: IdentifyReader.maximumBytes) {
            do throws(IdentifyError) {
                try reader.feed(bytes)
            } catch {
                failure = error
            }
        }
        if let failure {
            stream.reset()
            return .failure(failure)
        }
        try await stream.closeWrite()
        do throws(IdentifyError) {
            return .success(try reader.finish())
        } catch {
            return .failure(error)
        }
    }

    // MARK: Learning

    /// Takes over what a peer said about itself.
    func learn(
        _ message: Result<Identify, IdentifyError>,
        from peer: PeerID,
        at remoteAddress: Multiaddr,
        isPush: Bool
    ) {
        do throws(IdentifyError) {
            let statement = try PeerStatement(try message.get(), from: peer, at: remoteAddress)
            learn(statement, from: peer, at: remoteAddress, isPush: isPush)
        } catch {
            refuse(error, from: peer)
        }
    }

    private func learn(
        _ statement: PeerStatement, from peer: PeerID, at remoteAddress: Multiaddr, isPush: Bool
    ) {
        let now = configuration.timeSource.now()
        let known = peerStore.withLock { $0.sequence(of: peer) }
        let learnt = state.withLock { state -> (information: PeerInformation, isStale: Bool)? in
            guard state.table.current(to: peer) != nil else { return nil }
            var information = state.information[peer] ?? PeerInformation()
            let isStale = information.update(by: statement, isPush: isPush, knownSequence: known)
            state.information[peer] = information
            state.notices.append(.identified(peer, information, at: remoteAddress))
            return (information, isStale)
        }
        guard let learnt else { return }
        let sequence = learnt.isStale ? nil : statement.certified?.sequence
        let isWorthSaving = peerStore.withLock { store in
            store.update(peer, by: learnt.information, sequence: sequence, at: now.wallMilliseconds)
            return store.peers[peer].map { PeerStore.worth(of: $0) > .stranger } ?? false
        }
        // Strangers that come and go are saved with the others, and are no reason to write.
        if isWorthSaving { peersChanged() }
        if let observed = statement.observedAddress {
            identify.withLock { $0.observed.note(observed, by: peer, at: now.uptime) }
        }
        metrics.identified(refused: statement.refused, isRecordWorthless: statement.worthlessRecord != nil)
        logger.debug(
            "identified",
            metadata: [
                "peer.remote": "\(peer)", "agent": "\(learnt.information.agentVersion)",
                "addresses": "\(learnt.information.addresses.count)", "refused": "\(statement.refused.total)",
                "record": "\(statement.worthlessRecord ?? (learnt.isStale ? "old" : "\(sequence ?? 0)"))",
            ]
        )
        deliverNotices()
        pushIfDue()
    }

    private func refuse(_ error: IdentifyError, from peer: PeerID) {
        metrics.identifyRefused(error)
        logger.debug("identify refused", metadata: ["peer.remote": "\(peer)", "reason": "\(error)"])
        if error.isLie { Task { await disconnect(peer) } }
    }
}
