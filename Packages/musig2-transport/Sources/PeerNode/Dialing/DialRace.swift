import Multiformats
import PeerTransport

/// Tries the addresses of one peer, each a little after the one before or when that has failed, until one leads to it. Others
/// may join while it runs, with what they know.
final class DialRace: Sendable {
    /// An address with the transport that understands it.
    struct Candidate: Sendable {
        var address: Multiaddr
        var transport: any Transport
        /// Where it may lead.
        var filters: DialFilters
        /// The source that named it.
        var source = AddressSource.user
        /// Whether the places count that it leads to.
        var isBounded = false
    }

    /// The connection that won, and where.
    struct Winner: Sendable {
        var connection: any Connection
        var address: Multiaddr
        /// The source that named it.
        var source: AddressSource
        /// How long this address took.
        var duration: Duration
    }

    /// What the attempts tell the one that races them.
    private enum Step: Sendable {
        /// What joined before the race began is there.
        case begin
        case joined([Candidate])
        case reached(Winner)
        case failed(Multiaddr, TransportError)
        case nextIsDue
        case tooLate(Int)
    }

    /// The most addresses that are tried, those of all that join together.
    private static let maximumCandidates = 64

    let peer: PeerID
    private let configuration: PeerNode.Configuration
    private let accepting: ProtocolFilter
    /// Whether a place may be dialled for a stranger now.
    private let admits: @Sendable (Multiaddr) -> Bool
    /// Is told of each address that did not lead to the peer.
    private let onFailure: @Sendable (Multiaddr, TransportError) -> Void
    private let steps = BoundedInbox<Step>(capacity: 16 * maximumCandidates)

    init(
        to peer: PeerID,
        configuration: PeerNode.Configuration,
        accepting: @escaping ProtocolFilter,
        admits: @escaping @Sendable (Multiaddr) -> Bool,
        onFailure: @escaping @Sendable (Multiaddr, TransportError) -> Void
    ) {
        self.peer = peer
        self.configuration = configuration
        self.accepting = accepting
        self.admits = admits
        self.onFailure = onFailure
    }

    /// Adds addresses, which are tried at once.
    ///
    /// - Returns: False when the race is over.
    func join(_ candidates: [Candidate]) -> Bool {
        candidates.isEmpty || steps.push(.joined(candidates)) == .taken
    }

    /// Runs the race.
    ///
    /// - Parameter candidates: What to try, in this order; or why there is nothing, which counts if nobody joins.
    /// - Returns: The first connection; those that come later are closed.
    /// - Throws: One error that tells what became of each address, with the code of the first.
    func run(_ candidates: Result<[Candidate], TransportError>) async throws(TransportError) -> Winner {
        var tasks: [Task<Void, any Error>] = []
        defer {
            for task in tasks { task.cancel() }
            // A peer that is reached after the race has no use for it.
            for step in steps.close() {
                if case .reached(let late) = step { Task { await late.connection.close() } }
            }
        }
        var failures: [(Multiaddr, TransportError)] = []
        var known: Set<Multiaddr> = []
        var waiting: [Candidate] = []
        var running = 0
        var rounds = 0
        func add(_ candidates: [Candidate]) {
            var new: [Candidate] = []
            for candidate in candidates where known.count < Self.maximumCandidates {
                let bare = candidate.address.withoutPeerID ?? candidate.address
                if known.insert(bare).inserted { new.append(candidate) }
            }
            // A caller that joins may know better than those that were there before.
            waiting = new + waiting
            rounds += 1
            tasks.append(later(configuration.dialTimeout, .tooLate(rounds)))
        }
        func startNext(isJoining: Bool = false) {
            // The first address of one that joins is tried beside however many hang.
            guard running < max(1, configuration.maximumParallelAttempts) || isJoining, !waiting.isEmpty else { return }
            running += 1
            tasks.append(attempt(waiting.removeFirst()))
            if !waiting.isEmpty { tasks.append(later(configuration.dialStagger, .nextIsDue)) }
        }
        var reason: TransportError?
        switch candidates {
        case .success(let candidates): add(candidates)
        case .failure(let error): reason = error
        }
        startNext()
        _ = steps.push(.begin)
        while let step = try await steps.next() {
            switch step {
            case .begin: if known.isEmpty, let reason { throw reason }
            case .joined(let candidates):
                let count = known.count
                add(candidates)
                if known.count > count { startNext(isJoining: true) }
            case .reached(let winner): return winner
            case .nextIsDue: startNext()
            case .failed(let address, let error):
                running -= 1
                failures.append((address, error))
                onFailure(address, error)
                if failures.count == known.count { throw Self.summary(of: failures, for: peer) }
                startNext()
            case .tooLate(let round):
                // A caller that joined later has the whole time.
                guard round == rounds else { continue }
                throw TransportError(
                    .timedOut,
                    "peer \(peer) was not reached at any of \(known.count) addresses within "
                        + "\(configuration.dialTimeout)"
                )
            }
        }
        throw PeerNode.shutDownError
    }

    private func later(_ delay: Duration, _ step: Step) -> Task<Void, any Error> {
        Task { [steps, time = configuration.timeSource] in
            try await time.sleep(delay)
            _ = steps.push(step)
        }
    }

    private func attempt(_ candidate: Candidate) -> Task<Void, any Error> {
        Task { [peer, accepting, admits, steps, time = configuration.timeSource] in
            do throws(TransportError) {
                let start = time.now().uptime
                let isBounded = candidate.isBounded
                // A name is bounded by where it leads.
                if isBounded, !candidate.address.isNamed, !admits(candidate.address) {
                    throw TransportError(
                        .limitExceeded, "\(candidate.address) was dialled often enough for those who name it")
                }
                let filters = candidate.filters
                let connection = try await candidate.transport.dial(
                    candidate.address, expecting: peer, accepting: accepting,
                    givenBy: candidate.source,
                    allowing: { filters.allow($0) && (!isBounded || !candidate.address.isNamed || admits($0)) })
                let winner = Winner(
                    connection: connection, address: candidate.address, source: candidate.source,
                    duration: time.now().uptime - start)
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
