public import KademliaDHT
public import Multiformats
public import PeerTransport

extension NodeDHT {
    /// How a node takes part in a distributed hash table (libp2p kad-dht specification).
    ///
    /// ```swift
    /// var configuration = NodeDHT.Configuration(mode: .server, prefix: "/my-network", bootstrap: [address])
    /// let dht = try node.startDHT(configuration)
    /// ```
    public struct Configuration: Sendable {
        /// What a node is to the others.
        public enum Mode: String, Sendable, Hashable, CaseIterable {
            /// It takes no part.
            case off
            /// It asks and answers nobody: for nodes that others cannot reach.
            case client
            /// It asks, answers, and stores for others.
            case server
        }

        /// The prefix of the public network, `/ipfs`.
        public static let publicPrefix = "/ipfs"

        /// The prefix of the network that nodes of the public one form inside one building, `/ipfs/lan`.
        public static let localPrefix = "/ipfs/lan"

        /// What the node is to the others.
        public var mode: Mode

        /// What the network is called: nodes find each other only under the same prefix. It begins with a slash and does not
        /// end with one.
        public var prefix: String

        /// Where to begin. A peer that is named by a `/p2p/` end is trusted: it stays in the routing table. Of an address
        /// without that end any peer that answers is asked, and is a peer like any other.
        public var bootstrap: [Multiaddr]

        /// Which addresses the network uses; others are neither stored, nor dialled, nor told. Nil: public ones under
        /// ``publicPrefix``, private ones under ``localPrefix``, and all under a prefix of one's own.
        public var addresses: AddressFilter?

        /// The rules of values, by namespace: `pk` for keys that begin with `/pk/`. Values of other namespaces are neither
        /// stored nor returned.
        public var rules: [String: any ValueRules] = [:]

        /// The figures of the Kademlia machine. Its mode, bootstrap peers and address policy are those of this configuration. A
        /// server without bootstrap peers is the first node of a network and ready alone, unless more than one server is asked
        /// for here.
        public var kademlia: Kademlia.Configuration

        /// The most servers that the node remembers from an earlier life (``PeerNode/Configuration/peerStorePersistence``) and
        /// connects to at the start, beside the bootstrap peers. They are peers like any other.
        package var rememberedServers = 16

        /// How long an operation waits for the node to become ready before it fails.
        public var readyTimeout: Duration = .seconds(10)

        /// The most bytes held of answers that are not complete, of which the first 64 KiB of each do not count; above it longer ones are
        /// given up. Each has at most 4 MiB.
        package var maximumAnswerBytes = 33_554_432

        /// The most requests to other nodes at once; more wait.
        package var maximumRequests = 64

        /// The most requests to one peer at once, each on a stream of its own.
        package var maximumRequestsPerPeer = 4

        /// The most requests that wait for others to end; above it new ones fail.
        package var maximumWaitingRequests = 4_096

        /// The most streams that are kept for further requests, to all peers together.
        package var maximumIdleStreams = 128

        /// The most streams that are kept for further requests to one peer.
        package var maximumIdleStreamsPerPeer = 2

        /// How long a stream is kept for further requests. Others end idle streams after a minute.
        package var idleStreamTimeout: Duration = .seconds(30)

        /// How long a peer may take to answer the question that follows a message which has no answer itself. It counts as told
        /// when the answer comes, when the stream ends in order, or when this time is over.
        package var settleTimeout: Duration = .seconds(2)

        /// The most peers that ask this node and have an allowance of requests that it remembers; above it streams of others are reset.
        /// It should be above the most connections.
        package var maximumInboundPeers = 4_096

        /// The most streams on which one peer may ask this node at once; above it new ones are reset.
        package var maximumInboundStreamsPerPeer = 64

        /// The most bytes of requests that are not complete, of one peer on all its streams; above it a stream is reset. The
        /// largest request has 65,539 bytes, with its length.
        package var maximumPendingRequestBytesPerPeer = 131_072

        /// The most bytes of requests that are not complete, of all peers together; above it streams that would hold more are
        /// reset. A request that comes in one piece holds nothing.
        package var maximumPendingRequestBytes = 33_554_432

        /// How many requests of one peer are answered per second in the long run; above it each waits for its turn, and what comes
        /// behind it waits with the stream, which holds no more than its window.
        package var inboundRequestsPerSecond = 200

        /// How many requests of one peer are answered at once after it has made none for a while.
        package var inboundRequestBurst = 1_000

        /// How many requests of all peers of one network (/24 of IPv4, /32 of IPv6) together are answered per second in the long run:
        /// the owner of one identity has many. Above it each waits for its turn. This machine and local networks are free of it.
        package var inboundRequestsPerSecondPerNetwork = 800

        /// How many requests of all peers of one network together are answered at once after they have made none for a while.
        package var inboundRequestBurstPerNetwork = 4_000

        /// How long a request may have to wait for its turn; above it the stream is reset. One stream waits for one request at a
        /// time, so that only peers with very many streams get there, or very many peers of one network. Others give a request up
        /// after 10 s, and take a reset for the end of a server.
        package var maximumRequestDelay: Duration = .seconds(5)

        /// Makes a configuration with the defaults.
        ///
        /// - Parameters:
        ///   - mode: What the node is to the others.
        ///   - prefix: What the network is called.
        ///   - bootstrap: Where to begin, best with `/p2p/` at the end.
        public init(
            mode: Mode = .client, prefix: String = NodeDHT.Configuration.publicPrefix, bootstrap: [Multiaddr] = []
        ) {
            self.mode = mode
            self.prefix = prefix
            self.bootstrap = bootstrap
            kademlia = Kademlia.Configuration()
            kademlia.lookupTimeout = .seconds(5)
        }

        /// The stream protocol of the network: the prefix and `/kad/1.0.0`.
        public var protocolID: ProtocolID { ProtocolID(prefix + "/kad/1.0.0") }

        /// Which addresses the network uses: ``addresses``, or what follows from the prefix.
        public var usedAddresses: AddressFilter {
            if let addresses { return addresses }
            switch prefix {
            case Self.publicPrefix: return .public
            case Self.localPrefix: return .private
            default: return .any
            }
        }
    }
}

extension NodeDHT.Configuration {
    /// Refuses what cannot work.
    func check() throws(TransportError) {
        guard prefix.utf8.first == UInt8(ascii: "/"), prefix.utf8.count > 1, prefix.utf8.last != UInt8(ascii: "/"),
            protocolID.isValid
        else {
            throw TransportError(
                .invalidArgument,
                "DHT prefix: expected text like /my-network, with no slash at the end, found \(prefix.debugDescription)"
            )
        }
        for (name, value) in [
            ("maximumAnswerBytes", maximumAnswerBytes), ("maximumRequests", maximumRequests),
            ("maximumRequestsPerPeer", maximumRequestsPerPeer),
            ("maximumInboundPeers", maximumInboundPeers),
            ("maximumInboundStreamsPerPeer", maximumInboundStreamsPerPeer),
            ("maximumPendingRequestBytesPerPeer", maximumPendingRequestBytesPerPeer),
            ("maximumPendingRequestBytes", maximumPendingRequestBytes),
            ("inboundRequestsPerSecond", inboundRequestsPerSecond), ("inboundRequestBurst", inboundRequestBurst),
            ("inboundRequestsPerSecondPerNetwork", inboundRequestsPerSecondPerNetwork),
            ("inboundRequestBurstPerNetwork", inboundRequestBurstPerNetwork),
        ] where value < 1 {
            throw TransportError(.invalidArgument, "DHT \(name): expected at least 1, found \(value)")
        }
        guard maximumRequestDelay >= .zero else {
            throw TransportError(
                .invalidArgument, "DHT maximumRequestDelay: expected no less than zero, found \(maximumRequestDelay)")
        }
    }

    /// The peers to begin with that have a name.
    var trustedPeers: [Kademlia.Contact] {
        var contacts: [Kademlia.Contact] = []
        for address in bootstrap {
            guard let peer = address.peerID, let place = address.withoutPeerID else { continue }
            if let index = contacts.firstIndex(where: { $0.peer == peer }) {
                contacts[index].addresses.append(place)
            } else {
                contacts.append(Kademlia.Contact(peer: peer, addresses: [place]))
            }
        }
        return contacts
    }

    /// The figures of the machine, with what stands here, for a node that may have so many connections.
    func machineConfiguration(_ local: PeerID, connections: Int) -> Kademlia.Configuration {
        var configuration = kademlia
        // Each connection may be to another peer: none is to be without its addresses.
        configuration.limits.connectedPeers = max(configuration.limits.connectedPeers, connections)
        configuration.mode = mode == .server ? .server : .client
        // The first node of a network has nobody to wait for.
        let isFirst = bootstrap.allSatisfy { $0.peerID == local }
        if mode == .server, isFirst, configuration.minimumReadyServers == 1 {
            configuration.minimumReadyServers = 0
        }
        configuration.bootstrapPeers = trustedPeers.filter { $0.peer != local }
        switch usedAddresses {
        case .any: configuration.addressPolicy = .any
        case .public: configuration.addressPolicy = .publicOnly
        case .private, .loopback: configuration.addressPolicy = .privateOnly
        }
        // Inside one machine or building all nodes are of one group.
        if usedAddresses != .public { configuration.exemptsPrivateGroups = true }
        return configuration
    }
}

/// The rules of a namespace, as the machine wants them.
struct MachineRules: RecordRules {
    let rules: any ValueRules

    func isValid(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> Bool {
        rules.isValid(value, at: key, wallMilliseconds: wallMilliseconds)
    }

    func validUntil(_ value: [UInt8], at key: [UInt8], wallMilliseconds: UInt64) -> UInt64? {
        rules.validUntil(value, at: key, wallMilliseconds: wallMilliseconds)
    }

    func work(of value: [UInt8], at key: [UInt8]) -> Duration { rules.work(of: value, at: key) }

    func isBetter(_ left: [UInt8], than right: [UInt8], at key: [UInt8]) -> Bool {
        rules.isBetter(left, than: right, at: key)
    }
}
