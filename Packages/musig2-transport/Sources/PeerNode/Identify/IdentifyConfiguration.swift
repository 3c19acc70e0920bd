extension PeerNode {
    /// How a ``PeerNode`` tells its identity, and asks others (libp2p identify).
    public struct IdentifyConfiguration: Sendable {
        /// Whether the node asks peers and answers them. Most libp2p implementations wait for the answer before they use a
        /// connection.
        public var isEnabled = true

        /// The name of the program, told to every peer.
        public var agentVersion = "musig2-transport"

        /// The name of the network's family, told to every peer. Nobody decides anything by it.
        public var protocolVersion = ""

        /// How long a peer may take to answer.
        package var timeout: Duration = .seconds(10)

        /// How long a peer may take to read a push; until then there is no other one to it.
        package var pushTimeout: Duration = .seconds(2)

        /// The most pushes that are written at the same time. How long a peer takes to read one holds up no other peer.
        package var maximumPushes = 32

        /// How often a peer may push a change. Above it pushes are reset unread.
        package var pushRate = RateLimit(burst: 8, perSecond: 0.2)

        /// Makes a configuration with the defaults.
        public init() {}
    }
}
