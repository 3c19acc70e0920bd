import Multiformats
import NIOCore
import NIOEmbedded
import PeerTransport
import Synchronization

@testable import PeerNoise
@testable import PeerTransportNIO

/// How connections ended; no error stands for good order.
final class Ends: Sendable {
    private let errors = Mutex<[TransportError?]>([])

    var all: [TransportError?] { errors.withLock { $0 } }

    func note(_ error: TransportError?) { errors.withLock { $0.append(error) } }
}

/// One side in an embedded channel, the other a machine in the hands of the test.
final class EmbeddedSide {
    let channel = EmbeddedChannel()
    let count: ConnectionCount
    let identity = NodeIdentity.generateEd25519()
    /// How the connection ended, once it has.
    let closed = Ends()
    var result: Result<TCPConnection, TransportError>?
    private var peer: ConnectionUpgrade
    private(set) var sealer: NoiseSealer?
    private var opener: NoiseOpener?

    /// - Parameters:
    ///   - handler: What stands between it and the channel.
    ///   - address: Where the other side is.
    ///   - count: What it shares with others.
    ///   - responders: The responders that answer streams.
    init(
        before handler: (any ChannelHandler)? = nil, from address: String = "/ip4/127.0.0.1/tcp/1",
        countedBy count: ConnectionCount? = nil, responders: ResponderRegistry? = nil,
        configuration: TCPTransport.Configuration = .init()
    ) throws {
        self.count = count ?? ConnectionCount(limits: configuration.limits)
        peer = ConnectionUpgrade(
            ConnectionUpgrade.Parameters(
                isInitiator: true,
                credentials: try NoiseCredentials(identity: .generateEd25519(), muxers: ["/yamux/1.0.0"]),
                expectedPeer: nil, maximumMessage: 1024, maximumProposals: 64))
        let role = ConnectionHandler.Role(
            isInbound: true, expectedPeer: nil, remoteAddress: try Multiaddr(address),
            accepting: { _ in true }, responders: responders,
            onEvent: { [closed] event in
                if case .closed(_, _, _, let error) = event.kind { closed.note(error) }
            },
            slot: try self.count.open(isInbound: true, from: try Multiaddr(address)))
        let local = TransportIdentity(
            peerID: identity.peerID,
            credentials: try NoiseCredentials(identity: identity, muxers: ["/yamux/1.0.0"]))
        if let handler { try channel.pipeline.syncOperations.addHandler(handler) }
        try channel.pipeline.syncOperations.addHandler(
            ConnectionHandler(
                role: role, local: local, configuration: configuration, sleepWatches: SleepWatches(configuration)
            ) { [weak self] in self?.result = $0 })
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// Goes through the upgrade, as far as the channel lets it.
    func upgrade() throws {
        try deliver(peer.start())
        for _ in 0..<4 where sealer == nil {
            for bytes in try sent() {
                var offset = 0
                reading: while true {
                    switch bytes.withUnsafeBytes({ peer.receive($0, at: &offset) }) {
                    case .needMore: break reading
                    case .send(let reply): try deliver(reply)
                    case .done(let result):
                        sealer = result.sealer
                        opener = result.opener
                        break reading
                    case .fail(let error): throw error
                    }
                }
            }
        }
    }

    func deliver(_ bytes: [UInt8]) throws {
        guard channel.isActive else { return }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    func sealed(_ frames: [UInt8]) throws -> [UInt8] {
        guard var sealer = self.sealer else { return [] }
        var output = ByteBuffer()
        try frames.withUnsafeBytes { try sealer.seal($0, into: &output) }
        self.sealer = sealer
        return Array(output.readableBytesView)
    }

    func sent() throws -> [[UInt8]] {
        var all: [[UInt8]] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            all.append(Array(buffer.readableBytesView))
        }
        return all
    }

    /// The plaintext of everything sent.
    func sentFrames() throws -> [UInt8] {
        let wire = try sent().flatMap { $0 }
        var frames: [UInt8] = []
        var offset = 0
        while let message = try wire.withUnsafeBytes({ try opener?.next($0, at: &offset) }) {
            frames += message
        }
        return frames
    }
}
