import NIOCore
import PeerTransport

/// Makes a WebSocket look like a plain connection to the handler above: that becomes active when the handshake is done, reads
/// payloads and writes messages, one for each write.
///
/// As everywhere on a connection, writing may call back: state is brought up to date before bytes leave.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Which side this is.
    enum Role {
        case client(WebSocketHandshake.Request)
        case server
    }

    private enum Phase {
        case idle
        case handshake(WebSocketHandshake)
        case open
        /// Nothing is read any more.
        case closed
    }

    /// Payloads up to this size are copied behind their header; larger ones are written from where they are.
    private static let copyLimit = 4096

    private let isClient: Bool
    private let configuration: TCPTransport.Configuration
    private let handshake: WebSocketHandshake
    private var reader: WebSocketFrameReader
    private var masks = WebSocketMasks()
    private var phase = Phase.idle
    private var hasSentClose = false
    private var timer: Scheduled<Void>?
    private var unsentPongs = 0
    /// Used again and again, unless a write still holds them.
    private var received = ByteBuffer()
    private var frame = ByteBuffer()

    init(_ role: Role, configuration: TCPTransport.Configuration) {
        let maximumHead = configuration.limits.webSocketHead
        switch role {
        case .client(let request):
            self.isClient = true
            self.handshake = WebSocketHandshake(request, maximumHead: maximumHead)
        case .server:
            self.isClient = false
            self.handshake = WebSocketHandshake(maximumHead: maximumHead)
        }
        self.configuration = configuration
        self.reader = WebSocketFrameReader(
            expectsMask: !self.isClient, maximumFrame: configuration.limits.webSocketFrame)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        if case .handshake = self.phase {
            self.fail(
                context,
                TransportError(.connectionClosed, "the other side closed the connection in the WebSocket handshake"),
                nil)
        }
        self.phase = .closed
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        var offset = 0
        if case .handshake = self.phase {
            buffer.withUnsafeReadableBytes { self.shakeHands(context, $0, &offset) }
        }
        if case .open = self.phase { self.receive(context, buffer, offset) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.unsentPongs = 0 }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Handshake

    private func begin(_ context: ChannelHandlerContext) {
        guard case .idle = self.phase else { return }
        self.phase = .handshake(self.handshake)
        let limit = self.configuration.timeouts.webSocket
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) { [weak self] in
            self?.fail(
                context, TransportError(.timedOut, "the WebSocket handshake took longer than \(limit)"), nil)
        }
        let request = self.handshake.start()
        if !request.isEmpty { context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil) }
    }

    private func shakeHands(
        _ context: ChannelHandlerContext, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) {
        guard case .handshake(var handshake) = self.phase else { return }
        let action = handshake.receive(bytes, at: &offset)
        switch action {
        case .needMore:
            self.phase = .handshake(handshake)
        case .answer(let key):
            let response = WebSocketHandshake.response(accept: WebSocketKeys.accept(key: key))
            self.open(context, ByteBuffer(bytes: response))
        case .agreed:
            self.open(context, nil)
        case .fail(let error, let reply):
            if !reply.isEmpty { context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: reply)), promise: nil) }
            self.fail(context, TransportError(.notAPeer, error.description), nil)
        }
    }

    private func open(_ context: ChannelHandlerContext, _ response: ByteBuffer?) {
        self.timer?.cancel()
        self.phase = .open
        // What the handler above says first goes out together with the response.
        if let response { context.write(self.wrapOutboundOut(response), promise: nil) }
        context.fireChannelActive()
        if response != nil { context.flush() }
    }

    // MARK: Reading

    private func receive(_ context: ChannelHandlerContext, _ buffer: ByteBuffer, _ start: Int) {
        var gathered = ByteBuffer()
        swap(&gathered, &self.received)
        gathered.clear()
        let (payload, pong, end) = self.read(buffer, from: start, gathering: &gathered)
        // Everything is taken note of: from here on the handler may be called back.
        if let payload {
            context.fireChannelRead(self.wrapInboundOut(payload))
        } else if gathered.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(gathered))
        }
        self.received = gathered
        if let pong { self.answer(context, pong) }
        self.carryOut(context, end)
    }

    /// Reads frames to the end of a buffer.
    ///
    /// - Returns: The payload, if it is all in one place and has no mask on it; otherwise it is gathered. Of several pings the last
    ///   may be answered alone (section 5.5.3).
    private func read(
        _ buffer: ByteBuffer, from start: Int, gathering gathered: inout ByteBuffer
    ) -> (payload: ByteBuffer?, pong: [UInt8]?, end: Action) {
        buffer.withUnsafeReadableBytes { bytes in
            var offset = start
            var plain: Range<Int>?
            var pong: [UInt8]?
            var end: Action?
            while end == nil {
                switch self.reader.receive(bytes, at: &offset) {
                case .needMore:
                    end = .goOn
                case .payload(let range, nil) where plain == nil && gathered.readableBytes == 0:
                    plain = range
                case .payload(let range, let mask):
                    if let first = plain { gathered.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[first])) }
                    plain = nil
                    Self.append(UnsafeRawBufferPointer(rebasing: bytes[range]), mask, to: &gathered)
                case .ping(let bytes):
                    pong = bytes
                case .close(let code):
                    end = .close(code)
                case .violation(let error):
                    end = .fail(error)
                }
            }
            let payload = plain.flatMap { buffer.getSlice(at: buffer.readerIndex + $0.lowerBound, length: $0.count) }
            return (payload, pong, end ?? .goOn)
        }
    }

    private enum Action {
        case goOn
        case close(UInt16?)
        case fail(WebSocketError)
    }

    private func carryOut(_ context: ChannelHandlerContext, _ action: Action) {
        guard case .open = self.phase else { return }
        switch action {
        case .goOn:
            return
        case .close(let code):
            self.phase = .closed
            self.sendClose(context, code ?? 1000)
            guard let code, code != 1000 else { return context.close(promise: nil) }
            context.fireErrorCaught(
                TransportError(.connectionClosed, "the other side closed the WebSocket with code \(code)"))
        case .fail(let error):
            self.fail(context, TransportError(.protocolViolation, error.description), error.closeCode)
        }
    }

    private static func append(
        _ source: UnsafeRawBufferPointer, _ mask: WebSocketMask?, to payload: inout ByteBuffer
    ) {
        guard let mask else {
            payload.writeBytes(source)
            return
        }
        payload.writeWithUnsafeMutableBytes(minimumWritableBytes: source.count) { target in
            mask.copy(source, to: target)
            return source.count
        }
    }

    private func answer(_ context: ChannelHandlerContext, _ ping: [UInt8]) {
        guard !self.hasSentClose, case .open = self.phase else { return }
        if !context.channel.isWritable {
            self.unsentPongs += ping.count + WebSocketFrame.maximumHeader
            let limit = self.configuration.limits.unsentAnswers
            guard self.unsentPongs <= limit else {
                return self.fail(
                    context,
                    TransportError(
                        .limitExceeded,
                        "the other side does not read: expected at most \(limit) bytes of answers to wait"), nil)
            }
        }
        self.write(context, .pong, ByteBuffer(bytes: ping), promise: nil)
        context.flush()
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.hasSentClose else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        self.write(context, .binary, self.unwrapOutboundIn(data), promise: promise)
    }

    private func write(
        _ context: ChannelHandlerContext, _ kind: WebSocketFrame.Kind, _ payload: ByteBuffer,
        promise: EventLoopPromise<Void>?
    ) {
        let mask = self.isClient ? self.masks.next() : nil
        let header = WebSocketFrame(kind: kind, length: payload.readableBytes, mask: mask)
        self.frame.clear()
        self.frame.writeWithUnsafeMutableBytes(minimumWritableBytes: WebSocketFrame.maximumHeader) {
            header.write(to: $0)
        }
        guard mask != nil || payload.readableBytes <= Self.copyLimit else {
            context.write(self.wrapOutboundOut(self.frame), promise: nil)
            return context.write(self.wrapOutboundOut(payload), promise: promise)
        }
        payload.withUnsafeReadableBytes { Self.append($0, mask, to: &self.frame) }
        context.write(self.wrapOutboundOut(self.frame), promise: promise)
    }

    /// The handler above closes, or its half: the other side is told in the words of WebSocket first.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input { self.sendClose(context, 1000) }
        context.close(mode: mode, promise: promise)
    }

    private func sendClose(_ context: ChannelHandlerContext, _ code: UInt16) {
        switch self.phase {
        case .idle, .handshake: return
        case .open, .closed: break
        }
        guard !self.hasSentClose else { return }
        self.hasSentClose = true
        var payload = ByteBuffer()
        payload.writeInteger(code)
        self.write(context, .close, payload, promise: nil)
        context.flush()
    }

    private func fail(_ context: ChannelHandlerContext, _ error: TransportError, _ code: UInt16?) {
        switch self.phase {
        case .closed: return
        // There are no frames yet in which this could be said.
        case .idle, .handshake: self.hasSentClose = true
        case .open: if let code { self.sendClose(context, code) }
        }
        self.timer?.cancel()
        self.phase = .closed
        context.fireErrorCaught(error)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is ReleaseBuffers else { return context.triggerUserOutboundEvent(event, promise: promise) }
        self.received = ByteBuffer()
        self.frame = ByteBuffer()
        promise?.succeed()
    }
}

/// Asks the handlers of a connection to let go of room that only a burst needed.
struct ReleaseBuffers: Sendable {}
