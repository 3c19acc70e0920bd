/// SIGNATURE_FINALIZED: the final signatures, which prove themselves.
public struct SignatureFinalized: WireMessage {
    /// 32 bytes.
    public var sessionID: [UInt8]
    /// 64 bytes each, one for each message to be signed.
    public var signatures: [[UInt8]]

    /// Makes the message.
    public init(sessionID: [UInt8], signatures: [[UInt8]]) {
        self.sessionID = sessionID
        self.signatures = signatures
    }

    /// `SignatureFinalized`.
    public static let messageName = "SignatureFinalized"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(sessionID: [], signatures: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: sessionID = try reader.bytes(field, "session_id", exactly: WireSize.sessionID)
            case 2:
                try reader.append(
                    field, "signatures", to: &signatures, exactly: WireSize.signature,
                    count: limits.signersTimesMessages)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, sessionID)
        writer.repeatedBytes(2, signatures)
    }

    /// Refuses a wrong session id, none, too many, and signatures of another length than 64 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "session_id", sessionID, WireSize.sessionID)
        try WireCheck.count(Self.messageName, "signatures", signatures.count, in: 1...limits.signersTimesMessages)
        try WireCheck.lengths(Self.messageName, "signatures", signatures, WireSize.signature)
    }
}

/// SYNC: what the sender still wants from this peer.
public struct Sync: WireMessage {
    /// The entries of one column that are wanted.
    public struct Wanted: WireMessage {
        /// The column.
        public var type: MessageType
        /// The signers of the wanted messages, ascending; none for the final signatures, which have no signer.
        public var indices: [UInt32]

        /// Makes an entry.
        public init(_ type: MessageType, indices: [UInt32] = []) {
            self.type = type
            self.indices = indices
        }

        /// `Wanted`.
        public static let messageName = "Wanted"

        /// Reads all fields.
        public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
            var type: MessageType?
            self.init(.join)
            while let field = try reader.nextField() {
                switch field.number {
                case 1: type = try reader.enumeration(field, "type", as: MessageType.self)
                case 2: try reader.append(field, "indices", to: &indices, count: limits.signers)
                default: try reader.unknown(field)
                }
            }
            guard let type else { throw reader.error("type", .missing) }
            self.type = type
        }

        /// Writes all fields.
        public func write(to writer: inout ProtobufWriter) {
            writer.uint(1, type.rawValue)
            writer.packed(2, indices)
        }

        /// Refuses indices that are not ascending or out of range, and an entry that wants nothing.
        public func validate(_ limits: WireLimits) throws(WireError) {
            try WireCheck.indices(Self.messageName, "indices", indices, limits)
            if type == .signatureFinalized {
                if !indices.isEmpty {
                    throw WireError(Self.messageName, "indices", .conflict("the final signatures have no index"))
                }
            } else if indices.isEmpty {
                throw WireError(Self.messageName, "indices", .missing)
            }
        }
    }

    /// 32 bytes.
    public var sessionID: [UInt8]
    /// The sender's attempt, from 1.
    public var attempt: UInt32
    /// The sender's index: one peer may carry several signers.
    public var index: UInt32
    /// The sender's run, 1 to 2^63 − 1.
    public var run: UInt64
    /// Whether the sender holds the final signatures.
    public var isFinal: Bool
    /// What is wanted, by ascending type.
    public var wanted: [Wanted]
    /// The sender's leaves, 32 bytes each, when the contexts of an attempt differ: a signer that differs returns its nonces.
    public var leaves: [[UInt8]]

    /// Makes the message.
    public init(
        sessionID: [UInt8], attempt: UInt32, index: UInt32, run: UInt64, isFinal: Bool = false,
        wanted: [Wanted] = [], leaves: [[UInt8]] = []
    ) {
        self.sessionID = sessionID
        self.attempt = attempt
        self.index = index
        self.run = run
        self.isFinal = isFinal
        self.wanted = wanted
        self.leaves = leaves
    }

    /// `Sync`.
    public static let messageName = "Sync"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(sessionID: [], attempt: 0, index: 0, run: 0)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: sessionID = try reader.bytes(field, "session_id", exactly: WireSize.sessionID)
            case 2: attempt = try reader.uint32(field, "attempt")
            case 3: index = try reader.uint32(field, "index")
            case 4: run = try reader.uint64(field, "run")
            case 5: isFinal = try reader.bool(field, "final")
            case 6:
                try reader.append(
                    field, "wanted", to: &wanted, limits: limits, count: MessageType.allCases.count)
            case 7:
                try reader.append(field, "leaves", to: &leaves, exactly: WireSize.hash, count: limits.signers)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, sessionID)
        writer.uint(2, attempt)
        writer.uint(3, index)
        writer.uint(4, run)
        writer.bool(5, isFinal)
        for entry in wanted { writer.message(6, entry) }
        writer.repeatedBytes(7, leaves)
    }

    /// Refuses numbers out of range, and entries that are not by ascending type.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "session_id", sessionID, WireSize.sessionID)
        if attempt == 0 { throw WireError(Self.messageName, "attempt", .missing) }
        try WireCheck.index(Self.messageName, "index", index, limits)
        try WireCheck.run(Self.messageName, run)
        for entry in wanted { try entry.validate(limits) }
        try WireCheck.ascending(Self.messageName, "wanted", wanted.map(\.type.rawValue))
        try WireCheck.count(Self.messageName, "leaves", leaves.count, in: 0...limits.signers)
        try WireCheck.lengths(Self.messageName, "leaves", leaves, WireSize.hash)
    }
}

/// An error that a peer is told. The codes belong to the coordinator; this is their form.
public struct ErrorReply: WireMessage {
    /// 32 bytes.
    public var sessionID: [UInt8]
    /// A stable number, not 0.
    public var code: UInt32
    /// For people; at most 512 bytes. It is the sender's word, and may hold any characters.
    public var text: String

    /// Makes the message.
    public init(sessionID: [UInt8], code: UInt32, text: String = "") {
        self.sessionID = sessionID
        self.code = code
        self.text = text
    }

    /// `ErrorReply`.
    public static let messageName = "ErrorReply"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(sessionID: [], code: 0)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: sessionID = try reader.bytes(field, "session_id", exactly: WireSize.sessionID)
            case 2: code = try reader.uint32(field, "code")
            case 3: text = try reader.string(field, "text", limit: limits.textBytes)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, sessionID)
        writer.uint(2, code)
        writer.string(3, text)
    }

    /// Refuses a wrong session id, no code, and too long a text.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "session_id", sessionID, WireSize.sessionID)
        if code == 0 { throw WireError(Self.messageName, "code", .missing) }
        try WireCheck.text(Self.messageName, "text", text, limits)
    }
}
