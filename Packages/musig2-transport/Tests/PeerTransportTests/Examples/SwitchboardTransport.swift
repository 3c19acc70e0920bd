import Multiformats
import PeerTransport
import Synchronization

/// Where the peers of this example find each other: the place to put a radio, a serial line or a relay.
final class Switchboard: Sendable {
    fileprivate let lines = Mutex<[UInt64: SwitchboardListener]>([:])
}

/// A transport made from nothing but the public protocols.
struct SwitchboardTransport: Transport {
    let peer: PeerID
    let board: Switchboard

    func canDial(_ address: Multiaddr) -> Bool { line(of: address) != nil }

    func dial(
        _ address: Multiaddr, expecting expected: PeerID?, accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Connection {
        guard let line = line(of: address) else { throw TransportError(.unsupportedAddress, "\(address)") }
        guard let listener = board.lines.withLock({ $0[line] }) else {
            throw TransportError(.connectionRefused, "nobody is on line \(line)")
        }
        // A real transport proves the identity of both sides here; see the text above.
        if let expected = expected ?? address.peerID, expected != listener.peer {
            throw TransportError(.peerMismatch, "expected \(expected), found \(listener.peer)")
        }
        let ours = SwitchboardConnection(peer, listener.peer, address, isInbound: false, accepting)
        let theirs = SwitchboardConnection(listener.peer, peer, address, isInbound: true, listener.accepting)
        ours.join(theirs)
        theirs.join(ours)
        guard listener.calls.put(theirs) else { throw TransportError(.connectionRefused, "line \(line) hung up") }
        return ours
    }

    func listen(
        on address: Multiaddr, accepting: @escaping ProtocolFilter
    ) async throws(TransportError) -> any Listener {
        guard let line = line(of: address) else { throw TransportError(.unsupportedAddress, "\(address)") }
        let listener: SwitchboardListener
        do throws(MultiaddrError) {
            let full = try Multiaddr([.memory(line)]).appending(peer)
            listener = SwitchboardListener(peer: peer, address: full, line: line, board: board, accepting: accepting)
        } catch {
            throw TransportError(.invalidArgument, "\(error)")
        }
        let isFree = board.lines.withLock { lines in
            if lines[line] == nil { lines[line] = listener }
            return lines[line] === listener
        }
        guard isFree else { throw TransportError(.addressInUse, "line \(line) is taken") }
        return listener
    }

    private func line(of address: Multiaddr) -> UInt64? {
        guard case .memory(let line)? = address.components.first else { return nil }
        return address.components.count == (address.peerID == nil ? 1 : 2) ? line : nil
    }
}

private final class SwitchboardListener: Listener {
    let peer: PeerID
    let addresses: [Multiaddr]
    let accepting: ProtocolFilter
    let calls = Inbox<SwitchboardConnection>()
    private let line: UInt64
    private let board: Switchboard

    init(peer: PeerID, address: Multiaddr, line: UInt64, board: Switchboard, accepting: @escaping ProtocolFilter) {
        (self.peer, addresses, self.line) = (peer, [address], line)
        (self.board, self.accepting) = (board, accepting)
    }

    func accept() async throws(TransportError) -> (any Connection)? { try await calls.take() }

    func close() async {
        board.lines.withLock { lines in
            if lines[line] === self { lines[line] = nil }
        }
        for call in calls.end() { await call.close() }
    }
}

private final class SwitchboardConnection: Connection {
    let localPeer: PeerID
    let remotePeer: PeerID
    let remoteAddress: Multiaddr
    let isInbound: Bool
    private let accepting: ProtocolFilter
    private let inbound = Inbox<NegotiatedStream>()
    private let end = Inbox<Never>()
    private let state = Mutex<(other: SwitchboardConnection?, pipes: [Pipe])>((nil, []))

    init(
        _ local: PeerID, _ remote: PeerID, _ address: Multiaddr, isInbound: Bool, _ accepting: @escaping ProtocolFilter
    ) {
        (localPeer, remotePeer, remoteAddress) = (local, remote, address)
        (self.isInbound, self.accepting) = (isInbound, accepting)
    }

    func join(_ other: SwitchboardConnection) { state.withLock { $0.other = other } }

    func openStream(protocols: [ProtocolID]) async throws(TransportError) -> NegotiatedStream {
        guard protocols.allSatisfy(\.isValid), !protocols.isEmpty else {
            throw TransportError(.invalidArgument, "expected valid protocols, found \(protocols)")
        }
        guard let other = state.withLock({ $0.other }) else { throw TransportError(.connectionClosed, "hung up") }
        guard let chosen = protocols.first(where: other.accepting) else {
            throw TransportError(.protocolNotSupported, "\(remotePeer) takes none of \(protocols)")
        }
        let (forth, back) = (Pipe(), Pipe())
        state.withLock { state in
            state.pipes.removeAll(where: \.isOver)
            state.pipes += [forth, back]
        }
        let theirs = NegotiatedStream(stream: PipeStream(input: forth, output: back), protocolID: chosen)
        guard other.inbound.put(theirs) else { throw TransportError(.connectionClosed, "hung up") }
        return NegotiatedStream(stream: PipeStream(input: back, output: forth), protocolID: chosen)
    }

    func acceptStream() async throws(TransportError) -> NegotiatedStream? { try await inbound.take() }

    func close() async {
        guard let other = hangUp() else { return }
        _ = other.hangUp()
    }

    func closed() async -> TransportError? {
        do throws(TransportError) { _ = try await end.take() } catch {}
        return nil
    }

    private func hangUp() -> SwitchboardConnection? {
        let (other, pipes) = state.withLock { state in
            defer { state = (nil, []) }
            return state
        }
        for pipe in pipes { pipe.fail(TransportError(.connectionClosed, "hung up")) }
        _ = inbound.end()
        _ = end.end()
        return other
    }
}

private struct PipeStream: ByteStream {
    let input: Pipe
    let output: Pipe

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? { try await input.read(upTo: maximum) }

    func write(_ bytes: [UInt8]) async throws(TransportError) { try await output.write(bytes) }

    func closeWrite() async throws(TransportError) { try output.finish() }

    func reset() {
        input.fail(TransportError(.streamReset, "reset"))
        output.fail(TransportError(.streamReset, "reset"))
    }
}

/// One direction of a stream: at most 64 KiB wait in it, then the writer does.
private final class Pipe: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isFinished = false
        var failure: TransportError?
    }

    private static let capacity = 64 << 10
    private let state = Mutex(State())
    private let (readable, writable) = (Bell(), Bell())

    var isOver: Bool { state.withLock { $0.failure != nil || ($0.isFinished && $0.bytes.isEmpty) } }

    func read(upTo maximum: Int) async throws(TransportError) -> [UInt8]? {
        guard maximum > 0 else { throw TransportError(.invalidArgument, "read(upTo: \(maximum))") }
        while true {
            let (bytes, isFinished, failure) = state.withLock { state in
                let bytes = Array(state.bytes.prefix(maximum))
                state.bytes.removeFirst(bytes.count)
                return (bytes, state.isFinished, state.failure)
            }
            if let failure { throw failure }
            if !bytes.isEmpty {
                writable.ring()
                return bytes
            }
            if isFinished { return nil }
            try await readable.wait()
        }
    }

    func write(_ bytes: [UInt8]) async throws(TransportError) {
        var rest = bytes[...]
        while true {
            let (count, isFinished, failure) = state.withLock { state in
                let room = state.isFinished || state.failure != nil ? 0 : Self.capacity - state.bytes.count
                state.bytes += rest.prefix(room)
                return (min(room, rest.count), state.isFinished, state.failure)
            }
            if let failure { throw failure }
            if isFinished { throw TransportError(.streamClosed, "closed for writing before") }
            rest = rest.dropFirst(count)
            readable.ring()
            if rest.isEmpty { return }
            try await writable.wait()
        }
    }

    func finish() throws(TransportError) {
        let failure = state.withLock { state in
            state.isFinished = true
            return state.failure
        }
        if let failure { throw failure }
        readable.ring()
    }

    func fail(_ error: TransportError) {
        state.withLock { state in
            if state.failure == nil { state = State(failure: error) }
        }
        readable.ring()
        writable.ring()
    }
}

/// Elements for one task that takes them, until the end.
private final class Inbox<Element: Sendable>: Sendable {
    private let state = Mutex<(elements: [Element], isOver: Bool)>(([], false))
    private let bell = Bell()

    func put(_ element: Element) -> Bool {
        let isTaken = state.withLock { state in
            // A bound for each queue: a peer that opens and opens is refused.
            guard !state.isOver, state.elements.count < 100 else { return false }
            state.elements.append(element)
            return true
        }
        bell.ring()
        return isTaken
    }

    func take() async throws(TransportError) -> Element? {
        while true {
            let (element, isOver) = state.withLock { state in
                (state.elements.isEmpty ? nil : state.elements.removeFirst(), state.isOver)
            }
            if element != nil || isOver { return element }
            try await bell.wait()
        }
    }

    func end() -> [Element] {
        bell.stay()
        return state.withLock { state in
            defer { state = ([], true) }
            return state.elements
        }
    }
}

/// Wakes the task that waits. A ring before the wait counts, so that none is missed; waiters look again after each.
private final class Bell: Sendable {
    private enum State {
        case quiet
        case rung
        case ringingForEver
        case waiting([CheckedContinuation<Void, Never>])
    }

    private let state = Mutex(State.quiet)

    func ring() { wake(into: .rung) }

    /// Rings for every wait from now on.
    func stay() { wake(into: .ringingForEver) }

    func wait() async throws(TransportError) {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    switch state {
                    case .ringingForEver: return false
                    case .rung:
                        state = .quiet
                        return false
                    case .quiet where Task.isCancelled: return false
                    case .quiet:
                        state = .waiting([continuation])
                        return true
                    case .waiting(let others):
                        state = .waiting(others + [continuation])
                        return true
                    }
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            wake(into: .quiet)
        }
        if Task.isCancelled { throw TransportError(.cancelled, "the waiting task was cancelled") }
    }

    private func wake(into next: State) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            switch state {
            case .waiting(let continuations):
                if case .ringingForEver = next { state = next } else { state = .quiet }
                return continuations
            case .ringingForEver: return []
            case .quiet, .rung:
                // A cancelled wait takes no ring away from the next one.
                if case .quiet = next { return [] }
                state = next
                return []
            }
        }
        for continuation in waiting { continuation.resume() }
    }
}
