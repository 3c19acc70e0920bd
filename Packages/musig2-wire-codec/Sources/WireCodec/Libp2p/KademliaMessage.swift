/// A request or an answer of libp2p's Kademlia (libp2p kad-dht specification).
public struct KademliaMessage: WireMessage {
    /// What is asked.
    public enum Kind: UInt32, Hashable, Sendable, CaseIterable {
        /// Store a record.
        case putValue = 0
        /// Ask for a record.
        case getValue = 1
        /// Say that one provides a key.
        case addProvider = 2
        /// Ask for the providers of a key.
        case getProviders = 3
        /// Ask for the peers closest to a key.
        case findNode = 4
        /// Obsolete, still answered by echo.
        case ping = 5
    }

    /// A peer in an answer.
    public struct Peer: Hashable, Sendable {
        /// The peer id, a multihash.
        public var id: [UInt8]
        /// Binary multiaddrs.
        public var addresses: [[UInt8]]
        /// Whether the sender is connected to it: 0 no, 1 yes, 2 could, 3 could not.
        public var connection: UInt32

        /// Makes a peer.
        public init(id: [UInt8], addresses: [[UInt8]], connection: UInt32 = 0) {
            self.id = id
            self.addresses = addresses
            self.connection = connection
        }
    }

    /// A stored value.
    public struct Record: Hashable, Sendable {
        /// The key.
        public var key: [UInt8]
        /// The value.
        public var value: [UInt8]
        /// When the receiver stored it (RFC 3339); empty when sent.
        public var timeReceived: String

        /// Makes a record.
        public init(key: [UInt8], value: [UInt8], timeReceived: String = "") {
            self.key = key
            self.value = value
            self.timeReceived = timeReceived
        }
    }

    /// What is asked.
    public var kind: Kind
    /// The key that is meant.
    public var key: [UInt8]
    /// The record, if any.
    public var record: Record?
    /// Peers closer to the key.
    public var closerPeers: [Peer]
    /// Peers that provide the key.
    public var providerPeers: [Peer]

    /// Makes a message.
    public init(
        kind: Kind, key: [UInt8] = [], record: Record? = nil, closerPeers: [Peer] = [], providerPeers: [Peer] = []
    ) {
        self.kind = kind
        self.key = key
        self.record = record
        self.closerPeers = closerPeers
        self.providerPeers = providerPeers
    }

    /// `Message`.
    public static let messageName = "Message"
    /// Tolerant.
    public static let mode = ProtobufReader.Mode.tolerant
    /// ``WireLimits/kademliaMessageBytes``.
    public static func maximumBytes(_ limits: WireLimits) -> Int { limits.kademliaMessageBytes }

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(kind: .putValue)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: kind = try reader.enumeration(field, "type", as: Kind.self)
            case 2: key = try reader.bytes(field, "key", limit: limits.kademliaMessageBytes)
            case 3: record = try Self.record(&reader, field, limits)
            case 8: try Self.peer(&reader, field, "closerPeers", &closerPeers, limits)
            case 9: try Self.peer(&reader, field, "providerPeers", &providerPeers, limits)
            default: try reader.unknown(field)
            }
        }
    }

    private static func record(
        _ reader: inout ProtobufReader, _ field: ProtobufReader.Field, _ limits: WireLimits
    ) throws(WireError) -> Record {
        var part = try reader.submessage(field, "record", message: "Record")
        var record = Record(key: [], value: [])
        while let field = try part.nextField() {
            switch field.number {
            case 1: record.key = try part.bytes(field, "key", limit: limits.kademliaMessageBytes)
            case 2: record.value = try part.bytes(field, "value", limit: limits.kademliaMessageBytes)
            case 5: record.timeReceived = try part.string(field, "timeReceived", limit: limits.textBytes)
            default: try part.unknown(field)
            }
        }
        return record
    }

    private static func peer(
        _ reader: inout ProtobufReader, _ field: ProtobufReader.Field, _ name: String, _ peers: inout [Peer],
        _ limits: WireLimits
    ) throws(WireError) {
        // Others name as many providers as they know. A peer that fills their lists must not make the whole answer worthless.
        guard peers.count < limits.kademliaPeers else { return try reader.unknown(field) }
        var part = try reader.submessage(field, name, message: "Peer")
        var peer = Peer(id: [], addresses: [])
        while let field = try part.nextField() {
            switch field.number {
            case 1: peer.id = try part.bytes(field, "id", limit: limits.kademliaMessageBytes)
            case 2 where peer.addresses.count < limits.kademliaPeers:
                try part.append(
                    field, "addrs", to: &peer.addresses, limit: limits.kademliaMessageBytes,
                    count: limits.kademliaPeers)
            case 3: peer.connection = try part.uint32(field, "connection")
            default: try part.unknown(field)
            }
        }
        peers.append(peer)
    }

    /// Writes all fields; the kind always, as others do.
    public func write(to writer: inout ProtobufWriter) {
        writer.requiredUInt(1, UInt64(kind.rawValue))
        writer.bytes(2, key)
        if let record {
            writer.message(3) {
                $0.bytes(1, record.key)
                $0.bytes(2, record.value)
                $0.string(5, record.timeReceived)
            }
        }
        for (number, peers) in [(8 as UInt32, closerPeers), (9, providerPeers)] {
            for peer in peers {
                writer.message(number) {
                    $0.bytes(1, peer.id)
                    $0.repeatedBytes(2, peer.addresses)
                    $0.uint(3, peer.connection)
                }
            }
        }
    }
}
