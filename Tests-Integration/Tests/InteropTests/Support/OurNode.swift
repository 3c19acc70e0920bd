import Logging
import Multiformats
import PeerNode
import PeerTransport
import PeerTransportNIO
import Synchronization

/// A node of ours, with the two protocols of the tests.
struct OurNode: Sendable {
    let node: PeerNode
    private let streams: AsyncStream<any ByteStream>
    private let watch = PeerWatch()

    var id: PeerID { node.localPeer }

    /// Starts a node.
    ///
    /// - Parameters:
    ///   - identity: Its identity.
    ///   - listen: Where it listens.
    init(identity: NodeIdentity, listen: [String]) async throws {
        node = try PeerNode(
            identity: identity, logger: Logger(label: "interop", factory: { _ in SwiftLogNoOpLogHandler() }))
        let (streams, continuation) = AsyncStream.makeStream(of: (any ByteStream).self)
        self.streams = streams
        try node.register(EchoHandler())
        try node.register(ManualHandler(streams: continuation))
        node.addObserver(watch)
        try await node.listen(on: try listen.map { try Multiaddr($0) })
    }

    /// Opens a stream to a peer.
    func open(_ protocolID: ProtocolID, to peer: PeerID) async throws -> any ByteStream {
        try await node.openStream(to: peer, protocols: [protocolID]).stream
    }

    /// Waits for the next stream that a peer opened with the manual protocol.
    func nextStream() async throws -> any ByteStream {
        try await bounded("a stream at our node") {
            for await stream in streams { return stream }
            throw InteropError("our node has ended")
        }
    }

    /// Waits until there is a connection to a peer.
    func connected(to peer: PeerID) async throws {
        try await bounded("a connection at our node") { await watch.wait { $0[peer] != nil } }
    }

    /// Waits until there is no connection to a peer.
    func disconnected(from peer: PeerID) async throws {
        try await bounded("the end of a connection at our node") { await watch.wait { $0[peer] == nil } }
    }

    /// Waits until a peer has identified itself.
    ///
    /// - Parameters:
    ///   - peer: The peer.
    ///   - protocolID: What it must say that it serves.
    /// - Returns: What it has said.
    @discardableResult
    func identified(_ peer: PeerID, serving protocolID: ProtocolID) async throws -> PeerInformation {
        try await bounded("what a peer of our node serves") {
            await watch.wait { $0[peer]?.protocols.contains(protocolID) == true }
        }
        guard let information = node.information(of: peer) else { throw InteropError("the peer has gone") }
        return information
    }
}

/// Sends back what comes until the other side has closed its half.
private struct EchoHandler: ProtocolHandler {
    let name = "interop-echo"
    let protocolIDs = [PythonNode.echoProtocol]

    func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
        do throws(TransportError) {
            while let bytes = try await stream.stream.read(upTo: 65_536) { try await stream.stream.write(bytes) }
            try await stream.stream.closeWrite()
        } catch {
            stream.stream.reset()
        }
    }
}

/// Hands streams to the test.
private struct ManualHandler: ProtocolHandler {
    let name = "interop-manual"
    let protocolIDs = [PythonNode.manualProtocol]
    let streams: AsyncStream<any ByteStream>.Continuation

    func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
        streams.yield(stream.stream)
    }
}

/// Knows which peers are connected and what they have said, and wakes the tasks that wait for a change.
private final class PeerWatch: PeerObserver {
    private struct State {
        var peers: [PeerID: PeerInformation] = [:]
        var waiting: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Mutex(State())

    func peerConnected(_ peer: PeerID) { set(PeerInformation(), of: peer) }
    func peerIdentified(_ peer: PeerID, _ information: PeerInformation) { set(information, of: peer) }
    func peerDisconnected(_ peer: PeerID) { set(nil, of: peer) }

    private func set(_ information: PeerInformation?, of peer: PeerID) {
        let waiting = state.withLock { state in
            state.peers[peer] = information
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.finish() }
    }

    /// Waits until a condition holds, or the task is cancelled.
    func wait(until condition: ([PeerID: PeerInformation]) -> Bool) async {
        while !Task.isCancelled {
            let changed = state.withLock { state -> AsyncStream<Void>? in
                guard !condition(state.peers) else { return nil }
                let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
                state.waiting.append(continuation)
                return stream
            }
            guard let changed else { return }
            for await _ in changed {}
        }
    }
}
