import Logging
public import Multiformats
public import PeerTransport
import Synchronization

extension PeerNode {
    /// Connects to a peer, unless there is a connection already. Callers that ask for the same peer at once share one
    /// dial; who knows other addresses than the first, or would not wait, tries again when that one has failed.
    ///
    /// Beside the given addresses those are tried that the node remembers. Each is tried beside the former after
    /// ``PeerNodeConfiguration/dialStagger`` or when that has failed, IPv4 and IPv6 and different transports in turns; the
    /// first that leads to the peer is kept.
    ///
    /// - Parameters:
    ///   - peer: Who must answer.
    ///   - addresses: Where to try; none when the node knows the peer.
    ///   - patience: Whether addresses that failed lately are left alone.
    /// - Throws: One error that tells what became of each address, with the code of the first;
    ///   `TransportError.Code.notConnected` when no address is known, `TransportError.Code.backingOff` when all failed
    ///   lately and the patience is ``DialPatience/afterBackoff``.
    public func connect(
        to peer: PeerID,
        addresses: [Multiaddr] = [],
        patience: DialPatience = .now
    ) async throws(TransportError) {
        try await connect(to: peer, addresses: addresses, patience: patience, within: .any)
    }

    /// Connects to a peer at addresses of one kind, whatever the node would dial beside.
    func connect(
        to peer: PeerID,
        addresses: [Multiaddr],
        patience: DialPatience,
        within filter: AddressFilter
    ) async throws(TransportError) {
        guard peer != localPeer else {
            throw TransportError(.invalidArgument, "peer \(peer) is this node itself")
        }
        let wish = DialWish(addresses: addresses, patience: patience, filter: filter)
        // Whoever began the other dial may have been lied to about the addresses: a DHT is easily.
        guard try await !connect(to: peer, wish, isLast: false) else { return }
        _ = try await connect(to: peer, wish, isLast: true)
    }

    /// Connects to a peer; false when the dial of another caller has failed, who tried less than this one wants to be tried.
    /// With `isLast` the outcome of such a dial counts all the same.
    private func connect(
        to peer: PeerID,
        _ wish: DialWish,
        isLast: Bool
    ) async throws(TransportError) -> Bool {
        enum Start {
            case done
            case refused(TransportError)
            case begin(Latch<Result<Void, TransportError>>)
            case join(Latch<Result<Void, TransportError>>, triesAll: Bool)
        }
        let start = state.withLock { state -> Start in
            guard !state.isShutDown else { return .refused(Self.shutDownError) }
            if state.table.current(to: peer) != nil { return .done }
            if let dial = state.dials[peer] {
                guard dial.isOvertaken else {
                    return .join(dial.outcome, triesAll: dial.wish.covers(wish))
                }
                dial.task?.cancel()
                state.dials[peer] = nil
            }
            guard !state.table.isFull else {
                let limit = configuration.maximumConnections
                return .refused(TransportError(.limitExceeded, "\(limit) connections are open already"))
            }
            guard state.dials.count < configuration.maximumDials else {
                let limit = configuration.maximumDials
                return .refused(TransportError(.limitExceeded, "\(limit) peers are being dialled already"))
            }
            let dial = Latch<Result<Void, TransportError>>()
            state.dials[peer] = Dial(outcome: dial, wish: wish)
            return .begin(dial)
        }
        let dial: Latch<Result<Void, TransportError>>
        var counts = true
        switch start {
        case .done: return true
        case .refused(let error): throw error
        case .join(let latch, let triesAll):
            dial = latch
            counts = triesAll || isLast
        case .begin(let latch):
            dial = latch
            // A task of its own: the caller may be cancelled while others wait for the same peer.
            let task = Task {
                let result = await self.dialAndAdopt(peer, wish)
                state.withLock { if $0.dials[peer]?.outcome === latch { $0.dials[peer] = nil } }
                latch.set(result)
            }
            let isShutDown = state.withLock { state in
                if state.dials[peer]?.outcome === latch { state.dials[peer]?.task = task }
                return state.isShutDown
            }
            if isShutDown { task.cancel() }
        }
        guard let result = await dial.wait() else {
            throw TransportError(.cancelled, "the task that waited for a connection was cancelled")
        }
        if !counts, case .failure = result { return false }
        try result.get()
        return true
    }

    /// Connects to whoever answers at an address.
    ///
    /// - Parameter address: Where to try. With a `/p2p/` end only that peer is taken.
    /// - Returns: Who answered.
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
        noteDial(of: peer, at: address, took: configuration.timeSource.now().uptime - start)
        if let error = adopt(connection) { throw error }
        return peer
    }

    private func dialFilters(_ filter: AddressFilter) -> DialFilters {
        DialFilters(configuration.dialFilter, filter)
    }

    private func dialAndAdopt(
        _ peer: PeerID,
        _ wish: DialWish
    ) async -> Result<Void, TransportError> {
        do throws(TransportError) {
            let race = DialRace(
                peer: peer,
                candidates: try candidates(for: peer, wish),
                configuration: configuration,
                accepting: accepting,
                filters: dialFilters(wish.filter),
                onFailure: { [weak self] address, error in self?.noteDial(of: peer, at: address, failed: error) }
            )
            let winner = try await race.run()
            noteDial(of: peer, at: winner.address, took: winner.duration)
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

    private func noteDial(of peer: PeerID, at address: Multiaddr, took duration: Duration) {
        metrics.dialSucceeded(after: duration)
        guard let bare = address.withoutPeerID else { return }
        let now = configuration.timeSource.now()
        state.withLock { $0.backoff.noteSuccess(peer, bare) }
        peerStore.withLock { $0.noteSuccess(peer, at: bare, at: now.wallMilliseconds) }
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
        _ wish: DialWish
    ) throws(TransportError) -> [DialRace.Candidate] {
        let now = configuration.timeSource.now()
        let remembered = peerStore.withLock { $0.addresses(of: peer, at: now.wallMilliseconds) }
        let filters = dialFilters(wish.filter)
        var seen: Set<Multiaddr> = []
        var candidates: [DialRace.Candidate] = []
        var refused: [String] = []
        for address in wish.addresses + remembered {
            guard let bare = address.withoutPeerID, seen.insert(bare).inserted else { continue }
            if let named = address.peerID, named != peer {
                refused.append("\(address) is of another peer")
            } else if !filters.allow(bare) {
                refused.append("\(address) is not a \(filters) address")
            } else if let transport = transports.first(where: { $0.canDial(address) }) {
                candidates.append(DialRace.Candidate(address: address, transport: transport))
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
        var ordered = DialOrder.alternating(ready, address: \.address)
        switch wish.patience {
        case .now: ordered += zip(candidates, deadlines).filter { $0.1 != nil }.map(\.0)
        case .afterBackoff:
            guard !ordered.isEmpty else {
                let wait = (deadlines.compactMap { $0 }.min() ?? now.uptime) - now.uptime
                throw TransportError(
                    .backingOff, "peer \(peer): all \(candidates.count) addresses failed lately; try again in \(wait)")
            }
        }
        return Array(ordered.prefix(configuration.maximumAddressesPerDial))
    }
}
