import Multiformats
import NIOCore
import NIOPosix
import PeerTransport
import PeerTransportNIO

/// A transport that listens and one that dials it, in one process: it answers pings where they are read, and serves an echo
/// and a sink by tasks.
struct TransportPair {
    static let echoID: ProtocolID = "/bench/echo/1.0.0"
    static let sinkID: ProtocolID = "/bench/sink/1.0.0"
    static let pingID: ProtocolID = "/ipfs/ping/1.0.0"

    private let groups: [MultiThreadedEventLoopGroup]
    private let dialler: TCPTransport
    private let listener: any Listener
    private let server: Task<Void, any Error>

    /// Listens.
    ///
    /// - Parameters:
    ///   - loops: 1 for both ends on one event loop, 2 for one each.
    ///   - connections: The most connections at the same time.
    ///   - offersMuxerEarly: Whether the multiplexer is agreed on inside the Noise handshake.
    ///   - isWebSocket: Whether WebSocket lies between TCP and all else.
    static func start(
        loops: Int, connections: Int = 16, offersMuxerEarly: Bool = true, isWebSocket: Bool = false
    ) async throws -> Self {
        let groups = (0..<loops).map { _ in MultiThreadedEventLoopGroup(numberOfThreads: 1) }
        var configuration = TCPTransport.Configuration()
        configuration.limits.connectionsPerPeer = connections
        configuration.offersMuxerEarly = offersMuxerEarly
        let responders = ResponderRegistry()
        try responders.register(Self.pingID) { _ in EchoResponder() }
        let listening = try TCPTransport(
            identity: .generateEd25519(), configuration: configuration, responders: responders, group: groups[0])
        let dialler = try TCPTransport(
            identity: .generateEd25519(), configuration: configuration, group: groups[loops - 1])
        let address = try Multiaddr("/ip4/127.0.0.1/tcp/0" + (isWebSocket ? "/ws" : ""))
        let listener = try await listening.listen(on: address) {
            $0 == Self.echoID || $0 == Self.sinkID
        }
        let server = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                while let connection = try await listener.accept() {
                    group.addTask {
                        while let opened = try await connection.acceptStream() { try await Self.serve(opened) }
                    }
                }
                try await group.waitForAll()
            }
        }
        return Self(groups: groups, dialler: dialler, listener: listener, server: server)
    }

    func dial() async throws -> any Connection {
        try await self.dialler.dial(self.listener.addresses[0], expecting: nil) { _ in false }
    }

    func stop() async throws {
        await self.listener.close()
        try await self.server.value
        for group in self.groups { try await group.shutdownGracefully() }
    }

    private static func serve(_ opened: NegotiatedStream) async throws {
        do throws(TransportError) {
            try await serveBench(opened)
        } catch {
            guard error.code == .connectionClosed else { throw error }
        }
    }
}

/// Writes back what comes, or throws it away, until the other side has said everything or is gone.
func serveBench(_ opened: NegotiatedStream) async throws(TransportError) {
    let isEcho = opened.protocolID == TransportPair.echoID
    while let bytes = try await opened.stream.read(upTo: isEcho ? 4_096 : 256 << 10) {
        if isEcho { try await opened.stream.write(bytes) }
    }
    try await opened.stream.closeWrite()
}

/// Sends back what comes, where it was read.
final class EchoResponder: StreamResponder {
    func receive(_ bytes: [UInt8]) -> ResponderAction { .send(bytes) }

    func receiveEnd() -> ResponderAction { .finish([]) }
}
