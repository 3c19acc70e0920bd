/// A signed envelope (libp2p RFC 0002): a payload with its signer's key.
public struct SignedEnvelope: WireMessage {
    /// The signer's `PublicKey` message.
    public var publicKey: [UInt8]
    /// What the payload is.
    public var payloadType: [UInt8]
    /// The payload.
    public var payload: [UInt8]
    /// The signature over ``signedBytes(domain:)``.
    public var signature: [UInt8]

    /// Makes an envelope.
    public init(publicKey: [UInt8], payloadType: [UInt8], payload: [UInt8], signature: [UInt8]) {
        self.publicKey = publicKey
        self.payloadType = payloadType
        self.payload = payload
        self.signature = signature
    }

    /// What the signature covers: domain, payload type and payload, each behind its varint length.
    public func signedBytes(domain: String) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(payload.count + payloadType.count + domain.utf8.count + 12)
        for part in [Array(domain.utf8), payloadType, payload] { FrameEncoder.append(part, to: &output) }
        return output
    }

    /// `Envelope`.
    public static let messageName = "Envelope"
    /// Tolerant.
    public static let mode = ProtobufReader.Mode.tolerant
    /// ``WireLimits/identifyBytes``.
    public static func maximumBytes(_ limits: WireLimits) -> Int { limits.identifyBytes }

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(publicKey: [], payloadType: [], payload: [], signature: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: publicKey = try reader.bytes(field, "public_key", limit: limits.identifyBytes)
            case 2: payloadType = try reader.bytes(field, "payload_type", limit: limits.identifyBytes)
            case 3: payload = try reader.bytes(field, "payload", limit: limits.identifyBytes)
            case 5: signature = try reader.bytes(field, "signature", limit: limits.identifyBytes)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, publicKey)
        writer.bytes(2, payloadType)
        writer.bytes(3, payload)
        writer.bytes(5, signature)
    }

    /// Refuses an envelope without key or signature.
    public func validate(_ limits: WireLimits) throws(WireError) {
        if publicKey.isEmpty { throw WireError(Self.messageName, "public_key", .missing) }
        if signature.isEmpty { throw WireError(Self.messageName, "signature", .missing) }
    }
}

/// A peer's own statement of its addresses (libp2p RFC 0003), the payload of a ``SignedEnvelope``.
public struct PeerRecord: WireMessage {
    /// The domain of the envelope's signature.
    public static let domain = "libp2p-peer-record"
    /// The payload type of the envelope.
    public static let payloadType: [UInt8] = [0x03, 0x01]

    /// The peer id, a multihash.
    public var peerID: [UInt8]
    /// Strictly rising from record to record.
    public var sequence: UInt64
    /// Binary multiaddrs.
    public var addresses: [[UInt8]]

    /// Makes a record.
    public init(peerID: [UInt8], sequence: UInt64, addresses: [[UInt8]]) {
        self.peerID = peerID
        self.sequence = sequence
        self.addresses = addresses
    }

    /// `PeerRecord`.
    public static let messageName = "PeerRecord"
    /// Tolerant.
    public static let mode = ProtobufReader.Mode.tolerant
    /// ``WireLimits/identifyBytes``.
    public static func maximumBytes(_ limits: WireLimits) -> Int { limits.identifyBytes }

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(peerID: [], sequence: 0, addresses: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: peerID = try reader.bytes(field, "peer_id", limit: limits.identifyBytes)
            case 2: sequence = try reader.uint64(field, "seq")
            case 3:
                var info = try reader.submessage(field, "addresses", message: "AddressInfo")
                guard addresses.count < limits.identifyEntries else {
                    throw reader.error("addresses", .tooMany(limit: limits.identifyEntries))
                }
                var address: [UInt8] = []
                while let part = try info.nextField() {
                    if part.number == 1 {
                        address = try info.bytes(part, "multiaddr", limit: limits.identifyBytes)
                    } else {
                        try info.unknown(part)
                    }
                }
                addresses.append(address)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, peerID)
        writer.uint(2, sequence)
        for address in addresses { writer.message(3) { $0.bytes(1, address) } }
    }

    /// Refuses a record without peer id.
    public func validate(_ limits: WireLimits) throws(WireError) {
        if peerID.isEmpty { throw WireError(Self.messageName, "peer_id", .missing) }
    }
}
