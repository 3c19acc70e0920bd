import Multiformats
import PeerTransport
import Synchronization

/// The network of a node that is attacked: what comes is what the attack says, and it is known when the node has done with it.
final class AttackedNetwork: PeerNetwork {
    private struct State {
        var waiting: [PeerNetworkEvent] = []
        /// The node, asleep until something comes.
        var consumer: CheckedContinuation<[PeerNetworkEvent], Never>?
        /// Whoever waits until the node asks for more.
        var giver: CheckedContinuation<Void, Never>?
        var connected: Set<PeerID> = []
        var answers: [(frame: [UInt8], peer: PeerID)] = []
        var isClosed = false
    }

    let localPeer: PeerID
    let addresses: [Multiaddr]
    private let state = Mutex(State())

    init(localPeer: PeerID, addresses: [Multiaddr]) {
        self.localPeer = localPeer
        self.addresses = addresses
    }

    /// Gives events to the node, and returns when it has done all that follows and asks for more.
    func give(_ events: [PeerNetworkEvent]) async {
        await withCheckedContinuation { giver in
            let consumer = self.state.withLock { state in
                for event in events {
                    switch event {
                    case .connected(let peer): state.connected.insert(peer)
                    case .disconnected(let peer): state.connected.remove(peer)
                    default: break
                    }
                }
                state.giver = giver
                state.waiting += events
                return Self.wake(&state)
            }
            consumer?()
        }
    }

    func isConnected(_ peer: PeerID) -> Bool { self.state.withLock { $0.connected.contains(peer) } }

    /// What the node has sent since the last call.
    func takeAnswers() -> [(frame: [UInt8], peer: PeerID)] {
        self.state.withLock { state in
            defer { state.answers = [] }
            return state.answers
        }
    }

    // MARK: What the node asks for

    func nextEvents() async -> [PeerNetworkEvent] {
        await withCheckedContinuation { consumer in
            let next = self.state.withLock { state -> (() -> Void)? in
                state.consumer = consumer
                if let wake = Self.wake(&state) { return wake }
                guard let giver = state.giver else { return nil }
                state.giver = nil
                return { giver.resume() }
            }
            next?()
        }
    }

    func connect(to peer: PeerID, addresses: [Multiaddr]) {}

    func send(_ frame: [UInt8], to peer: PeerID) {
        self.state.withLock { if $0.connected.contains(peer) { $0.answers.append((frame, peer)) } }
    }

    func disconnect(_ peer: PeerID) {
        self.state.withLock { state in
            guard state.connected.remove(peer) != nil else { return }
            // What was on its way is lost with the connection.
            state.waiting.removeAll { event in
                if case .frame(_, peer) = event { true } else { false }
            }
            state.waiting.append(.disconnected(peer))
        }
    }

    func shutdown() async {
        let consumer = self.state.withLock { state in
            state.isClosed = true
            state.waiting = []
            return Self.wake(&state)
        }
        consumer?()
    }

    private static func wake(_ state: inout State) -> (() -> Void)? {
        guard let consumer = state.consumer, state.isClosed || !state.waiting.isEmpty else { return nil }
        state.consumer = nil
        let events = state.waiting
        state.waiting = []
        return { consumer.resume(returning: events) }
    }
}
