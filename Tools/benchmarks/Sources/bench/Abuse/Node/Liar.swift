import Foundation
import Logging
import Multiformats
import NIOCore
import NIOPosix
import PeerNode
import PeerTransport
import PeerTransportNIO
import Synchronization
import WireCodec

/// A server of the DHT as everybody runs it.
final class HonestServer: Sendable {
    /// Where it listens, with its peer id.
    let address: String
    let peer: PeerID
    private let node: PeerNode

    init() throws {
        let node = try PeerNode(
            identity: .generateEd25519(), logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        self.node = node
        self.peer = node.localPeer
        self.address = try waiting {
            try await node.listen(on: [Multiaddr("/ip4/127.0.0.1/tcp/0")]).first?.description ?? ""
        }
    }

    /// Joins the network, and returns when it knows it.
    func begin(at address: Multiaddr) throws {
        let node = self.node
        try node.startDHT(NodeDHT.Configuration(mode: .server, prefix: NodeAttackScene.prefix, bootstrap: [address]))
        try waiting { for await status in node.dhtStatusUpdates() where status.isReady { return } }
    }

    deinit {
        let node = self.node
        Task { await node.shutdown() }
    }
}

/// A server of the DHT that answers whatever it is asked with peers at forged addresses.
final class Liar: Sendable {
    /// Where it listens, with its peer id.
    let address: String
    private let node: PeerNode
    private let handler: LyingHandler

    /// How many of its answers were sent.
    var answers: Int { self.handler.count.load(ordering: .relaxed) }

    init(forging addresses: [[UInt8]], leavesAfterAnswer leaves: Bool = false) throws {
        let node = try PeerNode(
            identity: .generateEd25519(), logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let handler = LyingHandler(addresses) { [weak node] peer in
            if leaves { await node?.disconnect(peer) }
        }
        try node.register(handler)
        self.node = node
        self.handler = handler
        self.address = try waiting {
            try await node.listen(on: [Multiaddr("/ip4/127.0.0.1/tcp/0")]).first?.description ?? ""
        }
    }

    /// Comes to a node, unless it is there already, or not let in.
    func visit(_ address: Multiaddr) throws {
        let node = self.node
        try waiting {
            do {
                _ = try await node.connect(to: address)
            } catch is TransportError {
                // It may try again.
            }
        }
    }

    deinit {
        let node = self.node
        Task { await node.shutdown() }
    }
}

/// Waits on this thread for what is done on others.
private func waiting<Value: Sendable>(for body: @escaping @Sendable () async throws -> Value) throws -> Value {
    let isDone = DispatchSemaphore(value: 0)
    let result = Mutex<Result<Value, any Error>?>(nil)
    Task.detached {
        do {
            let value = try await body()
            result.withLock { $0 = .success(value) }
        } catch {
            result.withLock { $0 = .failure(error) }
        }
        isDone.signal()
    }
    isDone.wait()
    guard let result = result.withLock({ $0 }) else { throw AttackScene.Failure(description: "nothing was done") }
    return try result.get()
}

private final class LyingHandler: ProtocolHandler {
    let name = "liar"
    let protocolIDs = [ProtocolID(NodeAttackScene.kademlia)]
    let count = Atomic(0)
    private let addresses: [[UInt8]]
    private let onAnswered: @Sendable (PeerID) async -> Void

    init(_ addresses: [[UInt8]], onAnswered: @escaping @Sendable (PeerID) async -> Void) {
        self.addresses = addresses
        self.onAnswered = onAnswered
    }

    func handle(_ stream: NegotiatedStream, from peer: PeerID) async {
        var decoder = FrameDecoder(maximumLength: WireLimits.standard.kademliaMessageBytes)
        do {
            while let bytes = try await stream.stream.read(upTo: 65_536) {
                for frame in try decoder.feed(bytes) {
                    let request = try KademliaMessage(decoding: frame)
                    let peers = try (0..<20).map { _ in
                        KademliaMessage.Peer(id: try AttackScene.peer().bytes, addresses: self.addresses)
                    }
                    let answer = KademliaMessage(kind: request.kind, key: request.key, closerPeers: peers)
                    try await stream.stream.write(FrameEncoder.encode(answer.encoded()))
                    self.count.wrappingAdd(1, ordering: .relaxed)
                    await self.onAnswered(peer)
                }
            }
        } catch {
            // The node has had enough of it.
        }
        stream.stream.reset()
    }
}

/// A program of this machine that acts on requests: what the addresses of liars lead to.
final class RequestTrap: Sendable {
    private let channel: any Channel
    private let count: Counter

    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    /// How many requests for something else than `/` have come.
    var requests: Int { self.count.value.load(ordering: .relaxed) }

    init() throws {
        let count = Counter()
        self.count = count
        self.channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        RequestCounter { bytes in
                            if bytes.starts(with: "GET /".utf8), !bytes.starts(with: "GET / ".utf8) {
                                count.value.wrappingAdd(1, ordering: .relaxed)
                            }
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
    }

    deinit {
        self.channel.close(promise: nil)
    }

    /// Addresses that lead to it with a path, by port and by name.
    var forgedAddresses: [[UInt8]] {
        get throws {
            let port = self.channel.localAddress?.port ?? 0
            return try ["ip4/127.0.0.1", "dns4/localhost"].map {
                try Multiaddr("/\($0)/tcp/\(port)/ws/http-path/cgi-bin%2Freboot%3Fconfirm=1").bytes
            }
        }
    }
}

private final class RequestCounter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let onRead: @Sendable ([UInt8]) -> Void

    init(_ onRead: @escaping @Sendable ([UInt8]) -> Void) {
        self.onRead = onRead
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.onRead(Array(self.unwrapInboundIn(data).readableBytesView))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
