import NIOCore
import PeerProtocols
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
            isClient = true
            handshake = WebSocketHandshake(request, maximumHead: maximumHead)
        case .server:
            isClient = false
            handshake = WebSocketHandshake(maximumHead: maximumHead)
        }
        self.configuration = configuration
        reader = WebSocketFrameReader(
            expectsMask: !isClient, maximumFrame: configuration.limits.webSocketFrame)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        if case .handshake = phase {
            fail(
                context,
                TransportError(.connectionClosed, "the other side closed the connection in the WebSocket handshake"),
                nil)
        }
        phase = .closed
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        var offset = 0
        if case .handshake = phase {
            buffer.withUnsafeReadableBytes { shakeHands(context, $0, &offset) }
        }
        if case .open = phase { receive(context, buffer, offset) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { unsentPongs = 0 }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Handshake

    private func begin(_ context: ChannelHandlerContext) {
        guard case .idle = phase else { return }
        phase = .handshake(handshake)
        let limit = configuration.timeouts.webSocket
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) { [weak self] in
            self?.fail(
                context, TransportError(.timedOut, "the WebSocket handshake took longer than \(limit)"), nil)
        }
        let request = handshake.start()
        if !request.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil) }
    }

    private func shakeHands(
        _ context: ChannelHandlerContext, _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) {
        guard case .handshake(var handshake) = phase else { return }
        let action = handshake.receive(bytes, at: &offset)
        switch action {
        case .needMore:
            phase = .handshake(handshake)
        case .answer(let key):
            let response = WebSocketHandshake.response(accept: WebSocketKeys.accept(key: key))
            open(context, ByteBuffer(bytes: response))
        case .agreed:
            open(context, nil)
        case .fail(let error, let reply):
            if !reply.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: reply)), promise: nil) }
            fail(context, TransportError(.notAPeer, error.description), nil)
        }
    }

    private func open(_ context: ChannelHandlerContext, _ response: ByteBuffer?) {
        timer?.cancel()
        phase = .open
        // What the handler above says first goes out together with the response.
        if let response { context.write(wrapOutboundOut(response), promise: nil) }
        context.fireChannelActive()
        if response != nil { context.flush() }
    }

    // MARK: Reading

    private func receive(_ context: ChannelHandlerContext, _ buffer: ByteBuffer, _ start: Int) {
        var gathered = ByteBuffer()
        swap(&gathered, &received)
        gathered.clear()
        let (payload, pong, end) = read(buffer, from: start, gathering: &gathered)
        // Everything is taken note of: from here on the handler may be called back.
        if let payload {
            context.fireChannelRead(wrapInboundOut(payload))
        } else if gathered.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(gathered))
        }
        received = gathered
        if let pong { answer(context, pong) }
        carryOut(context, end)
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
                switch reader.receive(bytes, at: &offset) {
                case .needMore:
                    end = .continue
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
            return (payload, pong, end ?? .continue)
        }
    }

    private enum Action {
        case `continue`
        case close(UInt16?)
        case fail(WebSocketError)
    }

    private func carryOut(_ context: ChannelHandlerContext, _ action: Action) {
        guard case .open = phase else { return }
        switch action {
        case .continue:
            return
        case .close(let code):
            phase = .closed
            sendClose(context, code ?? 1000)
            guard let code, code != 1000 else { return context.close(promise: nil) }
            context.fireErrorCaught(
                TransportError(.connectionClosed, "the other side closed the WebSocket with code \(code)"))
        case .fail(let error):
            fail(context, TransportError(.protocolViolation, error.description), error.closeCode)
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
        guard !hasSentClose, case .open = phase else { return }
        if !context.channel.isWritable {
            unsentPongs += ping.count + WebSocketFrame.maximumHeader
            let limit = configuration.limits.unsentAnswers
            guard unsentPongs <= limit else {
                return fail(
                    context,
                    TransportError(
                        .limitExceeded,
                        "the other side does not read: expected at most \(limit) bytes of answers to wait"), nil)
            }
        }
        write(context, .pong, ByteBuffer(bytes: ping), promise: nil)
        context.flush()
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !hasSentClose else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        write(context, .binary, unwrapOutboundIn(data), promise: promise)
    }

    private func write(
        _ context: ChannelHandlerContext, _ kind: WebSocketFrame.Kind, _ payload: ByteBuffer,
        promise: EventLoopPromise<Void>?
    ) {
        let mask = isClient ? masks.next() : nil
        let header = WebSocketFrame(kind: kind, length: payload.readableBytes, mask: mask)
        frame.clear()
        frame.writeWithUnsafeMutableBytes(minimumWritableBytes: WebSocketFrame.maximumHeader) {
            header.write(to: $0)
        }
        guard mask != nil || payload.readableBytes <= Self.copyLimit else {
            context.write(wrapOutboundOut(frame), promise: nil)
            return context.write(wrapOutboundOut(payload), promise: promise)
        }
        payload.withUnsafeReadableBytes { Self.append($0, mask, to: &frame) }
        context.write(wrapOutboundOut(frame), promise: promise)
    }

    /// The handler above closes, or its half: the other side is told in the words of WebSocket first.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input { sendClose(context, 1000) }
        context.close(mode: mode, promise: promise)
    }

    private func sendClose(_ context: ChannelHandlerContext, _ code: UInt16) {
        switch phase {
        case .idle, .handshake: return
        case .open, .closed: break
        }
        guard !hasSentClose else { return }
        hasSentClose = true
        var payload = ByteBuffer()
        payload.writeInteger(code)
        write(context, .close, payload, promise: nil)
        context.flush()
    }

    private func fail(_ context: ChannelHandlerContext, _ error: TransportError, _ code: UInt16?) {
        switch phase {
        case .closed: return
        // There are no frames yet in which this could be said.
        case .idle, .handshake: hasSentClose = true
        case .open: if let code { sendClose(context, code) }
        }
        timer?.cancel()
        phase = .closed
        context.fireErrorCaught(error)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is ReleaseBuffers else { return context.triggerUserOutboundEvent(event, promise: promise) }
        received = ByteBuffer()
        frame = ByteBuffer()
        promise?.succeed()
    }
}

/// Asks the handlers of a connection to let go of room that only a burst needed.
struct ReleaseBuffers: Sendable {}
