import KademliaDHT
import Logging
public import Multiformats
@_spi(Waiting) public import PeerTransport
import Synchronization

extension PeerNode {
    /// Connects to a peer, unless there is a connection already. Callers that ask for the same peer at once share one
    /// dial; what later ones know of addresses is tried beside the rest at once. A dial ends when nobody waits for it.
    ///
    /// Beside the given addresses those are tried that the node remembers. Each is tried beside the former a
    /// moment later or when that has failed, IPv4 and IPv6 and different transports in turns; the
    /// first that leads to the peer is kept.
    ///
    /// - Parameters:
    ///   - peer: The peer that must answer.
    ///   - addresses: Where to try; none when the node knows the peer.
    ///   - respectsBackoff: Whether addresses that failed lately are left alone for a while. Otherwise they are tried last.
    /// - Throws: One error that tells what became of each address, with the code of the first;
    ///   `TransportError.Code.notConnected` when no address is known, `TransportError.Code.backingOff` when all failed
    ///   lately and `respectsBackoff` is set.
    public func connect(
        to peer: PeerID,
        addresses: [Multiaddr] = [],
        respectsBackoff: Bool = false
    ) async throws(TransportError) {
        try await connect(to: peer, DialRequest(addresses: addresses, respectsBackoff: respectsBackoff, filter: .any))
    }

    /// Connects to a peer as a request says.
    func connect(to peer: PeerID, _ request: DialRequest) async throws(TransportError) {
        guard peer != localPeer else {
            throw TransportError(.invalidArgument, "peer \(peer) is this node itself")
        }
        // The caller that began the other dial may have been lied to about the addresses: a DHT is easily.
        guard try await !connect(to: peer, request, isLast: false) else { return }
        _ = try await connect(to: peer, request, isLast: true)
    }

    /// What becomes of a request for a peer.
    private enum Start {
        case done
        case refused(TransportError)
        case begin(Dial)
        case join(Dial)
    }

    /// Connects to a peer; false when the dial of another caller has failed, which this one could not join any more and that
    /// tried less than this one wants to be tried. With `isLast` the outcome of such a dial counts all the same.
    private func connect(
        to peer: PeerID,
        _ request: DialRequest,
        isLast: Bool
    ) async throws(TransportError) -> Bool {
        let dial: Dial
        var counts = true
        switch state.withLock({ start(peer, request, &$0) }) {
        case .done: return true
        case .refused(let error): throw error
        case .join(let other):
            dial = other
            // The caller that began it may have been lied to about the addresses: a DHT is easily.
            counts = other.request.covers(request) || join(other, peer, request) || isLast
        case .begin(let new):
            dial = new
            // A task of its own: the caller may be cancelled while others wait for the same peer.
            let task = Task {
                let result = await self.dialAndAdopt(peer, request, new.race)
                state.withLock { if $0.dials[peer]?.outcome === new.outcome { $0.dials[peer] = nil } }
                new.outcome.set(result)
            }
            let isGone = state.withLock { state in
                guard state.dials[peer]?.outcome === new.outcome else { return true }
                state.dials[peer]?.task = task
                return state.isShutDown
            }
            if isGone { task.cancel() }
        }
        let result = await dial.outcome.wait()
        leave(dial, peer)
        guard let result else {
            throw TransportError(.cancelled, "the task that waited for a connection was cancelled")
        }
        if !counts, case .failure = result { return false }
        try result.get()
        return true
    }

    private func start(_ peer: PeerID, _ request: DialRequest, _ state: inout State) -> Start {
        guard !state.isShutDown else { return .refused(Self.shutDownError) }
        // To a peer that takes no new streams on its connection a further one leads.
        if let current = state.table.current(to: peer), !current.connection.isGoingAway { return .done }
        let isWanted = !request.respectsBackoff
        if let dial = state.dials[peer] {
            if !dial.isOvertaken {
                state.dials[peer]?.waiting += 1
                if isWanted { state.dials[peer]?.isWanted = true }
                return .join(dial)
            }
            dial.task?.cancel()
            state.dials[peer] = nil
        }
        guard !state.table.isFull || state.priorities.isProtected(peer) else {
            let limit = configuration.maximumConnections
            return .refused(TransportError(.limitExceeded, "\(limit) connections are open already"))
        }
        guard hasRoomForDial(isWanted: isWanted, &state) else {
            let limit = configuration.maximumDials
            return .refused(TransportError(.limitExceeded, "\(limit) peers are being dialled already"))
        }
        state.lastDial &+= 1
        let dial = Dial(
            outcome: OneShot(), request: request, race: race(to: peer), number: state.lastDial, isWanted: isWanted)
        state.dials[peer] = dial
        return .begin(dial)
    }

    /// Whether one more peer may be dialled. One that is wanted takes the place of the oldest that is not.
    private func hasRoomForDial(isWanted: Bool, _ state: inout State) -> Bool {
        let limit = max(1, configuration.maximumDials)
        guard isWanted else {
            let unwanted = state.dials.values.count { !$0.isWanted }
            return state.dials.count < limit && unwanted < max(1, limit - limit / 4)
        }
        guard state.dials.count >= limit else { return true }
        let oldest = state.dials.filter { !$0.value.isWanted }.min { $0.value.number < $1.value.number }
        guard let (peer, dial) = oldest else { return false }
        dial.task?.cancel()
        dial.outcome.set(
            .failure(TransportError(.limitExceeded, "the dial of peer \(peer) gave way to one that somebody waits for"))
        )
        state.dials[peer] = nil
        return true
    }

    /// Lets a dial that runs try what one more caller knows, at once; false when it is over.
    private func join(_ dial: Dial, _ peer: PeerID, _ request: DialRequest) -> Bool {
        do throws(TransportError) {
            return dial.race.join(try candidates(for: peer, request))
        } catch {
            // This one knows nothing that could be tried.
            return true
        }
    }

    /// One caller less waits for a dial. It ends when that was the last.
    private func leave(_ dial: Dial, _ peer: PeerID) {
        let task = state.withLock { state -> Task<Void, Never>? in
            guard let running = state.dials[peer], running.outcome === dial.outcome else { return nil }
            state.dials[peer]?.waiting -= 1
            guard running.waiting <= 1 else { return nil }
            state.dials[peer] = nil
            return running.task
        }
        task?.cancel()
    }

    private func race(to peer: PeerID) -> DialRace {
        DialRace(
            to: peer,
            configuration: configuration,
            accepting: accepting,
            admits: { [weak self, time = configuration.timeSource] address in
                let now = time.now().uptime
                return self?.state.withLock { $0.dialBounds.take(address, at: now) } ?? false
            },
            onFailure: { [weak self] address, error in self?.noteDial(of: peer, at: address, failed: error) }
        )
    }

    /// Connects to the peer that answers at an address.
    ///
    /// - Parameter address: Where to try. With a `/p2p/` end only that peer is taken.
    /// - Returns: The peer that answered.
    /// - Throws: What the transport throws.
    public func connect(to address: Multiaddr) async throws(TransportError) -> PeerID {
        if let peer = address.peerID {
            try await connect(to: peer, addresses: [address])
            return peer
        }
        guard let transport = transports.first(where: { $0.canDial(address) }) else {
            throw TransportError(.unsupportedAddress, "no transport here understands \(address)")
        }
        let start = configuration.timeSource.now().uptime
        let connection: any Connection
        do throws(TransportError) {
            let filters = dialFilters(.any)
            guard filters.allow(address) else {
                throw TransportError(.unsupportedAddress, "\(address) is not a \(filters) address")
            }
            connection = try await transport.dial(
                address, expecting: nil, accepting: accepting, allowing: filters.allow)
        } catch {
            metrics.attemptFailed(error.code)
            throw error
        }
        let peer = connection.remotePeer
        noteDial(of: peer, at: address, namedBy: .user, took: configuration.timeSource.now().uptime - start)
        if let error = adopt(connection) { throw error }
        return peer
    }

    private func dialFilters(_ filter: AddressFilter) -> DialFilters {
        DialFilters(configuration.dialFilter, filter)
    }

    private func dialAndAdopt(
        _ peer: PeerID,
        _ request: DialRequest,
        _ race: DialRace
    ) async -> Result<Void, TransportError> {
        do throws(TransportError) {
            let candidates: Result<[DialRace.Candidate], TransportError>
            do throws(TransportError) {
                candidates = .success(try self.candidates(for: peer, request))
            } catch {
                candidates = .failure(error)
            }
            let winner = try await race.run(candidates)
            let places = [winner.address, winner.connection.remoteAddress]
            state.withLock { state in
                for place in Set(places.compactMap(\.withoutPeerID)) { state.dialBounds.noteSuccess(place) }
            }
            noteDial(of: peer, at: winner.address, namedBy: winner.source, took: winner.duration)
            if let error = adopt(winner.connection) { throw error }
            return .success(())
        } catch {
            // The peer may have dialled in the meantime.
            if isConnected(to: peer) { return .success(()) }
            metrics.dialFailed(error.code)
            logger.debug("dial failed", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
            return .failure(error)
        }
    }

    private func noteDial(
        of peer: PeerID, at address: Multiaddr, namedBy source: AddressSource, took duration: Duration
    ) {
        metrics.dialSucceeded(after: duration)
        guard let bare = address.withoutPeerID else { return }
        let now = configuration.timeSource.now()
        state.withLock { $0.backoff.noteSuccess(peer, bare) }
        peerStore.withLock { $0.noteSuccess(peer, at: bare, namedBy: source, at: now.wallMilliseconds) }
        peersChanged()
    }

    private func noteDial(of peer: PeerID, at address: Multiaddr, failed error: TransportError) {
        metrics.attemptFailed(error.code)
        // That this side gave up or was full says nothing about the address.
        let isOurs = [.cancelled, .shutDown, .limitExceeded, .invalidArgument].contains(error.code)
        guard !isOurs, let bare = address.withoutPeerID else { return }
        let now = configuration.timeSource.now()
        state.withLock { $0.backoff.noteFailure(peer, bare, at: now.uptime) }
        peerStore.withLock { store in
            // Somebody else is there: the peer is not behind for long, it is elsewhere.
            if error.code == .peerMismatch { store.remove(bare, of: peer) } else { store.noteFailure(peer, at: bare) }
        }
    }

    /// What to try, and in which order: what the caller named before what is remembered, what failed lately last.
    private func candidates(
        for peer: PeerID,
        _ request: DialRequest
    ) throws(TransportError) -> [DialRace.Candidate] {
        let now = configuration.timeSource.now()
        let remembered = peerStore.withLock { $0.addresses(of: peer, at: now.wallMilliseconds) }
        let hinted = peerStore.withLock { $0.hintedAddresses(of: peer) }
        let filters = dialFilters(request.filter)
        // What the user has named, now or before, leads where the user likes; all else was said by strangers, the peer among them.
        let users = Set((request.source == .user ? request.addresses.compactMap(\.withoutPeerID) : []) + hinted)
        let named = Set(request.source == .stranger ? request.addresses.compactMap(\.withoutPeerID) : [])
        var seen: Set<Multiaddr> = []
        var candidates: [DialRace.Candidate] = []
        var refused: [String] = []
        for address in request.addresses + remembered {
            guard let bare = address.withoutPeerID, seen.insert(bare).inserted else { continue }
            if let named = address.peerID, named != peer {
                refused.append("\(address) is of another peer")
            } else if !filters.allow(bare) {
                refused.append("\(address) is not a \(filters) address")
            } else if named.contains(bare), !users.contains(bare), !Hearsay.isHarmless(bare) {
                refused.append("\(address) is not for a stranger to name")
            } else if let transport = transports.first(where: { $0.canDial(address) }) {
                let source = users.contains(bare) ? AddressSource.user : .stranger
                let isWithin =
                    source == .stranger && bare.isNamed && (request.filter == .any || request.filter == .public)
                candidates.append(
                    DialRace.Candidate(
                        address: address, transport: transport, filters: isWithin ? dialFilters(.public) : filters,
                        source: source, isBounded: request.isBounded))
            } else {
                refused.append("no transport here understands \(address)")
            }
        }
        guard !candidates.isEmpty else {
            if refused.isEmpty {
                throw TransportError(.notConnected, "no address is known for peer \(peer)")
            }
            throw TransportError(.unsupportedAddress, "peer \(peer): \(refused.joined(separator: "; "))")
        }
        let deadlines = state.withLock { state in
            candidates.map { candidate in
                candidate.address.withoutPeerID.flatMap { state.backoff.deadline(for: peer, $0, at: now.uptime) }
            }
        }
        let ready = zip(candidates, deadlines).filter { $0.1 == nil }.map(\.0)
        var ordered = AddressOrder.alternating(ready, address: \.address)
        if !request.respectsBackoff {
            ordered += zip(candidates, deadlines).filter { $0.1 != nil }.map(\.0)
        } else if ordered.isEmpty {
            let wait = (deadlines.compactMap { $0 }.min() ?? now.uptime) - now.uptime
            throw TransportError(
                .backingOff, "peer \(peer): all \(candidates.count) addresses failed lately; try again in \(wait)")
        }
        return Array(ordered.prefix(configuration.maximumAddressesPerDial))
    }
}
