/// How many connections a node keeps.
struct ConnectionLimits {
    var total: Int
    var perPeer: Int
    /// From one /24 or /48.
    var perNetwork: Int
    /// Above so many, idle ones are closed.
    var trimAbove: Int
    /// Down to so many.
    var trimTo: Int
    /// How long a connection is spared.
    var grace: Duration
    /// How long an inbound stream keeps a connection in use before its first frame, and a peer that asked since.
    var firstFrame: Duration
    /// How long it does so after its last frame.
    var silence: Duration
    /// Two connections to one peer that begin within this time were dialled at once by both sides.
    var simultaneous: Duration
    /// How often connections may come from one network.
    var inboundRate: RateLimit

    init(_ configuration: PeerNode.Configuration) {
        total = configuration.maximumConnections
        perPeer = configuration.maximumConnectionsPerPeer
        perNetwork = configuration.maximumConnectionsPerNetwork
        trimAbove = configuration.trimConnectionsAbove
        // Never more than there may be: a program that lowers one of the two may have forgotten the other.
        trimTo = max(0, min(configuration.trimConnectionsTo, configuration.trimConnectionsAbove))
        grace = configuration.connectionGrace
        firstFrame = configuration.firstUse
        silence = configuration.streamSilence
        simultaneous = configuration.simultaneousDialWindow
        inboundRate = configuration.inboundConnectionRate
    }

    /// How many there may be, protected peers included: these are let in when all places are taken and nobody can go.
    var totalWithProtected: Int { total + total / 4 }

    /// How many of all may be inbound: the rest is kept for dials of this node, so that nobody can shut it in by coming in
    /// numbers.
    var inbound: Int { max(1, total - total / 4) }
}
