import Multiformats
import NIOCore
import PeerNoise
import PeerProtocols
@_spi(Waiting) import PeerTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The one handler of a connection: it feeds received bytes to the upgrade and then through the cipher to the streams, and
/// carries out what they ask for.
///
/// Writing may call back into the handler: a socket that fails closes the channel inside `writeAndFlush`. So every event
/// first brings all state up to date, and bytes leave in one place, ``flush()``, after which nothing is touched.
final class ConnectionHandler: ChannelInboundHandler, SleepWatching {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Called once, on the event loop, when the connection is ready or has failed to become so.
    typealias Established = (Result<TCPConnection, TransportError>) -> Void

    /// What a handler is made for.
    struct Role {
        var isInbound: Bool
        var expectedPeer: PeerID?
        var remoteAddress: Multiaddr
        var accepting: ProtocolFilter
        /// The responders that answer streams on the event loop.
        var responders: ResponderRegistry?
        /// The handler that is told what becomes of it.
        var onEvent: TransportEventHandler?
        /// The place in the count of connections that it holds until it is closed.
        var slot: ConnectionCount.Slot
    }

    enum Phase {
        case idle
        /// Apart, since it is large, and what runs is looked at with every frame.
        indirect case upgrading(ConnectionUpgrade)
        case running(StreamMultiplexer, NoiseOpener)
        /// Everything was said; only the end of the connection is awaited.
        case closing
        case closed
    }

    /// Plaintext that is sealed and written in one go: four Noise messages.
    private static let batch = 4 * NoiseFraming.sealedPlaintext

    let role: Role
    private let local: TransportIdentity
    let configuration: TCPTransport.Configuration
    let sleepWatches: SleepWatches
    private let departure = TCPConnection.Departure()
    let end = OneShot<TransportError?>()
    private let created = NIODeadline.now()

    var phase = Phase.idle
    var context: ChannelHandlerContext?
    /// The user of the connection, and what it is told.
    var user: User
    var wire = Wire()
    var timers = Timers()
    var keepAlive: KeepAlive
    private var roundTrip = RoundTripMeter()
    var ending = ConnectionEnding()

    /// What ties the handler to the user of the connection.
    struct User {
        /// Told once, when the connection is ready or has failed to become so.
        var established: Established?
        /// The peer, once it is proven.
        var peer: PeerID?
        var mailbox: LoopMailbox?
    }

    /// What goes over the socket.
    struct Wire {
        var sealer: NoiseSealer?
        /// Sealed bytes that are to be written.
        var ciphertext = ByteBuffer()
        var isFlushing = false
        /// Bytes of answers since the socket was full.
        var unsentAnswers = 0
        var bytesReceived: UInt64 = 0
        var bytesSent: UInt64 = 0

        /// The bytes to write now.
        mutating func takeCiphertext() -> ByteBuffer {
            let bytes = ciphertext
            ciphertext.moveReaderIndex(to: ciphertext.writerIndex)
            bytesSent &+= UInt64(bytes.readableBytes)
            return bytes
        }
    }

    /// What wakes the handler.
    struct Timers {
        var stage: Scheduled<Void>?
        var keepAlive: Scheduled<Void>?
        var sleepWatch: SleepWatch?
    }

    init(
        role: Role, local: TransportIdentity, configuration: TCPTransport.Configuration, sleepWatches: SleepWatches,
        established: @escaping Established
    ) {
        self.role = role
        self.local = local
        self.configuration = configuration
        self.sleepWatches = sleepWatches
        user = User(established: established)
        keepAlive = KeepAlive(configuration.timeouts)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        makeEvictable()
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(TransportError(.connectionClosed, "the connection was closed"))
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(closedByOther)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(
            error as? TransportError
                ?? TransportError(.connectionClosed, "the connection broke", underlying: SystemError.text(error)))
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            wire.unsentAnswers = 0
            flush()
        }
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        roundTrip.received(at: .now())
        keepAlive.received()
        wire.bytesReceived &+= UInt64(buffer.readableBytes)
        if case .running(let multiplexer, _) = phase { multiplexer.beginRead() }
        buffer.withUnsafeReadableBytes { receive($0) }
        flush()
    }

    // MARK: Upgrade

    private func begin() {
        guard case .idle = phase else { return }
        var upgrade = ConnectionUpgrade(
            ConnectionUpgrade.Parameters(
                isInitiator: !role.isInbound, credentials: local.credentials,
                expectedPeer: role.expectedPeer,
                maximumMessage: configuration.limits.multistreamMessage,
                maximumProposals: configuration.limits.multistreamProposals))
        wire.ciphertext.writeBytes(upgrade.start())
        phase = .upgrading(upgrade)
        armStageTimer(upgrade.stage)
        flush()
        guard case .upgrading(var upgrade) = phase else { return }
        upgrade.prepare()
        phase = .upgrading(upgrade)
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset < bytes.count {
            switch phase {
            case .upgrading(let upgrade):
                receive(upgrade, bytes, &offset)
            case .running(let multiplexer, let opener):
                receive(multiplexer, opener, bytes, &offset)
            case .idle, .closing, .closed:
                return
            }
        }
    }

    private func receive(_ upgrade: ConnectionUpgrade, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int) {
        var upgrade = upgrade
        let stage = upgrade.stage
        while true {
            let action = upgrade.receive(bytes, at: &offset)
            phase = .upgrading(upgrade)
            if !upgrade.awaitsAnswer { roundTrip.answered() }
            switch action {
            case .needMore:
                if upgrade.stage != stage { armStageTimer(upgrade.stage) }
                return
            case .send(let reply):
                wire.ciphertext.writeBytes(reply)
            case .done(let result):
                return run(result)
            case .fail(let error):
                return fail(error)
            }
        }
    }

    private func run(_ result: ConnectionUpgrade.Result) {
        guard let context = self.context else { return }
        timers.stage?.cancel()
        if let error = role.slot.settle(peer: result.peer.peerID) { return fail(error, at: .admission) }
        user.peer = result.peer.peerID
        let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let mailbox = LoopMailbox(eventLoop: context.eventLoop) { loopBound.value.takeMail() }
        let accepted = BoundedInbox<NegotiatedStream>(capacity: max(1, configuration.limits.inboundStreams))
        let multiplexer = StreamMultiplexer(
            role: role, remotePeer: result.peer.peerID, eventLoop: context.eventLoop,
            configuration: configuration, accepted: accepted, roundTrip: roundTrip.shortest,
            post: { mailbox.post(.stream($0)) }, inSocket: { [weak self] in self?.bytesInSocket ?? 0 },
            onTimer: { [weak self] in self?.flush() }, onUnread: { [weak self] in self?.fail($0) })
        user.mailbox = mailbox
        wire.sealer = result.sealer
        phase = .running(multiplexer, result.opener)
        armKeepAlive(after: keepAlive.firstPing)
        watchSleep()
        let connection = TCPConnection(
            localPeer: local.peerID, remotePeer: result.peer.peerID, remoteAddress: role.remoteAddress,
            isInbound: role.isInbound, mailbox: mailbox, accepted: accepted,
            sendBuffer: configuration.limits.streamSendBuffer, end: end,
            departure: departure)
        tell(
            .established(
                result.peer.peerID, handshake: .nanoseconds((NIODeadline.now() - created).nanoseconds)))
        answer(.success(connection))
        if !result.leftover.isEmpty {
            handle(multiplexer.receive(result.leftover))
            multiplexer.wakeReaders()
        }
    }

    func answer(_ result: Result<TCPConnection, TransportError>) {
        let established = user.established
        user.established = nil
        established?(result)
    }

    // MARK: Running

    private func receive(
        _ multiplexer: StreamMultiplexer, _ opener: NoiseOpener, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) {
        do throws(NoiseError) {
            while let plaintext = try opener.next(bytes, at: &offset) {
                guard !plaintext.isEmpty || keepAlive.receivedEmptyMessage() else {
                    throw .emptyMessages(maximum: KeepAlive.maximumEmptyMessages)
                }
                handle(multiplexer.receive(plaintext))
                guard case .running = phase else { return }
            }
            multiplexer.wakeReaders()
        } catch {
            fail(TransportError(.securityFailed, error.description))
        }
    }

    private func handle(_ outcome: StreamMultiplexer.Outcome) {
        switch outcome {
        case .continue: return
        case .remoteGoesAway:
            ending.isAnnounced()
            departure.say()
        case .fail(let error): fail(error)
        }
    }

    /// Lets go of the room that a burst took, since most connections are idle most of the time.
    func shrink() {
        guard case .running(let multiplexer, let opener) = phase else { return }
        multiplexer.shrink()
        opener.shrink()
        if wire.ciphertext.readableBytes == 0 { wire.ciphertext = ByteBuffer() }
        context?.triggerUserOutboundEvent(ReleaseBuffers(), promise: nil)
    }

    /// Does what tasks asked for.
    private func takeMail() {
        guard let mailbox = user.mailbox else { return }
        for item in mailbox.drain() {
            guard case .running(let multiplexer, _) = phase else {
                Self.refuse(item)
                continue
            }
            switch item {
            case .stream(let core): multiplexer.service(core)
            case .open(let protocols, let answer): multiplexer.open(protocols, answer)
            case .close: close(multiplexer)
            }
        }
        flush()
    }

    static func refuse(_ item: LoopMailbox.Item) {
        let error = TransportError(.connectionClosed, "the connection is closed")
        switch item {
        case .open(_, let answer): answer.set(.failure(error))
        case .stream(let core): if core.id == 0 { core.fail(error, keepsInbox: false) }
        case .close: return
        }
    }

    // MARK: Sending

    /// Seals and writes what is there, as long as the socket takes it. The only place where bytes leave.
    func flush() {
        guard !wire.isFlushing else { return }
        wire.isFlushing = true
        defer { wire.isFlushing = false }
        while let context = self.context {
            var serving: StreamMultiplexer?
            if case .running(let multiplexer, _) = phase {
                let hadAnswers = multiplexer.hasAnswers
                if multiplexer.hasWork {
                    if context.channel.isWritable {
                        multiplexer.fill(upTo: Self.batch)
                    } else {
                        countAnswers(multiplexer.output.readableBytes)
                    }
                    seal(multiplexer)
                }
                if hadAnswers || multiplexer.hasAnswers { serving = multiplexer }
            }
            guard wire.ciphertext.readableBytes > 0 else { return letGoOfBuffers(serving) }
            if case .upgrading(let upgrade) = phase, upgrade.awaitsAnswer { roundTrip.sent(at: .now()) }
            let bytes = wire.takeCiphertext()
            let written = serving.map { promiseOfAnswers(bytes.storageCapacity, $0, context) }
            context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
        }
    }

    func seal(_ multiplexer: StreamMultiplexer) {
        guard multiplexer.output.readableBytes > 0, var sealer = wire.sealer else { return }
        // Cleared storage is used again, unless a write still holds it.
        if wire.ciphertext.readableBytes == 0 { wire.ciphertext.clear() }
        do throws(NoiseError) {
            try multiplexer.output.readableBytesUInt8Span.bytes.withUnsafeBytes { (bytes) throws(NoiseError) in
                try sealer.seal(bytes, into: &wire.ciphertext)
            }
            wire.sealer = sealer
            multiplexer.output.clear()
        } catch {
            multiplexer.output.clear()
            wire.sealer = nil
            fail(TransportError(.securityFailed, error.description))
        }
    }

    /// Answers go out even when the socket is full, but not without end: a peer that asks and never reads is cut off.
    private func countAnswers(_ count: Int) {
        wire.unsentAnswers += count
        let limit = configuration.limits.unsentAnswers
        guard wire.unsentAnswers > limit else { return }
        fail(
            TransportError(
                .limitExceeded, "the other side does not read: expected at most \(limit) bytes of answers to wait"))
    }
}
