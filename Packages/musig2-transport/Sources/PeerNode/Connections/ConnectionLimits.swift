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
    /// Two connections to one peer that begin within this time were dialled at once by both sides.
    var simultaneous: Duration
    /// How often connections may come from one network.
    var inboundRate: RateLimit

    init(_ configuration: PeerNodeConfiguration) {
        total = configuration.maximumConnections
        perPeer = configuration.maximumConnectionsPerPeer
        perNetwork = configuration.maximumConnectionsPerNetwork
        trimAbove = configuration.trimConnectionsAbove
        // Never more than there may be: whoever lowers one of the two may have forgotten the other.
        trimTo = max(0, min(configuration.trimConnectionsTo, configuration.trimConnectionsAbove))
        grace = configuration.connectionGrace
        simultaneous = configuration.simultaneousDialWindow
        inboundRate = configuration.inboundConnectionRate
    }

    /// How many of all may be inbound: the rest is kept for dials of this node, so that nobody can shut it in by coming in
    /// numbers.
    var inbound: Int { max(1, total - total / 4) }
}
