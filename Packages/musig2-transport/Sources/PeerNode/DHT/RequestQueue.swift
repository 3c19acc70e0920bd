import Multiformats

/// Which requests run now and which wait, so that neither one peer nor all together are asked too much at once. Decides
/// only; the caller carries out.
struct RequestQueue<Request> {
    /// What becomes of a new request.
    enum OnAdd: Equatable {
        /// It is to be sent now.
        case start
        /// ``finish(_:)`` will name it.
        case wait
        /// Too many wait already.
        case refuse
    }

    private let maximum: Int
    private let maximumPerPeer: Int
    private let maximumWaiting: Int

    private(set) var running = 0
    private var runningByPeer: [PeerID: Int] = [:]
    private var waiting: [(peer: PeerID, request: Request)] = []

    init(maximum: Int, maximumPerPeer: Int, maximumWaiting: Int) {
        self.maximum = maximum
        self.maximumPerPeer = maximumPerPeer
        self.maximumWaiting = maximumWaiting
    }

    mutating func add(_ request: Request, to peer: PeerID) -> OnAdd {
        if hasRoom(for: peer) {
            start(peer)
            return .start
        }
        guard waiting.count < maximumWaiting else { return .refuse }
        waiting.append((peer, request))
        return .wait
    }

    /// Counts a request to a peer as over.
    ///
    /// - Returns: The request that takes its place, the one that has waited longest among those that may.
    mutating func finish(_ peer: PeerID) -> Request? {
        running -= 1
        let rest = (runningByPeer[peer] ?? 1) - 1
        runningByPeer[peer] = rest > 0 ? rest : nil
        guard let index = waiting.firstIndex(where: { hasRoom(for: $0.peer) }) else { return nil }
        let next = waiting.remove(at: index)
        start(next.peer)
        return next.request
    }

    /// Forgets what waits.
    mutating func removeWaiting() {
        waiting = []
    }

    private mutating func start(_ peer: PeerID) {
        running += 1
        runningByPeer[peer, default: 0] += 1
    }

    private func hasRoom(for peer: PeerID) -> Bool {
        running < maximum && (runningByPeer[peer] ?? 0) < maximumPerPeer
    }
}
