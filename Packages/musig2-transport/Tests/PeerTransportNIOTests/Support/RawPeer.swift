import Multiformats
import NIOCore
import NIOPosix
import PeerTransport

@testable import PeerNoise
@testable import PeerProtocols
@testable import PeerTransportNIO

/// The other end of a TCP connection, in the hands of a test: it sends any bytes at all, and after ``secure(_:)`` any yamux
/// frames at all.
final class RawPeer {
    struct Closed: Error {}

    private let channel: any Channel
    private let inbox: BoundedInbox<[UInt8]>
    private var unread: [UInt8] = []
    private var hasEnded = false
    private var plaintext: [UInt8] = []
    /// What came behind the upgrade and was not opened yet.
    private var ciphertext: [UInt8] = []
    private var secured: ConnectionUpgrade.Result?
    private var frames: WebSocketFrameReader?
    /// What the WebSocket of this peer has seen apart from payload.
    private(set) var controls: [WebSocketFrameReader.Action] = []

    private init(_ channel: any Channel, _ inbox: BoundedInbox<[UInt8]>) {
        self.channel = channel
        self.inbox = inbox
    }

    deinit {
        channel.close(promise: nil)
    }

    // MARK: Plain TCP

    /// Connects from `source`, an IP address of this machine, if there is one.
    static func connect(to address: Multiaddr, from source: String? = nil) async throws -> RawPeer {
        guard let target = TCPAddress(address),
            let socketAddress = try await target.resolve(
                within: .seconds(5), on: MultiThreadedEventLoopGroup.singleton.any()
            ).first
        else { throw Closed() }
        let inbox = BoundedInbox<[UInt8]>(capacity: 1_000_000)
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { Self.collect($0, into: inbox) }
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        let channel = try await bootstrap.connect(to: socketAddress).get()
        return RawPeer(channel, inbox)
    }

    /// A listening socket and the first connection that comes to it.
    static func listen() async throws -> (address: Multiaddr, accept: () async throws -> RawPeer) {
        let accepted = BoundedInbox<(any Channel, BoundedInbox<[UInt8]>)>(capacity: 16)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                let inbox = BoundedInbox<[UInt8]>(capacity: 1_000_000)
                return Self.collect(child, into: inbox) { _ = accepted.push((child, inbox)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let local = channel.localAddress, let address = TCPAddress.multiaddr(local, isWebSocket: false) else {
            throw Closed()
        }
        return (
            address,
            {
                guard let (child, inbox) = try await accepted.next() else { throw Closed() }
                channel.close(promise: nil)
                return RawPeer(child, inbox)
            }
        )
    }

    private static func collect(
        _ channel: any Channel, into inbox: BoundedInbox<[UInt8]>, onActive: @escaping @Sendable () -> Void = {}
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(CollectingHandler(inbox, onActive))
        }
    }

    /// Sends bytes as they are, or as one message once there is a WebSocket.
    func send(_ bytes: [UInt8]) async throws {
        try await sendPlain(frames == nil ? bytes : Self.message(bytes))
    }

    /// Sends bytes to a side that may have run out of patience already: whether they arrive decides nothing.
    func sendIfOpen(_ bytes: [UInt8]) async throws {
        do {
            if !bytes.isEmpty { try await sendPlain(bytes) }
        } catch is ChannelError {
            // It has closed.
        } catch is IOError {
            // The same, found by the system.
        }
    }

    func sendPlain(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// What has come, taken out of the WebSocket if there is one; nil once the other side has closed.
    func read() async throws -> [UInt8]? {
        guard frames != nil else { return try await readPlain() }
        while let bytes = try await readPlain() {
            let payload = unwrap(bytes)
            if !payload.isEmpty { return payload }
        }
        return nil
    }

    private func readPlain() async throws -> [UInt8]? {
        if !unread.isEmpty {
            defer { unread = [] }
            return unread
        }
        guard !hasEnded, let bytes = try await inbox.next(), !bytes.isEmpty else {
            hasEnded = true
            return nil
        }
        return bytes
    }

    /// Reads until the other side closes.
    func readToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await read() { all += bytes }
        return all
    }

    /// Leaves what comes in the buffers of the system.
    func stopReading() {
        channel.setOption(.autoRead, value: false).whenFailure { _ in }
    }

    func close() async throws {
        do {
            try await channel.close().get()
        } catch ChannelError.alreadyClosed {
            // The other side was faster, and this one has closed with it.
        }
    }

    // MARK: WebSocket

    /// A client's frame.
    static func message(
        _ payload: [UInt8], kind: WebSocketFrame.Kind = .binary, mask: UInt32? = 0x0102_0304, isFinal: Bool = true
    ) -> [UInt8] {
        let mask = mask.map(WebSocketMask.init)
        let header = WebSocketFrame(kind: kind, length: payload.count, mask: mask)
        var bytes = [UInt8](repeating: 0, count: WebSocketFrame.maximumHeader)
        let count = bytes.withUnsafeMutableBytes { header.write(to: $0) }
        if !isFinal { bytes[0] &= 0x7f }
        var body = payload
        if let mask { payload.withUnsafeBytes { source in body.withUnsafeMutableBytes { mask.copy(source, to: $0) } } }
        return bytes.prefix(count) + body
    }

    /// Opens a WebSocket as a well-behaved client would.
    func openWebSocket() async throws {
        let request = WebSocketKeys.request(host: "127.0.0.1:1", path: "/")
        var handshake = WebSocketHandshake(request, maximumHead: 8192)
        try await sendPlain(handshake.start())
        while let bytes = try await readPlain() {
            var offset = 0
            switch bytes.withUnsafeBytes({ handshake.receive($0, at: &offset) }) {
            case .needMore: continue
            case .agreed:
                frames = WebSocketFrameReader(expectsMask: false, maximumFrame: 1_000_000)
                unread = Array(bytes[offset...])
                return
            case .answer: throw Closed()
            case .fail(let error, _): throw error
            }
        }
        throw Closed()
    }

    private func unwrap(_ bytes: [UInt8]) -> [UInt8] {
        var payload: [UInt8] = []
        var offset = 0
        while let action = bytes.withUnsafeBytes({ frames?.receive($0, at: &offset) }), action != .needMore {
            if case .payload(let range, _) = action {
                payload += bytes[range]
            } else {
                controls.append(action)
            }
        }
        return payload
    }

    // MARK: Secured

    /// Goes through the upgrade as a well-behaved peer would.
    ///
    /// - Parameters:
    ///   - identity: Who it is.
    ///   - isInitiator: Whether it dialled.
    ///   - muxers: What it lists in the handshake.
    ///   - refused: What it proposes before Noise; the other side has to refuse it.
    func secure(
        _ identity: NodeIdentity, isInitiator: Bool = true, muxers: [String] = ["/yamux/1.0.0"],
        refused: String? = nil
    ) async throws {
        try await secure(
            try NoiseCredentials(identity: identity, muxers: muxers), isInitiator: isInitiator, refused: refused)
    }

    func secure(
        _ credentials: NoiseCredentials, isInitiator: Bool = true, refused: String? = nil
    ) async throws {
        var upgrade = ConnectionUpgrade(
            ConnectionUpgrade.Parameters(
                isInitiator: isInitiator, credentials: credentials,
                expectedPeer: nil, maximumMessage: 1024, maximumProposals: 64))
        let header = MultistreamMessage.encode(MultistreamMessage.header)
        var start = upgrade.start()
        if let refused {
            try await send(header + MultistreamMessage.encode(refused))
            start.removeFirst(header.count)
            let answer = header + MultistreamMessage.encode(MultistreamMessage.notAvailable)
            var found: [UInt8] = []
            while found.count < answer.count, let bytes = try await read() { found += bytes }
            guard found == answer else { throw Closed() }
            unread = header
        }
        try await send(start)
        while let bytes = try await read() {
            var offset = 0
            reading: while true {
                let action = bytes.withUnsafeBytes { upgrade.receive($0, at: &offset) }
                switch action {
                case .needMore: break reading
                case .send(let reply): try await send(reply)
                case .done(let result):
                    secured = result
                    plaintext = Array(result.leftover)
                    ciphertext = Array(bytes[offset...])
                    return
                case .fail(let error): throw error
                }
            }
        }
        throw Closed()
    }

    /// Seals bytes of the session and sends them.
    func sendFrames(_ bytes: [UInt8]) async throws {
        try await send(try seal(bytes))
    }

    /// Bytes of the session as they go over the wire.
    func seal(_ bytes: [UInt8]) throws -> [UInt8] {
        guard var secured = self.secured else { throw Closed() }
        var output = ByteBuffer()
        try bytes.withUnsafeBytes { try secured.sealer.seal($0, into: &output) }
        self.secured = secured
        return Array(output.readableBytesView)
    }

    /// A Noise message without plaintext, which the sealer never makes by itself.
    func sealEmpty() throws -> [UInt8] {
        guard var secured = self.secured else { throw Closed() }
        var output = ByteBuffer()
        try secured.sealer.sealMessage(UnsafeRawBufferPointer(start: nil, count: 0)) { output.writeBytes($0) }
        self.secured = secured
        return Array(output.readableBytesView)
    }

    /// The next frame of the session and its body.
    func frame() async throws -> (header: YamuxHeader, body: [UInt8]) {
        let head = try await readPlaintext(YamuxHeader.byteCount)
        guard let header = head.withUnsafeBytes({ YamuxHeader.read($0, at: 0) }) else { throw Closed() }
        let body = header.kind == .data ? try await readPlaintext(Int(header.length)) : []
        return (header, body)
    }

    private func readPlaintext(_ count: Int) async throws -> [UInt8] {
        while plaintext.count < count {
            guard let secured = self.secured else { throw Closed() }
            if ciphertext.isEmpty { ciphertext = try await read() ?? [] }
            guard !ciphertext.isEmpty else { throw Closed() }
            var bytes: [UInt8] = []
            swap(&bytes, &ciphertext)
            var offset = 0
            while let message = try bytes.withUnsafeBytes({ try secured.opener.next($0, at: &offset) }) {
                plaintext += message
            }
        }
        defer { plaintext.removeFirst(count) }
        return Array(plaintext.prefix(count))
    }

    /// Opens a stream and agrees on a protocol, reading every frame up to the agreement.
    func open(_ id: UInt32, _ protocolID: String) async throws {
        let proposal =
            MultistreamMessage.encode(MultistreamMessage.header) + MultistreamMessage.encode(protocolID)
        try await sendFrames(
            wire(.windowUpdate, .syn, id, 0) + wire(.data, [], id, UInt32(proposal.count)) + proposal)
        var answer: [UInt8] = []
        while answer.count < proposal.count {
            let (header, body) = try await frame()
            guard header.streamID == id, !header.flags.contains(.rst) else { throw Closed() }
            answer += body
        }
    }
}

private final class CollectingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: BoundedInbox<[UInt8]>

    private let onActive: @Sendable () -> Void

    init(_ inbox: BoundedInbox<[UInt8]>, _ onActive: @escaping @Sendable () -> Void) {
        self.inbox = inbox
        self.onActive = onActive
    }

    func channelActive(context: ChannelHandlerContext) {
        onActive()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        _ = inbox.push(Array(unwrapInboundIn(data).readableBytesView))
    }

    func channelInactive(context: ChannelHandlerContext) {
        // An empty array stands for the end, behind all that came before it.
        _ = inbox.push([])
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
