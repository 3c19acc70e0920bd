import Logging
public import Multiformats
public import PeerTransport
import Synchronization

extension PeerNode {
    /// Connects to a peer, unless there is a connection already. Callers that ask for the same peer at once share one
    /// dial.
    ///
    /// Addresses are tried in order, the next one beside the former after ``PeerNodeConfiguration/dialStagger`` or when
    /// that has failed; the first that leads to the peer is kept.
    ///
    /// - Parameters:
    ///   - peer: Who must answer.
    ///   - addresses: Where to try.
    /// - Throws: One error that tells what became of each address, with the code of the first.
    public func connect(to peer: PeerID, addresses: [Multiaddr]) async throws(TransportError) {
        guard peer != localPeer else {
            throw TransportError(.invalidArgument, "peer \(peer) is this node itself")
        }
        enum Start {
            case done
            case refused(TransportError)
            case begin(Latch<Result<Void, TransportError>>)
            case join(Latch<Result<Void, TransportError>>)
        }
        let start = state.withLock { state -> Start in
            guard !state.isShutDown else { return .refused(Self.shutDownError) }
            if state.table.current(to: peer) != nil { return .done }
            if let dial = state.dials[peer] {
                guard dial.isOvertaken else { return .join(dial.outcome) }
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
            state.dials[peer] = Dial(outcome: dial)
            return .begin(dial)
        }
        let dial: Latch<Result<Void, TransportError>>
        switch start {
        case .done: return
        case .refused(let error): throw error
        case .join(let latch): dial = latch
        case .begin(let latch):
            dial = latch
            // A task of its own: the caller may be cancelled while others wait for the same peer.
            let task = Task {
                let result = await self.dialAndAdopt(peer, addresses)
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
        try result.get()
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
        let connection = try await transport.dial(address, expecting: nil, accepting: accepting)
        if let error = adopt(connection) { throw error }
        return connection.remotePeer
    }

    private func dialAndAdopt(_ peer: PeerID, _ addresses: [Multiaddr]) async -> Result<Void, TransportError> {
        do throws(TransportError) {
            let connection = try await race(to: peer, addresses)
            if let error = adopt(connection) { throw error }
            return .success(())
        } catch {
            // The peer may have dialled in the meantime.
            if isConnected(to: peer) { return .success(()) }
            metrics.dialFailed(error.code)
            logger.debug("dial failed", metadata: ["peer.remote": "\(peer)", "error": "\(error)"])
            return .failure(error)
        }
    }

    /// What the attempts tell the one who races them.
    private enum Step: Sendable {
        case reached(any Connection)
        case failed(Multiaddr, TransportError)
        case nextIsDue
        case tooLate
    }

    private func race(to peer: PeerID, _ addresses: [Multiaddr]) async throws(TransportError) -> any Connection {
        let candidates = try candidates(for: peer, addresses)
        let time = configuration.timeSource
        let steps = BoundedInbox<Step>(capacity: 4 * candidates.count + 8)
        let deadline = Task { [limit = configuration.dialTimeout] in
            try await time.sleep(limit)
            _ = steps.push(.tooLate)
        }
        var tasks: [Task<Void, any Error>] = [deadline]
        defer {
            for task in tasks { task.cancel() }
            // Whoever is reached after the race has no use for it.
            for step in steps.close() {
                if case .reached(let late) = step { Task { await late.close() } }
            }
        }
        var failures: [(Multiaddr, TransportError)] = []
        var waiting = candidates[...]
        func startNext() {
            guard let (address, transport) = waiting.popFirst() else { return }
            tasks.append(attempt(address, by: transport, peer, into: steps))
            guard !waiting.isEmpty else { return }
            tasks.append(
                Task { [stagger = configuration.dialStagger] in
                    try await time.sleep(stagger)
                    _ = steps.push(.nextIsDue)
                }
            )
        }
        startNext()
        while let step = try await steps.next() {
            switch step {
            case .reached(let connection): return connection
            case .nextIsDue: startNext()
            case .failed(let address, let error):
                failures.append((address, error))
                if failures.count == candidates.count { throw Self.summary(of: failures, for: peer) }
                startNext()
            case .tooLate:
                throw TransportError(
                    .timedOut,
                    "peer \(peer) was not reached at any of \(candidates.count) addresses within "
                        + "\(configuration.dialTimeout)"
                )
            }
        }
        throw Self.shutDownError
    }

    private func attempt(
        _ address: Multiaddr,
        by transport: any Transport,
        _ peer: PeerID,
        into steps: BoundedInbox<Step>
    ) -> Task<Void, any Error> {
        Task { [accepting] in
            do throws(TransportError) {
                let connection = try await transport.dial(address, expecting: peer, accepting: accepting)
                if steps.push(.reached(connection)) != .taken { await connection.close() }
            } catch {
                _ = steps.push(.failed(address, error))
            }
        }
    }

    private func candidates(
        for peer: PeerID,
        _ addresses: [Multiaddr]
    ) throws(TransportError) -> [(Multiaddr, any Transport)] {
        var seen: Set<Multiaddr> = []
        var candidates: [(Multiaddr, any Transport)] = []
        var refused: [String] = []
        for address in addresses where seen.insert(address).inserted {
            if let named = address.peerID, named != peer {
                refused.append("\(address) is of another peer")
            } else if let transport = transports.first(where: { $0.canDial(address) }) {
                candidates.append((address, transport))
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
        return Array(candidates.prefix(configuration.maximumAddressesPerDial))
    }

    private static func summary(of failures: [(Multiaddr, TransportError)], for peer: PeerID) -> TransportError {
        let parts = failures.map { "\($0.0): \($0.1)" }.joined(separator: "; ")
        return TransportError(failures.first?.1.code ?? .notConnected, "could not reach peer \(peer): \(parts)")
    }
}
