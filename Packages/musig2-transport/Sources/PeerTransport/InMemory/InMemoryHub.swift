import Multiformats
import Synchronization

/// The place in a process where ``InMemoryTransport``s find each other by `/memory/NUMBER` addresses.
public final class InMemoryHub: Sendable {
    /// How much each part of a hub may hold.
    public struct Limits: Sendable, Hashable {
        /// How many bytes one direction of a stream takes before its writer waits.
        public var windowBytes: Int

        /// How many connections may wait to be accepted by a listener.
        public var waitingConnections: Int

        /// How many streams may wait to be accepted on a connection.
        public var waitingStreams: Int

        /// How many streams may be open on a connection, by either side.
        public var streamsPerConnection: Int

        /// Makes limits; values below 1 count as 1.
        ///
        /// - Parameters:
        ///   - windowBytes: How many bytes one direction of a stream takes before its writer waits.
        ///   - waitingConnections: How many connections may wait to be accepted.
        ///   - waitingStreams: How many streams may wait to be accepted.
        ///   - streamsPerConnection: How many streams may be open on a connection.
        public init(
            windowBytes: Int = 256 << 10,
            waitingConnections: Int = 128,
            waitingStreams: Int = 256,
            streamsPerConnection: Int = 1024
        ) {
            self.windowBytes = max(1, windowBytes)
            self.waitingConnections = max(1, waitingConnections)
            self.waitingStreams = max(1, waitingStreams)
            self.streamsPerConnection = max(1, streamsPerConnection)
        }
    }

    private struct State {
        var listeners: [UInt64: InMemoryListener] = [:]
        /// Numbers that the hub gives out, to listeners at `/memory/0` and to dialling sides.
        var lastNumber: UInt64 = 0x1_0000
    }

    let limits: Limits
    private let state = Mutex(State())

    /// Makes an empty hub.
    ///
    /// - Parameter limits: How much each part may hold.
    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// `/memory/number/p2p/peer`, or nil if the peer's id makes the address too long.
    static func address(_ number: UInt64, of peer: PeerID) -> Multiaddr? {
        do throws(MultiaddrError) {
            return try Multiaddr([.memory(number), .p2p(peer)])
        } catch {
            return nil
        }
    }

    func listen(
        as peer: PeerID,
        at requested: UInt64,
        accepting: @escaping ProtocolFilter
    ) throws(TransportError) -> InMemoryListener {
        let result = state.withLock { state -> Result<InMemoryListener, TransportError> in
            var number = requested
            if number == 0 {
                repeat { state.lastNumber &+= 1 } while state.listeners[state.lastNumber] != nil
                number = state.lastNumber
            }
            guard state.listeners[number] == nil else {
                return .failure(TransportError(.addressInUse, "/memory/\(number) has a listener already"))
            }
            guard let address = Self.address(number, of: peer) else {
                return .failure(TransportError(.invalidArgument, "peer id \(peer) is too long for an address"))
            }
            let listener = InMemoryListener(
                peer: peer,
                number: number,
                address: address,
                hub: self,
                accepting: accepting
            )
            state.listeners[number] = listener
            return .success(listener)
        }
        return try result.get()
    }

    func dial(
        _ number: UInt64,
        as peer: PeerID,
        expecting expected: PeerID?,
        accepting: @escaping ProtocolFilter
    ) throws(TransportError) -> InMemoryConnection {
        let (found, dialerNumber) = state.withLock { state in
            state.lastNumber &+= 1
            return (state.listeners[number], state.lastNumber)
        }
        guard let listener = found else {
            throw TransportError(.connectionRefused, "nobody listens at /memory/\(number)")
        }
        if let expected, expected != listener.peer {
            throw TransportError(
                .peerMismatch,
                "expected peer \(expected) at /memory/\(number), found \(listener.peer)"
            )
        }
        guard let dialerAddress = Self.address(dialerNumber, of: peer), let address = listener.addresses.first else {
            throw TransportError(.invalidArgument, "peer id \(peer) is too long for an address")
        }
        let (ours, theirs) = InMemoryConnection.makePair(
            dialer: InMemoryConnection.Side(peer: peer, address: dialerAddress, accepting: accepting),
            listener: InMemoryConnection.Side(peer: listener.peer, address: address, accepting: listener.accepting),
            limits: limits
        )
        switch listener.offer(theirs) {
        case .taken: return ours
        case .closed: throw TransportError(.connectionRefused, "the listener at /memory/\(number) is closed")
        case .full:
            throw TransportError(
                .limitExceeded,
                "\(limits.waitingConnections) connections wait at /memory/\(number) already"
            )
        }
    }

    func remove(_ listener: InMemoryListener, at number: UInt64) {
        state.withLock { state in
            if state.listeners[number] === listener { state.listeners[number] = nil }
        }
    }
}
