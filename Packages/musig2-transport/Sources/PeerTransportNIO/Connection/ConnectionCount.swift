import Multiformats
import PeerTransport
import Synchronization

/// Counts the connections of a transport, and refuses those above its limits.
final class ConnectionCount: Sendable {
    /// One connection's place in the count.
    final class Slot: Sendable {
        private enum State {
            case halfOpen
            case settled(PeerID)
            case released
        }

        private let count: ConnectionCount
        private let isInbound: Bool
        private let state = Mutex(State.halfOpen)

        fileprivate init(_ count: ConnectionCount, isInbound: Bool) {
            self.count = count
            self.isInbound = isInbound
        }

        /// The handshake is done: the peer is known.
        ///
        /// - Returns: why the connection must be closed, if it must.
        func settle(peer: PeerID) -> TransportError? {
            let isFirst = self.state.withLock { state -> Bool in
                guard case .halfOpen = state else { return false }
                state = .released
                return true
            }
            guard isFirst else { return TransportError(.connectionClosed, "the connection is closed") }
            if let error = self.count.settle(peer, isInbound: self.isInbound) { return error }
            self.state.withLock { $0 = .settled(peer) }
            return nil
        }

        /// The connection is gone.
        func release() {
            let state = self.state.withLock { state -> State in
                defer { state = .released }
                return state
            }
            switch state {
            case .halfOpen: self.count.releaseHalfOpen(isInbound: self.isInbound)
            case .settled(let peer): self.count.release(peer)
            case .released: return
            }
        }
    }

    private struct State {
        var total = 0
        var halfOpenInbound = 0
        var perPeer: [PeerID: Int] = [:]
    }

    private let limits: TCPTransport.Limits
    private let state = Mutex(State())

    init(limits: TCPTransport.Limits) {
        self.limits = limits
    }

    /// Takes a place for a new connection.
    func open(isInbound: Bool) throws(TransportError) -> Slot {
        let limits = self.limits
        try self.state.withLock { (state) throws(TransportError) in
            guard state.total < limits.connections else {
                throw TransportError(.limitExceeded, "connections: expected at most \(limits.connections)")
            }
            if isInbound {
                guard state.halfOpenInbound < limits.halfOpenConnections else {
                    throw TransportError(
                        .limitExceeded, "unfinished inbound handshakes: expected at most \(limits.halfOpenConnections)")
                }
                state.halfOpenInbound += 1
            }
            state.total += 1
        }
        return Slot(self, isInbound: isInbound)
    }

    /// How many connections there are, half-open ones included.
    var total: Int { self.state.withLock { $0.total } }

    private func settle(_ peer: PeerID, isInbound: Bool) -> TransportError? {
        let limit = self.limits.connectionsPerPeer
        return self.state.withLock { state in
            if isInbound { state.halfOpenInbound -= 1 }
            let present = state.perPeer[peer, default: 0]
            guard present < limit else {
                state.total -= 1
                return TransportError(.limitExceeded, "connections with \(peer): expected at most \(limit)")
            }
            state.perPeer[peer] = present + 1
            return nil
        }
    }

    private func releaseHalfOpen(isInbound: Bool) {
        self.state.withLock { state in
            state.total -= 1
            if isInbound { state.halfOpenInbound -= 1 }
        }
    }

    private func release(_ peer: PeerID) {
        self.state.withLock { state in
            state.total -= 1
            let left = state.perPeer[peer, default: 1] - 1
            state.perPeer[peer] = left > 0 ? left : nil
        }
    }
}
