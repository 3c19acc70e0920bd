import Multiformats
import NIOCore
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
        /// Who answers streams on the event loop.
        var responders: ResponderRegistry?
        /// Who is told what becomes of it.
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
    /// Noise messages without plaintext that are taken from one of our pings to the next.
    private static let maximumEmptyMessages = 4096

    let role: Role
    private let local: TransportIdentity
    let configuration: TCPTransport.Configuration
    var established: Established?

    var phase = Phase.idle
    var context: ChannelHandlerContext?
    private var sealer: NoiseSealer?
    var ciphertext = ByteBuffer()
    var mailbox: LoopMailbox?
    var stageTimer: Scheduled<Void>?
    var keepAliveTimer: Scheduled<Void>?
    let sleepWatches: SleepWatches
    var sleepWatch: SleepWatch?
    var pings: UInt32 = 0
    /// Whether anything came since the last ping was sent.
    var hasReceived = false
    private var isFlushing = false
    private var unsentAnswers = 0
    /// When the Noise message was sent that is not answered yet, and when bytes came last; and the time until an answer came, at
    /// most a second.
    private var lastSent: NIODeadline?
    private var lastReceived: NIODeadline?
    private var roundTrip = TimeAmount.seconds(1)
    var orderly = false
    private let departure = TCPConnection.Departure()
    var failure: TransportError?
    let end = OneShot<TransportError?>()
    private let created = NIODeadline.now()
    var remotePeer: PeerID?
    var bytesReceived: UInt64 = 0
    var bytesSent: UInt64 = 0
    private var emptyMessages = 0

    init(
        role: Role, local: TransportIdentity, configuration: TCPTransport.Configuration, sleepWatches: SleepWatches,
        established: @escaping Established
    ) {
        self.role = role
        self.local = local
        self.configuration = configuration
        self.sleepWatches = sleepWatches
        self.established = established
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.makeEvictable()
        if context.channel.isActive { self.begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.finish(TransportError(.connectionClosed, "the connection was closed"))
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.begin()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(self.closedByOther)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(
            error as? TransportError
                ?? TransportError(.connectionClosed, "the connection broke", underlying: SystemError.text(error)))
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.unsentAnswers = 0
            self.flush()
        }
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        if self.lastSent != nil { self.lastReceived = NIODeadline.now() }
        self.hasReceived = true
        self.bytesReceived &+= UInt64(buffer.readableBytes)
        if case .running(let multiplexer, _) = self.phase { multiplexer.beginRead() }
        buffer.withUnsafeReadableBytes { self.receive($0) }
        self.flush()
    }

    // MARK: Upgrade

    private func begin() {
        guard case .idle = self.phase else { return }
        var upgrade = ConnectionUpgrade(
            ConnectionUpgrade.Parameters(
                isInitiator: !self.role.isInbound, credentials: self.local.credentials,
                expectedPeer: self.role.expectedPeer,
                maximumMessage: self.configuration.limits.multistreamMessage,
                maximumProposals: self.configuration.limits.multistreamProposals))
        self.ciphertext.writeBytes(upgrade.start())
        self.phase = .upgrading(upgrade)
        self.armStageTimer(upgrade.stage)
        self.flush()
        guard case .upgrading(var upgrade) = self.phase else { return }
        upgrade.prepare()
        self.phase = .upgrading(upgrade)
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset < bytes.count {
            switch self.phase {
            case .upgrading(let upgrade):
                self.receive(upgrade, bytes, &offset)
            case .running(let multiplexer, let opener):
                self.receive(multiplexer, opener, bytes, &offset)
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
            self.phase = .upgrading(upgrade)
            if !upgrade.awaitsAnswer { self.noteRoundTrip() }
            switch action {
            case .needMore:
                if upgrade.stage != stage { self.armStageTimer(upgrade.stage) }
                return
            case .send(let reply):
                self.ciphertext.writeBytes(reply)
            case .done(let result):
                return self.run(result)
            case .fail(let error):
                return self.fail(error)
            }
        }
    }

    private func noteRoundTrip() {
        guard let lastSent = self.lastSent, let lastReceived = self.lastReceived else { return }
        self.roundTrip = min(self.roundTrip, lastReceived - lastSent)
        self.lastSent = nil
    }

    private func run(_ result: ConnectionUpgrade.Result) {
        guard let context = self.context else { return }
        self.stageTimer?.cancel()
        if let error = self.role.slot.settle(peer: result.peer.peerID) { return self.fail(error, at: .admission) }
        self.remotePeer = result.peer.peerID
        let loopBound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let mailbox = LoopMailbox(eventLoop: context.eventLoop) { loopBound.value.takeMail() }
        let accepted = BoundedInbox<NegotiatedStream>(capacity: max(1, self.configuration.limits.inboundStreams))
        let multiplexer = StreamMultiplexer(
            role: self.role, remotePeer: result.peer.peerID, eventLoop: context.eventLoop,
            configuration: self.configuration, accepted: accepted, roundTrip: self.roundTrip,
            post: { mailbox.post(.stream($0)) }, inSocket: { [weak self] in self?.bytesInSocket ?? 0 },
            onTimer: { [weak self] in self?.flush() }, onUnread: { [weak self] in self?.fail($0) })
        self.mailbox = mailbox
        self.sealer = result.sealer
        self.phase = .running(multiplexer, result.opener)
        self.armKeepAlive()
        self.watchSleep()
        let connection = TCPConnection(
            localPeer: self.local.peerID, remotePeer: result.peer.peerID, remoteAddress: self.role.remoteAddress,
            isInbound: self.role.isInbound, mailbox: mailbox, accepted: accepted,
            sendBuffer: self.configuration.limits.streamSendBuffer, end: self.end,
            departure: self.departure)
        self.tell(
            .established(
                result.peer.peerID, handshake: .nanoseconds((NIODeadline.now() - self.created).nanoseconds)))
        self.answer(.success(connection))
        if !result.leftover.isEmpty {
            self.handle(multiplexer.receive(result.leftover))
            multiplexer.wakeReaders()
        }
    }

    func answer(_ result: Result<TCPConnection, TransportError>) {
        let established = self.established
        self.established = nil
        established?(result)
    }

    // MARK: Running

    private func receive(
        _ multiplexer: StreamMultiplexer, _ opener: NoiseOpener, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) {
        do throws(NoiseError) {
            while let plaintext = try opener.next(bytes, at: &offset) {
                if plaintext.isEmpty { try self.countEmptyMessage() }
                self.handle(multiplexer.receive(plaintext))
                guard case .running = self.phase else { return }
            }
            multiplexer.wakeReaders()
        } catch {
            self.fail(TransportError(.securityFailed, error.description))
        }
    }

    /// Some implementations send a message without plaintext; nobody sends them all the time.
    private func countEmptyMessage() throws(NoiseError) {
        self.emptyMessages += 1
        guard self.emptyMessages <= Self.maximumEmptyMessages else {
            throw .emptyMessages(maximum: Self.maximumEmptyMessages)
        }
    }

    private func handle(_ outcome: StreamMultiplexer.Outcome) {
        switch outcome {
        case .goOn: return
        case .remoteGoesAway:
            self.orderly = true
            self.departure.say()
        case .fail(let error): self.fail(error)
        }
    }

    /// Lets go of the room that a burst took, since most connections are idle most of the time, and begins to count anew.
    func shrink() {
        self.emptyMessages = 0
        guard case .running(let multiplexer, let opener) = self.phase else { return }
        multiplexer.shrink()
        opener.shrink()
        if self.ciphertext.readableBytes == 0 { self.ciphertext = ByteBuffer() }
        self.context?.triggerUserOutboundEvent(ReleaseBuffers(), promise: nil)
    }

    /// Does what tasks asked for.
    private func takeMail() {
        guard let mailbox = self.mailbox else { return }
        for item in mailbox.drain() {
            guard case .running(let multiplexer, _) = self.phase else {
                Self.refuse(item)
                continue
            }
            switch item {
            case .stream(let core): multiplexer.look(at: core)
            case .open(let protocols, let answer): multiplexer.open(protocols, answer)
            case .close: self.close(multiplexer)
            }
        }
        self.flush()
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
        guard !self.isFlushing else { return }
        self.isFlushing = true
        defer { self.isFlushing = false }
        while let context = self.context {
            var serving: StreamMultiplexer?
            if case .running(let multiplexer, _) = self.phase {
                let hadAnswers = multiplexer.hasAnswers
                if multiplexer.hasWork {
                    if context.channel.isWritable {
                        multiplexer.fill(upTo: Self.batch)
                    } else {
                        self.countAnswers(multiplexer.output.readableBytes)
                    }
                    self.seal(multiplexer)
                }
                if hadAnswers || multiplexer.hasAnswers { serving = multiplexer }
            }
            guard self.ciphertext.readableBytes > 0 else { return self.letGoOfBuffers(serving) }
            if case .upgrading(let upgrade) = self.phase, upgrade.awaitsAnswer, self.lastSent == nil {
                self.lastSent = NIODeadline.now()
            }
            let bytes = self.ciphertext
            self.ciphertext.moveReaderIndex(to: self.ciphertext.writerIndex)
            self.bytesSent &+= UInt64(bytes.readableBytes)
            let written = serving.map { self.promiseOfAnswers(bytes.storageCapacity, $0, context) }
            context.writeAndFlush(self.wrapOutboundOut(bytes), promise: written)
        }
    }

    func seal(_ multiplexer: StreamMultiplexer) {
        guard multiplexer.output.readableBytes > 0, var sealer = self.sealer else { return }
        // Cleared storage is used again, unless a write still holds it.
        if self.ciphertext.readableBytes == 0 { self.ciphertext.clear() }
        do throws(NoiseError) {
            try multiplexer.output.readableBytesUInt8Span.bytes.withUnsafeBytes { (bytes) throws(NoiseError) in
                try sealer.seal(bytes, into: &self.ciphertext)
            }
            self.sealer = sealer
            multiplexer.output.clear()
        } catch {
            multiplexer.output.clear()
            self.sealer = nil
            self.fail(TransportError(.securityFailed, error.description))
        }
    }

    /// Answers go out even when the socket is full, but not without end: a peer that asks and never reads is cut off.
    private func countAnswers(_ count: Int) {
        self.unsentAnswers += count
        let limit = self.configuration.limits.unsentAnswers
        guard self.unsentAnswers > limit else { return }
        self.fail(
            TransportError(
                .limitExceeded, "the other side does not read: expected at most \(limit) bytes of answers to wait"))
    }
}
