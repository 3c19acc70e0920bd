/// What a peer says about itself (libp2p identify specification). In a push, what is missing means unchanged.
public struct Identify: WireMessage {
    /// The peer's `PublicKey` message.
    public var publicKey: [UInt8]
    /// Where the peer listens, binary multiaddrs.
    public var listenAddresses: [[UInt8]]
    /// The protocols that the peer serves.
    public var protocols: [String]
    /// The receiver's address as the sender sees it, a binary multiaddr.
    public var observedAddress: [UInt8]
    /// The name of the network's family, as `ipfs/0.1.0`; often empty.
    public var protocolVersion: String
    /// The name of the program.
    public var agentVersion: String
    /// A ``SignedEnvelope`` with a ``PeerRecord``, or empty.
    public var signedPeerRecord: [UInt8]

    /// Makes a message.
    public init(
        publicKey: [UInt8] = [], listenAddresses: [[UInt8]] = [], protocols: [String] = [],
        observedAddress: [UInt8] = [], protocolVersion: String = "", agentVersion: String = "",
        signedPeerRecord: [UInt8] = []
    ) {
        self.publicKey = publicKey
        self.listenAddresses = listenAddresses
        self.protocols = protocols
        self.observedAddress = observedAddress
        self.protocolVersion = protocolVersion
        self.agentVersion = agentVersion
        self.signedPeerRecord = signedPeerRecord
    }

    /// Takes over what `other` says, as the parts of one message are merged: lists are joined, the rest is replaced.
    public mutating func merge(_ other: Identify) {
        if !other.publicKey.isEmpty { publicKey = other.publicKey }
        listenAddresses += other.listenAddresses
        protocols += other.protocols
        if !other.observedAddress.isEmpty { observedAddress = other.observedAddress }
        if !other.protocolVersion.isEmpty { protocolVersion = other.protocolVersion }
        if !other.agentVersion.isEmpty { agentVersion = other.agentVersion }
        if !other.signedPeerRecord.isEmpty { signedPeerRecord = other.signedPeerRecord }
    }

    /// `Identify`.
    public static let messageName = "Identify"
    /// Tolerant.
    public static let mode = ProtobufReader.Mode.tolerant
    /// ``WireLimits/identifyBytes``.
    public static func maximumBytes(_ limits: WireLimits) -> Int { limits.identifyBytes }

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init()
        let limit = limits.identifyBytes
        while let field = try reader.nextField() {
            switch field.number {
            case 1: publicKey = try reader.bytes(field, "publicKey", limit: limit)
            case 2:
                try reader.append(
                    field, "listenAddrs", to: &listenAddresses, limit: limit, count: limits.identifyEntries)
            case 3:
                try reader.append(field, "protocols", to: &protocols, limit: limit, count: limits.identifyEntries)
            case 4: observedAddress = try reader.bytes(field, "observedAddr", limit: limit)
            case 5: protocolVersion = try reader.string(field, "protocolVersion", limit: limit)
            case 6: agentVersion = try reader.string(field, "agentVersion", limit: limit)
            case 8: signedPeerRecord = try reader.bytes(field, "signedPeerRecord", limit: limit)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, publicKey)
        writer.repeatedBytes(2, listenAddresses)
        for name in protocols { writer.requiredString(3, name) }
        writer.bytes(4, observedAddress)
        writer.string(5, protocolVersion)
        writer.string(6, agentVersion)
        writer.bytes(8, signedPeerRecord)
    }
}
