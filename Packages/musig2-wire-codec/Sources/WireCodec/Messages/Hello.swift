/// HELLO, first step, joiner to provider: what the joiner looks for.
public struct Hello: WireMessage {
    /// 34 bytes, a SHA2-256 multihash: the rendezvous or inbox key under which the provider was found, or, by invitation, the
    /// rendezvous key of the session and the day.
    public var dhtKey: [UInt8]
    /// 32 random bytes.
    public var a: [UInt8]

    /// Makes the message.
    public init(dhtKey: [UInt8], a: [UInt8]) {
        self.dhtKey = dhtKey
        self.a = a
    }

    /// `Hello`.
    public static let messageName = "Hello"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(dhtKey: [], a: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: dhtKey = try reader.bytes(field, "dht_key", exactly: WireSize.dhtKey)
            case 2: a = try reader.bytes(field, "a", exactly: WireSize.hash)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, dhtKey)
        writer.bytes(2, a)
    }

    /// Refuses wrong lengths, and a key that is not a SHA2-256 multihash.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "dht_key", dhtKey, WireSize.dhtKey)
        guard dhtKey.starts(with: [0x12, 0x20]) else {
            throw WireError(Self.messageName, "dht_key", .conflict("expected a SHA2-256 multihash, 12 20 …"))
        }
        try WireCheck.length(Self.messageName, "a", a, WireSize.hash)
    }
}

/// HELLO, second step, provider to joiner: the provider knows the secret too.
public struct HelloProof: WireMessage {
    /// 32 bytes: those of the ``Hello`` that is answered; they name the exchange.
    public var a: [UInt8]
    /// 32 random bytes.
    public var b: [UInt8]
    /// 32 bytes: the hash, tag `musig2-p2p/hello-provider`, of secret, both peer ids, a and b.
    public var proof: [UInt8]

    /// Makes the message.
    public init(a: [UInt8], b: [UInt8], proof: [UInt8]) {
        self.a = a
        self.b = b
        self.proof = proof
    }

    /// `HelloProof`.
    public static let messageName = "HelloProof"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(a: [], b: [], proof: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: a = try reader.bytes(field, "a", exactly: WireSize.hash)
            case 2: b = try reader.bytes(field, "b", exactly: WireSize.hash)
            case 3: proof = try reader.bytes(field, "proof", exactly: WireSize.hash)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, a)
        writer.bytes(2, b)
        writer.bytes(3, proof)
    }

    /// Refuses wrong lengths.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "a", a, WireSize.hash)
        try WireCheck.length(Self.messageName, "b", b, WireSize.hash)
        try WireCheck.length(Self.messageName, "proof", proof, WireSize.hash)
    }
}

/// HELLO, third step, joiner to provider: the signer that the joiner is.
public struct HelloJoiner: WireMessage {
    /// 32 bytes: those of the ``Hello`` that began the exchange.
    public var a: [UInt8]
    /// 33 bytes.
    public var messageKey: [UInt8]
    /// 64 bytes, tag `musig2-p2p/hello-joiner`, over what the provider's proof hashed.
    public var signature: [UInt8]

    /// Makes the message.
    public init(a: [UInt8], messageKey: [UInt8], signature: [UInt8]) {
        self.a = a
        self.messageKey = messageKey
        self.signature = signature
    }

    /// `HelloJoiner`.
    public static let messageName = "HelloJoiner"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(a: [], messageKey: [], signature: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: a = try reader.bytes(field, "a", exactly: WireSize.hash)
            case 2: messageKey = try reader.bytes(field, "message_key", exactly: WireSize.publicKey)
            case 3: signature = try reader.bytes(field, "signature", exactly: WireSize.signature)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, a)
        writer.bytes(2, messageKey)
        writer.bytes(3, signature)
    }

    /// Refuses wrong lengths.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "a", a, WireSize.hash)
        try WireCheck.length(Self.messageName, "message_key", messageKey, WireSize.publicKey)
        try WireCheck.length(Self.messageName, "signature", signature, WireSize.signature)
    }
}

/// HELLO, last step, provider to joiner: the announcements that this key may see, or that the session is over.
public struct HelloAnnouncements: WireMessage {
    /// 32 bytes: those of the ``Hello`` that began the exchange.
    public var a: [UInt8]
    /// The announcements.
    public var announcements: [SignedAnnouncement]
    /// Whether the session that was asked for has ended.
    public var isOver: Bool

    /// Makes the message.
    public init(a: [UInt8], announcements: [SignedAnnouncement], isOver: Bool = false) {
        self.a = a
        self.announcements = announcements
        self.isOver = isOver
    }

    /// `HelloAnnouncements`.
    public static let messageName = "HelloAnnouncements"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(a: [], announcements: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: a = try reader.bytes(field, "a", exactly: WireSize.hash)
            case 2:
                try reader.append(
                    field, "announcements", to: &announcements, limits: limits, count: limits.helloAnnouncements)
            case 3: isOver = try reader.bool(field, "over")
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, a)
        for announcement in announcements { writer.message(2, announcement) }
        writer.bool(3, isOver)
    }

    /// Refuses too many announcements, and an answer that says nothing.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "a", a, WireSize.hash)
        try WireCheck.count(
            Self.messageName, "announcements", announcements.count, in: (isOver ? 0 : 1)...limits.helloAnnouncements)
        for announcement in announcements { try announcement.validate(limits) }
    }
}
