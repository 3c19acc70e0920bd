public import Multiformats
public import PeerTransport

extension PeerNode {
    /// The limits, timeouts and addresses of a ``PeerNode``.
    public struct Configuration: Sendable {
        /// Where ``PeerNode/run()`` listens.
        public var listenAddresses: [Multiaddr] = []

        /// The addresses that the node says it has, in the place of those it listens on: for hosts behind a forwarded port.
        public var announcedAddresses: [Multiaddr] = []

        /// The most connections, inbound and outbound. Above it dials are refused, but of protected peers, which find room in any case: a
        /// quarter more when there is nobody that can go. A quarter is kept for dials: of inbound
        /// ones three quarters are the most, and above it the oldest that no stream uses makes room for a new one; if there is
        /// none, the new one is closed.
        ///
        /// With that quarter it should be below the limit of the transport, which counts also those in the middle of a handshake.
        public var maximumConnections = 1536

        /// The most connections to one peer; two are normal for a moment when both sides dial. Above it the oldest is closed.
        package var maximumConnectionsPerPeer = 4

        /// The most connections with one network, which is a /24 of IPv4 or a /48 of IPv6. Above it inbound ones are refused,
        /// or the least valuable idle one of that network makes room. This machine's own addresses do not count.
        public var maximumConnectionsPerNetwork = 128

        /// How often connections may come from one network.
        public var inboundConnectionRate = RateLimit(burst: 128, perSecond: 16)

        /// Above so many connections, those that nothing uses are closed, the least valuable first; see
        /// ``PeerNode/tag(_:weight:for:)``.
        public var trimConnectionsAbove = 1024

        /// How many connections stay when some are closed because of ``trimConnectionsAbove``.
        public var trimConnectionsTo = 896

        /// How long a new connection is spared when too many are closed.
        package var connectionGrace: Duration = .seconds(20)

        /// How long an inbound stream counts as use of its connection before the first frame comes by it, when too many are connected.
        package var firstUse: Duration = .seconds(5)

        /// How long a stream counts as use of an inbound connection after the last frame, when too many are connected.
        package var streamSilence: Duration = .seconds(60)

        /// The most peers that may be dialled at the same time. Dials that nobody waits for (`respectsBackoff`) have
        /// three quarters at most, and give way to others when all places are taken.
        public var maximumDials = 128

        /// The most addresses that are tried for one peer.
        package var maximumAddressesPerDial = 16

        /// The most addresses of one peer that are tried at the same time.
        package var maximumParallelAttempts = 8

        /// Which addresses are dialled. A node on the Internet that lets strangers tell it where peers are should dial
        /// ``AddressFilter/public`` ones only, so that nobody can send it knocking at doors of its own network.
        public var dialFilter = AddressFilter.any

        /// How long an address at which a peer was not reached is left alone.
        package var dialBackoff = DialBackoffLimits()

        /// The most inbound streams of one connection that may be served at the same time. Above it new ones are reset.
        package var maximumInboundStreams = 256

        /// How long a dial may take, all addresses together.
        public var dialTimeout: Duration = .seconds(30)

        /// How long one address is tried alone before the next one is tried beside it.
        package var dialStagger: Duration = .milliseconds(250)

        /// How long opening a stream may take.
        package var streamTimeout: Duration = .seconds(10)

        /// Connections to one peer that begin within this time count as dialled at once by both sides: both sides keep the
        /// one that the smaller peer id dialled. Later, the newer one is kept.
        package var simultaneousDialWindow: Duration = .seconds(5)

        /// How long an unused connection that was replaced, or that nobody needs any more, stays open.
        package var linger: Duration = .seconds(2)

        /// The most ping streams that one peer may have open here; 0 answers no pings.
        package var maximumPingStreams = 4

        /// How the node tells its identity, and asks others.
        public var identify = PeerNode.IdentifyConfiguration()

        /// How much is remembered of peers, and for how long.
        package var peerStore = PeerStoreLimits()

        /// Where what is known of peers is kept; nil forgets it with the node.
        public var peerStorePersistence: (any PeerStorePersistence)?

        /// How long after a change known peers are saved; they are also saved at the shutdown.
        package var peerStoreSaveInterval: Duration = .seconds(30)

        /// How often a node that listens on all interfaces looks whether their addresses have changed.
        package var addressCheckInterval: Duration = .seconds(30)

        /// Where the time comes from.
        public var timeSource: TimeSource = .system

        /// Makes a configuration with the defaults.
        public init() {}
    }
}
