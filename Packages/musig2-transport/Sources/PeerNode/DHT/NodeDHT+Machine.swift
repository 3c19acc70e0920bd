import KademliaDHT
import Logging
import Multiformats
@_spi(Waiting) import PeerTransport
import Synchronization
import WireCodec

// The machine under the lock.
extension NodeDHT {
    private func now() -> Kademlia.Now {
        let reading = time.now()
        return Kademlia.Now(monotonic: reading.uptime, wallMilliseconds: reading.wallMilliseconds)
    }

    /// Tells the machine what happened, and does what it wants.
    func feed(_ input: Kademlia.Input) {
        let now = now()
        let (followUp, late) = state.withLock { state -> (FollowUp, [PlacedStream]) in
            guard state.phase == .running else { return (FollowUp(), []) }
            let followUp = handle(input, at: now, in: &state)
            let late = state.idle.expire(at: now.monotonic)
            setAlarm(&state, at: now.monotonic)
            return (followUp, late)
        }
        note(followUp)
        for late in late { late.stream.stream.reset() }
    }

    /// What the machine says to a request that came in.
    enum Verdict {
        case reply(KademliaMessage)
        case noReply
        case refuse(Kademlia.Refusal)
        /// It comes later.
        case late(LateAnswer)
        /// The request has to wait for its turn.
        case delayed(ResponderWake)
    }

    /// What is left to be done of an input outside the lock.
    private struct FollowUp {
        /// The answer, if the input is a request that came in.
        var verdict: Verdict?
        /// What has changed.
        var status: DHTStatus?
    }

    /// One input, and all that follows from it at once.
    private func handle(_ input: Kademlia.Input, at now: Kademlia.Now, in state: inout State) -> FollowUp {
        var followUp = FollowUp()
        var inputs = [input]
        while let input = inputs.popLast() {
            for effect in state.machine.handle(input, at: now) {
                switch effect {
                case .send(let request):
                    switch state.requests.add(request, to: request.peer) {
                    case .start:
                        start(request, in: &state)
                        inputs.append(.started(request.id))
                    case .wait: break
                    case .refuse: inputs.append(.requestFailed(request.id, .notSent))
                    }
                case .reply(let id, let message): answer(id, .reply(message), &followUp, &state)
                case .noReply: followUp.verdict = .noReply
                case .refuse(let id, let refusal): answer(id, .refuse(refusal), &followUp, &state)
                case .check(let check):
                    state.checks.append(check)
                    if state.checkTask == nil { state.checkTask = Task { await self.check() } }
                case .completed(let id, let outcome):
                    state.operations.removeValue(forKey: id)?.set(.success(outcome))
                case .statusChanged:
                    let status = Self.status(of: state.machine)
                    // Under the lock, so that the last one told is the last one there was.
                    node.dhtBoard.set(status)
                    followUp.status = status
                case .measured(let report): metrics.lookup(report)
                case .progress: break
                }
            }
        }
        return followUp
    }

    /// Keeps an answer for the one that asked in this call, or gives it to the one that has waited for it.
    private func answer(_ id: Kademlia.InboundID, _ verdict: Verdict, _ followUp: inout FollowUp, _ state: inout State)
    {
        if let late = state.lateAnswers.removeValue(forKey: id) {
            late.set(verdict)
        } else {
            followUp.verdict = verdict
        }
    }

    /// Looks at values, one after another, on no event loop and without the lock.
    private func check() async {
        while true {
            let check = state.withLock { state -> Kademlia.Check? in
                let check = state.phase == .running ? state.checks.popFirst() : nil
                if check == nil { state.checkTask = nil }
                return check
            }
            guard let check else { return }
            let result = check.carryOut(by: rules, wallMilliseconds: now().wallMilliseconds)
            feed(.checked(check.id, result))
            await Task.yield()
        }
    }

    private func note(_ followUp: FollowUp) {
        guard let status = followUp.status else { return }
        metrics.routingTable(status.routingTableSize)
        logger.debug(
            "DHT status",
            metadata: [
                "dht.mode": "\(status.mode)", "dht.peers": "\(status.routingTableSize)",
                "dht.ready": "\(status.isReady)",
            ]
        )
    }

    /// Lets the next tick come in time. One task sleeps; it is replaced when something is due earlier.
    private func setAlarm(_ state: inout State, at now: Duration) {
        guard let wanted = [state.machine.nextDeadline, state.idle.nextDeadline].compactMap({ $0 }).min(),
            state.alarmDeadline.map({ wanted < $0 }) ?? true
        else { return }
        state.alarm?.cancel()
        state.alarmDeadline = wanted
        state.alarm = Task { [weak self, time] in
            do {
                try await time.sleep(max(.zero, wanted - now))
            } catch {
                return
            }
            self?.ring(wanted)
        }
    }

    private func ring(_ deadline: Duration) {
        state.withLock { state in
            if state.alarmDeadline == deadline { state.alarmDeadline = nil }
        }
        feed(.tick)
    }

    /// Runs an operation of the machine to its end.
    func perform(_ operation: Kademlia.Operation) async throws(TransportError) -> Kademlia.Outcome {
        let end = OneShot<Result<Kademlia.Outcome, TransportError>>()
        let id = state.withLock { state -> Kademlia.OperationID? in
            guard state.phase == .running else { return nil }
            state.lastOperation &+= 1
            let id = Kademlia.OperationID(state.lastOperation)
            state.operations[id] = end
            return id
        }
        guard let id else { throw Self.offError }
        feed(.start(id, operation))
        guard let result = await end.wait() else {
            state.withLock { $0.operations[id] = nil }
            feed(.cancel(id))
            throw TransportError(.cancelled, "the task that waited for the DHT was cancelled")
        }
        return try result.get()
    }

    // MARK: Requests that come in

    /// What a peer asks on a stream is answered by this.
    func responder(for context: ResponderContext) -> KademliaResponder? {
        let now = time.now().uptime
        let isOpen = state.withLock { state in
            state.phase == .running && state.inbound.open(context.remotePeer, at: now)
        }
        guard isOpen else {
            metrics.requestRefused()
            return nil
        }
        return KademliaResponder(of: self, for: context)
    }

    func responderEnded(_ peer: PeerID, holding bytes: Int) {
        state.withLock { $0.inbound.close(peer, holding: bytes) }
    }

    /// Counts the bytes that a stream of a peer holds of a request that is not complete; false when they are too many.
    func hold(_ bytes: Int, insteadOf before: Int, from peer: PeerID) -> Bool {
        state.withLock { $0.inbound.hold(bytes, insteadOf: before, from: peer) }
    }

    /// Answers a request of a peer.
    ///
    /// - Parameters:
    ///   - request: What the peer asks.
    ///   - peer: The peer that asks.
    ///   - address: Where the peer is.
    ///   - hasWaited: Whether the request has waited for its turn.
    /// - Returns: The answer of the machine, or that the request is to wait for its turn; nil when that would take too long,
    ///   since the peer or its network asks far too often, or the DHT is over.
    func answer(
        _ request: KademliaMessage, from peer: PeerID, at address: Multiaddr, hasWaited: Bool
    ) -> Verdict? {
        let now = now()
        let followUp = state.withLock { state -> FollowUp in
            guard state.phase == .running else { return FollowUp() }
            if !hasWaited {
                let network = address.scope == .public ? IPNetwork(address)?.widest : nil
                guard let delay = state.inbound.reserve(peer, of: network, at: now.monotonic) else { return FollowUp() }
                guard delay <= .zero else { return FollowUp(verdict: .delayed(wake(after: delay))) }
            }
            state.lastInbound &+= 1
            let id = Kademlia.InboundID(state.lastInbound)
            defer { setAlarm(&state, at: now.monotonic) }
            var followUp = handle(.request(id, from: peer, address: address, request), at: now, in: &state)
            if followUp.verdict == nil {
                let late = LateAnswer()
                state.lateAnswers[id] = late
                followUp.verdict = .late(late)
            }
            return followUp
        }
        note(followUp)
        return followUp.verdict
    }

    /// What is called when a request has waited for its turn. There is at most one for each stream.
    private func wake(after delay: Duration) -> ResponderWake {
        let wake = ResponderWake()
        Task { [time] in
            // Sooner is as well: the stream, or the DHT, is over then.
            defer { wake.wake() }
            try await time.sleep(delay)
        }
        return wake
    }

    // MARK: Requests that go out

    private func start(_ request: Kademlia.Request, in state: inout State) {
        metrics.requestSent()
        state.requestTasks[request.id] = Task { await self.run(request) }
    }

    private func run(_ request: Kademlia.Request) async {
        let outcome = await carryOut(request)
        if case .requestFailed = outcome { metrics.requestFailed() }
        let next = state.withLock { state -> Kademlia.Request? in
            state.requestTasks[request.id] = nil
            guard let next = state.requests.finish(request.peer), state.phase == .running else { return nil }
            start(next, in: &state)
            return next
        }
        if let next { feed(.started(next.id)) }
        feed(outcome)
    }

    func takeIdleStream(to peer: PeerID) -> PlacedStream? {
        state.withLock { $0.idle.take(peer) }
    }

    /// Keeps a stream for the next request to the peer.
    func keep(_ stream: PlacedStream, to peer: PeerID) {
        let now = time.now().uptime
        let spare = state.withLock { state -> PlacedStream? in
            guard state.phase == .running else { return stream }
            defer { setAlarm(&state, at: now) }
            return state.idle.put(stream, to: peer, at: now)
        }
        spare?.stream.stream.reset()
    }
}
