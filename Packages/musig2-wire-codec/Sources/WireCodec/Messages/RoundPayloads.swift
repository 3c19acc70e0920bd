/// JOIN: the signer is on this peer.
public struct Join: WireMessage {
    /// The peer id, a multihash.
    public var peerID: [UInt8]
    /// Binary multiaddrs; at most 8 of at most 128 bytes.
    public var addresses: [[UInt8]]

    /// Makes the payload.
    public init(peerID: [UInt8], addresses: [[UInt8]] = []) {
        self.peerID = peerID
        self.addresses = addresses
    }

    /// `Join`.
    public static let messageName = "Join"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(peerID: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: peerID = try reader.bytes(field, "peer_id", limit: limits.peerIDBytes)
            case 2:
                try reader.append(
                    field, "addresses", to: &addresses, limit: limits.addressBytes, count: limits.addresses)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, peerID)
        writer.repeatedBytes(2, addresses)
    }

    /// Refuses a wrong peer id and wrong addresses.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.peer(Self.messageName, peerID, addresses, limits)
    }
}

/// NONCE_COMMIT: the hash of nonces that come later.
public struct NonceCommit: WireMessage {
    /// 32 bytes.
    public var leaf: [UInt8]

    /// Makes the payload.
    public init(leaf: [UInt8]) { self.leaf = leaf }

    /// `NonceCommit`.
    public static let messageName = "NonceCommit"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(leaf: [])
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            leaf = try reader.bytes(field, "leaf", exactly: WireSize.hash)
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) { writer.bytes(1, leaf) }

    /// Refuses a leaf of another length than 32 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "leaf", leaf, WireSize.hash)
    }
}

/// NONCE_COMMITS_COMPLETE: all commitments have been seen, and hash to this.
public struct NonceCommitsComplete: WireMessage {
    /// 32 bytes.
    public var transcript: [UInt8]

    /// Makes the payload.
    public init(transcript: [UInt8]) { self.transcript = transcript }

    /// `NonceCommitsComplete`.
    public static let messageName = "NonceCommitsComplete"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(transcript: [])
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            transcript = try reader.bytes(field, "transcript", exactly: WireSize.hash)
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) { writer.bytes(1, transcript) }

    /// Refuses a transcript of another length than 32 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "transcript", transcript, WireSize.hash)
    }
}

/// NONCE_SHARE: the signer's public nonces.
public struct NonceShare: WireMessage {
    /// 66 bytes each, one for each message to be signed.
    public var nonces: [[UInt8]]

    /// Makes the payload.
    public init(nonces: [[UInt8]]) { self.nonces = nonces }

    /// `NonceShare`.
    public static let messageName = "NonceShare"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(nonces: [])
        while let field = try reader.nextField() {
            guard field.number == 1 else {
                try reader.unknown(field)
                continue
            }
            try reader.append(
                field, "nonces", to: &nonces, exactly: WireSize.nonce, count: limits.signersTimesMessages)
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) { writer.repeatedBytes(1, nonces) }

    /// Refuses none, too many, and nonces of another length than 66 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.count(Self.messageName, "nonces", nonces.count, in: 1...limits.signersTimesMessages)
        try WireCheck.lengths(Self.messageName, "nonces", nonces, WireSize.nonce)
    }
}

/// NONCES_COMPLETE: the coordinator has all nonces, and this is their sum.
public struct NoncesComplete: WireMessage {
    /// 32 bytes each, one for each signer.
    public var leaves: [[UInt8]]
    /// 66 bytes each, one for each message to be signed.
    public var aggregateNonces: [[UInt8]]

    /// Makes the payload.
    public init(leaves: [[UInt8]], aggregateNonces: [[UInt8]]) {
        self.leaves = leaves
        self.aggregateNonces = aggregateNonces
    }

    /// `NoncesComplete`.
    public static let messageName = "NoncesComplete"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(leaves: [], aggregateNonces: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                try reader.append(field, "leaves", to: &leaves, exactly: WireSize.hash, count: limits.signers)
            case 2:
                try reader.append(
                    field, "aggregate_nonces", to: &aggregateNonces, exactly: WireSize.nonce,
                    count: limits.signersTimesMessages)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.repeatedBytes(1, leaves)
        writer.repeatedBytes(2, aggregateNonces)
    }

    /// Refuses empty lists, too many entries, and entries of a wrong length.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.count(Self.messageName, "leaves", leaves.count, in: 1...limits.signers)
        try WireCheck.lengths(Self.messageName, "leaves", leaves, WireSize.hash)
        try WireCheck.count(
            Self.messageName, "aggregate_nonces", aggregateNonces.count, in: 1...limits.signersTimesMessages)
        try WireCheck.lengths(Self.messageName, "aggregate_nonces", aggregateNonces, WireSize.nonce)
    }
}

/// PARTIAL_SIG_SHARE: the signer's partial signatures, and the context that they are for.
public struct PartialSigShare: WireMessage {
    /// 32 bytes.
    public var context: [UInt8]
    /// 32 bytes each, one for each message to be signed.
    public var partials: [[UInt8]]

    /// Makes the payload.
    public init(context: [UInt8], partials: [[UInt8]]) {
        self.context = context
        self.partials = partials
    }

    /// `PartialSigShare`.
    public static let messageName = "PartialSigShare"

    /// Reads all fields.
    public init(from reader: inout ProtobufReader, limits: WireLimits) throws(WireError) {
        self.init(context: [], partials: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: context = try reader.bytes(field, "context", exactly: WireSize.hash)
            case 2:
                try reader.append(
                    field, "partials", to: &partials, exactly: WireSize.partialSignature,
                    count: limits.signersTimesMessages)
            default: try reader.unknown(field)
            }
        }
    }

    /// Writes all fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.bytes(1, context)
        writer.repeatedBytes(2, partials)
    }

    /// Refuses a wrong context, none, too many, and partial signatures of another length than 32 bytes.
    public func validate(_ limits: WireLimits) throws(WireError) {
        try WireCheck.length(Self.messageName, "context", context, WireSize.hash)
        try WireCheck.count(Self.messageName, "partials", partials.count, in: 1...limits.signersTimesMessages)
        try WireCheck.lengths(Self.messageName, "partials", partials, WireSize.partialSignature)
    }
}
