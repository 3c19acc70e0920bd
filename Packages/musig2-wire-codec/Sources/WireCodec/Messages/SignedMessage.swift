/// What a signer says in one message; its encoded bytes are signed, tag `musig2-p2p/message`.
public struct MessageBody: WireMessage {
    /// 32 bytes.
    public var sessionID: [UInt8]
    /// The attempt, from 1, or 0 for a type that belongs to none. How high it may be depends on the time, which the
    /// form does not know.
    public var attempt: UInt32
    /// The sender's index.
    public var index: UInt32
    /// The sender's run, 1 to 2^63 − 1.
    public var run: UInt64
    /// What the payload is.
    public var type: MessageType
    /// The encoded payload; ``Payload/init(decoding:type:limits:)`` reads it.
    public var payload: [UInt8]

    /// Makes a body of a payload.
    public init(sessionID: [UInt8], attempt: UInt32, index: UInt32, run: UInt64, payload: Payload) {
        self.init(
            sessionID: sessionID, attempt: attempt, index: index, run: run, type: payload.type,
            payload: payload.encoded())
    }

    /// Makes a body of an encoded payload.
    public init(
        sessionID: [UInt8], attempt: UInt32, index: UInt32, run: UInt64, type: MessageType, payload: [UInt8]
    ) {
        self.sessionID = sessionID
        self.attempt = attempt
        self.index = index
        self.run = run
        self.type = type
        self.payload = payload
    }

    /// `Body`.
    public static let messageName = "Body"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        var type: MessageType?
        self.init(sessionID: [], attempt: 0, index: 0, run: 0, type: .join, payload: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: sessionID = try reader.bytes(field, "session_id", exactly: WireSize.sessionID)
            case 2: attempt = try reader.uint32(field, "attempt")
            case 3: index = try reader.uint32(field, "index")
            case 4: run = try reader.uint64(field, "run")
            case 5: type = try reader.enumeration(field, "type", as: MessageType.self)
            case 6: payload = try reader.bytes(field, "payload", limit: limits.frameBytes)
            default: try reader.unknown(field)
            }
        }
        guard let type else { throw reader.error("type", .missing) }
        self.type = type
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, sessionID)
        writer.uint(2, attempt)
        writer.uint(3, index)
        writer.uint(4, run)
        writer.uint(5, type.rawValue)
        writer.bytes(6, payload)
    }

    /// Refuses numbers out of range, and an attempt that does not go with the type.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "session_id", sessionID, WireSize.sessionID)
        guard type.isSigned else { throw WireError(Self.messageName, "type", .outOfRange(UInt64(type.rawValue))) }
        if type.belongsToAttempt {
            if attempt == 0 { throw WireError(Self.messageName, "attempt", .missing) }
        } else if attempt != 0 {
            throw WireError(Self.messageName, "attempt", .outOfRange(UInt64(attempt)))
        }
        try WireCheck.index(Self.messageName, "index", index, limits)
        try WireCheck.run(Self.messageName, run)
    }
}

/// A body with its sender's signature, which is not checked here.
public struct SignedMessage: WireMessage {
    /// The body's bytes, as received: the signature covers these.
    public let bodyBytes: [UInt8]
    /// 64 bytes.
    public let signature: [UInt8]
    /// The body.
    public let body: MessageBody

    /// Signs a body.
    /// - Parameters:
    ///   - body: what is said.
    ///   - sign: makes the 64-byte signature of the encoded body.
    /// - Throws: what `sign` throws.
    public init<Failure: Error>(
        _ body: MessageBody, sign: (_ bodyBytes: [UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        self.bodyBytes = body.encoded()
        signature = try sign(bodyBytes)
        self.body = body
    }

    /// Takes a body that its signer made, without decoding it again.
    /// - Parameters:
    ///   - body: the body.
    ///   - bodyBytes: its encoding; another one makes a message that receivers refuse.
    ///   - signature: 64 bytes.
    public init(body: MessageBody, bodyBytes: [UInt8], signature: [UInt8]) {
        self.bodyBytes = bodyBytes
        self.signature = signature
        self.body = body
    }

    /// Decodes a body that came with a signature.
    /// - Throws: ``WireError`` for a body or a signature that no message can have.
    public init(
        bodyBytes: [UInt8], signature: [UInt8], limits: WireLimits = .standard
    ) throws(WireError) {
        self.init(
            body: try MessageBody(decoding: bodyBytes, limits: limits), bodyBytes: bodyBytes, signature: signature)
        try validate(limits)
    }

    /// `SignedMessage`.
    public static let messageName = "SignedMessage"

    /// Reads all fields, the body's too.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        var bodyBytes: [UInt8] = []
        var signature: [UInt8] = []
        while let field = try reader.nextField() {
            switch field.number {
            case 1: bodyBytes = try reader.bytes(field, "body", limit: limits.frameBytes)
            case 2: signature = try reader.bytes(field, "signature", exactly: WireSize.signature)
            default: try reader.unknown(field)
            }
        }
        if bodyBytes.isEmpty { throw reader.error("body", .missing) }
        self.bodyBytes = bodyBytes
        body = try MessageBody(decoding: bodyBytes, limits: limits)
        self.signature = signature
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, bodyBytes)
        writer.bytes(2, signature)
    }

    /// Refuses a signature of another length than 64 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "signature", signature, WireSize.signature)
    }
}
