import Multiformats
import PeerTransport

/// Tries the addresses of one peer, each a little after the one before or when that has failed, until one leads to it.
struct DialRace {
    /// An address with the transport that understands it.
    struct Candidate: Sendable {
        var address: Multiaddr
        var transport: any Transport
    }

    /// The connection that won, and where.
    struct Winner: Sendable {
        var connection: any Connection
        var address: Multiaddr
        /// How long this address took.
        var duration: Duration
    }

    /// What the attempts tell the one who races them.
    private enum Step: Sendable {
        case reached(Winner)
        case failed(Multiaddr, TransportError)
        case nextIsDue
        case tooLate
    }

    let peer: PeerID
    let candidates: [Candidate]
    let configuration: PeerNodeConfiguration
    let accepting: ProtocolFilter
    let filters: DialFilters
    /// Is told of each address that did not lead to the peer.
    let onFailure: @Sendable (Multiaddr, TransportError) -> Void

    /// Runs the race.
    ///
    /// - Returns: The first connection; those that come later are closed.
    /// - Throws: One error that tells what became of each address, with the code of the first.
    func run() async throws(TransportError) -> Winner {
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
                if case .reached(let late) = step { Task { await late.connection.close() } }
            }
        }
        var failures: [(Multiaddr, TransportError)] = []
        var waiting = candidates[...]
        var running = 0
        func startNext() {
            guard running < max(1, configuration.maximumParallelAttempts), let next = waiting.popFirst() else { return }
            running += 1
            tasks.append(attempt(next, into: steps))
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
            case .reached(let winner): return winner
            case .nextIsDue: startNext()
            case .failed(let address, let error):
                running -= 1
                failures.append((address, error))
                onFailure(address, error)
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
        throw PeerNode.shutDownError
    }

    private func attempt(_ candidate: Candidate, into steps: BoundedInbox<Step>) -> Task<Void, any Error> {
        Task { [peer, accepting, filters, time = configuration.timeSource] in
            do throws(TransportError) {
                let start = time.now().uptime
                let connection = try await candidate.transport.dial(
                    candidate.address, expecting: peer, accepting: accepting, allowing: filters.allow)
                let winner = Winner(
                    connection: connection, address: candidate.address, duration: time.now().uptime - start)
                if steps.push(.reached(winner)) != .taken { await connection.close() }
            } catch {
                _ = steps.push(.failed(candidate.address, error))
            }
        }
    }

    private static func summary(of failures: [(Multiaddr, TransportError)], for peer: PeerID) -> TransportError {
        let parts = failures.map { "\($0.0): \($0.1)" }.joined(separator: "; ")
        return TransportError(failures.first?.1.code ?? .notConnected, "could not reach peer \(peer): \(parts)")
    }
}
