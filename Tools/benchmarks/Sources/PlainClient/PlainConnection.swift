import Multiformats
import PeerNoise
import PeerProtocols
import WireCodec

/// A client that knows nothing of our node: one thread that blocks in its socket, so that what it measures is the node's
/// own time, the system's, and its own arithmetic.
///
/// It dials, opens one stream after the other, and resets what the other side opens. Its layers are the transport's pure
/// machines, of which nothing waits and nothing is shared with the node.
package final class PlainConnection {
    private final class Stream {
        var initiator: MultistreamInitiator?
        var received: [UInt8] = []
        var isEnded = false

        init(_ initiator: MultistreamInitiator) {
            self.initiator = initiator
        }
    }

    private let channel: PlainChannel
    private var session: YamuxSession
    private var streams: [UInt32: Stream] = [:]
    private var pongs: UInt32 = 0
    private var output: [UInt8] = []
    private let toleratesResets: Bool

    /// Dials, and returns when the other side has answered a ping of the multiplexer: both are then through with the
    /// handshakes.
    package init(
        to endpoint: PlainEndpoint, as identity: PlainIdentity, _ options: PlainOptions = PlainOptions()
    ) throws {
        self.channel = try PlainChannel(endpoint, options)
        self.toleratesResets = options.toleratesResets
        self.session = YamuxSession(role: .client, limits: YamuxLimits())
        try self.negotiate("/noise")
        if try !self.shakeHands(identity) { try self.negotiate(PlainIdentity.yamux) }
        try self.ping()
    }

    // MARK: Handshakes

    private func negotiate(_ protocolID: String) throws {
        var initiator = MultistreamInitiator(proposals: [protocolID], maximumLength: 1024)
        try self.channel.write(initiator.start())
        while true {
            var action = MultistreamInitiator.Action.waitForMore
            self.channel.take { bytes in
                var offset = 0
                action = initiator.receive(bytes, at: &offset)
                return offset
            }
            switch action {
            case .waitForMore: try self.channel.fill()
            case .agreed: return
            case .send, .failed: throw PlainError("\(protocolID) was refused: \(action)")
            }
        }
    }

    /// Noise; says whether the multiplexer is settled.
    private func shakeHands(_ identity: PlainIdentity) throws -> Bool {
        var handshake = NoiseHandshake(role: .initiator, staticKey: identity.staticKey, payload: identity.payload)
        guard case .send(let first) = handshake.start() else { throw PlainError("Noise does not begin") }
        try self.channel.write(NoiseMessageReader.frame(first))
        var reader = NoiseMessageReader()
        while true {
            var message: [UInt8]?
            self.channel.take { bytes in
                var offset = 0
                message = reader.next(bytes, at: &offset)
                return offset
            }
            guard let message else {
                try self.channel.fill()
                continue
            }
            guard case .check(let remote) = handshake.receive(message: message) else {
                throw PlainError("Noise: the second message is wrong")
            }
            let isOffered = try PlainIdentity.check(remote)
            let (last, keys) = try handshake.finish()
            try self.channel.write(NoiseMessageReader.frame(last))
            try self.channel.secure(NoiseSealer(key: keys.send), NoiseOpener(key: keys.receive))
            return isOffered && identity.muxer == .early
        }
    }

    // MARK: Streams

    /// One round of the multiplexer's own ping.
    package func ping() throws {
        let before = self.pongs
        self.put(self.session.pingFrame(before &+ 1))
        try self.flush()
        try self.wait { $0.pongs != before }
    }

    /// Opens a stream, sends the first bytes along with the proposal, and waits for as many bytes in return.
    package func open(_ protocolID: String, first: [UInt8] = []) throws -> UInt32 {
        guard case .opened(let id, let frame) = self.session.open() else { throw PlainError("no stream to be had") }
        let stream = Stream(MultistreamInitiator(proposals: [protocolID], maximumLength: 1024))
        self.streams[id] = stream
        self.put(frame)
        self.put(id, (stream.initiator?.start() ?? []) + first)
        try self.flush()
        try self.wait { _ in stream.initiator == nil }
        try self.expect(first, on: id)
        return id
    }

    /// Opens a stream and sends bytes along with the proposal, without waiting for anything.
    ///
    /// - Returns: The stream; nil when there may be no more of them now.
    package func start(_ protocolID: String, sending bytes: [UInt8]) throws -> UInt32? {
        guard case .opened(let id, let frame) = self.session.open() else { return nil }
        let stream = Stream(MultistreamInitiator(proposals: [protocolID], maximumLength: 1024))
        self.streams[id] = stream
        self.put(frame)
        self.put(id, (stream.initiator?.start() ?? []) + bytes)
        try self.flush()
        return id
    }

    /// Sends bytes without waiting for an answer.
    ///
    /// - Returns: Whether the stream was open, with window enough.
    package func send(_ bytes: [UInt8], on id: UInt32) throws -> Bool {
        guard self.streams[id] != nil, self.session.sendable(id) >= bytes.count else { return false }
        self.put(id, bytes)
        try self.flush()
        return true
    }

    /// Takes in what has come, without waiting, and throws it away.
    package func drain() throws {
        try self.receive(isWaiting: false)
        for stream in self.streams.values { stream.received.removeAll(keepingCapacity: true) }
    }

    /// Waits for a message that begins with its length, at least one byte of it; nil when the stream ends before it is whole.
    package func answer(on id: UInt32) throws -> [UInt8]? {
        guard let stream = self.streams[id] else { return nil }
        while true {
            var decoder = FrameDecoder(maximumLength: 1 << 20)
            if let frame = try decoder.feed(stream.received).first {
                stream.received.removeFirst(frame.count + UVarint.encodedLength(UInt64(frame.count)))
                return frame
            }
            guard !stream.isEnded else { return nil }
            try self.receive(isWaiting: true)
        }
    }

    /// Sends a message and waits until it has come back.
    package func echo(_ message: [UInt8], on id: UInt32) throws {
        self.put(id, message)
        try self.flush()
        try self.expect(message, on: id)
    }

    /// Closes this half of a stream; with `isWaiting`, waits for the other half.
    package func finish(_ id: UInt32, isWaiting: Bool) throws {
        if case .send(let frame) = self.session.closeWrite(id) { self.put(frame) }
        try self.flush()
        guard isWaiting, let stream = self.streams[id] else { return }
        try self.wait { _ in stream.isEnded }
    }

    /// Sends so many bytes as fast as the other side takes them, and waits until it has closed its half after them.
    package func pour(_ count: Int, into id: UInt32) throws {
        let payload = [UInt8](repeating: 7, count: 65_536)
        var left = count
        while left > 0 {
            let allowed = min(left, self.session.sendable(id))
            if allowed > 0, case .frame(let header) = self.session.send(id, upTo: allowed) {
                self.put(header)
                self.output += payload[..<Int(header.length)]
                left -= Int(header.length)
                // Two Noise messages at a time.
                if self.output.count < 65_536, left > 0, self.session.sendable(id) > 0 { continue }
                try self.flush()
                try self.receive(isWaiting: false)
            } else {
                try self.flush()
                try self.receive(isWaiting: true)
            }
        }
        try self.finish(id, isWaiting: true)
    }

    private func expect(_ message: [UInt8], on id: UInt32) throws {
        guard let stream = self.streams[id] else { throw PlainError("stream \(id) is gone") }
        try self.wait { _ in stream.received.count >= message.count || stream.isEnded }
        guard stream.received.starts(with: message) else { throw PlainError("the echo differs from what was sent") }
        stream.received.removeFirst(message.count)
    }

    // MARK: Frames

    private func put(_ header: YamuxHeader) {
        let (first, second) = header.words
        withUnsafeBytes(of: first.bigEndian) { self.output += $0 }
        withUnsafeBytes(of: second.bigEndian) { self.output += $0 }
    }

    /// A small message, for which there is always window.
    private func put(_ id: UInt32, _ bytes: [UInt8]) {
        guard !bytes.isEmpty, case .frame(let header) = self.session.send(id, upTo: bytes.count) else { return }
        self.put(header)
        self.output += bytes
    }

    private func flush() throws {
        guard !self.output.isEmpty else { return }
        try self.channel.write(self.output)
        self.output.removeAll(keepingCapacity: true)
    }

    private func wait(until isOver: (PlainConnection) -> Bool) throws {
        while !isOver(self) { try self.receive(isWaiting: true) }
    }

    private func receive(isWaiting: Bool) throws {
        try self.channel.fill(isWaiting: isWaiting)
        try self.channel.take { bytes in
            var offset = 0
            while try self.step(bytes, &offset) {}
            return offset
        }
        try self.flush()
    }

    /// Carries out one action of the session; false when all bytes are taken.
    private func step(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) throws -> Bool {
        switch self.session.receive(bytes, at: &offset) {
        case .needMore:
            return false
        case .opened(let id, _):
            // Such as the other side's identify, which a plain client does not answer.
            if case .send(let frame) = self.session.reset(id) { self.put(frame) }
        case .refused(_, let reply), .ping(let reply):
            self.put(reply)
        case .acknowledged, .windowGrew:
            break
        case .pong:
            self.pongs &+= 1
        case .data(let id, let range):
            try self.received(id, UnsafeRawBufferPointer(rebasing: bytes[range]))
        case .remoteClosed(let id), .finished(let id):
            self.streams.removeValue(forKey: id)?.isEnded = true
        case .reset(let id, _):
            self.streams.removeValue(forKey: id)?.isEnded = true
            guard self.toleratesResets else { throw PlainError("stream \(id) was reset by the other side") }
        case .goAway(let code):
            throw PlainError("the other side goes away with code \(code.rawValue)")
        case .streamViolation, .violation:
            throw PlainError("the other side breaks the rules of yamux")
        }
        return true
    }

    private func received(_ id: UInt32, _ bytes: UnsafeRawBufferPointer) throws {
        self.session.consumed(id, count: bytes.count)
        if case .send(let frame) = self.session.credit(id, isFast: false) { self.put(frame) }
        guard let stream = self.streams[id] else { return }
        var offset = 0
        while var initiator = stream.initiator {
            let action = initiator.receive(bytes, at: &offset)
            stream.initiator = initiator
            switch action {
            case .waitForMore: return
            case .agreed: stream.initiator = nil
            case .send, .failed: throw PlainError("the protocol of a stream was refused: \(action)")
            }
        }
        stream.received += bytes[offset...]
    }
}
