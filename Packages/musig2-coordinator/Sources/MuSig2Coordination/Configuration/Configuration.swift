extension MuSig2Coordinator {
    /// Every limit, timeout and default of a coordinator, in one place.
    ///
    /// The defaults are those of the protocol (`docs/protocol.md`, "Limits"). What no application would set is not public. ``validate()`` is called by the coordinator when it is
    /// made; a value that cannot work is an error that names the field, not a surprise later.
    public struct Configuration: Sendable, Hashable {
        /// How much of everything a node takes.
        public var limits: Limits

        /// How long things may take.
        public var timeouts: Timeouts

        /// What one peer or one signer key may cost before it is slowed down or shut out.
        public var abuse: AbuseLimits

        /// How publishing and looking up through a discovery is tried.
        public var discovery: DiscoverySettings

        /// Whether the coordinator starts each round by itself as soon as it can.
        public var startsRoundsAutomatically: Bool

        /// Whether each partial signature is verified when it arrives. Otherwise they are verified only when the final signature
        /// fails, which is cheaper and names the same culprits.
        public var verifiesEveryPartial: Bool

        /// Makes a configuration with the protocol's defaults.
        ///
        /// - Parameters:
        ///   - limits: How much of everything a node takes.
        ///   - timeouts: How long things may take.
        ///   - abuse: What one peer or one signer key may cost.
        ///   - discovery: How publishing and looking up is tried.
        ///   - startsRoundsAutomatically: Whether rounds start by themselves.
        ///   - verifiesEveryPartial: Whether each partial signature is verified when it arrives.
        public init(
            limits: Limits = Limits(),
            timeouts: Timeouts = Timeouts(),
            abuse: AbuseLimits = AbuseLimits(),
            discovery: DiscoverySettings = DiscoverySettings(),
            startsRoundsAutomatically: Bool = true,
            verifiesEveryPartial: Bool = false
        ) {
            self.limits = limits
            self.timeouts = timeouts
            self.abuse = abuse
            self.discovery = discovery
            self.startsRoundsAutomatically = startsRoundsAutomatically
            self.verifiesEveryPartial = verifiesEveryPartial
        }
    }
}

extension MuSig2Coordinator.Configuration {
    /// How much of everything a node takes.
    public struct Limits: Sendable, Hashable {
        /// The largest frame in bytes, inflated too. 1 MiB.
        public var frameBytes: Int = 1 << 20
        /// The largest descriptor in bytes. 256 KiB.
        public var descriptorBytes: Int = 256 << 10
        /// The most bytes of all messages of a descriptor together. 192 KiB.
        public var messageBytes: Int = 192 << 10
        /// The most signers of a session. 1,000.
        public var signers: Int = 1_000
        /// The most signers of a session in mesh topology. 32.
        public var meshSigners: Int = 32
        /// The most contributions of a round: signers times messages. 8,192.
        var signersTimesMessages: Int = 8_192
        /// The most unfinished sessions of this node. 1,000.
        public var sessions: Int = 1_000
        /// The most unfinished sessions of one creator other than this node's own signer. 20.
        public var sessionsPerCreator: Int = 20
        /// The most bytes of session state of this node. 64 MiB.
        public var sessionStateBytes: Int = 64 << 20
        /// How many finished sessions are kept in memory to answer signers that come back. 1,000.
        public var finishedSessions: Int = 1_000
        /// How many peers the node remembers that are not connected and are in no session: for their scores and bans. 4,096.
        var rememberedPeers: Int = 4_096
        /// The most dials in a minute that one session causes, not counting peers that once were bound. 32.
        var sessionDialsPerMinute: Int = 32
        /// The most dials in a minute of this node, not counting peers that once were bound. 256, of which sessions leave 32 to lookups.
        var dialsPerMinute: Int = 256
        /// How often a peer that showed no JOIN is dialled in back-off; after that seldom. 3.
        var earlyDials: Int = 3
        /// The most addresses of one dial; where a peer has more, the next dial takes others. 32.
        var addressesPerDial: Int = 32
        /// How many announcements of one session are taken in a minute; what comes sooner waits. 6.
        var announcementsPerMinute: Int = 6
        /// How many sessions one peer may ask for, in one connection, before anything else is expected of it. 64.
        var hellosPerPeer: Int = 64
        /// The most keys and records that this node publishes for all its sessions. One session takes one key a day for rendezvous, and
        /// one for each other signer for inboxes. 4,096.
        public var publications: Int = 4_096
        /// The most sessions that one provider shows in an inbox, or that this node takes from one. 64.
        public var inboxSessions: Int = 64
        /// The most sessions that were looked at and not joined. 1,280: what as many providers as are asked may show in an inbox.
        var previews: Int = 1_280
        /// The most bytes of their descriptors. 32 MiB.
        var previewBytes: Int = 32 << 20
        /// How many attempts of a session may end early, each within half of its time, before this node aborts it for want of progress.
        /// An attempt that took its time does not count. 32.
        var attemptsWithoutProgress: Int = 32
        /// How many events a reader may fall behind before it loses the oldest. 1,024.
        public var bufferedEvents: Int = 1_024

        /// Makes limits with the protocol's defaults.
        public init() {}
    }

    /// How long things may take.
    public struct Timeouts: Sendable, Hashable {
        /// How long one provider may take to connect and to show the session. 10 s.
        public var hello: Duration = .seconds(10)
        /// How long a finished session, or a coordinator that shuts down, waits for the others to say that they are done. 10 s.
        public var linger: Duration = .seconds(10)
        /// How long a process dials the peers that may know a session which this node declined, while none has taken the DECLINE. A peer
        /// that comes is told until the session expires. 1 h.
        var telling: Duration = .seconds(3_600)
        /// After how long it is told that a signer which is waited for is not there; again after twice that, and so on up to 5 min. 5 s.
        public var absence: Duration = .seconds(5)
        /// How often finished, expired and stuck sessions are swept; nil turns the sweep off. 60 s.
        public var sweep: Duration? = .seconds(60)
        /// After how long without a valid message, while anything but a JOIN is wanted, a session counts as stuck. 10 min.
        public var stuck: Duration = .seconds(600)
        /// How long to wait before a peer of an open session is dialled again after a failure; doubles each time. 1 s.
        var redial: Duration = .seconds(1)
        /// The longest wait between two dials. 60 s.
        var redialCeiling: Duration = .seconds(60)
        /// The wait between two dials of a peer that showed no JOIN, after the first few. 10 min.
        var laterRedial: Duration = .seconds(600)
        /// How long to wait before a failed write to the store is tried again. 1 s.
        var storeRetry: Duration = .seconds(1)

        /// Makes timeouts with the protocol's defaults.
        public init() {}
    }

    /// What one peer or one signer key may cost. A bucket holds up to its burst and refills at its rate.
    public struct AbuseLimits: Sendable, Hashable {
        /// The messages and frames of one peer, or of one signer key.
        public var messages = BucketSize(perSecond: 20_000, burst: 40_000)
        /// The bytes of one peer.
        public var bytes = BucketSize(perSecond: 16_777_216, burst: 67_108_864)
        /// The work that one peer, or one signer key, may cause, in signature checks; 4 points to parse, or 8 KiB to decode or inflate,
        /// count as one. Each session that the peer's signer takes part in adds what its part costs: the rate is for what is beyond that.
        public var signatureChecks = BucketSize(perSecond: 200, burst: 4_096)
        /// The work that a peer may cause that is in no session with this node and was not asked. When that is used up it is hung up on.
        public var strangerWork = BucketSize(perSecond: 10, burst: 256)
        /// The hellos of one peer: each costs two hashes, and its third step a signature check.
        var hellos = BucketSize(perSecond: 1_000, burst: 2_000)
        /// The answers with an error code that one peer gets.
        var errorReplies = BucketSize(perSecond: 1, burst: 10)
        /// The score at which a peer is banned. A forged message counts 20, a malformed frame 10, a broken rule 5.
        var banScore: Double = 100
        /// After how long a score is halved. 60 s.
        var scoreHalfLife: Duration = .seconds(60)
        /// How long the first ban lasts; each further one doubles. 60 s.
        var firstBan: Duration = .seconds(60)
        /// The longest ban. 1 h.
        var longestBan: Duration = .seconds(3_600)

        /// Makes limits with the defaults.
        public init() {}
    }

    /// The size of a token bucket.
    public struct BucketSize: Sendable, Hashable {
        /// How many tokens come back in a second.
        public var perSecond: Double
        /// How many tokens there are at most.
        public var burst: Double

        /// Makes a size.
        ///
        /// - Parameters:
        ///   - perSecond: How many tokens come back in a second.
        ///   - burst: How many tokens there are at most.
        public init(perSecond: Double, burst: Double) {
            self.perSecond = perSecond
            self.burst = burst
        }
    }

    /// How publishing and looking up through a discovery is tried.
    public struct DiscoverySettings: Sendable, Hashable {
        /// How often a failed publish or look-up is tried again. 3.
        public var retries: Int = 3
        /// How long to wait before the first retry; doubles each time. 2 s.
        var retryDelay: Duration = .seconds(2)
        /// How long to wait before a publish that failed so often is tried again. 10 min.
        var laterRetry: Duration = .seconds(600)
        /// The most providers that are asked in one look. 20.
        var providers: Int = 20
        /// The most providers that one look-up may name. Where they are more than may be asked, some are chosen by chance, so that a peer that
        /// fills the list keeps nobody apart for ever. 64.
        var hints: Int = 64
        /// How long one look-up may take: 5 s for a DHT's query, and what the DHT takes to get ready. 15 s.
        public var lookupTimeout: Duration = .seconds(15)
        /// How long one publish may take. 60 s.
        public var publishTimeout: Duration = .seconds(60)
        /// How many publishes are under way at one time. 8.
        var publicationsAtOnce: Int = 8
        /// How often a session that hears of no other signer looks for the others. 5 min.
        var reunion: Duration = .seconds(300)

        /// Makes settings with the defaults.
        public init() {}
    }
}
