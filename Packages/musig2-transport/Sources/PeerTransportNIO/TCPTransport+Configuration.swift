extension TCPTransport {
    /// What can be set about a TCP transport. The defaults suit signers over the Internet.
    public struct Configuration: Sendable {
        /// How long each stage may take.
        public var timeouts = Timeouts()
        /// How much of everything there may be.
        public var limits = Limits()
        /// Whether the multiplexer is offered inside the Noise handshake, which spares a round trip where both sides do. Without,
        /// it is agreed on afterwards, as with peers that do not know of such offers.
        public var offersMuxerEarly = true
        /// How often it is looked whether the process slept, once for all connections of an event loop.
        var sleepCheck = Duration.seconds(3)
        /// The clocks by which it looks.
        var sleepMark: @Sendable () -> SleepMark = { .now }

        /// The defaults.
        public init() {}
    }

    /// How long each stage may take before it fails with `timedOut`, or the other side is taken for dead.
    public struct Timeouts: Sendable {
        /// Resolving a name.
        package var resolve: Duration = .seconds(10)
        /// The TCP connection itself, for each address tried.
        public var connect: Duration = .seconds(10)
        /// The WebSocket handshake.
        package var webSocket: Duration = .seconds(10)
        /// Agreeing on Noise.
        package var security: Duration = .seconds(10)
        /// The Noise handshake.
        public var handshake: Duration = .seconds(10)
        /// Agreeing on yamux.
        package var multiplexer: Duration = .seconds(10)
        /// Agreeing on the protocol of one stream.
        package var stream: Duration = .seconds(10)
        /// Time between two pings that keep a connection alive; each begins when the last was answered. Floods of frames that carry
        /// nothing are counted from one to the next, so it should be well below an hour.
        public var keepAliveInterval: Duration = .seconds(30)
        /// How long such a ping may go unanswered.
        public var keepAlive: Duration = .seconds(10)
        /// How long a ping may go unanswered that is sent because the process slept, for ten seconds or more: what broke meanwhile is
        /// noticed at waking, within three seconds more.
        package var waking: Duration = .seconds(5)
        /// How long closing waits for the other side to close too.
        package var close: Duration = .seconds(1)
        /// How long a stream that nobody holds may wait for the other side to close its half.
        package var linger: Duration = .seconds(30)
        /// How long nothing may move on a stream that a responder serves; it is reset after one to two times this.
        package var idleResponder: Duration = .seconds(60)
        /// How long answers of responders may wait while none of them moves, because the other side gives no window or the socket
        /// takes nothing, before the connection is closed.
        package var unreadAnswer: Duration = .seconds(10)

        /// The defaults.
        public init() {}
    }

    /// How often something may happen.
    public struct Rate: Sendable, Hashable, CustomStringConvertible {
        /// How often in a second, on average.
        public var perSecond: Int
        /// How often at once, after a while without.
        public var burst: Int

        /// Makes a rate.
        ///
        /// - Parameters:
        ///   - perSecond: How often in a second, on average.
        ///   - burst: How often at once, after a while without.
        public init(perSecond: Int, burst: Int) {
            self.perSecond = perSecond
            self.burst = burst
        }

        /// Such as `64 per second, 256 at once`.
        public var description: String { "\(perSecond) per second, \(burst) at once" }
    }

    /// How much of everything there may be.
    public struct Limits: Sendable {
        /// Inbound connections before the end of their handshake; when there are more, the oldest of the network (/24 of IPv4, /48 of
        /// IPv6) with most of them is closed.
        package var halfOpenConnections = 128
        /// Connections in total, either direction, half-open ones included.
        public var connections = 2048
        /// Inbound connections, half-open ones included: below the total, so that those that come in numbers cannot keep this
        /// side from dialling.
        public var inboundConnections = 1792
        /// New inbound connections of one network (/24 of IPv4, /48 of IPv6); more are closed at once.
        public var networkRate = Rate(perSecond: 64, burst: 256)
        /// New inbound connections in total, those above the rate of their network left out; more are closed at once. A
        /// handshake costs about a third of a millisecond of processor time.
        public var inboundRate = Rate(perSecond: 1000, burst: 2000)
        /// Inbound connections of one network (/24 of IPv4, /48 of IPv6) at a time. One address may have half of them; when all are
        /// taken, the address that has most gives one up for an address that has less.
        public var networkConnections = 256
        /// Where inbound connections come from that these three limits do not hold for: this machine, by default. Behind a proxy
        /// that all connections come through, it is the proxy's address.
        public var exemptRanges: [AddressRange] = [.loopbackIPv4, .loopbackIPv6]
        /// Connections with one peer.
        public var connectionsPerPeer = 8
        /// Inbound connections of one listener that nobody accepted yet.
        package var waitingConnections = 128
        /// Streams of one connection that the other side opened.
        public var inboundStreams = 256
        /// Streams of one connection that this side opened.
        package var outboundStreams = 256
        /// Bytes that one stream holds for sending before a writer waits.
        package var streamSendBuffer = 262_144
        /// Received bytes that one connection holds for all its readers; with more, the stream that holds most is reset. One
        /// stream alone never holds more than 16,777,216, the largest window, which only fast readers get.
        package var connectionReceiveBuffer = 33_554_432
        /// Bytes of memory that all connections together hold: received bytes for their readers, and answers of responders that
        /// the other sides have not taken. From half of it on a connection may hold no more than its share, which is a quarter of
        /// this divided by the number of connections that there may be, of received bytes, and as much or one answer of answers. From
        /// a quarter on no window grows.
        public var receiveBuffer = 536_870_912
        /// The same for the connections of one network (/24 of IPv4, /48 of IPv6), but those in ``exemptRanges``.
        public var networkReceiveBuffer = 67_108_864
        /// Bytes of answers (pings, resets) that may wait while the other side does not read; with more the connection closes.
        package var unsentAnswers = 65_536
        /// Bytes of memory that a responder's answers may take which wait with one stream: a request waits too when its answer might
        /// not fit. One answer may wait in any case.
        package var streamAnswers = 131_072
        /// Bytes of memory that responders' answers may take which wait with all streams of one connection, or for its socket;
        /// a request waits too when its answer might not fit. They count as held; see ``receiveBuffer``.
        package var connectionAnswers = 1_048_576
        /// The longest head of the HTTP message that begins a WebSocket, in bytes.
        package var webSocketHead = 8192
        /// The longest WebSocket frame received, in bytes of payload. It is read in pieces, whatever its length.
        package var webSocketFrame = 16_777_216
        /// The longest multistream message, in bytes.
        package var multistreamMessage = 1024
        /// Protocols that the other side may propose in one negotiation.
        package var multistreamProposals = 64

        /// The defaults.
        public init() {}
    }
}

extension TCPTransport.Configuration {
    /// Names the first value that makes no sense; nil when all do.
    var problem: String? {
        let numbers: [(String, Int, Int)] = [
            ("halfOpenConnections", limits.halfOpenConnections, 1),
            ("connections", limits.connections, 1),
            ("inboundConnections", limits.inboundConnections, 0),
            ("networkRate.perSecond", limits.networkRate.perSecond, 1),
            ("networkRate.burst", limits.networkRate.burst, 1),
            ("inboundRate.perSecond", limits.inboundRate.perSecond, 1),
            ("inboundRate.burst", limits.inboundRate.burst, 1),
            ("networkConnections", limits.networkConnections, 1),
            ("connectionsPerPeer", limits.connectionsPerPeer, 1),
            ("waitingConnections", limits.waitingConnections, 1),
            ("inboundStreams", limits.inboundStreams, 0),
            ("outboundStreams", limits.outboundStreams, 0),
            ("streamSendBuffer", limits.streamSendBuffer, 1),
            ("connectionReceiveBuffer", limits.connectionReceiveBuffer, 262_144),
            ("receiveBuffer", limits.receiveBuffer, limits.connectionReceiveBuffer),
            ("networkReceiveBuffer", limits.networkReceiveBuffer, 1),
            ("unsentAnswers", limits.unsentAnswers, 4096),
            ("streamAnswers", limits.streamAnswers, 0),
            ("connectionAnswers", limits.connectionAnswers, 0),
            ("webSocketHead", limits.webSocketHead, 512),
            ("webSocketFrame", limits.webSocketFrame, 65_537),
            ("multistreamMessage", limits.multistreamMessage, 64),
            ("multistreamProposals", limits.multistreamProposals, 1),
        ]
        for (name, value, minimum) in numbers where value < minimum {
            return "limits.\(name): expected at least \(minimum), found \(value)"
        }
        if limits.multistreamMessage > 16_383 {
            return "limits.multistreamMessage: expected at most 16383, found \(limits.multistreamMessage)"
        }
        let durations: [(String, Duration)] = [
            ("resolve", timeouts.resolve), ("connect", timeouts.connect),
            ("webSocket", timeouts.webSocket),
            ("security", timeouts.security), ("handshake", timeouts.handshake),
            ("multiplexer", timeouts.multiplexer), ("stream", timeouts.stream),
            ("keepAliveInterval", timeouts.keepAliveInterval), ("keepAlive", timeouts.keepAlive),
            ("waking", timeouts.waking), ("close", timeouts.close), ("linger", timeouts.linger),
            ("idleResponder", timeouts.idleResponder), ("unreadAnswer", timeouts.unreadAnswer),
        ]
        for (name, value) in durations where value <= .zero || value > .seconds(86_400) {
            return "timeouts.\(name): expected more than zero and at most a day, found \(value)"
        }
        return nil
    }
}
