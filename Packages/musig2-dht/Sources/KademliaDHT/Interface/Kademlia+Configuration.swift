extension Kademlia {
    /// How a node behaves. The defaults are those of libp2p's networks (kad-dht specification and go-libp2p).
    public struct Configuration: Hashable, Sendable {
        /// Whether the node answers others at first; ``Input/setMode(_:)`` changes it.
        public var mode = Mode.client
        /// Trusted peers to begin with. They are asked when the routing table is empty, and once they are in it they stay.
        public var bootstrapPeers: [Contact] = []
        /// Whether the node bootstraps by itself: at the start, and when its routing table got empty.
        public var bootstrapsAutomatically = true
        /// Which addresses the network uses.
        public var addressPolicy = AddressPolicy.any
        /// Whether loopback and private addresses are free of the limits per network group; for networks inside one machine.
        public var exemptsPrivateGroups = false
        /// How many live servers the routing table needs before the node is ready. With 0 the first node of a network is
        /// ready alone.
        public var minimumReadyServers = 1

        /// k: the size of a bucket, of an answer, and how many servers keep a record.
        public var bucketSize = 20
        /// α: how many requests of a lookup are under way at once.
        package var concurrency = 10
        /// The same for the lookups that the node does for itself, which have no hurry: fewer requests find as much.
        package var backgroundConcurrency = 3
        /// β: a lookup ends when so many of the closest servers have answered.
        package var resiliency = 3
        /// d: lookups of values and providers take so many paths that share no peer, so that one liar does not lead all astray.
        package var disjointPaths = 3

        /// The longest a request may take. 10 s.
        public var requestTimeout: Duration = .seconds(10)
        /// After this time a lookup asks others beside a peer that has not answered yet. 2 s.
        package var slowAfter: Duration = .seconds(2)
        /// The longest a lookup may take. 60 s.
        public var lookupTimeout: Duration = .seconds(60)
        /// How often an operation is tried again when nobody answered.
        public var retries = 3
        /// The wait before the first retry; doubles each time. 2 s.
        public var retryDelay: Duration = .seconds(2)

        /// How often each bucket is refreshed. 10 min.
        package var refreshInterval: Duration = .seconds(600)
        /// After this time without an answer a server is asked whether it is still there. 30 min.
        package var livenessAge: Duration = .seconds(1_800)

        /// How long a provider record is kept. 48 h.
        public var providerLifetime: Duration = .seconds(48 * 3_600)
        /// How long the addresses of a provider are kept. 24 h.
        public var providerAddressLifetime: Duration = .seconds(24 * 3_600)
        /// How often this node's own provider records are renewed. 22 h.
        public var provideInterval: Duration = .seconds(22 * 3_600)
        /// How long a value is kept. 48 h.
        public var valueLifetime: Duration = .seconds(48 * 3_600)
        /// How often this node's own values are renewed. 24 h.
        public var putInterval: Duration = .seconds(24 * 3_600)
        /// How often expired records are removed. 1 h.
        package var cleanupInterval: Duration = .seconds(3_600)
        /// The wait after a change of this node's addresses before its provider records are renewed. 5 s.
        package var addressSettling: Duration = .seconds(5)

        /// What the node takes at most.
        public var limits = Limits()

        /// The defaults.
        public init() {}

        /// What comes again and again is at least a millisecond apart, so that no call goes on for ever.
        var sound: Configuration {
            var sound = self
            let least = Duration.milliseconds(1)
            for interval in [\Self.refreshInterval, \.cleanupInterval, \.retryDelay, \.provideInterval, \.putInterval] {
                sound[keyPath: interval] = max(least, self[keyPath: interval])
            }
            return sound
        }
    }

    /// What a node takes at most: everything that others can fill has a bound, and it is here.
    public struct Limits: Hashable, Sendable {
        /// The longest key of FIND_NODE, in bytes.
        public var keyBytes = 256
        /// The longest key of a provider record, in bytes.
        package var providerKeyBytes = 80
        /// The longest key of a value, in bytes.
        package var valueKeyBytes = 128
        /// The longest value, in bytes: a message of 64 KiB has room for it, its key twice, and some peers.
        public var valueBytes = 60 << 10
        /// The most addresses of one peer that are kept or told.
        public var addressesPerPeer = 8
        /// The longest binary address that is kept or told, in bytes.
        package var addressBytes = 128
        /// The longest answer, in bytes; peers are left out of an answer that would be longer.
        package var answerBytes = 60 << 10

        /// The most servers of one network group (/24 of IPv4, /48 of IPv6) in a bucket.
        package var serversPerGroupInBucket = 2
        /// The most servers of one network group in the routing table.
        package var serversPerGroup = 3
        /// The most servers of one network group that may answer on one path of a lookup, or are asked at once.
        package var askedPerGroup = 3
        /// The most servers of one /32 of IPv6 in a bucket: it has 65,536 times a /48, and may be one party's.
        package var serversPerAllocationInBucket = 3
        /// The most servers of one /32 of IPv6 in the routing table.
        package var serversPerAllocation = 6
        /// The most servers of one /32 of IPv6 that may answer on one path of a lookup, or are asked at once.
        package var askedPerAllocation = 4
        /// The most servers that wait for a place in a full bucket.
        package var replacementsPerBucket = 10
        /// The most peers that are vouched for, beside the bootstrap peers; later ones are not noted.
        package var vouchedPeers = 64
        /// The most connected peers of which addresses are remembered.
        public var connectedPeers = 1_024

        /// The most provider records of other peers.
        public var providerRecords = 32_768
        /// The most providers of one key.
        package var providersPerKey = 64
        /// The most providers in an answer.
        package var providersPerAnswer = 32
        /// The most provider records from one network: a /24 of IPv4, a /32 of IPv6, a host of a local network, or a peer
        /// of which it is not known where it is. Above it the member of that network with most gives way.
        package var providerRecordsPerSource = 4_096
        /// The most values of other peers.
        public var values = 4_096
        /// The most bytes that values and their keys may have together. A value counts for `valuesBytes / values` at least.
        public var valuesBytes = 16 << 20
        /// The most bytes of values from one network, as for provider records, counted likewise.
        package var valuesBytesPerSource = 2 << 20
        /// The most processor time that values from one network, whichever identities it has, may take to look at at once, as
        /// their rules say. Afterwards, a tenth of it in each second. A value that is known is not looked at again. 100 ms.
        package var checkWorkPerNetwork: Duration = .milliseconds(100)
        /// The same for all networks together, and for those that are free of limits per network. 1.6 s.
        package var checkWork: Duration = .milliseconds(1_600)
        /// The most values to store for others that are looked at, or wait for that, at once.
        public var checks = 16
        /// The most of them from one network.
        package var checksPerNetwork = 4
        /// The most requests that wait for one value to be looked at.
        package var askersPerCheck = 16
        /// The most different values that wait in one lookup to be looked at; what servers return above it counts as nothing.
        package var uncheckedValuesPerLookup = 32
        /// The most different values of one lookup of which it is remembered what they were found to be.
        package var judgedValuesPerLookup = 16
        /// The most networks of which the allowance is remembered.
        package var checkedNetworks = 1_024

        /// The most operations of the caller at once.
        package var operations = 256
        /// The most keys and values that this node publishes.
        package var publications = 4_096
        /// The most lookups at once that the node does for itself (refreshing, renewing).
        package var backgroundLookups = 3
        /// The most probes of peers at once.
        package var probes = 16
        /// The most peers that wait for a probe.
        package var waitingProbes = 256
        /// The most peers of one network group that wait for a probe.
        package var waitingProbesPerGroup = 8
        /// The most peers of one /32 of IPv6 that wait for a probe.
        package var waitingProbesPerAllocation = 16
        /// The most servers that one lookup asks. From each answer it takes k peers, which bounds what it remembers.
        package var requestsPerLookup = 128
        /// How many of the peers that one server named may fail before the rest of its naming is doubted.
        package var failuresPerReferrer = 3
        /// The most providers taken from one answer.
        package var providersTakenPerAnswer = 64
        /// The most providers that one lookup collects.
        package var providersPerLookup = 512
        /// The most providers without addresses that are looked up by name when a lookup of providers ends.
        package var providersResolved = 8

        /// The defaults.
        public init() {}
    }
}
